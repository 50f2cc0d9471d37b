"""What does a customer like, and whom does she not want again? Read for whoever looks for a time or a technician."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from app.errors import Problem
from app.models import Customer, Technician
from app.operations.checks import tell_choice
from app.prepared import Prepared
from app.rules.liking import MOST_AVOIDED, NO_LIKING, TIMES, Liking

_CUSTOMER = Customer.__table__.c
_LIKES = Prepared(
    select(_CUSTOMER.likes_time, _CUSTOMER.likes_technician_id, _CUSTOMER.avoids).where(
        _CUSTOMER.id == bindparam("customer")
    )
)


def liking_of(session: Session, customer_id: int | None) -> Liking:
    """Return what a customer likes; nothing of one who is not known."""
    rows = _LIKES.rows(session.connection(), {"customer": customer_id}) if customer_id is not None else ()
    return next((Liking(time, who, frozenset(avoids or ())) for time, who, avoids in rows), NO_LIKING)


def fill_liking(
    session: Session, customer: Customer, time: str, technician_id: int | None, avoids: Collection[int]
) -> list[Problem]:
    """Write what a customer likes, checked; return what is wrong with it.

    Who has left the company may stand there: it says why somebody else comes.
    """
    problems: list[Problem] = []
    customer.likes_time, customer.likes_technician_id = time, technician_id
    customer.avoids = sorted(set(avoids))
    tell_choice(problems, "likes_time", time, ("", *TIMES))
    named = {*avoids} | ({technician_id} if technician_id is not None else set())
    known = set(session.scalars(select(Technician.id).where(Technician.id.in_(named)))) if named else set()
    if technician_id is not None and technician_id not in known:
        problems.append(Problem("likes_technician", "unknown"))
    if set(avoids) - known:
        problems.append(Problem("avoids", "unknown"))
    elif len(customer.avoids) > MOST_AVOIDED:
        problems.append(Problem("avoids", "too_many", {"most": MOST_AVOIDED}))
    elif technician_id in avoids:
        problems.append(Problem("avoids", "liked_and_avoided"))
    return problems
