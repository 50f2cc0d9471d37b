"""What is held by the brake, why, and what shall become of it? The page that asks, and the decision."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for

from app.errors import NotAllowed
from app.operations.brake import decide, read_standing
from app.operations.history import actor_names
from app.rules.access import may
from app.rules.brake import DECISIONS
from app.web.forms import Form
from app.web.visitor import needs, now, session, signed_in

blueprint = Blueprint("brake", __name__, url_prefix="/brake")

#: Who sends what no longer looks true must have the say over how customers are told.
MANAGERS_ONLY = "all"


@blueprint.get("")
@needs("dispatch")
def brake() -> Any:
    """Show what is held; with `do`, ask once more before that is done."""
    return _page(Form(), Form(request.args).text("do"))


@blueprint.post("")
@needs("dispatch")
def settle() -> Any:
    """Do what was decided about everything that was seen."""
    form = Form(request.form)
    decision, up_to = form.one_of("decision", DECISIONS), form.row("up_to", needed=True) or 0
    if decision == MANAGERS_ONLY and not may(signed_in().role, "settings"):
        raise NotAllowed("role")
    done = form.submit(lambda: (decide(session(), decision, up_to, now(), signed_in().name), True))
    if done is None:
        return _page(form, decision)
    return redirect(url_for("dispatch.brake.brake" if decision == "none" else "dispatch.board"), 303)


def _page(form: Form, asked: str) -> Any:
    seen = read_standing(session(), now())
    choices = [name for name in ("true", "all", "none") if seen is not None and seen.held]
    page = render_template(
        "dispatch/brake.html",
        form=form,
        brake=seen,
        asked=asked if asked in choices or (asked == "true" and seen is not None) else "",
        choices=choices,
        managers_only=MANAGERS_ONLY,
        names=actor_names(session(), {done["by"] for done in seen.decisions} if seen is not None else set()),
    )
    return page, form.status
