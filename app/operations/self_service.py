"""What can the customer do by herself, at this moment, on the page of her visit?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.operations.addition import Added, added_behind
from app.operations.called_off import Owed
from app.operations.customer_view import visit_of_link
from app.operations.self_cancel import agreed_fee, may_call_off
from app.operations.self_times import may_move


@dataclass(frozen=True, slots=True)
class Doable:
    """What the page offers, what she has added already, and the fee she agreed to when she called the visit off."""

    move: bool
    cancel: bool
    add: bool
    added: Added
    owed: Owed | None


def doable(session: Session, token: str, now: datetime) -> Doable:
    """Return what the holder of a link can do now. Raises NotFound for an unknown or ended link."""
    visit = visit_of_link(session, token, now)
    return Doable(
        move=may_move(session, visit, now),
        cancel=may_call_off(session, visit, now),
        add=visit.is_open,
        added=added_behind(session, token, now),
        owed=agreed_fee(session, visit),
    )
