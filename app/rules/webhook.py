"""Of what are other programs told, and how long do we go on trying?

Thin messages: what happened to which visit, in numbers and times; whoever may know more reads it over the API.
"""

from __future__ import annotations

from datetime import datetime, timedelta

#: What other programs can be told of, in the order in which the office reads it.
EVENTS = (
    "visit.created",
    "visit.changed",
    "visit.cancelled",
    "visit.status_changed",
    "visit.delay_told",
    "notice.delivered",
    "notice.failed",
    "message.received",
)
#: What an entry of a visit's history is to others; what is not named here is told to nobody.
EVENT_OF_ENTRY = {
    "booked": "visit.created",
    "changed": "visit.changed",
    "cancelled": "visit.cancelled",
    **dict.fromkeys(
        ("en_route", "arrived", "working", "completed", "no_access", "undone", "reopened"), "visit.status_changed"
    ),
}
#: Notices that tell a customer of a delay.
DELAYS = ("late", "late_update")
#: Sent by hand from the office, to see whether it arrives.
TEST = "test"
STATES = ("due", "sending", "sent", "given_up")
#: Waits between two tries, seconds; as Standard Webhooks propose: three days in all.
_WAITS_S = (5, 30, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
#: What waited longer, while nobody could be told, is too old to be told.
LASTS = timedelta(hours=84)
#: A receiver that took nothing for so long calls a person, and at last nobody tries any more.
CALLS_AFTER, ENDS_AFTER = timedelta(hours=1), timedelta(days=3)
#: While the receiver changes over to a new secret, the old one signs too.
OVERLAP = timedelta(hours=24)


def again_at(tries: int, now: datetime, *, after_s: float | None, jitter: float) -> datetime | None:
    """Return when to try again after `tries` in vain, or None when that was the last.

    Not before the receiver wants it (`after_s`). `jitter`, 0 to 1, spreads what failed together by adding up to a tenth
    of the wait: taking from it, all tries would be over before a receiver counts as gone.

    >>> at = datetime(2026, 11, 24)
    >>> (again_at(1, at, after_s=None, jitter=0.5) - at).seconds, (again_at(1, at, after_s=60, jitter=0.5) - at).seconds
    (5, 60)
    >>> again_at(11, at, after_s=None, jitter=0.5)
    """
    if tries > len(_WAITS_S):
        return None
    wait_s = _WAITS_S[max(tries, 1) - 1] * (1.0 + 0.1 * jitter)
    return now + timedelta(seconds=max(wait_s, after_s or 0.0))
