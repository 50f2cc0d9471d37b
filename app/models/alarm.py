"""What must a person do something about?"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base
from app.models.technician import Technician
from app.models.visit import Visit

_RAISED = text("cleared_at IS NULL")


class Alarm(Base):
    """One line of the attention list: it names what to do, and goes away when that is done."""

    __tablename__ = "alarm"
    __table_args__ = (
        Index("ix_alarm_subject", "subject", "kind"),
        Index("uq_alarm_raised", "subject", "kind", unique=True, sqlite_where=_RAISED, postgresql_where=_RAISED),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    #: silent_near_promise, notice_held, call_customer, call_me, cannot_be_there, rule_failed, …
    kind: Mapped[str]
    #: What it is about, e.g. visit:42; one alarm of a kind stands for one subject at a time.
    subject: Mapped[str]
    visit_id: Mapped[int | None] = mapped_column(ForeignKey("visit.id"), index=True)
    technician_id: Mapped[int | None] = mapped_column(ForeignKey("technician.id"))
    facts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    raised_at: Mapped[datetime]
    cleared_at: Mapped[datetime | None]
    #: user:3, or system when its cause has gone
    cleared_by: Mapped[str | None]

    visit: Mapped[Visit | None] = relationship()
    technician: Mapped[Technician | None] = relationship()
