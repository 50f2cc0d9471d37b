"""How does the technician move towards a place: travelling, creeping, standing, there, or silent?"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from operator import attrgetter

from app.rules.position import Fix, metres_per_degree

#: Within this the phone has not moved: noise and a car park.
SLOW_M = 45.0
#: Slower than this over a while is not driving.
SLOW_MPS = 0.4
#: A traffic light is shorter than this.
SLOW_S = 150.0
#: A phone that reports as usual is not silent before this.
SILENT_S = 240.0
#: Error of one fix of a good phone.
NOISE_M = 9.0
#: A creep is believed when the approach is this fast and this many standard errors away from none.
CREEP_MPS, CREEP_Z = 0.025, 2.0
#: A way is measured in steps longer than the noise.
STEP_M = 50.0
#: A past stop longer than this counts only in part towards the pace: the next one may come, but rarely does.
STOP_S, STOP_COUNTED_S, STOP_WEIGHT = 180.0, 60.0, 0.15
#: Slower than this over a step is no pace either but a queue, which clears as a stop ends.
CRAWL_MPS = 1.0
#: The pace is taken over two horizons of driving.
SHORT_S, LONG_S = 600.0, 2400.0
#: Of a leg so much is looked at: the long horizon and half an hour of stops.
REACH_S = LONG_S + 1800.0
#: At the site: within this; a stay may begin a little farther off, for the first fix is often still rolling.
SITE_M, ROLLING_M, LEFT_M = 80.0, 110.0, 150.0
#: The same for a stay at the end of a creep.
CREPT_M, CREPT_LEFT_M = 25.0, 40.0
#: So long at the door, or this long somewhat farther off where a jam may stand too, is an arrival.
DOOR_M, DOOR_STAY_S, SITE_STAY_S = 40.0, 180.0, 330.0

_FIXED_AT = attrgetter("fixed_at")

#: Seconds before the newest fix, metres east and north of the place; newest first.
Point = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Motion:
    """How a technician moves relative to one place.

    `state` travelling | creeping | standing | at_site | silent | unknown, since `since`; `current` the newest believed
    fix, `age_s` old; `distance_m` straight metres to the place, `begun_m` the same when the leg began; `slow_s` seconds
    of standing or creeping up to the newest fix, with `approach_mps` how fast the place came nearer meanwhile and
    `approach_error_mps` how sure that is; `windows` (road metres, seconds) driven on this leg before that, over a short
    and a long horizon; `inside_since` when the present stay at the place began.
    """

    state: str
    since: datetime | None = None
    current: Fix | None = None
    age_s: float = 0.0
    distance_m: float = 0.0
    begun_m: float = 0.0
    slow_s: float = 0.0
    approach_mps: float = 0.0
    approach_error_mps: float = math.inf
    windows: tuple[tuple[float, float], ...] = ()
    inside_since: datetime | None = None

    @property
    def slow(self) -> bool:
        """Whether the technician stood or crept at the newest fix, for longer than a traffic light."""
        return self.slow_s >= SLOW_S

    @property
    def nearer(self) -> bool:
        """Whether the place certainly came nearer while slow: a jam on the way there, not a pause."""
        return self.slow and self.approach_mps >= max(CREEP_MPS, CREEP_Z * self.approach_error_mps)


def motion(fixes: Sequence[Fix], lat: float, lon: float, now: datetime, since: datetime | None = None) -> Motion:
    """Return how the technician moves towards a place (`lat`, `lon` degrees), from believed `fixes` in order.

    Only fixes after `since` (the departure) belong to the leg. Example: ten minutes of fixes, each some metres nearer,
    the newest 300 m away: `creeping`, `distance_m` 300, `approach_mps` 0.08.
    """
    if not fixes:
        return Motion("unknown")
    last = fixes[-1]
    points = _points(fixes, lat, lon, since)
    age_s = max((now - last.fixed_at).total_seconds(), 0.0)
    away_m = math.hypot(points[0][1], points[0][2])
    slow = _slow(points)
    slow_s = points[slow][0]
    approach, error = _approach(points[: slow + 1])
    inside = _inside(points)
    inside_since = None if inside is None else last.fixed_at - timedelta(seconds=points[inside][0])
    leg = _from_departure(points[slow:] if slow_s >= SLOW_S else points)
    begun_m = math.hypot(leg[-1][1], leg[-1][2])
    seen = Motion(
        "", None, last, age_s, away_m, begun_m, slow_s, approach, error, _windows(leg), inside_since
    )  # fmt: skip
    state, begun_s = "travelling", leg[-1][0]
    if inside is not None and _stays(points, points[inside][0] + age_s, slow_s + age_s, seen):
        if seen.nearer:
            # Who crept there has not been there since the circle around the site was reached: only the last metres are.
            inside = _inside(points, CREPT_M, CREPT_LEFT_M) or 0
            inside_since = last.fixed_at - timedelta(seconds=points[inside][0])
        state, begun_s = "at_site", points[inside][0]
    elif age_s > max(SILENT_S, 3 * _usual_gap(points)):
        state, begun_s = "silent", 0.0
    elif seen.slow:
        state, begun_s = ("creeping" if seen.nearer else "standing"), slow_s
    since_at = last.fixed_at - timedelta(seconds=begun_s)
    return Motion(
        state, since_at, last, age_s, away_m, begun_m, slow_s, approach, error, seen.windows, inside_since
    )  # fmt: skip


def _points(fixes: Sequence[Fix], lat: float, lon: float, since: datetime | None) -> list[Point]:
    """Return the leg's fixes as metres around the place, newest first, without pings that repeat an old position."""
    last = fixes[-1]
    north, east = metres_per_degree(last.lat)
    last_at = last.fixed_at
    reach_at = last_at - timedelta(seconds=REACH_S)
    begin_at = reach_at if since is None else max(reach_at, since)
    begin = min(bisect_left(fixes, begin_at, key=_FIXED_AT), len(fixes) - 1)
    # Unpacked at once: every look does this for each position of the leg.
    leg = [
        ((last_at - at).total_seconds(), (fix_lon - lon) * east, (fix_lat - lat) * north)
        for at, fix_lat, fix_lon, _, _, moved in reversed(fixes[begin:-1])
        if moved
    ]
    return [(0.0, (last.lon - lon) * east, (last.lat - lat) * north), *leg]


