"""What is a visit offered for? Its plan with what was wished, and everything that its customer agreed to on site."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from typing import Any

from sqlalchemy.orm import Session

from app.errors import Conflict, Invalid, Refused
from app.models import Quote, Visit
from app.operations.added_work import with_added, works_of
from app.operations.booking import visit_for_change
from app.operations.onsite import THERE, agreed_so_far
from app.operations.price_book import book_data_at, kept_book
from app.operations.pricing import at_most, job_of_visit, priced
from app.operations.quote import ON_SITE, Frame, job_now, keep_quote, quote_on_page
from app.rules.agreed import minutes_now
from app.rules.pricing import Job, PartUsed


@dataclass(frozen=True, slots=True)
class Wish:
    """What a quote has beside the plan: what is None is as planned; `taxi` None is the most that the book lets be."""

    service: str | None = None
    minutes: int | None = None
    distance_km: float | None = None
    taxi: int | None = None
    parts: tuple[PartUsed, ...] = ()
    discount_percent: Fraction = Fraction(0)
    discount_reason: str = ""
    sign: bool = False


@dataclass(frozen=True, slots=True)
class ToQuote:
    """What a quote of a visit would price, by which book; `carries` and `upon` as operations.quote.Frame has them."""

    data: Mapping[str, Any]
    job: Job
    carries: tuple[int, ...] = ()
    upon: int | None = None


def make_quote(session: Session, visit_id: int, wish: Wish, *, role: str, now: datetime, actor: str) -> Quote:
    """Make a quote for a visit as it is planned now, with what was agreed on site; the newest one counts.

    `role` is who gives a discount. Raises NotFound, Conflict when the visit is over, or `asked_on_site` while its
    customer is asked about an addition; Invalid naming the field, Refused `discount_over_limit`.
    """
    visit = visit_for_change(session, visit_id)
    _check_may_quote(session, visit, now)
    if wish.discount_percent and not wish.discount_reason.strip():
        raise Invalid.one("discount_reason", "missing")
    found = to_quote(session, visit, wish)
    gives = "manager" if role == "admin" else role
    if wish.discount_percent and gives not in kept_book(found.data).discount_limits:
        raise Refused("discount_over_limit", most="0", role=gives)  # whom the book does not name gives nothing
    job = replace(
        found.job,
        discount_percent=wish.discount_percent,
        discount_by=gives,
        discount_reason=wish.discount_reason.strip(),
    )
    return _keep(session, visit, replace(found, job=job), wish.sign, now, actor)


def quote_again(session: Session, visit_id: int, accepted: Quote, *, now: datetime, actor: str) -> Quote:
    """Make a quote of what its customer has accepted, and of what was noted on site since, for the plan as it is now.

    It has the prices, the parts and the discount of the one she accepted. Raises as `make_quote`.
    """
    visit = visit_for_change(session, visit_id)
    _check_may_quote(session, visit, now)
    so_far = agreed_so_far(session, visit)
    job = job_now(accepted, visit, so_far.job)
    found = ToQuote(so_far.data, job, tuple(sorted(so_far.works)), accepted.id)
    return _keep(session, visit, found, accepted.sign, now, actor)


def to_quote(session: Session, visit: Visit, wish: Wish) -> ToQuote:
    """Return what a quote would price; what was agreed on site is in it, at the prices it was agreed to.

    Raises Invalid naming what is not known yet.
    """
    planned = job_of_visit(session, visit, service=wish.service, distance_km=wish.distance_km)
    works = works_of(session, visit.id)
    so_far = agreed_so_far(session, visit) if works else None
    data = so_far.data if so_far is not None and so_far.works else book_data_at(session, planned.start_at)
    book = kept_book(data)
    job = replace(
        at_most(book, planned) if wish.taxi is None else replace(planned, taxi=wish.taxi),
        minutes=planned.minutes if wish.minutes is None else wish.minutes,
        parts=wish.parts,
    )
    if so_far is None or not so_far.works:
        return ToQuote(data, job)
    job = with_added(job, [one for one in works if one.id in so_far.works], book)
    if wish.minutes is None:
        then = so_far.by.job["planned_min"] if so_far.by is not None else visit.duration_min
        job = replace(job, minutes=minutes_now(so_far.job.minutes, then, visit.duration_min))
    return ToQuote(data, job, tuple(sorted(so_far.works)), so_far.by.id if so_far.by is not None else None)


def _check_may_quote(session: Session, visit: Visit, now: datetime) -> None:
    if not visit.is_open:
        raise Conflict("visit_over")
    asked = quote_on_page(session, visit.link_token, now) if visit.status in THERE else None
    if asked is not None and asked[1] == "open" and asked[0].job.get("on_site"):
        raise Conflict("asked_on_site")  # else what she is being asked on the doorstep would be replaced unseen


def _keep(session: Session, visit: Visit, found: ToQuote, sign: bool, now: datetime, actor: str) -> Quote:
    expires_at = visit.promised_until_at if now < visit.promised_until_at else now + ON_SITE
    price = priced(kept_book(found.data), found.job)
    frame = Frame(found.data, found.job, price, sign, expires_at, found.carries, found.upon)
    return keep_quote(session, visit, frame, now=now, actor=actor)
