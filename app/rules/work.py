"""How much longer will the technician stay at a site, given the time already spent there?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

from app.rules.ratio import Ratios

#: Actual ÷ planned minutes of work: the logarithm's standard deviation around a ratio of one.
WORK_SPREAD = 0.28
#: One job in ten turns out to be another job: from there on each standard deviation counts twice.
OVERRUN_SHARE = 0.1
#: Who has time to spare sets off between so long and so long before the usual travel time demands it.
EARLIEST_S, LATEST_S = 30 * 60.0, 5 * 60.0
#: Packing up and walking to the car, on average.
PACKING_S = 240.0

_NORMAL = NormalDist()
#: Nothing learned.
AS_PLANNED = Ratios(WORK_SPREAD, prior_bend=_NORMAL.inv_cdf(1.0 - OVERRUN_SHARE))


def departures(
    started_s: float,
    duration_s: float,
    needed_s: float,
    work_u: Sequence[float],
    leave_u: Sequence[float],
    takes: Ratios = AS_PLANNED,
) -> list[float]:
    """Return samples of the seconds from now until the technician leaves a site where work was begun.

    `started_s` when the work began, seconds from now (negative: ago); `duration_s` as planned; `needed_s` when one must
    leave, at the usual speed, to be at the next stop as its promise begins (seconds from now, `inf` without a next);
    `work_u` and `leave_u` numbers in (0, 1), a pair for each sample; `takes` what was learned of such work.

    A technician leaves when the work is done and it is time. Who is still there either works, or is done and waits;
    each has its share, and work that lasts already is a truncated distribution, not planned minus elapsed. Example: an
    hour's work begun 80 minutes ago, already time to leave: about 13 minutes more in the middle, 60 in one case of ten.
    """
    elapsed_s = max(-started_s, 0.0)
    working = 1.0 - _done_share(elapsed_s, duration_s, takes)
    first_s, last_s = needed_s - EARLIEST_S, needed_s - LATEST_S
    waiting = 1.0 if first_s >= 0 else max(last_s, 0.0) / (EARLIEST_S - LATEST_S)
    either = working + waiting - working * waiting
    at_work_share = working / either if either > 0 else 1.0
    samples = []
    for u, leave_s in zip(work_u, times_to_leave(needed_s, leave_u), strict=True):
        if u >= at_work_share:
            samples.append(leave_s)
            continue
        part = min(max(1.0 - working * (1.0 - u / at_work_share), 1e-4), 1 - 1e-4)
        work_s = duration_s * takes.at(_NORMAL.inv_cdf(part))
        samples.append(max(started_s + work_s, leave_s))
    return samples


def time_to_leave(needed_s: float) -> tuple[float, float]:
    """Return when one who is free sets off, at the earliest, and over how long a time from then on: evenly spread.

    Seconds from now, never in the past, when one must leave in `needed_s` at the usual speed. Example: needed in an
    hour, `time_to_leave(3600)` is (1800, 1500).
    """
    if needed_s == math.inf or needed_s <= LATEST_S:
        return 0.0, 0.0
    first_s = max(needed_s - EARLIEST_S, 0.0)
    return first_s, needed_s - LATEST_S - first_s


def times_to_leave(needed_s: float, leave_u: Sequence[float]) -> list[float]:
    """Return samples of when one who is free sets off, for each number of `leave_u` in (0, 1); see `time_to_leave`."""
    first_s, span_s = time_to_leave(needed_s)
    return [first_s + u * span_s for u in leave_u]


def packing(u: float) -> float:
    """Return the seconds from "done" to the wheel turning, `u` in (0, 1). Example: `packing(0.5)` is 166."""
    return PACKING_S * -math.log(1.0 - u)


def _done_share(elapsed_s: float, duration_s: float, takes: Ratios) -> float:
    """Return the probability that work of `duration_s` planned seconds takes no longer than `elapsed_s`."""
    if elapsed_s <= 0 or duration_s <= 0:
        return 0.0
    z = takes.z(elapsed_s / duration_s)
    return min(0.5 * math.erfc(-z / math.sqrt(2)), 1 - 1e-6)
