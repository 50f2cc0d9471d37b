"""How far has the price of a visit been agreed, what is to be done next, and does a move ask for it again?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from app.errors import Conflict, Invalid, Problem, Refused
from app.models import Alarm, Quote, QuoteAnswer, Technician, Visit, VisitEvent
from app.operations.alarm import raise_alarm
from app.operations.booking import add_event, visit_for_change
from app.operations.confirmation import confirm_told
from app.operations.notice import Telling
from app.operations.price_book import book_at, keeps_prices, kept_book
from app.operations.pricing import at_most, distance_from, job_of_visit, priced
from app.operations.quote import (
    accepted_of,
    job_as,
    job_now,
    quote_of_link,
    quote_state,
    quotes_by_visit,
    quotes_of,
    why_not_dispatched,
    why_not_with,
)
from app.operations.quote_sending import send_quote, sent_quotes
from app.operations.quoting import Wish, make_quote, quote_again
from app.rules.price_book import PriceBook
from app.rules.pricing import Price

#: From no price known to a price that has risen since it was accepted; after `made`, the customer has been asked.
STATES = (*("no_price", "none", "made", "sent", "seen", "accepted", "declined", "expired", "price_rose"),)
#: In these, one press makes the quote, or sends the one that was made.
TO_SEND = ("none", "made", "expired", "price_rose")


#: A price that is still open is a person's matter so long before the work begins ...
CALLED_WITHIN = timedelta(hours=2)
#: ... and is best settled before the technician would set out.
SETS_OUT = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far the price of a visit is agreed: `state` is one of STATES.

    `price` is what it costs as planned now (None: what is `missing` for it is not known); `held_back` why nobody may
    set out yet: not_agreed, price_rose, or None.
    """

    state: str
    book: PriceBook
    price: Price | None
    missing: Sequence[Problem]
    held_back: str | None
    #: The one whose acceptance holds, else the newest.
    quote: Quote | None
    #: When the customer was told of it, and when its page was looked at.
    sent_at: datetime | None
    seen_at: datetime | None
    answer: QuoteAnswer | None

    @property
    def can_send(self) -> bool:
        """Whether one press asks the customer."""
        return self.price is not None and self.state in TO_SEND


@dataclass(frozen=True, slots=True)
class Agreed:
    """What the technician of a visit has to know: the quote its customer accepted, and why not to set out yet."""

    quote: Quote | None
    held_back: str | None


@dataclass(frozen=True, slots=True)
class PriceChange:
    """What a visit costs as it stands and as somebody would have it, and whether its customer is asked again."""

    book: PriceBook
    before: int
    after: int
    accepted: int | None
    after_hours: bool

    @property
    def asks_again(self) -> bool:
        """Whether what was accepted is no longer enough."""
        return self.accepted is not None and self.after > self.accepted


def agreement_of(session: Session, visit: Visit, now: datetime) -> Agreement | None:
    """Return how far a visit's price is agreed; None where prices bind nobody yet, and of who only goes along."""
    quotes = quotes_of(session, visit.id)
    if visit.beside_id is not None or (not quotes and not keeps_prices(session)):
        return None
    quote = _that_counts(quotes, visit)
    book = kept_book(quote.book) if quote else book_at(session, visit.planned_from_at)
    price, missing = _as_planned(session, visit, quote, book)
    sent_at = sent_quotes(session, [quote.id]).get(quote.id) if quote else None
    seen_at = _seen_at(session, quote) if quote else None
    state = "none" if price is not None else "no_price"
    if quote is not None:
        state = {"over": "expired"}.get(found := quote_state(session, quote, now), found)
        if state == "open":
            state = "seen" if seen_at else "sent" if sent_at else "made"
        if visit.is_open and price is not None and price.total > quote.total and state != "declined":
            state = "price_rose"
    answers = [one for one in quote.answers if one.answer == state] if quote else []
    return Agreement(
        state=state,
        book=book,
        price=price,
        missing=missing,
        held_back=why_not_dispatched(session, visit) if visit.status == "booked" else None,
        quote=quote,
        sent_at=sent_at,
        seen_at=seen_at,
        answer=answers[-1] if answers else None,
    )


