"""How does a customer move her visit by herself? Times, one of them kept while she thinks, and her word."""

from __future__ import annotations

from datetime import date, datetime
from fractions import Fraction
from typing import Any

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from app.errors import Conflict
from app.operations.self_move import keep_time, kept_time, let_go_of, move_to
from app.operations.self_times import Able, find_times
from app.rules.book_reading import exact
from app.web.by_link import known_link
from app.web.customer.room import back, blueprint, finds, load, page, presses
from app.web.forms import day_of, row_number
from app.web.visitor import end_session, now, parts, session, telling, zone


@blueprint.get("/<token>/move")
@finds
def move(token: str) -> ResponseReturnValue:
    """Show the times that can be chosen."""
    return _times(token)


@blueprint.post("/<token>/move")
@presses
def choose(token: str) -> ResponseReturnValue:
    """Keep the time that was chosen; when somebody else was quicker, show what is free now."""
    try:
        at = _moment()
        able = _able(token, at)
        load(token)
        hold = keep_time(session(), token, at, zone(), now(), able)
    except Conflict:
        return _times_again(token)
    return redirect(url_for("customer.confirm_move", token=token, hold=hold, lang=request.args.get("lang")), 303)


@blueprint.get("/<token>/move/<hold>")
@finds
def confirm_move(token: str, hold: str) -> ResponseReturnValue:
    """Show what was and what will be, while the time is kept."""
    return _confirm(token, hold)


def _confirm(token: str, hold: str, *, dearer: bool = False) -> str:
    view = load(token)
    try:
        kept = kept_time(session(), token, hold, now()) if hold.isascii() else None
    except Conflict:
        kept = None
    if kept is None:
        return _times(token, over=True)
    return page("move_confirm", view=view, token=token, kept=kept, dearer=dearer)


@blueprint.post("/<token>/move/<hold>")
@presses
def do_move(token: str, hold: str) -> ResponseReturnValue:
    """Move the visit; when that cannot be any more, say so and show what is free now."""
    load(token)
    known = row_number(request.form.get("version", "")) or 0
    try:
        wish: dict[str, Any] = {"version": known, "kept_percent": _percent()}
        move_to(session(), token, hold, _moment(), telling=telling(), now=now(), **wish)
    except Conflict as refusal:  # also of a visit that the office has changed meanwhile
        if refusal.code != "fee_changed":
            return _times_again(token)
        end_session(commit=False)
        return _confirm(token, hold, dearer=True), 409
    return back(token)


def _percent() -> Fraction:
    """Return what she was shown that calling off costs at least; of what is no share, nothing."""
    shown = exact(request.form.get("kept_percent", "")[:10])
    return shown if shown is not None and 0 <= shown <= 100 else Fraction(0)


@blueprint.post("/<token>/move/back")
@presses
def unchoose(token: str) -> ResponseReturnValue:
    """Let the kept time go and show the times again."""
    load(token)
    let_go_of(session(), token, now())
    return redirect(url_for("customer.move", token=token, lang=request.args.get("lang")), 303)


def _times_again(token: str) -> ResponseReturnValue:
    end_session(commit=False)
    return _times(token, over=True), 409


def _times(token: str, *, over: bool = False) -> str:
    view, router = load(token), parts().router
    found = find_times(session(), token, _day(), zone(), now(), routed=router is not None)
    end_session(commit=False)  # nothing waits for a router
    return page("move", view=view, token=token, times=found.times(router), over=over, on=_day())


def _able(token: str, starts_at: datetime) -> list[Able] | None:
    """Return who could come then by a router's ways, asked before the turn to write is taken; None without a router."""
    router = parts().router
    if router is None:
        return None
    with parts().db.read() as look:
        found = find_times(look, known_link(token), _day(), zone(), now(), routed=True)
    return found.able(router, starts_at)


def _day() -> date | None:
    return day_of(request.args.get("from", ""))


def _moment() -> datetime:
    """Return the moment that the form names. Raises Conflict when it names none, as when nobody is free then."""
    try:
        at = datetime.fromisoformat(request.form.get("starts_at", ""))
    except ValueError:
        raise Conflict("taken") from None
    if at.tzinfo is None or not 2000 <= at.year < 2200:
        raise Conflict("taken")
    return at
