"""What is known of one visit, and what can the office do about it?"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, cast

from flask import Blueprint, redirect, render_template, request, url_for

from app.explain.pictures import visit_picture
from app.explain.visit import answer
from app.models import Alarm, Notice, Visit
from app.operations.addition import Added, added_to, photo_of
from app.operations.agreement import agreement_of, offer_price
from app.operations.alarm import clear_alarm
from app.operations.bill import BILLED
from app.operations.booking import LONGEST_NOTE
from app.operations.called_off import call_off_at_desk, fee_left, owed_now, role_may_waive, waive_fee
from app.operations.consent import ways_to
from app.operations.consequences import Aim, carry_out
from app.operations.cooling_off import contracts_of
from app.operations.field import report_eta, report_status, undo_status
from app.operations.history import read_history
from app.operations.invoice import accounts_of
from app.operations.notice import release_notice, settle_by_hand
from app.operations.plan import rest_of
from app.operations.proposal import open_question, take_back
from app.operations.repair import Repairs, accept_offer, ask_for_offer, offers_for
from app.operations.technician import technician_choices
from app.operations.technician_state import Doing, read_doings
from app.rules.board import RISKY
from app.rules.helper import REACH_M
from app.rules.visit import AWAITED, change_allowed
from app.web.belongs import check_of_visit
from app.web.dispatch.booking import name_clash
from app.web.dispatch.moves import aim_of, message_of, telling_choices
from app.web.forms import Form
from app.web.pictures import picture_reply
from app.web.visitor import locale, needs, now, parts, session, signed_in, telling, zone

blueprint = Blueprint("visits", __name__)

#: What a technician tells the office by word of mouth.
OFFICE_MAY_SAY = ("en_route", "arrived", "completed", "no_access")


@blueprint.get("/visits/<int:visit_id>")
@needs("dispatch")
def visit(visit_id: int) -> Any:
    """Show everything known of a visit, and what can be done with it."""
    return _visit(visit_id)


@blueprint.post("/visits/<int:visit_id>/move")
@needs("dispatch")
def move(visit_id: int) -> Any:
    """Give a visit another promise, technician or duration."""
    form = Form(request.form)
    aim, message, version = form.take(lambda: aim_of(form)), message_of(form), form.row("version", needed=True)
    wish: dict[str, Any] = {
        "now": now(),
        "actor": signed_in().name,
        "version": version,
        "outside": form.ticked("outside"),
        "insist": form.ticked("insist"),
        "note": form.text("note", most=LONGEST_NOTE),
    }
    return _done(visit_id, form, "move", lambda: carry_out(session(), visit_id, cast(Aim, aim), message, **wish))


@blueprint.post("/visits/<int:visit_id>/cancel")
@needs("dispatch")
def cancel(visit_id: int) -> Any:
    """Cancel a visit, with the reason."""
    form = Form(request.form)
    reason, version, message = form.text("reason", needed=True), form.row("version", needed=True), message_of(form)
    seen = form.whole("fee", least=0, most=2**31 - 1, needed=False)
    wish: dict[str, Any] = {"now": now(), "actor": signed_in().name, "version": version, "reason": reason}
    wish |= {"seen": seen or 0, "waive": form.text("waive"), "role": signed_in().role}
    return _done(visit_id, form, "cancel", lambda: call_off_at_desk(session(), visit_id, message, **wish))


@blueprint.post("/visits/<int:visit_id>/fee/waive")
@needs("dispatch")
def waive(visit_id: int) -> Any:
    """Let the customer off the fee of a visit that is called off already."""
    form, who = Form(request.form), signed_in()
    wish: dict[str, Any] = {"role": who.role, "now": now(), "actor": who.name}
    return _done(visit_id, form, "fee", lambda: waive_fee(session(), visit_id, form.text("waive"), **wish))


@blueprint.post("/visits/<int:visit_id>/status")
@needs("dispatch")
def set_status(visit_id: int) -> Any:
    """Record by the office what the technician reports by word of mouth."""
    form = Form(request.form)
    status = form.one_of("status", OFFICE_MAY_SAY)
    at = form.instant("at", now().astimezone(zone()).date(), zone(), needed=False)
    return _done(
        visit_id,
        form,
        "status",
        lambda: report_status(session(), visit_id, status, now=now(), actor=signed_in().name, by="office", at=at),
    )


@blueprint.post("/visits/<int:visit_id>/undo")
@needs("dispatch")
def undo(visit_id: int) -> Any:
    """Take the latest step back."""
    form = Form(request.form)
    return _done(visit_id, form, "status", lambda: undo_status(session(), visit_id, now=now(), actor=signed_in().name))


@blueprint.post("/visits/<int:visit_id>/eta")
@needs("dispatch")
def set_eta(visit_id: int) -> Any:
    """Record the arrival that the technician told by phone."""
    form = Form(request.form)
    eta = form.instant("eta", now().astimezone(zone()).date(), zone())
    if eta is not None and eta < now() - timedelta(hours=12):
        eta += timedelta(days=1)  # said before midnight of a time after it
    return _done(
        visit_id,
        form,
        "eta",
        lambda: report_eta(session(), visit_id, cast(datetime, eta), now=now(), actor=signed_in().name),
    )


@blueprint.post("/visits/<int:visit_id>/repair")
@needs("dispatch")
def repair(visit_id: int) -> Any:
    """Do what an offer says that would save the visit."""
    form = Form(request.form)
    key, version = form.text("offer", needed=True), form.row("version", needed=True)
    accept = partial(accept_offer, now=now(), telling=telling(), actor=signed_in().name, agreed=form.ticked("agreed"))
    return _done(visit_id, form, "repair", lambda: accept(session(), visit_id, key, version=version))


@blueprint.post("/visits/<int:visit_id>/ask")
@needs("dispatch")
def ask_customer(visit_id: int) -> Any:
    """Ask the customer by link whether the later time of an offer suits her."""
    form = Form(request.form)
    key, version = form.text("offer", needed=True), form.row("version", needed=True)
    ask = partial(ask_for_offer, now=now(), telling=telling(), actor=signed_in().name, reason=form.text("reason"))
    return _done(visit_id, form, "repair", lambda: ask(session(), visit_id, key, version=version))


@blueprint.post("/visits/<int:visit_id>/ask/back")
@needs("dispatch")
def take_question_back(visit_id: int) -> Any:
    """Take back what the customer was asked: the promise stands."""
    form = Form(request.form)
    return _done(visit_id, form, "ask", lambda: take_back(session(), visit_id, now=now(), actor=signed_in().name))


@blueprint.post("/visits/<int:visit_id>/price")
@needs("dispatch")
def ask_price(visit_id: int) -> Any:
    """Ask the customer whether she agrees to the price as it is planned now."""
    form, who = Form(request.form), signed_in()
    ask = partial(offer_price, now=now(), role=who.role, actor=who.name)
    return _done(visit_id, form, "price", lambda: ask(session(), visit_id, telling()))


@blueprint.post("/visits/<int:visit_id>/alarms/<int:alarm_id>/clear")
@needs("dispatch")
def clear_here(visit_id: int, alarm_id: int) -> Any:
    """Take a line off the attention list from the visit's own page."""
    check_of_visit(visit_id, Alarm, alarm_id)
    clear_alarm(session(), alarm_id, now(), signed_in().name)
    return _back(visit_id)


