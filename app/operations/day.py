"""What is known of a technician's day, ready for the rules to look at?

Every new position asks this, so its statements are built once, and each is one question for the days of many.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from functools import partial
from itertools import repeat
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, literal_column, or_, select
from sqlalchemy.orm import Session

from app.models import Notice, PositionFix, Site, Technician, Visit
from app.operations.branch import STARTS, WITH_BRANCH
from app.operations.learning import current_habits
from app.prepared import Prepared, among
from app.rules.booking import LONGEST_VISIT_MIN
from app.rules.forecast import Day, Stop
from app.rules.habits import Habits
from app.rules.messages import ARRIVALS
from app.rules.position import Fix
from app.rules.visit import OPEN

#: Stops this far from now belong to the day that is looked at.
DAY_REACH = timedelta(hours=12)
#: A visit that reaches into the day has begun so long before now at the most. Said to the database as well: years of
#: visits that are over would otherwise be read for every position.
BEGUN_REACH = DAY_REACH + timedelta(minutes=LONGEST_VISIT_MIN)
#: Positions older than this say nothing about the pace now.
FIXES_REACH = timedelta(hours=3)
_VISIT, _SITE, _FIX, _NOTICE = (model.__table__.c for model in (Visit, Site, PositionFix, Notice))
# The states are written out: of a parameter SQLite cannot know that the index of open visits holds all that are meant,
# and would read every visit there ever was.
_DUE = Prepared(
    select(_VISIT.technician_id)
    .where(
        _VISIT.check_at <= bindparam("now"),
        _VISIT.status.in_([literal_column(f"'{status}'") for status in OPEN]),
        _VISIT.technician_id.is_not(None),
    )
    .order_by(_VISIT.check_at)
)
_SEEN = (
    select(
        _VISIT.technician_id,
        _VISIT.id,
        _VISIT.status,
        _SITE.lat,
        _SITE.lon,
        _VISIT.promised_from_at,
        _VISIT.promised_until_at,
        _VISIT.planned_until_at,
        _VISIT.duration_min,
        _VISIT.service_id,
        _VISIT.en_route_at,
        _VISIT.arrived_at,
        _VISIT.arrived_by,
        _VISIT.completed_at,
        _VISIT.eta_reported,
        _VISIT.eta_reported_at,
        _VISIT.forecast_from_at,
        _VISIT.forecast_until_at,
        _VISIT.forecast_median_at,
        _VISIT.late_probability,
        _VISIT.forecast_as_of_at,
        _VISIT.forecast_basis,
        _VISIT.forecast_state,
        _VISIT.noted_at,
        _VISIT.noted_median_at,
        _VISIT.noted_until_at,
        _VISIT.watch,
        _VISIT.decided_reason,
        _VISIT.decided_alarm,
        _VISIT.check_at,
    )
    .join_from(Visit.__table__, Site.__table__, _SITE.id == _VISIT.site_id)
    .where(
        among(_VISIT.technician_id, "technicians"),
        _VISIT.status != "cancelled",
        _VISIT.planned_from_at >= bindparam("begun"),
        _VISIT.planned_from_at < bindparam("until"),
        _VISIT.planned_until_at > bindparam("since"),
    )
    .order_by(_VISIT.technician_id, _VISIT.planned_from_at, _VISIT.id)
)
# Who has the turn to change the days finds nobody there but a stranger, and does not wait for that one: thirty days
# would wait with it.
_VISITS = {
    True: Prepared(_SEEN.with_for_update(of=Visit.__table__, key_share=True, nowait=True)),
    False: Prepared(_SEEN),
}
_ELSEWHERE = (
    select(Visit)
    .where(
        Visit.technician_id == bindparam("technician"),
        Visit.check_at <= bindparam("now"),
        Visit.status.in_(OPEN),
        or_(Visit.planned_from_at >= bindparam("until"), Visit.planned_until_at <= bindparam("since")),
    )
    .with_for_update(of=Visit.__table__, key_share=True, skip_locked=True)
)
_TECHNICIAN = Technician.__table__.c
_TECHNICIANS = Prepared(
    select(
        _TECHNICIAN.id,
        *STARTS,
        _TECHNICIAN.state,
        _TECHNICIAN.state_since_at,
        _TECHNICIAN.state_why,
    )
    .select_from(WITH_BRANCH)
    .where(among(_TECHNICIAN.id, "technicians"))
)
# A ping is an old place under the present time: it would look like standing there.
_FIXES = Prepared(
    select(_FIX.technician_id, _FIX.fixed_at, _FIX.lat, _FIX.lon, _FIX.accuracy_m)
    .where(
        among(_FIX.technician_id, "technicians"),
        _FIX.fixed_at > bindparam("since"),
        _FIX.moved,
    )
    .order_by(_FIX.technician_id, _FIX.fixed_at)
)
# What was dropped, the customer has not been and will not be told. Reminders and the like say nothing of the arrival.
_NOTICES = Prepared(
    select(
        _NOTICE.visit_id,
        _NOTICE.kind,
        _NOTICE.state,
        _NOTICE.created_at,
        _NOTICE.quoted_from_at,
        _NOTICE.quoted_until_at,
        _NOTICE.reason_facts,
        _NOTICE.promised_from_at,
        _NOTICE.promised_until_at,
    )
    .where(
        among(_NOTICE.visit_id, "visits"),
        _NOTICE.kind.in_([literal_column(f"'{kind}'") for kind in ARRIVALS]),
        _NOTICE.state != literal_column("'dropped'"),
    )
    .order_by(_NOTICE.id)
)


class KnownVisit(NamedTuple):
    """What a look needs of a visit, in the order of the statement's columns.

    `lat` and `lon` are None while its site is not located.
    """

    technician_id: int
    id: int
    status: str
    lat: float | None
    lon: float | None
    promised_from_at: datetime
    promised_until_at: datetime
    planned_until_at: datetime
    duration_min: int
    service_id: int
    en_route_at: datetime | None
    arrived_at: datetime | None
    arrived_by: str | None
    completed_at: datetime | None
    eta_reported: datetime | None
    eta_reported_at: datetime | None
    forecast_from_at: datetime | None
    forecast_until_at: datetime | None
    forecast_median_at: datetime | None
    late_probability: float | None
    forecast_as_of_at: datetime | None
    forecast_basis: str | None
    forecast_state: str | None
    noted_at: datetime | None
    noted_median_at: datetime | None
    noted_until_at: datetime | None
    watch: dict[str, Any]
    decided_reason: str | None
    decided_alarm: str | None
    check_at: datetime | None


class KnownTechnician(NamedTuple):
    """What a look needs of the technician: where the day starts, and what was last seen to be done, since when, why."""

    id: int
    start_lat: float | None
    start_lon: float | None
    state: str | None
    state_since_at: datetime | None
    state_why: str | None


class KnownNotice(NamedTuple):
    """What a look needs of a notice, in the order of the statement's columns."""

    visit_id: int
    kind: str
    state: str
    created_at: datetime
    quoted_from_at: datetime | None
    quoted_until_at: datetime | None
    reason_facts: dict[str, Any]
    promised_from_at: datetime
    promised_until_at: datetime


