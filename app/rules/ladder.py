"""By when must somebody know that the customer knows, and what is tried until then?

A provider's yes proves nothing: a notice climbs from channel to channel until a receipt, an opened link, an answer or a
person's word comes. Where it matters that she knows, a person is called while a call still helps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Ladder:
    """How much it matters that a kind of notice is known to have arrived.

    A person is called `ahead` of what it is about, but not sooner than `least` after it was decided and not later than
    `most`; `ahead` is None where nobody is called. `patience` stretches what each channel is given; None: it climbs
    only from a channel that failed.
    """

    ahead: timedelta | None
    least: timedelta
    most: timedelta
    patience: float | None


_SOON = timedelta(minutes=4)
#: A delay: she may be about to leave the house, or be leaving work for it.
_URGENT = Ladder(timedelta(minutes=15), _SOON, timedelta(minutes=30), 1.0)
#: Another day, another technician, no visit: she must know well before, not within minutes.
_PLANNED = Ladder(timedelta(hours=2), timedelta(minutes=20), timedelta(hours=2), 5.0)
#: Good to know; who does not read it misses nothing that she was not told before.
_GENTLE = Ladder(None, _SOON, _SOON, 5.0)
#: Over before another channel would be read.
_FLEETING = Ladder(None, _SOON, _SOON, None)

#: Asked by somebody who stands before her, or before whoever let him in: the next way soon, and nobody is called.
_AT_THE_DOOR = Ladder(None, _SOON, _SOON, 1.0)

LADDERS = {
    "late": _URGENT,
    "late_update": _URGENT,
    "holding": _URGENT,
    "on_time_again": _URGENT,
    "arriving_soon": _FLEETING,
    "on_the_way": _FLEETING,
    "moved": _PLANNED,
    "cancelled": _PLANNED,
    "move_asked": _URGENT,
    "must_reschedule": _URGENT,
    "tech_changed": _PLANNED,
    "reply": _PLANNED,
    "quote_sent": _PLANNED,
    "quote_reminder": _PLANNED,
    "addon_consent": _AT_THE_DOOR,
    "agreement_copy": _GENTLE,
    "invoice_issued": _GENTLE,
    "payment_received": _GENTLE,
    "reminder_day": _GENTLE,
    "reminder_hours": _GENTLE,
    "incident_update": _GENTLE,
}
#: So long a channel is given to prove that it arrived. Carriers report an SMS within seconds when the phone is on; a
#: call rings for a minute; a chat, a push and a mail show only by the link that is opened.
PATIENCE = {
    "sms": timedelta(seconds=90),
    "line": timedelta(seconds=120),
    "push": timedelta(seconds=90),
    "voice": timedelta(seconds=120),
    "email": timedelta(seconds=180),
}
_PATIENCE = timedelta(seconds=120)
#: The least that each channel still to come is left before a person is called.
STEP = timedelta(seconds=45)
#: So long a person is given to make the call.
CALL_TAKES = timedelta(minutes=5)


def calls(kind: str) -> bool:
    """Return whether a person is called when nobody knows whether a notice of this kind arrived."""
    return LADDERS[kind].ahead is not None


def call_at(kind: str, told_at: datetime, about_at: datetime) -> datetime | None:
    """Return when a person is called unless it is confirmed, or None for what nobody is called about.

    `about_at` is the moment that the customer reckons with, as last promised.

    >>> from datetime import UTC
    >>> five = datetime(2026, 11, 24, 17, tzinfo=UTC)
    >>> [f"{call_at('late', five - timedelta(minutes=m), five):%H:%M}" for m in (90, 40, 20, 12, -5)]
    ['16:00', '16:45', '16:45', '16:52', '17:09']
    """
    ladder = LADDERS[kind]
    if ladder.ahead is None:
        return None
    return min(max(about_at - ladder.ahead, told_at + ladder.least), told_at + ladder.most)


def climbs_at(
    kind: str, channel: str, rest: Sequence[str], accepted_at: datetime, called_at: datetime | None
) -> datetime | None:
    """Return when a notice that a channel has accepted goes to the next one of the `rest`, unless it is confirmed.

    Sooner than usual where a person is called soon (`called_at`): every channel is tried before. None: it stays.

    >>> from datetime import UTC
    >>> at = datetime(2026, 11, 24, 16, 40, tzinfo=UTC)
    >>> climbs_at("late", "sms", ["email"], at, at + timedelta(minutes=4)).isoformat()
    '2026-11-24T16:41:30+00:00'
    >>> climbs_at("late", "sms", ["email", "voice"], at, at + timedelta(minutes=2)).isoformat()
    '2026-11-24T16:40:45+00:00'
    """
    patience = LADDERS[kind].patience
    if patience is None or not rest:
        return None
    at = accepted_at + PATIENCE.get(channel, _PATIENCE) * patience
    if called_at is not None:
        at = min(at, called_at - STEP * len(rest))
    return max(at, accepted_at + STEP)
