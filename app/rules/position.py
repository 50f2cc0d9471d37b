"""Which fixes can be believed, and how far apart are two places?"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

#: Mean radius of the earth.
EARTH_M = 6_371_008.8
#: A fix less accurate than this is no position.
WORST_ACCURACY_M = 200.0
#: A jump that needs more than this is no movement.
FASTEST_MPS = 200 / 3.6
#: Phones' clocks may run ahead by so much.
CLOCK_SKEW = timedelta(minutes=2)
#: Before this a phone's clock was never set.
OLDEST_AT = datetime(2010, 1, 1, tzinfo=UTC)
#: A jump shorter than this is noise, or the end of a tunnel, whatever speed it seems to need.
NOISE_M = 150.0
#: Two places whose degrees differ by less lie within the noise, anywhere on the globe.
CLOSE_DEG = 0.0009
#: So many fixes that agree on a new place outvote the old one.
STUBBORN_FIXES = 3


class Fix(NamedTuple):
    """One position as a phone measured it.

    A tuple, for a sweep reads hundreds for each technician, and a frozen dataclass takes six times as long to make.

    `fixed_at` aware instant of measuring (not of receiving); `lat`/`lon` degrees WGS 84; `accuracy_m` radius in
    metres, `speed_mps` metres per second, both as the phone claims them; `moved` is False for a ping that repeats an
    old position with a current time (OwnTracks `t=p`): proof of life, not of movement.
    """

    fixed_at: datetime
    lat: float
    lon: float
    accuracy_m: float | None = None
    speed_mps: float | None = None
    moved: bool = True


def distance_m(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Return the metres between two places, straight over the ground.

    Equirectangular with the mid-latitude's cosine: within 0.1 % of the great circle below 200 km (a working day), and
    right across the date line. Example: one hundredth of a degree of latitude,
    `distance_m(34.0, 135.0, 34.01, 135.0)`, is 1112 m.
    """
    turn = (lon2 - lon1 + 540.0) % 360.0 - 180.0
    east = math.radians(turn) * math.cos(math.radians((lat1 + lat2) / 2))
    north = math.radians(lat2 - lat1)
    return EARTH_M * math.hypot(east, north)


def metres_per_degree(lat: float) -> tuple[float, float]:
    """Return metres per degree of latitude and of longitude at `lat` degrees. Example: at 35° (111195, 91085)."""
    north = math.radians(EARTH_M)
    return north, north * math.cos(math.radians(lat))


def believed(fixes: Iterable[Fix], now: datetime) -> tuple[Fix, ...]:
    """Return the fixes worth believing, oldest first, one per instant.

    Left out: (0, 0) and places off the globe, accuracy above 200 m, measured before 2010 or more than 2 minutes after
    `now` (a wrong phone clock), and jumps that would need more than 200 km/h, unless the phone then stays there (three
    fixes agree). Of two fixes with one instant the more accurate wins. The order and repetition of the input do not
    matter. Example: `believed([b, a, a, null_island], now) == (a, b)`.
    """
    newest_at = now + CLOCK_SKEW
    given = tuple(fixes)
    if _are_clean(given, newest_at):
        return given
    ordered = [fix for fix in given if OLDEST_AT <= fix.fixed_at <= newest_at and _plausible(fix)]
    ordered.sort(key=_order)
    kept: list[Fix] = []
    doubted: list[Fix] = []
    for fix in ordered:
        if kept and fix.fixed_at == kept[-1].fixed_at:
            continue
        if not kept or _reachable(kept[-1], fix):
            kept.append(fix)
            doubted.clear()
        elif doubted and fix.fixed_at == doubted[-1].fixed_at:
            continue
        else:
            if doubted and not _reachable(doubted[-1], fix):
                doubted.clear()
            doubted.append(fix)
            if len(doubted) >= STUBBORN_FIXES:
                kept.extend(doubted)
                doubted.clear()
    return tuple(kept)


def _are_clean(fixes: Sequence[Fix], newest_at: datetime) -> bool:
    """Return whether every fix is to be believed and in its place, as mostly: one pass, for every look makes it.

    Written out, because a call for each of a fleet's fixes costs more than what it asks.
    """
    before: Fix | None = None
    before_at, before_lat, before_lon = OLDEST_AT, 0.0, 0.0
    for fix in fixes:
        at, lat, lon, accuracy_m = fix.fixed_at, fix.lat, fix.lon, fix.accuracy_m
        # Degrees first: most pairs are close, and the cosine is what costs.
        if before is None:
            if at < OLDEST_AT:
                return False
        elif at <= before_at or not (
            (abs(lat - before_lat) < CLOSE_DEG and abs(lon - before_lon) < CLOSE_DEG) or _reachable(before, fix)
        ):
            return False
        if not (1.0 <= lat <= 90.0 and -180.0 <= lon <= 180.0) and not _plausible(fix):
            return False
        if accuracy_m is not None and not 0 <= accuracy_m <= WORST_ACCURACY_M:
            return False
        before, before_at, before_lat, before_lon = fix, at, lat, lon
    return before is None or before_at <= newest_at


def _plausible(fix: Fix) -> bool:
    if not (-90 <= fix.lat <= 90 and -180 <= fix.lon <= 180) or (abs(fix.lat) < 0.01 and abs(fix.lon) < 0.01):
        return False
    return fix.accuracy_m is None or 0 <= fix.accuracy_m <= WORST_ACCURACY_M


def _order(fix: Fix) -> tuple[datetime, bool, float, float, float, float]:
    accuracy = math.inf if fix.accuracy_m is None else fix.accuracy_m
    return (fix.fixed_at, not fix.moved, accuracy, fix.lat, fix.lon, fix.speed_mps or 0.0)


def _reachable(before: Fix, after: Fix) -> bool:
    if abs(after.lat - before.lat) < CLOSE_DEG and abs(after.lon - before.lon) < CLOSE_DEG:
        return True
    gap_m = distance_m(before.lat, before.lon, after.lat, after.lon)
    return gap_m - NOISE_M <= FASTEST_MPS * (after.fixed_at - before.fixed_at).total_seconds()
