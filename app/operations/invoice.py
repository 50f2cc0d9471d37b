"""Issue invoices and credit notes: numbered without gaps, kept whole, and never changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from fractions import Fraction
from typing import Any

from sqlalchemy import bindparam, exists, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, joinedload

from app.errors import Conflict, Invalid, NotFound
from app.models import Customer, Paper, PaperCounter, Payment, Visit
from app.operations.bill import Bill, Told, bill_of_visit
from app.operations.booking import LASTING_TOKEN, add_event, new_token, visit_for_change
from app.operations.checks import tell_text
from app.operations.company import find_company
from app.operations.invoice_words import (
    TEXT_VERSION,
    Frame,
    Sums,
    credit_content,
    invoice_content,
)
from app.operations.listing import Listed, Page, contains, id_of, listed, page_of
from app.operations.price_book import keeps_prices
from app.rules.invoice import SERIES, CannotGiveBack, Sold, give_back, stamp_duty, state_of
from app.rules.price_book import Tax

LONGEST_REASON = 120
#: Visits that wait for their invoice, on the list's page.
MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Desk:
    """Where and when something is issued, and by whom."""

    zone: tzinfo
    country: str
    now: datetime
    actor: str


@dataclass(frozen=True, slots=True)
class Account:
    """An invoice with all that came of it; amounts are positive, with tax, in the currency's smallest coins."""

    invoice: Paper
    #: Its receipts and credit notes, oldest first.
    others: Sequence[Paper]
    payments: Sequence[Payment]

    @property
    def given_back(self) -> int:
        """What its credit notes took off."""
        return -sum(one.total for one in self.others if one.kind == "credit_note")

    @property
    def paid(self) -> int:
        """What came in, less what went back."""
        return sum(-one.amount if one.back else one.amount for one in self.payments)

    @property
    def due(self) -> int:
        """What is still owed; negative is owed to the customer."""
        return self.invoice.total - self.given_back - self.paid

    @property
    def state(self) -> str:
        """open, paid, or credited."""
        return state_of(self.invoice.total, self.given_back, self.paid)

    @property
    def without_receipt(self) -> Payment | None:
        """The first payment that came in and has no receipt yet."""
        receipted = {one.payment_id for one in self.others if one.kind == "receipt"}
        if None in receipted:
            return None  # issued when there was one for all of them
        return next((one for one in self.payments if not one.back and one.id not in receipted), None)

    @property
    def credited(self) -> list[list[int]]:
        """What each credit note gave back of each line."""
        return [one.content["numbers"]["amounts"] for one in self.others if one.kind == "credit_note"]

    @property
    def left(self) -> list[int]:
        """What of each line was not given back."""
        lines = self.invoice.content["numbers"]["lines"]
        return [line["amount"] - sum(given[n] for given in self.credited) for n, line in enumerate(lines)]


def preview(session: Session, visit: Visit, told: Told, desk: Desk) -> tuple[Bill, dict[str, Any]]:
    """Return what an invoice for a visit would say, without a number yet. Raises as `bill_of_visit`."""
    bill = bill_of_visit(session, visit, told)
    return bill, invoice_content(frame_of(session, visit, desk), bill)


def issue_invoice(session: Session, visit_id: int, told: Told, *, seen: int | None, desk: Desk) -> Paper:
    """Issue the invoice for a visit; `seen` is the total that was looked at before.

    Raises NotFound, Invalid naming the field, Conflict: already_invoiced, bill_changed, or as `bill_of_visit`.
    """
    visit = visit_for_change(session, visit_id)
    if any(account.state != "credited" for account in accounts_of(session, visit_id)):
        raise Conflict("already_invoiced")
    bill = bill_of_visit(session, visit, told)
    if bill.price.total <= 0:
        raise Conflict("nothing_owed")
    if seen is not None and bill.price.total != seen:
        raise Conflict("bill_changed")
    frame = frame_of(session, visit, desk)
    code, numbered = next_number(session, "invoice", frame.issued_on.year)
    paper = Paper(
        **numbered,
        **kept_of(visit, desk),
        total=bill.price.total,
        currency=bill.book.currency,
        exponent=bill.book.exponent,
        book_code=bill.book.code,
        content=invoice_content(frame.numbered(code), bill),
    )
    session.add(paper)
    session.flush()
    add_event(session, visit, "invoiced", desk.actor, desk.now, facts={"paper": paper.id, "total": paper.total})
    return paper


