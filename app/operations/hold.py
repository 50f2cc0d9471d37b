"""Keep a time free for a customer who is still thinking; it becomes free again by itself."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.errors import Invalid, Problem
from app.models import Hold, Visit
from app.operations.plan import Around, refused, taken_around
from app.operations.second import check_two
from app.operations.turn import lock_technicians
from app.rules.booking import LONGEST_VISIT_MIN, Clash, Taken, first_free_start

#: So long a time is kept free: a customer asks her family, or calls back.
HELD_FOR = timedelta(minutes=10)
#: Holds that are over say nothing to anybody.
_FORGOTTEN = timedelta(days=1)


def hold_time(
    session: Session,
    *,
    technician_id: int,
    starts_at: datetime,
    duration_min: int,
    lat: float | None,
    lon: float | None,
    now: datetime,
    actor: str,
    moving: int = 0,
    second_technician_id: int | None = None,
    until_at: datetime | None = None,
    giving_way: Collection[int] = (),
) -> Hold:
    """Keep a technician's time free for ten minutes (or until an instant), for work of `duration_min` at a place; and
    that of a second one who goes along, both or neither. What is returned is the first one's; one token names both.

    The place of a visit that is `moving` there does not stand in its own way, nor do those that are `giving_way`.
    Raises Invalid naming the fields, Conflict `overlap`, `unreachable` or `held` when it cannot be had.
    """
    problems = []
    if starts_at < now:
        problems.append(Problem("starts_at", "in_the_past"))
    if not 1 <= duration_min <= LONGEST_VISIT_MIN:
        problems.append(Problem("duration_min", "range", {"least": 1, "most": LONGEST_VISIT_MIN}))
    if problems:
        raise Invalid(problems)
    check_two(technician_id, second_technician_id)
    people = [technician_id] if second_technician_id is None else [technician_id, second_technician_id]
    lock_technicians(session, *people)  # both at once, in the order in which everybody locks
    away = {
        moving,
        *giving_way,
        *(session.scalars(select(Visit.id).where(Visit.beside_id == moving)) if moving else ()),
    }
    taken: list[Taken] = []
    for one in people:
        taken += taken_around(session, one, Around(starts_at, starts_at, duration_min, now, moving), lock=True)
    # A time that is held is number 0, and stands in the way whatever is moved.
    taken = [one for one in taken if one.visit_id == 0 or one.visit_id not in away]
    start = first_free_start(starts_at, starts_at, duration_min, lat, lon, taken)
    if isinstance(start, Clash):
        raise refused(start)
    session.execute(delete(Hold).where(Hold.expires_at < now - _FORGOTTEN))
    token = secrets.token_urlsafe(12)
    holds = [
        Hold(
            token=token,
            technician_id=one,
            goes_along=one != technician_id,
            from_at=starts_at,
            until_at=starts_at + timedelta(minutes=duration_min),
            lat=lat,
            lon=lon,
            held_by=actor,
            created_at=now,
            expires_at=until_at or now + HELD_FOR,
        )
        for one in people
    ]
    session.add_all(holds)
    session.flush()
    return holds[0]


def goes_along(session: Session, hold: Hold) -> int | None:
    """Return the second technician whose time is kept together with this one."""
    both = Hold.token == hold.token, Hold.goes_along
    return session.scalar(select(Hold.technician_id).where(*both))


def let_go(session: Session, token: str) -> None:
    """Make a held time free again; one that is not there any more is free already."""
    session.execute(delete(Hold).where(Hold.token == token))