def _slow(points: Sequence[Point]) -> int:
    """Return the index of the oldest point from which on the phone has hardly moved."""
    _, x0, y0 = points[0]
    for index, (ago, x, y) in enumerate(points):
        if math.hypot(x - x0, y - y0) > SLOW_M + SLOW_MPS * ago:
            return max(index - 1, 0)
    return len(points) - 1


def _approach(points: Sequence[Point]) -> tuple[float, float]:
    """Return by how many metres per second the place came nearer, and the standard error (a least-squares line).

    The beginning is left out: the last metres of driving into a jam are not its pace. So is what is older than 25 min.
    """
    span = points[-1][0]
    begin = min(span - max(60.0, 0.15 * span), 1500.0)
    used = [(ago, math.hypot(x, y)) for ago, x, y in points if ago <= begin]
    n = len(used)
    if n < 4:
        return 0.0, math.inf
    mean_t = sum(t for t, _ in used) / n
    mean_d = sum(d for _, d in used) / n
    spread = sum((t - mean_t) ** 2 for t, _ in used)
    if spread <= 0:
        return 0.0, math.inf
    return sum((t - mean_t) * (d - mean_d) for t, d in used) / spread, NOISE_M / math.sqrt(spread)


def _stays(points: Sequence[Point], stay_s: float, still_s: float, seen: Motion) -> bool:
    """Tell whether being near the place is a stay there, and not the last metres of a jam."""
    needed_s = DOOR_STAY_S if seen.distance_m <= DOOR_M else SITE_STAY_S
    if stay_s < needed_s or still_s < DOOR_STAY_S:
        return False
    if not seen.nearer:
        return True
    recent, error = _approach([point for point in points if point[0] <= 560.0])
    return recent + error < 0.4 * seen.approach_mps or seen.distance_m < 15.0


def _from_departure(points: Sequence[Point]) -> Sequence[Point]:
    """Return the points without the waiting before the leg began: that is no pace."""
    _, x0, y0 = points[-1]
    end = len(points)
    while end > 1 and math.hypot(points[end - 2][1] - x0, points[end - 2][2] - y0) < SITE_M:
        end -= 1
    return points[:end]


def _windows(points: Sequence[Point]) -> tuple[tuple[float, float], ...]:
    """Return (road metres, seconds) over the last 10 and the last 40 minutes of driving; long stops count little.

    A stop must not be taken for a pace: once the drive goes on after a break, or out of a queue, the old pace holds
    again at once.
    """
    path = spent = crawled = 0.0
    short: tuple[float, float] | None = None
    begin, x0, y0 = points[0]
    near = begin  # the oldest instant known to be near the step's beginning
    for ago, x, y in points[1:]:
        step = math.hypot(x - x0, y - y0)
        if step < STEP_M:
            near = ago
            continue
        if step < CRAWL_MPS * (ago - begin):  # and the next such step belongs to the same stop
            spent += _counted(crawled + ago - begin) - _counted(crawled)
            crawled += ago - begin
        else:
            spent += ago - near + _counted(crawled + near - begin) - _counted(crawled)
            crawled = 0.0
        path += step
        begin, x0, y0, near = ago, x, y, ago
        if short is None and spent >= SHORT_S:
            short = (path, spent)
        if spent >= LONG_S:
            break
    if spent <= 0:
        return ()
    return (short or (path, spent), (path, spent))


def _counted(stood_s: float) -> float:
    """Return how many seconds of a stop count towards the pace. Example: `_counted(360.0)` is 105."""
    return stood_s if stood_s <= STOP_S else STOP_COUNTED_S + STOP_WEIGHT * (stood_s - STOP_COUNTED_S)


def _inside(points: Sequence[Point], rolling_m: float = ROLLING_M, left_m: float = LEFT_M) -> int | None:
    """Return the index of the fix with which the present stay at the place began, or None."""
    if math.hypot(points[0][1], points[0][2]) > SITE_M:
        return None
    found = 0
    for index, (_, x, y) in enumerate(points):
        away = math.hypot(x, y)
        if away > left_m:
            break
        if away <= rolling_m:
            found = index
    return found


def _usual_gap(points: Sequence[Point]) -> float:
    """Return the usual seconds between fixes lately: the median of up to nine, five minutes at most."""
    gaps = sorted(older[0] - newer[0] for newer, older in pairwise(points[:10]))
    return min(gaps[len(gaps) // 2], 300.0) if gaps else 0.0
