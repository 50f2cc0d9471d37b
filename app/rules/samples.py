"""Which possible rests of a day are looked at? The same ones each time."""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

from app.rules.ratio import Ratios

#: Possible rests of the day that are looked at.
SAMPLES = 48

_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101)


def _spread_out(prime: int) -> tuple[float, ...]:
    return tuple((0.5 + i * math.sqrt(prime)) % 1.0 for i in range(SAMPLES))


# Evenly spread numbers (Richtmyer's sequence, a column for each uncertain thing) instead of chance: the same evidence
# always gives the same forecast, and more delay never a smaller probability.
U = (tuple((i + 0.5) / SAMPLES for i in range(SAMPLES)), *(_spread_out(prime) for prime in _PRIMES))
Z = tuple(tuple(NormalDist().inv_cdf(min(max(u, 1e-4), 1 - 1e-4)) for u in column) for column in U)


@lru_cache(maxsize=4096)
def factors(ratios: Ratios, column: int) -> tuple[float, ...]:
    """Return a ratio for each sample; the same few distributions are asked for all day long."""
    return tuple(ratios.at(z) for z in Z[column])
