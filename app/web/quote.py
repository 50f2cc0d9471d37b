"""What does a customer see of a price, before she agrees to it? Her quote by its link alone; no script is needed.

The token in the address is the capability. Opening changes nothing; a press does.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import TooManyRequests
from werkzeug.wrappers import Response

from app.errors import AppError, Conflict, NotFound
from app.i18n import LOCALES, day_words, phone_words, time_words
from app.models import Quote
from app.operations.agreement import note_seen
from app.operations.company import find_company
from app.operations.quote import LONGEST_NAME, answer_quote, newest_of, quote_of_link, quote_state
from app.web.forms import Form
from app.web.limits import limiter
from app.web.visitor import end_session, locale, now, parts, session, zone

blueprint = Blueprint("quote", __name__, url_prefix="/q")
#: What the two buttons say.
ANSWERS = {"accept": "accepted", "decline": "declined"}

# Mobile carriers put many customers behind one address, so that limit is wide; whoever guesses meets the second.
limiter.limit("240 per minute")(blueprint)
limiter.limit("15 per minute; 100 per hour", deduct_when=lambda reply: reply.status_code == 404)(blueprint)
presses = limiter.limit("10 per minute; 60 per hour", key_func=lambda: request.path, methods=["POST"])


def _load(token: str) -> Quote:
    """Return the quote behind a link, and make its customer's language the page's unless the switch was used."""
    if not token.isalnum():
        raise NotFound("link")  # no token of ours: one of the databases fails on a NUL
    quote = quote_of_link(session(), token)
    g.locale = request.args["lang"] if request.args.get("lang") in LOCALES else quote.visit.customer.language
    return quote


@blueprint.get("/<token>")
def page(token: str) -> ResponseReturnValue:
    """Show the price with everything that belongs to it."""
    return _quote_page(_load(token), Form()), 200


@blueprint.post("/<token>")
@presses
def answer(token: str) -> ResponseReturnValue:
    """Take in that the customer accepts or declines; what she typed is kept when it cannot be taken."""
    quote, form = _load(token), Form(request.form)
    said = {
        "name": form.text("name", most=LONGEST_NAME),
        "signature": form.text("signature", most=LONGEST_NAME),
        "language": locale(),
        "link": f"{parts().settings.base_url}/q/{quote.token}",
    }
    wanted = ANSWERS.get(form.value("answer"), form.value("answer"))
    if form.submit(lambda: answer_quote(session(), token, wanted, now=now(), **said)) is None:
        return _quote_page(_load(token), form), form.status
    return redirect(url_for("quote.page", token=token, lang=request.args.get("lang")), 303)


@blueprint.post("/<token>/opened")
@presses
def opened(token: str) -> ResponseReturnValue:
    """Record that somebody has the price before her."""
    note_seen(session(), _load(token).token, now())
    return "", 204


def _quote_page(quote: Quote, form: Form) -> str:
    newest = newest_of(session(), quote)
    facts: dict[str, Any] = {"quote": quote, "form": form, "state": quote_state(session(), quote, now())}
    if isinstance(form.refusal, Conflict) and form.refusal.code == "quote_outdated":
        facts["state"] = "outdated"
    return _page("quote", newest=newest if newest.id != quote.id else None, **facts)


def _page(name: str, **facts: object) -> str:
    def phone(number: str) -> str:
        return phone_words(number, parts().settings.country)

    def moment(at: Any) -> str:
        return f"{day_words(at.astimezone(zone()).date(), locale())} {time_words(at, zone())}"

    # The firm's name and number, as the frame of every customer's page shows them.
    known = find_company(session())
    view = known and {
        "company_name": known.name,
        "company_phone": known.phone,
        "company_phone_hours": known.phone_hours,
    }
    lang = request.args.get("lang")
    return render_template(f"customer/{name}.html", view=view, phone=phone, moment=moment, lang=lang, **facts)


@blueprint.errorhandler(AppError)
@blueprint.errorhandler(TooManyRequests)
def sorry(error: AppError | TooManyRequests) -> ResponseReturnValue:
    """Say in friendly words that a link leads nowhere, and nothing about anybody."""
    end_session(commit=False)
    status = error.status if isinstance(error, AppError) else 429
    return _page("sorry", code="too_often" if status == 429 else "gone", token=None), status


@blueprint.after_request
def _keep_out(response: Response) -> Response:
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response
