"""Plan a whole day anew: read it, have it solved, and when somebody wants that, book what comes out, or take it back.

Reading and booking are two transactions, and the solver works between them. Whatever was changed meanwhile, the plan is
not booked: it was made for another day.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import Conflict, Invalid, Stale
from app.models import Customer, Hold, Notice, Service, Site, Technician, Visit, VisitEvent
from app.operations.appointment import Changes, Message
from app.operations.appointment import change as change_appointment
from app.operations.booking import add_event
from app.operations.branch import ENDS, STARTS, WITH_BRANCH
from app.operations.notice import GONE_OUT, Telling
from app.operations.slots import USUAL_HOURS
from app.operations.time_off import time_off
from app.operations.turn import lock_technicians
from app.rules.booking import Taken
from app.rules.calendar import day_bounds
from app.rules.duty import Away, at_work
from app.rules.gaps import LONGEST_WORK
from app.rules.optimise import (
    NOWHERE,
    Driver,
    Figures,
    Place,
    Plan,
    Problem,
    Solver,
    Stop,
    Work,
    as_planned,
    faults,
    figures,
    in_steps,
    is_better,
    legs,
    neighbours,
    part_of,
    standing,
    timed,
    to_plan,
)
from app.rules.roads import AskRoads
from app.rules.visit import OPEN

log = structlog.get_logger()

EVENT = "planned_anew"
#: So often no more visits than these that found no place are fixed where they are, and the rest is planned around them.
MOST_ROUNDS, FEW = 1, 2
#: A router may take so long for all the ways of a day, seconds.
ROUTER_WITHIN_S = 30.0
#: The seconds of such a round, as a share of those of the first.
ROUND_SHARE = 0.25
#: Where the whole day loses somebody's visits, a few technicians' days at a time are planned instead, each in so many
#: seconds, for as long again as the whole day took.
PART_S = 0.25


@dataclass(frozen=True, slots=True)
class Known:
    """What a person knows a visit by, and the fingerprint that tells whether it was changed."""

    customer: str
    promised_from_at: datetime
    promised_until_at: datetime
    seen: tuple[Any, ...]
    #: The technician of whom the customer heard last.
    told: int | None


@dataclass(frozen=True, slots=True)
class DayRead:
    """One day as it stood when it was read: what is left to plan of it, and all that stands in it."""

    on: date
    zone: tzinfo
    problem: Problem
    taken: Sequence[Taken]
    having: Mapping[int, int]
    visits: Mapping[int, Known]
    technicians: Mapping[int, str]
    only: frozenset[int]
    pinned: frozenset[int]
    #: Visits of two technicians, which stay as they stand.
    for_two: frozenset[int] = frozenset()
    #: Who goes along with the first one of two; and to which visit a second one's time belongs.
    second: Mapping[int, int] = field(default_factory=dict)
    beside: Mapping[int, int] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """What is other once anything was changed that a plan rests on; times held for customers apart."""
        seen = [[str(one) for one in self.visits[visit].seen] for visit in sorted(self.visits)]
        return hashlib.sha256(json.dumps([seen, _hours(self)]).encode()).hexdigest()

    @property
    def held(self) -> frozenset[int]:
        """The times that are held for customers, by number."""
        return frozenset(visit for visit in self.having if visit < 0)


@dataclass(frozen=True, slots=True)
class Decided:
    """What is to be booked of a day that was planned anew, if the day still is as it was when it was read."""

    on: date
    changes: Sequence[Stop]
    fingerprint: str
    held: frozenset[int]
    only: frozenset[int] = frozenset()
    pinned: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Proposal:
    """A day planned anew: what it comes to before and after, and the `changes`, by their time; none when it does not
    pay."""

    day: DayRead
    before: Figures
    after: Figures
    changes: tuple[Stop, ...]
    plan: Plan = field(default_factory=dict)

    @property
    def decided(self) -> Decided:
        """What is to be booked of it."""
        day = self.day
        return Decided(day.on, self.changes, day.fingerprint, day.held, day.only, day.pinned)

    def told(self) -> list[int]:
        """Return the visits whose customers know another technician by name, and are told."""
        known = self.day.visits
        return [stop.visit for stop in self.changes if known[stop.visit].told not in (None, stop.technician)]


def read_day(
    session: Session,
    on: date,
    *,
    now: datetime,
    zone: tzinfo,
    only: Collection[int] = (),
    pinned: Collection[int] = (),
    changed: Callable[[Problem], Problem] = lambda problem: problem,
) -> DayRead:
    """Return a local day: everybody at work, or `only` some of them, and every visit that is theirs or nobody's.

    `changed` makes of the day what it will be: somebody falls ill, work takes longer, a call comes.

    Raises Invalid for a technician or a visit that there is not.
    """
    begins_at, ends_at = day_bounds(on, zone)
    people = session.execute(
        select(
            Technician.id, Technician.name, Technician.active, Technician.skills, Technician.working_hours,
            *STARTS, *ENDS, Technician.travels_by,
        ).select_from(WITH_BRANCH).order_by(Technician.id)
    ).all()  # fmt: skip
    if unknown := set(only) - {person.id for person in people if person.active}:
        raise Invalid.one("technicians", "unknown", id=min(unknown))
    rows = session.execute(
        select(
            Visit.id, Visit.version, Visit.status, Visit.technician_id, Visit.planned_from_at, Visit.planned_until_at,
            Visit.promised_from_at, Visit.promised_until_at, Visit.duration_min, Visit.forecast_median_at,
            Site.lat, Site.lon, Service.skill, Customer.name, Visit.second_technician_id, Visit.beside_id,
            Service.technicians, Customer.avoids,
        )
        .join(Site, Site.id == Visit.site_id)
        .join(Service, Service.id == Visit.service_id)
        .join(Customer, Customer.id == Visit.customer_id)
        .where(
            Visit.status != "cancelled",
            Visit.planned_from_at >= begins_at - LONGEST_WORK,
            Visit.planned_from_at < ends_at,
            Visit.planned_until_at > begins_at,
        )
        .order_by(Visit.planned_from_at, Visit.id)
    ).all()  # fmt: skip
    rows = [row for row in rows if not only or row.technician_id is None or row.technician_id in only]
    # Work that two are needed for and nobody has yet is given to nobody alone.
    rows = [row for row in rows if row.technician_id is not None or row.technicians == 1]
    avoided = {one for row in rows for one in row.avoids or ()}
    if unknown := set(pinned) - {row.id for row in rows}:
        raise Invalid.one("pin", "unknown", id=min(unknown))
    busy = {row.technician_id for row in rows}
    off = time_off(session, begins_at, ends_at, zone)
    drivers = [
        _driver(person, off.of(person.id), on, zone, avoided)
        for person in people
        if (person.active and not only) or person.id in {*only, *busy}
    ]
    holds = session.execute(
        select(Hold.id, Hold.technician_id, Hold.from_at, Hold.until_at, Hold.lat, Hold.lon).where(
            Hold.expires_at > now, Hold.from_at < ends_at, Hold.until_at > begins_at
        )
    ).all()
    held = [hold for hold in holds if hold.technician_id in {driver.technician for driver in drivers}]
    problem = Problem(tuple(drivers), (*(_work(row, begins_at, now) for row in rows), *map(_held, held)), now, zone)
    told = _told(session, [row.id for row in rows])
    return DayRead(
        on=on,
        zone=zone,
        problem=to_plan(changed(problem), set(pinned)),
        taken=[
            *(Taken(row.id, row.planned_from_at, row.planned_until_at, row.lat, row.lon) for row in rows),
            *(Taken(-hold.id, hold.from_at, hold.until_at, hold.lat, hold.lon) for hold in held),
        ],
        having={row.id: row.technician_id for row in rows if row.technician_id is not None}
        | {-hold.id: hold.technician_id for hold in held},
        visits={
            row.id: Known(row.name, row.promised_from_at, row.promised_until_at, tuple(row[:9]), told.get(row.id))
            for row in rows
        },
        technicians={person.id: person.name for person in people},
        only=frozenset(only),
        pinned=frozenset(pinned),
        for_two=frozenset(row.id for row in rows if _is_for_two(row)),
        second={row.id: row.second_technician_id for row in rows if row.second_technician_id is not None},
        beside={row.id: row.beside_id for row in rows if row.beside_id is not None},
    )


def plan_day(
    day: DayRead,
    solve: Solver,
    seconds: float,
    progress: Callable[[float], None] = lambda _: None,
    router: AskRoads | None = None,
) -> Proposal:
    """Have a day planned within about so many seconds, and compare it with the day as it stands.

    The router is asked first, and takes some seconds more for a large day.

    No visit loses its technician: one for which no place is found is fixed where it is, and the rest planned around it;
    where that does not help, the days of a few neighbours at a time are planned instead.
    Raises what the solver raises.
    """
    if router is not None:
        roads = router(legs(day.problem), ROUTER_WITHIN_S)
        day = replace(day, problem=replace(day.problem, roads=roads))
    stands = standing(day.problem)
    before = figures(day.problem, stands)
    plan = _best(day.problem, solve, seconds, progress)
    after = figures(day.problem, plan)
    if not is_better(before, after):
        return Proposal(day, before, before, (), stands)
    changes = sorted((s for s in plan.values() if stands.get(s.visit) != s), key=lambda s: (s.start_at, s.visit))
    return Proposal(day, before, after, tuple(changes), plan)


def book_proposal(session: Session, proposal: Proposal, *, now: datetime, telling: Telling, actor: str) -> int:
    """Book what was proposed, all of it or nothing; see `book_decided`."""
    people = [driver.technician for driver in proposal.day.problem.drivers]
    return book_decided(session, proposal.decided, people, now=now, telling=telling, actor=actor)


def book_decided(
    session: Session, decided: Decided, people: Sequence[int], *, now: datetime, telling: Telling, actor: str
) -> int:
    """Book a plan of these `people`, all of it or nothing, and tell the customers who know of another technician.

    Returns how many visits were changed.

    Raises Stale `day_changed` when anything of the day was changed since it was read, or a time has come meanwhile.
    """
    lock_technicians(session, *people)
    again = read_day(session, decided.on, now=now, zone=telling.zone, only=decided.only, pinned=decided.pinned)
    same = again.fingerprint == decided.fingerprint and again.held <= decided.held
    if not same or any(stop.start_at < now for stop in decided.changes):
        raise Stale("day_changed")
    book_stops(session, {stop.visit: stop for stop in decided.changes}, again, now, telling, actor)
    return len(decided.changes)


def take_back(
    session: Session, on: date, *, now: datetime, zone: tzinfo, telling: Telling, actor: str, run: str | None = None
) -> int:
    """Book a day's former plan again, as it was before the last new one (which must be `run`, when that is given);
    return how many visits were changed.

    Raises Conflict `nothing_to_take_back`, Stale `day_changed` when one of them was changed since or is begun.
    """
    begins_at, ends_at = day_bounds(on, zone)
    events = session.execute(
        select(VisitEvent.visit_id, VisitEvent.facts)
        .join(Visit, Visit.id == VisitEvent.visit_id)
        .where(VisitEvent.kind == EVENT, Visit.planned_from_at >= begins_at, Visit.planned_from_at < ends_at)
        .order_by(VisitEvent.id.desc())
    ).all()
    last = [event for event in events if event.facts["run"] == events[0].facts["run"]]
    if not last or last[0].facts.get("taken_back") or run not in (None, last[0].facts["run"]):
        raise Conflict("nothing_to_take_back")
    former = {event.visit_id: event.facts for event in last}
    lock_technicians(session, *session.scalars(select(Technician.id).where(Technician.active)))
    day = read_day(session, on, now=now, zone=zone)
    stops = {}
    for visit, facts in former.items():
        known = day.visits.get(visit)
        start_at = datetime.fromisoformat(facts["planned_from"])
        if known is None or known.seen[1:3] != (facts["version"], "booked") or start_at < now:
            raise Stale("day_changed")
        if facts["technician"] is not None:
            stops[visit] = Stop(visit, facts["technician"], start_at)
    nobodys = [visit for visit in former if visit not in stops]
    second = {visit: facts["second"] for visit, facts in former.items() if facts.get("second") is not None}
    book_stops(session, stops, day, now, telling, actor, nobodys=nobodys, taken_back=True, second=second)
    return len(former)


def _best(problem: Problem, solve: Solver, seconds: float, progress: Callable[[float], None]) -> Plan:
    """Return the best plan found: of the whole day, or part by part where more is promised than can be kept."""
    if (whole := _without_loss(problem, solve, seconds, progress)) is not None:
        return whole
    ends_s = time.monotonic() + seconds
    for people in neighbours(problem):
        part = part_of(problem, people)
        found = _without_loss(part, solve, PART_S, lambda _: progress(1.0))
        if found is not None and is_better(figures(part, standing(part)), figures(part, found)):
            problem = as_planned(problem, found)
        if time.monotonic() >= ends_s:
            break
    return standing(problem)


def _without_loss(
    problem: Problem, solve: Solver, seconds: float, progress: Callable[[float], None]
) -> dict[int, Stop] | None:
    """Return a plan in which nobody's visit loses its technician; None where none was found."""
    stands, fixed = standing(problem), problem
    for tried in range(MOST_ROUNDS + 1):
        orders = solve(fixed, seconds * ROUND_SHARE if tried else seconds, progress)
        plan = timed(fixed, orders)
        lost = [work for work in fixed.works if work.technician is not None and work.visit not in plan]
        if all(work.fixed for work in lost):  # what is fixed with somebody who is not there
            plan |= {work.visit: stands[work.visit] for work in lost}
            break
        if len(lost) > FEW:
            return None
        where = {work.visit for work in lost}
        fixed = replace(fixed, works=tuple(replace(w, fixed=w.fixed or w.visit in where) for w in fixed.works))
    else:
        return None
    if wrong := faults(fixed, plan):
        log.error("a plan that cannot be driven was put aside", faults=wrong[:5], of=len(wrong))
        return None
    return plan


