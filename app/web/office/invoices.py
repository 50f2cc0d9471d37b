"""What is owed for the visits that are over, and what became of it?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session

from app.i18n import LOCALES, money_words
from app.models import Paper, Visit
from app.operations.bill import Told, parts_known
from app.operations.called_off import fees_to_bill
from app.operations.cooling_off import contracts_of
from app.operations.invoice import (
    Account,
    Desk,
    account_of,
    credit,
    find_invoices,
    issue_invoice,
    not_invoiced,
    preview,
    stamp_of,
)
from app.operations.invoice_sending import send_invoice, sent_invoices, thank
from app.operations.payment import issue_receipt, pay_back, take_payment
from app.operations.price_words import part_name
from app.paper import paper_pdf
from app.rules.pricing import PartUsed
from app.web.forms import Form
from app.web.office.room import blueprint, country, known_row
from app.web.visitor import locale, needs, now, session, signed_in, telling, zone

#: Different parts that one visit's form has room for.
PART_ROWS = 3
#: And as many as were agreed to, or noted on site.
MOST_PART_ROWS = 40
MOST_MINUTES, MOST_PIECES, MOST_COINS = 2880, 999, 10_000_000


@blueprint.get("/invoices")
@needs("dispatch")
def invoices() -> Any:
    """List the invoices, and the visits that still need one."""
    asked = Form(request.args)
    page = asked.whole("page", least=1, most=100_000, needed=False) or 1
    found = find_invoices(session(), asked.text("q"), page)
    waiting, fees = not_invoiced(session()), fees_to_bill(session(), now())
    return render_template("office/invoices.html", listed=found, asked=asked, waiting=waiting, fees=fees)


@blueprint.get("/visits/<int:visit_id>/invoice")
@needs("dispatch")
def new_invoice(visit_id: int) -> Any:
    """Show what an invoice for a visit would say."""
    return _preview(visit_id, Form(request.args))


@blueprint.post("/visits/<int:visit_id>/invoice")
@needs("dispatch")
def make_invoice(visit_id: int) -> Any:
    """Issue the invoice for a visit as it was shown."""
    form = Form(request.form)
    told, seen = _told(form), form.whole("seen", least=0, most=2**31 - 1)
    issued = form.submit(lambda: _issue(visit_id, told, seen, send=form.ticked("send")))
    if issued is None:
        return _preview(visit_id, form)
    return redirect(url_for("office.invoice", paper_id=issued, saved=1), 303)


@blueprint.get("/invoices/<int:paper_id>")
@needs("dispatch")
def invoice(paper_id: int) -> Any:
    """Show an invoice and what came of it."""
    return _invoice(paper_id, Form(begins={"paid_on": now().astimezone(zone()).date().isoformat()}))


@blueprint.post("/invoices/<int:paper_id>/payment")
@needs("dispatch")
def pay_invoice(paper_id: int) -> Any:
    """Write down that what is owed came in, or a part of it."""
    return _money_moved(paper_id, _pay)


@blueprint.post("/invoices/<int:paper_id>/paid-back")
@needs("dispatch")
def pay_invoice_back(paper_id: int) -> Any:
    """Write down that what was paid too much went back to the customer."""
    return _money_moved(paper_id, pay_back)


@blueprint.post("/invoices/<int:paper_id>/receipt")
@needs("dispatch")
def make_receipt(paper_id: int) -> Any:
    """Issue the receipt for what was paid."""
    return _done(paper_id, Form(request.form), lambda: issue_receipt(session(), paper_id, desk=_desk()))


@blueprint.post("/invoices/<int:paper_id>/credit")
@needs("settings")
def credit_invoice(paper_id: int) -> Any:
    """Give an invoice back, whole or in part."""
    form, amounts = Form(request.form), None
    if form.value("step") != "all":
        left = account_of(session(), paper_id).left
        amounts = [_part_of(form, f"amount_{number}", most) for number, most in enumerate(left)]
    more: dict[str, Any] = {"seen": _seen(form), "desk": _desk()}
    return _done(paper_id, form, lambda: credit(session(), paper_id, amounts, form.text("reason"), **more))


@blueprint.get("/papers/<int:paper_id>.pdf")
@needs("dispatch")
def paper_file(paper_id: int) -> Any:
    """Hand a paper out as a PDF."""
    paper = known_row(Paper, paper_id, "invoice")
    return as_file(paper, request.args.get("in"))


def as_file(paper: Paper, wanted: str | None) -> Response:
    """Return a paper as a PDF, in the wanted language or in its customer's."""
    language = wanted if wanted in LOCALES else paper.language
    reply = Response(paper_pdf(paper.content, language), mimetype="application/pdf")
    reply.headers["Content-Disposition"] = f'inline; filename="{paper.code}.pdf"'
    return reply


