"""Which process ticks, and what has already run?"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base


class Lease(Base):
    """Who may tick, until when. The number goes up with every new holder, so that a sleeper who wakes is known."""

    __tablename__ = "lease"

    name: Mapped[str] = mapped_column(primary_key=True)
    holder: Mapped[str]
    number: Mapped[int]
    until_at: Mapped[datetime]
    #: The heartbeat: when the holder last showed that it is alive.
    seen_at: Mapped[datetime]


class Tick(Base):
    """Where the clock was when notices were last handed over; one row. It tells a clock that has jumped."""

    __tablename__ = "tick"
    __table_args__ = (CheckConstraint("id = 1", name="only_one"),)

    id: Mapped[int] = mapped_column(primary_key=True, default=1)
    ticked_at: Mapped[datetime]
    #: Until then hardly anything leaves unasked; None: the clock has not jumped, or a person has looked.
    careful_until_at: Mapped[datetime | None]


class JobRun(Base):
    """What runs once per slot of time has run in this slot."""

    __tablename__ = "job_run"

    job: Mapped[str] = mapped_column(primary_key=True)
    slot_at: Mapped[datetime] = mapped_column(primary_key=True)
    ran_at: Mapped[datetime]
