"""Who could be there, and when? Searched in the plans of everybody who knows the work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, tzinfo
from typing import Any, NotRequired, TypedDict, Unpack

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from app.errors import Conflict, Invalid, Problem
from app.models import CurrentPosition, Hold, Service, Site, Technician, Visit
from app.operations.booking import LONGEST_WINDOW
from app.operations.branch import ENDS, MOST_DAY, STARTS, WITH_BRANCH, place, worker_of
from app.operations.day import FIXES_REACH
from app.operations.liking import liking_of
from app.operations.time_off import time_off
from app.prepared import Prepared, among
from app.rules.booking import LONGEST_VISIT_MIN, Taken
from app.rules.calendar import day_bounds
from app.rules.duty import Shifts, at_work, without, working_days
from app.rules.gaps import LONGEST_WORK, Planned, Roster, Span
from app.rules.pairs import Pairs
from app.rules.roads import STRAIGHT, AskRoads
from app.rules.slots import MOST_RISK, Search, Slot, Wish, risk_of
from app.rules.stretch import SAME_DAY, Worker, limits
from app.rules.visit import OPEN

#: Nobody promises farther ahead, and a search must not take forever.
MOST_DAYS = 62
#: More choices nobody reads out on the telephone.
MOST_SLOTS = 100
LONGEST_WINDOW_MIN = LONGEST_WINDOW // timedelta(minutes=1)
#: So many days are read first; then twice as many each time, until what comes cannot be among the best any more.
FIRST_DAYS = 3
#: So many more than are wanted are looked at again with a router's ways.
MORE_ROUTED = 16
#: More than this nobody drives at the beginning and at the end of a day.
WAYS = timedelta(hours=3)
#: So long somebody on the telephone waits for a router, seconds.
ROUTER_WITHIN_S = 2.5
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
        *STARTS,
        _TECHNICIAN.travels_by,
        _POSITION.lat,
        _POSITION.lon,
        _POSITION.fixed_at,
        *ENDS,
        MOST_DAY,
        _TECHNICIAN.name,
    )
    .select_from(WITH_BRANCH.outerjoin(CurrentPosition.__table__, _POSITION.technician_id == _TECHNICIAN.id))
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


@dataclass(frozen=True, slots=True)
class Offer:
    """A slot with the names of who would come, and go along."""

    slot: Slot
    technician: str
    second: str = ""


@dataclass(frozen=True, slots=True)
class Offers:
    """The best times, and how their ways were reckoned (one of rules.roads.BASES)."""

    items: list[Offer]
    basis: str


@dataclass(frozen=True, slots=True)
class Shortlist:
    """What a search found by the straight line, to be looked at again with the router when there is one.

    A router may take its time, and no transaction waits for it: read first, end that, then ask.
    """

    search: Search
    names: Mapping[int, str]
    most: int

    def offers(self, router: AskRoads | None) -> Offers:
        """Return the best times; a router's ways count, and while it is silent the straight line's."""
        roads = router(self.search.legs(), ROUTER_WITHIN_S) if router else STRAIGHT
        found = self.search.by_road(roads, self.most) if roads.known else self.search.slots()
        named = [
            Offer(one, self.names[one.technician], self.names.get(one.second_technician or 0, ""))
            for one in found[: self.most]
        ]
        return Offers(named, roads.basis)


def find_slots(session: Session, **asked: Unpack[Asked]) -> list[Slot]:
    """Return the best times by the straight line; asked as `shortlist` is. Raises Invalid."""
    return [offer.slot for offer in shortlist(session, **asked).offers(None).items]


def place_of(session: Session, site_id: int) -> tuple[float, float] | None:
    """Return the latitude and longitude of a site; None when it is not known (yet)."""
    site = session.get(Site, site_id)
    return None if site is None or site.lat is None or site.lon is None else (site.lat, site.lon)


def time_to_work(session: Session, service_id: int, duration_min: int | None) -> int:
    """Return the minutes of work that are meant: those that were named, else the service's usual. Raises Invalid."""
    service = session.get(Service, service_id)
    if service is None or not service.active:
        raise Invalid.one("service", "unknown")
    return service.duration_min if duration_min is None else duration_min


