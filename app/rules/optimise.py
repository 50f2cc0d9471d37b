"""Who would best go where on a day, in which order, and is that better than what stands?

A plan moves no promise: each arrival stays within what the customer was told. Who is at work, on the way, or about to
set off stays where they are, and so does every visit that is pinned. What is over is not planned.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from itertools import pairwise

from app.rules.booking import Taken, first_free_start
from app.rules.duty import Shifts
from app.rules.helper import SLOWER, whole_minute
from app.rules.position import distance_m
from app.rules.roads import NO_WAY_S, ROUTED, STRAIGHT, Leg, Roads
from app.rules.slots import UNKNOWN_WAY_S
from app.rules.travel import DETOUR, usual_s
from app.rules.visit import GRACE

#: Nobody is sent elsewhere so shortly before the work begins: who is about to set off is not turned round.
LEAD = timedelta(minutes=30)
#: An arrival is planned so long before a promised window ends, but no more than this share of the window.
RESERVE, RESERVE_SHARE = timedelta(minutes=10), 0.25
#: So many technicians' days are planned together where the whole day cannot be.
GROUP = 5
#: A plan is worth the unrest when it saves so many minutes on the road, and always when it saves a promise.
LEAST_GAIN_MIN = 5.0

Place = tuple[float, float]
#: Where a day begins or ends of which nobody said where: no way is counted.
NOWHERE: Place = (math.inf, math.inf)
#: Who makes which visits, in this order.
Orders = Mapping[int, Sequence[int]]


@dataclass(frozen=True, slots=True)
class Driver:
    """A technician on this day: `shifts` the working hours (what is between two of them is a break), `start` and `end`
    where the day begins and ends (latitude and longitude), `travels_by` a key of SLOWER."""

    technician: int
    shifts: Shifts
    skills: frozenset[str] = frozenset()
    start: Place | None = NOWHERE
    end: Place | None = NOWHERE
    travels_by: str = "car"


@dataclass(frozen=True, slots=True)
class Work:
    """A visit as it stands: who has it (None: nobody), when it is planned, and whether that is fixed. A number below
    zero is no visit but other time that is taken.

    `place` is latitude and longitude, None while the site is not located.
    """

    visit: int
    place: Place | None
    duration_min: int
    promised_from_at: datetime
    promised_until_at: datetime
    planned_from_at: datetime
    technician: int | None = None
    skills: frozenset[str] = frozenset()
    fixed: bool = False
    #: One of two who meet at the door: another may come instead, but at that moment.
    meets: bool = False

    @property
    def lasts(self) -> timedelta:
        """How long the work takes."""
        return timedelta(minutes=self.duration_min)

    @property
    def planned_until_at(self) -> datetime:
        """When the work would be done as it stands."""
        return self.planned_from_at + self.lasts


@dataclass(frozen=True, slots=True)
class Problem:
    """What is left of one local day: who is there, what is to do, from when on it can be planned anew, and what a
    router said of the ways."""

    drivers: tuple[Driver, ...]
    works: tuple[Work, ...]
    now: datetime
    zone: tzinfo
    roads: Roads = STRAIGHT
    #: Nobody is sent elsewhere so shortly before the work begins.
    lead: timedelta = LEAD


@dataclass(frozen=True, slots=True)
class Stop:
    """A visit in a plan: whose it is, and when the work is planned to begin."""

    visit: int
    technician: int
    start_at: datetime


#: What a solver is: it is handed a problem and seconds, tells its progress (0 to 1), and returns who goes where.
Solver = Callable[[Problem, float, Callable[[float], None]], Orders]

#: What each visit gets; who is not in it has nobody.
Plan = Mapping[int, Stop]


@dataclass(frozen=True, slots=True)
class Figures:
    """What a plan comes to: kilometres and minutes on the road, minutes of work after the last working hour, promises
    that it keeps and breaks by the usual travel times, and visits that nobody has."""

    road_km: float
    road_min: float
    overtime_min: float
    kept: int
    broken: int
    unassigned: int


def to_plan(problem: Problem, pinned: Collection[int] = ()) -> Problem:
    """Return what is left to plan at `problem.now`: what is begun or over is taken out, and its technician starts from
    there; what is pinned, begins too soon, can be kept no more or has no place is fixed as it stands.

    Example: at eleven, of visits at nine, ten (still at work until 11:20), 11:15 and three, the last one can be moved.
    """
    soonest_at = problem.now + problem.lead
    works = []
    for work in problem.works:
        late = work.promised_until_at < soonest_at or (
            work.technician is not None and work.planned_from_at < soonest_at
        )
        fixed = work.fixed or work.visit in pinned or work.place is None or late
        if work.technician is not None or not fixed:
            works.append(replace(work, fixed=fixed))
    begun = [work for work in works if work.fixed and work.planned_from_at <= problem.now]
    return replace(
        problem,
        drivers=tuple(_from_now(driver, begun, problem.now) for driver in problem.drivers),
        works=tuple(work for work in works if work not in begun),
    )


def standing(problem: Problem) -> dict[int, Stop]:
    """Return the plan as it stands."""
    return {
        work.visit: Stop(work.visit, work.technician, work.planned_from_at)
        for work in problem.works
        if work.technician is not None
    }


def timed(problem: Problem, orders: Orders) -> dict[int, Stop]:
    """Return the plan in which each visit begins as soon as its technician can be there and the customer expects it.

    In whole minutes; what is fixed keeps its time.
    """
    works, drivers = _by_visit(problem), {driver.technician: driver for driver in problem.drivers}
    plan = {}
    for technician, order in orders.items():
        made = [(works[visit], _expected_from(works[visit], problem)) for visit in order]
        for leg in _legs(drivers[technician], made, problem):
            start_at = leg.work.planned_from_at if leg.work.fixed else leg.begins_at
            plan[leg.work.visit] = Stop(leg.work.visit, technician, start_at)
    return plan


def figures(problem: Problem, plan: Plan) -> Figures:
    """Return what a plan comes to when everything takes as long as usual."""
    works, road_s, road_m, overtime, broken = _by_visit(problem), 0.0, 0.0, timedelta(), 0
    for driver in problem.drivers:
        stops = sorted((s for s in plan.values() if s.technician == driver.technician), key=lambda s: s.start_at)
        place, ends_at = driver.start, None
        for leg in _legs(driver, [(works[stop.visit], stop.start_at) for stop in stops], problem):
            road_s, road_m = road_s + leg.way_s, road_m + way_m(place, leg.work.place)
            broken += leg.work.visit > 0 and leg.begins_at > leg.work.promised_until_at + GRACE
            place, ends_at = leg.work.place, leg.begins_at + leg.work.lasts
        if ends_at is not None:
            road_s += way_s(driver.travels_by, place, driver.end, _hour(ends_at, problem.zone), problem.roads)
            road_m += way_m(place, driver.end)
        if ends_at is not None and driver.shifts:
            overtime += max(ends_at - driver.shifts[-1][1], timedelta())
    mine = sum(stop.visit > 0 for stop in plan.values())
    unassigned = sum(work.visit > 0 for work in problem.works) - mine
    overtime_min = overtime / timedelta(minutes=1)
    return Figures(road_m * DETOUR / 1000, road_s / 60, overtime_min, mine - broken, broken, unassigned)


def by_technician(problem: Problem, plan: Plan) -> dict[int, Figures]:
    """Return what a plan comes to for each technician who has something in it."""
    works = _by_visit(problem)
    whole = {}
    for driver in problem.drivers:
        mine = {visit: stop for visit, stop in plan.items() if stop.technician == driver.technician}
        if any(visit > 0 for visit in mine):
            own = replace(problem, drivers=(driver,), works=tuple(works[visit] for visit in mine))
            whole[driver.technician] = figures(own, mine)
    return whole


def neighbours(problem: Problem) -> Iterator[tuple[int, ...]]:
    """Yield small groups of technicians who work near each other, around each technician in turn, and once more: first
    around those whose promises are broken as the day stands."""
    broken = {who: found.broken for who, found in by_technician(problem, standing(problem)).items()}
    where = {driver.technician: _middle(problem, driver) for driver in problem.drivers}
    turn = sorted(where, key=lambda who: (-broken.get(who, 0), who))
    for who in (*turn, *turn):
        yield tuple(sorted(where, key=lambda other: (other != who, way_m(where[who], where[other]), other))[:GROUP])


def part_of(problem: Problem, people: Collection[int]) -> Problem:
    """Return a problem of these technicians alone: their visits, and those that nobody has."""
    return replace(
        problem,
        drivers=tuple(driver for driver in problem.drivers if driver.technician in people),
        works=tuple(work for work in problem.works if work.technician is None or work.technician in people),
    )


def as_planned(problem: Problem, plan: Plan) -> Problem:
    """Return a problem as it stands once a plan of some of its technicians holds."""
    works = [
        replace(work, technician=stop.technician, planned_from_at=stop.start_at) if stop is not None else work
        for work, stop in ((work, plan.get(work.visit)) for work in problem.works)
    ]
    return replace(problem, works=tuple(works))


def is_better(before: Figures, after: Figures) -> bool:
    """Return whether a plan is worth the unrest: more visits made and promises kept, or noticeably less driving."""
    missed = before.unassigned + before.broken, after.unassigned + after.broken
    if missed[0] != missed[1]:
        return missed[1] < missed[0]
    if after.overtime_min > before.overtime_min + 1:
        return False
    saved_min = before.road_min - after.road_min + before.overtime_min - after.overtime_min
    return saved_min >= LEAST_GAIN_MIN


def faults(problem: Problem, plan: Plan) -> list[str]:
    """Return what is wrong with a plan, in words for who mends the planner; nothing when it can be driven.

    Looks at the finished plan alone, from the other side than `timed`: every gap between two visits is measured.
    """
    works, found = _by_visit(problem), []
    for work in problem.works:
        stop = plan.get(work.visit)
        if work.technician is not None and stop is None:
            found.append(f"visit {work.visit} has lost its technician")
        stands = Stop(work.visit, work.technician, work.planned_from_at) if work.technician is not None else None
        if work.fixed and stop != stands:
            found.append(f"visit {work.visit} was fixed and is moved")
    for driver in problem.drivers:
        stops = sorted((s for s in plan.values() if s.technician == driver.technician), key=lambda s: s.start_at)
        found += [
            f"visit {s.visit}: {why}" for s in stops for why in _out_of_bounds(driver, works[s.visit], s, problem)
        ]
        for stop, after in pairwise(stops):
            one, next_one = works[stop.visit], works[after.visit]
            free_at = stop.start_at + one.lasts
            if one.fixed and next_one.fixed:
                continue
            way = way_s(driver.travels_by, one.place, next_one.place, _hour(free_at, problem.zone), problem.roads)
            if after.start_at - free_at - _rested(driver, free_at, after.start_at) < timedelta(seconds=way):
                found.append(f"visit {after.visit} cannot be reached from {stop.visit}")
    known = {driver.technician for driver in problem.drivers}
    return found + [f"visit {s.visit}: nobody" for s in plan.values() if s.technician not in known]


def in_steps(before: Sequence[Taken], plan: Plan, having: Mapping[int, int]) -> Iterator[tuple[int, Stop | None]]:
    """Yield visits to give to somebody (their stop) or to take from somebody for a while (None), one after another, so
    that each can be booked: when two swap their visits, one is put down first.

    `before` is what stands in the plans of everybody concerned, `having` who has it; `plan` what changes. What can
    never be booked comes last, and is refused then.
    """
    days: dict[int, dict[int, Taken]] = {}
    for taken in before:
        if taken.visit_id in having:
            days.setdefault(having[taken.visit_id], {})[taken.visit_id] = taken
    all_taken = {taken.visit_id: taken for taken in before}
    waiting = dict(plan)
    while waiting:
        stuck = True
        for visit, stop in list(waiting.items()):
            taken = all_taken[visit]
            others = [one for one in days.get(stop.technician, {}).values() if one.visit_id != visit]
            minutes = (taken.until_at - taken.from_at) // timedelta(minutes=1)
            if first_free_start(stop.start_at, stop.start_at, minutes, taken.lat, taken.lon, others) != stop.start_at:
                continue
            stuck = False
            del waiting[visit]
            for day in days.values():
                day.pop(visit, None)
            moved = replace(taken, from_at=stop.start_at, until_at=stop.start_at + (taken.until_at - taken.from_at))
            days.setdefault(stop.technician, {})[visit] = moved
            yield visit, stop
        if stuck:
            held = next((visit for visit in waiting if any(visit in day for day in days.values())), None)
            if held is None:
                yield from waiting.items()
                return
            for day in days.values():
                day.pop(held, None)
            yield held, None


def way_m(begin: Place | None, end: Place | None) -> float:
    """Return the straight metres between two places, none where one is not known."""
    if begin is None or end is None or begin == end or NOWHERE in (begin, end):
        return 0.0
    return distance_m(*begin, *end)


def way_s(travels_by: str, begin: Place | None, end: Place | None, hour: float, roads: Roads = STRAIGHT) -> float:
    """Return the usual seconds from place to place, leaving at a local hour: as the router said or by the straight
    line, a guess where a site is not located."""
    if begin == end or NOWHERE in (begin, end):
        return 0.0
    if begin is None or end is None:
        return UNKNOWN_WAY_S
    if roads.known and (said_s := roads.way_s(travels_by, begin, end, hour)) is not None:
        return min(said_s, NO_WAY_S)
    return usual_s(way_m(begin, end), hour) * SLOWER[travels_by]


def legs(problem: Problem) -> dict[str, set[Leg]]:
    """Return every way that a plan may hold, by how it is travelled: those that a router knows."""
    places = {work.place for work in problem.works if work.place is not None}
    found: dict[str, set[Leg]] = {}
    for driver in problem.drivers:
        if driver.travels_by not in ROUTED:
            continue
        wanted = found.setdefault(driver.travels_by, {(a, b) for a in places for b in places if a != b})
        if driver.start not in (None, NOWHERE):
            wanted.update((driver.start, place) for place in places)
        if driver.end not in (None, NOWHERE):
            wanted.update((place, driver.end) for place in places)
    return found


def breaks(driver: Driver, fixed: Sequence[Work] = ()) -> list[tuple[datetime, datetime]]:
    """Return the times between a technician's first and last duty of the day that belong to nobody: not working hours,
    and not fixed work."""
    busy = sorted([*driver.shifts, *((work.planned_from_at, work.planned_until_at) for work in fixed)])
    free: list[tuple[datetime, datetime]] = []
    until_at = busy[0][1] if busy else None
    for since, until in busy:
        if until_at is not None and since > until_at:
            free.append((until_at, since))
        until_at = until if until_at is None else max(until_at, until)
    return free


def latest_start(work: Work) -> datetime:
    """Return until when an arrival is planned: with time in hand where the window leaves some."""
    window = work.promised_until_at - work.promised_from_at
    return work.promised_until_at - min(RESERVE, window * RESERVE_SHARE)


def soonest_start(work: Work, problem: Problem) -> datetime:
    """Return from when on the work can be planned."""
    return max(work.promised_from_at, whole_minute(problem.now + problem.lead, up=True))


@dataclass(frozen=True, slots=True)
class _Leg:
    work: Work
    way_s: float
    begins_at: datetime


def _legs(driver: Driver, made: Sequence[tuple[Work, datetime]], problem: Problem) -> Iterator[_Leg]:
    """Yield how a technician's day goes: the way to each visit in turn and when its work begins, at the earliest at the
    instant given with it. Breaks are taken; what is fixed begins on time if it can, be it outside the hours."""
    pauses = breaks(driver, [work for work, _ in made if work.fixed])
    free_at, place = driver.shifts[0][0] if driver.shifts else None, driver.start
    for number, (work, from_at) in enumerate(made):
        if free_at is None or (work.fixed and number == 0):
            # Who has a fixed visit first thing sets off in time for it.
            way = way_s(driver.travels_by, place, work.place, _hour(from_at, problem.zone), problem.roads)
            free_at = min(free_at or from_at, from_at - timedelta(seconds=way))
            free_at = max(free_at, problem.now)
        way = way_s(driver.travels_by, place, work.place, _hour(free_at, problem.zone), problem.roads)
        arrives_at = _advanced(free_at, timedelta(seconds=way), pauses)
        begins_at = max(arrives_at, from_at)
        if not work.fixed:
            whole_at = whole_minute(begins_at, up=True)
            begins_at = _between(whole_at if whole_at <= work.promised_until_at else begins_at, work.lasts, pauses)
        yield _Leg(work, way, begins_at)
        free_at, place = begins_at + work.lasts, work.place


def _advanced(at: datetime, way: timedelta, pauses: Sequence[tuple[datetime, datetime]]) -> datetime:
    """Return when a way is driven that begins at an instant and rests in the breaks."""
    for since, until in pauses:
        if until <= at:
            continue
        if at + way <= since:
            break
        way -= max(since - at, timedelta())
        at = until
    return at + way


def _between(at: datetime, lasts: timedelta, pauses: Sequence[tuple[datetime, datetime]]) -> datetime:
    """Return the first start from an instant on at which work is done before a break, or begins after it."""
    for since, until in pauses:
        if since < at + lasts and at < until:
            at = until
    return at


def _rested(driver: Driver, since: datetime, until: datetime) -> timedelta:
    pauses = ((b[1], a[0]) for b, a in pairwise(driver.shifts))
    return sum((max(min(until, to) - max(since, of), timedelta()) for of, to in pauses), timedelta())


def _out_of_bounds(driver: Driver, work: Work, stop: Stop, problem: Problem) -> Iterator[str]:
    if work.fixed:
        return
    if not work.promised_from_at <= stop.start_at <= work.promised_until_at:
        yield "outside its promise"
    if not work.skills <= driver.skills:
        yield "needs a skill"
    if stop.start_at < problem.now:
        yield "in the past"
    ends_at = stop.start_at + work.lasts
    if not any(since <= stop.start_at and ends_at <= until for since, until in driver.shifts):
        yield "outside working hours"


def _from_now(driver: Driver, begun: Sequence[Work], now: datetime) -> Driver:
    """Return a technician whose day begins now, or when the work that was begun is done, at its place."""
    mine = [work for work in begun if work.technician == driver.technician]
    last = max(mine, key=lambda work: work.planned_until_at, default=None)
    free_at = now if last is None else max(now, last.planned_until_at)
    place = driver.start if last is None or last.place is None else last.place
    shifts = tuple((max(since, free_at), until) for since, until in driver.shifts if until > free_at)
    return replace(driver, start=place, shifts=shifts)


def _middle(problem: Problem, driver: Driver) -> Place:
    """Return where a technician works on this day, as it stands; where it begins when there is nothing to do."""
    places = [one.place for one in problem.works if one.technician == driver.technician and one.place is not None]
    if not places:
        return driver.start or NOWHERE
    return sum(lat for lat, _ in places) / len(places), sum(lon for _, lon in places) / len(places)


def _expected_from(work: Work, problem: Problem) -> datetime:
    return work.planned_from_at if work.fixed else soonest_start(work, problem)


def _by_visit(problem: Problem) -> dict[int, Work]:
    return {work.visit: work for work in problem.works}


def _hour(at: datetime, zone: tzinfo) -> float:
    local = at.astimezone(zone)
    return local.hour + local.minute / 60
