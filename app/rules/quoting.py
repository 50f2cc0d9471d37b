"""Which window is told: how wide must it be to hold, and where does it lie?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.rules.forecast import GRACE_S, Forecast
from app.rules.habits import AS_FORECAST, Window, window_key
from app.rules.policy import Policy

#: Words about a delay.
TOLD_LATE = ("late", "late_update")
#: Of the time left so much is stretched: what goes badly now does so for an hour, not for the whole afternoon.
STRETCHED_S = 3600.0


@dataclass(frozen=True, slots=True)
class Quote:
    """A window to tell: its ends, how likely it holds, give or take the grace, and how it was calibrated."""

    window: tuple[datetime, datetime]
    share: float
    told_as: Window


def quote(forecast: Forecast, policy: Policy = Policy(), kind: str = "arriving_soon", wide_min: int = 0) -> Quote:
    """Return the window to tell in a `kind` of notice, in steps of 5 minutes.

    The narrowest that is likely enough; where that is wider than the policy's widest, the likeliest of that width. One
    that would be vague is widened up to `wide_min` minutes, until it is vague no more. Example: arrivals evenly spread
    over the next 20 minutes: 16 minutes of them, rounded outwards. A delay makes the time left so much longer first,
    and what was learned of such windows moves and widens them.
    """
    told_as = forecast.windows.get(window_key(kind), AS_FORECAST)
    stretch = policy.quote_stretch if kind in TOLD_LATE else 1.0
    samples = [sample + (stretch - 1.0) * min(sample, STRETCHED_S) for sample in forecast.arrivals_s]
    if told_as.n:
        middle = samples[len(samples) // 2]
        samples = [told_as.shift * middle + told_as.widen * (sample - middle) for sample in samples]
    n = len(samples)
    most_min = policy.quote_max_min
    need = max(round(policy.quote_share * n), 1)
    width_s, i = min((samples[i + need - 1] - samples[i], i) for i in range(n - need + 1))
    if width_s <= 60.0 * most_min:
        low_s, high_s = samples[i], samples[i] + width_s
    else:
        low_s, held = _likeliest(samples, 60.0 * most_min)
        while held < policy.vague_share * n and most_min < wide_min:
            most_min += 5
            low_s, held = _likeliest(samples, 60.0 * most_min)
        high_s = low_s + 60.0 * most_min
    # Judged before rounding, so that a later arrival never makes the same window less likely.
    share = sum(low_s - GRACE_S <= sample <= high_s + GRACE_S for sample in samples) / n
    begin_at, end_at = (forecast.made_at + timedelta(seconds=max(s, 0.0)) for s in (low_s, high_s))
    low_at, high_at = _floor(begin_at), _floor(end_at + timedelta(seconds=299))
    if high_at - low_at > timedelta(minutes=most_min):
        low_at = _floor(begin_at + timedelta(seconds=150))
        high_at = low_at + timedelta(minutes=most_min)
    return Quote((low_at, max(high_at, low_at + timedelta(minutes=policy.quote_min_min))), share, told_as)


def _likeliest(samples: Sequence[float], width_s: float) -> tuple[float, int]:
    """Return where a window so wide begins to hold most of the sorted samples, grace included, and how many."""
    low_s, held, end = samples[0], 0, 0
    for i, sample in enumerate(samples):
        while end < len(samples) and samples[end] - sample <= width_s + 2 * GRACE_S:
            end += 1
        if end - i > held:
            low_s, held = sample + GRACE_S, end - i
    return low_s, held


def _floor(at: datetime) -> datetime:
    """Return the last full five minutes."""
    return at - timedelta(seconds=at.timestamp() % 300)
