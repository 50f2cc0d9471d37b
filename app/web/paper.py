"""What does a customer see of an invoice, a receipt or a credit note? The paper by its link alone, and as a PDF.

The token in the address is the capability. Nothing here changes anything.
"""

from __future__ import annotations

from flask import Blueprint, g, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import TooManyRequests
from werkzeug.wrappers import Response

from app.errors import AppError, NotFound
from app.i18n import LOCALES, phone_words
from app.models import Paper
from app.operations.company import find_company
from app.operations.invoice import paper_of_link
from app.web.limits import limiter
from app.web.office.invoices import as_file
from app.web.visitor import end_session, locale, parts, session

blueprint = Blueprint("paper", __name__, url_prefix="/d")

# Mobile carriers put many customers behind one address, so that limit is wide; whoever guesses meets the second.
limiter.limit("240 per minute")(blueprint)
limiter.limit("15 per minute; 100 per hour", deduct_when=lambda reply: reply.status_code == 404)(blueprint)


def _load(token: str) -> Paper:
    """Return the paper behind a link; the page speaks its customer's language unless the switch was used."""
    if not token.isalnum():
        raise NotFound("link")  # no token of ours: one of the databases fails on a NUL
    paper = paper_of_link(session(), token)
    g.locale = request.args["lang"] if request.args.get("lang") in LOCALES else paper.language
    return paper


@blueprint.get("/<token>")
def page(token: str) -> ResponseReturnValue:
    """Show a paper."""
    return _page("paper", paper=_load(token))


@blueprint.get("/<token>.pdf")
@limiter.limit("30 per minute")
def file(token: str) -> ResponseReturnValue:
    """Hand a paper out as a PDF."""
    return as_file(_load(token), locale())


def _page(name: str, **facts: object) -> str:
    known = find_company(session())
    view = known and {
        "company_name": known.name,
        "company_phone": known.phone,
        "company_phone_hours": known.phone_hours,
    }
    return render_template(
        f"customer/{name}.html",
        view=view,
        phone=lambda number: phone_words(number, parts().settings.country),
        lang=request.args.get("lang"),
        **facts,
    )


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
