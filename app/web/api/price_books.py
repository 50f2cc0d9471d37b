"""The company's price book and its versions, for other programs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from pydantic import ConfigDict

from app.models import PriceBookVersion
from app.operations.price_book_versions import find_book, page_of_books, save_book
from app.web.api.gate import blueprint
from app.web.api.reading import Body, Moment, PageIn, Reply
from app.web.visitor import needs, now, session, signed_in


class PriceBookIn(Body):
    """A whole price book, as `GET /price-books/{id}` gives one in `book` and the office's pages export it."""

    model_config = ConfigDict(extra="allow")


class PriceBookVersionOut(Reply):
    id: int
    code: str
    valid_from: date
    at: Moment


class PriceBookOut(PriceBookVersionOut):
    book: dict[str, Any]


class PriceBooksOut(Reply):
    items: list[PriceBookVersionOut]
    next: str | None


@blueprint.get("/price-books")
@needs("settings")
@blueprint.input(PageIn, location="query")
@blueprint.output(PriceBooksOut)
@blueprint.doc(tags=["Prices"])
def list_price_books(query_data: PageIn) -> Any:
    """List the versions of the price book in the order in which they were saved."""
    return page_of_books(session(), limit=query_data.limit, cursor=query_data.cursor)


@blueprint.get("/price-books/<int:number>")
@needs("settings")
@blueprint.output(PriceBookOut)
@blueprint.doc(tags=["Prices"])
def get_price_book(number: int) -> PriceBookVersion:
    """Return a version of the price book."""
    return find_book(session(), number)


@blueprint.post("/price-books")
@needs("settings")
@blueprint.input(PriceBookIn)
@blueprint.output(PriceBookOut, status_code=201)
@blueprint.doc(tags=["Prices"])
def create_price_book(json_data: PriceBookIn) -> PriceBookVersion:
    """Save a new version, with a `code` of its own: it prices work from its `valid_from` on and changes no document
    that exists. What contradicts itself is refused with the field."""
    book: Mapping[str, Any] = json_data.model_extra or {}
    return save_book(session(), book, now=now(), actor=signed_in().name)
