"""When did it happen, if a phone says so whose clock may be wrong?"""

from __future__ import annotations

from datetime import datetime, timedelta

#: Less than this between the phone's clock and ours is the network's delay, not a wrong clock.
CLOCKS_AGREE = timedelta(seconds=30)


def true_instant(noted_at: datetime, sent_at: datetime, now: datetime) -> datetime:
    """Return the instant that a phone noted, by our clock.

    `noted_at` and `sent_at` by the phone's clock, `sent_at` when it handed the note over, `now` by ours. A clock that
    is right is believed to the second, so that the same measurement sent twice stays the same.

    >>> from datetime import UTC
    >>> now = datetime(2026, 11, 24, 7, tzinfo=UTC)
    >>> hour = timedelta(hours=1)  # noted a minute before it was sent, by a clock that is an hour ahead
    >>> true_instant(now + hour - timedelta(minutes=1), now + hour, now).isoformat()
    '2026-11-24T06:59:00+00:00'
    """
    wrong_by = sent_at - now
    return noted_at if abs(wrong_by) < CLOCKS_AGREE else noted_at - wrong_by
