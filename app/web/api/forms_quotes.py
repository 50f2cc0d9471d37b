"""What does a program send and get about prices and quotes?"""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.rules.book_reading import MOST_AMOUNT, MOST_MINUTES, exact
from app.web.api.reading import Body, Instant, Line, Moment, Reply

LONGEST_REASON = 200
_MOST_PARTS = 50


def _percent(value: Any) -> Fraction:
    number = None if isinstance(value, str) else exact(value)
    if number is None or number < 0:
        raise PydanticCustomError("percent", "percent")
    return number


Percent = Annotated[
    Fraction,
    BeforeValidator(_percent),
    WithJsonSchema({"type": "number", "minimum": 0, "examples": [10]}),
]
Code = Annotated[Line, Field(max_length=40)]


class PartIn(Body):
    code: Code
    quantity: int = Field(1, ge=1, le=1000)


class PriceIn(Body):
    # A share is kept as an exact fraction, which is no type of JSON.
    model_config = ConfigDict(arbitrary_types_allowed=True)

    service: Code = Field(description="A service of the price book.", examples=["pc-setup"])
    start: Instant
    minutes: int = Field(ge=0, le=MOST_MINUTES, description="Planned for a quote, really worked for an invoice.")
    customer_class: Code = "individual"
    distance_km: float = Field(ge=0, le=40_000, description="From the branch to the site.")
    travels_by: Literal["car", "public_transport", "bicycle"] = "car"
    taxi: int = Field(0, ge=0, le=MOST_AMOUNT, description="Estimate of the taxi home, or its receipt.")
    parts: list[PartIn] = Field(default_factory=list, max_length=_MOST_PARTS)
    discount_percent: Percent = Fraction(0)
    discount_by: Code | None = Field(None, description="The role that gives it: technician, dispatcher, manager.")
    discount_reason: Line = Field("", max_length=LONGEST_REASON)
    promised_until: Instant | None = Field(None, description="Prices an invoice: our own delay costs nothing.")


class PriceLineOut(Reply):
    code: str = Field(
        description="base, extra_time, class, band:CODE, holiday, travel, return_taxi, part:CODE, discount."
    )
    amount: int = Field(description="Whole coins of the currency, before tax unless prices contain it.")
    name: str
    explanation: str = Field(examples=["22:00–23:30 夜間 +50%"])


class TaxOut(Reply):
    rate: float
    base: int
    amount: int


class PriceOut(Reply):
    lines: list[PriceLineOut]
    subtotal: int
    tax: int
    taxes: list[TaxOut] = Field(description="For each rate, rounded once.")
    total: int
    currency: str
    tax_included: bool
    price_book: str
    counted_from: Moment
    for_our_delay: bool = Field(description="Counted from the end of the promise, because we came late.")
    after_hours: bool = Field(description="Not done before the customer has accepted the quote.")


class QuoteIn(Body):
    model_config = ConfigDict(arbitrary_types_allowed=True)

    service: Code | None = Field(None, description="A service of the price book; null: that of the visit's service.")
    minutes: int | None = Field(None, ge=0, le=MOST_MINUTES, description="null: as planned.")
    distance_km: float | None = Field(None, ge=0, le=40_000, description="null: from the technician's branch.")
    taxi: int | None = Field(None, ge=0, le=MOST_AMOUNT, description="Estimate; null: the most that the book allows.")
    parts: list[PartIn] = Field(default_factory=list, max_length=_MOST_PARTS)
    discount_percent: Percent = Fraction(0)
    discount_reason: Line = Field("", max_length=LONGEST_REASON, description="Needed with a discount.")
    sign: bool = Field(False, description="Ask for a signature beside the name.")


class AnswerOut(Reply):
    at: Moment
    answer: str = Field(description="accepted or declined.")
    name: str
    signature: str
    language: str
    link: str
    text_version: str


class QuoteOut(Reply):
    id: int
    visit: int
    url: str = Field(description="The customer's page, to accept it on.")
    state: str = Field(description="open, accepted, declined, replaced (there is a newer one), expired, over.")
    created_at: Moment
    expires_at: Moment
    price_book: str
    text_version: str
    sign: bool
    after_hours: bool = Field(description="Nobody sets out before it is accepted.")
    lines: list[PriceLineOut]
    subtotal: int
    tax: int
    taxes: list[TaxOut]
    total: int
    currency: str
    tax_included: bool
    answers: list[AnswerOut]


class QuotesOut(Reply):
    items: list[QuoteOut] = Field(description="The newest first; that one counts.")
