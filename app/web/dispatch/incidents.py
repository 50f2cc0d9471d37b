"""What concerns many at once: how is it told, how does it stand, and who still has to hear?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for

from app.models import Incident
from app.operations.history import actor_names
from app.operations.incident import (
    LONGEST_NAME,
    LONGEST_PART,
    LONGEST_TITLE,
    LONGEST_WORDS,
    Words,
    add_update,
    add_visits,
    close_incident,
    leave_out,
    open_incident,
    reopen_incident,
    report_incident,
)
from app.operations.incident_view import MOST_CHOICES, incident_lines, read_incident, visits_to_choose
from app.operations.notice import Telling
from app.operations.technician import technician_choices
from app.rules.incident import AHEAD, REPORT_PARTS
from app.web.forms import Form, row_number
from app.web.visitor import locale, needs, now, parts, session, signed_in, zone

blueprint = Blueprint("incidents", __name__, url_prefix="/incidents")


@blueprint.app_template_global()
def title_in(incident: Incident) -> str:
    """Return an incident's title in the reader's language: in Japanese where there is no other."""
    return Words(incident.title_ja, incident.title_en).read_in(locale())


@blueprint.get("")
@needs("dispatch")
def incidents() -> Any:
    """Show what goes on, and what is over."""
    return render_template("dispatch/incidents.html", lines=incident_lines(session()))


@blueprint.get("/new")
@needs("dispatch")
def new_incident() -> Any:
    """Show the form that opens an incident."""
    return _new(Form(begins={"answered_by": ""}))


@blueprint.post("/new")
@needs("dispatch")
def begin() -> Any:
    """Open an incident, and tell everybody it concerns."""
    form = Form(request.form)
    title, words = _words(form, "title", LONGEST_TITLE), _words(form, "words", LONGEST_WORDS)
    answers, phone = form.text("answered_by", most=LONGEST_NAME), form.text("phone")
    begun = form.submit(
        lambda: open_incident(
            session(),
            title=title,
            words=words,
            answered_by=answers,
            phone=phone,
            country=parts().settings.country,
            visit_ids=_chosen(),
            **_by(),
        )
    )
    return _new(form) if begun is None else _to(begun.id)


@blueprint.get("/<int:incident_id>")
@needs("dispatch")
def incident(incident_id: int) -> Any:
    """Show one incident: what was said, whom it concerns, what is to be done."""
    return _page(incident_id)


@blueprint.post("/<int:incident_id>/update")
@needs("dispatch")
def update(incident_id: int) -> Any:
    """Add news to the page."""
    form = Form(request.form)
    words = _words(form, "words", LONGEST_WORDS)
    return _done(incident_id, form, "update", lambda: add_update(session(), incident_id, words, **_by()))


@blueprint.post("/<int:incident_id>/close")
@needs("dispatch")
def close(incident_id: int) -> Any:
    """End an incident."""
    form = Form(request.form)
    words = _words(form, "words", LONGEST_WORDS)
    return _done(incident_id, form, "close", lambda: close_incident(session(), incident_id, words, **_by()))


@blueprint.post("/<int:incident_id>/reopen")
@needs("dispatch")
def reopen(incident_id: int) -> Any:
    """Take an end back that came too early."""
    form = Form(request.form)
    words = _words(form, "words", LONGEST_WORDS)
    return _done(incident_id, form, "reopen", lambda: reopen_incident(session(), incident_id, words, **_by()))


@blueprint.post("/<int:incident_id>/report")
@needs("dispatch")
def report(incident_id: int) -> Any:
    """Publish the report on an incident that is over."""
    form = Form(request.form)
    texts = {part: _words(form, part, LONGEST_PART) for part in REPORT_PARTS}
    return _done(incident_id, form, "report", lambda: report_incident(session(), incident_id, texts, **_by()))


@blueprint.post("/<int:incident_id>/visits")
@needs("dispatch")
def add(incident_id: int) -> Any:
    """Have an incident concern more visits."""
    form = Form(request.form)
    return _done(incident_id, form, "add", lambda: add_visits(session(), incident_id, _chosen(), **_by()))


@blueprint.post("/<int:incident_id>/visits/<int:visit_id>/leave-out")
@needs("dispatch")
def leave(incident_id: int, visit_id: int) -> Any:
    """Have an incident not concern a visit after all."""
    leave_out(session(), incident_id, visit_id)
    return _to(incident_id)


def _words(form: Form, field: str, most: int) -> Words:
    return Words(form.text(f"{field}_ja", most=most), form.text(f"{field}_en", most=most))


def _by() -> dict[str, Any]:
    telling = Telling(parts().settings.base_url, zone(), parts().channels)
    return {"now": now(), "actor": signed_in().name, "telling": telling}


def _chosen() -> set[int]:
    """Return the visits that were ticked; a crafted number is none."""
    return {number for typed in request.form.getlist("visits") if (number := row_number(typed))}


def _done(incident_id: int, form: Form, part: str, action: Callable[[], object]) -> Any:
    """Run an action on an incident and go back to it; a refusal shows it again with what was typed in that part."""
    if form.submit(lambda: (action(), True)) is None:
        return _page(incident_id, form, part)
    return _to(incident_id)


def _to(incident_id: int) -> Any:
    return redirect(url_for("dispatch.incidents.incident", incident_id=incident_id), 303)


def _page(incident_id: int, form: Form | None = None, part: str = "") -> Any:
    seen = read_incident(session(), incident_id)
    typed = {name: form if name == part and form else Form(begins={}) for name in _PARTS}
    page = render_template(
        "dispatch/incident.html",
        seen=seen,
        typed=typed,
        refused=form,
        names=actor_names(session(), {entry.by for entry in seen.entries}),
        report_parts=REPORT_PARTS,
        still_at=seen.incident.next_word_at - AHEAD,
        most=LONGEST_WORDS,
        **(_choices() if seen.incident.closed_at is None else {}),
    )
    return page, form.status if form else 200


#: The forms of an incident's page.
_PARTS = ("update", "close", "reopen", "report", "add")


def _new(form: Form) -> Any:
    page = render_template(
        "dispatch/new_incident.html", form=form, most_title=LONGEST_TITLE, most=LONGEST_WORDS, **_choices()
    )
    return page, form.status


def _choices() -> dict[str, Any]:
    """Return the visits to choose from, as they were narrowed down; all are ticked until somebody unticks one."""
    asked = Form(request.args)
    today = now().astimezone(zone()).date()
    on = asked.day("on", needed=False) or today
    choices = visits_to_choose(
        session(),
        on,
        zone(),
        from_clock=asked.clock("from", needed=False),
        until_clock=asked.clock("until", needed=False),
        technician_id=asked.row("technician"),
        text=asked.text("q"),
    )
    chosen = _chosen() if request.method == "POST" else {choice.id for choice in choices}
    return {
        "asked": asked,
        "on": on,
        "choices": choices,
        "chosen": chosen,
        "cut": len(choices) == MOST_CHOICES,
        "most_choices": MOST_CHOICES,
        "technicians": technician_choices(session()),
    }
