"""Write down what came in for an invoice, or went back, and issue the receipts."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy.orm import Session

from app.errors import Conflict, Invalid
from app.models import Paper, Payment
from app.models.invoice import WAYS_TO_PAY
from app.operations.booking import add_event
from app.operations.invoice import (
    Account,
    Desk,
    account_of,
    check_seen,
    frame_of,
    kept_of,
    locked_invoice,
    next_number,
    sold_of,
)
from app.operations.invoice_words import Sums, receipt_content
from app.rules.invoice import what_is_left

#: A day on which money came in is not further back: a slip of the pen in the year.
LONG_AGO = timedelta(days=3 * 366)


def take_payment(
    session: Session,
    paper_id: int,
    way: str,
    paid_on: date,
    amount: int | None = None,
    *,
    seen: int | None = None,
    desk: Desk,
) -> Paper | None:
    """Write down that money came in for an invoice: part of what is owed, or all (None).

    `seen` is what was owed when somebody looked: a part that is sent twice is noted once. For cash the receipt is
    issued, and returned. Raises NotFound, Invalid naming the field, Conflict `nothing_owed`, `bill_changed`.
    """
    account = _payable(session, paper_id, way, paid_on, seen, desk)
    if account.due <= 0:
        raise Conflict("nothing_owed")
    payment = _noted(session, account, way, paid_on, amount, account.due, desk)
    return issue_receipt(session, paper_id, payment.id, desk=desk) if way == "cash" else None


def pay_back(
    session: Session,
    paper_id: int,
    way: str,
    paid_on: date,
    amount: int | None = None,
    *,
    seen: int | None = None,
    desk: Desk,
) -> Payment:
    """Write down that money went back to the customer, of what a credit note left overpaid: part, or all (None).

    `seen` as of `take_payment`. Raises NotFound, Invalid naming the field, Conflict `nothing_to_pay_back`,
    `bill_changed`.
    """
    account = _payable(session, paper_id, way, paid_on, seen, desk)
    if account.due >= 0:
        raise Conflict("nothing_to_pay_back")
    return _noted(session, account, way, paid_on, amount, -account.due, desk, back=True)


def issue_receipt(session: Session, paper_id: int, payment_id: int | None = None, *, desk: Desk) -> Paper:
    """Issue the receipt for a payment of an invoice; None: the first that has none.

    One that pays the whole invoice says the tax of each rate; a part is received as a sum, the invoice says the rest.
    Raises NotFound, Conflict `not_paid` or `receipt_exists`.
    """
    invoice = locked_invoice(session, paper_id)
    account = account_of(session, paper_id)
    payments = [one for one in account.payments if not one.back]
    if not payments:
        raise Conflict("not_paid")
    if any(one.kind == "receipt" and one.payment_id == payment_id for one in account.others if payment_id):
        raise Conflict("receipt_exists")
    payment = next((one for one in payments if one.id == payment_id), None) or account.without_receipt
    if payment is None:
        raise Conflict("receipt_exists")
    tax, lines = sold_of(invoice)
    subtotal, taxes, total = what_is_left(tax, lines, account.credited)
    if payment.amount == total and len(payments) == 1:
        sums = Sums(subtotal, taxes, total, invoice.currency, invoice.exponent, tax.included, tax.rate)
    else:
        sums = Sums(payment.amount, (), payment.amount, invoice.currency, invoice.exponent, True, tax.rate)
    frame = frame_of(session, invoice.visit, desk)
    code, numbered = next_number(session, "receipt", frame.issued_on.year)
    paper = Paper(
        **numbered,
        **kept_of(invoice.visit, desk),
        about_id=invoice.id,
        payment_id=payment.id,
        total=payment.amount,
        currency=invoice.currency,
        exponent=invoice.exponent,
        book_code=invoice.book_code,
        content=receipt_content(frame.numbered(code), invoice.code, payment.way, payment.paid_on, sums),
    )
    session.add(paper)
    session.flush()
    return paper


def _payable(session: Session, paper_id: int, way: str, paid_on: date, seen: int | None, desk: Desk) -> Account:
    locked_invoice(session, paper_id)
    if way not in WAYS_TO_PAY:
        raise Invalid.one("way", "choice", choices=", ".join(WAYS_TO_PAY))
    today = desk.now.astimezone(desk.zone).date()
    if paid_on > today:
        raise Invalid.one("paid_on", "in_the_future")
    if paid_on < today - LONG_AGO:
        raise Invalid.one("paid_on", "too_old")
    account = account_of(session, paper_id)
    check_seen(account, seen)
    return account


def _noted(
    session: Session,
    account: Account,
    way: str,
    paid_on: date,
    amount: int | None,
    most: int,
    desk: Desk,
    *,
    back: bool = False,
) -> Payment:
    invoice, amount = account.invoice, most if amount is None else amount
    if not 0 < amount <= most:
        raise Invalid.one("amount", "over_due", most=most)
    payment = Payment(
        paper_id=invoice.id, at=desk.now, by=desk.actor, paid_on=paid_on, way=way, amount=amount, back=back
    )
    session.add(payment)
    facts = {"paper": invoice.id, "amount": amount, "way": way, "left": most - amount}
    add_event(session, invoice.visit, "paid_back" if back else "paid", desk.actor, desk.now, facts=facts)
    session.flush()
    return payment
