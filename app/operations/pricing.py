"""What does a job cost, or a visit as it is planned?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.errors import Invalid, Problem, Refused
from app.models import Branch, Technician, Visit
from app.operations.price_book import book_at, public_holidays_of
from app.rules.position import distance_m
from app.rules.price_book import PriceBook
from app.rules.pricing import CannotPrice, DiscountOverLimit, Job, Price, price


def book_for(session: Session, job: Job) -> PriceBook:
    """Return the book that prices a job: by the day it begins on, or was promised for when we are late."""
    return book_at(session, min(job.start_at, job.promised_until_at or job.start_at))


def priced(book: PriceBook, job: Job) -> Price:
    """Return what a job costs. Raises Invalid naming the field, Refused `discount_over_limit`."""
    try:
        return price(book, job, public_holidays_of(book))
    except DiscountOverLimit as over:
        raise Refused("discount_over_limit", **over.facts) from None
    except CannotPrice as wrong:
        raise Invalid.one(wrong.field, wrong.code, **wrong.facts) from None


def job_of_visit(
    session: Session, visit: Visit, *, service: str | None = None, distance_km: float | None = None
) -> Job:
    """Return what a visit is, as planned, for its price; a service of the book or a distance that is given counts.

    Raises Invalid naming what is not known yet.
    """
    problems, code = [], service or visit.service.price_code
    if not code:
        problems.append(Problem("service", "no_price"))
    far_km = distance_of(session, visit) if distance_km is None else distance_km
    if far_km is None:
        problems.append(Problem("distance_km", "missing"))
    if problems or far_km is None:
        raise Invalid(problems)
    return Job(
        service=code,
        start_at=visit.planned_from_at,
        minutes=visit.duration_min,
        customer_class=visit.customer.kind,
        distance_km=far_km,
        travels_by=visit.technician.travels_by if visit.technician is not None else "car",
    )


def at_most(book: PriceBook, job: Job) -> Job:
    """Return a job with the dearest way home, for a price that is told before anybody knows the taxi's receipt."""
    return replace(job, taxi=book.return_taxi.cap if book.return_taxi else 0)


def distance_of(session: Session, visit: Visit) -> float | None:
    """Return how far a visit's site is from where its technician sets out (`distance_from`)."""
    return distance_from(session, visit.technician, visit.site.lat, visit.site.lon)


def distance_from(
    session: Session, technician: Technician | None, lat: float | None, lon: float | None
) -> float | None:
    """Return how far a place is from the branch of who goes there, kilometres in a straight line.

    Who belongs to no branch sets out from the own base; while nobody is assigned, the nearest branch counts. None when
    a position is missing.
    """
    if lat is None or lon is None:
        return None
    places = _setting_out(session, technician)
    return round(min(distance_m(*place, lat, lon) for place in places) / 1000, 1) if places else None


def _setting_out(session: Session, technician: Technician | None) -> list[tuple[float, float]]:
    """Return the branch, else the base, of a technician; of nobody yet, all the branches, else all the bases."""
    branches, bases = select(Branch.lat, Branch.lon), select(Technician.base_lat, Technician.base_lon)
    if technician is None:
        return _pairs(session, branches.where(Branch.active)) or _pairs(session, bases.where(Technician.active))
    if technician.branch_id is not None:
        return _pairs(session, branches.where(Branch.id == technician.branch_id))
    return _pairs(session, bases.where(Technician.id == technician.id))


def _pairs(session: Session, query: Select[*tuple[Any, ...]]) -> list[tuple[float, float]]:
    return [(lat, lon) for lat, lon in session.execute(query) if lat is not None and lon is not None]
