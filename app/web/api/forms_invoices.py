"""What does a program send and get about invoices, payments and credit notes?"""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from app.operations.invoice import LONGEST_REASON
from app.rules.book_reading import MOST_AMOUNT, MOST_MINUTES
from app.web.api.forms_quotes import PartIn
from app.web.api.reading import Body, Day, Id, Line, Moment, PageIn, Reply

_MOST_LINES = 100


class InvoicesIn(PageIn):
    visit: Id | None = None


class InvoiceIn(Body):
    total: int | None = Field(
        None, ge=0, le=2**31 - 1, description="The total that was looked at before: another one is refused (409)."
    )
    minutes: int | None = Field(
        None, ge=0, le=MOST_MINUTES, description="null: between the taps, others with a reason."
    )
    minutes_reason: Line = Field("", max_length=LONGEST_REASON)
    send: bool = Field(False, description="Tell the customer of it, with its link.")
    taxi: int = Field(0, ge=0, le=MOST_AMOUNT, description="As on the receipt.")
    parts: list[PartIn] | None = Field(None, max_length=50, description="null: as agreed.")


class PaymentIn(Body):
    way: Literal["cash", "transfer"]
    paid_on: Day
    amount: int | None = Field(None, ge=1, le=2**31 - 1, description="Whole coins; null: all that is owed.")
    back: bool = Field(False, description="Paid back to the customer, of what a credit note left overpaid.")


class CreditNoteIn(Body):
    reason: Line = Field(min_length=1, max_length=LONGEST_REASON, description="The customer reads it too.")
    amounts: list[int] | None = Field(
        None,
        min_length=1,
        max_length=_MOST_LINES,
        description="For each line of the invoice what is given back, before tax; null: all that is left.",
    )


class CancellationOut(Reply):
    known: bool = Field(description="Whether prices are kept and this work has one.")
    total: int | None = Field(None, description="With tax, whole coins.")
    why: str | None = Field(None, description="hours, moved, our_delay or our_doing: of the last two nothing is owed.")
    percent: float | None = Field(None, description="Of base price and travel.")
    hours_before: int | None = Field(None, description="Whole hours before the promise.")
    currency: str | None = None


class WaiverIn(Body):
    reason: Line = Field(min_length=1, max_length=LONGEST_REASON)


class PaperLineOut(Reply):
    code: str
    name: str
    explanation: str
    amount: int
    left: int = Field(description="What was not given back.")


class PaperTaxOut(Reply):
    rate: str = Field(examples=["1/10"])
    base: int
    amount: int


class OtherPaperOut(Reply):
    id: int
    kind: str = Field(description="receipt or credit_note.")
    code: str
    issued_at: Moment
    total: int = Field(description="With tax; of a credit note negative.")
    reason: str
    payment: int | None = Field(description="The payment that a receipt is for.")
    url: str
    stamp_duty: int = Field(description="Yen, if it is handed over on paper.")


class PaymentOut(Reply):
    id: int
    at: Moment
    paid_on: date
    way: str
    amount: int
    back: bool


class InvoiceOut(Reply):
    id: int
    code: str
    visit: int
    customer: int
    issued_at: Moment
    issued_by: str
    state: str = Field(description="open, paid or credited.")
    lines: list[PaperLineOut]
    taxes: list[PaperTaxOut]
    subtotal: int
    total: int
    given_back: int
    paid: int
    due: int = Field(description="Negative: owed to the customer.")
    currency: str
    price_book: str
    url: str = Field(description="The customer's page of it; a secret link. With `.pdf` behind it: the file.")
    papers: list[OtherPaperOut]
    payments: list[PaymentOut]


class InvoicesOut(Reply):
    items: list[InvoiceOut]
    next: str | None
