"""What something costs, for other programs."""

from __future__ import annotations

from typing import Any

from app.operations.price_words import explanation, line_name
from app.operations.pricing import book_for, priced
from app.rules.price_book import PriceBook
from app.rules.pricing import Job, Line, PartUsed, Price
from app.web.api.forms_quotes import PriceIn, PriceOut
from app.web.api.gate import blueprint
from app.web.visitor import locale, needs, session, zone


@blueprint.post("/quotes")
@needs("dispatch")
@blueprint.input(PriceIn)
@blueprint.output(PriceOut)
@blueprint.doc(tags=["Prices"])
def create_price(json_data: PriceIn) -> dict[str, Any]:
    """Price a job by the book that is in force on its day; nothing is kept.

    `promised_until` prices an invoice: late by our own doing, the cheaper of the real start and the promise counts.
    422 `discount_over_limit` when the role may not give so much. Explanations are in the language of Accept-Language.
    """
    job = _job(json_data)
    book = book_for(session(), job, zone())
    return shown_price(book, priced(book, job))


def shown_price(book: PriceBook, price: Price) -> dict[str, Any]:
    """Return a price as a reply."""
    return {
        "lines": [_line(line, book) for line in price.lines],
        "subtotal": price.subtotal,
        "tax": price.tax,
        "taxes": [{"rate": float(one.rate), "base": one.base, "amount": one.amount} for one in price.taxes],
        "total": price.total,
        "currency": book.currency,
        "tax_included": book.tax.included,
        "price_book": book.code,
        "counted_from": price.counted_from_at,
        "for_our_delay": price.for_our_delay,
        "after_hours": price.after_hours,
    }


def _line(line: Line, book: PriceBook) -> dict[str, Any]:
    said = {"name": line_name(line, locale()), "explanation": explanation(line, book, locale())}
    return {"code": line.code, "amount": line.amount, **said}


def _job(wish: PriceIn) -> Job:
    return Job(
        service=wish.service,
        start_at=wish.start,
        minutes=wish.minutes,
        customer_class=wish.customer_class,
        distance_km=wish.distance_km,
        travels_by=wish.travels_by,
        taxi=wish.taxi,
        parts=tuple(PartUsed(part.code, part.quantity) for part in wish.parts),
        discount_percent=wish.discount_percent,
        discount_by=wish.discount_by or "",
        discount_reason=wish.discount_reason,
        promised_until_at=wish.promised_until,
    )
