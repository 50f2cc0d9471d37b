"""Find visits and what was told about them, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from typing import Any

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session, selectinload

from app.errors import Invalid, NotFound
from app.models import Customer, Notice, Service, Technician, Visit
from app.operations.listing import Page, id_of, page_of
from app.rules.calendar import day_bounds

_MOMENT = "%Y%m%dT%H%M%S.%f"


@dataclass(frozen=True, slots=True)
class VisitWords:
    """A visit as one sentence names it."""

    technician: str
    customer: str
    planned_from_at: datetime
    planned_until_at: datetime


def find_visit(session: Session, visit_id: int) -> Visit:
    """Return a visit. Raises NotFound."""
    visit = session.get(Visit, visit_id)
    if visit is None:
        raise NotFound("visit")
    return visit


def list_visits(
    session: Session, *, on: date | None, technician_id: int | None, zone: tzinfo, limit: int, cursor: str | None
) -> Page[Visit]:
    """Return visits in the order of their plan: of one local day, of one technician, or all. Raises Invalid."""
    wanted = select(Visit).order_by(Visit.planned_from_at, Visit.id).limit(limit + 1)
    if on is not None:
        begins_at, ends_at = day_bounds(on, zone)
        wanted = wanted.where(Visit.planned_from_at >= begins_at, Visit.planned_from_at < ends_at)
    if technician_id is not None:
        wanted = wanted.where(Visit.technician_id == technician_id)
    if cursor is not None:
        wanted = wanted.where(tuple_(Visit.planned_from_at, Visit.id) > tuple_(*_moment_and_id(cursor)))
    rows = session.scalars(wanted).all()
    return page_of(rows, limit, lambda visit: f"{visit.planned_from_at.strftime(_MOMENT)}-{visit.id}")


def list_notices(session: Session, visit_id: int, *, limit: int, cursor: str | None) -> Page[Notice]:
    """Return what was told about a visit, oldest first, with attempts and receipts. Raises NotFound, Invalid."""
    find_visit(session, visit_id)
    rows = session.scalars(
        select(Notice)
        .where(Notice.visit_id == visit_id, Notice.id > id_of(cursor))
        .options(selectinload(Notice.attempts), selectinload(Notice.receipts))
        .order_by(Notice.id)
        .limit(limit + 1)
    ).all()
    return page_of(rows, limit, lambda notice: str(notice.id))


def visits_of(session: Session, customer_id: int) -> Sequence[Any]:
    """Return a customer's latest visits as columns."""
    return session.execute(
        select(
            Visit.id,
            Visit.promised_from_at,
            Visit.promised_until_at,
            Visit.status,
            Service.name_ja,
            Service.name_en,
            Technician.name.label("technician"),
        )
        .join(Service, Service.id == Visit.service_id)
        .outerjoin(Technician, Technician.id == Visit.technician_id)
        .where(Visit.customer_id == customer_id, Visit.beside_id.is_(None))
        .order_by(Visit.promised_from_at.desc())
        .limit(20)
    ).all()


def visit_in_words(session: Session, visit_id: int) -> VisitWords | None:
    """Return whose visit this is, when and at which customer, or None when there is no such visit."""
    row = session.execute(
        select(Technician.name, Customer.name.label("customer"), Visit.planned_from_at, Visit.planned_until_at)
        .join(Customer, Customer.id == Visit.customer_id)
        .outerjoin(Technician, Technician.id == Visit.technician_id)
        .where(Visit.id == visit_id)
    ).one_or_none()
    return VisitWords(row[0] or "", row[1], row[2], row[3]) if row is not None else None


def _moment_and_id(cursor: str) -> tuple[datetime, int]:
    moment, _, number = cursor.partition("-")
    try:
        return datetime.strptime(moment, _MOMENT).replace(tzinfo=UTC), id_of(number)
    except ValueError:
        raise Invalid.one("cursor", "cursor") from None