def check_risk(session: Session, visit: Visit, zone: tzinfo, now: datetime) -> None:
    """Raise Conflict `risky` when a visit that was just planned, or the one after it, is likelier late than is offered.

    For who books a time that was not offered: the transaction is given up, and done again by who insists.
    """
    if (
        visit.technician_id is None
        or visit.site.lat is None
        or visit.site.lon is None
        or visit.promised_until_at <= now
    ):
        return  # nothing is known of the way, or what has begun already is written down
    window_min = int((visit.promised_until_at - visit.planned_from_at) / timedelta(minutes=1))
    wish = Wish(
        visit.site.lat, visit.site.lon, visit.duration_min, visit.planned_from_at, visit.planned_from_at, window_min
    )
    people = _People(session, wish, _Who(only=visit.technician_id), zone, now)
    for roster in people.rosters(people.days):
        others = replace(roster, plan=tuple(one for one in roster.plan if one.visit != visit.id))
        slot = risk_of(wish, others, visit.planned_from_at, zone, now)
        if slot is not None and max(slot.late_probability, slot.next_late_probability) > MOST_RISK:
            percent = round(100 * slot.late_probability)
            raise Conflict("risky", percent=percent, next_percent=round(100 * slot.next_late_probability))


def roster_of(
    session: Session, technician_id: int, from_at: datetime, until_at: datetime, zone: tzinfo, now: datetime
) -> Roster | None:
    """Return what a technician has to do between two instants; None when nobody of that number is at work."""
    wish = Wish(0.0, 0.0, 0, from_at, until_at)
    people = _People(session, wish, _Who(only=technician_id), zone, now)
    return next(people.rosters(people.days), None)


class Asked(TypedDict):
    """What a search is asked with."""

    service_id: int
    lat: float
    lon: float
    from_at: datetime
    until_at: datetime
    now: datetime
    zone: tzinfo
    duration_min: NotRequired[int | None]
    window_min: NotRequired[int]
    hours: NotRequired[tuple[float, float]]
    skill: NotRequired[str | None]
    technician_id: NotRequired[int | None]
    without: NotRequired[Sequence[int]]
    customer_id: NotRequired[int | None]
    technicians: NotRequired[int | None]
    moving: NotRequired[int]
    most: NotRequired[int]
    routed: NotRequired[bool]


