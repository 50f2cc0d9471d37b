"""Take a question to a customer back when her visit is changed otherwise, and let the time go that was kept for her."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, delete, or_, select
from sqlalchemy.orm import Session

from app.models import Hold, Proposal
from app.prepared import Prepared

_ASKED = Proposal.__table__.c
#: Every change of an appointment asks it.
_PENDING = Prepared(
    select(_ASKED.id).where(
        _ASKED.visit_id == bindparam("visit"), or_(_ASKED.answer.is_(None), _ASKED.hold.is_not(None))
    )
)


def withdraw(session: Session, visit_id: int, now: datetime, actor: str) -> None:
    """Take back what a customer was asked about a visit and has not answered, and free the time kept for her."""
    for (proposal_id,) in _PENDING.rows(session.connection(), {"visit": visit_id}):
        proposal = session.get_one(Proposal, proposal_id, with_for_update={"of": Proposal}, populate_existing=True)
        free(session, proposal)
        if proposal.answer is None:
            settle(proposal, "withdrawn", now, actor)


def settle(proposal: Proposal, answer: str, now: datetime, by: str) -> None:
    """Note what became of a question."""
    proposal.answer, proposal.answered_at, proposal.answered_by = answer, now, by


def free(session: Session, proposal: Proposal) -> None:
    """Let the time go that was kept for a question."""
    if proposal.hold is not None:
        session.execute(delete(Hold).where(Hold.token == proposal.hold))
        proposal.hold = None
