"""Keep a time free for a customer who is still thinking; it becomes free again by itself."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from app.errors import Invalid, Problem
from app.models import Hold
from app.operations.plan import refused, taken_around
from app.rules.booking import LONGEST_VISIT_MIN, Clash, first_free_start

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
) -> Hold:
    """Keep a technician's time free for ten minutes, for work of `duration_min` at a place.

    The place of a visit that is `moving` there does not stand in its own way.
    Raises Invalid naming the fields, Conflict `overlap`, `unreachable` or `held` when it cannot be had.
    """
    problems = []
    if starts_at < now:
        problems.append(Problem("starts_at", "in_the_past"))
    if not 1 <= duration_min <= LONGEST_VISIT_MIN:
        problems.append(Problem("duration_min", "range", {"least": 1, "most": LONGEST_VISIT_MIN}))
    if problems:
        raise Invalid(problems)
    taken = taken_around(session, technician_id, starts_at, starts_at, duration_min, now, visit_id=moving)
    start = first_free_start(starts_at, starts_at, duration_min, lat, lon, taken)
    if isinstance(start, Clash):
        raise refused(start)
    session.execute(delete(Hold).where(Hold.expires_at < now - _FORGOTTEN))
    hold = Hold(
        token=secrets.token_urlsafe(12),
        technician_id=technician_id,
        from_at=starts_at,
        until_at=starts_at + timedelta(minutes=duration_min),
        lat=lat,
        lon=lon,
        held_by=actor,
        created_at=now,
        expires_at=now + HELD_FOR,
    )
    session.add(hold)
    session.flush()
    return hold


def let_go(session: Session, token: str) -> None:
    """Make a held time free again; one that is not there any more is free already."""
    session.execute(delete(Hold).where(Hold.token == token))
