"""What is a message, does it fit, and is it still true?"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.rules.visit import AWAITED, STATUSES

#: One SMS holds 160 characters of GSM 03.38, or 70 UTF-16 units when a single character lies outside it.
GSM7_LIMIT = 160
UCS2_LIMIT = 70

_GSM7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM7_TWICE = frozenset("^{}\\[~]|€\f")

#: What the engine tells of the arrival.
ARRIVALS = ("late", "late_update", "holding", "on_time_again", "arriving_soon")
#: What is said beforehand, to be of use and not because something is amiss.
REMINDERS = ("reminder_day", "reminder_hours", "on_the_way")
#: What the office has changed, would like to change, or cannot keep.
CHANGES = ("moved", "tech_changed", "cancelled", "move_asked", "must_reschedule")
#: What a customer is asked to agree to before the work, in its price.
QUOTES = ("quote_sent", "quote_reminder", "addon_consent")
#: What is written of money, and of what was agreed to.
MONEY = (*QUOTES, "agreement_copy", "invoice_issued", "payment_received")
#: What a customer may be told.
KINDS = (*ARRIVALS, *REMINDERS, *CHANGES, *MONEY, "incident_update", "reply")
#: How long a notice may wait for a channel before what it says is no help any more, by kind.
LASTS = {
    "late": timedelta(minutes=60),
    "late_update": timedelta(minutes=60),
    "holding": timedelta(minutes=15),
    "on_time_again": timedelta(minutes=30),
    "arriving_soon": timedelta(minutes=10),
    "reminder_day": timedelta(hours=4),
    "reminder_hours": timedelta(minutes=60),
    "on_the_way": timedelta(minutes=20),
    "moved": timedelta(hours=24),
    "tech_changed": timedelta(hours=24),
    "cancelled": timedelta(hours=24),
    "move_asked": timedelta(hours=24),
    "must_reschedule": timedelta(hours=24),
    "quote_sent": timedelta(hours=24),
    "quote_reminder": timedelta(hours=12),
    "addon_consent": timedelta(minutes=60),
    "agreement_copy": timedelta(hours=24),
    "invoice_issued": timedelta(hours=72),
    "payment_received": timedelta(hours=24),
    "incident_update": timedelta(minutes=60),
    "reply": timedelta(hours=24),
}
#: What a newer notice makes untrue. "Nearly there" leaves the apology of an earlier one standing: it is still owed.
#: What a person wrote stands beside everything else.
_SUPERSEDES = {
    "late": frozenset((*ARRIVALS, *REMINDERS)),
    "late_update": frozenset((*ARRIVALS, *REMINDERS)),
    "holding": frozenset((*ARRIVALS, *REMINDERS)),
    "on_time_again": frozenset((*ARRIVALS, *REMINDERS)),
    "arriving_soon": frozenset({"holding", "arriving_soon", *REMINDERS}),
    "reminder_day": frozenset({"reminder_day"}),
    "reminder_hours": frozenset({"reminder_day", "reminder_hours"}),
    "on_the_way": frozenset(REMINDERS),
    "moved": frozenset((*ARRIVALS, *REMINDERS, "moved", "tech_changed", "move_asked", "must_reschedule")),
    "tech_changed": frozenset({"tech_changed"}),
    "cancelled": frozenset((*ARRIVALS, *REMINDERS, *CHANGES)),
    "move_asked": frozenset({"move_asked"}),
    "must_reschedule": frozenset((*ARRIVALS, *REMINDERS, "tech_changed", "move_asked", "must_reschedule")),
    "quote_sent": frozenset({"quote_sent", "quote_reminder"}),
    "quote_reminder": frozenset({"quote_reminder"}),
    "addon_consent": frozenset({"addon_consent"}),
    "agreement_copy": frozenset[str](),
    "invoice_issued": frozenset[str](),
    "payment_received": frozenset[str](),
    "incident_update": frozenset({"incident_update"}),
    "reply": frozenset[str](),
}
#: The states of a visit in which a kind is true, where those are not the states of a customer who waits.
_TRUE_IN = {
    "reminder_day": ("booked",),
    "reminder_hours": ("booked",),
    "cancelled": ("cancelled",),
    "incident_update": tuple(status for status in STATUSES if status != "cancelled"),
    "reply": STATUSES,
    "quote_reminder": ("booked",),
    "addon_consent": ("arrived", "working"),
    "agreement_copy": STATUSES,
    "invoice_issued": STATUSES,
    "payment_received": STATUSES,
}
#: Why a notice is not true any more in another state.
_OVER = {"en_route": "left", "arrived": "arrived", "working": "arrived", "cancelled": "cancelled"}
#: What is true whatever became of the promise it was written under, and whoever comes.
_OF_NO_PROMISE = frozenset({*MONEY, "incident_update", "reply"})
#: Notices after which a customer has had reason to worry.
UNSETTLING = ("late", "late_update", "holding")
#: States of a notice that was handed over, so that the customer can have read it.
HANDED_OVER = ("sent", "delivered")
#: Tries on one channel before the next one is taken, or a person is told that it does not go out.
TRIES_A_CHANNEL = 3
#: Waits between two tries, seconds: at first short, because most of what fails is over in seconds.
_BACK_OFF_S = (5, 15, 30, 60, 120)
#: A message that a provider does not know may be sent again only after so long, seconds.
ABSENT_FOR_S = 60
#: After so long without an answer about what became of a try, a person is asked, seconds.
ASK_AFTER_S = 180


@dataclass(frozen=True, slots=True)
class Message:
    """One notice in one language, filled and checked.

    `short` for SMS; `line` for a chat, its facts in lines; `subject` and `body` for e-mail; `spoken` to be read aloud
    over the telephone: whole sentences without addresses or brackets, times spelled as a voice says them. What is only
    ever written, such as the refusal of further visits, has nothing but `subject` and `body`.
    """

    short: str
    line: str
    subject: str
    body: str
    spoken: str


def utf16_units(text: str) -> int:
    """Return the length as an SMS in UCS-2 counts it: an emoji is two.

    >>> utf16_units("遅れ"), utf16_units("🚗")
    (2, 2)
    """
    return len(text.encode("utf-16-le")) // 2


def gsm7_septets(text: str) -> int | None:
    """Return the length in the GSM alphabet, or None when a character is not in it.

    >>> gsm7_septets("Sorry [late]"), gsm7_septets("遅れ")
    (14, None)
    """
    total = 0
    for character in text:
        if character in _GSM7:
            total += 1
        elif character in _GSM7_TWICE:
            total += 2
        else:
            return None
    return total


def sms_length(text: str) -> tuple[int, int]:
    """Return the length of a text as an SMS, and how much one SMS holds in its alphabet.

    >>> sms_length("遅れ"), sms_length("late")
    ((2, 70), (4, 160))
    """
    septets = gsm7_septets(text)
    return (utf16_units(text), UCS2_LIMIT) if septets is None else (septets, GSM7_LIMIT)


def fits_one_sms(text: str) -> bool:
    """Return whether a text is one SMS and not two: a second part may come alone, late, or not at all."""
    length, most = sms_length(text)
    return length <= most


def sms_segments(text: str) -> int:
    """Return as how many SMS a text is charged: parts of a long one hold a little less, for what joins them.

    >>> sms_segments("あ" * 70), sms_segments("あ" * 71), sms_segments("a" * 307)
    (1, 2, 3)
    """
    length, most = sms_length(text)
    return 1 if length <= most else -(-length // (67 if most == UCS2_LIMIT else 153))


def expires_at(kind: str, now: datetime, says_until_at: datetime | None) -> datetime:
    """Return when a notice is not sent any more; `says_until_at` ends what it tells: a window, or the next word."""
    end = now + LASTS[kind]
    return end if says_until_at is None else max(min(end, says_until_at), now)


@dataclass(frozen=True, slots=True)
class Said:
    """What a notice rests on: the promise and technician it speaks of, the end of its window, and its last moment."""

    kind: str
    promise: tuple[datetime, datetime]
    technician_id: int | None
    quoted_until_at: datetime | None
    expires_at: datetime


def next_word_at(told_at: datetime) -> datetime:
    """Return by when somebody who was told that we do not know yet hears from us again: 15 to 20 minutes, on the five.

    >>> from datetime import UTC
    >>> next_word_at(datetime(2026, 11, 24, 7, 52, tzinfo=UTC)).isoformat()
    '2026-11-24T08:10:00+00:00'
    """
    until_at = told_at + timedelta(minutes=15)
    return until_at + timedelta(seconds=-until_at.timestamp() % 300)


def no_longer_true(
    said: Said,
    *,
    status: str,
    promise: tuple[datetime, datetime],
    technician_id: int | None,
    newer_kinds: Collection[str],
    told_before: bool,
    now: datetime,
) -> str | None:
    """Return why a notice must not be sent any more, or None while it is still true.

    `status`, `promise` and `technician_id` are the visit's at this moment; `newer_kinds` are the later notices about
    it; `told_before` says whether an earlier notice of a delay has left: who was told of none is not told that it has
    gone.
    """
    if status not in _TRUE_IN.get(said.kind, AWAITED):
        return _OVER.get(status, "over")
    if said.kind not in _OF_NO_PROMISE and (promise, technician_id) != (said.promise, said.technician_id):
        return "moved"
    if any(said.kind in _SUPERSEDES[newer] for newer in newer_kinds):
        return "superseded"
    if said.kind == "on_time_again" and not told_before:
        return "never_told"
    if said.quoted_until_at is not None and now > said.quoted_until_at:
        return "window_over"
    if now >= said.expires_at:
        return "expired"
    return None


#: Reasons for not sending which mean that the customer waits without knowing.
LEFT_UNTOLD = frozenset({"expired", "window_over"})


def back_off_s(tries: int) -> int:
    """Return how long to wait after the given number of tries in vain, in seconds.

    >>> [back_off_s(n) for n in (1, 2, 5, 50)]
    [5, 15, 120, 120]
    """
    return _BACK_OFF_S[min(max(tries, 1), len(_BACK_OFF_S)) - 1]
