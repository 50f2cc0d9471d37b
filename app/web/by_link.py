"""What do all pages share that a link alone opens? Its limits, the firm's frame, and the word when it leads nowhere.

The token in the address is the capability: no account, no cookie.
"""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, g, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import TooManyRequests
from werkzeug.wrappers import Response

from app.errors import AppError, NotFound
from app.i18n import LOCALES, phone_words
from app.operations.company import find_company
from app.web.limits import limiter
from app.web.visitor import end_session, parts, session

#: What is said of an answer that is none.
_SORRY = {404: "gone", 409: "too_late", 412: "too_late", 429: "too_often"}


def open_by_link(blueprint: Blueprint, page: Callable[..., str]) -> None:
    """Let a blueprint's pages be opened by link: limit who guesses, keep out who collects, say sorry by `page`."""
    # Mobile carriers put many customers behind one address, so that limit is wide; whoever guesses meets the second.
    limiter.limit("240 per minute")(blueprint)
    limiter.limit("15 per minute; 100 per hour", deduct_when=lambda reply: reply.status_code == 404)(blueprint)

    def sorry(error: AppError | TooManyRequests) -> ResponseReturnValue:
        end_session(commit=False)
        status = error.status if isinstance(error, AppError) else 429
        return page("sorry", code=_SORRY.get(status, "failed")), status

    def keep_out(response: Response) -> Response:
        response.headers["X-Robots-Tag"] = "noindex, nofollow"
        return response

    for kind in (AppError, TooManyRequests):
        blueprint.register_error_handler(kind, sorry)
    blueprint.after_request(keep_out)


def known_link(token: str) -> str:
    """Return what may be a link of ours; raise NotFound for anything else: one of the databases fails on a NUL."""
    if not token.isalnum():
        raise NotFound("link")
    return token


def speak(language: str) -> None:
    """Make a customer's language the page's, unless the switch was used."""
    g.locale = request.args["lang"] if request.args.get("lang") in LOCALES else language


def phone(number: str) -> str:
    """Return a telephone number as it is written in the company's country."""
    return phone_words(number, parts().settings.country)


def firm_page(name: str, **facts: object) -> str:
    """Return a page in the firm's frame: its name and its number, which every customer's page shows."""
    known = find_company(session())
    view = known and {
        "company_name": known.name,
        "company_phone": known.phone,
        "company_phone_hours": known.phone_hours,
    }
    return render_template(f"customer/{name}.html", view=view, phone=phone, lang=request.args.get("lang"), **facts)
