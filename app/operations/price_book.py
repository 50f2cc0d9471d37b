"""Which price book is in force on a day?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import holidays
from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from app.models import PriceBookVersion
from app.operations.time_off import named_days
from app.prepared import Prepared
from app.rules.book_reading import read_book
from app.rules.price_book import PriceBook
from app.rules.pricing import IsHoliday

#: What the product comes with, until the office has written its own.
STANDARD: Mapping[str, Any] = json.loads((Path(__file__).parent.parent / "price_book.json").read_text(encoding="utf-8"))
_VERSION = PriceBookVersion.__table__.c
_VALID = Prepared(
    select(_VERSION.book)
    .where(_VERSION.valid_from <= bindparam("on"))
    .order_by(_VERSION.valid_from.desc(), _VERSION.id.desc())
    .limit(1)
)
_ANY = Prepared(select(select(PriceBookVersion.id).exists()))


def book_data_on(session: Session, on: date) -> Mapping[str, Any]:
    """Return the book for work on a local day, as it is kept; before all versions, and without any, the product's."""
    found = _VALID.rows(session.connection(), {"on": on})
    return found[0][0] if found else STANDARD


def keeps_prices(session: Session) -> bool:
    """Return whether the office has put prices in force, its own or the product's: before, they bind nobody."""
    return bool(_ANY.rows(session.connection())[0][0])


def book_data_at(session: Session, at: datetime) -> Mapping[str, Any]:
    """Return the book for work that begins at an instant, by the local day in the book's own time zone."""
    data = book_data_on(session, at.astimezone(UTC).date())
    return book_data_on(session, at.astimezone(kept_book(data).timezone).date())


def book_at(session: Session, at: datetime) -> PriceBook:
    """Return the book for work that begins at an instant."""
    return kept_book(book_data_at(session, at))


def kept_book(data: Mapping[str, Any]) -> PriceBook:
    """Return the book that kept data mean."""
    return _at_hand(json.dumps(data))


@lru_cache(maxsize=32)
def _at_hand(text: str) -> PriceBook:
    """Return the book of a text: every quote asks, and it is the same for months."""
    return read_book(json.loads(text))


def known_countries() -> frozenset[str]:
    """Return the countries whose public holidays are known."""
    return frozenset(holidays.list_supported_countries(include_aliases=False))


def public_holidays_of(book: PriceBook) -> IsHoliday:
    """Return what knows the public holidays of a book's country, substitute holidays included."""
    country = book.holiday.public_of if book.holiday is not None else None

    def is_holiday(on: date) -> bool:
        return country is not None and on in named_days(country, on.year)

    return is_holiday
