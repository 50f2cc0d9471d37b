"""What may everybody read whom an incident concerns? One page that grows in time order, and nobody's name but ours."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from app.i18n import day_words, time_words
from app.operations.incident_view import incident_page
from app.rules.incident import REPORT_PARTS
from app.web.by_link import known_link, open_by_link, phone
from app.web.visitor import locale, now, session, zone

blueprint = Blueprint("incident", __name__, url_prefix="/i")


@blueprint.get("/<token>")
def page(token: str) -> ResponseReturnValue:
    """Show what happened so far."""
    return _page("incident", view=incident_page(session(), known_link(token), now()), parts=REPORT_PARTS)


def moment(at: datetime) -> str:
    """Return a time of day, with its date when that is not today's."""
    on = at.astimezone(zone()).date()
    words = time_words(at, zone())
    return words if on == now().astimezone(zone()).date() else f"{day_words(on, locale())} {words}"


def _page(name: str, **facts: object) -> str:
    return render_template(f"customer/{name}.html", phone=phone, moment=moment, lang=request.args.get("lang"), **facts)


open_by_link(blueprint, _page)
