"""How is a visit booked while the customer is on the phone?"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, redirect, render_template, request, url_for

from app import i18n
from app.errors import Invalid
from app.models import Visit
from app.operations.agreement import offer_when_booked
from app.operations.appointment import book as book_appointment
from app.operations.booking import LONGEST_NOTE
from app.operations.customer import NewSite, add_site, create_customer, customers_found
from app.operations.locating import usual_place
from app.operations.policy import current_policy
from app.operations.service import service_choices
from app.operations.slots import Offers, check_risk
from app.operations.technician import technician_choices
from app.operations.visit import visit_in_words
from app.providers.geocode_nominatim import GeocoderSilent, Place
from app.rules.booking import LONGEST_VISIT_MIN
from app.rules.calendar import over_midnight
from app.web.dispatch.estimates import estimated, totals_of
from app.web.dispatch.offers import HALVES, SPANS_DAYS, WINDOWS_MIN, filled
from app.web.dispatch.offers import found as found_offers
from app.web.forms import Form, row_number
from app.web.limits import limiter
from app.web.visitor import end_session, locale, needs, now, parts, session, signed_in, telling, zone

blueprint = Blueprint("booking", __name__)

#: Of `who`, the choice of the form: a customer with a site, a customer with a new site, or a new customer.
NEW = "new"


@blueprint.get("/visits/new")
@needs("dispatch")
def new_visit() -> Any:
    """Show the form for a new visit."""
    today = now().astimezone(zone()).date()
    begins = {
        "on": request.args.get("on") or today.isoformat(),
        "language": "ja",
        "who": request.args.get("who", ""),
        "remind": "1",
    }
    return _page(Form(begins={**begins, "find": request.args.get("find", "")}))


@blueprint.post("/visits/new")
@needs("dispatch")
def book() -> Any:
    """Book the visit; without scripts the form's own buttons also look customers and addresses up here."""
    form = Form(request.form)
    if form.value("step") in ("find_customer", "show_price"):
        return _page(form)
    if form.value("offer"):
        return _page(Form({**request.form, **filled(form)}))
    if form.value("step") == "find_offers":
        return _page(form, offers=found_offers(form))
    if form.value("step") == "find_place":
        return _page(form, place=_look_up(form, form.text("address")))
    booked = form.submit(lambda: _book(form))
    if booked is None:
        name_clash(form)
        return _page(form)
    on = booked.planned_from_at.astimezone(zone()).date().isoformat()
    return redirect(url_for("dispatch.board", on=on, visit=booked.id), 303)


@blueprint.get("/visits/new/customers")
@needs("dispatch")
def customers() -> Any:
    """Answer with the customers that a name or number finds, to choose from."""
    form = Form(request.args)
    people = technician_choices(session())
    return render_template("dispatch/_customers_found.html", form=form, found=_found(form), technicians=people)


@blueprint.get("/geocode")
@needs("dispatch")
@limiter.limit("60 per minute")
def geocode() -> Response | tuple[Response, int]:
    """Answer where an address is: `{"lat", "lon", "name"}`, 404 when it is unknown, 503 when the service is silent."""
    form = Form(request.args)
    place = _look_up(form, form.text("q", needed=True))
    if place is not None:
        return jsonify(lat=place.lat, lon=place.lon, name=place.name)
    code = next(iter(form.problems.values())).code
    status = {"address_unknown": 404, "geocoder_silent": 503}.get(code, 422)
    return jsonify(code=code, message=i18n.t(f"problem.{code}", locale())), status


def _look_up(form: Form, address: str) -> Place | None:
    """Ask the geocoder, with no transaction open while it takes its time; what is wrong is noted at the address."""
    end_session(commit=False)
    if not address:
        form.wrong("address", "missing")
        return None
    try:
        place = parts().geocoder.find(address, language=locale())
    except GeocoderSilent:
        form.wrong("address", "geocoder_silent")
        return None
    if place is None:
        form.wrong("address", "address_unknown")
    return place


