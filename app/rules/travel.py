"""How long does a journey usually take, as a range?"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass

DETOUR = 1.35  # road metres per straight metre, cities with a grid
FIXED_S = 90.0  # starting, parking, walking to the door


@dataclass(frozen=True, slots=True)
class Travel:
    """A travel time as a lognormal: ``median_s`` seconds, ``spread`` standard deviation of its logarithm."""

    median_s: float
    spread: float

    def at(self, z: float) -> float:
        """Return the seconds at ``z`` standard deviations. Example: ``Travel(600, 0.3).at(1.0)`` is 810 s."""
        return self.median_s * math.exp(self.spread * z)


# hour from which it holds, share of the free speed left over in a city (0 = nothing moves)
HOURS: tuple[tuple[float, float], ...] = (
    (0.0, 1.0), (6.5, 0.85), (7.5, 0.7), (9.5, 0.8), (11.0, 0.85), (16.5, 0.7), (19.0, 0.85), (21.0, 1.0),
)
_STARTS = tuple(start for start, _ in HOURS)


def usual(straight_m: float, hour: float) -> Travel:
    """Return the usual travel time over ``straight_m`` metres as the crow flies, leaving at local ``hour`` (0–24).

    Longer journeys use faster roads: 20 km/h at the door, up to 60 km/h far out. Example: ``usual(5000, 12.0)``.
    """
    share = HOURS[bisect_right(_STARTS, hour % 24) - 1][1]
    free_mps = (20.0 + 40.0 * straight_m / (straight_m + 12_000.0)) / 3.6
    drive_s = straight_m * DETOUR / (free_mps * share)
    return Travel(FIXED_S + drive_s, 0.30)
