"""When will the technician be at each remaining stop, as a distribution?"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import NamedTuple

from app.rules.habits import PRIORS, Habits, Window
from app.rules.motion import CREEP_MPS, Motion, motion
from app.rules.position import Fix, believed, distance_m
from app.rules.presence import Inferred as Inferred
from app.rules.presence import Stop as Stop
from app.rules.presence import corrected, in_order, left_at
from app.rules.ratio import Ratios
from app.rules.samples import SAMPLES, U, Z, factors
from app.rules.travel import Travel, aside, doubted, held_up, jammed, observed, usual, usual_s
from app.rules.visit import GRACE
from app.rules.work import LATEST_S, departures, packing, time_to_leave, times_to_leave

#: Late is who arrives more than this after the end of the promise.
GRACE_S = GRACE.total_seconds()
#: So near at the last fix and moving, silence means arrived (a car park below ground), certainly after this long.
NEAR_M, PERHAPS_S = 500.0, 600.0
#: A way of which nothing is known.
UNKNOWN_TRAVEL = Travel(1200.0, 0.6)
#: Who stood this long without a word of setting off has perhaps not set off.
NOT_LEFT_S = 600.0
#: After the work, a phone that says nothing for so long may have left without it.
WAITING_STALE_S = 1200.0
#: So near is still there; passing by the base is no stay.
STAYS_M, BASE_STAY_S = 150.0, 180.0
#: A leg is directed at its stop when it came so much nearer; until then, so long after a job, only that was left.
NEARER_M, LEFT_LATELY = 300.0, timedelta(minutes=10)
#: How well a technician's own word holds, and for how long after its time.
WORD_SPREAD_S, WORD_SPREAD_SHARE, WORD_OVER_S = 300.0, 0.15, 300.0
#: On the way, when nobody tapped it: so much nearer than at the beginning of the leg, and the promise not far off.
UNDER_WAY_M, UNDER_WAY_BEFORE = 500.0, timedelta(hours=2)

_WHY = {"creeping": "slowly_nearer", "standing": "stands_still", "at_site": "stays_at_site", "silent": "no_fix",
        "unknown": "nothing_known"}  # fmt: skip
_ARRIVED_WHY = {"position": "stays_at_site", "silence": "silent_at_door"}
_ASIDE = tuple(aside(u) for u in U[5])
#: Where in the sorted samples the range begins, its middle, and where it ends.
_RANGE = tuple(int(share * SAMPLES) for share in (0.1, 0.5, 0.9))
#: Which columns of samples each stop goes by; after as many stops as there are columns, the first ones again.
_COLUMNS = tuple(tuple((3 + 3 * index + k) % len(U) for k in range(3)) for index in range(len(U)))


@dataclass(frozen=True, slots=True)
class Day:
    """One technician's working day: `stops` in planned order, done ones included, cancelled ones left out; raw `fixes`
    of the last hours in any order; `zone` for the local hour; `base` latitude and longitude of the home or branch where
    the day starts, if known; `habits` what this company has learned, and whose day it is (the id of the `technician`,
    0: nobody's)."""

    stops: tuple[Stop, ...]
    fixes: tuple[Fix, ...]
    zone: tzinfo
    base: tuple[float, float] | None = None
    habits: Habits = PRIORS
    technician: int = 0


class Forecast(NamedTuple):
    """The arrival at one open stop, as a range: a tuple, as one is made for every stop at every look.

    `arrives_from_at`, `arrives_median_at`, `arrives_until_at`: 10, 50 and 90 %; `late_probability` of arriving more
    than 5 minutes after the promise; `as_of` the newest evidence (None: nothing but the plan); `basis` plan |
    usual_speed | observed_pace | reported_eta | work_left | cascade | silence; `state` what the technician does (see
    DayForecast) when this stop is next, later when others come before.

    `made_at` and `arrivals_s`: the sorted samples, seconds from then (negative: may have arrived unnoticed);
    `next_stop`: nothing comes before it; `perhaps_there`: the phone fell silent so near that this is an arrival rather
    than a delay; `distance_m` straight metres; `silent_s` how long nothing has been heard while it should have been;
    `due_at`: while silent, the arrival as it was expected when the phone was last heard; `reopened`: an arrival was
    recorded that cannot be right; `windows` how windows must be told to hold as often as they claim.
    """

    visit: str
    arrives_from_at: datetime
    arrives_until_at: datetime
    arrives_median_at: datetime
    late_probability: float
    as_of: datetime | None
    basis: str
    state: str
    made_at: datetime
    arrivals_s: tuple[float, ...]
    next_stop: bool = False
    perhaps_there: bool = False
    distance_m: float | None = None
    silent_s: float = 0.0
    due_at: datetime | None = None
    reopened: bool = False
    windows: Mapping[str, Window] = PRIORS.windows

    def share_after(self, at: datetime) -> float:
        """Return the probability of arriving after `at`. Example: at `arrives_median_at` about 0.5."""
        return share_after(self.arrivals_s, (at - self.made_at).total_seconds())


@dataclass(frozen=True, slots=True)
class DayForecast:
    """What the technician does, a forecast for each open stop, what positions tell beside the taps (`inferred`), and
    which recorded arrivals they contradict (`withdrawn`).

    `state` since `since`, at `current`, concluded from `why`: at_base (stays_at_base), waiting (work_done: still at the
    last site), at_site (tapped_arrived | stays_at_site | silent_at_door), left (left_site | day_done), travelling
    (moves | comes_nearer), creeping (slowly_nearer), standing (stands_still), silent (no_fix), unknown (nothing_known).
    """

    state: str
    since: datetime | None
    current: Fix | None
    forecasts: tuple[Forecast, ...]
    inferred: tuple[Inferred, ...]
    withdrawn: tuple[Inferred, ...] = ()
    why: str = "nothing_known"


@dataclass(frozen=True, slots=True)
class _Outlook:
    """Where the rest of the day begins: when the technician leaves, from where, and what that rests on."""

    state: str
    why: str
    since: datetime | None
    basis: str
    as_of: datetime | None
    silent_s: float = 0.0
    leaving: Sequence[float] | None = None  # None: under way already
    place: tuple[float, float] = (0.0, 0.0)


def share_after(arrivals_s: Sequence[float], seconds: float) -> float:
    """Return the share of sorted samples beyond `seconds`, without jumps: `share_after((0, 10), 5)` is 0.5."""
    n = len(arrivals_s)
    k = bisect_right(arrivals_s, seconds)
    if k == 0:
        return 1.0
    if k == n:
        return 0.0
    low, high = arrivals_s[k - 1], arrivals_s[k]
    return 1.0 - (k - 0.5 + (seconds - low) / (high - low)) / n


def forecast_day(day: Day, now: datetime) -> DayForecast:
    """Return the forecasts for the open stops of `day` at `now`, and what positions tell beside the taps.

    Each of 48 evenly spread samples is one possible rest of the day: leave when the work is done and it is time, drive,
    arrive, work, leave. So an overrun at ten reaches the visit at three, less the slack in between. Example: who creeps
    towards a door 200 m away at 5 m a minute is there in about 40 minutes, basis `observed_pace`.
    """
    fixes = believed(day.fixes, now)
    stops, inferred, withdrawn = corrected(day.stops, fixes, now)
    todo = in_order([stop for stop in stops if stop.is_open], fixes)
    done = [stop for stop in stops if not stop.is_open]
    last_done = max(done, key=lambda stop: stop.completed_at or stop.arrived_at or now, default=None)
    here = next((stop for stop in reversed(stops) if stop.is_at_work), None)
    outlook = _outlook(day, here, last_done, todo, fixes, now)
    forecasts: list[Forecast] = []
    leaving, place = outlook.leaving, outlook.place
    reopened = {one.visit for one in withdrawn}
    for index, stop in enumerate(todo):
        columns = _COLUMNS[index % len(_COLUMNS)]
        first = index == 0
        forecast_state, basis, perhaps, away_m, due_s = outlook.state, outlook.basis, False, None, None
        if leaving is None:
            moved = motion(fixes, stop.lat, stop.lon, now, _departed_at(last_done, fixes))
            arrivals, basis, perhaps, due_s = _under_way(stop, moved, last_done, day, now)
            outlook = _while_driving(outlook, moved, stop, last_done, now)
            forecast_state, away_m = moved.state, moved.distance_m if moved.current else None
            inferred += _noticed(stop, moved, last_done, fixes, arrivals, perhaps, now)
        else:
            arrivals = _onward(stop, leaving, place, day, now, columns[0])
        if not first:
            forecast_state, basis = "later", "cascade"
        as_of = outlook.as_of
        word = _reported(stop, arrivals, now)
        if word is not None:
            arrivals, basis = word, "reported_eta"
            as_of = max((at for at in (as_of, stop.eta_reported_at) if at), default=None)
        ordered = tuple(sorted(arrivals))
        low, middle, high = [now + timedelta(seconds=ordered[place]) for place in _RANGE]
        forecasts.append(
            Forecast(
                visit=stop.visit,
                arrives_from_at=low,
                arrives_until_at=high,
                arrives_median_at=middle,
                late_probability=share_after(ordered, (stop.promised_until_at - now).total_seconds() + GRACE_S),
                as_of=as_of,
                basis=basis,
                state=forecast_state,
                made_at=now,
                arrivals_s=ordered,
                next_stop=first and here is None,
                perhaps_there=perhaps,
                distance_m=away_m,
                silent_s=outlook.silent_s,
                due_at=None if due_s is None else now + timedelta(seconds=due_s),
                reopened=stop.visit in reopened,
                windows=day.habits.windows,
            )
        )
        if index + 1 < len(todo):
            leaving = _leave_after(stop, arrivals, todo[index + 1], day, now, columns[1], columns[2])
            place = (stop.lat, stop.lon)
    current = fixes[-1] if fixes else None
    return DayForecast(
        outlook.state, outlook.since, current, tuple(forecasts), tuple(inferred), tuple(withdrawn), outlook.why
    )  # fmt: skip


def _outlook(
    day: Day, here: Stop | None, last_done: Stop | None, todo: Sequence[Stop], fixes: Sequence[Fix], now: datetime
) -> _Outlook:
    """Return where the rest of the day begins: at work, waiting at the last site or at the base, or under way."""
    seen_at = fixes[-1].fixed_at if fixes else None
    if here is not None and here.arrived_at is not None:
        begun_at = max(here.arrived_at, min(here.promised_from_at, here.arrived_at + timedelta(minutes=15)))
        leaving = departures(
            (begun_at - now).total_seconds(),
            here.duration_min * 60.0,
            _needed_s((here.lat, here.lon), _first(todo), day, now),
            U[1],
            U[2],
            day.habits.work(here.service, day.technician),
        )
        as_of = max(at for at in (here.arrived_at, seen_at) if at)
        why = _ARRIVED_WHY.get(here.arrived_by or "position", "tapped_arrived")
        return _Outlook("at_site", why, here.arrived_at, "work_left", as_of, 0.0, leaving, (here.lat, here.lon))
    place = (last_done.lat, last_done.lon) if last_done else None
    if last_done is not None and place is not None and fixes and _is_near(fixes[-1], place):
        as_of = max(at for at in (last_done.completed_at, seen_at) if at)
        return _waiting("waiting", "work_done", last_done.completed_at, as_of, place, todo, fixes, day, now)
    since = _at_base_since(day.base, fixes)
    if day.base is not None and since is not None and not any(stop.en_route_at for stop in todo[:1]):
        return _waiting("at_base", "stays_at_base", since, fixes[-1].fixed_at, day.base, todo, fixes, day, now)
    if last_done is not None and not todo:
        return _Outlook("left", "day_done", last_done.completed_at, "plan", seen_at)
    return _Outlook("unknown", "nothing_known", None, "plan", seen_at)


def _waiting(
    state: str, why: str, since: datetime | None, as_of: datetime | None, place: tuple[float, float],
    todo: Sequence[Stop], fixes: Sequence[Fix], day: Day, now: datetime,
) -> _Outlook:  # fmt: skip
    """Return the outlook of who is free at a `place` and leaves when it is time, or a little after."""
    age_s = (now - fixes[-1].fixed_at).total_seconds()
    needed_s = _needed_s(place, _first(todo), day, now)
    leaving = [leave_s + packing(w) for leave_s, w in zip(times_to_leave(needed_s, U[1]), U[2], strict=True)]
    return _Outlook(
        state, why, since, "usual_speed", as_of, age_s if age_s > WAITING_STALE_S else 0.0, leaving, place
    )  # fmt: skip


def _is_near(fix: Fix, place: tuple[float, float]) -> bool:
    return distance_m(fix.lat, fix.lon, *place) <= STAYS_M


def _at_base_since(base: tuple[float, float] | None, fixes: Sequence[Fix]) -> datetime | None:
    """Return since when the phone has stayed at the base; None when it is elsewhere or only passes by."""
    if base is None or not fixes or not _is_near(fixes[-1], base):
        return None
    since = fixes[-1].fixed_at
    for fix in reversed(fixes):
        if not _is_near(fix, base):
            return since if (fixes[-1].fixed_at - since).total_seconds() >= BASE_STAY_S else None
        since = fix.fixed_at
    return since


def _while_driving(outlook: _Outlook, moved: Motion, stop: Stop, last_done: Stop | None, now: datetime) -> _Outlook:
    tapped_at = last_done.completed_at if last_done else None
    as_of = max((at for at in (outlook.as_of, stop.en_route_at, tapped_at) if at), default=None)
    unheard = moved.state in ("silent", "unknown") and as_of is not None
    silent_s = (now - as_of).total_seconds() if unheard and as_of else 0.0
    state, why, since = moved.state, _WHY.get(moved.state, "moves"), moved.since
    if state == "travelling":
        if moved.begun_m - moved.distance_m >= NEARER_M:
            why = "comes_nearer"
        elif tapped_at is not None and now - tapped_at <= LEFT_LATELY:
            state, why, since = "left", "left_site", tapped_at
    return _Outlook(state, why, since, outlook.basis, as_of, silent_s)


def _departed_at(last_done: Stop | None, fixes: Sequence[Fix]) -> datetime | None:
    if last_done is None:
        return None
    return left_at(last_done, fixes) or last_done.completed_at


def _first(stops: Sequence[Stop]) -> Stop | None:
    return stops[0] if stops else None


def _hour(at: datetime, zone: tzinfo) -> float:
    local = at.astimezone(zone)
    return local.hour + local.minute / 60


def _roads(stop: Stop, day: Day, hour: float) -> Ratios:
    """Return what was learned of driving to a stop at a local `hour`."""
    return day.habits.travel(hour, stop.lat, stop.lon)


def _needed_s(place: tuple[float, float], following: Stop | None, day: Day, now: datetime) -> float:
    """Return the seconds from now until one must leave `place` to be at `following` as its promise begins."""
    if following is None:
        return math.inf
    way_m = distance_m(*place, following.lat, following.lon)
    hour = _hour(following.promised_from_at, day.zone)
    travel_s = usual_s(way_m, hour, _roads(following, day, hour))
    return (following.promised_from_at - now).total_seconds() - travel_s


def _onward(
    stop: Stop, leaving: Sequence[float], place: tuple[float, float], day: Day, now: datetime, column: int
) -> list[float]:
    hour = _hour(now + timedelta(seconds=sum(leaving) / SAMPLES), day.zone)
    travel_s = usual_s(distance_m(*place, stop.lat, stop.lon), hour)
    ratios = factors(_roads(stop, day, hour), column)
    return [leave_s + travel_s * factor for leave_s, factor in zip(leaving, ratios, strict=True)]


def _leave_after(
    stop: Stop, arrivals: Sequence[float], following: Stop, day: Day, now: datetime, works: int, leaves: int
) -> list[float]:
    """Return samples of leaving `stop`: the work begins with the promise or the arrival, and ends; then it is time.

    `works` and `leaves` are the columns of samples for how long the work takes and when it is time.
    """
    begin_s = max((stop.promised_from_at - now).total_seconds(), 0.0)
    work_s = stop.duration_min * 60.0
    ratios = factors(day.habits.work(stop.service, day.technician), works)
    needed_s = _needed_s((stop.lat, stop.lon), following, day, now)
    # Conditions, not max(): every look does this for each sample of each stop that is left.
    if needed_s <= LATEST_S:  # it is time already
        return [(a if a > begin_s else begin_s) + work_s * factor for a, factor in zip(arrivals, ratios, strict=True)]
    first_s, span_s = time_to_leave(needed_s)
    return [
        done_s
        if (done_s := (a if a > begin_s else begin_s) + work_s * factor) > (leave_s := first_s + span_s * u)
        else leave_s
        for a, factor, u in zip(arrivals, ratios, U[leaves], strict=True)
    ]


def _under_way(
    stop: Stop, moved: Motion, last_done: Stop | None, day: Day, now: datetime
) -> tuple[list[float], str, bool, float | None]:
    """Return samples of the seconds until the arrival at the next stop, their basis, whether it is perhaps over, and
    while silent, in how many seconds it was to be expected."""
    if moved.current is None:
        return _unseen(stop, last_done, day, now)
    hour = _hour(moved.current.fixed_at, day.zone)
    roads = _roads(stop, day, hour)
    travel = observed(moved.distance_m, hour, moved.windows, roads)
    if moved.slow and moved.approach_mps >= CREEP_MPS:
        left = jammed(moved, travel, Z[0], U[1], Z[2])
    elif moved.slow:
        left = held_up(moved.slow_s, travel, Z[0], U[1])
    else:
        left = [travel.at(z) + held_s for z, held_s in zip(Z[0], _ASIDE, strict=True)]
    if moved.slow_s >= NOT_LEFT_S and not moved.nearer and stop.en_route_at is None and not moved.windows:
        # Waits at home, or where the last job was: leaves when it is time, or a little after.
        needed_s = (stop.promised_from_at - now).total_seconds() - usual_s(moved.distance_m, hour, roads)
        left = [
            leave_s + packing(w) + travel.at(z) + moved.age_s
            for leave_s, w, z in zip(times_to_leave(needed_s, U[2]), U[3], Z[0], strict=True)
        ]
    basis = "observed_pace" if moved.windows else "usual_speed"
    if moved.state == "silent":
        middle_s = sorted(left)[SAMPLES // 2]
        arrivals = doubted([s - moved.age_s for s in left], moved.age_s, U[3], U[4])
        return arrivals, "silence", moved.distance_m <= NEAR_M and not moved.slow, middle_s - moved.age_s
    return [max(s - moved.age_s, 15.0) for s in left], basis, False, None


def _unseen(stop: Stop, last_done: Stop | None, day: Day, now: datetime) -> tuple[list[float], str, bool, float | None]:
    """Return the same for a technician without a position: from the last tap, or from nothing but the plan."""
    travel = UNKNOWN_TRAVEL
    if last_done is not None:
        hour = _hour(now, day.zone)
        way_m = distance_m(last_done.lat, last_done.lon, stop.lat, stop.lon)
        travel = usual(way_m, hour, _roads(stop, day, hour))
    if stop.en_route_at is not None:
        ago_s = (now - stop.en_route_at).total_seconds()
        arrivals = doubted([travel.at(z) - ago_s for z in Z[0]], ago_s, U[3], U[4])
        return arrivals, "silence", False, travel.median_s - ago_s
    needed_s = (stop.promised_until_at - now).total_seconds() - travel.median_s
    leaving = times_to_leave(needed_s, U[1])
    return [leave_s + travel.at(z) for leave_s, z in zip(leaving, Z[0], strict=True)], "plan", False, None


def _reported(stop: Stop, arrivals: Sequence[float], now: datetime) -> list[float] | None:
    """Return samples around the technician's own word while it can still be true, else None."""
    if stop.eta_reported is None or stop.eta_reported_at is None:
        return None
    word_s = (stop.eta_reported - now).total_seconds()
    if word_s < -WORD_OVER_S:
        return None
    ahead_s = max((stop.eta_reported - stop.eta_reported_at).total_seconds(), 0.0)
    spread_s = WORD_SPREAD_S + WORD_SPREAD_SHARE * ahead_s
    earliest_s = max(min(sorted(arrivals)[SAMPLES // 20], word_s), 0.0)
    return [max(word_s + spread_s * z, earliest_s) for z in Z[0]]


def _noticed(
    stop: Stop, moved: Motion, last_done: Stop | None, fixes: Sequence[Fix], arrivals: Sequence[float], perhaps: bool,
    now: datetime,
) -> list[Inferred]:  # fmt: skip
    """Return what the drive to the next stop tells: under way without a tap, or silent at the door."""
    if perhaps and moved.age_s >= PERHAPS_S:
        ago_s = min(sorted(arrivals)[SAMPLES // 2], 0.0)
        return [Inferred(stop.visit, "arrived", now + timedelta(seconds=ago_s), "silent_at_door")]
    nearer = moved.begun_m - moved.distance_m >= UNDER_WAY_M and stop.promised_from_at - now <= UNDER_WAY_BEFORE
    if stop.en_route_at is None and nearer and moved.state in ("travelling", "creeping") and moved.since is not None:
        left = left_at(last_done, fixes) if last_done else None
        return [Inferred(stop.visit, "en_route", left or moved.since, "left_site" if left else "comes_nearer")]
    return []
