"""Something has happened today: who leaves, what overruns, who calls. Which ways are there to go on, and which is best?

Each way is tried on the plan, and then judged by the forecast: a promise counts as kept only when that says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from app.rules import forecast as forecasting
from app.rules.forecast import Forecast
from app.rules.helper import SLOWER, Worker, forecasts
from app.rules.optimise import (
    Driver,
    Figures,
    Plan,
    Problem,
    Solver,
    Stop,
    Work,
    faults,
    figures,
    standing,
    timed,
    way_m,
)
from app.rules.proposal import answer_by
from app.rules.repair import MOVED_MOST, SAFE_SHARE, five_minutes, window_to_hold
from app.rules.visit import GRACE

#: Stands for the visit of who calls.
NEW = 2**31 - 1
#: Nobody is sent elsewhere so shortly before the work begins: what has happened leaves less time than a plan for a day.
LEAD = timedelta(minutes=10)
#: So long after the usual hours a technician may be asked to go on.
OVERTIME = timedelta(hours=2)
#: So many ways a person can weigh against each other, and so many colleagues are tried for all of it.
MOST_WAYS, MOST_COLLEAGUES = 5, 3
#: Who calls is reached as soon by one as by another that begins within so many seconds.
SOON_S = 900
#: What each way may take the solver, seconds.
LEAST_S = 0.4
#: Of so much a promise is asked for that is wider than a moment.
WINDOW = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Ask:
    """A customer who would have to agree: the plan of her visit, and the window that would hold."""

    stop: Stop
    from_at: datetime
    until_at: datetime


@dataclass(frozen=True, slots=True)
class Way:
    """One way to go on.

    `how`: others_stay (only those concerned are placed anew), colleague (one takes all that `who` can), all_move
    (everybody's plan may change, no promise), overtime; `plan` all that is planned then; `asks` and `lost` what of
    those concerned has no place within its promise: who is asked to agree to a later time, and to whom nobody can come.
    """

    how: str
    who: int | None
    plan: Plan
    asks: Mapping[int, Ask] = field(default_factory=dict)
    lost: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Judged:
    """A way with what it comes to: of the promises that are looked at (`of`) so many are kept; and how likely each of
    the visits whose forecast there is would be late."""

    way: Way
    kept: int
    of: int
    late: Mapping[int, float]
    figures: Figures
    #: The window to promise to who calls, one that would hold.
    window: tuple[datetime, datetime] | None = None


def ways(
    problem: Problem,
    concerned: Collection[int],
    solve: Solver,
    seconds: float,
    progress: Callable[[float], None],
    leaver: int | None = None,
) -> list[Way]:
    """Return the ways to go on, each different: who takes the visits `concerned` (nobody's in the problem) and when."""
    tries = list(_tries(problem, concerned, leaver))
    each_s = max(seconds / (2 * len(tries)), LEAST_S)
    found: dict[tuple[object, ...], Way] = {}
    for number, (how, who, one) in enumerate(tries):
        begun = number / len(tries)

        def told(share: float, begun: float = begun) -> None:
            progress(begun + share / len(tries))

        way = _way(how, who, one, concerned, solve, each_s, told)
        progress((number + 1) / len(tries))
        if way is not None:
            places = tuple(sorted((s.visit, s.technician, s.start_at) for s in way.plan.values()))
            asked = tuple(sorted((visit, ask.stop.technician) for visit, ask in way.asks.items()))
            found.setdefault((places, asked), way)
    return list(found.values())


def best(judged: Sequence[Judged]) -> list[Judged]:
    """Return the few best: by promises kept, then by who is lost, how soon who calls is reached, driving, overtime."""

    def order(one: Judged) -> tuple[float, ...]:
        sums, new = one.figures, one.way.plan.get(NEW)
        soon = new.start_at.timestamp() // SOON_S if new is not None else 0.0
        return -one.kept, len(one.way.lost), soon, round(sums.road_min), round(sums.overtime_min)

    return sorted(judged, key=order)[:MOST_WAYS]


def judge(
    way: Way,
    problem: Problem,
    workers: Mapping[int, Worker],
    stops: Mapping[int, forecasting.Stop],
    looked_at: Collection[int],
    hours: Mapping[int, Driver],
) -> Judged:
    """Return what a way comes to: each day that it touches is forecast with the stops as they would be then.

    `workers` are the days as they stand, `stops` every visit as the forecast knows it; `looked_at` are the promises
    that count, the same for all ways; `hours` the technicians with their usual hours, by which overtime is counted.
    """
    plan = {**way.plan, **{visit: ask.stop for visit, ask in way.asks.items()}}
    late: dict[int, float] = {}
    asks = dict(way.asks)
    window: tuple[datetime, datetime] | None = None
    for technician, worker in workers.items():
        order = _order(technician, plan, worker, stops, way)
        seen = forecasts(worker, order, problem.now, at_base=True)
        for visit, forecast in ((int(visit), one) for visit, one in seen.items()):
            if visit in asks:
                asks[visit] = asked_for(asks[visit], forecast, stops[visit])
                due_at = asks[visit].until_at
            elif visit == NEW:
                new = asked_for(Ask(plan[NEW], plan[NEW].start_at, plan[NEW].start_at), forecast, stops[NEW])
                window, due_at = (new.from_at, new.until_at), new.until_at
            else:
                due_at = stops[visit].promised_until_at
            late[visit] = forecast.share_after(due_at + GRACE - _slower(worker, plan.get(visit), stops[visit]))
    kept = 0
    for visit in looked_at:
        if visit in asks or visit in way.lost:
            continue
        kept += late.get(visit, 1.0) <= SAFE_SHARE  # where there is no forecast, nobody says so
    works = tuple(_moved(work, asks) for work in problem.works if work.visit in plan)
    usual = replace(problem, drivers=tuple(hours.get(d.technician, d) for d in problem.drivers), works=works)
    return Judged(replace(way, asks=asks), kept, len(looked_at), late, figures(usual, plan), window)


def asked_for(ask: Ask, forecast: Forecast, stop: forecasting.Stop) -> Ask:
    """Return what a customer is asked, with the window that would hold."""
    from_at, until_at = window_to_hold(forecast, max(stop.promised_from_at, min(ask.stop.start_at, ask.from_at)))
    from_at = min(from_at, five_minutes(ask.stop.start_at))
    return replace(ask, from_at=from_at, until_at=max(until_at, from_at + WINDOW))


def _tries(
    problem: Problem, concerned: Collection[int], leaver: int | None
) -> Iterator[tuple[str, int | None, Problem]]:
    fixed = replace(problem, works=tuple(replace(w, fixed=w.fixed or w.visit not in concerned) for w in problem.works))
    yield "others_stay", None, fixed
    for technician in _nearest(problem, concerned, leaver):
        yield "colleague", technician, _only(fixed, concerned, technician)
    yield "all_move", None, problem
    longer = tuple(
        driver if driver.technician == leaver or not driver.shifts else replace(
            driver, shifts=(*driver.shifts[:-1], (driver.shifts[-1][0], driver.shifts[-1][1] + OVERTIME))
        )
        for driver in problem.drivers
    )  # fmt: skip
    yield "overtime", None, replace(fixed, drivers=longer)


def _nearest(problem: Problem, concerned: Collection[int], leaver: int | None) -> list[int]:
    """Return the colleagues to try for all of it: those who know the work, the nearest by what they have today."""
    works = [work for work in problem.works if work.visit in concerned]
    places = [work.place for work in works]
    able = []
    for driver in problem.drivers:
        if driver.technician == leaver or not driver.shifts or not any(w.skills <= driver.skills for w in works):
            continue
        own = [work.place for work in problem.works if work.technician == driver.technician] or [driver.start]
        able.append((min(way_m(a, b) for a in own for b in places), driver.technician))
    return [technician for _, technician in sorted(able)[:MOST_COLLEAGUES]]


def _only(problem: Problem, concerned: Collection[int], technician: int) -> Problem:
    """Return the problem in which nobody but one technician can take those concerned."""
    mark = frozenset({f"only {technician}"})
    drivers = tuple(
        replace(driver, skills=driver.skills | mark) if driver.technician == technician else driver
        for driver in problem.drivers
    )
    works = tuple(replace(w, skills=w.skills | mark) if w.visit in concerned else w for w in problem.works)
    return replace(problem, drivers=drivers, works=works)


def _way(
    how: str, who: int | None, problem: Problem, concerned: Collection[int], solve: Solver, seconds: float,
    progress: Callable[[float], None],
) -> Way | None:  # fmt: skip
    plan = _planned(problem, solve, seconds, progress)
    if plan is None:
        return None
    left = [work for work in problem.works if work.visit in concerned and work.visit not in plan]
    if not left:
        return Way(how, who, plan)
    if how == "colleague" and not any(visit in plan for visit in concerned):
        return None
    # What has no place within its promise: is there one later today, to which the customer could agree?
    askable = {
        work.visit
        for work in left
        if work.visit != NEW and not work.meets and answer_by(problem.now, work.promised_from_at)
    }
    works = tuple(
        _stands(work, plan) if work.visit in plan else _later(work)
        for work in problem.works
        if work.visit in plan or work.visit in askable
    )
    free = replace(problem, works=works)
    later = _planned(free, solve, seconds, progress) if askable else None
    asks = {
        visit: Ask(stop, five_minutes(stop.start_at), five_minutes(stop.start_at) + WINDOW)
        for visit, stop in (later or {}).items()
        if visit in askable
    }
    return Way(how, who, plan, asks, tuple(work.visit for work in left if work.visit not in asks))


def _planned(
    problem: Problem, solve: Solver, seconds: float, progress: Callable[[float], None]
) -> dict[int, Stop] | None:
    """Return what a solver makes of it; None when it takes a visit from somebody without giving it to anybody."""
    stands = standing(problem)
    plan = timed(problem, solve(problem, seconds, progress))
    for work in problem.works:
        if work.technician is not None and work.visit not in plan:
            if not work.fixed:
                return None
            plan[work.visit] = stands[work.visit]
    return None if faults(problem, plan) else plan


def _stands(work: Work, plan: Plan) -> Work:
    stop = plan[work.visit]
    return replace(work, fixed=True, technician=stop.technician, planned_from_at=stop.start_at)


def _later(work: Work) -> Work:
    return replace(work, promised_until_at=work.promised_until_at + MOVED_MOST)


def _moved(work: Work, asks: Mapping[int, Ask]) -> Work:
    ask = asks.get(work.visit)
    return work if ask is None else replace(work, promised_from_at=ask.from_at, promised_until_at=ask.until_at)


def _order(
    technician: int, plan: Plan, worker: Worker, stops: Mapping[int, forecasting.Stop], way: Way
) -> list[forecasting.Stop]:
    """Return the stops of one technician's day as they would be: what is over or begun, then the plan in its order."""
    mine = sorted((s for s in plan.values() if s.technician == technician), key=lambda stop: stop.start_at)
    ids = {stop.visit for stop in mine}
    gone = {visit for visit, stop in plan.items() if stop.technician != technician} | {*way.lost}
    before = [stops.get(int(s.visit), s) for s in worker.day.stops if int(s.visit) not in ids | gone]
    had = {int(stop.visit) for stop in worker.day.stops}
    then = []
    for stop in mine:
        known = stops.get(stop.visit)
        if known is None:
            continue
        if stop.visit not in had:
            known = known._replace(en_route_at=None, arrived_at=None, eta_reported=None, eta_reported_at=None)
        if stop.visit in way.asks:
            known = known._replace(promised_from_at=stop.start_at, promised_until_at=stop.start_at + WINDOW)
        then.append(known)
    return [*before, *then]


def _slower(worker: Worker, stop: Stop | None, known: forecasting.Stop) -> timedelta:
    """Return how much later somebody comes who does not come by car, of which the forecast thinks; at the most."""
    if stop is None or worker.place is None or worker.travels_by == "car":
        return timedelta()
    way = worker.travel(way_m(worker.place, (known.lat, known.lon)), stop.start_at)
    return timedelta(seconds=way.median_s * (1 - 1 / SLOWER[worker.travels_by]))


def changed(before: Plan, after: Plan) -> Counter[int]:
    """Return the technicians whose plan another one changes, and how often."""
    touched: Counter[int] = Counter()
    for visit in {*before, *after}:
        old, new = before.get(visit), after.get(visit)
        if old != new:
            touched.update(stop.technician for stop in (old, new) if stop is not None)
    return touched
