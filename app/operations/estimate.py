"""What would a visit cost that is being planned with the customer on the phone, and when would it cost less?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from sqlalchemy.orm import Session

from app.errors import Invalid
from app.models import Customer, Service, Technician
from app.operations.price_book import book_at
from app.operations.pricing import at_most, distance_from, priced
from app.rules.price_book import PriceBook, Tier
from app.rules.pricing import Job, Price

AN_HOUR = timedelta(hours=1)
#: A cheaper time is looked for so far before and after, in such steps.
_WITHIN, _STEP = timedelta(hours=12), timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is known so far of a visit: `minutes` None is the service's usual, no technician is nobody yet."""

    service_id: int
    start_at: datetime
    minutes: int | None = None
    technician_id: int | None = None
    customer_class: str = "individual"
    lat: float | None = None
    lon: float | None = None


@dataclass(frozen=True, slots=True)
class Elsewhen:
    """The same work at another time."""

    start_at: datetime
    total: int


@dataclass(frozen=True, slots=True)
class Told:
    """A sum, tax included, and the book that says in which currency."""

    book: PriceBook
    total: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """The price of a plan, as its quote would say it: a taxi at the most it can cost.

    `earlier` is the same an hour before (None: that has passed), `cheaper` the nearest time within twelve hours at
    which it costs least (None: none costs less than these two). Whether somebody is free then is another question.
    """

    book: PriceBook
    job: Job
    price: Price
    #: The way is not in it: where it leads is not known yet.
    without_travel: bool
    earlier: Elsewhen | None
    cheaper: Elsewhen | None


def estimate(session: Session, plan: Plan, now: datetime) -> Estimate:
    """Return what a plan costs. Raises Invalid naming what is unknown, or has no price."""
    job, near = _job(session, plan)
    books: dict[tuple[date, date], PriceBook] = {}
    here = book_at(session, plan.start_at).timezone

    def book_of(at: datetime) -> PriceBook:
        # A book is chosen by its local day: at midnight here the next one may begin.
        on = at.astimezone(UTC).date(), at.astimezone(here).date()
        if on not in books:
            books[on] = _book(session, at, near)
        return books[on]

    def at(start_at: datetime) -> Elsewhen | None:
        if start_at < now:
            return None
        book = book_of(start_at)
        return Elsewhen(start_at, priced(book, at_most(book, replace(job, start_at=start_at))).total)

    book = book_of(plan.start_at)
    price, earlier = priced(book, at_most(book, job)), at(plan.start_at - AN_HOUR)
    steps = range(1, _WITHIN // _STEP + 1)
    others = [one for n in steps for side in (-1, 1) if (one := at(plan.start_at + side * n * _STEP))]
    best = min(others, key=lambda one: one.total, default=None)  # the nearest of those that cost least
    if best is not None and best.total >= min(price.total, earlier.total if earlier else price.total):
        best = None
    return Estimate(book, job, price, not near, earlier, best)


def totals(session: Session, plan: Plan, times: Sequence[tuple[datetime, int | None]]) -> Sequence[Told]:
    """Return what a plan costs at each of some times, with the technician who would go then. Raises as `estimate`."""
    found = []
    for start_at, technician_id in times:
        job, near = _job(session, replace(plan, start_at=start_at, technician_id=technician_id))
        book = _book(session, start_at, near)
        found.append(Told(book, priced(book, at_most(book, job)).total))
    return found


def _job(session: Session, plan: Plan) -> tuple[Job, bool]:
    """Return what a plan prices, and whether the way is known. Raises Invalid."""
    service = session.get(Service, plan.service_id)
    if service is None:
        raise Invalid.one("service", "unknown")
    if not service.price_code:
        raise Invalid.one("service", "no_price")
    technician = session.get(Technician, plan.technician_id) if plan.technician_id is not None else None
    far_km = distance_from(session, technician, plan.lat, plan.lon)
    job = Job(
        service=service.price_code,
        start_at=plan.start_at,
        minutes=service.duration_min if plan.minutes is None else plan.minutes,
        customer_class=plan.customer_class,
        distance_km=far_km or 0.0,
        travels_by=technician.travels_by if technician is not None else "car",
    )
    return job, far_km is not None


def _book(session: Session, at: datetime, near: bool) -> PriceBook:
    """Return the book of a time; without travel where nobody knows yet where it leads: all else is told already."""
    book = book_at(session, at)
    return book if near else replace(book, travel=(Tier(None, 0),))


def class_of(session: Session, customer_id: int) -> str:
    """Return the class that a customer is priced as. Raises Invalid."""
    customer = session.get(Customer, customer_id)
    if customer is None:
        raise Invalid.one("who", "unknown")
    return customer.kind
