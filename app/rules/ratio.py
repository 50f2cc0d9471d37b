"""How does what really happened compare with what was expected?

A ratio (actual ÷ expected) is kept as a distribution: a lognormal prior, and by how much what was seen departs from it.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import NormalDist

#: The shares at which a distribution is kept. Between them the logarithm is straight over the normal deviate; beyond
#: them, where hardly anything is ever seen, it goes on as the prior does.
SHARES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
#: The middle is believed as if the broader group's had been seen so often: work or roads of one kind differ between
#: places and people by about a third of what they differ from day to day, so 9 observations say as much as the group.
MIDDLE_AS_SEEN = 9
#: The shape around it takes longer: a 5 or 10 % quantile of so many observations is two to three times as unsure.
SHAPE_AS_SEEN = 30
#: One observation counts for no more than this factor either way: a lunch on the way, a tap at the wrong time.
MOST_RATIO = 4.0
#: Observations are counted in steps of so much (2 %): their number does not matter for the memory they take.
_STEP = 0.02

_NORMAL = NormalDist()
_Z = tuple(_NORMAL.inv_cdf(share) for share in SHARES)
_MIDDLE = SHARES.index(0.5)


@dataclass(frozen=True, slots=True)
class Ratios:
    """A distribution of ratios, actual ÷ expected, seen `n` times.

    `prior_spread` is the standard deviation of the logarithm in the prior, whose median is 1, and `prior_bend` from how
    many of them on (at one of SHARES) each counts twice: what goes badly goes very badly; `shifts` by how much the
    logarithm of each of the quantiles at SHARES is above the prior's, empty when nothing was learned.
    """

    prior_spread: float
    shifts: tuple[float, ...] = ()
    n: int = 0
    prior_bend: float = math.inf

    @classmethod
    def of(cls, prior: Ratios, quantiles: Sequence[float], n: int) -> Ratios:
        """Return the distribution with these quantiles at SHARES, as they were kept, learned from that prior."""
        shifts = (math.log(q) - prior.prior(z) for q, z in zip(quantiles, _Z, strict=True))
        return cls(prior.prior_spread, tuple(shifts), n, prior.prior_bend)

    @property
    def median(self) -> float:
        """The ratio in the middle: 1.12 is 12 % longer than expected."""
        return math.exp(self.shifts[_MIDDLE]) if self.shifts else 1.0

    @property
    def spread(self) -> float:
        """The standard deviation of the logarithm of the lognormal with the same 10 and 90 %."""
        if not self.shifts:
            return self.prior_spread
        return self.prior_spread + (self.shifts[5] - self.shifts[1]) / (_Z[5] - _Z[1])

    @property
    def quantiles(self) -> tuple[float, ...]:
        """The ratios at SHARES."""
        return tuple(self.at(z) for z in _Z)

    def at(self, z: float) -> float:
        """Return the ratio at `z` standard normal deviates. Example: `Ratios(0.3).at(1.0)` is 1.35."""
        return math.exp(self.prior(z) + self._shift(z))

    def prior(self, z: float) -> float:
        """Return the logarithm of the prior's ratio at `z` standard normal deviates."""
        return self.prior_spread * (z if z <= self.prior_bend else 2.0 * z - self.prior_bend)

    def z(self, ratio: float) -> float:
        """Return at which standard normal deviate a ratio lies, the inverse of `at`: `Ratios(0.3).z(1.35)` is 1.0."""
        log = math.log(ratio)
        if not self.shifts:
            return self._prior_z(log)
        logs = [self.prior(z) + shift for z, shift in zip(_Z, self.shifts, strict=True)]
        k = bisect_right(logs, log)
        if k in (0, len(logs)):
            return self._prior_z(log - self.shifts[min(k, len(logs) - 1)])
        return _Z[k - 1] + (_Z[k] - _Z[k - 1]) * (log - logs[k - 1]) / (logs[k] - logs[k - 1])

    def _prior_z(self, log: float) -> float:
        z = log / self.prior_spread
        return z if z <= self.prior_bend else (z + self.prior_bend) / 2.0

    def _shift(self, z: float) -> float:
        if not self.shifts:
            return 0.0
        k = bisect_right(_Z, z)
        if k in (0, len(_Z)):
            return self.shifts[min(k, len(_Z) - 1)]
        low, high = self.shifts[k - 1], self.shifts[k]
        return low + (high - low) * (z - _Z[k - 1]) / (_Z[k] - _Z[k - 1])


class Tally:
    """Ratios that were seen, counted in steps of 2 %; what is farther off than MOST_RATIO counts as just that far."""

    __slots__ = ("_counts", "n")

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self.n = 0

    def add(self, ratio: float) -> None:
        """Count one more ratio, greater than 0."""
        most = math.log(MOST_RATIO)
        step = round(min(max(math.log(ratio), -most), most) / _STEP)
        self._counts[step] = self._counts.get(step, 0) + 1
        self.n += 1

    def blended(self, broader: Ratios) -> Ratios:
        """Return what these observations and a broader group tell together; without any, the broader group.

        Quantiles are averaged (Vincent 1912; Ratcliff, Psychological Bulletin 86, 1979) with Bühlmann's credibility
        n ÷ (n + k) (ASTIN Bulletin 4, 1967) for weight: as if the broader group had been seen k times. The middle has
        a smaller k than the shape around it. Example: 9 jobs that all took half as long again as planned move the
        middle halfway there, in logarithms: to 1.22; 90 of them to 1.44.
        """
        if not self.n:
            return broader
        seen = self._logs(broader)
        logs = [broader.prior(z) + shift for z, shift in zip(_Z, broader.shifts or (0.0,) * 7, strict=True)]
        middle = _between(logs[_MIDDLE], seen[_MIDDLE], self.n / (self.n + MIDDLE_AS_SEEN))
        shape = self.n / (self.n + SHAPE_AS_SEEN)
        shifts = tuple(
            middle + _between(log - logs[_MIDDLE], one - seen[_MIDDLE], shape) - broader.prior(z)
            for log, one, z in zip(logs, seen, _Z, strict=True)
        )
        return Ratios(broader.prior_spread, shifts, self.n, broader.prior_bend)

    def _logs(self, broader: Ratios) -> list[float]:
        """Return the logarithms of the quantiles at SHARES of what was seen.

        The i-th of n lies at i ÷ (n + 1), which is where the next one falls below it; beyond the first and the last,
        the broader group's tail is attached: two observations say nothing about the one in twenty.
        """
        steps = sorted(self._counts)
        ends = list(accumulate(self._counts[step] for step in steps))
        logs = []
        for share in SHARES:
            rank = share * (self.n + 1)
            edge = min(max(rank, 1.0), float(self.n))
            low, high = (steps[bisect_right(ends, whole - 1)] for whole in (math.floor(edge), math.ceil(edge)))
            log = _STEP * _between(low, high, edge - math.floor(edge))
            if edge != rank:
                log += math.log(broader.at(_NORMAL.inv_cdf(share)))
                log -= math.log(broader.at(_NORMAL.inv_cdf(edge / (self.n + 1))))
            logs.append(log)
        return logs


def _between(low: float, high: float, share: float) -> float:
    return low + (high - low) * share
