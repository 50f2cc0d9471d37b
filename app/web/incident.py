"""What may everybody read whom an incident concerns? One page that grows in time order, and nobody's name but ours."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import TooManyRequests
from werkzeug.wrappers import Response

from app.errors import AppError, NotFound
from app.i18n import day_words, phone_words, time_words
from app.operations.incident_view import incident_page
from app.rules.incident import REPORT_PARTS
from app.web.limits import limiter
from app.web.visitor import end_session, locale, now, parts, session, zone

blueprint = Blueprint("incident", __name__, url_prefix="/i")

# Mobile carriers put many customers behind one address, so that limit is wide; whoever guesses meets the second.
limiter.limit("240 per minute")(blueprint)
limiter.limit("15 per minute; 100 per hour", deduct_when=lambda reply: reply.status_code == 404)(blueprint)


@blueprint.get("/<token>")
def page(token: str) -> ResponseReturnValue:
    """Show what happened so far."""
    if not token.isalnum():
        raise NotFound("link")  # no token of ours: one of the databases fails on a NUL
    return _page("incident", view=incident_page(session(), token, now()), parts=REPORT_PARTS)


def moment(at: datetime) -> str:
    """Return a time of day, with its date when that is not today's."""
    on = at.astimezone(zone()).date()
    words = time_words(at, zone())
    return words if on == now().astimezone(zone()).date() else f"{day_words(on, locale())} {words}"


@blueprint.errorhandler(AppError)
@blueprint.errorhandler(TooManyRequests)
def sorry(error: AppError | TooManyRequests) -> ResponseReturnValue:
    """Say in friendly words that the address leads nowhere."""
    end_session(commit=False)
    status = error.status if isinstance(error, AppError) else 429
    return _page("sorry", code="too_often" if status == 429 else "gone", token=None), status


@blueprint.after_request
def _keep_out(response: Response) -> Response:
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


def _page(name: str, **facts: object) -> str:
    def phone(number: str) -> str:
        return phone_words(number, parts().settings.country)

    return render_template(f"customer/{name}.html", phone=phone, moment=moment, lang=request.args.get("lang"), **facts)
