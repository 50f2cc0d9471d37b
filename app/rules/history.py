"""Does a forecast say something that its history does not tell yet?

A forecast is made at every look, some hundred times a visit. Kept are those that a person would call another forecast.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

#: An arrival that moved by less is the same; one that is far ahead, or far behind the promise, by less than this share.
MOVED, MOVED_SHARE = timedelta(minutes=3), 0.15
#: A range that grew or shrank by this many times as much is another one.
WIDER = 2
#: However little changes, so often it is said that it still holds.
STILL = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Noted:
    """The newest entry of a history: noted `at`, arrival around `median_at` and, nine times of ten, by `until_at`."""

    at: datetime
    median_at: datetime
    until_at: datetime


def worth_noting(
    noted: Noted | None, median_at: datetime, until_at: datetime, promised_until_at: datetime, now: datetime
) -> bool:
    """Return whether an arrival expected around `median_at`, by `until_at`, belongs into the history at `now`.

    Example: an arrival in 20 minutes is noted anew when it moves by 3 minutes, one in 4 hours when it moves by 36.

    >>> from datetime import UTC
    >>> noon = datetime(2026, 11, 24, 12, tzinfo=UTC)
    >>> soon = Noted(noon, noon + timedelta(minutes=20), noon + timedelta(minutes=30))
    >>> [worth_noting(soon, soon.median_at + timedelta(minutes=m), soon.until_at, noon, noon) for m in (2, 3)]
    [False, True]
    """
    if noted is None or now - noted.at >= STILL:
        return True
    far = max(noted.median_at - now, noted.median_at - promised_until_at)
    step = max(MOVED, MOVED_SHARE * far)
    return abs(median_at - noted.median_at) >= step or abs(until_at - noted.until_at) >= WIDER * step
