"""How long does a journey usually take, and how long will this one, as a range?"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from app.rules.motion import Motion
from app.rules.ratio import Ratios

#: Road metres for each metre as the crow flies, in a city.
DETOUR = 1.35
#: From the last corner to the bell.
DOOR_S = 40.0
#: Road speed of a short journey in a town, lights and all; a longer one uses faster roads.
TOWN_KMH, FASTER_KMH_PER_KM, FASTEST_KMH = 20.5, 0.6, 55.0
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
#: P(a standstill lasts x more | it has lasted s) = ((s + c) ÷ (s + c + x)) ** tail: most pauses end, some do not.
STOP_TAIL, STOP_S = 1.5, 240.0
#: The same for a jam that one creeps through: the longer it lasted, the longer it will.
JAM_TAIL, JAM_S = 0.4, 900.0
#: Nearer to the door than the first it is taken to reach the door; farther than the second it clears like a pause.
JAM_NEAR_M, JAM_FAR_M = 450.0, 1000.0
#: Near the door the pace seen is weighed against how long such jams last in all, and never nearly over.
JAM_TOTAL_S, JAM_LEAST_S = 2700.0, 900.0
#: Weight of the pace seen, and the logarithm's standard deviation around both.
JAM_TRUST, JAM_SPREAD = 0.6, 0.3
#: Silence of this length makes trouble as likely as none; trouble costs so much on average.
TROUBLE_S, MOST_TROUBLE, TROUBLE_COST_S = 2400.0, 0.6, 1800.0
#: Nothing learned: the ratio of a travel time to the usual one.
AS_USUAL = Ratios(USUAL_SPREAD)
#: So many do not come to the door straight from the road: a stop, the wrong entrance, no place to park; exponential.
ASIDE_SHARE, ASIDE_S = 0.35, 240.0
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


def hourly(hour: float) -> float:
    """Return the factor on the usual speed at a local hour (0–24). Example: `hourly(8.0)` is 0.92."""
    return HOURS[bisect_right(_STARTS, hour % 24) - 1][1]


def usual(straight_m: float, hour: float, roads: Ratios = AS_USUAL) -> Travel:
    """Return the usual travel time over `straight_m` metres as the crow flies, leaving at local `hour` (0–24).

    Straight line × detour ÷ usual speed + the door, times what was learned of these `roads`. Example:
    `usual(5000, 12.0).median_s` is about 1070 s.
    """
    return Travel(usual_s(straight_m, hour, roads), roads.spread)


def usual_s(straight_m: float, hour: float, roads: Ratios = AS_USUAL) -> float:
    """Return the middle of the usual travel time, in seconds: `usual_s(5000, 12.0)` is about 1070."""
    return (DOOR_S + straight_m * DETOUR / usual_mps(straight_m, hour)) * roads.median


def observed(
    straight_m: float, hour: float, windows: Sequence[tuple[float, float]], roads: Ratios = AS_USUAL
) -> Travel:
    """Return the time for the `straight_m` metres left, given what was driven on this leg so far.

    `windows` are (road metres, seconds) pairs of the same leg over a short and a long horizon. Each is shrunk towards
    the usual speed as if that had been watched for 5½ minutes, and their logarithms are averaged: a minute of green
    lights convinces nobody, half an hour does. Example: 3 km left after (3000 m, 600 s) twice: about 720 s.
    """
    if not windows:
        return usual(straight_m, hour, roads)
    prior_mps = usual_mps(straight_m, hour) / roads.median
    log_mps = sum(math.log((m + prior_mps * PRIOR_S) / (s + PRIOR_S)) for m, s in windows) / len(windows)
    watched_s = max(s for _, s in windows)
    doubt = USUAL_SPREAD - (USUAL_SPREAD - OBSERVED_SPREAD) * watched_s / (watched_s + PRIOR_S)
    doubt *= roads.spread / USUAL_SPREAD
    return Travel(DOOR_S + straight_m * DETOUR * REST_OF_WAY / math.exp(log_mps), doubt)


def held_up(stood_s: float, travel: Travel, pace_z: Sequence[float], stop_u: Sequence[float]) -> list[float]:
    """Return samples of the seconds left for who has stood still for `stood_s`: the rest of the pause, then `travel`.

    How long a pause still lasts grows with how long it has lasted (a Pareto tail). Example: after ten minutes of
    standing, half of the pauses are over within eight more.
    """
    held = stood_s + STOP_S
    return [held * ((1 - u) ** (-1 / STOP_TAIL) - 1) + travel.at(z) for u, z in zip(stop_u, pace_z, strict=True)]


def jammed(
    moved: Motion, travel: Travel, pace_z: Sequence[float], jam_u: Sequence[float], through_z: Sequence[float]
) -> list[float]:
    """Return samples of the seconds left in a jam: it clears and the usual pace returns, or it goes on to the door.

    `travel` is the rest of the way without a jam. The pace seen while creeping is weighed against how long jams last in
    all, and its own doubt against that of a pause. Example: 200 m at 0.08 m/s after ten minutes: 33 minutes in the
    middle, although distance over usual speed says one.
    """
    near = min(max((JAM_FAR_M - moved.distance_m) / (JAM_FAR_M - JAM_NEAR_M), 0.0), 1.0)
    held = moved.slow_s + STOP_S + (JAM_S - STOP_S) * near
    error_mps = moved.approach_error_mps
    sure = min(moved.approach_mps / error_mps / 4.0, 1.0) if error_mps > 0 else 1.0
    tail = STOP_TAIL + (JAM_TAIL - STOP_TAIL) * sure * near
    seen = math.log(moved.distance_m / max(moved.approach_mps, 0.02) + 1.0)
    if near > 0.0:
        lasting = math.log(max(JAM_TOTAL_S - moved.slow_s, JAM_LEAST_S))
        trust = JAM_TRUST * sure if seen < lasting else JAM_TRUST
        seen = trust * seen + (1 - trust) * lasting
    samples = []
    for z, u, w in zip(pace_z, jam_u, through_z, strict=True):
        through_s = math.exp(seen + JAM_SPREAD * w)
        lasts_s = held * ((1 - u) ** (-1 / tail) - 1)
        rest = max(1.0 - lasts_s / through_s, 0.0)
        samples.append(min(lasts_s, through_s) + rest * travel.at(z))
    return samples


def aside(u: float) -> float:
    """Return the seconds that the way holds up beside the driving, `u` in (0, 1): mostly none, sometimes many minutes.

    Example: `aside(0.5)` is 0, `aside(0.9)` is 300.
    """
    return 0.0 if u <= 1.0 - ASIDE_SHARE else -ASIDE_S * math.log((1.0 - u) / ASIDE_SHARE)


def doubted(
    arrivals: Sequence[float], silent_s: float, trouble_u: Sequence[float], cost_u: Sequence[float]
) -> list[float]:
    """Return the samples with the doubt that grows with silence: some met trouble, and are no nearer than before.

    Example: after 40 minutes of silence half of the samples are at least as late as now, and half an hour later still
    on average.
    """
    trouble = min(silent_s / (silent_s + TROUBLE_S), MOST_TROUBLE)
    return [
        max(a, 0.0) - TROUBLE_COST_S * math.log(1 - w) if u < trouble else a
        for a, u, w in zip(arrivals, trouble_u, cost_u, strict=True)
    ]
