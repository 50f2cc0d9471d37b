"""Visits and what was told about them, for other programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from app.errors import Invalid, Problem
from app.models import Notice, Visit
from app.operations.appointment import Message, book, change
from app.operations.called_off import call_off_at_desk, owed_now, waive_fee
from app.operations.consequences import ASK, Aim, ask_first
from app.operations.field import report_eta, report_status
from app.operations.visit import find_visit, list_notices, list_visits
from app.web.api.forms import EtaIn, NoticesOut, StatusIn, VisitIn, VisitOut, VisitPatch, VisitsIn, VisitsOut
from app.web.api.forms_invoices import CancellationOut, WaiverIn
from app.web.api.gate import blueprint, etag, wanted_version
from app.web.api.reading import PageIn
from app.web.visitor import needs, now, parts, session, signed_in, telling, zone

Shown = tuple[dict[str, Any], dict[str, str]]


@blueprint.post("/visits")
@needs("dispatch")
@blueprint.input(VisitIn)
@blueprint.output(VisitOut, status_code=201)
@blueprint.doc(tags=["Visits"])
def create_visit(json_data: VisitIn) -> Shown:
    """Book a visit; it is planned at its technician's first free start within the promise.

    409 when the technician is taken (`overlap`) or cannot get there from the visit before, or from there to the visit
    after (`unreachable`); `facts` names the visit that stands in the way. `held`: the time is kept for somebody else;
    who keeps it books it with the `hold`. `closed`: nobody works then, by stated hours, days off or holidays (`why`:
    hours, absent, company, holiday, length: the day would become too long); with `insist` it is booked all the same.
    A `second_technician` must be free and able to be there as well; `needs_two`: the service needs one.

    With `remind` (the default) the customer is reminded of it as the company has set: the day before, some hours
    before, and when the technician sets out.
    """
    wish = json_data
    visit = book(
        session(),
        zone=zone(),
        remind=wish.remind,
        customer_id=wish.customer,
        site_id=wish.site,
        service_id=wish.service,
        technician_id=wish.technician,
        second_technician_id=wish.second_technician,
        promised_from_at=wish.promised_from,
        promised_until_at=wish.promised_until,
        duration_min=wish.duration_min,
        note=wish.note,
        hold=wish.hold,
        insist=wish.insist,
        short_handed=wish.insist,
        now=now(),
        actor=signed_in().name,
    )
    return shown(visit)


@blueprint.get("/visits")
@needs("dispatch")
@blueprint.input(VisitsIn, location="query")
@blueprint.output(VisitsOut)
@blueprint.doc(tags=["Visits"])
def list_all(query_data: VisitsIn) -> dict[str, Any]:
    """List visits in the order of their plan."""
    page = list_visits(
        session(),
        on=query_data.date,
        technician_id=query_data.technician,
        zone=zone(),
        limit=query_data.limit,
        cursor=query_data.cursor,
    )
    return {"items": [_visit(visit) for visit in page.items], "next": page.next}


@blueprint.get("/visits/<int:visit_id>")
@needs("dispatch")
@blueprint.output(VisitOut)
@blueprint.doc(tags=["Visits"])
def get_visit(visit_id: int) -> Shown:
    """Return a visit with its forecast."""
    return shown(find_visit(session(), visit_id))


@blueprint.patch("/visits/<int:visit_id>")
@needs("dispatch")
@blueprint.input(VisitPatch)
@blueprint.output(VisitOut)
@blueprint.doc(tags=["Visits"])
def patch_visit(visit_id: int, json_data: VisitPatch) -> Shown:
    """Move, reassign or cancel a visit.

    With `If-Match: "VERSION"` the change is refused (412) when somebody changed the visit meanwhile. Moving only
    `promised_from` keeps the length of the window.

    The customer is told of another time, of another technician than she was told of, and that nobody comes. `tell`
    says otherwise: `told` when somebody has told her already, `no` when she is not to be told; `tell_why` is kept.
    With `ask` nothing moves yet: she gets one message with a link, the time is kept free for her, the promise stands
    until she says yes, and a person calls when she does not answer (409 `asked_already`, `too_late_to_ask`,
    `cannot_be_asked`). Without `insist` she is not asked about what the form warns of: `closed`, `needs_two`,
    `no_skill`, `unwanted` (she does not want that technician again), `risky` (a visit is likely late then).
    What is our doing (`side`) she reads with an apology, and with our reason where `told_reason` gives one; she owes
    nothing for a visit that is cancelled by `us`, and otherwise what `GET …/cancellation` says.
    """
    given = {name: getattr(json_data, name) for name in json_data.model_fields_set - _TO_HER}
    common: dict[str, Any] = {"now": now(), "actor": signed_in().name, "version": wanted_version()}
    message = Message(telling(), json_data.tell, json_data.tell_why, json_data.side, json_data.told_reason)
    if "status" in given:
        _refuse(sorted(given.keys() - {"status", "reason"}), "extra")
        return shown(_cancel(visit_id, message, reason=json_data.reason, version=common["version"]))
    _refuse(["reason"] if "reason" in given else [] if given else ["body"], "extra" if given else "missing")
    if json_data.tell == ASK:
        _refuse(sorted(given.keys() - _ASKED), "extra")
        visit = find_visit(session(), visit_id)
        insist = bool(json_data.insist)
        ask_first(session(), visit, _aim(visit, given), message, outside=insist, insist=insist, **common)
        return shown(visit)
    unassign = "technician" in given and given["technician"] is None
    if "second_technician" in given and given["second_technician"] is None:
        given["alone"] = True
    renamed = {_COLUMNS.get(name, name): value for name, value in given.items()}
    renamed |= {"unassign": unassign, "short_handed": bool(json_data.insist)}
    return shown(change(session(), visit_id, message, **renamed, **common))


@blueprint.get("/visits/<int:visit_id>/cancellation")
@needs("dispatch")
@blueprint.output(CancellationOut)
@blueprint.doc(tags=["Visits"])
def get_cancellation(visit_id: int) -> dict[str, Any]:
    """Return what calling the visit off by its customer's wish would cost her now; by our own doing it is nothing."""
    visit = find_visit(session(), visit_id)
    owed = owed_now(session(), visit, now()) if visit.is_open else None
    return {"known": owed is not None, **(asdict(owed) if owed is not None else {})}


