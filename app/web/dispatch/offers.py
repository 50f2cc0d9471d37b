"""Which times can be offered to the customer on the phone, and how is one kept while she thinks?"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, Response, jsonify, render_template, request

from app import i18n
from app.errors import AppError, Invalid
from app.operations.hold import hold_time, let_go
from app.operations.slots import Offers, shortlist, time_to_work
from app.web.dispatch.estimates import totals_of
from app.web.dispatch.typed import typed_customer, typed_place
from app.web.forms import Form
from app.web.visitor import end_session, locale, needs, now, parts, session, signed_in, zone

blueprint = Blueprint("offers", __name__)

#: Minutes that a promise may be wide, hours of a day, and days to search in, as the form offers them.
WINDOWS_MIN = (0, 30, 120)
HALVES = {"": (0.0, 24.0), "morning": (0.0, 12.0), "afternoon": (12.0, 24.0)}
SPANS_DAYS = (3, 7, 14)
#: As many as are read out on the telephone.
MOST_OFFERS = 8


@blueprint.get("/visits/new/offers")
@needs("dispatch")
def offers() -> Any:
    """Answer with the times that can be offered for what was typed so far."""
    form = Form(request.args)
    listed = found(form)
    return render_template("dispatch/_offers.html", form=form, offers=listed, totals=totals_of(form.again(), listed))


@blueprint.post("/visits/new/holds")
@needs("dispatch")
def hold() -> Response | tuple[Response, int]:
    """Keep an offered time, and let go of the one kept before: `{"hold", "until"}`; 409 when it is gone by now."""
    form = Form(request.form)
    let_go(session(), form.value("hold"))
    try:
        kept = _hold(form)
    except AppError as error:
        known = i18n.has(f"error.{error.code}", locale())
        said = i18n.t(f"error.{error.code}" if known else "error.invalid", locale(), **error.facts)
        return jsonify(message=said), error.status
    return jsonify(hold=kept.token, until=i18n.time_words(kept.expires_at, zone()))


def found(form: Form) -> Offers | None:
    """Return the times to offer; None when not enough was typed, which is noted in the form."""
    service_id, place = form.row("service", needed=True), typed_place(form)
    on = form.day("on")
    minutes = form.whole("duration_min", least=1, most=24 * 60, needed=False)
    if place is None:
        form.wrong("offers", "no_position")
    if form.problems or service_id is None or place is None or on is None:
        return None
    begins_at = datetime(on.year, on.month, on.day, tzinfo=zone())
    days = int(_chosen(form, "span", [str(days) for days in SPANS_DAYS]))
    try:
        listed = shortlist(
            session(),
            service_id=service_id,
            lat=place[0],
            lon=place[1],
            from_at=max(begins_at, now()),
            until_at=max(begins_at, now()) + timedelta(days=days),
            now=now(),
            zone=zone(),
            duration_min=minutes,
            window_min=int(_chosen(form, "window", [str(minutes) for minutes in WINDOWS_MIN])),
            hours=HALVES[_chosen(form, "half", list(HALVES))],
            customer_id=typed_customer(form),
            technicians=2 if form.value("second_technician") else None,
            most=MOST_OFFERS,
            routed=parts().router is not None,
        )
    except Invalid as error:
        for problem in error.problems:
            form.wrong(problem.field, problem.code, **problem.facts)
        return None
    end_session(commit=False)  # nothing waits for a router
    return listed.offers(parts().router)


def filled(form: Form) -> dict[str, str]:
    """Return the fields of the form that an offer fills in, when its button was pressed without scripts."""
    parts = form.value("offer").split("|")
    return dict(zip(("technician", "on", "promised_from", "promised_until", "second_technician"), parts, strict=False))


def _hold(form: Form) -> Any:
    technician_id, service_id = form.row("technician", needed=True), form.row("service", needed=True)
    starts_at = form.instant("promised_from", form.day("on"), zone())
    minutes = form.whole("duration_min", least=1, most=24 * 60, needed=False)
    place = typed_place(form)
    form.check()
    assert technician_id is not None
    assert service_id is not None
    assert starts_at is not None
    return hold_time(
        session(),
        technician_id=technician_id,
        second_technician_id=form.row("second_technician"),
        starts_at=starts_at,
        duration_min=time_to_work(session(), service_id, minutes),
        lat=place[0] if place else None,
        lon=place[1] if place else None,
        now=now(),
        actor=signed_in().name,
    )


def _chosen(form: Form, name: str, choices: list[str]) -> str:
    return form.value(name) if form.value(name) in choices else choices[0]
