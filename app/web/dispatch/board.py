"""What does the dispatcher see? The board: one day by technician, and what needs a person."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for

from app.clock import real_now
from app.operations.alarm import BRAKE, MOST_ALARMS, clear_alarm, read_alarms
from app.operations.board import Board, read_board
from app.operations.board_mark import board_mark
from app.operations.brake import read_standing
from app.operations.hours import read_hours
from app.operations.lease import is_watched
from app.operations.locating import usual_place
from app.rules.board import STANDINGS
from app.rules.calendar import can_be_shown
from app.rules.hours import REACHES
from app.web.desk import desk_words, service_name
from app.web.dispatch.bars import Bars
from app.web.dispatch.live import answer_live
from app.web.forms import Form
from app.web.visitor import actor, locale, needs, now, parts, session, signed_in, zone

#: How a day can be shown.
VIEWS = ("hours", "list", "map")

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
    centre, tiles = usual_place(session()), parts().settings.map_tiles_url
    return render_template("dispatch/board.html", **_board(), centre=centre, tiles=tiles)


@blueprint.get("/board")
@needs("dispatch")
def board_now() -> Any:
    """Answer with the changing part of the board, or "not modified" when it says what the page says already."""
    mark = board_mark(session(), _day(), zone(), now()) + _reach() + ("" if _watched() else "-")
    return answer_live(mark, lambda: render_template("dispatch/_board.html", **_board()))


def _day() -> date:
    """Return the local day that is asked for: today, unless another is named that can be shown."""
    on = Form(request.args).day("on", needed=False)
    return on if on and can_be_shown(on) else now().astimezone(zone()).date()


def _watched() -> bool:
    return is_watched(session(), real_now(parts().clock))


def _board() -> dict[str, Any]:
    asked = Form(request.args)
    on, today = _day(), now().astimezone(zone()).date()
    only = asked.text("only") if asked.text("only") in STANDINGS else ""
    view = _view(asked.text("view"))
    who, text = asked.row("technician"), asked.text("q")
    shown: Board = read_board(
        session(), on, zone(), now(), technician_id=who, only=only, text=text, whole=view == "hours"
    )
    alarms = read_alarms(session())
    hours = read_hours(session(), shown, zone(), now(), everybody=not (who or only or text), reach=_reach())
    return {
        "board": shown,
        "view": view,
        "hours": hours,
        "rows": {row.technician_id: row for row in hours.rows},
        "bars": Bars(
            hours,
            zone(),
            locale(),
            url_for("static", filename="icons.svg"),
            service_name,
            {alarm.visit_id: alarm.facts.get("offers", 1) for alarm in alarms if alarm.kind == "repair_offered"},
        ),
        "alarms": alarms,
        # it comes first where it is at all
        "brake": read_standing(session(), now()) if alarms and alarms[0].kind == BRAKE else None,
        "alarms_cut": len(alarms) == MOST_ALARMS,
        "watched": _watched(),
        "today": today,
        "is_today": on == today,
        "before": on - timedelta(days=1),
        "after": on + timedelta(days=1),
        "only": only,
        "asked": asked,
        "standings": STANDINGS,
        "views": VIEWS,
        "here": _address_of,
        "reach": _reach(),
    }


def _view(asked: str) -> str:
    """Return how the day is shown: as asked, else by hours; on a phone as lists."""
    on_phone = "Mobi" in (request.user_agent.string or "")
    return asked if asked in VIEWS else "list" if on_phone else "hours"


def _reach() -> str:
    """Return how far beyond what is worked the hours are to be drawn."""
    asked = request.args.get("reach", "")
    return asked if asked in REACHES else ""


def _address_of(**changes: date | str | None) -> str:
    """Return the board's address with some of its parameters changed."""
    given = {
        key: value for key, value in request.args.items() if key in ("on", "technician", "only", "q", "view", "reach")
    }
    given.update({key: str(value) if value else "" for key, value in changes.items()})
    kept: dict[str, Any] = {key: value for key, value in given.items() if value}
    return url_for("dispatch.board", **kept)


@blueprint.post("/alarms/<int:alarm_id>/clear")
@needs("dispatch")
def clear(alarm_id: int) -> Any:
    """Take a line off the attention list because it has been dealt with."""
    clear_alarm(session(), alarm_id, now(), signed_in().name)
    return redirect(url_for("dispatch.board"))