def credit(
    session: Session, paper_id: int, amounts: Sequence[int] | None, reason: str, *, seen: int | None = None, desk: Desk
) -> Paper:
    """Give an invoice back, whole (None) or these amounts of its lines, before tax; its own number refers to the first.

    `seen` is what was owed when somebody looked (`check_seen`). Raises NotFound, Invalid naming the field (reason, or
    amount_0 …), Conflict when nothing is left of it, or `bill_changed`.
    """
    invoice = locked_invoice(session, paper_id)
    problems: list[Any] = []
    reason = tell_text(problems, "reason", reason, LONGEST_REASON)
    if problems:
        raise Invalid(problems)
    account = account_of(session, paper_id)
    check_seen(account, seen)
    tax, lines = sold_of(invoice)
    try:
        given = give_back(tax, lines, account.credited, amounts)
    except CannotGiveBack as wrong:
        if wrong.line is None:
            raise Conflict("nothing_to_credit") from None
        raise Invalid.one(f"amount_{wrong.line}", "over_left", left=wrong.left) from None
    sums = Sums(given.subtotal, given.taxes, given.total, invoice.currency, invoice.exponent, tax.included, tax.rate)
    frame = frame_of(session, invoice.visit, desk)
    code, numbered = next_number(session, "credit_note", frame.issued_on.year)
    issued_on = invoice.issued_at.astimezone(desk.zone).date()
    paper = Paper(
        **numbered,
        **kept_of(invoice.visit, desk),
        about_id=invoice.id,
        total=given.total,
        currency=invoice.currency,
        exponent=invoice.exponent,
        book_code=invoice.book_code,
        reason=reason,
        content=credit_content(
            frame.numbered(code), invoice.content, invoice.code, issued_on, given.amounts, sums, reason
        ),
    )
    session.add(paper)
    session.flush()
    facts = {"paper": paper.id, "total": paper.total, "reason": reason}
    add_event(session, invoice.visit, "credited", desk.actor, desk.now, facts=facts)
    return paper


def stamp_of(paper: Paper) -> int:
    """Return the stamp duty in yen if this paper is handed over on paper: of receipts alone."""
    if paper.kind != "receipt" or paper.currency != "JPY":
        return 0
    numbers = paper.content["numbers"]
    return stamp_duty(numbers.get("judged", numbers["net"]))


def paper_of_link(session: Session, token: str) -> Paper:
    """Return the paper behind a link. Raises NotFound."""
    paper = session.scalar(select(Paper).where(Paper.token == token))
    if paper is None:
        raise NotFound("link")
    return paper


def papers_on_page(session: Session, link_token: str) -> Sequence[Paper]:
    """Return what was issued for the visit behind a link, the newest first."""
    wanted = select(Paper).join(Visit, Visit.id == Paper.visit_id).where(Visit.link_token == link_token)
    return session.scalars(wanted.order_by(Paper.id.desc())).all()


def account_of(session: Session, paper_id: int) -> Account:
    """Return an invoice with all that came of it. Raises NotFound."""
    invoice = session.get(Paper, paper_id)
    if invoice is None or invoice.kind != "invoice":
        raise NotFound("invoice")
    return _accounts(session, [invoice])[0]


def check_seen(account: Account, seen: int | None) -> None:
    """Raise Conflict `bill_changed` when what is owed, to whomever, is not what was looked at; None: nobody did.

    So the same press twice, or two people at once, note a part of it once.
    """
    if seen is not None and abs(account.due) != seen:
        raise Conflict("bill_changed")


def accounts_of(session: Session, visit_id: int) -> Sequence[Account]:
    """Return the invoices of a visit with all that came of them, oldest first."""
    wanted = select(Paper).where(Paper.visit_id == visit_id, Paper.kind == "invoice").order_by(Paper.id)
    return _accounts(session, session.scalars(wanted).all())


