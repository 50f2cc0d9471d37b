"""Who goes to the customers, in which hours, and which phones speak for them?"""

from __future__ import annotations

from typing import Any

import segno
from flask import render_template, request, url_for

from app import auth
from app.models import Branch, Technician
from app.operations.branch import DAY_PLACES, branch_choices
from app.operations.calendar_subscription import find_subscription
from app.operations.technician import (
    DAYS,
    TRAVELS_BY,
    add_device,
    change_technician,
    create_technician,
    devices_of,
    list_technicians,
    revoke_device,
)
from app.operations.technician_state import read_doings
from app.web.calendar import feed_address
from app.web.forms import Form
from app.web.office.room import blueprint, hours_in_minutes, hours_typed, known_row, place_as_typed, saved
from app.web.visitor import needs, now, parts, session


@blueprint.get("/technicians")
@needs("dispatch")
def technicians() -> Any:
    """List technicians, narrowed by a search."""
    asked = Form(request.args)
    page = asked.whole("page", least=1, most=100_000, needed=False) or 1
    listed = list_technicians(session(), asked.text("q"), page)
    doings = read_doings(session(), [technician.id for technician in listed.rows], now())
    return render_template("office/technicians.html", asked=asked, listed=listed, doings=doings)


@blueprint.get("/technicians/new")
@needs("settings")
def new_technician() -> Any:
    """Show the form for a new technician, with the usual week."""
    week = {f"{day}_from": "09:00" for day in DAYS[:5]} | {f"{day}_until": "18:00" for day in DAYS[:5]}
    return _technician_form(None, Form(begins={**week, "language": "ja", "active": "1"}))


@blueprint.post("/technicians/new")
@needs("settings")
def add_technician() -> Any:
    """Add a technician."""
    form = Form(request.form)
    added = form.submit(lambda: create_technician(session(), now=now(), **_technician_fields(form))[0])
    if added is None:
        return _technician_form(None, form)
    return saved("office.technician", technician_id=added.id)


@blueprint.get("/technicians/<int:technician_id>")
@needs("dispatch")
def technician(technician_id: int) -> Any:
    """Show a technician and the phones that speak for them."""
    return technician_page(technician_id)


@blueprint.get("/technicians/<int:technician_id>/edit")
@needs("settings")
def edit_technician(technician_id: int) -> Any:
    """Show a technician's facts, to change them."""
    known = known_row(Technician, technician_id, "technician")
    hours = {f"{day}_from": spans[0][0] for day, spans in known.working_hours.items() if spans}
    hours |= {f"{day}_until": spans[-1][1] for day, spans in known.working_hours.items() if spans}
    begins = {
        **hours,
        "name": known.name,
        "language": known.language,
        "travels_by": known.travels_by,
        "skills": "、".join(known.skills),
        **place_as_typed(known.base_lat, known.base_lon),
        "branch": known.branch_id or "",
        "most_day_h": "" if known.most_day_min is None else hours_typed(known.most_day_min),
        "starts_from": known.starts_from,
        "returns_to": known.returns_to,
        "active": "1" if known.active else "",
    }
    return _technician_form(known, Form(begins=begins))


@blueprint.post("/technicians/<int:technician_id>/edit")
@needs("settings")
def save_technician(technician_id: int) -> Any:
    """Change a technician's facts."""
    form = Form(request.form)
    fields = _technician_fields(form, known_row(Technician, technician_id, "technician").working_hours)
    changed = form.submit(lambda: change_technician(session(), technician_id, active=form.ticked("active"), **fields))
    if changed is None:
        return _technician_form(known_row(Technician, technician_id, "technician"), form)
    return saved("office.technician", technician_id=technician_id)


@blueprint.post("/technicians/<int:technician_id>/link")
@needs("dispatch")
def new_link(technician_id: int) -> Any:
    """Make a one-time sign-in link and show it, with a code to scan, this once."""
    token = auth.create_phone_link(session(), technician_id=technician_id, now=now())
    link = f"{parts().settings.base_url}{url_for('technician.link', token=token)}"
    code = segno.make(link, error="m").svg_data_uri(scale=6, border=3, dark="#000", light="#fff")
    return technician_page(technician_id, link=link, code=code)


@blueprint.post("/technicians/<int:technician_id>/devices")
@needs("settings")
def new_device(technician_id: int) -> Any:
    """Make a location credential and show it this once."""
    return technician_page(technician_id, device=add_device(session(), technician_id, now()))


@blueprint.post("/technicians/<int:technician_id>/devices/<int:device_id>/revoke")
@needs("settings")
def end_device(technician_id: int, device_id: int) -> Any:
    """End a location credential."""
    revoke_device(session(), technician_id, device_id, now())
    return saved("office.technician", technician_id=technician_id)


def technician_page(technician_id: int, form: Form | None = None, **shown_once: Any) -> Any:
    """Show a technician, and a form of the page again that was wrong."""
    known = known_row(Technician, technician_id, "technician")
    form = form or Form()
    page = render_template(
        "office/technician.html",
        technician=known,
        form=form,
        feed=feed_address(known.calendar_token),
        subscription=find_subscription(session(), technician_id),
        devices=devices_of(session(), technician_id),
        doing=read_doings(session(), [technician_id], now()).get(technician_id),
        days=DAYS,
        branch=session().get(Branch, known.branch_id) if known.branch_id else None,
        ingest_url=f"{parts().settings.base_url}/ingest/owntracks",
        **shown_once,
    )
    return page, form.status


def _technician_fields(form: Form, before: dict[str, Any] | None = None) -> dict[str, Any]:
    position = form.position() or (None, None)
    return {
        "name": form.text("name"),
        "language": form.text("language") or "ja",
        "travels_by": form.text("travels_by") or TRAVELS_BY[0],
        "skills": [skill.strip() for skill in form.text("skills").replace(",", "、").split("、") if skill.strip()],
        "base_lat": position[0],
        "base_lon": position[1],
        "branch_id": form.row("branch"),
        "most_day_min": hours_in_minutes(form, "most_day_h"),
        "starts_from": form.text("starts_from") or DAY_PLACES[0],
        "returns_to": form.text("returns_to") or DAY_PLACES[0],
        "working_hours": _week(form, before or {}),
    }


def _week(form: Form, before: dict[str, Any]) -> dict[str, list[list[str]]]:
    """Return the week as typed; a day whose outer hours stay keeps the breaks it has."""
    week: dict[str, list[list[str]]] = {}
    for day in DAYS:
        from_at, until_at = form.text(f"{day}_from"), form.text(f"{day}_until")
        spans = before.get(day)
        if spans and (from_at, until_at) == (spans[0][0], spans[-1][1]):
            week[day] = spans
        elif from_at or until_at:
            week[day] = [[from_at.rjust(5, "0"), until_at.rjust(5, "0")]]
    return week


def _technician_form(known: Technician | None, form: Form) -> Any:
    for field in [field for field in form.problems if field.startswith(("working_hours.", "base."))]:
        problem = form.problems.pop(field)
        shown_at = field.removeprefix("base.") if field.startswith("base.") else f"{field.partition('.')[2]}_from"
        form.wrong(shown_at, problem.code, **problem.facts)
    page = render_template(
        "office/technician_form.html",
        technician=known,
        form=form,
        days=DAYS,
        ways=TRAVELS_BY,
        branches=branch_choices(session(), known.branch_id if known else None),
        day_places=DAY_PLACES,
    )
    return page, form.status
