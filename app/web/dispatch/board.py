"""What does the dispatcher see? The board: one day by technician, and what needs a person."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request, url_for

from app.clock import real_now
from app.operations.alarm import BRAKE, MOST_ALARMS, clear_alarm, read_alarms
from app.operations.board import Board, read_board
from app.operations.brake import read_standing
from app.operations.lease import is_watched
from app.rules.board import STANDINGS
from app.rules.calendar import can_be_shown
from app.web.desk import desk_words
from app.web.forms import Form
from app.web.visitor import actor, needs, now, parts, session, signed_in, zone

blueprint = Blueprint("dispatch", __name__)
blueprint.context_processor(desk_words)


@blueprint.before_request
def _technicians_have_a_page_of_their_own() -> Any:
    if request.endpoint == "dispatch.board":
        who = actor()
        if who is not None and who.role == "technician":
            return redirect(url_for("technician.day"))
    return None


@blueprint.get("/")
@needs("dispatch")
def board() -> Any:
    """Show one day by technician, with the attention list."""
    return render_template("dispatch/board.html", **_board())


@blueprint.get("/board")
@needs("dispatch")
def board_now() -> Any:
    """Answer with the changing part of the board, or "not modified" when it says what the page says already."""
    page = render_template("dispatch/_board.html", **_board())
    reply = Response(page)
    reply.set_etag(hashlib.sha256(page.encode()).hexdigest()[:32])
    reply.headers["X-Now"] = now().isoformat()
    return reply.make_conditional(request)


def _board() -> dict[str, Any]:
    asked = Form(request.args)
    today = now().astimezone(zone()).date()
    on = asked.day("on", needed=False) or today
    on = on if can_be_shown(on) else today
    only = asked.text("only") if asked.text("only") in STANDINGS else ""
    shown: Board = read_board(
        session(), on, zone(), now(), technician_id=asked.row("technician"), only=only, text=asked.text("q")
    )
    alarms = read_alarms(session())
    return {
        "board": shown,
        "alarms": alarms,
        # it comes first where it is at all
        "brake": read_standing(session(), now()) if alarms and alarms[0].kind == BRAKE else None,
        "alarms_cut": len(alarms) == MOST_ALARMS,
        "watched": is_watched(session(), real_now(parts().clock)),
        "today": today,
        "is_today": on == today,
        "before": on - timedelta(days=1),
        "after": on + timedelta(days=1),
        "only": only,
        "asked": asked,
        "standings": STANDINGS,
        "here": _address_of,
    }


def _address_of(**changes: date | str | None) -> str:
    """Return the board's address with some of its parameters changed."""
    given = {key: value for key, value in request.args.items() if key in ("on", "technician", "only", "q")}
    given.update({key: str(value) if value else "" for key, value in changes.items()})
    kept: dict[str, Any] = {key: value for key, value in given.items() if value}
    return url_for("dispatch.board", **kept)


@blueprint.post("/alarms/<int:alarm_id>/clear")
@needs("dispatch")
def clear(alarm_id: int) -> Any:
    """Take a line off the attention list because it has been dealt with."""
    clear_alarm(session(), alarm_id, now(), signed_in().name)
    return redirect(url_for("dispatch.board"))
