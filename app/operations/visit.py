"""Find visits and what was told about them, page by page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Generic, TypeVar

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session, selectinload

from app.errors import Invalid, NotFound
from app.models import Notice, Service, Visit

R = TypeVar("R")

_MOMENT = "%Y%m%dT%H%M%S.%f"


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """Some rows of a list, and where the next ones begin."""

    items: Sequence[R]
    next: str | None


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
        begins_at = datetime.combine(on, time(), zone)
        ends_at = datetime.combine(on + timedelta(days=1), time(), zone)
        wanted = wanted.where(Visit.planned_from_at >= begins_at, Visit.planned_from_at < ends_at)
    if technician_id is not None:
        wanted = wanted.where(Visit.technician_id == technician_id)
    if cursor is not None:
        wanted = wanted.where(tuple_(Visit.planned_from_at, Visit.id) > tuple_(*_moment_and_id(cursor)))
    rows = session.scalars(wanted).all()
    return _page(rows, limit, lambda visit: f"{visit.planned_from_at.strftime(_MOMENT)}-{visit.id}")


def list_notices(session: Session, visit_id: int, *, limit: int, cursor: str | None) -> Page[Notice]:
    """Return what was told about a visit, oldest first, with attempts and receipts. Raises NotFound, Invalid."""
    find_visit(session, visit_id)
    rows = session.scalars(
        select(Notice)
        .where(Notice.visit_id == visit_id, Notice.id > _id(cursor))
        .options(selectinload(Notice.attempts), selectinload(Notice.receipts))
        .order_by(Notice.id)
        .limit(limit + 1)
    ).all()
    return _page(rows, limit, lambda notice: str(notice.id))


def list_services(session: Session, *, limit: int, cursor: str | None) -> Page[Service]:
    """Return what can be booked. Raises Invalid."""
    rows = session.scalars(
        select(Service).where(Service.active, Service.id > _id(cursor)).order_by(Service.id).limit(limit + 1)
    ).all()
    return _page(rows, limit, lambda service: str(service.id))


def _page(rows: Sequence[R], limit: int, place: Callable[[R], str]) -> Page[R]:
    return Page(rows[:limit], place(rows[limit - 1]) if len(rows) > limit else None)


def _moment_and_id(cursor: str) -> tuple[datetime, int]:
    moment, _, number = cursor.partition("-")
    try:
        return datetime.strptime(moment, _MOMENT).replace(tzinfo=UTC), _id(number)
    except ValueError:
        raise Invalid.one("cursor", "cursor") from None


def _id(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 10 and int(cursor) < 2**31):
        raise Invalid.one("cursor", "cursor")
    return int(cursor)
