"""What would follow if a visit were moved, and how is it moved from the board?"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, cast

from flask import Blueprint, redirect, render_template, request, url_for

from app import i18n
from app.errors import Conflict, Invalid, Stale
from app.models import Visit
from app.operations.agreement import PriceChange, price_change
from app.operations.appointment import LONGEST_REASON, LONGEST_WHY, SIDES, WAYS, Message, asked_by
from app.operations.consequences import ASK, Aim, Consequences, carry_out, dropped, dropped_beside, read_consequences
from app.operations.policy import current_policy
from app.operations.quote import quotes_of
from app.operations.visit import find_visit
from app.rules.booking import LONGEST_VISIT_MIN
from app.rules.calendar import over_midnight
from app.web.forms import Form
from app.web.visitor import needs, now, parts, session, signed_in, telling, zone

blueprint = Blueprint("moves", __name__)

#: Reasons of ours that are offered to whoever moves or cancels a visit, in the customer's language.
_USUAL_REASONS = ("ran_long", "ill", "weather", "vehicle", "parts")


@blueprint.get("/visits/<int:visit_id>/foreseen")
@needs("dispatch")
def foreseen(visit_id: int) -> Any:
    """Answer with what would follow from what is typed into a visit's form; with nothing while it says nothing yet."""
    form, visit = Form(request.args), find_visit(session(), visit_id)
    aim = form.take(lambda: aim_of(form))
    seen = _read(visit, aim) if aim is not None and not form.problems else None
    changes = seen is not None and seen.changes
    return render_template(
        "dispatch/_foreseen.html", seen=seen if changes else None, costs=_costs(seen) if seen and changes else None
    )


@blueprint.get("/visits/<int:visit_id>/place")
@needs("dispatch")
def panel(visit_id: int) -> Any:
    """Answer with what would follow if a visit were put down at a technician and a moment, and how to have it so."""
    form, carried = Form(request.args), find_visit(session(), visit_id)
    # The second technician's time is no visit of its own: both go where it is put down.
    visit = carried if carried.beside_id is None else find_visit(session(), carried.beside_id)
    aim = _dropped(form, visit, beside=carried is not visit)
    if form.row("version") not in (None, carried.version):
        form.refusal = Stale("visit_changed", version=visit.version)
    return _panel(form, visit, aim, "" if carried is visit else "second")


@blueprint.post("/visits/<int:visit_id>/place")
@needs("dispatch")
def place(visit_id: int) -> Any:
    """Put a visit down there; a refusal shows the panel again with what has changed meanwhile."""
    form = Form(request.form)
    message, version, insist = message_of(form), form.row("version", needed=True), form.ticked("insist")
    wish: dict[str, Any] = {"now": now(), "actor": signed_in().name, "version": version, "outside": insist}
    part = "second" if form.value("part") == "second" else ""
    aim = _dropped(form, find_visit(session(), visit_id), beside=part == "second")
    act: Callable[[], Visit] = lambda: carry_out(session(), visit_id, aim, message, insist=insist, **wish)  # noqa: E731
    if form.submit(act) is None:
        return _panel(form, find_visit(session(), visit_id), aim, part)
    return redirect(url_for("dispatch.visits.visit", visit_id=visit_id), 303)


def aim_of(form: Form) -> Aim:
    """Return what somebody typed into a visit's form. Raises Invalid naming the fields."""
    on = form.day("on")
    from_at = form.instant("promised_from", on, zone())
    until_at = form.instant("promised_until", on, zone(), needed=False) or from_at
    minutes = form.whole("duration_min", least=1, most=LONGEST_VISIT_MIN)
    technician_id = form.row("technician")
    form.check()
    begins_at, ends_at = cast(datetime, from_at), cast(datetime, until_at)
    promised = begins_at, over_midnight(begins_at, ends_at)
    return Aim(technician_id, promised, cast(int, minutes), second_id=form.row("second_technician"))


def message_of(form: Form) -> Message:
    """Return how the customer is to learn of what is changed here; who is not told is not told for a reason."""
    way = form.one_of("tell", (*WAYS, ASK)) if form.value("tell") else None
    why = form.text("tell_why", most=LONGEST_WHY)
    if way == "no" and not why and current_policy(session()).tell_changes:
        form.wrong("tell_why", "missing")
    side = form.one_of("side", SIDES) if form.value("side") else None
    reason = form.text("told_reason", most=LONGEST_REASON)
    return Message(telling(), way, why, side, reason, asks_price=form.ticked("ask_price"))


def telling_choices(visit: Visit) -> dict[str, Any]:
    """Return what the form begins with that asks how the customer is told of a change."""
    return {
        "usual_reasons": [i18n.t(f"visit.reason_{name}", visit.customer.language) for name in _USUAL_REASONS],
        "price_asked": bool(quotes_of(session(), visit.id)),
        "usual_side": asked_by(session(), visit.id),
        "usual_way": "send" if current_policy(session()).tell_changes else "no",
    }


def _dropped(form: Form, visit: Visit, *, beside: bool) -> Aim:
    """Return where a visit was put down: `technician` (empty: nobody yet) and `at`, an instant with its offset."""
    try:
        at = datetime.fromisoformat(form.text("at", needed=True))
    except ValueError:
        raise Invalid.one("at", "instant") from None
    if at.tzinfo is None or not 2000 <= at.year < 2200:
        raise Invalid.one("at", "instant")
    return (dropped_beside if beside else dropped)(visit, form.row("technician"), at)


def _read(visit: Visit, aim: Aim) -> Consequences:
    return read_consequences(session(), visit, aim, zone(), now(), parts().channels)


def _costs(seen: Consequences) -> PriceChange | None:
    starts_at, ends_at = seen.after.planned
    minutes = int((ends_at - starts_at) / timedelta(minutes=1))
    return price_change(
        session(), seen.visit, start_at=starts_at, minutes=minutes, technician_id=seen.after.technician_id
    )


def _panel(form: Form, visit: Visit, aim: Aim, part: str) -> Any:
    seen = _read(visit, aim)
    stale = isinstance(form.refusal, Conflict | Stale) and form.refusal.code == "visit_changed"
    page = render_template(
        "dispatch/_place_panel.html",
        form=form,
        visit=visit,
        seen=seen,
        costs=_costs(seen) if seen.changes and not stale else None,
        stale=stale,
        part=part,
        **telling_choices(visit),
    )
    return page, form.status
