"""Which price book is in force, and how is a new version kept?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import holidays

from app.operations.time_off import named_days
from app.rules.book_reading import read_book
from app.rules.price_book import PriceBook
from app.rules.pricing import IsHoliday

#: What the product comes with, until the office has written its own.
STANDARD: Mapping[str, Any] = json.loads((Path(__file__).parent.parent / "price_book.json").read_text(encoding="utf-8"))


@lru_cache(maxsize=64)
def book_of(text: str) -> PriceBook:
    """Return the book that kept JSON means: it is asked for with every quote, and the same for months."""
    return read_book(json.loads(text), holidays.list_supported_countries(include_aliases=False))


def public_holidays_of(book: PriceBook) -> IsHoliday:
    """Return what knows the public holidays of a book's country, substitute holidays included."""
    country = book.holiday.public_of if book.holiday is not None else None

    def is_holiday(on: date) -> bool:
        return country is not None and on in named_days(country, on.year)

    return is_holiday
