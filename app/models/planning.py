"""Which day, or what is left of one, was to be planned anew, and what came out? Kept where every process sees it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base

STATES = ("waiting", "running", "done", "failed", "cancelled")
#: A whole day; or what becomes of one when somebody leaves, work overruns, or an urgent call comes.
KINDS = ("day", "leaves", "overruns", "urgent")


class Planning(Base):
    """One wish to plan anew; the jobs take it up, and nothing is booked before somebody says so."""

    __tablename__ = "planning"
    __table_args__ = (
        CheckConstraint(f"state IN ({', '.join(repr(s) for s in STATES)})", name="state"),
        CheckConstraint(f"kind IN ({', '.join(repr(s) for s in KINDS)})", name="kind"),
        Index("ix_planning_day", "on_day", "kind"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    on_day: Mapped[date]
    created_at: Mapped[datetime]
    #: user:3
    actor: Mapped[str]
    #: What was asked: seconds and pins of a day; who leaves when; whose work lasts until when; the call.
    wish: Mapped[dict[str, Any]] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(default="waiting")
    #: Why it failed, as a code: broken, too_long, lost.
    state_reason: Mapped[str | None]
    progress: Mapped[float] = mapped_column(default=0.0)
    #: How often it was begun; who works under an older number has lost it.
    runs: Mapped[int] = mapped_column(default=0)
    started_at: Mapped[datetime | None]
    #: When its process last showed that it is alive (real time).
    seen_at: Mapped[datetime | None]
    #: When it ended, by the company's clock: what came out is as old as that.
    finished_at: Mapped[datetime | None]
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    applied_at: Mapped[datetime | None]
    applied_by: Mapped[str | None]
    #: What was booked, so that it can be taken back.
    applied: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    taken_back_at: Mapped[datetime | None]

    @property
    def open(self) -> bool:
        """Whether it waits or runs."""
        return self.state in ("waiting", "running")