@blueprint.get("/visits/<int:visit_id>/photos/<int:photo_id>")
@needs("dispatch")
def photo(visit_id: int, photo_id: int) -> Any:
    """Show a photo of the customer's."""
    return picture_reply(photo_of(session(), visit_id, photo_id))


@blueprint.post("/visits/<int:visit_id>/notices/<int:notice_id>/release")
@needs("dispatch")
def release(visit_id: int, notice_id: int) -> Any:
    """Word a held or failed notice anew and have it sent."""
    check_of_visit(visit_id, Notice, notice_id)
    form = Form(request.form)
    return _done(
        visit_id, form, "notices", lambda: release_notice(session(), notice_id, now(), signed_in().name, telling())
    )


@blueprint.post("/visits/<int:visit_id>/notices/<int:notice_id>/settle")
@needs("dispatch")
def settle(visit_id: int, notice_id: int) -> Any:
    """Record that the customer was told by phone, or will not be told."""
    check_of_visit(visit_id, Notice, notice_id)
    form = Form(request.form)
    told = form.one_of("told", ("yes", "no")) == "yes"
    return _done(visit_id, form, "notices", lambda: settle_by_hand(session(), notice_id, told, now(), signed_in().name))


def _done(visit_id: int, form: Form, part: str, action: Callable[[], object]) -> Any:
    """Run an action on a visit and go back to it; a refusal shows it again, with what was typed in that part."""
    if form.submit(action) is None:
        name_clash(form)
        return _visit(visit_id, form, part)
    return _back(visit_id)


