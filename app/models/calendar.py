"""Which calendar of a technician's own is read here, to know when there is no time?"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base
from app.models.technician import Technician


class CalendarSubscription(Base):
    """An address from which a technician's busy times are read again and again; they are kept as absences."""

    __tablename__ = "calendar_subscription"
    __table_args__ = (Index("ix_calendar_subscription_next", "next_at"),)

    technician_id: Mapped[int] = mapped_column(ForeignKey("technician.id"), primary_key=True)
    #: A secret: whoever has it reads the calendar.
    url: Mapped[str]
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    #: When it is read next; while it is being read, until when its reader owns it.
    next_at: Mapped[datetime]
    claim_token: Mapped[str | None]
    #: What the server said of the version that was read, and its hash: the same need not be read again.
    etag: Mapped[str | None]
    content_hash: Mapped[str | None]
    #: Until when the busy times were worked out.
    until_at: Mapped[datetime | None]
    read_at: Mapped[datetime | None]
    busy_count: Mapped[int] = mapped_column(default=0)
    failing_since_at: Mapped[datetime | None]
    #: Why it could not be read the last time, as a code.
    failure: Mapped[str | None]

    technician: Mapped[Technician] = relationship()
