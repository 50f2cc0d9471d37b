"""How does a message look that is about no visit, and what follows from what became of handing it over?"""

from __future__ import annotations

from datetime import datetime, timedelta

from app.rules.messages import ABSENT_FOR_S, ASK_AFTER_S, Message, back_off_s

STATES = ("due", "sending", "sent", "delivered", "failed", "unknown")
#: After so many tries a person looks for another way.
MOST_TRIES = 5
#: A provider that could not be asked what became of a message is asked again after this.
_ASK_AGAIN = timedelta(seconds=15)
#: So long an answer is given to prove that it arrived, before a person asks: carriers report an SMS, a chat and a mail
#: show only by what comes back.
CONFIRMED_WITHIN = {"sms": timedelta(minutes=20)}
USUALLY_CONFIRMED_WITHIN = timedelta(hours=24)
#: The columns of an address, by channel.
ADDRESS_OF = {"sms": "mobile", "line": "line_id", "email": "email"}


def answer_message(words: str, *, brand: str, brand_short: str, addressee: str, closing: str, subject: str) -> Message:
    """Return a person's words as a message: the words themselves first, who writes around them.

    `closing` says how to reach us, in one line.

    >>> answer_message("Yes", brand="Aoba PC", brand_short="Aoba", addressee="", closing="", subject="Hello").short
    'Aoba: Yes'
    """
    one_line = " ".join(words.split())
    head = f"{addressee}\n\n" if addressee else ""
    foot = f"\n\n{closing}" if closing else ""
    by_ascii = brand_short.isascii() and one_line.isascii()
    short = f"{brand_short}: {one_line}" if by_ascii else f"【{brand_short}】{one_line}"
    return Message(short, f"{head}{words}{foot}", subject, f"{head}{words}{foot}\n{brand}", one_line)


def again_at(
    kind: str, tries: int, began_at: datetime, now: datetime, expires_at: datetime, after_s: float | None = None
) -> datetime | None:
    """Return when a message is tried (or looked up) again, or None when a person has to take over.

    `kind` is later (certainly not taken), absent (looked up: certainly not there) or lost (nobody knows yet).

    >>> from datetime import UTC
    >>> at = datetime(2026, 11, 24, 7, tzinfo=UTC)
    >>> (again_at("later", 1, at, at, at + timedelta(hours=1)) - at).seconds
    5
    >>> (again_at("absent", 1, at, at + timedelta(seconds=2), at + timedelta(hours=1)) - at).seconds
    60
    """
    if kind == "later":
        at = now + timedelta(seconds=max(back_off_s(tries), after_s or 0.0))
        return at if tries < MOST_TRIES and at < expires_at else None
    if kind == "absent":
        at = began_at + timedelta(seconds=ABSENT_FOR_S)
        return at if now < at else now if tries < MOST_TRIES else None
    return now + _ASK_AGAIN if now - began_at < timedelta(seconds=ASK_AFTER_S) else None
