"""What does a customer see of an invoice, a receipt or a credit note? The paper by its link alone, and as a PDF.

The token in the address is the capability. Nothing here changes anything.
"""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

from app.models import Paper
from app.operations.invoice import paper_of_link
from app.web.by_link import firm_page, known_link, open_by_link, speak
from app.web.limits import limiter
from app.web.office.invoices import as_file
from app.web.visitor import locale, session

blueprint = Blueprint("paper", __name__, url_prefix="/d")

open_by_link(blueprint, firm_page)


def _load(token: str) -> Paper:
    """Return the paper behind a link; the page speaks its customer's language unless the switch was used."""
    paper = paper_of_link(session(), known_link(token))
    speak(paper.language)
    return paper


@blueprint.get("/<token>")
def page(token: str) -> ResponseReturnValue:
    """Show a paper."""
    return firm_page("paper", paper=_load(token))


@blueprint.get("/<token>.pdf")
@limiter.limit("30 per minute")
def file(token: str) -> ResponseReturnValue:
    """Hand a paper out as a PDF."""
    return as_file(_load(token), locale())
