"""What does a customer owe who calls a visit off, or was not there, and why?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

from app.rules.price_book import PriceBook, Words
from app.rules.pricing import Line, Price, document, half_up, service_of, tier_for

#: Who is kept waiting so much beyond the promise owes nothing.
OUR_DELAY = timedelta(minutes=30)
#: Why the fee is what it is: so many hours before, nobody opened, we were late ourselves, or the customer had moved the
#: visit when calling it off would have cost that much.
WHY = ("hours", "no_access", "our_delay", "moved")


@dataclass(frozen=True, slots=True)
class Fee:
    """A cancellation fee: its share of base and travel, why, the book's own reason, and the document's sums."""

    percent: Fraction
    why: str
    #: Whole hours between the cancellation and the promise; negative once that has begun.
    hours_before: int
    reason: Words
    price: Price


def cancellation_fee(
    book: PriceBook,
    *,
    service: str,
    distance_km: float,
    cancelled_at: datetime,
    promised_from_at: datetime,
    promised_until_at: datetime,
    arrived_at: datetime | None = None,
    no_access: bool = False,
    kept: Fraction = Fraction(0),
) -> Fee:
    """Return what cancelling costs at `cancelled_at`; `no_access`: we came (at `arrived_at`) and nobody opened.

    The first step counts whose hours are reached; within the promise, and after it, the last one. `kept` is the percent
    that was owed when the customer moved the visit, and that she was shown: moving does not lower it. More than 30
    minutes late ourselves, nothing is owed. Example: 24 hours before at 30 %: 30 % of base and travel, then tax.
    Raises CannotPrice naming the field.
    """
    hours = (promised_from_at - cancelled_at) // timedelta(hours=1)
    if (arrived_at or cancelled_at) > promised_until_at + OUR_DELAY:
        percent, why, reason = Fraction(0), "our_delay", Words()
    elif no_access:
        percent, why, reason = book.no_access.percent, "no_access", book.no_access.reason
    else:
        step = next((step for step in book.cancellation if hours >= step.at_least_hours), book.cancellation[-1])
        percent, why, reason = step.percent, "hours", step.reason
        if kept > percent:
            percent, why = kept, "moved"
    owed = service_of(book, service).base + tier_for(book, distance_km).price
    line = Line("cancellation", half_up(owed * percent / 100), book.tax.rate, {"percent": percent, "of": owed})
    return Fee(percent, why, hours, reason, document(book, [line], cancelled_at))


def may_waive(book: PriceBook, role: str) -> bool:
    """Return whether a role may let a customer off a fee: one that may give all of a price as a discount.

    An administrator may what a manager may.
    """
    limit = book.discount_limits.get("manager" if role == "admin" else role, Fraction(0))
    return limit >= 100