@blueprint.post("/visits/<int:visit_id>/cancellation/waiver")
@needs("dispatch")
@blueprint.input(WaiverIn)
@blueprint.output({}, status_code=204)
@blueprint.doc(tags=["Visits"])
def create_waiver(visit_id: int, json_data: WaiverIn) -> str:
    """Let the customer off the fee of a visit that was called off or found nobody; the history says why.

    403 when the role's discount limit is not all of a price. 409 `nothing_owed`, `already_invoiced`.
    """
    who = signed_in()
    waive_fee(session(), visit_id, json_data.reason, role=who.role, now=now(), actor=who.name)
    return ""


def _cancel(visit_id: int, message: Message, *, reason: str = "", version: int | None = None) -> Visit:
    """Cancel a visit; what its customer owes for that is kept with it, and shown by `GET …/cancellation` before."""
    who = signed_in()
    wish: dict[str, Any] = {"reason": reason, "version": version, "role": who.role, "now": now(), "actor": who.name}
    return call_off_at_desk(session(), visit_id, message, seen=None, **wish)


@blueprint.post("/visits/<int:visit_id>/status")
@needs("dispatch")
@blueprint.input(StatusIn)
@blueprint.output(VisitOut)
@blueprint.doc(tags=["Visits"])
def create_status(visit_id: int, json_data: StatusIn) -> Shown:
    """Report what has happened; steps may be left out, and what is over stays over.

    `cancelled` does what `PATCH` does: `side` says whose doing it is, and thereby whether the customer owes a fee.
    """
    if json_data.status == "cancelled":
        message = Message(telling(), side=json_data.side, reason=json_data.told_reason)
        return shown(_cancel(visit_id, message, reason=json_data.reason))
    _refuse(sorted(json_data.model_fields_set & _OF_CANCELLING), "extra")
    visit = report_status(
        session(), visit_id, json_data.status, at=json_data.at, now=now(), actor=signed_in().name, by="office"
    )
    return shown(visit)


