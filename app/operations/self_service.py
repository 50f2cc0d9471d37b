"""What can the customer do by herself, at this moment, on the page of her visit?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.operations.customer_view import visit_of_link
from app.operations.self_move import may_move


@dataclass(frozen=True, slots=True)
class Doable:
    """What the page offers."""

    move: bool


def doable(session: Session, token: str, now: datetime) -> Doable:
    """Return what the holder of a link can do now. Raises NotFound for an unknown or ended link."""
    visit = visit_of_link(session, token, now)
    return Doable(move=may_move(session, visit, now))
