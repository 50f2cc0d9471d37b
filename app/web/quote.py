"""What does a customer see of a price, before she agrees to it? Her quote by its link alone; no script is needed.

The token in the address is the capability. Opening changes nothing; a press does.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from app.agreement import accepted_words, agreement_pdf
from app.errors import NotFound
from app.i18n import day_words, time_words
from app.models import Quote
from app.operations.agreement import note_seen
from app.operations.onsite import withdrawn_from, withdraws_until
from app.operations.quote import LONGEST_NAME, accepted_answer, newest_of, quote_of_link, shown_state
from app.operations.quote_sending import Said, take_answer
from app.web.by_link import firm_page, known_link, open_by_link, speak
from app.web.forms import Form
from app.web.limits import limiter
from app.web.visitor import locale, now, parts, session, telling, zone

blueprint = Blueprint("quote", __name__, url_prefix="/q")
#: What the two buttons say.
ANSWERS = {"accept": "accepted", "decline": "declined"}

presses = limiter.limit("10 per minute; 60 per hour", key_func=lambda: request.path, methods=["POST"])


def _load(token: str) -> Quote:
    """Return the quote behind a link, and make its customer's language the page's unless the switch was used."""
    quote = quote_of_link(session(), known_link(token))
    speak(quote.visit.customer.language)
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
    said: Said = {
        "name": form.text("name", most=LONGEST_NAME),
        "signature": form.text("signature", most=LONGEST_NAME),
        "drawn": form.value("drawn"),
        "copy_way": form.value("copy_way"),
        "consent": form.ticked("consent"),
        "language": locale(),
        "link": f"{parts().settings.base_url}/q/{quote.token}",
    }
    wanted = ANSWERS.get(form.value("answer"), form.value("answer"))
    if form.submit(lambda: take_answer(session(), token, wanted, telling(), now=now(), **said)) is None:
        return _quote_page(_load(token), form), form.status
    return redirect(url_for("quote.page", token=token, lang=request.args.get("lang"), at=request.args.get("at")), 303)


@blueprint.get("/<token>/document")
def document(token: str) -> ResponseReturnValue:
    """Show the document of what was agreed on site, to be printed."""
    return _page("agreement", **_agreed(_with_document(token)))


@blueprint.get("/<token>.pdf")
@limiter.limit("30 per minute")
def file(token: str) -> ResponseReturnValue:
    """Hand that document out as a PDF."""
    quote = _with_document(token)
    reply = Response(agreement_pdf(quote, accepted_answer(quote), locale(), zone()), mimetype="application/pdf")
    reply.headers["Content-Disposition"] = f'inline; filename="agreement-{quote.id}.pdf"'
    return reply


def _with_document(token: str) -> Quote:
    quote = _load(token)
    if not quote.shown[locale()].get("document"):
        raise NotFound("link")
    return quote


def _agreed(quote: Quote) -> dict[str, Any]:
    """Return what the pages say of a document: the quote, its acceptance, and until when she can withdraw."""
    gone, said = withdrawn_from(session(), quote.visit_id).get(quote.id), accepted_answer(quote)
    words = accepted_words(said, locale(), zone()) if said is not None else ""
    until = withdraws_until(session(), quote, zone()) if gone is None else None
    withdrawn_on = date.fromisoformat(gone.facts["sent_on"]) if gone is not None else None
    return {"quote": quote, "said": said, "until": until, "accepted": words, "withdrawn_on": withdrawn_on}


def _asked() -> dict[str, str | None]:
    """Return how the page was asked for: its language, and `at=door` on the technician's own phone."""
    return {name: request.args.get(name) for name in ("lang", "at")}


@blueprint.post("/<token>/opened")
@presses
def opened(token: str) -> ResponseReturnValue:
    """Record that somebody has the price before her."""
    note_seen(session(), _load(token).token, now())
    return "", 204


def _quote_page(quote: Quote, form: Form) -> str:
    newest = newest_of(session(), quote)
    facts: dict[str, Any] = {"form": form, "state": shown_state(session(), quote, now()), **_agreed(quote)}
    return _page("quote", newest=newest if newest.id != quote.id else None, **facts)


def _page(name: str, **facts: object) -> str:
    def moment(at: Any) -> str:
        return f"{day_words(at.astimezone(zone()).date(), locale())} {time_words(at, zone())}"

    return firm_page(name, moment=moment, asked=_asked(), **facts)


open_by_link(blueprint, _page)
