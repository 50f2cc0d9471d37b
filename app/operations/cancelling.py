"""What does calling a visit off cost?"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from app.models import Visit
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
        )
    except CannotPrice:  # further away than the book goes
        return None
    return book, fee
