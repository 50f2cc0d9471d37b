"""Who is the company to its customers?"""

from __future__ import annotations

from typing import Any

from flask import render_template, request

from app import i18n
from app.operations.company import (
    MOST_MOVE_H,
    MOST_PAY_DAYS,
    find_company,
    set_longest_day,
    set_papers,
    set_self_service,
)
from app.rules.stretch import MOST_DAY_MIN
from app.web.account import company_fields
from app.web.forms import Form
from app.web.office.room import blueprint, country, hours_in_minutes, hours_typed, saved
from app.web.visitor import needs, session

_PAPERS = ("address", "registration_number", "pay_to", "representative")
_NAMES = ("name", "short_name", "phone", "phone_hours", "sender_role", "sender_name")
_COMPANY = (*_NAMES, "self_move_h", "pay_days", *_PAPERS)


@blueprint.get("/company")
@needs("settings")
def company() -> Any:
    """Show the company as its customers know it, to change it."""
    known = find_company(session())
    begins = {name: getattr(known, name) for name in _COMPANY} if known is not None else {}
    if known is not None:
        begins["most_day_h"] = hours_typed(known.most_day_min)
        begins["self_cancel"] = "1" if known.self_cancel else ""
        begins["sole_proprietor"] = "1" if known.sole_proprietor else ""
        begins["phone"] = i18n.phone_words(known.phone, country())
    return render_template("office/company.html", form=Form(begins=begins))


@blueprint.post("/company")
@needs("settings")
def save_company() -> Any:
    """Change the company's names and number."""
    form = Form(request.form)
    if form.submit(lambda: _save(form)) is None:
        return render_template("office/company.html", form=form), form.status
    return saved("office.company")


def _save(form: Form) -> bool:
    move_h = form.whole("self_move_h", least=0, most=MOST_MOVE_H)
    most_day_min = hours_in_minutes(form, "most_day_h")
    form.take(lambda: company_fields(form))
    papers = {name: form.text(name) for name in _PAPERS}
    alone = form.ticked("sole_proprietor")
    days = form.whole("pay_days", least=0, most=MOST_PAY_DAYS, needed=False)
    told: dict[str, Any] = {**papers, "sole_proprietor": alone, "pay_days": 30 if days is None else days}
    form.take(lambda: set_papers(session(), **told, country=country()))
    form.check()
    set_longest_day(session(), MOST_DAY_MIN if most_day_min is None else most_day_min)
    set_self_service(session(), move_h=move_h or 0, cancel=form.ticked("self_cancel"))
    return True
