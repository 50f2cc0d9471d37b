"""What is owed and what came of it, for other programs."""

from __future__ import annotations

from typing import Any

from app.errors import Invalid
from app.models import Paper
from app.operations.bill import Told
from app.operations.invoice import (
    Account,
    Desk,
    account_of,
    credit,
    issue_invoice,
    page_of_invoices,
    stamp_of,
)
from app.operations.invoice_sending import send_invoice
from app.operations.payment import issue_receipt, pay_back, take_payment
from app.rules.pricing import PartUsed
from app.web.api.forms_invoices import CreditNoteIn, InvoiceIn, InvoiceOut, InvoicesIn, InvoicesOut, PaymentIn
from app.web.api.gate import blueprint
from app.web.visitor import locale, needs, now, parts, session, signed_in, telling, zone


@blueprint.get("/invoices")
@needs("dispatch")
@blueprint.input(InvoicesIn, location="query")
@blueprint.output(InvoicesOut)
@blueprint.doc(tags=["Invoices"])
def list_invoices(query_data: InvoicesIn) -> dict[str, Any]:
    """List invoices with their receipts, credit notes and payments, the oldest first."""
    asked = query_data
    page = page_of_invoices(session(), limit=asked.limit, cursor=asked.cursor, visit_id=asked.visit)
    return {"items": [_shown(account) for account in page.items], "next": page.next}


@blueprint.get("/invoices/<int:invoice_id>")
@needs("dispatch")
@blueprint.output(InvoiceOut)
@blueprint.doc(tags=["Invoices"])
def get_invoice(invoice_id: int) -> dict[str, Any]:
    """Return an invoice with its receipts, credit notes and payments."""
    return _shown(account_of(session(), invoice_id))


@blueprint.post("/visits/<int:visit_id>/invoice")
@needs("dispatch")
@blueprint.input(InvoiceIn)
@blueprint.output(InvoiceOut, status_code=201)
@blueprint.doc(tags=["Invoices"])
def create_invoice(visit_id: int, json_data: InvoiceIn) -> dict[str, Any]:
    """Issue the invoice of a visit that is over: its work, or the fee of one that was called off in vain.

    409 `already_invoiced`, `bill_changed` (the total is not the one that was looked at), `nothing_owed`,
    `visit_not_over`, `no_prices_yet`, `fee_waived`; with `send` `answer_unreachable` when no channel reaches her.
    """
    wish = json_data
    used = None if wish.parts is None else tuple(PartUsed(part.code, part.quantity) for part in wish.parts)
    told = Told(wish.minutes, wish.minutes_reason, wish.taxi, used)
    paper = issue_invoice(session(), visit_id, told, seen=wish.total, desk=_desk())
    if wish.send:
        send_invoice(session(), paper.id, telling(), now=now(), actor=signed_in().name)
    return _shown(account_of(session(), paper.id))


@blueprint.post("/invoices/<int:invoice_id>/payments")
@needs("dispatch")
@blueprint.input(PaymentIn)
@blueprint.output(InvoiceOut, status_code=201)
@blueprint.doc(tags=["Invoices"])
def create_payment(invoice_id: int, json_data: PaymentIn) -> dict[str, Any]:
    """Write down a payment, also of a part; cash has its receipt at once.

    409 `nothing_owed`, or with `back` `nothing_to_pay_back`; 422 for an `amount` above what is owed.
    """
    note = pay_back if json_data.back else take_payment
    note(session(), invoice_id, json_data.way, json_data.paid_on, json_data.amount, desk=_desk())
    return _shown(account_of(session(), invoice_id))


@blueprint.post("/invoices/<int:invoice_id>/receipts")
@needs("dispatch")
@blueprint.output(InvoiceOut, status_code=201)
@blueprint.doc(tags=["Invoices"])
def create_receipt(invoice_id: int) -> dict[str, Any]:
    """Issue the receipt for the first payment that has none. 409 `not_paid`, `receipt_exists`."""
    issue_receipt(session(), invoice_id, desk=_desk())
    return _shown(account_of(session(), invoice_id))


@blueprint.post("/invoices/<int:invoice_id>/credit-notes")
@needs("settings")
@blueprint.input(CreditNoteIn)
@blueprint.output(InvoiceOut, status_code=201)
@blueprint.doc(tags=["Invoices"])
def create_credit_note(invoice_id: int, json_data: CreditNoteIn) -> dict[str, Any]:
    """Give an invoice back, whole or in part; managers only. 409 `nothing_to_credit`."""
    amounts, account = json_data.amounts, account_of(session(), invoice_id)
    if amounts is not None and len(amounts) != len(account.left):
        raise Invalid.one("amounts", "one_for_each_line", lines=len(account.left))
    credit(session(), invoice_id, amounts, json_data.reason, desk=_desk())
    return _shown(account_of(session(), invoice_id))


def _desk() -> Desk:
    return Desk(zone(), parts().settings.country, now(), signed_in().name)


def _shown(account: Account) -> dict[str, Any]:
    paper = account.invoice
    numbers, words = paper.content["numbers"], paper.content[locale()]
    lines = [
        {"code": said["code"], "name": said["name"], "explanation": said["why"], "amount": kept["amount"], "left": left}
        for said, kept, left in zip(words["lines"], numbers["lines"], account.left, strict=True)
    ]
    return {
        **{name: getattr(paper, name) for name in ("id", "code", "issued_at", "issued_by", "total", "currency")},
        **{name: getattr(account, name) for name in ("state", "given_back", "paid", "due", "payments")},
        "visit": paper.visit_id,
        "customer": paper.customer_id,
        "lines": lines,
        "taxes": numbers["taxes"],
        "subtotal": numbers["subtotal"],
        "price_book": paper.book_code,
        "url": _url(paper),
        "papers": [_other(one) for one in account.others],
    }


def _other(paper: Paper) -> dict[str, Any]:
    kept = ("id", "kind", "code", "issued_at", "total", "reason")
    more = {"payment": paper.payment_id, "url": _url(paper), "stamp_duty": stamp_of(paper)}
    return {**{name: getattr(paper, name) for name in kept}, **more}


def _url(paper: Paper) -> str:
    return f"{parts().settings.base_url}/d/{paper.token}"