def offer_price(session: Session, visit_id: int, telling: Telling, *, role: str, now: datetime, actor: str) -> Quote:
    """Ask a customer whether she agrees to the price as planned now: by the quote that says so already, else a new one.

    Raises NotFound, Invalid naming what is not known yet, Conflict when the visit is over, she has
    accepted meanwhile, or no channel reaches her.
    """
    visit = visit_for_change(session, visit_id)  # two who press at once ask her once
    quotes = quotes_of(session, visit_id)
    newest, counts = next(iter(quotes), None), _that_counts(quotes, visit)
    if counts is not None and quote_state(session, counts, now) == "accepted" and _holds(counts, visit):
        raise Conflict("quote_accepted")  # she has answered meanwhile
    if newest is not None and quote_state(session, newest, now) == "open":
        as_it_is = priced(kept_book(newest.book), job_now(newest, visit)).total
        if as_it_is == newest.total:
            send_quote(session, newest.id, telling, now=now, actor=actor)
            return newest
    accepted = accepted_of(quotes)
    if accepted is not None:
        made = quote_again(session, visit_id, accepted, now=now, actor=actor)
    else:
        made = make_quote(session, visit_id, Wish(), role=role, now=now, actor=actor)
    send_quote(session, made.id, telling, now=now, actor=actor)
    return made


def offer_when_moved(session: Session, visit: Visit, telling: Telling, *, now: datetime, actor: str) -> bool:
    """Ask a customer at once about a price that rose with a move she made or is told of; the desk sees that it is open.

    Returns whether she was asked.

    Whom no channel reaches is told on the phone, and a price that cannot be made out is the desk's to see: the move
    stands all the same.
    """
    deal = agreement_of(session, visit, now)
    if deal is None or deal.quote is None or deal.state != "price_rose":
        return False
    if deal.sent_at is None and not deal.quote.answers:
        return False  # she has never been asked, so the desk has its own plan with it
    try:
        with session.begin_nested():
            # Nothing is taken off the price here, so whose discounts are allowed does not matter.
            offer_price(session, visit.id, telling, role="dispatcher", now=now, actor=actor)
    except (Conflict, Invalid):
        return False
    return True


def offer_when_booked(
    session: Session, visit: Visit, telling: Telling, *, role: str, now: datetime, actor: str
) -> None:
    """Make the quote for a visit that was booked just now, and tell its customer where a channel reaches her.

    Whom none reaches is told on the phone: the quote waits for that. Raises Invalid naming what is not known yet.
    """
    made = make_quote(session, visit.id, Wish(), role=role, now=now, actor=actor)
    try:
        with session.begin_nested():
            send_quote(session, made.id, telling, now=now, actor=actor)
    except Conflict:
        pass


def agreed_by_visit(session: Session, visits: Sequence[Visit]) -> Mapping[int, Agreed]:
    """Return what the customers of some visits have agreed to, and what holds back who would set out there.

    Who goes along is told of the first one's visit: that one is priced.
    """
    quotes = quotes_by_visit(session, [visit.beside_id or visit.id for visit in visits])
    kept, found = keeps_prices(session), {}
    for visit in visits:
        of = quotes[visit.beside_id or visit.id]
        if not of and not kept:
            continue
        accepted = accepted_of(of)
        held_back = why_not_with(session, visit, of) if visit.status == "booked" else None
        if accepted is not None or held_back is not None:
            found[visit.id] = Agreed(accepted, held_back)
    return found


def note_seen(session: Session, token: str, now: datetime) -> None:
    """Take in that somebody has the page of a quote before her: it is written down once. Raises NotFound."""
    quote = quote_of_link(session, token)
    visit = visit_for_change(session, quote.visit_id)
    confirm_told(session, visit.id, "opened", now)
    if _seen_at(session, quote) is None:
        add_event(session, visit, "quote_seen", "customer", now, facts={"quote": quote.id})


