"""Which customer was asked to agree to another appointment, until when, and what did she answer?"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base
from app.models.visit import Visit
from app.rules.proposal import ANSWERS, KINDS

_OPEN = text("answer IS NULL")


class Proposal(Base):
    """One question to a customer about one visit; one at a time is open."""

    __tablename__ = "proposal"
    __table_args__ = (
        CheckConstraint(f"kind IN ({', '.join(repr(s) for s in KINDS)})", name="kind"),
        CheckConstraint(f"answer IS NULL OR answer IN ({', '.join(repr(s) for s in ANSWERS)})", name="answer"),
        CheckConstraint("from_at <= until_at", name="window"),
        CheckConstraint("(kind = 'move') = (from_at IS NOT NULL AND until_at IS NOT NULL)", name="asked"),
        Index("ix_proposal_visit", "visit_id"),
        Index("uq_proposal_open", "visit_id", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
        Index("ix_proposal_due", "expires_at", sqlite_where=_OPEN, postgresql_where=_OPEN),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    visit_id: Mapped[int] = mapped_column(ForeignKey("visit.id"))
    #: move: whether the proposed window suits her; reschedule: nobody can come, and she chooses.
    kind: Mapped[str] = mapped_column(default="move")
    made_at: Mapped[datetime]
    #: user:3
    made_by: Mapped[str]
    #: Why, as she reads it.
    reason: Mapped[str] = mapped_column(default="")
    #: The promise that she was asked to give up; once it is another one, the question is void.
    former_from_at: Mapped[datetime]
    former_until_at: Mapped[datetime]
    #: The window proposed.
    from_at: Mapped[datetime | None]
    until_at: Mapped[datetime | None]
    #: What changes once she agrees, one after another: visit, technician, planned_from.
    steps: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    #: Names the time that is kept free for her meanwhile.
    hold: Mapped[str | None]
    #: Until when an answer is waited for.
    expires_at: Mapped[datetime]
    #: One of rules.proposal.ANSWERS; None while she may answer.
    answer: Mapped[str | None]
    answered_at: Mapped[datetime | None]
    #: customer, system, or user:3
    answered_by: Mapped[str | None]

    visit: Mapped[Visit] = relationship()