def find_invoices(session: Session, search: str, page: int) -> Listed[Account]:
    """Return a page of the invoices, the newest first; `search` in their numbers or their customers' names."""
    wanted = select(Paper).where(Paper.kind == "invoice").options(joinedload(Paper.customer))
    if search:
        wanted = wanted.join(Paper.customer).where(contains(Paper.code, search) | contains(Customer.name, search))
    found = listed(session, wanted.order_by(Paper.id.desc()), page)
    return Listed(_accounts(session, found.rows), found.before, found.after)


def page_of_invoices(session: Session, *, limit: int, cursor: str | None, visit_id: int | None) -> Page[Account]:
    """Return invoices, the oldest first, from a cursor on. Raises Invalid for a cursor that is none."""
    wanted = select(Paper).where(Paper.kind == "invoice", Paper.id > id_of(cursor)).order_by(Paper.id)
    if visit_id is not None:
        wanted = wanted.where(Paper.visit_id == visit_id)
    found = page_of(session.scalars(wanted.limit(limit + 1)).all(), limit, lambda paper: str(paper.id))
    return Page(_accounts(session, found.items), found.next)


def not_invoiced(session: Session) -> Sequence[Visit]:
    """Return the visits that were done lately and have no invoice, the newest first; none while no prices are kept."""
    if not keeps_prices(session):
        return []
    open_ones = Visit.status == "completed", Visit.beside_id.is_(None), ~exists().where(Paper.visit_id == Visit.id)
    wanted = select(Visit).where(*open_ones)
    with_names = wanted.options(joinedload(Visit.customer), joinedload(Visit.service))
    return session.scalars(with_names.order_by(Visit.promised_from_at.desc()).limit(MOST_SHOWN)).all()


def _accounts(session: Session, found: Sequence[Paper]) -> list[Account]:
    ids = [one.id for one in found]
    others = session.scalars(select(Paper).where(Paper.about_id.in_(ids)).order_by(Paper.id)).all()
    payments = session.scalars(select(Payment).where(Payment.paper_id.in_(ids)).order_by(Payment.id)).all()
    return [
        Account(
            one,
            [other for other in others if other.about_id == one.id],
            [payment for payment in payments if payment.paper_id == one.id],
        )
        for one in found
    ]


def locked_invoice(session: Session, paper_id: int) -> Paper:
    """Return an invoice; whoever changes what is owed on it waits for the others at its visit."""
    paper = session.get(Paper, paper_id)
    if paper is None or paper.kind != "invoice":
        raise NotFound("invoice")
    visit_for_change(session, paper.visit_id)
    return paper


def frame_of(session: Session, visit: Visit, desk: Desk) -> Frame:
    """Return what a paper about a visit needs beside its lines."""
    return Frame(find_company(session), visit, desk.zone, desk.country, desk.now)


def kept_of(visit: Visit, desk: Desk) -> dict[str, Any]:
    """Return the columns that all papers about a visit share."""
    return {
        "token": new_token(LASTING_TOKEN),
        "visit_id": visit.id,
        "customer_id": visit.customer_id,
        "issued_at": desk.now,
        "issued_by": desk.actor,
        "language": visit.customer.language,
        "text_version": TEXT_VERSION,
    }


def sold_of(invoice: Paper) -> tuple[Tax, list[Sold]]:
    """Return how the tax of an invoice was counted, and its lines."""
    kept = invoice.content["numbers"]
    tax = Tax(Fraction(kept["tax"]["rate"]), kept["tax"]["rounding"], kept["tax"]["included"])
    return tax, [Sold(line["amount"], Fraction(line["rate"])) for line in kept["lines"]]


def next_number(session: Session, kind: str, year: int) -> tuple[str, dict[str, Any]]:
    """Take the next number of a series: the counter's row stays locked until the paper is kept, or nothing is."""
    offer = (postgresql if session.get_bind().dialect.name == "postgresql" else sqlite).insert(PaperCounter)
    taken = offer.values(kind=kind, year=bindparam("of_year"), last=1).on_conflict_do_update(
        index_elements=["kind", "year"], set_={"last": PaperCounter.last + 1}
    )
    number = session.execute(taken.returning(PaperCounter.last), {"of_year": year}).scalar_one()
    code = f"{SERIES[kind]}-{year}-{number:05}"
    return code, {"kind": kind, "year": year, "number": number, "code": code}