def _back(visit_id: int) -> Any:
    return redirect(url_for("dispatch.visits.visit", visit_id=visit_id, part=request.args.get("part")), 303)


def _visit(visit_id: int, form: Form | None = None, part: str = "") -> Any:
    history = read_history(session(), visit_id, now())
    in_drawer = request.args.get("part") == "drawer"
    page = render_template(
        "dispatch/_visit.html" if in_drawer else "dispatch/visit.html",
        history=history,
        visit=history.visit,
        added=added_to(session(), [visit_id]).get(visit_id, Added()),
        short_rest=rest_of(session(), history.visit, zone(), now()),
        answer=answer(history, locale(), zone()),
        doing=_doing(history.visit),
        picture=visit_picture(history, zone(), locale()),
        form=form if form is not None else Form(),
        move=form if form is not None and part == "move" else Form(begins=_as_typed(history.visit)),
        wrong_part=part,
        in_drawer=in_drawer,
        technicians=technician_choices(session(), history.visit.technician_id),
        may_say=[status for status in OFFICE_MAY_SAY if change_allowed(history.visit.status, status)],
        may_undo=history.visit.status not in ("booked", "cancelled"),
        repairs=_repairs(history.visit),
        **telling_choices(history.visit),
        asked=open_question(session(), visit_id),
        agreement=agreement_of(session(), history.visit, now()),
        ways=ways_to(session(), history.visit.customer, parts().channels),
        owed=owed_now(session(), history.visit, now()) if history.visit.is_open else None,
        fee=fee_left(session(), history.visit),
        may_waive=role_may_waive(session(), history.visit, signed_in().role),
        papers=accounts_of(session(), visit_id) if history.visit.status in BILLED else (),
        contracts=contracts_of(session(), visit_id, zone()),
        reach_km=round(REACH_M["car"] / 1000),
    )
    return page, 200 if form is None else form.status


def _repairs(seen: Visit) -> Repairs | None:
    """Return what could save a visit that is likely late; None when it is not."""
    if seen.status not in AWAITED or (seen.late_probability or 0.0) < RISKY:
        return None
    return offers_for(session(), seen.id, now(), zone())


def _doing(seen: Visit) -> Doing | None:
    """Return what the technician of a visit that is not over is doing."""
    if seen.technician_id is None or not seen.is_open:
        return None
    return read_doings(session(), [seen.technician_id], now()).get(seen.technician_id)


def _as_typed(seen: Visit) -> dict[str, Any]:
    """Return a visit's changeable facts as somebody would type them."""
    from_at, until_at = (at.astimezone(zone()) for at in (seen.promised_from_at, seen.promised_until_at))
    return {
        "on": from_at.date().isoformat(),
        "promised_from": f"{from_at:%H:%M}",
        "promised_until": f"{until_at:%H:%M}" if until_at != from_at else "",
        "technician": seen.technician_id,
        "second_technician": seen.second_technician_id or "",
        "duration_min": seen.duration_min,
        "note": seen.note,
        "version": seen.version,
    }