def _book(form: Form) -> Visit:
    on = form.day("on")
    from_at = form.instant("promised_from", on, zone())
    until_at = form.instant("promised_until", on, zone(), needed=False) or from_at
    service_id, technician_id = form.row("service", needed=True), form.row("technician")
    second_id = form.row("second_technician")
    minutes = form.whole("duration_min", least=1, most=LONGEST_VISIT_MIN, needed=False)
    note = form.text("note", most=LONGEST_NOTE)
    if not form.value("who"):
        form.wrong("who", "choose")
    ids = form.take(lambda: _customer_and_site(form))
    form.check()
    assert ids is not None
    assert from_at is not None
    assert until_at is not None
    assert service_id is not None
    booked = book_appointment(
        session(),
        zone=zone(),
        remind=form.ticked("remind"),
        customer_id=ids[0],
        site_id=ids[1],
        service_id=service_id,
        promised_from_at=from_at,
        promised_until_at=over_midnight(from_at, until_at),
        duration_min=minutes,
        technician_id=technician_id,
        second_technician_id=second_id,
        now=now(),
        actor=signed_in().name,
        note=note,
        hold=form.optional("hold"),
        insist=form.ticked("outside"),
        short_handed=form.ticked("alone"),
    )
    if not form.ticked("insist"):
        check_risk(session(), booked, zone(), now())
    if form.value("step") == "book_and_quote":
        _offer(booked)
    return booked


def _offer(booked: Visit) -> None:
    """Make and send the quote for what was booked; where there is no price, say so at the price."""
    who = signed_in()
    try:
        offer_when_booked(session(), booked, telling(), role=who.role, now=now(), actor=who.name)
    except Invalid:
        raise Invalid.one("quote", "no_quote") from None


def _customer_and_site(form: Form) -> tuple[int, int] | None:
    """Return who is visited where, adding what is new. Raises Invalid naming the fields."""
    customer_id, _, site_id = form.value("who").partition(":")
    if customer_id != NEW and site_id != NEW:
        return _number(customer_id), _number(site_id)
    position = form.position() or (None, None)
    site = NewSite(form.text("address", needed=True), *position)
    if customer_id != NEW:
        return _number(customer_id), add_site(session(), _number(customer_id), site).id
    customer = form.take(
        lambda: create_customer(
            session(),
            name=form.text("name"),
            now=now(),
            country=parts().settings.country,
            kind=form.value("kind") or "individual",
            language=form.value("language") or locale(),
            mobile=form.optional("mobile"),
            phone=form.optional("phone"),
            email=form.optional("email"),
        )
    )
    return (customer.id, add_site(session(), customer.id, site).id) if customer and not form.problems else None


def _number(typed: str) -> int:
    number = row_number(typed)
    if number is None:
        raise Invalid.one("who", "unknown")
    return number


def name_clash(form: Form) -> None:
    """Tell at the time itself what stands in the way: whose visit, when and at which customer."""
    refusal = form.refusal
    if refusal is not None and refusal.code == "held":
        form.wrong("promised_from", "held")
    if refusal is not None and refusal.code == "needs_two":
        form.wrong("second_technician", "needs_two")
    if refusal is not None and refusal.code == "closed":
        note = str(refusal.facts["note"])
        form.wrong("promised_from", f"closed_{refusal.facts['why']}{'_note' if note else ''}", note=note)
    if refusal is None or refusal.code not in ("overlap", "unreachable"):
        return
    other = visit_in_words(session(), int(refusal.facts.get("visit") or 0))
    if other is None:
        return
    window = i18n.window_words(other.planned_from_at, other.planned_until_at, zone())
    facts = {"technician": other.technician, "customer": other.customer, "window": window}
    if refusal.code == "overlap":
        form.wrong("promised_from", "taken", **facts)
    else:
        form.wrong("promised_from", "too_far", short_min=refusal.facts["short_min"], **facts)


def _found(form: Form) -> Any:
    chosen = form.value("who").partition(":")[0]
    return customers_found(
        session(),
        form.value("find").strip(),
        also=row_number(chosen),
        limit=8,
    )


def _page(form: Form, *, place: Place | None = None, offers: Offers | None = None) -> Any:
    page = render_template(
        "dispatch/new_visit.html",
        form=form,
        place=place,
        offers=offers,
        totals=totals_of(form.again(), offers),
        windows_min=WINDOWS_MIN,
        halves=HALVES,
        spans_days=SPANS_DAYS,
        found=_found(form),
        services=service_choices(session()),
        policy=current_policy(session()),
        technicians=technician_choices(session()),
        tiles=parts().settings.map_tiles_url,
        centre=usual_place(session()),
        **estimated(form.again()),
    )
    return page, form.status if form.value("step") in ("book", "book_and_quote") else 200
