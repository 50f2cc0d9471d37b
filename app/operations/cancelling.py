"""What does calling a visit off cost?"""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import Visit, VisitEvent
from app.operations.price_book import book_at, keeps_prices, kept_book
from app.operations.pricing import distance_of
from app.operations.quote import accepted_quote
from app.rules.cancelling import Fee, cancellation_fee
from app.rules.price_book import PriceBook
from app.rules.pricing import CannotPrice


def fee_of_visit(
    session: Session, visit: Visit, now: datetime, *, no_access: bool = False
) -> tuple[PriceBook, Fee] | None:
    """Return what calling a visit off costs now, and by which book.

    By the quote that the customer accepted; without one, by the book in force, once the office keeps prices of its own:
    nobody owes by a list that the company has never looked at. None then, and where the kind of work has no price or
    the distance is not known. `fee.price.total` has tax in it; `fee.why` is hours, no_access, or our_delay, when
    nothing is owed because we are more than half an hour late.
    """
    agreed = accepted_quote(session, visit.id)
    if agreed is not None:
        book, service, distance_km = kept_book(agreed.book), agreed.job["service"], agreed.job["distance_km"]
    elif keeps_prices(session):
        book, service = book_at(session, visit.promised_from_at), visit.service.price_code
        distance_km = distance_of(session, visit)
    else:
        return None
    if service not in book.services or distance_km is None:
        return None
    try:
        fee = cancellation_fee(
            book,
            service=service,
            distance_km=distance_km,
            cancelled_at=now,
            promised_from_at=visit.promised_from_at,
            promised_until_at=visit.promised_until_at,
            arrived_at=visit.arrived_at,
            no_access=no_access,
            kept=kept_step(session, visit.id),
        )
    except CannotPrice:  # further away than the book goes
        return None
    return book, fee


def kept_step(session: Session, visit_id: int) -> Fraction:
    """Return the percent that a customer would have owed when she moved her visit by herself, as she was shown it.

    Who moves a visit to call it off for nothing later owes what it would have been; once we have moved it, nothing is
    kept of that.
    """
    kinds = ("fee_step_kept", "changed")
    wanted = select(VisitEvent).where(VisitEvent.visit_id == visit_id, VisitEvent.kind.in_(kinds))
    kept = Fraction(0)
    for event in session.scalars(wanted.order_by(VisitEvent.id)):
        if event.kind == "fee_step_kept":
            kept = max(kept, Fraction(event.facts["percent"]))
        elif event.actor != "customer" and _promise(event, "before") != _promise(event, "after"):
            kept = Fraction(0)
    return kept


def waived(session: Session, visit_id: int) -> VisitEvent | None:
    """Return that a customer was let off the fee of a visit; None when she was not, or what it was for was undone."""
    wanted = select(VisitEvent).where(VisitEvent.visit_id == visit_id, VisitEvent.kind.in_(("fee_waived", "undone")))
    last = session.scalars(wanted.order_by(VisitEvent.id.desc()).limit(1)).first()
    return last if last is not None and last.kind == "fee_waived" else None


def _promise(event: VisitEvent, side: str) -> tuple[object, object]:
    facts = event.facts.get(side) or {}
    return facts.get("promised_from"), facts.get("promised_until")