#: `_make` without its check: a look asks for hundreds of rows.
_fix, _visit = partial(tuple.__new__, Fix), partial(tuple.__new__, KnownVisit)


@dataclass(frozen=True, slots=True)
class KnownDay:
    """A technician, the visits around now, and what is known of them.

    `visits` in planned order; `stops` those of them with a position, as the rules take them; `doubted` were concluded
    to have been reached from silence alone, which has been broken; `told` are each visit's notices about the promise as
    it stands, oldest first (those of other days may be among them).
    """

    technician: KnownTechnician
    visits: Sequence[KnownVisit]
    stops: Day
    doubted: Sequence[KnownVisit]
    told: dict[int, list[KnownNotice]]


def due_technicians(session: Session, now: datetime) -> Sequence[int]:
    """Return the technicians with a visit that is due to be looked at, longest due first."""
    rows = _DUE.rows(session.connection(), {"now": now})
    return list(dict.fromkeys(technician_id for (technician_id,) in rows))


def load_days(
    session: Session, technician_ids: Sequence[int], zone: tzinfo, now: datetime, *, to_change: bool = True
) -> dict[int, KnownDay]:
    """Load the days of technicians: as many statements for many as for one. Visits `to_change` are locked for it.

    Raises what `db.held_elsewhere` knows when somebody who has not taken the turn holds one of them.
    """
    known = session.connection()
    reach = {
        "technicians": technician_ids,
        "begun": now - BEGUN_REACH,
        "since": now - DAY_REACH,
        "until": now + DAY_REACH,
    }
    visits: dict[int, list[KnownVisit]] = {technician_id: [] for technician_id in technician_ids}
    for visit in map(_visit, _VISITS[to_change].rows(known, reach)):
        visits[visit.technician_id].append(visit)
    fixes = _fixes(known, {"technicians": technician_ids, "since": now - FIXES_REACH})
    people = {row[0]: KnownTechnician._make(row) for row in _TECHNICIANS.rows(known, reach)}
    told = _told(known, {visit.id: visit for day in visits.values() for visit in day})
    habits = current_habits(session)
    return {one: _day(people[one], visits[one], fixes.get(one, ()), told, zone, habits) for one in technician_ids}


