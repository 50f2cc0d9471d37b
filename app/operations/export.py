"""Give lists away: customers and visits as CSV, headed so that they can be taken in again (operations/intake.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, tzinfo

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from app.models import Customer, Service, Site, Technician, Visit
from app.operations.intake import CUSTOMER_COLUMNS, VISIT_COLUMNS
from app.operations.spreadsheet import write_rows
from app.rules.calendar import day_bounds


def export_customers(session: Session, locale: str) -> str:
    """Return every customer: one row a site, as the import reads it."""
    rows = session.execute(
        select(
            Customer.name, Customer.kind, Customer.language, Customer.mobile, Customer.phone, Customer.email,
            Customer.line_id, Site.address, Site.lat, Site.lon, Customer.likes_time, Customer.likes_technician_id,
            Customer.avoids,
        )
        .join(Site, Site.customer_id == Customer.id)
        .order_by(Customer.id, Site.id)
    )  # fmt: skip
    return write_rows(_head(CUSTOMER_COLUMNS, locale), ([_text(cell) for cell in row] for row in rows))


def export_visits(session: Session, locale: str, *, from_on: date, until_on: date, zone: tzinfo) -> str:
    """Return the visits promised from one local day to another, that one too, cancelled ones with their state."""
    begins_at, ends_at = day_bounds(from_on, zone)[0], day_bounds(until_on, zone)[1]
    along = aliased(Technician)
    service = Service.name_ja if locale == "ja" else Service.name_en
    rows = session.execute(
        select(
            Customer.name, Site.address, service, Visit.promised_from_at, Visit.promised_until_at, Visit.duration_min,
            Technician.name, along.name, Visit.note, Visit.status,
        )
        .join(Customer, Customer.id == Visit.customer_id)
        .join(Site, Site.id == Visit.site_id)
        .join(Service, Service.id == Visit.service_id)
        .outerjoin(Technician, Technician.id == Visit.technician_id)
        .outerjoin(along, along.id == Visit.second_technician_id)
        .where(Visit.promised_from_at >= begins_at, Visit.promised_from_at < ends_at, Visit.beside_id.is_(None))
        .order_by(Visit.promised_from_at, Visit.id)
    )  # fmt: skip
    return write_rows(_head(VISIT_COLUMNS, locale), ([_text(cell, zone) for cell in row] for row in rows))


def _head(columns: Mapping[str, Sequence[str]], locale: str) -> list[str]:
    """Return how a list's columns are called; those without a Japanese name keep their own."""
    return [next((alias for alias in names if not alias.isascii()), name) if locale == "ja" else name
            for name, names in columns.items()]  # fmt: skip


def _text(cell: object, zone: tzinfo | None = None) -> str:
    if isinstance(cell, datetime):
        return f"{cell.astimezone(zone):%Y-%m-%d %H:%M:%S}"
    if isinstance(cell, list):
        return ";".join(map(str, cell))
    return "" if cell is None else str(cell)
