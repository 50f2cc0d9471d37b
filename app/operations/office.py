"""What does the office look through? Lists that are searched and paged, and rows named in words."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, String, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, selectinload

from app.models import Customer, Device, Service, Site, Technician, User, Visit

R = TypeVar("R")

PAGE = 50


@dataclass(frozen=True, slots=True)
class Listed(Generic[R]):
    """One page of a list; `before` and `after` are the neighbouring pages' numbers, where there are any."""

    rows: Sequence[R]
    before: int | None
    after: int | None


@dataclass(frozen=True, slots=True)
class VisitWords:
    """A visit as one sentence names it."""

    technician: str
    customer: str
    planned_from_at: datetime
    planned_until_at: datetime


def list_customers(session: Session, text: str, page: int) -> Listed[Customer]:
    """Return customers by name, narrowed to what a name, number, e-mail address or site address finds."""
    wanted = select(Customer).options(selectinload(Customer.sites)).order_by(Customer.name, Customer.id)
    return _listed(session, wanted.where(_customer_is(text)), page)


def customers_found(session: Session, text: str, *, also: int | None, limit: int) -> Sequence[Customer]:
    """Return the customers a caller may be, with their sites, and the one who is chosen already."""
    if not text and also is None:
        return []
    matches = Customer.id == (also or 0)
    if text:
        matches = or_(matches, _customer_is(text))
    return session.scalars(
        select(Customer)
        .where(matches)
        .options(selectinload(Customer.sites))
        .order_by(Customer.id != (also or 0), Customer.name, Customer.id)
        .limit(limit)
    ).all()


def list_technicians(session: Session, text: str, page: int) -> Listed[Technician]:
    """Return technicians by name, those at work first."""
    wanted = select(Technician).order_by(Technician.active.desc(), Technician.name, Technician.id)
    return _listed(session, wanted.where(_contains(Technician.name, text)), page)


def list_services(session: Session) -> Sequence[Service]:
    """Return every kind of work, those on offer first."""
    return session.scalars(select(Service).order_by(Service.active.desc(), Service.id)).all()


def service_choices(session: Session) -> Sequence[Service]:
    """Return the kinds of work that can be booked."""
    return session.scalars(select(Service).where(Service.active).order_by(Service.id)).all()


def list_users(session: Session) -> Sequence[User]:
    """Return everybody who may sign in, and who no longer may."""
    return session.scalars(select(User).order_by(User.active.desc(), User.name, User.id)).all()


def devices_of(session: Session, technician_id: int) -> Sequence[Device]:
    """Return a technician's location credentials, newest first."""
    return session.scalars(
        select(Device).where(Device.technician_id == technician_id).order_by(Device.revoked_at, Device.id.desc())
    ).all()


def visits_of(session: Session, customer_id: int, limit: int = 20) -> Sequence[Any]:
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
        .where(Visit.customer_id == customer_id)
        .order_by(Visit.promised_from_at.desc())
        .limit(limit)
    ).all()


def usual_place(session: Session) -> tuple[float, float] | None:
    """Return where a map begins that has nothing to show yet: at the site that was located last."""
    newest = select(Site.lat, Site.lon).where(Site.lat.is_not(None)).order_by(Site.id.desc()).limit(1)
    for lat, lon in session.execute(newest):
        if lat is not None and lon is not None:
            return lat, lon
    return None


def visit_in_words(session: Session, visit_id: int) -> VisitWords | None:
    """Return whose visit this is, when and at which customer, or None when there is no such visit."""
    row = session.execute(
        select(Technician.name, Customer.name.label("customer"), Visit.planned_from_at, Visit.planned_until_at)
        .join(Customer, Customer.id == Visit.customer_id)
        .outerjoin(Technician, Technician.id == Visit.technician_id)
        .where(Visit.id == visit_id)
    ).one_or_none()
    return VisitWords(row[0] or "", row[1], row[2], row[3]) if row is not None else None


def _customer_is(text: str) -> ColumnElement[bool]:
    sites = select(Site.customer_id).where(_contains(Site.address, text))
    matches = [_contains(Customer.name, text), _contains(Customer.email, text), Customer.id.in_(sites)]
    digits = "".join(letter for letter in unicodedata.normalize("NFKC", text) if letter.isdecimal()).lstrip("0")
    if len(digits) >= 3:
        # Numbers are kept with their country code, people type the 0 instead: without it, one finds the other.
        matches += [Customer.mobile.contains(digits), Customer.phone.contains(digits)]
    return or_(*matches)


def _contains(column: InstrumentedAttribute[str] | InstrumentedAttribute[str | None], text: str) -> ColumnElement[bool]:
    """Match a text within a column, whatever its case, width and blanks: 山田花子 finds 山田 花子."""
    wanted = "".join(unicodedata.normalize("NFKC", text).split())
    bare = func.replace(func.replace(column, " ", ""), "\u3000", "", type_=String)
    return bare.icontains(wanted, autoescape=True)


def _listed(session: Session, wanted: Select[R], page: int) -> Listed[R]:
    page = max(page, 1)
    rows = session.scalars(wanted.offset((page - 1) * PAGE).limit(PAGE + 1)).all()
    return Listed(rows[:PAGE], page - 1 if page > 1 else None, page + 1 if len(rows) > PAGE else None)
