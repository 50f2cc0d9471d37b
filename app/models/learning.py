"""What has been learned from the company's own days, and from which of them?"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base

KINDS = ("travel", "work", "window")


class Lesson(Base):
    """One learned distribution. All are replaced every night; the visits they were learned from are the evidence."""

    __tablename__ = "lesson"
    __table_args__ = (CheckConstraint(f"kind IN ({', '.join(repr(kind) for kind in KINDS)})", name="kind"),)

    #: travel: actual ÷ usual travel time; work: actual ÷ planned minutes; window: how windows are told.
    kind: Mapped[str] = mapped_column(primary_key=True)
    #: The group, narrower after each colon: "570:759:2456" an hour band and an area, "3:7" a service and a technician.
    key: Mapped[str] = mapped_column(primary_key=True)
    #: How many observations it rests on.
    n: Mapped[int]
    #: The ratios at rules.ratio.SHARES; of a window: shift, widening, the share that it claimed, the share that held.
    figures: Mapped[list[Any]] = mapped_column(JSON)


class Learning(Base):
    """When the lessons were learned, and from which visits; there is at most one row, with id 1."""

    __tablename__ = "learning"
    __table_args__ = (CheckConstraint("id = 1", name="only_one"),)

    id: Mapped[int] = mapped_column(primary_key=True, default=1)
    #: Up to when visits were looked at; what ended later comes in the next night.
    learned_at: Mapped[datetime | None]
    #: A digest of the lessons: who has them at hand already need not read them again.
    digest: Mapped[str] = mapped_column(default="")
    #: When somebody began anew: visits before this are not learned from. Taking that back empties it.
    anew_at: Mapped[datetime | None]
    anew_by: Mapped[str | None]
