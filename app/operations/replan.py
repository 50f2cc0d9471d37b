"""Go on when something has happened today: find the ways, and do the one that is chosen, all of it or nothing.

Finding reads only, in a process of its own; what is done is checked anew: no visit that a way rests on may have been
changed since. Nobody's promise moves without her yes, and to whom nobody can come is told so once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta, tzinfo
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.errors import Conflict, Invalid, NotFound, Problem, Stale
from app.i18n import day_words, t, time_words
from app.models import Customer, Notice, Planning, Service, Site, Technician, Visit
from app.operations.appointment import Message, book, cancel
from app.operations.notice import GONE_OUT, Telling
from app.operations.optimise import DayRead, book_stops, read_day, take_back
from app.operations.planning import start_planning, to_apply, to_take_back
from app.operations.proposal import Question, Step, ask, ask_to_choose
from app.operations.reminder import book_reminders, reminders_wanted, take_reminders_back
from app.operations.repair import workers_around
from app.operations.second import among_two, other_of
from app.operations.slots import find_slots
from app.operations.time_off import NewAbsence, enter_absence
from app.operations.time_off import take_back as take_absence_back
from app.operations.turn import lock_technicians
from app.rules import forecast as forecasting
from app.rules import optimise as optimising
from app.rules.calendar import day_bounds
from app.rules.helper import Worker, forecasts
from app.rules.optimise import Solver, Stop, Work, standing
from app.rules.proposal import CHOSEN_WITHIN
from app.rules.repair import SAFE_SHARE
from app.rules.replan import LEAD, NEW, Judged, Way, best, judge, ways
from app.rules.roads import AskRoads
from app.rules.visit import AWAITED, GRACE, OPEN

#: What is found is as old as the moment it was asked for; it is done no later than this.
HOLDS_FOR = timedelta(minutes=10)
#: Times offered to whom nobody can come, and how far ahead they are looked for.
SLOTS, SLOTS_AHEAD = 3, timedelta(days=5)
#: Why, as customers may read it: texts `visit.reason_…`.
REASONS = ("ill", "ran_long", "vehicle", "weather")
#: What the search may take, seconds.
SECONDS = 6.0
#: Somebody waits for it: so long a router may take for the ways of what is left of a day, seconds.
ROUTER_WITHIN_S = 5.0


@dataclass(frozen=True, slots=True)
class Case:
    """What has happened, as it was asked: who leaves from when on, whose work goes on until when, or who calls."""

    kind: str
    wish: Mapping[str, Any]
    concerned: tuple[int, ...]
    leaver: int | None = None


def start_leaving(
    session: Session, technician_id: int | None, from_at: datetime | None, reason: str, *, actor: str, now: datetime,
    zone: tzinfo,
) -> Planning:  # fmt: skip
    """Ask what becomes of the visits of somebody who leaves for the rest of today. Raises Invalid naming the fields."""
    technician = session.get(Technician, technician_id or 0)
    problems = [] if technician is not None and technician.active else [Problem("technician", "unknown")]
    begins_at, ends_at = day_bounds(now.astimezone(zone).date(), zone)
    if from_at is None or not now - timedelta(hours=1) <= from_at < ends_at or from_at < begins_at:
        problems.append(Problem("from", "today_ahead"))
    _check_reason(reason, problems)
    assert from_at is not None
    wish = {"technician": technician_id, "from": max(from_at, now).isoformat(), "reason": reason}
    return start_planning(session, "leaves", now.astimezone(zone).date(), wish, actor=actor, now=now)


def start_overrun(
    session: Session, visit_id: int | None, until_at: datetime | None, reason: str, *, actor: str, now: datetime,
    zone: tzinfo,
) -> Planning:  # fmt: skip
    """Ask what becomes of the visits after one that lasts until later. Raises Invalid naming the fields."""
    visit = session.get(Visit, visit_id or 0)
    problems = []
    if visit is None or visit.technician_id is None or visit.status not in OPEN:
        problems.append(Problem("visit", "unknown"))
    if until_at is None or not now < until_at < now + timedelta(hours=12):
        problems.append(Problem("until", "today_ahead"))
    _check_reason(reason, problems)
    assert until_at is not None
    wish = {"visit": visit_id, "until": until_at.isoformat(), "reason": reason}
    return start_planning(session, "overruns", now.astimezone(zone).date(), wish, actor=actor, now=now)


def start_urgent(
    session: Session, site_id: int | None, service_id: int | None, by_at: datetime | None, note: str, *, actor: str,
    now: datetime, zone: tzinfo,
) -> Planning:  # fmt: skip
    """Ask who could come to a site as soon as possible, or before `by_at`. Raises Invalid naming the fields."""
    site, service = session.get(Site, site_id or 0), session.get(Service, service_id or 0)
    problems = []
    if site is None or site.lat is None:
        problems.append(Problem("site", "unknown"))
    if service is None or not service.active:
        problems.append(Problem("service", "unknown"))
    elif service.technicians > 1:
        problems.append(Problem("service", "for_two"))  # two at once are looked for in the booking form
    _, ends_at = day_bounds(now.astimezone(zone).date(), zone)
    if by_at is not None and not now + LEAD < by_at <= ends_at:
        problems.append(Problem("by", "today_ahead"))
    _check_reason("", problems)
    assert service is not None
    by_at = by_at or min(now + timedelta(hours=4), ends_at - timedelta(minutes=1))
    wish = {"site": site_id, "service": service_id, "by": by_at.isoformat(), "note": note[:500]}
    return start_planning(session, "urgent", now.astimezone(zone).date(), wish, actor=actor, now=now)


@dataclass(frozen=True, slots=True)
class Happened:
    """What was read when it was asked: the case, the day as what has happened makes it, and as it stands."""

    case: Case
    day: DayRead
    raw: DayRead


def read_case(session: Session, planning: Planning, zone: tzinfo) -> Happened:
    """Return what is needed to look for ways to go on; nothing has to stay open while that is done."""
    now, case = planning.created_at, _case(session, planning, zone)
    day = read_day(session, planning.on_day, now=now, zone=zone, changed=lambda whole: _happened(session, whole, case))
    return Happened(case, day, read_day(session, planning.on_day, now=now, zone=zone))


def find_ways(
    asked: Happened, solve: Solver, progress: Callable[[float], None], router: AskRoads | None = None
) -> tuple[Happened, list[Way]]:
    """Return the ways to go on, with the day by the router's ways when there is one and it answers in time."""
    case, day = asked.case, asked.day
    if router is not None:
        roads = router(optimising.legs(day.problem), ROUTER_WITHIN_S)
        day = replace(day, problem=replace(day.problem, roads=roads))
    concerned = [work.visit for work in day.problem.works if work.visit in case.concerned]
    missed = [visit for visit in case.concerned if visit not in concerned]  # too late to send anybody
    found = ways(day.problem, concerned, solve, SECONDS, progress, case.leaver) if concerned else []
    found = [replace(way, lost=(*way.lost, *missed)) for way in found if NEW not in way.lost]
    if not found and missed and case.kind != "urgent":
        found = [Way("others_stay", None, standing(day.problem), {}, tuple(missed))]
    return replace(asked, day=day), found


