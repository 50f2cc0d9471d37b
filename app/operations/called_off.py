"""What is owed for a visit that is called off, by whoever does it, and who may let the customer off it?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.orm import Session, aliased, joinedload

from app.errors import Conflict, Invalid, NotAllowed, Problem
from app.models import Paper, Visit, VisitEvent
from app.operations.appointment import Message, cancel
from app.operations.bill import Told, bill_of_visit
from app.operations.booking import add_event, visit_for_change
from app.operations.cancelling import fee_of_visit, waived
from app.operations.checks import tell_text
from app.operations.customer_view import told_window
from app.operations.price_book import book_at, keeps_prices
from app.operations.proposal import must_choose
from app.rules.cancelling import may_waive
from app.rules.self_service import broke_promise

LONGEST_REASON = 120
#: A fee that nobody has billed is called to mind for so long.
REMEMBERED = timedelta(days=60)
#: So many visits are looked at for it.
MOST_LOOKED_AT = 40


@dataclass(frozen=True, slots=True)
class Owed:
    """What calling off costs: `total` with tax, in the currency's smallest coins, as a share of base and travel.

    `why` is hours (so many `hours_before` the promise); moved (what was owed when the customer moved the visit);
    our_delay, or our_doing (we cannot come then): nothing is owed.
    """

    total: int
    why: str
    percent: float = 0.0
    hours_before: int = 0
    currency: str = "JPY"
    exponent: int = 0

    @property
    def facts(self) -> dict[str, Any]:
        """Return it as it is kept with the cancellation."""
        return {"fee": self.total, "currency": self.currency, "exponent": self.exponent, "fee_why": self.why}


def owed_now(session: Session, visit: Visit, now: datetime) -> Owed | None:
    """Return what calling a visit off costs its customer now; None where that is not known.

    Nothing when we cannot come as promised, or are more than half an hour late, or have told her that we will be.
    """
    if must_choose(session, visit):
        return Owed(0, "our_doing")
    if is_late(session, visit, now):
        return Owed(0, "our_delay")
    found = fee_of_visit(session, visit, now)
    if found is None:
        return None
    book, fee = found
    return Owed(fee.price.total, fee.why, float(fee.percent), fee.hours_before, book.currency, book.exponent)


def is_late(session: Session, visit: Visit, now: datetime) -> bool:
    """Return whether the company is so late that calling off is free."""
    told = told_window(session, visit)
    return visit.arrived_at is None and broke_promise(visit.promised_until_at, told[0] if told else None, now)


def call_off_at_desk(
    session: Session,
    visit_id: int,
    message: Message,
    *,
    seen: int | None,
    waive: str = "",
    role: str,
    now: datetime,
    actor: str,
    version: int | None = None,
    reason: str = "",
) -> Visit:
    """Cancel a visit for a customer, and keep with it what she owes for that; by our own doing she owes nothing.

    `seen` is the fee that was looked at before (None: a program asks, which is told afterwards); `waive` is why she is
    let off it. Raises what appointment.cancel raises, Conflict `fee_changed`, and as `waive_fee`.
    """
    visit = visit_for_change(session, visit_id, version)
    ours = message.side == "us"
    owed = Owed(0, "our_doing") if ours else owed_now(session, visit, now)
    if seen is not None and not ours and (owed.total if owed else 0) > seen:
        raise Conflict("fee_changed")
    agreed = owed.facts if owed is not None else {}
    cancelled = cancel(
        session, visit_id, message, now=now, actor=actor, version=version, reason=reason, agreed=agreed
    )  # fmt: skip
    if waive and owed is not None and owed.total:
        waive_fee(session, visit_id, waive, role=role, now=now, actor=actor)
    return cancelled


def waive_fee(session: Session, visit_id: int, reason: str, *, role: str, now: datetime, actor: str) -> Visit:
    """Let a customer off the fee of a visit that was called off, or found nobody at home; return the visit.

    Who may: a role that the price book lets give all of a price as a discount. Raises NotFound, NotAllowed, Invalid
    naming `waive`, Conflict `nothing_owed` or `already_invoiced`.
    """
    visit = visit_for_change(session, visit_id)
    problems: list[Problem] = []
    reason = tell_text(problems, "waive", reason, LONGEST_REASON)
    if problems:
        raise Invalid(problems)
    if not role_may_waive(session, visit, role):
        raise NotAllowed("waive_not_allowed")
    if waived(session, visit_id) is not None:
        return visit
    if session.scalar(select(Paper.id).where(Paper.visit_id == visit_id, Paper.kind == "invoice").limit(1)):
        raise Conflict("already_invoiced")  # then a credit note
    bill = bill_of_visit(session, visit, Told())
    if bill.what == "completed":
        raise Conflict("nothing_owed")
    facts = {"reason": reason, "waived": bill.price.total, "currency": bill.book.currency}
    add_event(session, visit, "fee_waived", actor, now, facts={**facts, "exponent": bill.book.exponent})
    return visit


def role_may_waive(session: Session, visit: Visit, role: str) -> bool:
    """Return whether a role may let a customer off her fee."""
    return may_waive(book_at(session, visit.promised_from_at), role)


def keep_step(session: Session, visit: Visit, seen: Fraction, owed: Owed | None, now: datetime) -> None:
    """Keep what calling off would have cost at the moment at which a customer moved her visit, as she was shown it."""
    percent = min(Fraction(owed.percent).limit_denominator(1000), seen) if owed is not None else Fraction(0)
    if percent > 0 and owed is not None:
        facts = {"percent": str(percent), "hours_before": owed.hours_before}
        add_event(session, visit, "fee_step_kept", "customer", now, facts=facts)


@dataclass(frozen=True, slots=True)
class FeeLeft:
    """The fee of a visit that is called off: what can be billed, or that the customer was let off it, and why."""

    total: int
    currency: str
    exponent: int
    waived: str = ""


def fee_left(session: Session, visit: Visit) -> FeeLeft | None:
    """Return the fee of a visit that was called off or found nobody; None where nothing is owed, or not known."""
    if visit.status not in ("cancelled", "no_access") or visit.beside_id is not None:
        return None
    event = waived(session, visit.id)
    if event is not None:
        facts = event.facts
        return FeeLeft(facts["waived"], facts["currency"], facts["exponent"], facts["reason"])
    if visit.status == "cancelled" and not _fee_known(session, visit):
        return None  # called off before anybody was shown a fee, or by ourselves
    try:
        bill = bill_of_visit(session, visit, Told())
    except (Conflict, Invalid):
        return None
    return FeeLeft(bill.price.total, bill.book.currency, bill.book.exponent)


def fees_to_bill(session: Session, now: datetime) -> Sequence[tuple[Visit, FeeLeft]]:
    """Return visits that were called off or found nobody lately and whose fee has no invoice, with what it is.

    None while no prices are kept.
    """
    if not keeps_prices(session):
        return []
    said, later = select(VisitEvent.id).where(VisitEvent.visit_id == Visit.id), aliased(VisitEvent)
    undone = exists().where(later.visit_id == Visit.id, later.kind == "undone", later.id > VisitEvent.id)
    # What was called off before a fee was known to anybody, or for nothing, is nobody's debt.
    known = said.where(VisitEvent.kind == "cancelled", VisitEvent.facts["fee"].as_integer() > 0).exists()
    wanted = select(Visit).where(
        or_(Visit.status == "no_access", and_(Visit.status == "cancelled", known)),
        Visit.beside_id.is_(None),
        Visit.promised_from_at > now - REMEMBERED,
        ~select(Paper.id).where(Paper.visit_id == Visit.id).exists(),
        ~said.where(VisitEvent.kind == "fee_waived", ~undone).exists(),
    )
    with_names = wanted.options(joinedload(Visit.customer), joinedload(Visit.service))
    rows = session.scalars(with_names.order_by(Visit.promised_from_at.desc()).limit(MOST_LOOKED_AT)).all()
    found = [(visit, fee_left(session, visit)) for visit in rows]
    return [(visit, fee) for visit, fee in found if fee is not None]


def _fee_known(session: Session, visit: Visit) -> bool:
    wanted = select(VisitEvent).where(VisitEvent.visit_id == visit.id, VisitEvent.kind == "cancelled")
    event = session.scalars(wanted.order_by(VisitEvent.id.desc()).limit(1)).first()
    return event is not None and bool(event.facts.get("fee"))
