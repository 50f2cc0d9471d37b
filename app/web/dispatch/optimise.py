"""How is a whole day planned anew from the office? Asked for, watched, weighed, booked, and taken back."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for

from app.clock import real_now
from app.errors import NotFound
from app.models import Planning
from app.operations.day_planning import LEAST_S, MOST_S, USUAL_S, apply_day, start_day, take_day_back, to_pin
from app.operations.history import actor_names
from app.operations.kept_run import cancel_run
from app.operations.lease import is_watched
from app.operations.planning import last_planning
from app.rules.calendar import can_be_shown
from app.web.forms import Form, day_of, row_number
from app.web.visitor import needs, now, parts, session, signed_in, telling, zone

blueprint = Blueprint("optimise", __name__)


@blueprint.get("/optimise/<day>")
@needs("dispatch")
def day(day: str) -> Any:
    """Show what can be planned of a day, and what came of the last time."""
    return _page(_on(day), Form(begins={"seconds": USUAL_S}))


@blueprint.post("/optimise/<day>")
@needs("dispatch")
def begin(day: str) -> Any:
    """Have a day planned anew; nothing is booked."""
    form, on = Form(request.form), _on(day)
    seconds = form.whole("seconds", least=LEAST_S, most=MOST_S)
    pinned = [number for typed in request.form.getlist("pin") if (number := row_number(typed))]
    wish: dict[str, Any] = {"actor": signed_in().name, "now": now(), "zone": zone(), "pinned": pinned}
    if form.submit(lambda: start_day(session(), on, seconds=seconds or 0, **wish)) is None:
        return _page(on, form)
    return _back(on)


@blueprint.post("/optimise/<day>/<int:planning_id>/cancel")
@needs("dispatch")
def cancel(day: str, planning_id: int) -> Any:
    """Stop a plan that is being made."""
    return _done(_on(day), lambda: cancel_run(session(), Planning, planning_id, now()))


@blueprint.post("/optimise/<day>/<int:planning_id>/apply")
@needs("dispatch")
def apply(day: str, planning_id: int) -> Any:
    """Book a plan, all of it or nothing."""
    how: dict[str, Any] = {"now": now(), "telling": telling(), "actor": signed_in().name}
    return _done(_on(day), lambda: apply_day(session(), planning_id, **how))


@blueprint.post("/optimise/<day>/<int:planning_id>/undo")
@needs("dispatch")
def undo(day: str, planning_id: int) -> Any:
    """Bring the former plan back."""
    how: dict[str, Any] = {"now": now(), "telling": telling(), "actor": signed_in().name}
    return _done(_on(day), lambda: take_day_back(session(), planning_id, **how))


def _done(on: date, action: Any) -> Any:
    form = Form(request.form)
    return _page(on, form) if form.submit(action) is None else _back(on)


def _back(on: date) -> Any:
    return redirect(url_for("dispatch.optimise.day", day=on.isoformat()), 303)


def _on(day: str) -> date:
    on = day_of(day)
    if on is None or not can_be_shown(on):
        raise NotFound("day")
    return on


def _page(on: date, form: Form) -> Any:
    last: Planning | None = last_planning(session(), "day", on)
    page = render_template(
        "dispatch/optimise.html",
        on=on,
        moment=datetime.fromisoformat,
        is_over=on < now().astimezone(zone()).date(),
        form=form,
        last=last,
        made_by=actor_names(session(), {last.actor}).get(last.actor, "") if last else "",
        visits=to_pin(session(), on, zone()),
        watched=is_watched(session(), real_now(parts().clock)),
        most_s=MOST_S,
        least_s=LEAST_S,
    )
    return page, form.status
