"""Keep the kinds of work that customers can buy."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import Invalid, NotFound, Problem
from app.models import Service
from app.operations.checks import tell_text
from app.operations.listing import Page, id_of, page_of
from app.operations.price_book import STANDARD
from app.operations.price_book_versions import newest_book
from app.operations.technician import LONGEST_SKILL
from app.rules.booking import LONGEST_VISIT_MIN

LONGEST_NAME = 80


def save_service(
    session: Session,
    service_id: int | None,
    *,
    name_ja: str,
    name_en: str,
    duration_min: int,
    skill: str = "",
    price_code: str = "",
    technicians: int = 1,
    active: bool = True,
) -> Service:
    """Add a kind of work, or change one; visits that are booked keep their own duration.

    Raises NotFound, Invalid naming the fields.
    """
    problems: list[Problem] = []
    name_ja, name_en = (
        tell_text(problems, "name_ja", name_ja, LONGEST_NAME),
        tell_text(problems, "name_en", name_en, LONGEST_NAME),
    )
    if skill:
        skill = tell_text(problems, "skill", skill, LONGEST_SKILL)
    if not 1 <= duration_min <= LONGEST_VISIT_MIN:
        problems.append(Problem("duration_min", "range", {"least": 1, "most": LONGEST_VISIT_MIN}))
    if technicians not in (1, 2):
        problems.append(Problem("technicians", "range", {"least": 1, "most": 2}))
    known = price_codes(session)
    if price_code and price_code not in known:
        problems.append(Problem("price_code", "choice", {"choices": ", ".join(known)}))
    if problems:
        raise Invalid(problems)
    service = Service() if service_id is None else find_service(session, service_id)
    service.name_ja, service.name_en = name_ja, name_en
    service.duration_min, service.skill, service.active = duration_min, skill, active
    service.price_code, service.technicians = price_code, technicians
    session.add(service)
    session.flush()
    return service


def find_service(session: Session, service_id: int) -> Service:
    """Return a kind of work. Raises NotFound."""
    service = session.get(Service, service_id)
    if service is None:
        raise NotFound("service")
    return service


def price_codes(session: Session) -> Sequence[str]:
    """Return the services of the newest price book, by which a kind of work can be priced."""
    newest = newest_book(session)
    return list((newest.book if newest is not None else STANDARD)["services"])


def all_services(session: Session) -> Sequence[Service]:
    """Return every kind of work, those on offer first."""
    return session.scalars(select(Service).order_by(Service.active.desc(), Service.id)).all()


def service_choices(session: Session) -> Sequence[Service]:
    """Return the kinds of work that can be booked."""
    return session.scalars(select(Service).where(Service.active).order_by(Service.id)).all()


def list_services(session: Session, *, limit: int, cursor: str | None) -> Page[Service]:
    """Return what can be booked. Raises Invalid."""
    rows = session.scalars(
        select(Service).where(Service.active, Service.id > id_of(cursor)).order_by(Service.id).limit(limit + 1)
    ).all()
    return page_of(rows, limit, lambda service: str(service.id))
