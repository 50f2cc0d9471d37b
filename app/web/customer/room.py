"""What do all pages of a visit share? The link that opens them, its limits, and the words that all of them need."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.i18n import day_words, money_words, time_words
from app.operations.customer_view import CustomerView, customer_view
from app.web.by_link import known_link, open_by_link, phone, speak
from app.web.limits import limiter
from app.web.visitor import locale, now, parts, session, zone

blueprint = Blueprint("customer", __name__, url_prefix="/v")


def per_link() -> str:
    """Return what is counted for each link apart."""
    return f"link:{(request.view_args or {}).get('token', '')}"


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


def load(token: str) -> CustomerView:
    """Return the view behind a link, and make its owner's language the page's unless the switch was used."""
    view = customer_view(session(), known_link(token), now())
    speak(view.language)
    return view


def page(name: str, **facts: object) -> str:
    """Return a page of the customer's, with the words that all of them need."""
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


def back(token: str, kept: str = "") -> Response:
    """Go back to the visit's page, and to that part of it which was `kept`."""
    lang, part = request.args.get("lang"), kept or None
    return redirect(url_for("customer.visit", token=token, lang=lang, kept=part, _anchor=part), 303)


open_by_link(blueprint, page)
