"""What does work cost? The price book, field by field, with what a change would have meant; its versions; JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

from flask import Response, render_template, request

from app.errors import Invalid, Problem
from app.operations.history import actor_names
from app.operations.price_book import STANDARD, book_data_on, kept_book
from app.operations.price_book_versions import (
    all_books,
    checked_book,
    exported,
    find_book,
    newest_book,
    next_code,
    preview_book,
    save_book,
    take_standard,
)
from app.operations.price_words import money
from app.rules.book_form import SECTIONS, TABLES, TypedBook, book_of, rows_typed, tidy, typed_of
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
    kept = {"book": exported(data), "version": str(newest.id if newest is not None else 0)}
    return _prices({**typed_of(data), **kept})


@blueprint.post("/prices")
@needs("settings")
def save_prices() -> Any:
    """Keep what was typed field by field as a new version, or only show what it would have changed."""
    do = request.form.get("do", "")
    typed = tidy(request.form, without=do.removeprefix("less "))
    if do.partition(" ")[0] in ("more", "less"):
        return _prices(typed, more=do.removeprefix("more ") if do.startswith("more ") else "")
    form, book = Form(typed), book_of(typed)
    if do == "export":
        return _as_file(book.data)
    _check(form, book)
    if do == "preview":
        data = book.data
        return _prices(typed, form, None if form.problems else preview_book(session(), data, now(), zone()))
    done = form.submit(lambda: _keep(form, book.data))
    return _prices(typed, form) if done is None else saved("office.prices")


@blueprint.post("/prices/json")
@needs("settings")
def save_json() -> Any:
    """Read a book that was typed or chosen as JSON into the form, or keep it as it is."""
    form = Form(request.form)
    data = form.take(lambda: _typed(form))
    kept = {"book": form.value("book"), "version": form.value("version")}
    if form.value("do") == "load" and isinstance(data, dict):
        typed = {**typed_of(data), **kept}
        form, book = Form(typed), book_of(typed)
        _check(form, book)
        form.take(lambda: _left_out(data))
        return _prices(typed, form, loaded=True)
    done = form.submit(lambda: _keep(form, data))
    return (
        _prices({**typed_of(data if isinstance(data, dict) else {}), **kept}, form)
        if done is None
        else saved("office.prices")
    )


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
    return _as_file(find_book(session(), number).book if number else STANDARD)


def _as_file(data: Mapping[str, Any]) -> Response:
    name = "".join(
        letter
        for letter in str(data.get("code") or "prices")
        if (letter.isascii() and letter.isalnum()) or letter in "-_"
    )
    disposition = {"Content-Disposition": f"attachment; filename={name}.json"}
    return Response(exported(data), mimetype="application/json", headers=disposition)


def _keep(form: Form, data: Any) -> Any:
    return save_book(session(), data, now=now(), actor=signed_in().name, version=form.row("version") or 0)


def _check(form: Form, book: TypedBook) -> None:
    """Note what is wrong with what was typed, each at its own field."""
    for name, code in book.faults.items():
        form.wrong(name, code)
    try:
        checked_book(book.data)
    except Invalid as wrong:
        for problem in wrong.problems:
            name = book.place(problem.field, problem.code)
            is_share = problem.code == "range" and name.endswith(("tax.rate", ".tax_rate"))
            form.wrong(name, problem.code, **(problem.facts if not is_share else {"least": 0, "most": 100}))


def _left_out(data: Mapping[str, Any]) -> None:
    """Raise Invalid for what the form has no field for."""
    try:
        checked_book(data)
    except Invalid as wrong:
        extra: list[Problem] = [problem for problem in wrong.problems if problem.code == "extra"]
        if extra:
            raise Invalid(extra) from None


def _typed(form: Form) -> Any:
    """Return the book that was typed, or that is in the file that was chosen. Raises Invalid."""
    chosen = request.files.get("file")
    try:
        text = chosen.read(LONGEST_BOOK).decode("utf-8") if chosen else form.text("book", most=LONGEST_BOOK)
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Invalid.one("book", "json") from None


def _first_new(typed: Mapping[str, str], table: str) -> str:
    """Return the field that is typed next where a row was added."""
    return f"{table}[{rows_typed(typed, table)}].{TABLES[table].fields[0].name}" if table in TABLES else ""


def _prices(
    typed: Mapping[str, str], form: Form | None = None, previewed: Any = None, *, more: str = "", loaded: bool = False
) -> Any:
    form = form if form is not None else Form(typed)
    versions = all_books(session(), SHOWN)
    today = now().astimezone(zone()).date()
    book = kept_book(book_data_on(session(), today))
    changed = [one for one in previewed or () if one.before != one.after]
    shown = {*typed, *(section.name for section in SECTIONS)}
    page = render_template(
        "office/prices.html",
        form=form,
        sections=SECTIONS,
        rows=partial(rows_typed, typed),
        new_row=_first_new(typed, more),
        loaded=loaded,
        elsewhere={name: one for name, one in form.problems.items() if name not in shown or name == "book"},
        versions=versions,
        names=actor_names(session(), {version.by for version in versions}),
        in_force=book,
        previewed=previewed,
        changed=changed[:PREVIEWED],
        sums=[sum(getattr(one, side) or 0 for one in previewed or ()) for side in ("before", "after")],
        amount=lambda coins: "—" if coins is None else money(coins, book, locale()),
    )
    return page, form.status
