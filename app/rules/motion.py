"""How is the technician moving towards a place: travelling, creeping, standing, there, or silent?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.rules.position import Fix, metres_per_degree

SLOW_M = 45.0  # noise and a yard; within this the phone has not moved
SLOW_MPS = 0.4  # slower than this over a while is not driving
SLOW_S = 150.0  # a traffic light is shorter
SILENT_S = 240.0
NOISE_M = 9.0  # one fix of a good phone
STEP_M = 50.0  # a path is measured in steps longer than the noise
STOP_S = 180.0  # a step that took longer was a stop
STOP_WEIGHT = 0.15  # what a past stop counts towards the pace: the next one may come, but rarely does
SHORT_S, LONG_S = 600.0, 2400.0
SITE_M = 80.0
NEAR_M = 110.0  # a stay may begin a little farther off: the first fix is often still rolling
LEFT_M = 150.0
STAY_S = 180.0
CREEP_Z = 2.0
CREEP_MPS = 0.025


@dataclass(frozen=True, slots=True)
class Motion:
    """How a technician moves relative to one place.

    ``state`` travelling | creeping | standing | at_site | silent | unknown; ``since`` when it began; ``current`` newest
    believed fix; ``distance_m`` straight metres to the place; ``slow_s`` seconds of standing or creeping up to the newest
    fix; ``approach_mps`` and ``approach_error_mps`` how fast the place came nearer while slow, and how sure that is;
    ``windows`` (road metres, seconds) of driving before that, short and long; ``age_s`` seconds since the newest fix;
    ``inside_since`` when the phone came within reach of the place to stay there.
    """

    state: str
    since: datetime | None = None
    current: Fix | None = None
    distance_m: float = 0.0
    slow_s: float = 0.0
    approach_mps: float = 0.0
    approach_error_mps: float = 0.0
    windows: tuple[tuple[float, float], ...] = ()
    age_s: float = 0.0
    inside_since: datetime | None = None


def motion(fixes: Sequence[Fix], lat: float, lon: float, now: datetime, since: datetime | None = None) -> Motion:
    """Return how the technician moves towards (``lat``, ``lon``), from believed ``fixes`` in order.

    Only fixes after ``since`` (the departure) count as this leg. Example: ten minutes of fixes 5 m apart and 300 m away,
    each a little nearer: ``creeping``, ``approach_mps`` 0.08, ``distance_m`` 300.
    """
    if not fixes:
        return Motion("unknown")
    last = fixes[-1]
    north, east = metres_per_degree(last.lat)
    age_s = max((now - last.fixed_at).total_seconds(), 0.0)
    points: list[tuple[float, float, float]] = []  # seconds before the newest fix, metres east and north of the place
    reach = last.fixed_at - timedelta(seconds=LONG_S + 1800)
    for fix in reversed(fixes):
        if fix.fixed_at < reach or (since is not None and fix.fixed_at < since and points):
            break
        if fix.moved or not points:
            points.append(((last.fixed_at - fix.fixed_at).total_seconds(), (fix.lon - lon) * east, (fix.lat - lat) * north))
    away_m = math.hypot(points[0][1], points[0][2])
    slow = _slow(points)
    slow_s = points[slow][0]
    approach, error = _approach(points[: slow + 1])
    windows = _windows(_from_departure(points[slow:] if slow_s >= SLOW_S else points))
    inside = _inside(points)
    inside_since = last.fixed_at - timedelta(seconds=points[inside][0]) if inside is not None else None
    creeping = slow_s >= SLOW_S and approach >= CREEP_MPS and approach >= CREEP_Z * error
    stays_s = (points[inside][0] if inside is not None else 0.0) + age_s
    still = slow_s + age_s >= STAY_S
    if inside_since is not None and stays_s >= STAY_S and still and not (creeping and _still_approaching(points, approach)):
        state, begun = "at_site", inside_since
    elif age_s > max(SILENT_S, 3 * _usual_gap(points)):
        state, begun = "silent", last.fixed_at
    elif slow_s >= SLOW_S:
        state, begun = ("creeping" if creeping else "standing"), last.fixed_at - timedelta(seconds=slow_s)
    else:
        state, begun = "travelling", last.fixed_at - timedelta(seconds=points[-1][0])
    return Motion(state, begun, last, away_m, slow_s, approach, error, windows, age_s, inside_since)


def _from_departure(points: list[tuple[float, float, float]]) -> list[tuple[float, float, float]]:
    """Return the points without the waiting before the departure: that is no pace."""
    _, x0, y0 = points[-1]
    end = len(points)
    while end > 1 and math.hypot(points[end - 2][1] - x0, points[end - 2][2] - y0) < SITE_M:
        end -= 1
    return points[:end]


def _slow(points: Sequence[tuple[float, float, float]]) -> int:
    """Return the index of the oldest point from which on the phone has hardly moved."""
    _, x0, y0 = points[0]
    for index, (ago, x, y) in enumerate(points):
        if math.hypot(x - x0, y - y0) > SLOW_M + SLOW_MPS * ago:
            return max(index - 1, 0)
    return len(points) - 1


def _approach(points: Sequence[tuple[float, float, float]]) -> tuple[float, float]:
    """Return metres per second by which the place came nearer, and the standard error: a least-squares line."""
    if len(points) < 4:
        return 0.0, math.inf
    span = points[-1][0]
    begin = span - max(60.0, 0.15 * span)  # the first metres are still the arrival in the jam
    used = [(ago, math.hypot(x, y)) for ago, x, y in points if ago <= min(begin, 1500.0)]
    n = len(used)
    if n < 4:
        return 0.0, math.inf
    mean_t = sum(t for t, _ in used) / n
    mean_d = sum(d for _, d in used) / n
    spread = sum((t - mean_t) ** 2 for t, _ in used)
    if spread <= 0:
        return 0.0, math.inf
    slope = sum((t - mean_t) * (d - mean_d) for t, d in used) / spread
    return slope, NOISE_M / math.sqrt(spread)


def _still_approaching(points: Sequence[tuple[float, float, float]], pace: float) -> bool:
    """Tell whether a creep towards the place has gone on during the last eight minutes, rather than ended at it."""
    recent, error = _approach([p for p in points if p[0] <= 560.0])
    return recent + error >= 0.4 * pace and points[0][1] ** 2 + points[0][2] ** 2 > 15.0**2


def _windows(points: Sequence[tuple[float, float, float]]) -> tuple[tuple[float, float], ...]:
    """Return (road metres, seconds) over the last 10 and 40 minutes of driving; long stops count little."""
    if len(points) < 2:
        return ()
    path = spent = 0.0
    short: tuple[float, float] | None = None
    t0, x0, y0 = points[0]
    before = t0  # the last instant known to be near the step's beginning
    for ago, x, y in points[1:]:
        step = math.hypot(x - x0, y - y0)
        if step < STEP_M:
            before = ago
            continue
        stood = before - t0
        spent += ago - before + (stood if stood <= STOP_S else STOP_S / 3 + STOP_WEIGHT * (stood - STOP_S / 3))
        path += step
        t0, x0, y0, before = ago, x, y, ago
        if short is None and spent >= SHORT_S:
            short = (path, spent)
        if spent >= LONG_S:
            break
    if spent <= 0:
        return ()
    return (short or (path, spent), (path, spent))


def _inside(points: Sequence[tuple[float, float, float]]) -> int | None:
    """Return the index of the fix with which the present stay at the place began, or None."""
    if math.hypot(points[0][1], points[0][2]) > SITE_M:
        return None
    found = 0
    for index, (_, x, y) in enumerate(points):
        away = math.hypot(x, y)
        if away > LEFT_M:
            break
        if away <= NEAR_M:
            found = index
    return found


def _usual_gap(points: Sequence[tuple[float, float, float]]) -> float:
    """Return the usual seconds between fixes lately (the median of up to nine)."""
    gaps = sorted(b[0] - a[0] for a, b in zip(points[:9], points[1:10], strict=False))
    return min(gaps[len(gaps) // 2], 300.0) if gaps else 0.0
