"""How much longer will the technician stay at a site, given the time already spent there?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

DURATION_RATIO = 1.0  # actual ÷ planned, median
DURATION_SPREAD = 0.28  # log standard deviation of that ratio
EARLIEST_LEAVE_S = 30 * 60.0  # who has time to spare sets off between so long before the usual travel time ...
LATEST_LEAVE_S = 5 * 60.0  # ... and so long

_NORMAL = NormalDist()


def departures(
    started_s: float, duration_s: float, needed_s: float, work_u: Sequence[float], leave_u: Sequence[float]
) -> list[float]:
    """Return samples of the seconds from now until the technician leaves a site.

    ``started_s`` when the work began, seconds from now (negative: in the past); ``duration_s`` planned; ``needed_s`` when
    one must leave, at the usual speed, to reach the next promise at its beginning (seconds from now; ``inf`` without a
    next). A technician leaves when the work is done *and* it is time. Who is still there at ``now`` either still works,
    or waits: each with its share, and each given that it has not ended yet (a truncated lognormal, not planned − elapsed).
    ``work_u`` and ``leave_u`` are numbers in (0, 1), one a sample. Example: an hour's work begun 80 minutes ago with the
    next promise near: the median is about 13 minutes more.
    """
    elapsed_s = max(-started_s, 0.0)
    working = 1.0 - _done_share(elapsed_s, duration_s)
    wait = EARLIEST_LEAVE_S - LATEST_LEAVE_S
    first_s, last_s = needed_s - EARLIEST_LEAVE_S, needed_s - LATEST_LEAVE_S
    waiting = 1.0 if first_s >= 0 else 0.0 if last_s <= 0 else last_s / wait
    either = working + waiting - working * waiting
    share = working / either if either > 1e-9 else 1.0
    samples = []
    for u, w in zip(work_u, leave_u, strict=True):
        if u < share or waiting <= 0.0:
            at_work = u / share if waiting > 0.0 and share > 0 else u
            ratio = _NORMAL.inv_cdf(min(max(1.0 - working + working * at_work, 1e-4), 1 - 1e-4))
            work_s = duration_s * DURATION_RATIO * math.exp(DURATION_SPREAD * ratio)
            done_s = max(started_s + work_s, 0.0)
            leave_s = first_s + w * wait if needed_s < math.inf else 0.0
        else:  # done already, waits for the right moment
            done_s = 0.0
            leave_s = max(first_s, 0.0) + w * (last_s - max(first_s, 0.0)) if needed_s < math.inf else 0.0
        samples.append(max(done_s, leave_s, 0.0))
    return samples


def _done_share(elapsed_s: float, duration_s: float) -> float:
    """Return the probability that work of ``duration_s`` planned seconds takes no longer than ``elapsed_s``."""
    if elapsed_s <= 0 or duration_s <= 0:
        return 0.0
    z = math.log(elapsed_s / (duration_s * DURATION_RATIO)) / DURATION_SPREAD
    return min(0.5 * math.erfc(-z / math.sqrt(2)), 1 - 1e-6)
