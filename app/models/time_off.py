"""When is somebody, or the whole company, not at work?"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base

#: Typed in by somebody here, or read from the technician's own calendar.
SOURCES = ("entered", "ical")


class Absence(Base):
    """Time that is not worked, once or again and again."""

    __tablename__ = "absence"
    __table_args__ = (
        CheckConstraint("from_at < until_at", name="time"),
        CheckConstraint("source IN ('entered', 'ical')", name="source"),
        Index("ix_absence_technician", "technician_id", "until_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    #: None: the whole company is closed.
    technician_id: Mapped[int | None] = mapped_column(ForeignKey("technician.id"))
    from_at: Mapped[datetime]
    until_at: Mapped[datetime]
    #: Whole local days, shown without times.
    all_day: Mapped[bool] = mapped_column(default=False)
    reason: Mapped[str] = mapped_column(default="")
    #: How it comes again: an RRULE of RFC 5545, read in local time; None: it does not.
    recurrence: Mapped[str | None]
    source: Mapped[str] = mapped_column(default="entered")
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    taken_back_at: Mapped[datetime | None]
    taken_back_by: Mapped[str | None]