@blueprint.post("/visits/<int:visit_id>/eta")
@needs("dispatch")
@blueprint.input(EtaIn)
@blueprint.output(VisitOut)
@blueprint.doc(tags=["Visits"])
def create_eta(visit_id: int, json_data: EtaIn) -> Shown:
    """Report when the technician expects to arrive, at most 12 hours ahead."""
    visit = report_eta(session(), visit_id, json_data.eta, at=json_data.at, now=now(), actor=signed_in().name)
    return shown(visit)


@blueprint.get("/visits/<int:visit_id>/notices")
@needs("dispatch")
@blueprint.input(PageIn, location="query")
@blueprint.output(NoticesOut)
@blueprint.doc(tags=["Notices"])
def list_told(visit_id: int, query_data: PageIn) -> dict[str, Any]:
    """List every notice of a visit: what, why, by which channels, and what came of it."""
    page = list_notices(session(), visit_id, limit=query_data.limit, cursor=query_data.cursor)
    return {"items": [_notice(notice) for notice in page.items], "next": page.next}


#: What only says how the customer learns of a change.
_TO_HER = {"tell", "tell_why", "side", "told_reason"}
#: What is only said of a visit that is cancelled.
_OF_CANCELLING = {"side", "told_reason", "reason"}
#: What a customer can be asked about.
_ASKED = {"promised_from", "promised_until", "planned_from", "technician", "second_technician", "insist"}
_COLUMNS = {
    "promised_from": "promised_from_at",
    "promised_until": "promised_until_at",
    "planned_from": "planned_from_at",
    "technician": "technician_id",
    "second_technician": "second_technician_id",
}


def _aim(visit: Visit, given: dict[str, Any]) -> Aim:
    """Return what a customer is asked about; what is left out stays, moving only the start keeps the window."""
    from_at = given.get("promised_from", visit.promised_from_at)
    until_at = given.get("promised_until", visit.promised_until_at + (from_at - visit.promised_from_at))
    technician_id = given.get("technician", visit.technician_id)
    second_id = given.get("second_technician", visit.second_technician_id)
    return Aim(technician_id, (from_at, until_at), visit.duration_min, given.get("planned_from"), second_id)


def _refuse(fields: list[str], code: str) -> None:
    if fields:
        raise Invalid([Problem(field, code) for field in fields])


def shown(visit: Visit) -> Shown:
    """Return a visit as a reply, with its version."""
    return _visit(visit), etag(visit.version)


def _visit(visit: Visit) -> dict[str, Any]:
    forecast = None
    if visit.forecast_from_at is not None:
        forecast = {
            "arrives_from": visit.forecast_from_at,
            "arrives_until": visit.forecast_until_at,
            "late_probability": visit.late_probability,
            "as_of": visit.forecast_as_of_at,
            "basis": visit.forecast_basis,
            "state": visit.forecast_state,
        }
    return {
        "id": visit.id,
        "version": visit.version,
        "status": visit.status,
        "customer": visit.customer_id,
        "site": visit.site_id,
        "service": visit.service_id,
        "technician": visit.technician_id,
        "second_technician": visit.second_technician_id,
        "beside": visit.beside_id,
        "promised_from": visit.promised_from_at,
        "promised_until": visit.promised_until_at,
        "planned_from": visit.planned_from_at,
        "planned_until": visit.planned_until_at,
        "duration_min": visit.duration_min,
        "note": visit.note,
        "created_at": visit.created_at,
        "actual": visit,
        "eta_reported": visit.eta_reported,
        "eta_reported_at": visit.eta_reported_at,
        "forecast": forecast,
        "customer_url": f"{parts().settings.base_url}/v/{visit.link_token}",
    }


def _notice(notice: Notice) -> dict[str, Any]:
    own = (
        "id",
        "kind",
        "language",
        "created_at",
        "state",
        "state_reason",
        "line",
        "subject",
        "body",
        "spoken",
        "channels",
    )
    return {
        **{name: getattr(notice, name) for name in (*own, "sent_at", "delivered_at", "attempts", "receipts")},
        "reason": {"code": notice.reason_code, "facts": notice.reason_facts},
        "quoted_from": notice.quoted_from_at,
        "quoted_until": notice.quoted_until_at,
        "text": notice.short,
    }