def unagreed_soon(session: Session, now: datetime) -> Sequence[int]:
    """Return the visits that begin soon, that nobody may set out to yet, and that nobody was called about."""
    if not keeps_prices(session):
        return ()
    called = exists().where(
        Alarm.kind == "price_open", Alarm.visit_id == Visit.id, Alarm.raised_at > now - CALLED_WITHIN
    )
    soon = Visit.planned_from_at.between(now, now + CALLED_WITHIN), Visit.status == "booked", Visit.beside_id.is_(None)
    visits = session.scalars(select(Visit).where(*soon, ~called).order_by(Visit.id)).all()
    return [visit.id for visit in visits if why_not_dispatched(session, visit) is not None]


def call_about_price(session: Session, visit_id: int, now: datetime) -> bool:
    """Put a visit on the desk's list whose price nobody has agreed to while its technician should set out soon."""
    visit = visit_for_change(session, visit_id)
    if visit.status != "booked" or why_not_dispatched(session, visit) is None:
        return False
    facts = {"deadline_at": max(visit.planned_from_at - SETS_OUT, now).isoformat()}
    raise_alarm(
        session, "price_open", f"visit:{visit.id}", now,
        visit_id=visit.id, technician_id=visit.technician_id, facts=facts,
    )  # fmt: skip
    return True


def price_change(
    session: Session, visit: Visit, *, start_at: datetime, minutes: int, technician_id: int | None
) -> PriceChange | None:
    """Return what another time, length or technician would change; None where no price binds anybody, or none is known.

    What was quoted is priced by its own book, as `why_not_dispatched` will do.
    """
    quotes = quotes_of(session, visit.id)
    if not quotes and not keeps_prices(session):
        return None
    accepted = accepted_of(quotes)
    quote = accepted or (quotes[0] if quotes else None)
    technician = session.get(Technician, technician_id) if technician_id is not None else None
    travels_by = technician.travels_by if technician is not None else "car"
    try:
        if quote is not None:
            job, book = job_now(quote, visit), kept_book(quote.book)
            then, later = job_as(quote, start_at=start_at, minutes=minutes, travels_by=travels_by), book
        else:
            job, book, later = (
                job_of_visit(session, visit),
                book_at(session, visit.planned_from_at),
                book_at(session, start_at),
            )
            far_km = distance_from(session, technician, visit.site.lat, visit.site.lon)
            then = replace(job, start_at=start_at, minutes=minutes, travels_by=travels_by, distance_km=far_km or 0.0)
            job, then = at_most(book, job), at_most(later, then)
        before, after = priced(book, job), priced(later, then)
    except (Invalid, Refused):
        return None
    agreed = accepted.total if accepted else None
    return PriceChange(later, before.total, after.total, agreed, after.after_hours)


def _that_counts(quotes: Sequence[Quote], visit: Visit) -> Quote | None:
    """Return the quote whose acceptance still holds, else the newest: what the customer has been asked last."""
    accepted = accepted_of(quotes)
    if accepted is not None and _holds(accepted, visit):
        return accepted
    return quotes[0] if quotes else None


def _holds(quote: Quote, visit: Visit) -> bool:
    """Return whether a visit costs no more, as it is planned now, than a quote of it says."""
    return priced(kept_book(quote.book), job_now(quote, visit)).total <= quote.total


def _as_planned(
    session: Session, visit: Visit, quote: Quote | None, book: PriceBook
) -> tuple[Price | None, Sequence[Problem]]:
    try:
        job = job_now(quote, visit) if quote is not None else at_most(book, job_of_visit(session, visit))
        return priced(book, job), ()
    except Invalid as unknown:
        return None, unknown.problems


def _seen_at(session: Session, quote: Quote) -> datetime | None:
    events = session.scalars(
        select(VisitEvent).where(VisitEvent.visit_id == quote.visit_id, VisitEvent.kind == "quote_seen")
    )
    return next((event.at for event in events if event.facts.get("quote") == quote.id), None)