def judged_ways(
    session: Session, planning: Planning, asked: Happened, found: Sequence[Way], zone: tzinfo
) -> dict[str, Any]:
    """Return what a person decides by: what was to be kept if nothing were done, and the few best ways to go on.

    What a way rests on is as it was when it was read: whatever was changed since, it is not done.
    """
    now, wish, case, day, raw = planning.created_at, planning.wish, asked.case, asked.day, asked.raw
    touched = _touched(found, raw, case)
    workers, stops = workers_around(session, touched, now, zone)
    stops = _stops(session, stops, case, wish)
    looked_at = sorted(
        {int(s.visit) for one in workers.values() for s in one.day.stops if s.is_open and s.arrived_at is None}
        | set(case.concerned)
    )
    hours = {driver.technician: driver for driver in day.problem.drivers}
    judged = best([judge(way, day.problem, workers, stops, looked_at, hours) for way in found])
    before = _before(workers, stops, case, looked_at, now)
    return {
        "before": {"kept": before, "of": len(looked_at)},
        "basis": day.problem.roads.basis,
        "concerned": [_known(session, visit) for visit in case.concerned if visit != NEW],
        "ways": [_shown(session, number, one, raw, case, now, zone) for number, one in enumerate(judged, start=1)],
    }


def apply_way(session: Session, planning_id: int, key: int, *, now: datetime, telling: Telling, actor: str) -> Planning:
    """Do what a way says, all in this transaction, and tell whom it concerns: of another technician who knows one; by
    a question whose time would move; once, with times to choose from, to whom nobody can come.

    Raises NotFound, Conflict, Stale when anything it rests on was changed since, or it is too old.
    """
    planning = to_apply(session, planning_id)
    way = next((one for one in (planning.result or {})["ways"] if one["key"] == key), None)
    if way is None:
        raise NotFound("planning")
    if now > planning.created_at + HOLDS_FOR:
        raise Stale("day_changed")
    lock_technicians(session, *way["people"])
    visits = {
        visit.id: visit
        for visit in session.scalars(
            select(Visit)
            .where(Visit.id.in_([int(one) for one in way["seen"]]))
            .order_by(Visit.id)
            .with_for_update(of=Visit, key_share=True)
            .execution_options(populate_existing=True)
        )
    }
    for number, seen in way["seen"].items():
        visit = visits.get(int(number))
        if visit is None or _seen(visit) != seen or visit.status not in OPEN:
            raise Stale("day_changed")
    stops = {one["visit"]: _stop(one) for one in way["steps"]}
    if any(stop.start_at < now for stop in stops.values()):
        raise Stale("day_changed")
    run = now.isoformat()
    freed = [*way["lost"], *(way["asks"] if planning.kind == "leaves" else ())]
    zone = telling.zone
    applied: dict[str, Any] = {"run": run, "key": key, "lost": [one["visit"] for one in way["lost"]]}
    try:
        day = read_day(session, planning.on_day, now=now, zone=zone)
        having = [one["visit"] for one in freed if day.having.get(one["visit"]) is not None]
        book_stops(session, stops, day, now, telling, actor, nobodys=having)
        if planning.kind == "leaves":
            applied["absence"] = _leave(session, planning, zone, now, actor)
        if way["new"] is not None:
            applied["visit"] = _book_new(session, planning, way["new"], now, zone, actor)
        for one in way["asks"]:
            steps = [Step(one["visit"], one["technician"], _at(one["start"]))]
            why = _why(planning, one["visit"], session)
            question = Question(one["visit"], _at(one["from"]), _at(one["until"]), steps, why)
            ask(session, question, now=now, telling=telling, actor=actor)
        for one in way["lost"]:
            visit = session.get_one(Visit, one["visit"])
            take_reminders_back(session, visit.id, "moved", now)
            how: dict[str, Any] = {"reason": _why(planning, visit.id, session), "by_at": now + CHOSEN_WITHIN}
            ask_to_choose(session, visit, one["slots"], telling=telling, now=now, actor=actor, **how)
    except (Conflict, Invalid) as error:
        raise Stale("day_changed") from error
    planning.applied_at, planning.applied_by, planning.applied = now, actor, applied
    return planning


