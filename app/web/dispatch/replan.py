"""Somebody leaves, work overruns, an urgent call comes: what can be done, and what was done?"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for

from app import i18n
from app.clock import real_now
from app.errors import NotFound
from app.models import Planning, Site, Technician, Visit
from app.operations.history import actor_names
from app.operations.kept_run import cancel_run, find_run
from app.operations.lease import is_watched
from app.operations.replan import (
    HOLDS_FOR,
    REASONS,
    apply_way,
    may_take_back,
    start_leaving,
    start_overrun,
    start_urgent,
    take_way_back,
)
from app.operations.service import service_choices
from app.operations.technician import technician_choices
from app.web.desk import service_name
from app.web.forms import Form
from app.web.visitor import locale, needs, now, parts, session, signed_in, telling, zone

blueprint = Blueprint("replan", __name__)

KINDS = ("leaves", "overruns", "urgent")


@blueprint.get("/replan")
@needs("dispatch")
def ask() -> Any:
    """Ask what has happened: who leaves, whose work overruns, who calls."""
    given = {name: request.args.get(name, "") for name in ("technician", "visit", "site")}
    return _ask(Form(begins={**given, "from": f"{now().astimezone(zone()):%H:%M}"}))


@blueprint.post("/replan")
@needs("dispatch")
def begin() -> Any:
    """Have the ways searched."""
    form = Form(request.form)
    begun = form.submit(lambda: _begin(form))
    return _ask(form) if begun is None else _to(begun.id)


@blueprint.get("/replan/<int:planning_id>")
@needs("dispatch")
def ways(planning_id: int) -> Any:
    """Show the ways that were found, best first."""
    return _page(planning_id, Form())


@blueprint.post("/replan/<int:planning_id>/cancel")
@needs("dispatch")
def cancel(planning_id: int) -> Any:
    """Stop the search."""
    return _done(planning_id, lambda _: cancel_run(session(), Planning, planning_id, now()))


@blueprint.post("/replan/<int:planning_id>/apply")
@needs("dispatch")
def apply(planning_id: int) -> Any:
    """Do what one way says, all of it or nothing."""
    how: dict[str, Any] = {"now": now(), "telling": telling(), "actor": signed_in().name}
    return _done(planning_id, lambda form: apply_way(session(), planning_id, form.row("key", needed=True) or 0, **how))


@blueprint.post("/replan/<int:planning_id>/undo")
@needs("dispatch")
def undo(planning_id: int) -> Any:
    """Undo it, while nobody was told."""
    how: dict[str, Any] = {"now": now(), "telling": telling(), "actor": signed_in().name}
    return _done(planning_id, lambda _: take_way_back(session(), planning_id, **how))


def _begin(form: Form) -> Planning:
    on = now().astimezone(zone()).date()
    who: dict[str, Any] = {"actor": signed_in().name, "now": now(), "zone": zone()}
    kind, reason = form.one_of("kind", KINDS), form.text("reason")
    if kind == "leaves":
        technician, from_at = form.row("technician", needed=True), form.instant("from", on, zone())
        form.check()
        return start_leaving(session(), technician, from_at, reason, **who)
    if kind == "overruns":
        visit, until_at = form.row("visit", needed=True), form.instant("until", on, zone())
        form.check()
        return start_overrun(session(), visit, until_at, reason, **who)
    site, service = form.row("site", needed=True), form.row("service", needed=True)
    by_at = form.instant("by", on, zone(), needed=False)
    form.check()
    return start_urgent(session(), site, service, by_at, form.text("note"), **who)


def _ask(form: Form) -> Any:
    kind = request.values.get("kind", "leaves")
    if kind not in KINDS:
        raise NotFound("planning")
    visit = session().get(Visit, Form(request.values).row("visit") or 0)
    page = render_template(
        "dispatch/replan_ask.html",
        form=form,
        kind=kind,
        visit=visit,
        site=session().get(Site, Form(request.values).row("site") or 0),
        technicians=technician_choices(session(), None),
        services=[(one.id, service_name(one)) for one in service_choices(session())],
        reasons=[("", i18n.t("replan.no_reason", locale())), *((one, _reason(one)) for one in REASONS)],
    )
    return page, form.status


def _reason(code: str) -> str:
    return i18n.t(f"visit.reason_{code}", locale())


def _done(planning_id: int, action: Callable[[Form], object]) -> Any:
    form = Form(request.form)
    return _page(planning_id, form) if form.submit(lambda: action(form)) is None else _to(planning_id)


def _to(planning_id: int) -> Any:
    return redirect(url_for("dispatch.replan.ways", planning_id=planning_id), 303)


def _page(planning_id: int, form: Form) -> Any:
    row = find_run(session(), Planning, planning_id)
    if row.kind not in KINDS:
        raise NotFound("planning")
    page = render_template(
        "dispatch/replan.html",
        row=row,
        on=row.on_day,
        moment=datetime.fromisoformat,
        form=form,
        technician=session().get(Technician, row.wish.get("technician") or 0),
        visit=session().get(Visit, row.wish.get("visit") or 0),
        site=session().get(Site, row.wish.get("site") or 0),
        made_by=actor_names(session(), {row.actor}).get(row.actor, ""),
        too_old=now() > row.created_at + HOLDS_FOR,
        undoable=may_take_back(session(), row),
        watched=is_watched(session(), real_now(parts().clock)),
    )
    return page, form.status