def book_stops(
    session: Session,
    stops: Mapping[int, Stop],
    day: DayRead,
    now: datetime,
    telling: Telling,
    actor: str,
    *,
    nobodys: Sequence[int] = (),
    taken_back: bool = False,
    second: Mapping[int, int] | None = None,
) -> None:
    """Change visits one after another, each bookable when its turn comes, and note the plan that each had.

    Somebody else in the second technician's place is a change of the visit that it belongs to; `second`: who is to go
    along again.
    """
    run = now.isoformat()
    along = {**day.second, **(second or {})}
    having = {visit: who for visit, who in day.having.items() if visit not in nobodys}
    for visit, stop in [*((visit, None) for visit in nobodys), *in_steps(day.taken, stops, having)]:
        first = day.beside.get(visit, visit)
        given: Changes
        if stop is None:
            given = {"unassign": True} if first == visit else {"alone": True}
        elif first == visit:
            given = {"technician_id": stop.technician, "planned_from_at": stop.start_at}
            given["second_technician_id"] = along.get(visit)
        else:
            along[first] = stop.technician
            given = {"second_technician_id": stop.technician}
        # The solver has asked for the hours itself; what is taken back was booked before.
        given["insist"] = given["short_handed"] = True
        changed = change_appointment(session, first, Message(telling), now=now, actor=actor, **given)
        if stop is not None or visit in nobodys:
            was = day.visits[first].seen
            facts = {"run": run, "version": changed.version, "technician": was[3], "planned_from": was[4].isoformat()}
            facts |= {"second": day.second[first]} if first in day.second else {}
            add_event(session, changed, EVENT, actor, now, facts=facts | ({"taken_back": True} if taken_back else {}))