def may_take_back(session: Session, planning: Planning) -> bool:
    """Return whether nobody was told yet of what was done, so that it can be undone without a word."""
    if planning.applied_at is None or planning.applied is None or planning.taken_back_at is not None:
        return False
    way = _way_of(planning)
    ids = [*(int(one["visit"]) for kind in ("steps", "asks", "lost") for one in way[kind])]
    if "visit" in planning.applied:
        ids.append(planning.applied["visit"])
    told = select(func.count()).where(
        Notice.visit_id.in_(ids), Notice.created_at >= planning.applied_at, Notice.reach.in_(GONE_OUT)
    )
    return not session.scalar(told)


def take_way_back(session: Session, planning_id: int, *, now: datetime, telling: Telling, actor: str) -> Planning:
    """Undo what was done, while nobody was told of it. Raises NotFound, Conflict `told_already`, Stale."""
    planning = to_take_back(session, planning_id)
    if not may_take_back(session, planning):
        raise Conflict("told_already")
    applied: Mapping[str, Any] = planning.applied or {}
    if "visit" in applied:
        cancel(session, applied["visit"], Message(telling, "no"), now=now, actor=actor)
    if applied.get("absence"):
        take_absence_back(session, applied["absence"], now=now, actor=actor)
    way = _way_of(planning)
    if way["steps"] or way["lost"] or (way["asks"] and planning.kind == "leaves"):
        take_back(
            session, planning.on_day, now=now, zone=telling.zone, telling=telling, actor=actor, run=applied["run"]
        )
    for number in applied["lost"]:
        visit = session.get_one(Visit, number)
        book_reminders(session, visit, telling.zone, now, wanted=reminders_wanted(session, visit.id))
    planning.taken_back_at = now
    return planning


