"""When will the technician be at each remaining stop, as a distribution?"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from statistics import NormalDist

from app.rules.motion import Motion, motion
from app.rules.position import Fix, believed, distance_m
from app.rules.travel import Travel, observed, usual
from app.rules.work import departures

GRACE_S = 300.0  # late = more than this after the end of the promise
SAMPLES = 48
STOP_TAIL, STOP_S = 1.5, 240.0  # a standstill: P(lasts x more | lasted s) = ((s + c) ÷ (s + c + x)) ** tail
JAM_TAIL, JAM_S = 0.4, 900.0  # a creep goes on longer than a standstill
JAM_TOTAL_S, JAM_LEAST_S = 2700.0, 900.0  # a jam one creeps through: three quarters of an hour in all, never nearly over
JAM_TRUST = 0.6  # weight of the pace seen against that
JAM_SPREAD = 0.3
JAM_NEAR_M = 1000.0  # farther out it is the stretch that ends, not the way
PERHAPS_S = 600.0  # silence at the door that counts as an arrival
NEAR_S = 150.0  # so near at the last fix that silence means arrived (a car park below, an app put to sleep)
TROUBLE_S = 2400.0  # silence that makes trouble as likely as none
UNKNOWN_TRAVEL_S, UNKNOWN_SPREAD = 1200.0, 0.6
REPORT_SPREAD_S = 300.0
SHORT_STAY_S = 480.0
WAITING_STALE_S = 1200.0  # after the work a phone that says nothing for so long may have left
TAP_AWAY_M = 500.0
_NORMAL = NormalDist()
_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101)


def _column(prime: int) -> tuple[float, ...]:
    return tuple((0.5 + i * math.sqrt(prime)) % 1.0 for i in range(SAMPLES))


# Evenly spread numbers (Richtmyer's sequence) instead of chance: the same evidence always gives the same forecast.
_U = (tuple((i + 0.5) / SAMPLES for i in range(SAMPLES)), *(_column(p) for p in _PRIMES))
_Z = tuple(tuple(_NORMAL.inv_cdf(min(max(u, 1e-4), 1 - 1e-4)) for u in column) for column in _U)


@dataclass(frozen=True, slots=True)
class Stop:
    """One visit as the forecast needs it; all ``_at`` are aware instants, ``duration_min`` is planned work."""

    visit: str
    lat: float
    lon: float
    promised_from_at: datetime
    promised_until_at: datetime
    duration_min: int
    en_route_at: datetime | None = None
    arrived_at: datetime | None = None
    completed_at: datetime | None = None
    eta_reported: datetime | None = None
    eta_reported_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Day:
    """One technician's working day: ``stops`` in planned order (done ones too), raw ``fixes``, ``zone`` for the hour."""

    stops: tuple[Stop, ...]
    fixes: tuple[Fix, ...]
    zone: tzinfo


