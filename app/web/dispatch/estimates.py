"""What does the visit cost that is being booked, shown while the customer is on the phone?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, render_template, request

from app.operations.estimate import Plan, class_of, estimate
from app.operations.price_book import keeps_prices
from app.operations.price_words import explanation, line_name, money, plain
from app.rules.booking import LONGEST_VISIT_MIN
from app.web.dispatch.offers import typed_place
from app.web.forms import Form
from app.web.visitor import locale, needs, now, session, zone

blueprint = Blueprint("estimates", __name__)


@blueprint.get("/visits/new/price")
@needs("dispatch")
def price() -> Any:
    """Answer with what the visit costs that was typed so far."""
    return render_template("dispatch/_estimate.html", **estimated(Form(request.args)))


def estimated(form: Form) -> Mapping[str, Any]:
    """Return what the form shows of the price; what is missing for one is noted in the form, which is nobody else's."""
    kept = keeps_prices(session())
    plan = form.take(lambda: _plan(form)) if kept else None
    found = form.take(lambda: estimate(session(), plan, now())) if plan is not None else None
    return {
        "prices_kept": kept,
        "estimated": found,
        "no_estimate": {problem.code for problem in form.problems.values()},
        "line_name": lambda line: line_name(line, locale()),
        "line_why": lambda line: explanation(line, found.book, locale()) if found else "",
        "amount": lambda coins: money(coins, found.book, locale()) if found else "",
        "tax_rate": lambda rate: plain(100 * rate),
    }


def _plan(form: Form) -> Plan | None:
    """Return what is planned as far as it was typed; None while there is no work or no time yet."""
    service_id, on = form.row("service"), form.day("on", needed=False)
    start_at = form.instant("promised_from", on, zone(), needed=False)
    minutes = form.whole("duration_min", least=1, most=LONGEST_VISIT_MIN, needed=False)
    technician_id = form.row("technician")
    customer_id = form.value("who").partition(":")[0]
    known = customer_id.isdecimal() and len(customer_id) <= 15
    customer_class = class_of(session(), int(customer_id)) if known else form.value("kind") or "individual"
    where = typed_place(form)
    if form.problems or service_id is None or start_at is None:
        return None
    return Plan(service_id, start_at, minutes, technician_id, customer_class, *(where or (None, None)))
