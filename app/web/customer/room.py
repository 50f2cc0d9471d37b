"""What do all pages of a customer share? The link that opens them, its limits, and the word when it leads nowhere."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import TooManyRequests
from werkzeug.wrappers import Response

from app.errors import AppError, NotFound
from app.i18n import LOCALES, day_words, money_words, phone_words, time_words
from app.operations.customer_view import CustomerView, customer_view
from app.web.limits import limiter
from app.web.visitor import end_session, locale, now, parts, session, zone

blueprint = Blueprint("customer", __name__, url_prefix="/v")


def per_link() -> str:
    """Return what is counted for each link apart."""
    return f"link:{(request.view_args or {}).get('token', '')}"


# Mobile carriers put many customers behind one address, so that limit is wide; whoever guesses links meets the second.
limiter.limit("240 per minute")(blueprint)
limiter.limit("15 per minute; 100 per hour", deduct_when=lambda reply: reply.status_code == 404)(blueprint)
limiter.limit("60 per minute", key_func=per_link)(blueprint)
#: To look for times is work for the database.
finds = limiter.limit("20 per minute; 200 per hour", key_func=per_link)
presses = limiter.limit("10 per minute; 60 per hour", key_func=per_link, methods=["POST"])


def _clock(from_at: datetime, until_at: datetime) -> str:
    """Return a window's times of day; a line never breaks inside it."""
    dash = "〜" if locale() == "ja" else "–"
    first, last = time_words(from_at, zone()), time_words(until_at, zone())
    return first if first == last else f"{first}\u2060{dash}\u2060{last}"


def _window(from_at: datetime, until_at: datetime, *, dated: bool = False) -> str:
    """Return a window for a sentence, with its day unless that is plainly today."""
    words, on = _clock(from_at, until_at), from_at.astimezone(zone()).date()
    return words if not dated and on == now().astimezone(zone()).date() else f"{day_words(on, locale())} {words}"


def _money(owed: Any, *, absolute: bool = False) -> str:
    return money_words(abs(owed.total) if absolute else owed.total, owed.currency, owed.exponent, locale())


def known_link(token: str) -> str:
    """Return what may be a link of ours; raise NotFound for anything else: one of the databases fails on a NUL."""
    if not token.isalnum():
        raise NotFound("link")
    return token


def load(token: str) -> CustomerView:
    """Return the view behind a link, and make its owner's language the page's unless the switch was used."""
    view = customer_view(session(), known_link(token), now())
    g.locale = request.args["lang"] if request.args.get("lang") in LOCALES else view.language
    return view


def page(name: str, **facts: object) -> str:
    """Return a page of the customer's, with the words that all of them need."""

    def phone(number: str) -> str:
        return phone_words(number, parts().settings.country)

    channels, account = parts().channels, parts().settings.line_account
    return render_template(
        f"customer/{name}.html",
        clock=_clock,
        money=_money,
        window=_window,
        phone=phone,
        channels=tuple(channels),
        line_account=account,
        push_key=getattr(channels.get("push"), "public_key", None),
        **facts,
    )


def back(token: str) -> Response:
    """Go back to the visit's page."""
    return redirect(url_for("customer.visit", token=token, lang=request.args.get("lang")), 303)


@blueprint.errorhandler(AppError)
@blueprint.errorhandler(TooManyRequests)
def sorry(error: AppError | TooManyRequests) -> ResponseReturnValue:
    """Say in friendly words that a link leads nowhere or a press came too late, and nothing about anybody."""
    end_session(commit=False)
    status = error.status if isinstance(error, AppError) else 429
    code = {404: "gone", 409: "too_late", 412: "too_late", 429: "too_often"}.get(status, "failed")
    return page("sorry", code=code, token=(request.view_args or {}).get("token")), status


@blueprint.after_request
def _keep_out(response: Response) -> Response:
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response
