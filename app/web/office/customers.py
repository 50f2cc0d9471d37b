"""Whom does the company visit, and where? Customers and their sites."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import render_template, request

from app.models import Customer, Site
from app.operations.consent import LONGEST_WORDS, change_by_word, consent_history, ways_to
from app.operations.customer import (
    KINDS,
    NewSite,
    add_site,
    change_customer,
    change_site,
    create_customer,
    find_customer,
    list_customers,
)
from app.operations.history import actor_names
from app.operations.locating import usual_place
from app.operations.technician import technician_choices
from app.operations.visit import visits_of
from app.rules.quiet import WISHES
from app.rules.reach import CHANNELS
from app.web.forms import Form, row_number
from app.web.office.room import blueprint, country, known_row, place_as_typed, saved
from app.web.visitor import needs, now, parts, session, signed_in

_CUSTOMER = ("name", "kind", "language", "mobile", "phone", "email", "line_id", "notices", "first_channel")


@blueprint.get("/customers")
@needs("dispatch")
def customers() -> Any:
    """List customers, narrowed by a search."""
    asked = Form(request.args)
    page = asked.whole("page", least=1, most=100_000, needed=False) or 1
    return render_template(
        "office/customers.html", asked=asked, listed=list_customers(session(), asked.text("q"), page)
    )


@blueprint.get("/customers/new")
@needs("dispatch")
def new_customer() -> Any:
    """Show the form for a new customer."""
    form = Form(begins={"language": "ja"})
    return render_template("office/customer.html", customer=None, form=form, technicians=technician_choices(session()))


@blueprint.post("/customers/new")
@needs("dispatch")
def add_customer() -> Any:
    """Add a customer, with a first site when an address is given."""
    form = Form(request.form)
    added = form.submit(lambda: create_customer(session(), now=now(), **_customer_fields(form)))
    if added is None:
        people = technician_choices(session())
        return render_template("office/customer.html", customer=None, form=form, technicians=people), form.status
    return saved("office.customer", customer_id=added.id)


@blueprint.get("/customers/<int:customer_id>")
@needs("dispatch")
def customer(customer_id: int) -> Any:
    """Show a customer: how to reach them, where, and what was done."""
    return _customer(customer_id)


@blueprint.post("/customers/<int:customer_id>")
@needs("dispatch")
def save_customer(customer_id: int) -> Any:
    """Change a customer."""
    form = Form(request.form)
    if form.submit(lambda: change_customer(session(), customer_id, now=now(), **_customer_fields(form))) is None:
        return _customer(customer_id, form)
    return saved("office.customer", customer_id=customer_id)


@blueprint.post("/customers/<int:customer_id>/ways")
@needs("dispatch")
def change_way(customer_id: int) -> Any:
    """Close or open a way to reach a customer, on the customer's word."""
    form, actor = Form(request.form), signed_in().name
    channel, is_open = form.one_of("channel", CHANNELS), form.one_of("is_open", ("yes", "no")) == "yes"
    said = form.text("words", needed=True, most=LONGEST_WORDS)
    change = partial(change_by_word, is_open=is_open, words=said, actor=actor, now=now())
    if form.submit(lambda: change(session(), customer_id, channel) or True) is None:
        return _customer(customer_id, way_form=form, wrong_way=channel)
    return saved("office.customer", customer_id=customer_id)


@blueprint.get("/customers/<int:customer_id>/sites/new")
@needs("dispatch")
def new_site(customer_id: int) -> Any:
    """Show the form for one more site of a customer."""
    return _site(customer_id, None, Form())


@blueprint.post("/customers/<int:customer_id>/sites/new")
@needs("dispatch")
def add_new_site(customer_id: int) -> Any:
    """Add a site to a customer."""
    form = Form(request.form)
    if form.submit(lambda: add_site(session(), customer_id, _new_site(form))) is None:
        return _site(customer_id, None, form)
    return saved("office.customer", customer_id=customer_id)


@blueprint.get("/sites/<int:site_id>")
@needs("dispatch")
def site(site_id: int) -> Any:
    """Show a site, to mend its address or to set its position."""
    known = known_row(Site, site_id, "site")
    return _site(
        known.customer_id, known, Form(begins={"address": known.address, **place_as_typed(known.lat, known.lon)})
    )


@blueprint.post("/sites/<int:site_id>")
@needs("dispatch")
def save_site(site_id: int) -> Any:
    """Change a site's address and position."""
    form = Form(request.form)
    changed = form.submit(lambda: change_site(session(), site_id, _new_site(form), now()))
    if changed is None:
        known = known_row(Site, site_id, "site")
        return _site(known.customer_id, known, form)
    return saved("office.customer", customer_id=changed.customer_id)


def _customer_fields(form: Form) -> dict[str, Any]:
    facts = {name: form.text(name) for name in _CUSTOMER}
    usual = {"language": "ja", "kind": KINDS[0], "notices": WISHES[0]}
    likes = {
        "likes_time": form.text("likes_time"),
        "likes_technician": form.row("likes_technician"),
        "avoids": [*_avoided(), *(one for one in [form.row("avoids")] if one is not None)],
    }
    return {**facts, **{name: facts[name] or value for name, value in usual.items()}, **likes, "country": country()}


def _avoided() -> list[int]:
    """Return whom the form still has ticked as not wanted again."""
    numbers = (name.removeprefix("avoid-") for name in request.form if name.startswith("avoid-"))
    return [number for one in numbers if (number := row_number(one))]


def _liked(known: Customer) -> dict[str, Any]:
    return {"likes_time": known.likes_time, "likes_technician": known.likes_technician_id or ""}


def _customer(customer_id: int, form: Form | None = None, *, way_form: Form | None = None, wrong_way: str = "") -> Any:
    known, way_history = find_customer(session(), customer_id), consent_history(session(), customer_id)
    page = render_template(
        "office/customer.html",
        customer=known,
        form=form or Form(begins={**{name: getattr(known, name) for name in _CUSTOMER}, **_liked(known)}),
        technicians=technician_choices(session(), known.likes_technician_id, *known.avoids),
        visits=visits_of(session(), customer_id),
        ways=ways_to(session(), known, parts().channels),
        way_history=way_history,
        names=actor_names(session(), {entry.actor for entry in way_history}),
        way_form=way_form or Form(),
        wrong_way=wrong_way,
    )
    return page, (form or way_form or Form()).status


def _new_site(form: Form) -> NewSite:
    address, position = form.text("address", needed=True), form.position() or (None, None)
    form.check()
    return NewSite(address, *position)


def _site(customer_id: int, known: Site | None, form: Form) -> Any:
    page = render_template(
        "office/site.html",
        customer=find_customer(session(), customer_id),
        site=known,
        form=form,
        place=None,
        tiles=parts().settings.map_tiles_url,
        centre=usual_place(session()),
    )
    return page, form.status
