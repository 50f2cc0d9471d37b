"""What something costs, for other programs."""

from __future__ import annotations

from typing import Any

from app.models import Quote
from app.operations.price_words import explanation, line_name
from app.operations.pricing import book_for, priced
from app.operations.quote import quote_state, quotes_of
from app.operations.quote_words import sums
from app.operations.quoting import Wish, make_quote
from app.operations.visit import find_visit
from app.rules.price_book import PriceBook
from app.rules.pricing import Job, Line, PartUsed, Price
from app.web.api.forms_quotes import PriceIn, PriceOut, QuoteIn, QuoteOut, QuotesOut
from app.web.api.gate import blueprint
from app.web.visitor import locale, needs, now, parts, session, signed_in


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
    book = book_for(session(), job)
    return shown_price(book, priced(book, job))


@blueprint.post("/visits/<int:visit_id>/quote")
@needs("dispatch")
@blueprint.input(QuoteIn)
@blueprint.output(QuoteOut, status_code=201)
@blueprint.doc(tags=["Prices"])
def create_quote(visit_id: int, json_data: QuoteIn) -> dict[str, Any]:
    """Make a quote for a visit as it is planned; the customer accepts it on the page at `url`.

    What was agreed on site is in it; a newer one replaces it. A discount is given by the token's role, up to its
    limit. 409 `visit_over`, `asked_on_site` while the customer is asked about an addition.
    """
    wish = {name: getattr(json_data, name) for name in QuoteIn.model_fields if name != "parts"}
    parts_used = tuple(PartUsed(part.code, part.quantity) for part in json_data.parts)
    who = signed_in()
    quote = make_quote(session(), visit_id, Wish(parts=parts_used, **wish), role=who.role, now=now(), actor=who.name)
    return _quote(quote)


@blueprint.get("/visits/<int:visit_id>/quote")
@needs("dispatch")
@blueprint.output(QuotesOut)
@blueprint.doc(tags=["Prices"])
def list_quotes(visit_id: int) -> dict[str, Any]:
    """List a visit's quotes with what the customer answered."""
    find_visit(session(), visit_id)
    return {"items": [_quote(quote) for quote in quotes_of(session(), visit_id)]}


def _quote(quote: Quote) -> dict[str, Any]:
    kept = ("id", "created_at", "expires_at", "text_version", "sign", "after_hours")
    sums, said = quote.shown["sums"], quote.shown[locale()]["lines"]
    lines = [
        {"code": line["code"], "amount": amount, "name": line["name"], "explanation": line["why"]}
        for line, amount in zip(said, sums["amounts"], strict=True)
    ]
    return {
        **sums,
        **{name: getattr(quote, name) for name in kept},
        "lines": lines,
        "price_book": quote.book_code,
        "visit": quote.visit_id,
        "url": f"{parts().settings.base_url}/q/{quote.token}",
        "state": quote_state(session(), quote, now()),
        "answers": quote.answers,
    }


def shown_price(book: PriceBook, price: Price) -> dict[str, Any]:
    """Return a price as a reply."""
    return {
        "lines": [_line(line, book) for line in price.lines],
        **sums(book, price),
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