def _desk() -> Desk:
    return Desk(zone(), country(), now(), signed_in().name)


@blueprint.post("/invoices/<int:paper_id>/send")
@needs("dispatch")
def send(paper_id: int) -> Any:
    """Tell the customer of an invoice, once."""
    who = signed_in().name
    return _done(
        paper_id, Form(request.form), lambda: send_invoice(session(), paper_id, telling(), now=now(), actor=who)
    )


def _issue(visit_id: int, told: Told, seen: int | None, *, send: bool) -> int:
    paper = issue_invoice(session(), visit_id, told, seen=seen, desk=_desk())
    if send:
        send_invoice(session(), paper.id, telling(), now=now(), actor=signed_in().name)
    return paper.id


def _pay(session: Session, paper_id: int, *money: Any, seen: int | None, desk: Desk) -> Any:
    paid = take_payment(session, paper_id, *money, seen=seen, desk=desk)
    if request.form.get("thank"):
        thank(session, paper_id, telling(), desk=desk)
    return paid


def _money_moved(paper_id: int, note: Callable[..., Any]) -> Any:
    form = Form(request.form)
    paid_on, way = form.day("paid_on"), form.text("way")
    amount = form.whole("amount", least=1, most=2**31 - 1, needed=False)
    more: dict[str, Any] = {"seen": _seen(form), "desk": _desk()}
    return _done(paper_id, form, lambda: note(session(), paper_id, way, paid_on or now().date(), amount, **more))


def _seen(form: Form) -> int | None:
    """Return what was owed, by either side, on the page that was looked at."""
    return form.whole("due", least=0, most=2**31 - 1, needed=False)


def _told(form: Form) -> Told:
    """Return what was typed of a bill; before anything was, the parts are those of the quote."""
    rows = [
        (form.value(f"part_{row}"), form.whole(f"quantity_{row}", least=1, most=MOST_PIECES, needed=False))
        for row in range(MOST_PART_ROWS)
    ]
    return Told(
        minutes=form.whole("minutes", least=0, most=MOST_MINUTES, needed=False),
        minutes_reason=form.text("minutes_reason", most=120),
        taxi=form.whole("taxi", least=0, most=MOST_COINS, needed=False) or 0,
        parts=tuple(PartUsed(code, pieces or 1) for code, pieces in rows if code) if form.value("counted") else None,
    )


def _part_of(form: Form, name: str, most: int) -> int:
    """Return how much of a line is given back: a discount's line is typed without its sign."""
    typed = form.whole(name, least=0, most=abs(most), needed=False) or 0
    return typed if most >= 0 else -typed


def _preview(visit_id: int, form: Form) -> Any:
    visit = known_row(Visit, visit_id, "visit")
    parts, agreed = parts_known(session(), visit)
    if not form.value("counted"):
        begins = {f"part_{row}": used.code for row, used in enumerate(agreed)}
        begins |= {f"quantity_{row}": str(used.quantity) for row, used in enumerate(agreed)}
        form = Form(begins=begins)
    shown = None
    if form.refusal is None or form.refusal.code == "bill_changed":
        told = _told(form)
        shown = form.take(lambda: preview(session(), visit, told, _desk())) if not form.problems else None
    bill, content = shown or (None, None)
    page = render_template(
        "office/invoice_new.html",
        visit=visit,
        form=form,
        bill=bill,
        content=content,
        contracts=contracts_of(session(), visit_id, zone()),
        parts=[(code, part_name(code, part.name, locale())) for code, part in parts.items()],
        rows=max(PART_ROWS, len(agreed)),
        money=_money,
    )
    return page, form.status


def _done(paper_id: int, form: Form, action: Any) -> Any:
    """Do something to an invoice and show it again; what cannot be done is said beside it."""
    if form.submit(lambda: (action(), True)) is None:
        return _invoice(paper_id, form)
    return redirect(url_for("office.invoice", paper_id=paper_id, saved=1), 303)


def _invoice(paper_id: int, form: Form) -> Any:
    account: Account = account_of(session(), paper_id)
    stamps = {one.id: stamp_of(one) for one in account.others}
    page = render_template(
        "office/invoice.html",
        account=account,
        form=form,
        stamps=stamps,
        sent=sent_invoices(session(), [paper_id]),
        contracts=contracts_of(session(), account.invoice.visit_id, zone()),
        money=_money,
    )
    return page, form.status


def _money(amount: int, of: Any) -> str:
    return money_words(amount, of.currency, of.exponent, locale())
