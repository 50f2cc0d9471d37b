"""Who could be there, and when? Searched in the plans of everybody who knows the work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from app.errors import Invalid, Problem
from app.models import CurrentPosition, Hold, Service, Site, Technician, Visit
from app.operations.booking import LONGEST_WINDOW
from app.operations.day import FIXES_REACH
from app.prepared import Prepared, among
from app.rules.booking import LONGEST_VISIT_MIN
from app.rules.duty import shifts_on
from app.rules.slots import LONGEST_WORK, Planned, Roster, Slot, Wish, search
from app.rules.visit import OPEN

#: Nobody promises farther ahead, and a search must not take forever.
MOST_DAYS = 62
#: More choices nobody reads out on the telephone.
MOST_SLOTS = 100
LONGEST_WINDOW_MIN = LONGEST_WINDOW // timedelta(minutes=1)
#: Whose working hours were never stated is offered on weekdays at these.
USUAL_HOURS = {day: [["09:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}

_VISIT, _SITE, _TECHNICIAN, _POSITION = (
    model.__table__.c for model in (Visit, Site, Technician, CurrentPosition)
)  # fmt: skip
_PEOPLE = Prepared(
    select(
        _TECHNICIAN.id,
        _TECHNICIAN.skills,
        _TECHNICIAN.working_hours,
        _TECHNICIAN.base_lat,
        _TECHNICIAN.base_lon,
        _TECHNICIAN.travels_by,
        _POSITION.lat,
        _POSITION.lon,
        _POSITION.fixed_at,
    )
    .join_from(Technician.__table__, CurrentPosition.__table__, _POSITION.technician_id == _TECHNICIAN.id, isouter=True)
    .where(_TECHNICIAN.active)
    .order_by(_TECHNICIAN.id)
)
_PLANS = Prepared(
    select(
        _VISIT.technician_id,
        _VISIT.id,
        _VISIT.status,
        _VISIT.planned_from_at,
        _VISIT.planned_until_at,
        _VISIT.promised_until_at,
        _SITE.lat,
        _SITE.lon,
        _VISIT.duration_min,
        _VISIT.forecast_median_at,
        _VISIT.completed_at,
    )
    .join_from(Visit.__table__, Site.__table__, _SITE.id == _VISIT.site_id)
    .where(
        among(_VISIT.technician_id, "technicians"),
        _VISIT.status != "cancelled",
        _VISIT.planned_from_at >= bindparam("since"),
        _VISIT.planned_from_at < bindparam("until"),
    )
    .order_by(_VISIT.technician_id, _VISIT.planned_from_at)
)

_HOLD = Hold.__table__.c
_HOLDS = Prepared(
    select(_HOLD.technician_id, _HOLD.from_at, _HOLD.until_at, _HOLD.lat, _HOLD.lon).where(
        among(_HOLD.technician_id, "technicians"), _HOLD.expires_at > bindparam("now")
    )
)


def find_slots(
    session: Session,
    *,
    service_id: int,
    lat: float,
    lon: float,
    from_at: datetime,
    until_at: datetime,
    now: datetime,
    zone: tzinfo,
    duration_min: int | None = None,
    window_min: int = 0,
    hours: tuple[float, float] = (0.0, 24.0),
    skill: str | None = None,
    technician_id: int | None = None,
    without: Sequence[int] = (),
    most: int = 20,
) -> list[Slot]:
    """Return the best times for work at a place, begun between two instants; see rules.slots.

    Asked are those who know the work: the service's skill, and `skill` when one is named; only `technician_id`, when
    the customer wants that one; not those in `without`. Raises Invalid naming the fields.
    """
    service = session.get(Service, service_id)
    minutes = duration_min if duration_min is not None else service.duration_min if service else 0
    problems = []
    if service is None or not service.active:
        problems.append(Problem("service", "unknown"))
    elif not 1 <= minutes <= LONGEST_VISIT_MIN:
        problems.append(Problem("duration_min", "range", {"least": 1, "most": LONGEST_VISIT_MIN}))
    if until_at <= from_at:
        problems.append(Problem("until", "before_start"))
    elif until_at - from_at > timedelta(days=MOST_DAYS):
        problems.append(Problem("until", "span_too_long", {"days": MOST_DAYS}))
    if not 0 <= window_min <= LONGEST_WINDOW_MIN:
        problems.append(Problem("window_min", "range", {"least": 0, "most": LONGEST_WINDOW_MIN}))
    if problems or service is None:
        raise Invalid(problems)
    wish = Wish(lat, lon, minutes, max(from_at, now), until_at, window_min, hours)
    wanted = {one for one in (service.skill, skill) if one}
    rosters = _rosters(session, wish, wanted, technician_id, frozenset(without), zone, now)
    return search(wish, rosters, zone, now, most)


def _rosters(
    session: Session,
    wish: Wish,
    skills: set[str],
    only: int | None,
    without: frozenset[int],
    zone: tzinfo,
    now: datetime,
) -> Iterator[Roster]:
    known = session.connection()
    people = [
        person
        for person in _PEOPLE.rows(known)
        if skills <= set(person[1]) and person[0] not in without and only in (None, person[0])
    ]
    days = _days(wish, zone)
    plans: dict[int, list[Planned]] = {}
    reach = {
        "technicians": [person[0] for person in people],
        "since": wish.from_at - LONGEST_WORK - timedelta(days=1),
        "until": wish.until_at + timedelta(days=1, minutes=wish.duration_min),
    }
    for technician_id, *visit in _PLANS.rows(known, reach):
        plans.setdefault(technician_id, []).append(_planned(*visit))
    for technician_id, from_at, until_at, lat, lon in _HOLDS.rows(known, {**reach, "now": now}):
        plans.setdefault(technician_id, []).append(Planned(0, from_at, until_at, from_at, lat, lon))
        plans[technician_id].sort(key=lambda planned: planned.from_at)
    for id, _, hours, base_lat, base_lon, travels_by, lat, lon, fixed_at in people:
        seen = fixed_at is not None and now - fixed_at < FIXES_REACH
        yield Roster(
            technician=id,
            plan=tuple(plans.get(id, ())),
            shifts=shifts_on(hours if any(hours.values()) else USUAL_HOURS, days, zone) or (),
            base=None if base_lat is None or base_lon is None else (base_lat, base_lon),
            travels_by=travels_by,
            here=(lat, lon) if seen else None,
        )


def _days(wish: Wish, zone: tzinfo) -> list[date]:
    """Return the local days whose working hours may reach into the wish: the one before it works past midnight."""
    first, last = wish.from_at.astimezone(zone).date(), wish.until_at.astimezone(zone).date()
    return [first + timedelta(days=n) for n in range(-1, (last - first).days + 1)]


def _planned(
    visit: int,
    status: str,
    from_at: datetime,
    until_at: datetime,
    promised_until_at: datetime,
    lat: float | None,
    lon: float | None,
    duration_min: int,
    expected_at: datetime | None,
    completed_at: Any,
) -> Planned:
    """Return a visit as it stands in the plan; one that is over, or expected later than planned, as it really is."""
    if status not in OPEN:
        until_at = max(min(completed_at or until_at, until_at), from_at)
    elif expected_at is not None:
        until_at = max(until_at, expected_at + timedelta(minutes=duration_min))
    return Planned(visit, from_at, until_at, promised_until_at, lat, lon)
