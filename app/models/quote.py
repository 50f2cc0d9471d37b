"""Which price was shown to a customer before the work, and what did she answer?"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base
from app.models.visit import Visit

ANSWERS = ("accepted", "declined")
_ACCEPTED = text("answer = 'accepted'")


class Quote(Base):
    """A price for a visit, whole as it is shown. Evidence: a new price is a new quote, the newest of a visit counts."""

    __tablename__ = "quote"

    id: Mapped[int] = mapped_column(primary_key=True)
    visit_id: Mapped[int] = mapped_column(ForeignKey("visit.id"), index=True)
    #: The secret in the address of its page.
    token: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    #: user:3, token:2
    created_by: Mapped[str]
    #: Until then it can be accepted.
    expires_at: Mapped[datetime]
    #: What was priced (a Job), by which book, as data: so it can be priced again whatever becomes of the book.
    job: Mapped[dict[str, Any]] = mapped_column(JSON)
    book: Mapped[dict[str, Any]] = mapped_column(JSON)
    book_code: Mapped[str]
    total: Mapped[int]
    #: Any minute of it lies in a band or on a holiday.
    after_hours: Mapped[bool]
    #: Every word of the page, by language; and the version of its conditions.
    shown: Mapped[dict[str, Any]] = mapped_column(JSON)
    text_version: Mapped[str]
    #: Accepted with a signature beside the name.
    sign: Mapped[bool]

    visit: Mapped[Visit] = relationship()
    answers: Mapped[list[QuoteAnswer]] = relationship(back_populates="quote", order_by="QuoteAnswer.id")


class QuoteAnswer(Base):
    """What a customer answered to a quote, when, under which name, and through which link. Evidence."""

    __tablename__ = "quote_answer"
    __table_args__ = (
        CheckConstraint(f"answer IN ({', '.join(repr(one) for one in ANSWERS)})", name="answer"),
        # However often and however many at once press: accepted once.
        Index("uq_quote_answer_accepted", "quote_id", unique=True, sqlite_where=_ACCEPTED, postgresql_where=_ACCEPTED),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    quote_id: Mapped[int] = mapped_column(ForeignKey("quote.id"), index=True)
    at: Mapped[datetime]
    answer: Mapped[str]
    name: Mapped[str] = mapped_column(default="")
    signature: Mapped[str] = mapped_column(default="")
    #: What a finger drew: the path of an SVG (rules.drawn).
    drawn: Mapped[str] = mapped_column(default="", server_default="")
    #: How she wants the document: paper, or electronic, to which she has consented; empty where there is none.
    copy_way: Mapped[str] = mapped_column(default="", server_default="")
    #: In which language it was read, on which address, under which version of the conditions.
    language: Mapped[str]
    link: Mapped[str]
    text_version: Mapped[str]

    quote: Mapped[Quote] = relationship(back_populates="answers")
