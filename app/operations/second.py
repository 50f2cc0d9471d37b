"""Who goes along? The second technician of a visit that two are needed for.

The second one's time is a visit of its own, `beside` the first: so the same constraint keeps both technicians from
being in two places, the board, the phone page and the engine know it without more ado, and each tells what the own
phone sees. It belongs to the first in everything else: it is moved, given to another and called off with it, in one
transaction; nobody promises, prices or tells anything by it, and the customer hears of the visit once.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.errors import Conflict, Invalid
from app.models import Technician, Visit
from app.rules.visit import AWAITED, OPEN

#: The columns that both share.
_SHARED = (
    *("customer_id", "site_id", "service_id", "promised_from_at", "promised_until_at"),
    *("planned_from_at", "planned_until_at", "duration_min"),
)


def check_two(first_id: int | None, second_id: int | None) -> None:
    """Raise Invalid when a second technician has nobody to go along with, or is the first."""
    if second_id is not None and first_id is None:
        raise Invalid.one("technician", "missing")
    if second_id is not None and first_id == second_id:
        raise Invalid.one("second_technician", "same_twice")


def check_enough(needed: int, technician_id: int | None, second_id: int | None, *, short_handed: bool) -> None:
    """Raise Conflict `needs_two` when one technician is to go alone where two are `needed`, and nobody insists."""
    if needed > 1 and technician_id is not None and second_id is None and not short_handed:
        raise Conflict("needs_two")


def check_first(visit: Visit) -> None:
    """Raise Conflict `beside` for a visit that only stands beside another: that one is changed, and this with it."""
    if visit.beside_id is not None:
        raise Conflict("beside", visit=visit.beside_id)


def beside(session: Session, visit: Visit) -> Visit | None:
    """Return what stands beside a visit: the second technician's time."""
    if visit.second_technician_id is None:
        return None
    return session.scalar(select(Visit).where(Visit.beside_id == visit.id, Visit.status != "cancelled"))


def other_of(session: Session, visit: Visit) -> Technician | None:
    """Return the other one of two who meet at the door, whoever of them the visit is."""
    if visit.beside_id is not None:
        first = session.get(Visit, visit.beside_id)
        return first.technician if first is not None else None
    return visit.second_technician


def among_two(session: Session, visit_ids: Collection[int]) -> frozenset[int]:
    """Return which of these visits are of two technicians: the first one's, and what stands beside it."""
    of_two = or_(Visit.second_technician_id.is_not(None), Visit.beside_id.is_not(None))
    return frozenset(session.scalars(select(Visit.id).where(Visit.id.in_(visit_ids), of_two)))


def made_beside(visit: Visit, technician_id: int, token: str, now: datetime, look_before: timedelta) -> Visit:
    """Return the second technician's time of a visit."""
    return Visit(
        **{name: getattr(visit, name) for name in _SHARED},
        beside_id=visit.id,
        technician_id=technician_id,
        link_token=token,
        note=visit.note,
        created_at=now,
        check_at=max(now, visit.planned_from_at - look_before),
    )


def follow(visit: Visit, own: Visit, technician_id: int, now: datetime, look_before: timedelta) -> bool:
    """Give the second technician's time what the first visit has now; return whether anything changed.

    Who is there already stays as is.
    """
    if own.status not in AWAITED:
        return False
    wanted = {name: getattr(visit, name) for name in _SHARED} | {"technician_id": technician_id}
    if all(getattr(own, name) == value for name, value in wanted.items()):
        return False
    if own.technician_id != technician_id:
        own.en_route_at = own.en_route_by = None
        own.status = "booked"
    for name, value in wanted.items():
        setattr(own, name, value)
    own.check_at = max(now, visit.planned_from_at - look_before)
    own.version += 1
    return True


def stand_down(own: Visit) -> bool:
    """Call the second technician off; return whether there was anything to call off."""
    if own.status not in OPEN:
        return False
    own.status, own.check_at = "cancelled", None
    own.version += 1
    return True
