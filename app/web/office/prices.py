"""What does work cost? The price book: its versions, a new one with what it would have changed, and export."""

from __future__ import annotations

import json
from typing import Any

from flask import Response, render_template, request

from app.errors import Invalid
from app.operations.history import actor_names
from app.operations.price_book import STANDARD, book_data_on, kept_book
from app.operations.price_book_versions import (
    all_books,
    exported,
    find_book,
    newest_book,
    next_code,
    preview_book,
    save_book,
    take_standard,
)
from app.operations.price_words import money
from app.web.forms import Form
from app.web.office.room import blueprint, saved
from app.web.visitor import locale, needs, now, session, signed_in, zone

#: So many versions are listed; older ones are kept.
SHOWN = 20
LONGEST_BOOK = 200_000
#: So many visits of the preview are shown.
PREVIEWED = 50


@blueprint.get("/prices")
@needs("settings")
def prices() -> Any:
    """Show the price book in force, to change it."""
    newest = newest_book(session())
    data = {**(newest.book if newest is not None else STANDARD)}
    if newest is not None:
        today = now().astimezone(zone()).date().isoformat()
        data |= {"code": next_code(session(), newest.code), "valid_from": max(today, data["valid_from"])}
    return _prices(Form(begins={"book": exported(data), "version": newest.id if newest is not None else 0}))


@blueprint.post("/prices")
@needs("settings")
def save_prices() -> Any:
    """Keep a book as a new version, or only show what it would have changed."""
    form = Form(request.form)
    data, version = form.take(lambda: _typed(form)), form.row("version")
    if form.value("do") == "preview":
        found = form.take(lambda: preview_book(session(), data or {}, now(), zone())) if data is not None else None
        return _prices(form, found)
    keep: dict[str, Any] = {"now": now(), "actor": signed_in().name, "version": version or 0}
    done = form.submit(lambda: save_book(session(), data or {}, **keep))
    return _prices(form) if done is None else saved("office.prices")


@blueprint.post("/prices/standard")
@needs("settings")
def take_prices() -> Any:
    """Put the prices that the product comes with in force."""
    form = Form({})
    done = form.submit(lambda: take_standard(session(), now=now(), actor=signed_in().name, zone=zone()))
    return prices() if done is None else saved("office.prices")


@blueprint.get("/prices/<int:number>.json")
@needs("settings")
def export_prices(number: int) -> Any:
    """Give a version away as it can be imported again; 0 is what the product comes with."""
    data = find_book(session(), number).book if number else STANDARD
    name = f"attachment; filename={data['code']}.json"
    return Response(exported(data), mimetype="application/json", headers={"Content-Disposition": name})


def _typed(form: Form) -> Any:
    """Return the book that was typed, or that is in the file that was chosen. Raises Invalid."""
    chosen = request.files.get("file")
    try:
        text = chosen.read(LONGEST_BOOK).decode("utf-8") if chosen else form.text("book", most=LONGEST_BOOK)
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Invalid.one("book", "json") from None


def _prices(form: Form, previewed: Any = None) -> Any:
    versions = all_books(session(), SHOWN)
    today = now().astimezone(zone()).date()
    book = kept_book(book_data_on(session(), today))
    changed = [one for one in previewed or () if one.before != one.after]
    page = render_template(
        "office/prices.html",
        form=form,
        versions=versions,
        names=actor_names(session(), {version.by for version in versions}),
        in_force=book,
        previewed=previewed,
        changed=changed[:PREVIEWED],
        sums=[sum(getattr(one, side) or 0 for one in previewed or ()) for side in ("before", "after")],
        amount=lambda coins: "—" if coins is None else money(coins, book, locale()),
    )
    return page, form.status
