"""Which added work may a customer withdraw from (cooling-off), and what becomes of its price when she does?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, tzinfo

from sqlalchemy.orm import Session

from app.errors import Conflict, Invalid, NotAllowed, NotFound, Problem
from app.i18n import t
from app.models import AddedWork, Paper, Quote, Visit, VisitEvent
from app.operations.added_work import less, together, works_of
from app.operations.bill import Told, bill_of_visit
from app.operations.booking import add_event, visit_for_change
from app.operations.checks import tell_text
from app.operations.invoice import LONGEST_REASON, Account, Desk, accounts_of, credit, sold_of
from app.operations.onsite import agreed_so_far, withdrawn_from, withdraws_until
from app.operations.price_book import kept_book
from app.operations.quote import accepted_answer
from app.rules.access import may
from app.rules.invoice import down_to
from app.rules.price_book import PriceBook
from app.rules.pricing import PartUsed

#: How the notice came. The law asks for writing or an electronic record; who is told by word of mouth may go by it.
WAYS = ("letter", "email", "message", "spoken")


@dataclass(frozen=True, slots=True)
class Contract:
    """Work that was added on site and accepted, from which a consumer may withdraw; `work` is what asked for it."""

    quote: Quote
    work: AddedWork
    accepted_on: date
    #: The last day on which she may (None: she has no document, so that her days have not begun).
    until: date | None
    #: That she has, and how.
    withdrawn: VisitEvent | None

    @property
    def withdrawn_on(self) -> date | None:
        """Return the day on which she sent her notice."""
        return date.fromisoformat(self.withdrawn.facts["sent_on"]) if self.withdrawn is not None else None

    @property
    def book(self) -> PriceBook:
        """Return the book that it was priced by."""
        return kept_book(self.quote.book)

    @property
    def amount(self) -> int:
        """Return what the document says that the addition costs, with tax."""
        return self.work.total - self.work.agreed_total


def contracts_of(session: Session, visit_id: int, zone: tzinfo) -> Sequence[Contract]:
    """Return the contracts about added work of a visit that may be withdrawn from, or were, oldest first."""
    found, gone = [], withdrawn_from(session, visit_id)
    for work in works_of(session, visit_id):
        quote = work.quote
        said = accepted_answer(quote) if quote is not None else None
        if quote is None or said is None or (quote.shown["ja"].get("document") or {}).get("right") != "revocable":
            continue
        accepted_on = said.at.astimezone(zone).date()
        found.append(Contract(quote, work, accepted_on, withdraws_until(session, quote, zone), gone.get(quote.id)))
    return found


def contract_of(session: Session, visit_id: int, quote_id: int, zone: tzinfo) -> Contract:
    """Return the contract that a quote of a visit led to. Raises NotFound."""
    contract = next((one for one in contracts_of(session, visit_id, zone) if one.quote.id == quote_id), None)
    if contract is None:
        raise NotFound("http_404")
    return contract


def withdraw(
    session: Session, visit_id: int, quote_id: int, way: str, sent_on: date, late: str = "", *, role: str, desk: Desk
) -> Paper | None:
    """Write down that a customer withdraws from added work: from now on it is not owed.

    It counts by the day on which she sent her notice (`sent_on`). After her days it is taken only with a reason
    (`late`), by who may give an invoice back. What was invoiced already is given back by a credit note, which is
    returned. Raises NotFound, NotAllowed, Conflict `already_withdrawn`, Invalid naming the field.
    """
    visit = visit_for_change(session, visit_id)
    contract = contract_of(session, visit_id, quote_id, desk.zone)
    if contract.withdrawn is not None:
        raise Conflict("already_withdrawn")
    problems: list[Problem] = []
    if way not in WAYS:
        problems.append(Problem("way", "choice", {"choices": ", ".join(WAYS)}))
    if sent_on > desk.now.astimezone(desk.zone).date():
        problems.append(Problem("sent_on", "day_ahead"))
    elif sent_on < contract.accepted_on:
        problems.append(Problem("sent_on", "before_accepted"))
    too_late = not problems and contract.until is not None and sent_on > contract.until
    if too_late and not late.strip():
        problems.append(Problem("late", "withdrawn_late"))
    late = tell_text(problems, "late", late, LONGEST_REASON) if too_late and late.strip() else ""
    if problems:
        raise Invalid(problems)
    if too_late and not may(role, "settings"):
        raise NotAllowed("late_withdrawal")
    facts = {"quote": quote_id, "way": way, "sent_on": sent_on.isoformat(), "amount": contract.amount}
    book = contract.book
    facts |= {"currency": book.currency, "exponent": book.exponent, **({"reason": late} if late else {})}
    add_event(session, visit, "work_withdrawn", desk.actor, desk.now, facts=facts)
    account = next((one for one in accounts_of(session, visit_id) if one.state != "credited"), None)
    return _give_back(session, visit, account, desk) if account is not None else None


def _give_back(session: Session, visit: Visit, account: Account, desk: Desk) -> Paper | None:
    """Give back what of an invoice is not owed any more; None when that was given back already."""
    if visit.status != "completed":
        return None  # the fee of one that was called off has no added work in it
    invoice = account.invoice
    bill = bill_of_visit(session, visit, _told(session, visit, invoice))
    tax, lines = sold_of(invoice)
    owed = [(line.code, line.amount) for line in bill.price.lines]
    kept = []
    for line in invoice.content["numbers"]["lines"]:
        same = next((one for one in owed if one[0] == line["code"]), None)
        if same is not None:
            owed.remove(same)
        kept.append(same[1] if same is not None else 0)
    amounts = down_to(tax, lines, account.credited, kept, bill.price.total)
    if sum(amounts) <= 0:
        return None
    reason = t("cooling_off.credit_reason", invoice.language)
    return credit(session, invoice.id, amounts, reason, desk=desk)


def _told(session: Session, visit: Visit, invoice: Paper) -> Told:
    """Return what a person had said of an invoice, without the parts that the customer has withdrawn from."""
    numbers, so_far = invoice.content["numbers"], agreed_so_far(session, visit)
    used = []
    for line in numbers["lines"]:
        code = line["code"].removeprefix("part:")
        if code != line["code"] and code in so_far.book.parts:
            used.append(PartUsed(code, line["amount"] // so_far.book.parts[code].price))
    taxi = sum(line["amount"] for line in numbers["lines"] if line["code"] == "return_taxi")
    parts = less(used, together(so_far.withdrawn).parts)
    return Told(numbers["minutes"], "withdrawn", taxi, parts)