def _way_of(planning: Planning) -> Mapping[str, Any]:
    key = (planning.applied or {})["key"]
    return next(one for one in (planning.result or {})["ways"] if one["key"] == key)


def _check_reason(reason: str, problems: list[Problem]) -> None:
    if reason not in ("", *REASONS):
        problems.append(Problem("reason", "choice", {"choices": ", ".join(REASONS)}))
    if problems:
        raise Invalid(problems)


def _why(planning: Planning, visit_id: int, session: Session) -> str:
    """Return why, as the customer of a visit reads it; nothing where nobody said."""
    reason = planning.wish.get("reason")
    return t(f"visit.reason_{reason}", session.get_one(Visit, visit_id).customer.language) if reason else ""


def _case(session: Session, planning: Planning, zone: tzinfo) -> Case:
    wish, now = planning.wish, planning.created_at
    if planning.kind == "urgent":
        return Case("urgent", wish, (NEW,))
    ends_at = day_bounds(planning.on_day, zone)[1]
    mine = select(Visit.id).where(Visit.status.in_(AWAITED), Visit.planned_from_at < ends_at)
    if planning.kind == "leaves":
        from_at = max(_at(wish["from"]), now)
        late = mine.where(Visit.technician_id == wish["technician"], Visit.planned_until_at > from_at)
        return Case("leaves", wish, tuple(session.scalars(late.order_by(Visit.planned_from_at))), wish["technician"])
    visit = session.get_one(Visit, wish["visit"])
    after = mine.where(
        Visit.technician_id == visit.technician_id, Visit.id != visit.id, Visit.planned_from_at >= visit.planned_from_at
    )
    return Case("overruns", wish, tuple(session.scalars(after.order_by(Visit.planned_from_at))))


