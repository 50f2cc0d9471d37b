"""What does the office keep? Customers, technicians, services, users, the company. Nothing is deleted."""

from __future__ import annotations

from typing import Any

import segno
from flask import Blueprint, redirect, render_template, request, url_for

from app import auth, i18n
from app.errors import NotFound
from app.models import Company, Service, Site, Technician, User
from app.operations import office
from app.operations.booking import LONGEST_VISIT_MIN
from app.operations.customer import (
    KINDS,
    NewSite,
    add_site,
    change_customer,
    change_site,
    create_customer,
    find_customer,
)
from app.operations.service import save_service
from app.operations.technician import (
    DAYS,
    TRAVELS_BY,
    add_device,
    change_technician,
    create_technician,
    revoke_device,
)
from app.operations.user import change_user
from app.rules.access import ROLES
from app.web.account import company_fields
from app.web.desk import desk_words
from app.web.forms import Form
from app.web.visitor import locale, needs, now, parts, session

blueprint = Blueprint("office", __name__)
blueprint.context_processor(desk_words)

_CUSTOMER = ("name", "kind", "language", "mobile", "phone", "email", "line_id")
_COMPANY = ("name", "short_name", "phone", "phone_hours", "sender_role", "sender_name")


def _saved(endpoint: str, **values: Any) -> Any:
    """Go and look at what was saved."""
    return redirect(url_for(endpoint, saved=1, **values), 303)


# Customers and their sites


@blueprint.get("/customers")
@needs("dispatch")
def customers() -> Any:
    """List customers, narrowed by a search."""
    asked = Form(request.args)
    page = asked.whole("page", least=1, most=100_000, needed=False) or 1
    return render_template(
        "office/customers.html", asked=asked, listed=office.list_customers(session(), asked.text("q"), page)
    )


@blueprint.get("/customers/new")
@needs("dispatch")
def new_customer() -> Any:
    """Show the form for a new customer."""
    return render_template("office/customer.html", customer=None, form=Form(begins={"language": "ja"}))


@blueprint.post("/customers/new")
@needs("dispatch")
def add_customer() -> Any:
    """Add a customer, with a first site when an address is given."""
    form = Form(request.form)
    added = form.submit(lambda: create_customer(session(), now=now(), **_customer_fields(form)))
    if added is None:
        return render_template("office/customer.html", customer=None, form=form), form.status
    return _saved("office.customer", customer_id=added.id)


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
    if form.submit(lambda: change_customer(session(), customer_id, **_customer_fields(form))) is None:
        return _customer(customer_id, form)
    return _saved("office.customer", customer_id=customer_id)


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
    return _saved("office.customer", customer_id=customer_id)


@blueprint.get("/sites/<int:site_id>")
@needs("dispatch")
def site(site_id: int) -> Any:
    """Show a site, to mend its address or to set its position."""
    known = _known(Site, site_id, "site")
    return _site(known.customer_id, known, Form(begins={"address": known.address, **_place(known.lat, known.lon)}))


@blueprint.post("/sites/<int:site_id>")
@needs("dispatch")
def save_site(site_id: int) -> Any:
    """Change a site's address and position."""
    form = Form(request.form)
    saved = form.submit(lambda: change_site(session(), site_id, _new_site(form), now()))
    if saved is None:
        known = _known(Site, site_id, "site")
        return _site(known.customer_id, known, form)
    return _saved("office.customer", customer_id=saved.customer_id)


def _customer_fields(form: Form) -> dict[str, Any]:
    facts = {name: form.text(name) for name in _CUSTOMER}
    return {**facts, "language": facts["language"] or "ja", "kind": facts["kind"] or KINDS[0], "country": _country()}


def _customer(customer_id: int, form: Form | None = None) -> Any:
    known = find_customer(session(), customer_id)
    page = render_template(
        "office/customer.html",
        customer=known,
        form=form or Form(begins={name: getattr(known, name) for name in _CUSTOMER}),
        visits=office.visits_of(session(), customer_id),
    )
    return page, form.status if form else 200


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
        centre=office.usual_place(session()),
    )
    return page, form.status


# Technicians and their phones


