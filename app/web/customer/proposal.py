"""Does another time suit the customer, which the office would like? Her answer on her page."""

from __future__ import annotations

from typing import Any

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from app.operations.proposal import answer_on_page, last_question
from app.web.customer.room import blueprint, presses
from app.web.forms import Form
from app.web.visitor import now, session, zone


@blueprint.context_processor
def _question() -> dict[str, Any]:
    return {"question_of": lambda token: last_question(session(), token, now())}


@blueprint.post("/<token>/proposal")
@presses
def answer_proposal(token: str) -> ResponseReturnValue:
    """Take in whether another time suits her; a second press changes nothing."""
    form = Form(request.form)
    answer_on_page(session(), token, form.row("proposal"), form.value("answer"), now=now(), zone=zone())
    return redirect(url_for("customer.visit", token=token, lang=request.args.get("lang")) + "#proposal", 303)