def _fixes(known: Connection, reach: Mapping[str, Any]) -> dict[int, tuple[Fix, ...]]:
    """Return each technician's positions; the speed that a phone claims is not asked for, as no rule goes by it.

    Column by column and in slices: they are by far the most of what a look reads.
    """
    columns = _FIXES.columns(known, reach)
    if not columns:
        return {}
    whose, *measured = columns
    fixes = tuple(map(_fix, zip(*measured, repeat(None), repeat(True), strict=False)))
    each: dict[int, tuple[Fix, ...]] = {}
    begin = 0
    for technician_id, n in Counter(whose).items():
        each[technician_id] = fixes[begin : begin + n]
        begin += n
    return each


def due_elsewhere(session: Session, technician_id: int, now: datetime) -> Sequence[Visit]:
    """Return the technician's visits that are due to be looked at but belong to other days, locked to be changed."""
    reach = {"technician": technician_id, "now": now, "since": now - DAY_REACH, "until": now + DAY_REACH}
    return session.scalars(_ELSEWHERE, reach).all()


def _day(
    technician: KnownTechnician,
    visits: Sequence[KnownVisit],
    fixes: tuple[Fix, ...],
    told: dict[int, list[KnownNotice]],
    zone: tzinfo,
    habits: Habits,
) -> KnownDay:
    doubted = [visit for visit in visits if _silence_broken(visit, fixes)]
    stops = tuple(
        _stop(visit, visit.lat, visit.lon, arrived=visit not in doubted)
        for visit in visits
        if visit.lat is not None and visit.lon is not None
    )
    lat, lon = technician.start_lat, technician.start_lon
    located = None if lat is None or lon is None else (lat, lon)
    return KnownDay(technician, visits, Day(stops, fixes, zone, located, habits, technician.id), doubted, told)


def _told(known: Connection, visits: Mapping[int, KnownVisit]) -> dict[int, list[KnownNotice]]:
    told: dict[int, list[KnownNotice]] = {}
    for row in _NOTICES.rows(known, {"visits": list(visits)}):
        notice = KnownNotice._make(row)
        if _speaks_of(notice, visits[notice.visit_id]):
            told.setdefault(notice.visit_id, []).append(notice)
    return told


def _speaks_of(notice: KnownNotice, visit: KnownVisit) -> bool:
    """Return whether a notice is about the promise as it stands, not about one that was moved since."""
    return (notice.promised_from_at, notice.promised_until_at) == (visit.promised_from_at, visit.promised_until_at)


def _silence_broken(visit: KnownVisit, fixes: Sequence[Fix]) -> bool:
    """Return whether an arrival was concluded from silence alone, and the phone has been heard since."""
    arrived_at = visit.arrived_at if visit.arrived_by == "silence" and visit.completed_at is None else None
    return arrived_at is not None and bool(fixes) and fixes[-1].fixed_at > arrived_at


def _stop(visit: KnownVisit, lat: float, lon: float, *, arrived: bool) -> Stop:
    return Stop(
        visit=str(visit.id),
        lat=lat,
        lon=lon,
        promised_from_at=visit.promised_from_at,
        promised_until_at=visit.promised_until_at,
        duration_min=visit.duration_min,
        en_route_at=visit.en_route_at,
        arrived_at=visit.arrived_at if arrived else None,
        completed_at=visit.completed_at,
        eta_reported=visit.eta_reported,
        eta_reported_at=visit.eta_reported_at,
        arrived_by=visit.arrived_by if arrived else None,
        service=visit.service_id,
    )