@blueprint.get("/technicians")
@needs("dispatch")
def technicians() -> Any:
    """List technicians, narrowed by a search."""
    asked = Form(request.args)
    page = asked.whole("page", least=1, most=100_000, needed=False) or 1
    return render_template(
        "office/technicians.html", asked=asked, listed=office.list_technicians(session(), asked.text("q"), page)
    )


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
    return _saved("office.technician", technician_id=added.id)


@blueprint.get("/technicians/<int:technician_id>")
@needs("dispatch")
def technician(technician_id: int) -> Any:
    """Show a technician and the phones that speak for them."""
    return _technician(technician_id)


@blueprint.get("/technicians/<int:technician_id>/edit")
@needs("settings")
def edit_technician(technician_id: int) -> Any:
    """Show a technician's facts, to change them."""
    known = _known(Technician, technician_id, "technician")
    hours = {f"{day}_from": spans[0][0] for day, spans in known.working_hours.items() if spans}
    hours |= {f"{day}_until": spans[-1][1] for day, spans in known.working_hours.items() if spans}
    begins = {
        **hours,
        "name": known.name,
        "language": known.language,
        "travels_by": known.travels_by,
        "skills": "、".join(known.skills),
        **_place(known.base_lat, known.base_lon),
        "active": "1" if known.active else "",
    }
    return _technician_form(known, Form(begins=begins))


@blueprint.post("/technicians/<int:technician_id>/edit")
@needs("settings")
def save_technician(technician_id: int) -> Any:
    """Change a technician's facts."""
    form = Form(request.form)
    fields = _technician_fields(form, _known(Technician, technician_id, "technician").working_hours)
    saved = form.submit(lambda: change_technician(session(), technician_id, active=form.ticked("active"), **fields))
    if saved is None:
        return _technician_form(_known(Technician, technician_id, "technician"), form)
    return _saved("office.technician", technician_id=technician_id)


@blueprint.post("/technicians/<int:technician_id>/link")
@needs("dispatch")
def new_link(technician_id: int) -> Any:
    """Make a one-time sign-in link and show it, with a code to scan, this once."""
    token = auth.create_phone_link(session(), technician_id=technician_id, now=now())
    link = f"{parts().settings.base_url}{url_for('technician.link', token=token)}"
    code = segno.make(link, error="m").svg_data_uri(scale=6, border=3, dark="#000", light="#fff")
    return _technician(technician_id, link=link, code=code)


@blueprint.post("/technicians/<int:technician_id>/devices")
@needs("settings")
def new_device(technician_id: int) -> Any:
    """Make a location credential and show it this once."""
    return _technician(technician_id, device=add_device(session(), technician_id, now()))


@blueprint.post("/technicians/<int:technician_id>/devices/<int:device_id>/revoke")
@needs("settings")
def end_device(technician_id: int, device_id: int) -> Any:
    """End a location credential."""
    revoke_device(session(), technician_id, device_id, now())
    return _saved("office.technician", technician_id=technician_id)


def _technician(technician_id: int, **shown_once: Any) -> Any:
    known = _known(Technician, technician_id, "technician")
    return render_template(
        "office/technician.html",
        technician=known,
        devices=office.devices_of(session(), technician_id),
        days=DAYS,
        ingest_url=f"{parts().settings.base_url}/ingest/owntracks",
        **shown_once,
    )


