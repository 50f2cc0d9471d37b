"""Of what is a customer reminded before a visit, and what became of it?"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base
from app.models.notice import Notice
from app.rules.messages import REMINDERS
from app.rules.reminder import STATES

_BOOKED = text("state = 'booked'")


class Reminder(Base):
    """One reminder, booked with the visit and taken back with it; when it is due, it becomes a notice."""

    __tablename__ = "reminder"
    __table_args__ = (
        CheckConstraint(f"kind IN ({', '.join(repr(kind) for kind in REMINDERS)})", name="kind"),
        CheckConstraint(f"state IN ({', '.join(repr(state) for state in STATES)})", name="state"),
        # Only what is due is read, however many reminders wait for next month.
        Index("ix_reminder_due", "due_at", sqlite_where=_BOOKED, postgresql_where=_BOOKED),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    visit_id: Mapped[int] = mapped_column(ForeignKey("visit.id"), index=True)
    kind: Mapped[str]
    #: The promise it was booked for.
    promised_from_at: Mapped[datetime]
    #: When it becomes a notice; None until the technician sets out (on_the_way).
    due_at: Mapped[datetime | None]
    #: booked → told (there is a notice), taken_back (moved, cancelled), or left_out with the reason
    state: Mapped[str] = mapped_column(default="booked")
    #: Why it is in that state: moved, cancelled, not_wanted, too_near, too_late, late_told, wants_nothing, …
    state_reason: Mapped[str | None]
    booked_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    notice_id: Mapped[int | None] = mapped_column(ForeignKey("notice.id"))

    notice: Mapped[Notice | None] = relationship()
