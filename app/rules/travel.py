"""How long does a journey usually take, and how long will this one, as a range?"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

#: Road metres for each metre as the crow flies, in a city.
DETOUR = 1.35
#: From the last corner to the bell.
DOOR_S = 40.0
#: Road speed of a short journey in a town, lights and all; a longer one uses faster roads.
TOWN_KMH, FASTER_KMH_PER_KM, FASTEST_KMH = 19.5, 0.6, 55.0
#: Standard deviation of the logarithm of a travel time: nothing seen of the leg yet, and half an hour of it seen.
USUAL_SPREAD, OBSERVED_SPREAD = 0.45, 0.38
#: The usual speed weighs as much as so many seconds of watching.
PRIOR_S = 330.0
#: The way left is a little less crooked than the way driven.
REST_OF_WAY = 0.90
#: Local hour from which it holds, factor on the usual speed.
HOURS: tuple[tuple[float, float], ...] = (
    (0.0, 1.25), (6.0, 1.05), (7.5, 0.92), (9.5, 1.0), (16.5, 0.92), (19.0, 1.05), (21.0, 1.2),
)  # fmt: skip
_STARTS = tuple(start for start, _ in HOURS)


@dataclass(frozen=True, slots=True)
class Travel:
    """A travel time as a lognormal: `median_s` seconds, `spread` the standard deviation of its logarithm."""

    median_s: float
    spread: float

    def at(self, z: float) -> float:
        """Return the seconds at `z` standard deviations. Example: `Travel(600, 0.3).at(1.0)` is 810 s."""
        return self.median_s * math.exp(self.spread * z)


def usual_mps(straight_m: float, hour: float) -> float:
    """Return the usual road speed in metres per second for a journey of `straight_m` metres at local `hour` (0–24)."""
    kmh = min(TOWN_KMH + FASTER_KMH_PER_KM * straight_m / 1000, FASTEST_KMH)
    return kmh * HOURS[bisect_right(_STARTS, hour % 24) - 1][1] / 3.6


def usual(straight_m: float, hour: float) -> Travel:
    """Return the usual travel time over `straight_m` metres as the crow flies, leaving at local `hour` (0–24).

    Straight line × detour ÷ usual speed + the door. Example: `usual(5000, 12.0).median_s` is about 1120 s.
    """
    return Travel(DOOR_S + straight_m * DETOUR / usual_mps(straight_m, hour), USUAL_SPREAD)


def observed(straight_m: float, hour: float, windows: Sequence[tuple[float, float]]) -> Travel:
    """Return the time for the `straight_m` metres left, given what was driven on this leg so far.

    `windows` are (road metres, seconds) pairs of the same leg over a short and a long horizon. Each is shrunk towards the
    usual speed as if that had been watched for 5½ minutes, and their logarithms are averaged: a minute of green lights
    convinces nobody, half an hour does. Example: 3 km left after (3000 m, 600 s) twice: about 870 s.
    """
    prior_mps = usual_mps(straight_m, hour)
    if not windows:
        return usual(straight_m, hour)
    log_mps = sum(math.log((m + prior_mps * PRIOR_S) / (s + PRIOR_S)) for m, s in windows) / len(windows)
    watched_s = max(s for _, s in windows)
    doubt = USUAL_SPREAD - (USUAL_SPREAD - OBSERVED_SPREAD) * watched_s / (watched_s + PRIOR_S)
    return Travel(DOOR_S + straight_m * DETOUR * REST_OF_WAY / math.exp(log_mps), doubt)
