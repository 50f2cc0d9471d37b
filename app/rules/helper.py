"""Who else could take a visit over, by plan, skill, working hours and distance?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.rules.board import NEAR
from app.rules.booking import Clash, Taken, first_free_start
from app.rules.duty import Away, Shifts, fits_shift, is_away
from app.rules.forecast import Day, Forecast, Stop, forecast_day
from app.rules.position import Fix, distance_m
from app.rules.travel import USUAL_SPREAD, Travel, usual
from app.rules.visit import GRACE

#: How far, straight, one is sent out of turn, and how much longer a way takes than by car.
REACH_M: Mapping[str, float] = {"car": 40_000.0, "public_transport": 15_000.0, "bicycle": 5_000.0}
SLOWER: Mapping[str, float] = {"car": 1.0, "public_transport": 1.5, "bicycle": 1.4}
#: Where a promise cannot be met any more, somebody else must be so much sooner.
SOONER = timedelta(minutes=15)
#: Technicians whose day is forecast for the sake of one visit.
MOST_HELPERS = 8
#: Who has no position yet is taken to have been at the base for so long.
AT_BASE = timedelta(minutes=20)
#: Why somebody cannot help, what is harder to change first.
REFUSALS = ("skill", "off_duty", "far", "unplaced", "busy", "too_late")
#: So surely somebody is there in time who sets off in time: the normal quantile of 80 %.
_SURE_Z = 0.84


@dataclass(frozen=True, slots=True)
class Worker:
    """A technician around now.

    `day` holds the stops in planned order, done ones included, and the fixes; for a first, rough look it may be empty;
    `taken` is the plan, visits without a position included; `shifts` the working hours around now (None: not stated),
    `away` what is taken off of them; `place` (lat, lon) the last known position or the base; `heading` the visit that
    the technician is on the way to; `told` the visits whose customers know of a delay.
    """

    technician: int
    day: Day
    taken: tuple[Taken, ...] = ()
    skills: frozenset[str] = frozenset()
    travels_by: str = "car"
    shifts: Shifts | None = None
    place: tuple[float, float] | None = None
    heading: str | None = None
    told: frozenset[str] = frozenset()
    away: tuple[Away, ...] = ()

    def works(self, begin_at: datetime, end_at: datetime) -> bool:
        """Return whether this technician works at a time, by the hours and what is taken off."""
        return fits_shift(self.shifts, begin_at, end_at) and not is_away(self.away, begin_at, end_at)

    @property
    def planned(self) -> Mapping[str, Taken]:
        """The plan by visit."""
        return {str(taken.visit_id): taken for taken in self.taken}

    def travel(self, way_m: float, at: datetime) -> Travel:
        """Return how long this technician usually takes for `way_m` straight metres, leaving at an instant."""
        local = at.astimezone(self.day.zone)
        by_car = usual(way_m, local.hour + local.minute / 60)
        return Travel(by_car.median_s * SLOWER[self.travels_by], USUAL_SPREAD)


@dataclass(frozen=True, slots=True)
class Helper:
    """A technician who could take a visit over: planned at `start_at`, `way_m` straight metres and about `travel_min`
    minutes away from where the work before ends, and needs to set off by `latest_at`."""

    worker: Worker
    start_at: datetime
    way_m: float
    travel_min: float
    latest_at: datetime


def shortlist(
    target: Stop, skill: str, own: Worker, others: Sequence[Worker], now: datetime
) -> tuple[list[Helper], Counter[str]]:
    """Return who could take a visit over, nearest first and a handful at most, and why how many others could not.

    Only plans and straight distances are looked at; `own` has the visit now; reasons are REFUSALS. Example: of two who
    are free at three, one knows the work and is 5 km away, the other lacks the skill: one helper, `{"skill": 1}`.
    """
    forecast = forecasts(own, own.day.stops, now).get(target.visit)
    found: list[Helper] = []
    refused: Counter[str] = Counter()
    if forecast is None:
        return found, refused
    by_at = target.promised_until_at + GRACE
    if is_near(target, now):
        by_at = max(by_at, forecast.arrives_median_at - SOONER)
    for worker in others:
        helper = _could_help(target, skill, by_at, worker, now)
        if isinstance(helper, Helper):
            found.append(helper)
        else:
            refused[helper] += 1
    return sorted(found, key=lambda helper: (helper.way_m, helper.worker.technician))[:MOST_HELPERS], refused


def forecasts(worker: Worker, stops: Sequence[Stop], now: datetime, *, at_base: bool = False) -> dict[str, Forecast]:
    """Return the forecasts of a technician's day with these stops, in the order in which they will be made.

    With `at_base`, who has begun nothing and has no position is taken to be at the place that is known.
    """
    fixes = worker.day.fixes
    idle = not fixes and not any(stop.en_route_at or stop.arrived_at for stop in stops)
    if at_base and idle and worker.place is not None:
        fixes = tuple(Fix(now - ago, *worker.place) for ago in (AT_BASE, timedelta()))
    day = replace(worker.day, stops=tuple(stops), fixes=fixes)
    return {forecast.visit: forecast for forecast in forecast_day(day, now).forecasts}


def is_near(target: Stop, now: datetime) -> bool:
    """Return whether a promise is so near, or over, that hardly anybody else could still keep it."""
    return target.promised_until_at - now < NEAR


def whole_minute(at: datetime, *, up: bool = False) -> datetime:
    """Return the full minute before an instant, or with `up` the one after it."""
    whole = at.replace(second=0, microsecond=0)
    return whole + timedelta(minutes=1) if up and whole != at else whole


def _could_help(target: Stop, skill: str, by_at: datetime, worker: Worker, now: datetime) -> Helper | str:
    """Return how a technician could take the visit over by the plan, or why not."""
    if skill and skill not in worker.skills:
        return "skill"
    latest_at = target.promised_until_at
    earliest_at = min(max(target.promised_from_at, whole_minute(now, up=True)), latest_at)
    duration = timedelta(minutes=target.duration_min)
    if worker.shifts is not None and not any(a <= latest_at and earliest_at < b for a, b in worker.shifts):
        return "off_duty"
    start = first_free_start(earliest_at, latest_at, target.duration_min, target.lat, target.lon, worker.taken)
    if isinstance(start, Clash):
        return "busy"
    if not worker.works(start, start + duration):
        return "off_duty"
    next_one = worker.planned.get(worker.heading or "")
    if next_one is not None and next_one.from_at >= start:
        return "busy"  # nobody is called and turned round at the wheel
    before = max((t for t in worker.taken if t.until_at <= start), key=lambda t: t.until_at, default=None)
    place, leaves_at = worker.place, now
    if before is not None and before.until_at > now:
        leaves_at = before.until_at
        place = (before.lat, before.lon) if before.lat is not None and before.lon is not None else place
    if place is None:
        return "unplaced"
    way_m = distance_m(*place, target.lat, target.lon)
    if way_m > REACH_M[worker.travels_by]:
        return "far"
    travel = worker.travel(way_m, leaves_at)
    if leaves_at + timedelta(seconds=travel.median_s) > by_at:
        return "too_late"
    set_off_at = whole_minute(by_at - timedelta(seconds=travel.at(_SURE_Z)))
    return Helper(worker, start, way_m, travel.median_s / 60, set_off_at)
