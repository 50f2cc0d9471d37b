"""What is a technician doing now, since when, how do we know, and how fresh is that?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from app.models import CurrentPosition, Technician, Visit
from app.operations.day import BEGUN_REACH, DAY_REACH
from app.rules.board import stale
from app.rules.visit import OPEN

#: States that rest on where the phone is just now; the others rest on a tap, or on having stayed.
_MOVING = ("travelling", "creeping", "standing", "left")
#: A longer time is told by when it began.
_COUNTED_MIN = 90


@dataclass(frozen=True, slots=True)
class Doing:
    """A state with since when and why (codes as in rules.forecast.DayForecast); `position_at` is the last position's.

    `stale`: it rests on a position that is too old to speak of now, so it is what was last seen, not what is.
    """

    state: str
    since_at: datetime | None
    why: str | None
    position_at: datetime | None
    stale: bool
    minutes: int | None


#: What of a technician's row `doing` reads.
STATE_COLUMNS = (Technician.state, Technician.state_since_at, Technician.state_why)


def doing(seen: Any, position_at: datetime | None, now: datetime) -> Doing | None:
    """Return what a technician, or a row with STATE_COLUMNS, was last seen to be doing; None: never looked at."""
    if seen.state is None:
        return None
    minutes = None
    if seen.state_since_at is not None:
        gone_min = int((now - seen.state_since_at).total_seconds() // 60)
        minutes = gone_min if 1 <= gone_min <= _COUNTED_MIN else None
    is_stale = seen.state in _MOVING and stale(position_at, now)
    return Doing(seen.state, seen.state_since_at, seen.state_why, position_at, is_stale, minutes)


def read_doings(session: Session, technician_ids: Sequence[int], now: datetime) -> Mapping[int, Doing]:
    """Return what these technicians are doing; without an open visit around now nobody looks, and nothing is known."""
    watched = exists().where(
        Visit.technician_id == Technician.id,
        Visit.status.in_(OPEN),
        Visit.planned_from_at > now - BEGUN_REACH,
        Visit.planned_from_at < now + DAY_REACH,
        Visit.planned_until_at > now - DAY_REACH,
    )
    rows = session.execute(
        select(Technician.id, *STATE_COLUMNS, CurrentPosition.fixed_at)
        .outerjoin(CurrentPosition, CurrentPosition.technician_id == Technician.id)
        .where(Technician.id.in_(technician_ids), watched)
    )
    found = {row.id: doing(row, row.fixed_at, now) for row in rows}
    return {technician_id: one for technician_id, one in found.items() if one is not None}
