"""What does the visit cost that is being booked, shown while the customer is on the phone?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, render_template, request

from app.operations.estimate import Plan, estimate, totals
from app.operations.price_book import keeps_prices
from app.operations.price_words import explanation, line_name, money, plain
from app.operations.slots import Offers
from app.rules.booking import LONGEST_VISIT_MIN
from app.web.dispatch.typed import typed_class, typed_place
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


def totals_of(form: Form, offers: Offers | None) -> Sequence[str]:
    """Return what was typed so far costs at each offered time; nothing where no price binds anybody, or none is known.

    What is wrong is noted in the form, which is nobody else's.
    """
    offered = [(one.slot.starts_at, one.slot.technician) for one in offers.items] if offers is not None else []
    if not offered or not keeps_prices(session()):
        return ()
    service_id, minutes = form.row("service"), form.whole("duration_min", least=1, most=LONGEST_VISIT_MIN, needed=False)
    kind, where = form.take(lambda: typed_class(form)) or "individual", typed_place(form) or (None, None)
    plan = Plan(service_id or 0, offered[0][0], minutes, None, kind, *where)
    found = form.take(lambda: totals(session(), plan, offered)) or ()
    return [money(one.total, one.book, locale()) for one in found]


def _plan(form: Form) -> Plan | None:
    """Return what is planned as far as it was typed; None while there is no work or no time yet."""
    service_id, on = form.row("service"), form.day("on", needed=False)
    start_at = form.instant("promised_from", on, zone(), needed=False)
    minutes = form.whole("duration_min", least=1, most=LONGEST_VISIT_MIN, needed=False)
    technician_id, customer_class, where = form.row("technician"), typed_class(form), typed_place(form)
    if form.problems or service_id is None or start_at is None:
        return None
    return Plan(service_id, start_at, minutes, technician_id, customer_class, *(where or (None, None)))