def shortlist(
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
    customer_id: int | None = None,
    technicians: int | None = None,
    moving: int = 0,
    most: int = 20,
    routed: bool = False,
) -> Shortlist:
    """Return the best times for work at a place, begun between two instants; see rules.slots. More than are wanted when
    a router (`routed`) will look at them again.

    Asked are those who know the work: the service's skill, and `skill` when one is named; only `technician_id`, when
    the customer wants that one; not those in `without`, nor whom the customer does not want again. Where two
    `technicians` are needed (None: as many as the service needs), two who know the work between them. The place of a
    visit that is `moving` counts as free, that of who goes along as well.
    Raises Invalid naming the fields.
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
    likes = liking_of(session, customer_id)
    wish = Wish(
        lat, lon, minutes, max(from_at, now), until_at, window_min, hours,
        # Who asks for certain hours or somebody has said what is wanted this time.
        likes.hours if hours == (0.0, 24.0) else None, likes.technician if technician_id is None else None,
    )  # fmt: skip
    needs = frozenset({one for one in (service.skill, skill) if one})
    two = (technicians or service.technicians) > 1
    moved = frozenset({moving, *_along(session, moving)} if moving else ())
    who = _Who(frozenset() if two else needs, None if two else technician_id, likes.avoids.union(without), moved)
    people = _People(session, wish, who, zone, now)
    wanted = most + MORE_ROUTED if routed else most
    found = (
        Pairs(wish, zone, now, wanted, needs, people.knowing(needs), technician_id)
        if two
        else Search(wish, zone, now, wanted)
    )
    people.leave_out(found)
    read, days = 0, len(people.days)
    while read < days:
        again = min(max(FIRST_DAYS, 2 * read), days)
        begins_at = day_bounds(people.days[read], zone)[0]
        if read and found.is_over(begins_at):
            break
        span = begins_at, day_bounds(people.days[again - 1], zone)[1]
        # A night's work belongs to the day on which it began, as its hours on the next day say.
        found.look(people.rosters(people.days[: again + 1], span, in_time=True), span)
        read = again
    return Shortlist(found, people.names, most)


def _along(session: Session, visit_id: int) -> Sequence[int]:
    return session.scalars(select(Visit.id).where(Visit.beside_id == visit_id)).all()


@dataclass(frozen=True, slots=True)
class _Who:
    """Who is asked: who can do all these `skills`, `only` one, not those in `without`; which visits are `moving`."""

    skills: frozenset[str] = frozenset()
    only: int | None = None
    without: frozenset[int] = frozenset()
    moving: frozenset[int] = frozenset()


class _People:
    """The technicians who are asked, and what each has to do on the days that are looked at."""

    def __init__(self, session: Session, wish: Wish, who: _Who, zone: tzinfo, now: datetime) -> None:
        self._session, self._zone, self._now, self._moving = session, zone, now, who.moving
        self.days, self._site = _days(wish, zone), (wish.lat, wish.lon)
        self._people = [
            person
            for person in _PEOPLE.rows(session.connection())
            if who.skills <= set(person[1]) and person[0] not in who.without and who.only in (None, person[0])
        ]
        self._off = time_off(session, day_bounds(self.days[0], zone)[0], day_bounds(self.days[-1], zone)[1], zone)
        self._held: dict[int, list[Planned]] = {}
        holds = _HOLDS.rows(session.connection(), {"technicians": [one[0] for one in self._people], "now": now})
        for technician_id, from_at, until_at, lat, lon in holds:
            self._held.setdefault(technician_id, []).append(Planned(0, from_at, until_at, from_at, lat, lon))

    @property
    def names(self) -> dict[int, str]:
        """The names of those who are asked."""
        return {one[0]: one[-1] for one in self._people}

    def knowing(self, needs: frozenset[str]) -> dict[int, frozenset[str]]:
        """Return what everybody knows of what is needed."""
        return {one[0]: needs.intersection(one[1]) for one in self._people} if needs else {}

    def leave_out(self, search: Search) -> None:
        """Forget those who begin their days too far away."""
        self._people = [one for one in self._people if search.can_reach(place(one[3], one[4]), one[5])]

    def rosters(self, days: Sequence[date], span: Span | None = None, *, in_time: bool = False) -> Iterator[Roster]:
        """Yield everybody with the working hours of these days, and with the plan of the working days that begin in a
        span, or of all."""
        shifts = {one[0]: self._shifts(one[0], one[2], days) for one in self._people}
        plans = self._plans(_reach(shifts.values(), span))
        for id, _, _, start_lat, start_lon, travels_by, lat, lon, fixed_at, *end, most_day_min, _ in self._people:
            seen = fixed_at is not None and self._now - fixed_at < FIXES_REACH
            plan = plans.get(id, [])
            if id in self._held:
                plan = sorted([*plan, *self._held[id]], key=lambda planned: planned.from_at)
            here = (lat, lon) if seen else None
            worker = worker_of((start_lat, start_lon), end, travels_by, most_day_min)
            free = self._in_time(shifts[id], plan, worker) if in_time else shifts[id]
            yield Roster(id, tuple(plan), free, worker.start, travels_by, here, worker.end, worker.most)

    def _in_time(self, shifts: Shifts, plan: Sequence[Planned], worker: Worker) -> Shifts:
        """Return working hours without those in which a day would become too long. Most days are far from that."""
        if worker.most is None:
            return shifts
        free: list[tuple[datetime, datetime]] = []
        for day in working_days(shifts):
            from_at, until_at = day[0][0] - LONGEST_WORK, day[-1][1] + LONGEST_WORK
            near = [one for one in plan if from_at <= one.from_at < until_at]
            here = [one for one in near if day[0][0] - SAME_DAY < one.until_at and one.from_at < day[-1][1] + SAME_DAY]
            if here:
                begins_at = min(day[0][0], min(one.from_at for one in here))
                ends_at = max(day[-1][1], max(one.until_at for one in here))
                if ends_at - begins_at + WAYS > worker.most:
                    taken = [Taken(one.visit, one.from_at, one.until_at, one.lat, one.lon) for one in near]
                    for limit in limits(worker, taken, self._site, self._zone, leaving=True):
                        day = without(day, limit)
            free += day
        return tuple(free)

    def _shifts(self, technician_id: int, hours: dict[str, Any], days: Sequence[date]) -> Shifts:
        hours = hours if any(hours.values()) else USUAL_HOURS
        return at_work(hours, self._off.of(technician_id), days, self._zone) or ()

    def _plans(self, reach: Span | None) -> dict[int, list[Planned]]:
        plans: dict[int, list[Planned]] = {}
        if reach is not None:
            asked = {"technicians": [one[0] for one in self._people], "since": reach[0], "until": reach[1]}
            for technician_id, *visit in _PLANS.rows(self._session.connection(), asked):
                if visit[0] in self._moving:
                    continue
                plans.setdefault(technician_id, []).append(_planned(*visit))
        return plans


def _reach(shifts: Iterable[Shifts], span: Span | None) -> Span | None:
    """Return between which instants visits begin that stand in working days, those that begin in a span; or None."""
    days = [
        (day[0][0], day[-1][1])
        for one in shifts
        for day in working_days(one)
        if span is None or span[0] <= day[0][0] < span[1]
    ]
    if not days:
        return None
    return min(day[0] for day in days) - LONGEST_WORK, max(day[1] for day in days) + LONGEST_WORK


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
