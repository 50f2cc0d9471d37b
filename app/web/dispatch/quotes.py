"""Which price is the customer offered? The quotes of a visit, and a new one with its link to give to her."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for

from app.errors import Invalid, Problem, Refused
from app.i18n import t
from app.models import Paper, Quote
from app.operations.cooling_off import WAYS, contract_of, contracts_of, withdraw
from app.operations.estimate import AN_HOUR
from app.operations.invoice import Desk
from app.operations.onsite import hand_over, handovers, withdraws_until
from app.operations.price_book import book_at, kept_book
from app.operations.price_words import money
from app.operations.pricing import priced
from app.operations.quote import quote_state, quotes_of, why_not_dispatched
from app.operations.quote_sending import send_quote, sent_quotes
from app.operations.quoting import Wish, make_quote, to_quote
from app.operations.visit import find_visit
from app.rules.book_reading import MOST_AMOUNT, exact
from app.web.belongs import check_of_visit
from app.web.forms import Form
from app.web.visitor import locale, needs, now, parts, session, signed_in, telling, zone

blueprint = Blueprint("quotes", __name__)


@blueprint.get("/visits/<int:visit_id>/quote")
@needs("dispatch")
def quote(visit_id: int) -> Any:
    """Show what a visit costs as planned, an hour earlier too, and the quotes that were made."""
    return _quotes(visit_id, Form())


@blueprint.post("/visits/<int:visit_id>/quote")
@needs("dispatch")
def new_quote(visit_id: int) -> Any:
    """Make a quote; its link is shown."""
    form, who = Form(request.form), signed_in()
    wish = Wish(
        taxi=form.whole("taxi", least=0, most=MOST_AMOUNT, needed=False),
        discount_percent=_percent(form),
        discount_reason=form.text("discount_reason"),
        sign=form.ticked("sign"),
    )
    if form.submit(lambda: _make(visit_id, wish, who.role, who.name)) is None:
        return _quotes(visit_id, form)
    return redirect(url_for("dispatch.quotes.quote", visit_id=visit_id), 303)


@blueprint.post("/visits/<int:visit_id>/quote/<int:quote_id>/send")
@needs("dispatch")
def send(visit_id: int, quote_id: int) -> Any:
    """Tell the customer of a quote, once."""
    check_of_visit(visit_id, Quote, quote_id)
    form, who = Form(request.form), signed_in().name
    if form.submit(lambda: send_quote(session(), quote_id, telling(), now=now(), actor=who)) is None:
        return _quotes(visit_id, form)
    return redirect(url_for("dispatch.quotes.quote", visit_id=visit_id), 303)


@blueprint.post("/visits/<int:visit_id>/quote/<int:quote_id>/handed")
@needs("dispatch")
def handed(visit_id: int, quote_id: int) -> Any:
    """Write down that the customer was given, or sent, the paper of what she agreed to on site."""
    check_of_visit(visit_id, Quote, quote_id)
    form, who = Form(request.form), signed_in().name
    if form.submit(lambda: hand_over(session(), quote_id, "paper", now=now(), actor=who)) is None:
        return _quotes(visit_id, form)
    return redirect(url_for("dispatch.quotes.quote", visit_id=visit_id), 303)


@blueprint.get("/visits/<int:visit_id>/quote/<int:quote_id>/withdrawal")
@needs("dispatch")
def withdrawal(visit_id: int, quote_id: int) -> Any:
    """Show what was agreed on site, and ask when and how its customer withdraws from it."""
    return _withdrawal(visit_id, quote_id, Form())


@blueprint.post("/visits/<int:visit_id>/quote/<int:quote_id>/withdrawal")
@needs("dispatch")
def record_withdrawal(visit_id: int, quote_id: int) -> Any:
    """Write down that she does; what was invoiced is given back."""
    form, role = Form(request.form), signed_in().role
    sent_on, way, late = form.day("sent_on"), form.text("way"), form.text("late")
    paper: list[Paper | None] = []

    def record() -> bool:
        assert sent_on is not None
        paper.append(withdraw(session(), visit_id, quote_id, way, sent_on, late, role=role, desk=_desk()))
        return True

    if form.submit(record) is None:
        return _withdrawal(visit_id, quote_id, form)
    if paper[0] is not None:
        return redirect(url_for("office.invoice", paper_id=paper[0].about_id, saved=1), 303)
    return redirect(url_for("dispatch.quotes.quote", visit_id=visit_id), 303)


def _withdrawal(visit_id: int, quote_id: int, form: Form) -> Any:
    visit, contract = find_visit(session(), visit_id), contract_of(session(), visit_id, quote_id, zone())
    today = now().astimezone(zone()).date()
    page = render_template(
        "dispatch/cooling_off.html",
        visit=visit,
        contract=contract,
        form=form,
        ways=[(way, t(f"cooling_off.way_{way}", locale())) for way in WAYS],
        today=today,
    )
    return page, form.status


def _desk() -> Desk:
    return Desk(zone(), parts().settings.country, now(), signed_in().name)


def _make(visit_id: int, wish: Wish, role: str, actor: str) -> Any:
    try:
        return make_quote(session(), visit_id, wish, role=role, now=now(), actor=actor)
    except Refused as over:
        raise Invalid.one("discount_percent", "discount_over_limit", most=over.facts["most"]) from None


def _percent(form: Form) -> Fraction:
    typed = form.text("discount_percent", most=10)
    number = exact(typed) if typed else Fraction(0)
    if number is None or not 0 <= number <= 100:
        form.wrong("discount_percent", "percent")
        return Fraction(0)
    return number


def _quotes(visit_id: int, form: Form) -> Any:
    visit = find_visit(session(), visit_id)
    book, price, earlier = book_at(session(), visit.planned_from_at), None, None
    missing: Sequence[Problem] = ()
    try:
        found = to_quote(session(), visit, Wish())
        book, job = kept_book(found.data), found.job
        price, earlier = (priced(book, replace(job, start_at=at)) for at in (job.start_at, job.start_at - AN_HOUR))
    except Invalid as unknown:
        missing = unknown.problems
    quotes = quotes_of(session(), visit_id)
    page = render_template(
        "dispatch/quote.html",
        visit=visit,
        form=form,
        price=price,
        earlier=earlier,
        missing=missing,
        quotes=[(one, quote_state(session(), one, now())) for one in quotes],
        why_not=why_not_dispatched(session(), visit) if visit.status == "booked" else None,
        sent=sent_quotes(session(), [one.id for one in quotes]),
        handed={one.id: handovers(session(), one.id) for one in quotes if one.job.get("on_site")},
        until={one.id: withdraws_until(session(), one, zone()) for one in quotes if one.job.get("on_site")},
        contracts={one.quote.id: one for one in contracts_of(session(), visit_id, zone())},
        amount=lambda coins: money(coins, book, locale()),
        link=lambda one: f"{parts().settings.base_url}/q/{one.token}",
    )
    return page, form.status
