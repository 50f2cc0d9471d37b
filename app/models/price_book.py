"""What did the office decide that work costs, from when on, and who was it?"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base


class PriceBookVersion(Base):
    """One state of the price book. Evidence: of those valid on a day the newest counts; none is ever changed."""

    __tablename__ = "price_book_version"
    __table_args__ = (Index("ix_price_book_version_valid", "valid_from", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    #: user:3, cli
    by: Mapped[str]
    #: What quotes and invoices call it; no two versions have the same.
    code: Mapped[str] = mapped_column(unique=True)
    #: The first local date of work that it prices.
    valid_from: Mapped[date]
    #: The whole book, as it is imported and exported (rules.book_reading).
    book: Mapped[dict[str, Any]] = mapped_column(JSON)