def _technician_fields(form: Form, before: dict[str, Any] | None = None) -> dict[str, Any]:
    position = form.position() or (None, None)
    return {
        "name": form.text("name"),
        "language": form.text("language") or "ja",
        "travels_by": form.text("travels_by") or TRAVELS_BY[0],
        "skills": [skill.strip() for skill in form.text("skills").replace(",", "、").split("、") if skill.strip()],
        "base_lat": position[0],
        "base_lon": position[1],
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
    page = render_template("office/technician_form.html", technician=known, form=form, days=DAYS, ways=TRAVELS_BY)
    return page, form.status


# Services


@blueprint.get("/services")
@needs("settings")
def services() -> Any:
    """List the kinds of work, with a form for a new one."""
    return _services(Form(begins={"duration_min": 60}))


@blueprint.post("/services")
@needs("settings")
def add_service() -> Any:
    """Add a kind of work."""
    form = Form(request.form)
    if form.submit(lambda: save_service(session(), None, **_service_fields(form))) is None:
        return _services(form)
    return _saved("office.services")


@blueprint.get("/services/<int:service_id>")
@needs("settings")
def service(service_id: int) -> Any:
    """Show a kind of work, to change it."""
    known = _known(Service, service_id, "service")
    begins = {name: getattr(known, name) for name in ("name_ja", "name_en", "duration_min")}
    return _service(known, Form(begins={**begins, "active": "1" if known.active else ""}))


@blueprint.post("/services/<int:service_id>")
@needs("settings")
def change_service(service_id: int) -> Any:
    """Change a kind of work, or stop offering it."""
    form = Form(request.form)
    active = form.ticked("active")
    if form.submit(lambda: save_service(session(), service_id, active=active, **_service_fields(form))) is None:
        return _service(_known(Service, service_id, "service"), form)
    return _saved("office.services")


def _service_fields(form: Form) -> dict[str, Any]:
    minutes = form.whole("duration_min", least=1, most=LONGEST_VISIT_MIN)
    return {"name_ja": form.text("name_ja"), "name_en": form.text("name_en"), "duration_min": minutes or 1}


def _services(form: Form) -> Any:
    return render_template("office/services.html", services=office.list_services(session()), form=form), form.status


def _service(known: Service, form: Form) -> Any:
    return render_template("office/service.html", service=known, form=form), form.status


# Users


@blueprint.get("/users")
@needs("users")
def users() -> Any:
    """List who may sign in, with a form for one more."""
    return _users(Form(begins={"role": "dispatcher", "language": locale()}))


@blueprint.post("/users")
@needs("users")
def add_user() -> Any:
    """Let one more person in."""
    form = Form(request.form)
    language = form.one_of("language", i18n.LOCALES)
    added = form.submit(
        lambda: auth.create_user(
            session(),
            email=form.text("email"),
            name=form.text("name"),
            role=form.text("role"),
            password=form.value("password"),
            language=language,
            now=now(),
        )
    )
    return _users(form) if added is None else _saved("office.users")


@blueprint.get("/users/<int:user_id>")
@needs("users")
def user(user_id: int) -> Any:
    """Show a user, to change role or access."""
    known = _known(User, user_id, "user")
    begins = {"name": known.name, "role": known.role, "active": "1" if known.active else ""}
    return render_template("office/user.html", user=known, form=Form(begins=begins), roles=ROLES[1:])


@blueprint.post("/users/<int:user_id>")
@needs("users")
def save_user(user_id: int) -> Any:
    """Change a user's name, role, access or password."""
    form = Form(request.form)
    saved = form.submit(
        lambda: change_user(
            session(),
            user_id,
            name=form.text("name"),
            role=form.text("role"),
            active=form.ticked("active"),
            password=form.value("password") or None,
            now=now(),
        )
    )
    if saved is None:
        known = _known(User, user_id, "user")
        return render_template("office/user.html", user=known, form=form, roles=ROLES[1:]), form.status
    return _saved("office.users")


def _users(form: Form) -> Any:
    page = render_template("office/users.html", users=office.list_users(session()), form=form, roles=ROLES[1:])
    return page, form.status


# The company


@blueprint.get("/company")
@needs("settings")
def company() -> Any:
    """Show the company as its customers know it, to change it."""
    known = session().get(Company, 1)
    begins = {name: getattr(known, name) for name in _COMPANY} if known is not None else {}
    if known is not None:
        begins["phone"] = i18n.phone_words(known.phone, _country())
    return render_template("office/company.html", form=Form(begins=begins))


@blueprint.post("/company")
@needs("settings")
def save_company() -> Any:
    """Change the company's names and number."""
    form = Form(request.form)
    if form.submit(lambda: company_fields(form)) is None:
        return render_template("office/company.html", form=form), form.status
    return _saved("office.company")


def _place(lat: float | None, lon: float | None) -> dict[str, str]:
    """Return a position as somebody would type it: six digits are 11 cm."""
    return {} if lat is None or lon is None else {"lat": f"{lat:.6f}", "lon": f"{lon:.6f}"}


def _country() -> str:
    return parts().settings.country


def _known(table: Any, row_id: int, code: str) -> Any:
    """Return a row by its number. Raises NotFound."""
    row = session().get(table, row_id)
    if row is None:
        raise NotFound(code)
    return row
