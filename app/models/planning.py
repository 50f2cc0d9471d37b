"""Which day, or what is left of one, was to be planned anew, and what came out? Kept where every process sees it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.kept_run import STATES, KeptRun

#: A whole day; or what becomes of one when somebody leaves, work overruns, or an urgent call comes.
KINDS = ("day", "leaves", "overruns", "urgent")


class Planning(KeptRun, Base):
    """One wish to plan anew; the jobs take it up, and nothing is booked before somebody says so."""

    __tablename__ = "planning"
    __table_args__ = (
        CheckConstraint(f"state IN ({', '.join(repr(s) for s in STATES)})", name="state"),
        CheckConstraint(f"kind IN ({', '.join(repr(s) for s in KINDS)})", name="kind"),
        Index("ix_planning_day", "on_day", "kind"),
    )

    kind: Mapped[str]
    on_day: Mapped[date]
    #: What was asked: seconds and pins of a day; who leaves when; whose work lasts until when; the call. It ends by the
    #: company's clock: what came out is as old as that.
    wish: Mapped[dict[str, Any]] = mapped_column(JSON)
    applied_at: Mapped[datetime | None]
    applied_by: Mapped[str | None]
    #: What was booked, so that it can be taken back.
    applied: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    taken_back_at: Mapped[datetime | None]
