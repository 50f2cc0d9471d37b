"""Which invoices, receipts and credit notes were issued, whole as they were, and what was paid?"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base
from app.models.customer import Customer
from app.models.visit import Visit
from app.rules.invoice import SERIES

WAYS_TO_PAY = ("cash", "transfer")
_RECEIPT = text("kind = 'receipt'")


class Paper(Base):
    """An invoice, a receipt or a credit note. Evidence: what is wrong with one is put right by another."""

    __tablename__ = "paper"
    __table_args__ = (
        UniqueConstraint("kind", "year", "number", name="uq_paper_number"),
        CheckConstraint(f"kind IN ({', '.join(repr(one) for one in SERIES)})", name="kind"),
        CheckConstraint("(kind = 'invoice') = (about_id IS NULL)", name="about"),
        # However many press at once: one receipt for each payment.
        Index("uq_paper_receipt", "payment_id", unique=True, sqlite_where=_RECEIPT, postgresql_where=_RECEIPT),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    #: Numbered without gaps within a kind and a local year; `code` is how it is written: I-2026-00012.
    year: Mapped[int]
    number: Mapped[int]
    code: Mapped[str] = mapped_column(unique=True)
    #: The secret in the address of its page.
    token: Mapped[str] = mapped_column(unique=True)
    visit_id: Mapped[int] = mapped_column(ForeignKey("visit.id"), index=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    #: The invoice that a receipt or a credit note belongs to.
    about_id: Mapped[int | None] = mapped_column(ForeignKey("paper.id"), index=True)
    #: The payment that a receipt is for; no foreign key, because a payment names its invoice, which is a paper too.
    payment_id: Mapped[int | None]
    issued_at: Mapped[datetime] = mapped_column(index=True)
    #: user:3
    issued_by: Mapped[str]
    #: What it is written in for its customer; the other language is kept too.
    language: Mapped[str]
    #: With tax, in the currency's smallest coins; of a credit note negative.
    total: Mapped[int]
    currency: Mapped[str]
    exponent: Mapped[int]
    book_code: Mapped[str]
    #: Goes up with the words that all papers share.
    text_version: Mapped[str]
    #: Why it was made, of a credit note.
    reason: Mapped[str] = mapped_column(default="")
    #: Every word of it by language, and its numbers: what is shown rests on nothing else.
    content: Mapped[dict[str, Any]] = mapped_column(JSON)

    visit: Mapped[Visit] = relationship()
    customer: Mapped[Customer] = relationship()
    about: Mapped[Paper | None] = relationship(remote_side=[id])


class PaperCounter(Base):
    """The last number that was given within a kind and a year: locked until the paper that takes the next is kept."""

    __tablename__ = "paper_counter"

    kind: Mapped[str] = mapped_column(primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last: Mapped[int]


class Payment(Base):
    """Money that came in for an invoice, or went back. Evidence."""

    __tablename__ = "payment"
    __table_args__ = (
        CheckConstraint(f"way IN ({', '.join(repr(one) for one in WAYS_TO_PAY)})", name="way"),
        CheckConstraint("amount > 0", name="amount"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    paper_id: Mapped[int] = mapped_column(ForeignKey("paper.id"), index=True)
    at: Mapped[datetime]
    by: Mapped[str]
    #: The local day on which it came.
    paid_on: Mapped[date]
    way: Mapped[str]
    amount: Mapped[int]
    #: It was paid back to the customer, after a credit note.
    back: Mapped[bool] = mapped_column(default=False, server_default=false())
