"""How much may be billed of what the customer has agreed to, and what became of a quote?"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from app.rules.price_book import PriceBook
from app.rules.pricing import Line, Price, document


def most_billed(book: PriceBook, accepted_total: int, *, exact: bool = False) -> int:
    """Return the highest total that needs no new agreement; `exact`: what was accepted, and nothing beyond it.

    At 10 %, 10,000 accepted: 11,000.
    """
    if exact:
        return accepted_total
    return math.floor(accepted_total * (1 + book.overrun_percent / 100))


def minutes_now(agreed_min: int, planned_then_min: int, planned_min: int) -> int:
    """Return the minutes of work that something was added to, when its plan was changed since.

    A plan that was made longer may hold what was added already: it is not counted twice.

    >>> minutes_now(120, 60, 60), minutes_now(120, 60, 120), minutes_now(120, 60, 45)
    (120, 120, 105)
    """
    return max(agreed_min + min(planned_min - planned_then_min, 0), planned_min)


def as_agreed(book: PriceBook, price: Price, accepted_total: int, *, exact: bool = False) -> Price:
    """Return an invoice without what nobody agreed to: a line `not_agreed` takes the excess off.

    What the customer has accepted may be exceeded by the book's share, and no more; `exact`: by nothing.
    """
    most = most_billed(book, accepted_total, exact=exact)
    if price.total <= most:
        return price
    # Tax is rounded, so what has to come off before tax is searched: the least that brings the total down to it.
    off = bisect_left(range(price.total - most + 1), True, key=lambda off: _less(book, price, off).total <= most)
    return _less(book, price, off)


def _less(book: PriceBook, price: Price, off: int) -> Price:
    lines = (*price.lines, Line("not_agreed", -off, book.tax.rate))
    less = document(book, lines, price.counted_from_at, after_hours=price.after_hours)
    return replace(less, for_our_delay=price.for_our_delay)


#: Who has not answered a quote is asked again a day before the visit, or three hours before it when there was no more
#: time; not sooner after the first word than this.
_ASKED_AGAIN = ((timedelta(hours=24), timedelta(hours=6)), (timedelta(hours=3), timedelta(hours=2)))


def ask_again_at(sent_at: datetime, promised_from_at: datetime) -> datetime | None:
    """Return when a customer is asked again who has not answered her quote; None when it was sent too late for that.

    >>> from datetime import UTC
    >>> five = datetime(2026, 11, 24, 17, tzinfo=UTC)
    >>> [str(five - (ask_again_at(five - timedelta(hours=h), five) or five)) for h in (48, 30, 29, 5, 4)]
    ['1 day, 0:00:00', '1 day, 0:00:00', '3:00:00', '3:00:00', '0:00:00']
    """
    for ahead, least in _ASKED_AGAIN:
        if promised_from_at - ahead >= sent_at + least:
            return promised_from_at - ahead
    return None


#: States in which a customer can still accept; who declined may think again.
OPEN_STATES = ("open", "declined")


def state_of(answers: Sequence[str], *, newest: bool, over: bool, expires_at: datetime, now: datetime) -> str:
    """Return what became of a quote: accepted (for good), else replaced, over, expired, declined, or open.

    `answers` are accepted or declined, oldest first; `newest`: no later quote of the visit; `over`: the visit is.
    """
    if "accepted" in answers:
        return "accepted"
    if not newest:
        return "replaced"
    if over:
        return "over"
    if now > expires_at:
        return "expired"
    return "declined" if answers else "open"