def _happened(session: Session, problem: optimising.Problem, case: Case) -> optimising.Problem:
    """Return the day as what has happened makes it: those concerned are nobody's, and to be placed."""
    wish = case.wish
    two = among_two(session, case.concerned)
    works = tuple(
        _freed(work, _needed(session, work.visit) if work.visit in two else None)
        if work.visit in case.concerned
        else work
        for work in problem.works
    )
    drivers = problem.drivers
    if case.kind == "leaves":
        from_at = _at(wish["from"])
        drivers = tuple(
            replace(one, shifts=tuple((a, min(b, from_at)) for a, b in one.shifts if a < from_at))
            if one.technician == case.leaver
            else one
            for one in drivers
        )
    elif case.kind == "overruns":
        until_at = _at(wish["until"])
        works = tuple(
            replace(
                work, fixed=True, duration_min=max(-((work.planned_from_at - until_at) // timedelta(minutes=1)), 1)
            ) if work.visit == wish["visit"] else work
            for work in works
        )  # fmt: skip
    else:
        site, service = session.get_one(Site, wish["site"]), session.get_one(Service, wish["service"])
        assert site.lat is not None
        assert site.lon is not None
        skills = frozenset({service.skill} if service.skill else ())
        times = problem.now + LEAD, _at(wish["by"]), problem.now + LEAD
        works = (*works, Work(NEW, (site.lat, site.lon), service.duration_min, *times, None, skills))
    return replace(problem, drivers=drivers, works=works, lead=LEAD)


def _freed(work: Work, needed: frozenset[str] | None) -> Work:
    """Return a visit as nobody's; of two who meet another may come, who knows what is `needed`, but at that time."""
    if needed is None:
        return replace(work, technician=None, fixed=False)
    then = work.planned_from_at
    skills = frozenset(one for one in work.skills if one.startswith("not ")) | needed
    return replace(
        work, technician=None, fixed=False, meets=True, promised_from_at=then, promised_until_at=then, skills=skills
    )


def _needed(session: Session, visit_id: int) -> frozenset[str]:
    """Return what one of two must know because the other does not."""
    visit = session.get_one(Visit, visit_id)
    other, skill = other_of(session, visit), visit.service.skill
    return frozenset({skill} if skill and (other is None or skill not in other.skills) else ())


def _touched(found: Sequence[Way], raw: DayRead, case: Case) -> list[int]:
    """Return the technicians whose days any way changes, and whose day it happened to."""
    before = standing(raw.problem)
    touched: set[int | None] = {case.leaver}
    for way in found:
        plan = {**way.plan, **{visit: one.stop for visit, one in way.asks.items()}}
        for visit, stop in plan.items():
            if visit > 0 and before.get(visit) != stop:
                touched |= {stop.technician, raw.having.get(visit)}
    touched |= {raw.having.get(visit) for visit in case.concerned}
    return sorted(one for one in touched if one is not None)


def _stops(
    session: Session, stops: Mapping[int, forecasting.Stop], case: Case, wish: Mapping[str, Any]
) -> dict[int, forecasting.Stop]:
    """Return every visit as the forecast is to know it after what has happened."""
    known = dict(stops)
    if case.kind == "overruns" and (stop := known.get(wish["visit"])) is not None:
        begun_at = stop.arrived_at or stop.promised_from_at
        minutes = max(int((_at(wish["until"]) - begun_at) / timedelta(minutes=1)), 1)
        known[wish["visit"]] = stop._replace(duration_min=minutes)
    if case.kind == "urgent":
        site, service = session.get_one(Site, wish["site"]), session.get_one(Service, wish["service"])
        assert site.lat is not None
        assert site.lon is not None
        by_at = _at(wish["by"])
        known[NEW] = forecasting.Stop(
            visit=str(NEW), lat=site.lat, lon=site.lon, promised_from_at=by_at - timedelta(hours=12),
            promised_until_at=by_at, duration_min=service.duration_min,
        )  # fmt: skip
    return known


def _before(
    workers: Mapping[int, Worker], stops: Mapping[int, forecasting.Stop], case: Case, looked_at: Sequence[int],
    now: datetime,
) -> int:  # fmt: skip
    """Return how many promises are kept when nothing is done."""
    kept = 0
    for technician, worker in workers.items():
        lost = set(case.concerned) if technician == case.leaver else set()
        order = [stops[int(s.visit)] for s in worker.day.stops if int(s.visit) not in lost]
        for visit, one in forecasts(worker, order, now, at_base=True).items():
            due_at = stops[int(visit)].promised_until_at + GRACE
            kept += int(visit) in looked_at and one.share_after(due_at) <= SAFE_SHARE
    return kept


def _shown(
    session: Session, key: int, one: Judged, raw: DayRead, case: Case, now: datetime, zone: tzinfo
) -> dict[str, Any]:
    """Return what is kept of a way: what a person reads, and what doing it needs."""
    way, before = one.way, standing(raw.problem)
    changed = [s for s in way.plan.values() if 0 < s.visit < NEW and before.get(s.visit) != s]
    new = way.plan.get(NEW)
    people = {s.technician for s in changed} | {a.stop.technician for a in way.asks.values()}
    people |= {raw.having[v] for v in (*case.concerned, *(s.visit for s in changed)) if v in raw.having}
    if new is not None:
        people.add(new.technician)
    involved = {*case.concerned, *(s.visit for s in changed)} - {NEW}
    involved |= {raw.beside[visit] for visit in involved if visit in raw.beside}
    lost = list(dict.fromkeys(raw.beside.get(visit, visit) for visit in way.lost))
    people |= {who for visit in lost for who in (raw.having.get(visit), raw.second.get(visit)) if who is not None}
    visits = {visit.id: visit for visit in session.scalars(select(Visit).where(Visit.id.in_(involved)))}
    steps = [
        {
            **_known(session, s.visit), "technician": s.technician, "name": raw.technicians[s.technician],
            "start": s.start_at.isoformat(), "late": one.late.get(s.visit),
            "was": raw.technicians.get(raw.having.get(s.visit, 0)), "had": raw.having.get(s.visit),
            "told": raw.visits[s.visit].told not in (None, s.technician),
        }
        for s in sorted(changed, key=lambda s: (s.start_at, s.visit))
    ]  # fmt: skip
    sums = asdict(one.figures)
    return {
        "key": key, "how": way.how, "who": raw.technicians.get(way.who or 0),
        "kept": one.kept, "of": one.of, "road_min": sums["road_min"], "overtime_min": sums["overtime_min"],
        "steps": steps,
        "asks": [
            {
                **_known(session, visit), "technician": a.stop.technician, "name": raw.technicians[a.stop.technician],
                "start": a.stop.start_at.isoformat(), "late": one.late.get(visit),
                "asked_from": a.from_at.isoformat(), "asked_until": a.until_at.isoformat(),
                "from": a.from_at.isoformat(), "until": a.until_at.isoformat(),
            }
            for visit, a in way.asks.items()
        ],
        "lost": [
            {**_known(session, visit), "slots": _slots(session, session.get_one(Visit, visit), now, zone)}
            for visit in lost
        ],
        "new": None if new is None else _new(new, raw, one),
        "people": sorted(people),
        "seen": {str(visit.id): _seen_then(raw, visit) for visit in visits.values()},
    }  # fmt: skip


def _new(stop: Stop, raw: DayRead, one: Judged) -> dict[str, Any]:
    from_at, until_at = one.window or (stop.start_at, stop.start_at + timedelta(minutes=30))
    return {
        "technician": stop.technician, "name": raw.technicians[stop.technician], "start": stop.start_at.isoformat(),
        "from": from_at.isoformat(), "until": until_at.isoformat(), "late": one.late.get(NEW),
    }  # fmt: skip


def _known(session: Session, visit_id: int) -> dict[str, Any]:
    row = session.execute(
        select(Customer.name, Visit.promised_from_at, Visit.promised_until_at)
        .join(Visit, Visit.customer_id == Customer.id)
        .where(Visit.id == visit_id)
    ).one()
    return {
        "visit": visit_id, "customer": row[0], "promised_from": row[1].isoformat(), "promised_until": row[2].isoformat()
    }  # fmt: skip


def _slots(session: Session, visit: Visit, now: datetime, zone: tzinfo) -> list[str]:
    """Return the times that a customer is offered to whom nobody can come, in her words; none where none are known."""
    if visit.site.lat is None or visit.site.lon is None:
        return []
    begins_at = now + timedelta(hours=1)
    try:
        found = find_slots(
            session, service_id=visit.service_id, lat=visit.site.lat, lon=visit.site.lon, from_at=begins_at,
            until_at=begins_at + SLOTS_AHEAD, now=now, zone=zone, duration_min=visit.duration_min, moving=visit.id,
            most=SLOTS, customer_id=visit.customer_id,
            technicians=2 if visit.second_technician_id is not None else None,
        )  # fmt: skip
    except Invalid:
        return []
    language = visit.customer.language
    times = sorted({slot.starts_at for slot in found})[:SLOTS]
    return [f"{day_words(at.astimezone(zone).date(), language)} {time_words(at, zone)}" for at in times]


def _leave(session: Session, planning: Planning, zone: tzinfo, now: datetime, actor: str) -> int:
    ends_at = day_bounds(planning.on_day, zone)[1]
    new = NewAbsence(planning.wish["technician"], _at(planning.wish["from"]), ends_at)
    return enter_absence(session, new, zone=zone, now=now, actor=actor).id


def _book_new(
    session: Session, planning: Planning, new: Mapping[str, Any], now: datetime, zone: tzinfo, actor: str
) -> int:
    wish = planning.wish
    site = session.get_one(Site, wish["site"])
    visit = book(
        session, zone=zone, now=now, actor=actor, customer_id=site.customer_id, site_id=site.id,
        service_id=wish["service"], promised_from_at=_at(new["from"]), promised_until_at=_at(new["until"]),
        duration_min=None, technician_id=new["technician"], planned_from_at=_at(new["start"]), note=wish["note"],
        insist=True,
    )  # fmt: skip
    return visit.id


def _seen(visit: Visit) -> list[Any]:
    return [visit.version, visit.technician_id, visit.planned_from_at.isoformat(), visit.promised_from_at.isoformat()]


def _seen_then(raw: DayRead, visit: Visit) -> list[Any]:
    """Return the same of a visit as it was when the day was read."""
    known = raw.visits.get(visit.id)
    if known is None:
        return _seen(visit)
    _, version, _, technician, planned_from_at, _, promised_from_at, *_ = known.seen
    return [version, technician, planned_from_at.isoformat(), promised_from_at.isoformat()]


def _stop(one: Mapping[str, Any]) -> Stop:
    return Stop(one["visit"], one["technician"], _at(one["start"]))


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)