@dataclass(frozen=True, slots=True)
class Forecast:
    """The arrival at one stop as a range.

    ``arrives_*`` 10 %, 90 % and 50 %; ``late_probability`` of arriving more than 5 minutes after the promise; ``as_of`` the
    newest evidence (None: nothing but the plan); ``basis`` plan | usual_speed | observed_pace | reported_eta | work_left |
    cascade | silence; ``state`` how the technician moves towards this stop; ``made_at`` when it was made; ``arrivals_s`` the
    sorted samples in seconds from ``made_at`` (below 0: could have arrived unnoticed); ``next_stop`` is this where the
    technician goes now; ``perhaps_there`` the phone fell silent so near that the technician has probably arrived.
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
    reopened: bool = False

    def share_after(self, at: datetime) -> float:
        """Return the probability of arriving after ``at``. Example: 0.5 at ``arrives_median_at``."""
        return share_after(self.arrivals_s, (at - self.made_at).total_seconds())


@dataclass(frozen=True, slots=True)
class Inferred:
    """What positions say that no tap said: ``kind`` arrived | completed | en_route, ``at`` when, ``why`` a code."""

    visit: str
    kind: str
    at: datetime
    why: str


@dataclass(frozen=True, slots=True)
class DayForecast:
    """What the technician does (``state`` since ``since``, at ``current``) and a forecast for each stop still open."""

    state: str
    since: datetime | None
    current: Fix | None
    forecasts: tuple[Forecast, ...]
    inferred: tuple[Inferred, ...]


def share_after(arrivals_s: Sequence[float], seconds: float) -> float:
    """Return the share of sorted samples beyond ``seconds``, interpolated so that it does not jump from one to the next."""
    n = len(arrivals_s)
    k = bisect_right(arrivals_s, seconds)
    if k == 0:
        return 1.0
    if k == n:
        return 0.0
    low, high = arrivals_s[k - 1], arrivals_s[k]
    part = (seconds - low) / (high - low) if high > low else 0.0
    return 1.0 - (k - 0.5 + part) / n


def forecast_day(day: Day, now: datetime) -> DayForecast:
    """Return the forecasts for the open stops of ``day`` at ``now``, and what positions tell beside the taps.

    Each of 48 evenly spread samples is one possible rest of the day: leave when the work is done and it is time, drive,
    arrive, work, leave; so an overrun at ten reaches the visit at three with the slack in between. Example: a technician
    who creeps 200 m before the door at 5 m a minute: median 40 minutes from now, basis ``observed_pace``.
    """
    fixes = believed(day.fixes, now)
    stops, inferred = _evidence(day.stops, fixes, now)
    here = next((s for s in reversed(stops) if s.arrived_at and not s.completed_at), None)
    done = [s for s in stops if s.completed_at or s.arrived_at]
    last_done = max(done, key=lambda s: s.completed_at or s.arrived_at or now) if done else None
    todo = [s for s in stops if not (s.arrived_at or s.completed_at)]
    current = fixes[-1] if fixes else None
    state, since = "unknown", None
    forecasts: list[Forecast] = []
    leaving: list[float] | None = None
    place: tuple[float, float] | None = None
    basis, as_of, moved = "plan", None, None
    if current is not None:
        as_of = current.fixed_at
    if here is not None and here.arrived_at is not None:
        started_s = (max(here.arrived_at, here.promised_from_at) - now).total_seconds()
        started_s = min(started_s, max((here.arrived_at - now).total_seconds() + 900.0, 0.0)) if started_s > 0 else started_s
        place = (here.lat, here.lon)
        leaving = departures(started_s, here.duration_min * 60.0, _needed_s(here, todo, now, day.zone), _U[1], _U[2])
        basis, as_of = "work_left", max(t for t in (here.arrived_at, as_of) if t is not None)
        state, since = "at_site", here.arrived_at
    silent_s = 0.0
    waits = here is None and last_done is not None and current is not None and bool(todo)
    if waits and last_done is not None and current is not None:
        if distance_m(current.lat, current.lon, last_done.lat, last_done.lon) <= 150.0:
            # The work is done, the phone has not left: waits for the right moment, or is packing up.
            place = (last_done.lat, last_done.lon)
            needed = _needed_s(last_done, todo, now, day.zone)
            leaving = [
                max(needed - 1800.0 + 1500.0 * u, 0.0) + 240.0 * -math.log(1 - w) for u, w in zip(_U[1], _U[2], strict=True)
            ]
            state, since, basis = "waiting", last_done.arrived_at, "usual_speed"
            if (now - current.fixed_at).total_seconds() > WAITING_STALE_S:
                silent_s = (now - current.fixed_at).total_seconds()
    for index, stop in enumerate(todo):
        columns = (3 + 3 * index) % len(_U), (4 + 3 * index) % len(_U), (5 + 3 * index) % len(_U)
        drives = index == 0 and leaving is None
        next_stop = index == 0 and here is None
        perhaps = False
        away: float | None = None
        if drives:
            departed = None
            if last_done is not None:
                departed = _left_at(last_done, fixes) if last_done.arrived_at else None
                departed = departed or last_done.completed_at
            moved = motion(fixes, stop.lat, stop.lon, now, departed)
            state, since, away = moved.state, moved.since, moved.distance_m if current else None
            arrivals, basis, perhaps = _leg(stop, moved, last_done, now, day.zone)
            tap = stop.en_route_at
            as_of = max((t for t in (as_of, tap, departed) if t is not None), default=None)
            if state in ("silent", "unknown") and as_of is not None:
                silent_s = (now - as_of).total_seconds()
            if perhaps and moved.age_s >= PERHAPS_S:
                gone = sorted(arrivals)[SAMPLES // 2]
                inferred += (Inferred(stop.visit, "arrived", now + timedelta(seconds=min(gone, 0.0)), "silent_at_door"),)
        else:
            assert leaving is not None and place is not None
            arrivals = _onward(stop, leaving, place, now, day.zone, columns[0])
            basis = basis if index == 0 else "cascade"
        if stop.eta_reported is not None and stop.eta_reported_at is not None:
            arrivals, used = _reported(stop, arrivals, now)
            basis = "reported_eta" if used else basis
            as_of = max(as_of, stop.eta_reported_at) if used and as_of else as_of or stop.eta_reported_at
        forecasts.append(_forecast(stop, arrivals, now, as_of, basis, state if index == 0 else "later", next_stop, perhaps, away, silent_s))
        begin_s = (stop.promised_from_at - now).total_seconds()
        starts = [max(a, begin_s, 0.0) for a in arrivals]
        works = [stop.duration_min * 60.0 * math.exp(0.28 * z) for z in _Z[columns[1]]]
        needed = _needed_s(stop, todo[index + 1 :], now, day.zone)
        leave = [needed - 1800.0 + 1500.0 * u for u in _U[columns[2]]] if needed < math.inf else [0.0] * SAMPLES
        leaving = [max(s + w, leave_s) for s, w, leave_s in zip(starts, works, leave, strict=True)]
        place = (stop.lat, stop.lon)
    tapped = {s.visit for s in day.stops if s.arrived_at and not s.completed_at}
    forecasts = [replace(f, reopened=True) if f.visit in tapped else f for f in forecasts]
    return DayForecast(state, since, current, tuple(forecasts), inferred)


def _hour(at: datetime, zone: tzinfo) -> float:
    local = at.astimezone(zone)
    return local.hour + local.minute / 60


def _needed_s(stop: Stop, later: Sequence[Stop], now: datetime, zone: tzinfo) -> float:
    """Return the seconds from now until one must leave ``stop`` for the next promise at the usual speed."""
    following = next((s for s in later if s is not stop), None)
    if following is None:
        return math.inf
    gap = distance_m(stop.lat, stop.lon, following.lat, following.lon)
    travel = usual(gap, _hour(following.promised_from_at, zone)).median_s
    return (following.promised_from_at - now).total_seconds() - travel


def _onward(
    stop: Stop, leaving: Sequence[float], place: tuple[float, float], now: datetime, zone: tzinfo, column: int
) -> list[float]:
    travel = usual(distance_m(*place, stop.lat, stop.lon), _hour(now + timedelta(seconds=max(leaving[SAMPLES // 2], 0)), zone))
    return [leave + travel.at(z) for leave, z in zip(leaving, _Z[column], strict=True)]


def _leg(
    stop: Stop, moved: Motion, last_done: Stop | None, now: datetime, zone: tzinfo
) -> tuple[list[float], str, bool]:
    """Return samples of the seconds from now until the arrival at the next stop, their basis, and "perhaps there"."""
    late_start = (stop.promised_until_at - now).total_seconds()
    if moved.current is None:
        if last_done is not None:
            travel = usual(distance_m(last_done.lat, last_done.lon, stop.lat, stop.lon), _hour(now, zone))
            left_s = ((last_done.completed_at or last_done.arrived_at or now) - now).total_seconds()
        else:
            travel = Travel(UNKNOWN_TRAVEL_S, UNKNOWN_SPREAD)
            left_s = late_start - 1800.0
        if stop.en_route_at is not None:
            left_s = (stop.en_route_at - now).total_seconds()
            return _doubted([left_s + travel.at(z) for z in _Z[0]], -left_s), "silence", False
        samples = [max(left_s + 600.0 * u, 0.0) + travel.at(z) for u, z in zip(_U[1], _Z[0], strict=True)]
        return samples, "plan", False
    hour = _hour(moved.current.fixed_at, zone)
    travel = observed(moved.distance_m, hour, moved.windows)
    remaining = [travel.at(z) for z in _Z[0]]
    if moved.state == "creeping" or (moved.slow_s >= 150.0 and moved.approach_mps > 0.025):
        remaining = _jammed(moved, travel)
    elif moved.slow_s >= 150.0:
        held = moved.slow_s + STOP_S
        remaining = [
            held * ((1 - u) ** (-1 / STOP_TAIL) - 1) + travel.at(z) for u, z in zip(_U[1], _Z[0], strict=True)
        ]
    basis = "observed_pace" if moved.windows else "usual_speed"
    if moved.state == "silent":
        near = sorted(remaining)[SAMPLES // 2] <= NEAR_S
        return _doubted([r - moved.age_s for r in remaining], moved.age_s), "silence", near
    left = [max(r - moved.age_s, 15.0) for r in remaining]
    # Who has not set off yet (waits at home or after the last job) leaves when it is time.
    if moved.state in ("standing", "travelling") and stop.en_route_at is None and moved.slow_s >= 600.0:
        planned = (stop.promised_from_at - now).total_seconds() - usual(moved.distance_m, hour).median_s - 1800.0
        left = [max(x, planned + 1500.0 * u + travel.at(z)) for x, u, z in zip(left, _U[2], _Z[0], strict=True)]
    return left, basis, False


def _jammed(moved: Motion, travel: Travel) -> list[float]:
    """Return the seconds left in a jam: it clears after a while and the usual pace returns, or goes on to the door."""
    held = moved.slow_s + JAM_S
    samples = []
    sure = min(moved.approach_mps / moved.approach_error_mps / 4.0, 1.0) if moved.approach_error_mps > 0 else 1.0
    tail = STOP_TAIL + (JAM_TAIL - STOP_TAIL) * sure
    seen = math.log(moved.distance_m / max(moved.approach_mps, 0.02) + 1.0)
    prior = math.log(max(JAM_TOTAL_S - moved.slow_s, JAM_LEAST_S))
    trust = JAM_TRUST * sure if seen < prior else JAM_TRUST
    middle = math.exp(trust * seen + (1 - trust) * prior) if moved.distance_m < JAM_NEAR_M else math.exp(seen)
    for z, u, w in zip(_Z[0], _U[1], _Z[2], strict=True):
        through = middle * math.exp(JAM_SPREAD * w)
        lasts = held * ((1 - u) ** (-1 / tail) - 1)
        rest = max(1.0 - lasts / through, 0.0)
        samples.append(min(lasts, through) + rest * travel.at(z))
    return samples


def _doubted(arrivals: Sequence[float], silent_s: float) -> list[float]:
    """Return the samples with the doubt that silence adds: some of them met trouble and are no nearer than before."""
    trouble = min(silent_s / (silent_s + TROUBLE_S), 0.6)
    samples = []
    for a, u, w in zip(arrivals, _U[3], _U[4], strict=True):
        if u < trouble:
            samples.append(max(a, 0.0) + 1800.0 * -math.log(1 - w))
        else:
            samples.append(a)
    return samples


def _reported(stop: Stop, arrivals: Sequence[float], now: datetime) -> tuple[list[float], bool]:
    """Return the samples with the technician's own word in place of ours, while that word can still be true."""
    assert stop.eta_reported is not None and stop.eta_reported_at is not None
    word_s = (stop.eta_reported - now).total_seconds()
    horizon = (stop.eta_reported - stop.eta_reported_at).total_seconds()
    if word_s < -300.0:
        return list(arrivals), False
    spread = REPORT_SPREAD_S + 0.15 * max(horizon, 0.0)
    earliest = sorted(arrivals)[SAMPLES // 20]
    return [max(word_s + spread * z, min(earliest, word_s), 0.0) for z in _Z[0]], True


def _forecast(
    stop: Stop, arrivals: Sequence[float], now: datetime, as_of: datetime | None, basis: str, state: str,
    next_stop: bool, perhaps: bool, away: float | None, silent_s: float,
) -> Forecast:  # fmt: skip
    ordered = tuple(sorted(arrivals))
    at = [now + timedelta(seconds=ordered[int(q * SAMPLES)]) for q in (0.1, 0.5, 0.9)]
    deadline = (stop.promised_until_at - now).total_seconds() + GRACE_S
    late = share_after(ordered, deadline)
    return Forecast(stop.visit, at[0], at[2], at[1], late, as_of, basis, state, now, ordered, next_stop, perhaps, away, silent_s)


def _evidence(
    stops: Sequence[Stop], fixes: Sequence[Fix], now: datetime
) -> tuple[list[Stop], tuple[Inferred, ...]]:
    """Return the stops with what positions add to (or take from) the taps, and the list of what was added."""
    known = [_without_wrong_tap(stop, stops, fixes) for stop in stops]
    found: list[Inferred] = []
    if not fixes:
        return known, ()
    last = fixes[-1]
    for index, stop in enumerate(known):  # left the last site without a word
        if stop.arrived_at and not stop.completed_at:
            later = any(s.arrived_at and s.arrived_at > stop.arrived_at for s in known)
            left_at = _left_at(stop, fixes)
            if left_at is not None and not later:
                stayed_s = (left_at - stop.arrived_at).total_seconds()
                if stayed_s < min(SHORT_STAY_S, 15.0 * stop.duration_min):  # no visit: looked for a place to park
                    known[index] = _reopened(stop)
                    found.append(Inferred(stop.visit, "withdrawn", left_at, "left_at_once"))
                    continue
            if left_at is not None or later:
                at = left_at or min(s.arrived_at for s in known if s.arrived_at and s.arrived_at > stop.arrived_at)
                known[index] = _with(stop, completed_at=at)
                found.append(Inferred(stop.visit, "completed", at, "left_site" if left_at else "at_next_site"))
    busy = next((s for s in known if s.arrived_at and not s.completed_at), None)
    for index, stop in enumerate(known):  # stays at the next one
        if stop.arrived_at or stop.completed_at or stop.promised_from_at - now > timedelta(minutes=120):
            continue
        if busy is not None and distance_m(busy.lat, busy.lon, stop.lat, stop.lon) < 150.0:
            continue
        if distance_m(last.lat, last.lon, stop.lat, stop.lon) > 90.0:
            continue
        moved = motion(fixes, stop.lat, stop.lon, now)
        if moved.state == "at_site" and moved.inside_since is not None:
            before = [s.completed_at for s in known if s.completed_at]
            at = max([moved.inside_since, *[b for b in before if b <= now]]) if before else moved.inside_since
            known[index] = _with(stop, arrived_at=at)
            found.append(Inferred(stop.visit, "arrived", at, "stays_at_site"))
            if busy is not None:
                where = known.index(busy)
                known[where] = _with(busy, completed_at=at)
                found.append(Inferred(busy.visit, "completed", at, "at_next_site"))
            break
    return known, tuple(found)


def _with(stop: Stop, arrived_at: datetime | None = None, completed_at: datetime | None = None) -> Stop:
    return Stop(
        stop.visit, stop.lat, stop.lon, stop.promised_from_at, stop.promised_until_at, stop.duration_min, stop.en_route_at,
        arrived_at or stop.arrived_at, completed_at or stop.completed_at, stop.eta_reported, stop.eta_reported_at,
    )  # fmt: skip


def _reopened(stop: Stop) -> Stop:
    return Stop(
        stop.visit, stop.lat, stop.lon, stop.promised_from_at, stop.promised_until_at, stop.duration_min, stop.en_route_at,
        None, None, stop.eta_reported, stop.eta_reported_at,
    )  # fmt: skip


def _left_at(stop: Stop, fixes: Sequence[Fix]) -> datetime | None:
    """Return when the phone left the site of ``stop``: it was there after the arrival and now is well away."""
    assert stop.arrived_at is not None
    away = 0
    for fix in reversed(fixes):
        if fix.fixed_at < stop.arrived_at - timedelta(minutes=3):
            return None
        gap = distance_m(fix.lat, fix.lon, stop.lat, stop.lon)
        if gap <= 120.0:
            return fix.fixed_at if away else None
        if not away and gap < 220.0:
            return None
        away += 1
    return None


def _without_wrong_tap(stop: Stop, stops: Sequence[Stop], fixes: Sequence[Fix]) -> Stop:
    """Return ``stop`` without an arrival tapped while the phone was at another stop: that tap meant the other one.

    Away from every stop the tap is believed: the map, not the technician, may have the site in the wrong place.
    """
    if stop.arrived_at is None or stop.completed_at is not None or not fixes:
        return stop
    near = min(fixes, key=lambda f: abs((f.fixed_at - stop.arrived_at).total_seconds()))  # type: ignore[operator]
    if abs((near.fixed_at - stop.arrived_at).total_seconds()) > 300.0:
        return stop
    if distance_m(near.lat, near.lon, stop.lat, stop.lon) < TAP_AWAY_M:
        return stop
    if any(s is not stop and distance_m(near.lat, near.lon, s.lat, s.lon) < 150.0 for s in stops):
        return _reopened(stop)
    return stop
