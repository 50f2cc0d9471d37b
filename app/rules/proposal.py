"""Until when does a customer have time to agree to another appointment, and what became of the question?

No answer is never consent: what was promised stands until she says yes.
"""

from __future__ import annotations

from datetime import datetime, timedelta

#: What is asked: whether this other time suits her, or which one she would like as we cannot come at all.
KINDS = ("move", "reschedule")
#: What becomes of it: she agreed; keeps what was promised; wants to be called; said nothing in time; it was taken back
#: because the visit was changed otherwise; or she agreed, and the time could not be had any more.
ANSWERS = ("accepted", "kept", "call", "lapsed", "withdrawn", "gone")
#: So long she has from when she can read it, but no longer than until so shortly before the promise begins.
ASKED_FOR, ASKED_BEFORE = timedelta(hours=3), timedelta(minutes=20)
#: Who has less than this cannot be asked in writing: that is a matter for the telephone.
LEAST_TIME = timedelta(minutes=8)
#: Who was told that nobody comes is called when she has chosen nothing within this.
CHOSEN_WITHIN = timedelta(minutes=30)
#: After an answer that leaves something to be arranged a person calls within this.
CALLED_WITHIN = timedelta(minutes=15)


def answer_by(told_at: datetime, promised_from_at: datetime, latest_at: datetime | None = None) -> datetime | None:
    """Return until when an answer is waited for, on a full five minutes; None when there is too little time to ask.

    `told_at` is when she can read it, `latest_at` until when a yes can still be acted upon.

    >>> from datetime import UTC
    >>> noon = datetime(2026, 11, 24, 12, 2, tzinfo=UTC)
    >>> answer_by(noon, noon + timedelta(hours=2)).isoformat()
    '2026-11-24T13:40:00+00:00'
    >>> answer_by(noon, noon + timedelta(minutes=25)) is None
    True
    """
    end = min(told_at + ASKED_FOR, promised_from_at - ASKED_BEFORE, latest_at or promised_from_at)
    end -= timedelta(seconds=end.timestamp() % 300)
    return end if end >= told_at + LEAST_TIME else None


def call_by(now: datetime, promised_from_at: datetime) -> datetime:
    """Return by when a person calls about what she answered, or did not: soon, and before the promise if that is ahead.

    >>> from datetime import UTC
    >>> noon = datetime(2026, 11, 24, 12, tzinfo=UTC)
    >>> call_by(noon, noon + timedelta(minutes=10)).isoformat()
    '2026-11-24T12:10:00+00:00'
    """
    soon_at = now + CALLED_WITHIN
    return min(soon_at, promised_from_at) if promised_from_at > now else soon_at
