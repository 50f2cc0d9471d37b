"""What was added to the work on site, and how did the customer get the paper that the law asks for?"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base
from app.models.quote import Quote

#: How a document gets into a customer's hands.
HANDED_WAYS = ("paper", "electronic")


class AddedWork(Base):
    """More minutes, parts or services than agreed, as the technician noted them at the customer's. Evidence."""

    __tablename__ = "added_work"

    id: Mapped[int] = mapped_column(primary_key=True)
    visit_id: Mapped[int] = mapped_column(ForeignKey("visit.id"), index=True)
    at: Mapped[datetime]
    #: technician:7
    by: Mapped[str]
    minutes: Mapped[int]
    parts: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    #: Other services of the book, by their codes.
    also: Mapped[list[str]] = mapped_column(JSON)
    #: What it is, by language.
    words: Mapped[dict[str, str]] = mapped_column(JSON)
    #: The total that was agreed to before, and the one with this; with tax, in the currency's smallest coins.
    agreed_total: Mapped[int]
    total: Mapped[int]
    #: What the customer was asked to agree to; None: within what she had agreed to already.
    quote_id: Mapped[int | None] = mapped_column(ForeignKey("quote.id"))
    #: The form's own key, so that one sent twice stands once.
    client_key: Mapped[str] = mapped_column(unique=True)

    quote: Mapped[Quote | None] = relationship()


class Handover(Base):
    """That a customer was given the document of what she agreed to on site: her days to revoke count from it."""

    __tablename__ = "handover"
    __table_args__ = (
        UniqueConstraint("quote_id", "way", name="uq_handover_way"),
        CheckConstraint(f"way IN ({', '.join(repr(one) for one in HANDED_WAYS)})", name="way"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    quote_id: Mapped[int] = mapped_column(ForeignKey("quote.id"))
    at: Mapped[datetime]
    by: Mapped[str]
    way: Mapped[str]