def _told(session: Session, visits: Sequence[int]) -> dict[int, int]:
    """Return the technician of whom each customer heard last."""
    named = session.execute(
        select(Notice.visit_id, Notice.technician_id)
        .where(Notice.visit_id.in_(visits), Notice.state.in_(GONE_OUT), Notice.technician_id.is_not(None))
        .order_by(Notice.id)
    )
    return {visit: who for visit, who in named if who is not None}


def _driver(person: Any, away: Sequence[Away], on: date, zone: tzinfo, avoided: Collection[int]) -> Driver:
    hours = person.working_hours if any(person.working_hours.values()) else USUAL_HOURS
    start = NOWHERE if person.start_lat is None or person.start_lon is None else (person.start_lat, person.start_lon)
    end = start if person.end_lat is None or person.end_lon is None else (person.end_lat, person.end_lon)
    shifts = (at_work(hours, away, [on], zone) or ()) if person.active else ()
    # Whom a customer does not want again lacks a skill that everybody else has.
    skills = frozenset([*person.skills, *(_not(one) for one in avoided if one != person.id)])
    return Driver(person.id, shifts, skills, start, end, person.travels_by)


def _not(technician_id: int) -> str:
    return f"not {technician_id}"


def _work(row: Any, begins_at: datetime, now: datetime) -> Work:
    """Return a visit; one that is under way, or reaches into the day from the one before, is fixed."""
    under_way = row.status in OPEN and row.status != "booked"
    until_at, minutes = row.planned_until_at, row.duration_min
    if under_way:
        begun_at = max(row.forecast_median_at or row.planned_from_at, row.planned_from_at)
        until_at = max(until_at, begun_at + timedelta(minutes=minutes), now)
        minutes = -((row.planned_from_at - until_at) // timedelta(minutes=1))
    return Work(
        visit=row.id,
        place=_place(row),
        duration_min=minutes,
        promised_from_at=row.promised_from_at,
        promised_until_at=row.promised_until_at,
        planned_from_at=row.planned_from_at,
        technician=row.technician_id,
        # Who is with her by the office's own word stays.
        skills=frozenset(
            [*([row.skill] if row.skill else []), *(_not(n) for n in row.avoids or () if n != row.technician_id)]
        ),
        # Two who meet at a door are not planned by a solver that knows each of them alone.
        fixed=row.status != "booked" or row.planned_from_at < begins_at or _is_for_two(row),
    )


def _is_for_two(row: Any) -> bool:
    return row.second_technician_id is not None or row.beside_id is not None


def _held(hold: Any) -> Work:
    """Return a time that is held for a customer who is thinking, as work that nobody may move."""
    minutes = -((hold.from_at - hold.until_at) // timedelta(minutes=1))
    times = hold.from_at, hold.from_at, hold.from_at
    return Work(-hold.id, _place(hold), minutes, *times, hold.technician_id, fixed=True)


def _place(row: Any) -> Place | None:
    return None if row.lat is None or row.lon is None else (row.lat, row.lon)


def _hours(day: DayRead) -> list[tuple[Any, ...]]:
    """Return what a plan rests on of everybody's day, whatever the hour."""
    return [
        (one.technician, sorted(one.skills), str(one.end), one.travels_by, str(one.shifts[-1:]))
        for one in day.problem.drivers
    ]
