"""What does a job cost, or a visit, or calling it off?"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, tzinfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import Invalid, Problem, Refused
from app.models import Technician, Visit
from app.operations.branch import STARTS, WITH_BRANCH
from app.operations.price_book import book_on, public_holidays_of
from app.rules.cancelling import Fee, cancellation_fee
from app.rules.position import distance_m
from app.rules.price_book import PriceBook
from app.rules.pricing import CannotPrice, DiscountOverLimit, Job, Price, price

AN_HOUR = timedelta(hours=1)


def book_for(session: Session, job: Job, zone: tzinfo) -> PriceBook:
    """Return the book that prices a job: by the local day it begins on, or was promised for when we are late."""
    begin_at = min(job.start_at, job.promised_until_at or job.start_at)
    return book_on(session, begin_at.astimezone(zone).date())


def priced(book: PriceBook, job: Job) -> Price:
    """Return what a job costs. Raises Invalid naming the field, Refused `discount_over_limit`."""
    try:
        return price(book, job, public_holidays_of(book))
    except DiscountOverLimit as over:
        raise Refused("discount_over_limit", **over.facts) from None
    except CannotPrice as wrong:
        raise Invalid.one(wrong.field, wrong.code, **wrong.facts) from None


def an_hour_earlier(book: PriceBook, job: Job) -> Price:
    """Return what the same would cost an hour earlier."""
    return priced(book, replace(job, start_at=job.start_at - AN_HOUR))


def job_of_visit(session: Session, visit: Visit) -> Job:
    """Return what a visit is, as planned, for its price. Raises Invalid naming what is not known yet."""
    problems = []
    if not visit.service.price_code:
        problems.append(Problem("service", "no_price"))
    distance_km = distance_of(session, visit)
    if distance_km is None:
        problems.append(Problem("distance_km", "missing"))
    if problems or distance_km is None:
        raise Invalid(problems)
    return Job(
        service=visit.service.price_code,
        start_at=visit.planned_from_at,
        minutes=visit.duration_min,
        customer_class=visit.customer.kind,
        distance_km=distance_km,
        travels_by=visit.technician.travels_by if visit.technician is not None else "car",
    )


def distance_of(session: Session, visit: Visit) -> float | None:
    """Return how far a visit's site is from where its technician sets out, kilometres in a straight line.

    While nobody is assigned, from where the nearest technician sets out; None when a position is missing.
    """
    lat, lon = visit.site.lat, visit.site.lon
    if lat is None or lon is None:
        return None
    only = Technician.id == visit.technician_id if visit.technician_id is not None else Technician.active
    bases = session.execute(select(*STARTS).select_from(WITH_BRANCH).where(only))
    found = [distance_m(*base, lat, lon) for base in bases if None not in base]
    return round(min(found) / 1000, 1) if found else None


def fee_of_visit(session: Session, visit: Visit, zone: tzinfo, now: datetime, *, no_access: bool = False) -> Fee | None:
    """Return what calling a visit off costs now; None where its kind of work has no price, or its distance is unknown.

    To be shown before the customer confirms it, with `fee.price.total` (tax included) and `fee.why`: "hours",
    "no_access", or "our_delay", when nothing is owed because we are more than half an hour late.
    """
    book = book_on(session, visit.promised_from_at.astimezone(zone).date())
    distance_km = distance_of(session, visit)
    if visit.service.price_code not in book.services or distance_km is None:
        return None
    try:
        return cancellation_fee(
            book,
            service=visit.service.price_code,
            distance_km=distance_km,
            cancelled_at=now,
            promised_from_at=visit.promised_from_at,
            promised_until_at=visit.promised_until_at,
            arrived_at=visit.arrived_at,
            no_access=no_access,
        )
    except CannotPrice:  # further away than the book goes
        return None
