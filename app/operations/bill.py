"""What does a customer owe for a visit that is over: for the work as it really was, or for a way made in vain?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import Conflict, Invalid, Problem
from app.models import AddedWork, Quote, Visit, VisitEvent
from app.operations.added_work import minutes_of, together
from app.operations.cancelling import fee_of_visit, waived
from app.operations.onsite import agreed_so_far, not_agreed
from app.operations.price_book import book_at
from app.operations.pricing import book_for, priced
from app.operations.quote import accepted_quote
from app.rules.agreed import as_agreed
from app.rules.cancelling import Fee
from app.rules.price_book import PartPrice, PriceBook
from app.rules.pricing import Job, PartUsed, Price

#: Of these visits something can be owed.
BILLED = ("completed", "no_access", "cancelled")
A_MINUTE = timedelta(minutes=1)
#: Called off by our own doing, or because we were late: nothing is owed.
NOT_HERS = ("our_doing", "our_delay")


@dataclass(frozen=True, slots=True)
class Told:
    """What a person says of a bill: minutes other than those of the taps (and why), the taxi's receipt, the parts."""

    minutes: int | None = None
    minutes_reason: str = ""
    taxi: int = 0
    #: None: as the customer agreed.
    parts: tuple[PartUsed, ...] | None = None


@dataclass(frozen=True, slots=True)
class Bill:
    """What is owed for a visit, and by which book; `what` is one of BILLED."""

    what: str
    book: PriceBook
    price: Price
    #: When the work was, or when the visit was called off.
    began_at: datetime
    ended_at: datetime
    #: The minutes between the taps (None: one is missing), and those that are billed; both None of a fee.
    real_min: int | None = None
    minutes: int | None = None
    minutes_reason: str = ""
    agreed: Quote | None = None
    #: The total that the customer agreed to, or knew from the plan once she was asked for more; None binds nothing.
    known: int | None = None
    #: What nobody agreed to, tax included, and is not asked for.
    taken_off: int = 0
    #: What was added on site and never agreed to: no line of it is in the bill.
    left_out: Sequence[AddedWork] = ()
    #: What she agreed to on site and has withdrawn from (cooling-off): no line of it is in the bill either.
    withdrawn: Sequence[AddedWork] = ()
    #: Why a fee is what it is.
    fee: Fee | None = None

    @property
    def never_agreed(self) -> bool:
        """Whether surcharges are in it that no customer has said yes to."""
        return self.what == "completed" and self.price.after_hours and self.agreed is None


def bill_of_visit(session: Session, visit: Visit, told: Told) -> Bill:
    """Return what is owed for a visit.

    Work is counted from the arrival to the end in whole minutes; it began late by our own doing: as rules.pricing says.
    What the customer accepted is exceeded by the book's share at most. Raises Conflict when the visit is not over or
    only beside another, when there is no price, or nothing is owed; Invalid naming the field.
    """
    if visit.beside_id is not None:
        raise Conflict("beside", visit=visit.beside_id)  # the second technician's time: the first visit is billed
    if visit.status not in BILLED:
        raise Conflict("visit_not_over")
    if visit.status != "completed":
        return _fee(session, visit)
    began_at, ended_at, real, minutes = _minutes(visit, told)
    so_far, left_out = agreed_so_far(session, visit), not_agreed(session, visit.id)
    # The time of what she has withdrawn from is not owed, however long it took.
    owed = max(minutes - minutes_of(together(so_far.withdrawn), so_far.book), 0)
    job = _as_it_was(so_far.job, visit, began_at, owed, told)
    book = so_far.book if so_far.by is not None else book_for(session, job)
    real_price = priced(book, job)
    # Without a quote the plan's price is what she knew, once she was asked for more and has not agreed.
    known = so_far.total if so_far.by is not None or left_out else None
    price = real_price if known is None else as_agreed(book, real_price, known, exact=bool(so_far.withdrawn))
    return Bill(
        "completed", book, price, began_at, ended_at, real, minutes,
        told.minutes_reason.strip() if minutes != real else "", so_far.by, known, real_price.total - price.total,
        left_out, so_far.withdrawn,
    )  # fmt: skip


def parts_known(session: Session, visit: Visit) -> tuple[Mapping[str, PartPrice], tuple[PartUsed, ...]]:
    """Return the parts of the book that a visit is billed by, and those agreed to, or noted within that on site."""
    try:
        so_far = agreed_so_far(session, visit)
    except (Conflict, Invalid):
        return book_at(session, visit.promised_from_at).parts, ()
    return so_far.book.parts, so_far.job.parts


def _as_it_was(planned: Job, visit: Visit, began_at: datetime, minutes: int, told: Told) -> Job:
    travels_by = visit.technician.travels_by if visit.technician is not None else planned.travels_by
    return replace(
        planned,
        start_at=began_at,
        minutes=minutes,
        travels_by=travels_by,
        taxi=told.taxi,
        parts=planned.parts if told.parts is None else told.parts,
        promised_until_at=visit.promised_until_at,
    )


def _minutes(visit: Visit, told: Told) -> tuple[datetime, datetime, int | None, int]:
    """Return when the work began and ended, its minutes by the taps, and those to bill. Raises Invalid."""
    if visit.completed_at is None:
        raise Conflict("visit_not_over")
    real = None if visit.arrived_at is None else max((visit.completed_at - visit.arrived_at) // A_MINUTE, 0)
    if told.minutes is None and real is None:
        raise Invalid.one("minutes", "missing")
    minutes = real if told.minutes is None else told.minutes
    assert minutes is not None
    if minutes != real and not told.minutes_reason.strip():
        raise Invalid([Problem("minutes_reason", "missing")])
    began_at = visit.arrived_at or visit.completed_at - minutes * A_MINUTE
    return began_at, visit.completed_at, real, minutes


def _fee(session: Session, visit: Visit) -> Bill:
    """Return what calling off, or a closed door, costs. Raises Conflict when that is nothing."""
    wanted = select(VisitEvent).where(VisitEvent.visit_id == visit.id, VisitEvent.kind == visit.status)
    event = session.scalars(wanted.order_by(VisitEvent.id.desc()).limit(1)).first()
    if event is None:
        raise Conflict("nothing_owed")
    if event.facts.get("fee_why") in NOT_HERS:
        raise Conflict("nothing_owed")
    if waived(session, visit.id) is not None:
        raise Conflict("fee_waived")
    found = fee_of_visit(session, visit, event.at, no_access=visit.status == "no_access")
    if found is None:
        raise Conflict("no_prices_yet")
    book, fee = found
    price, shown = fee.price, event.facts.get("fee")
    if shown is not None and price.total > shown:
        # What she saw before she pressed is the most; the way may be longer from where nobody is assigned any more.
        price = as_agreed(replace(book, overrun_percent=Fraction(0)), price, shown)
    if price.total <= 0:
        raise Conflict("nothing_owed")
    return Bill(visit.status, book, price, event.at, event.at, agreed=accepted_quote(session, visit.id), fee=fee)
