"""What can customers buy, and how long does it take?"""

from __future__ import annotations

from typing import Any

from flask import render_template, request

from app.models import Service
from app.operations.service import all_services, price_codes, save_service
from app.operations.technician import known_skills
from app.rules.booking import LONGEST_VISIT_MIN
from app.web.forms import Form
from app.web.office.room import blueprint, known_row, saved
from app.web.visitor import needs, session


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
    return saved("office.services")


@blueprint.get("/services/<int:service_id>")
@needs("settings")
def service(service_id: int) -> Any:
    """Show a kind of work, to change it."""
    known = known_row(Service, service_id, "service")
    begins = {
        name: getattr(known, name)
        for name in ("name_ja", "name_en", "duration_min", "skill", "price_code", "technicians")
    }
    return _service(known, Form(begins={**begins, "active": "1" if known.active else ""}))


@blueprint.post("/services/<int:service_id>")
@needs("settings")
def change_service(service_id: int) -> Any:
    """Change a kind of work, or stop offering it."""
    form = Form(request.form)
    active = form.ticked("active")
    if form.submit(lambda: save_service(session(), service_id, active=active, **_service_fields(form))) is None:
        return _service(known_row(Service, service_id, "service"), form)
    return saved("office.services")


def _service_fields(form: Form) -> dict[str, Any]:
    minutes = form.whole("duration_min", least=1, most=LONGEST_VISIT_MIN)
    names = {name: form.text(name) for name in ("name_ja", "name_en", "skill", "price_code")}
    two = form.whole("technicians", least=1, most=2, needed=False)
    return {**names, "duration_min": minutes or 1, "technicians": two or 1}


def _services(form: Form) -> Any:
    page = render_template(
        "office/services.html",
        services=all_services(session()),
        form=form,
        skills=known_skills(session()),
        prices=price_codes(session()),
    )
    return page, form.status


def _service(known: Service, form: Form) -> Any:
    skills = sorted({*known_skills(session()), *filter(None, [known.skill])})
    return render_template(
        "office/service.html", service=known, form=form, skills=skills, prices=price_codes(session())
    ), form.status
