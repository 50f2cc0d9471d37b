"""Add work at the customer's: within what she agreed to it is noted, above it she is asked, or it is not billed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, tzinfo
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import Conflict, Invalid, NotFound
from app.models import AddedWork, Handover, Quote, Technician, Visit, VisitEvent
from app.models.onsite import HANDED_WAYS
from app.operations.added_work import (
    Added,
    asked_in,
    inside,
    joined,
    less,
    minutes_of,
    together,
    with_added,
    works_of,
)
from app.operations.booking import add_event, visit_for_change
from app.operations.company import find_company
from app.operations.onsite_words import LAW_OF, added_words, document, missing_of
from app.operations.price_book import book_data_at, keeps_prices, kept_book
from app.operations.pricing import job_of_visit, priced
from app.operations.quote import ON_SITE, Frame, accepted_answer, accepted_quote, keep_quote, quote_state, quoted_job
from app.rules.agreed import most_billed
from app.rules.on_site import last_day, right_of
from app.rules.price_book import PriceBook
from app.rules.pricing import Job, Price

#: States of a visit in which somebody is there to add something.
THERE = ("arrived", "working")
#: More is no addition any more but another visit.
MOST_MINUTES, MOST_PIECES = 480, 99


@dataclass(frozen=True, slots=True)
class Agreed:
    """What a customer has agreed to so far, with what was noted within it: totals with tax.

    `total` is that of the quote she accepted (`by`), else of the plan, less what she has withdrawn from; `most` may be
    billed without asking her again.
    """

    data: Mapping[str, Any]
    book: PriceBook
    job: Job
    total: int
    by: Quote | None
    #: The numbers of all the added work that is in the job, and of it what was noted since `by`.
    works: frozenset[int] = frozenset()
    noted: Sequence[AddedWork] = ()
    #: What she has withdrawn from (cooling-off).
    withdrawn: Sequence[AddedWork] = ()

    @property
    def most(self) -> int:
        """The highest total that needs no new word of hers."""
        return most_billed(self.book, self.total, exact=bool(self.withdrawn))


@dataclass(frozen=True, slots=True)
class Weighed:
    """What an addition leads to: the price of everything with it, and whether the customer has to agree first.

    `asks_too`: what she was asked before and has not answered; she is asked about it together with this.
    """

    agreed: Agreed
    job: Job
    price: Price
    asks: bool
    asks_too: Sequence[AddedWork] = ()


def agreed_so_far(session: Session, visit: Visit) -> Agreed:
    """Return what was agreed for a visit. Raises Conflict `no_prices_yet`, Invalid naming what has no price."""
    quote = accepted_quote(session, visit.id)
    if quote is not None:
        job, total = quoted_job(quote), quote.total
        data: Mapping[str, Any] = quote.book
    elif keeps_prices(session):
        job = job_of_visit(session, visit)
        data = book_data_at(session, job.start_at)
        total = priced(kept_book(data), job).total
    else:
        raise Conflict("no_prices_yet")
    book, works = kept_book(data), works_of(session, visit.id)
    since = quote.created_at if quote is not None else visit.created_at
    quoted = inside(quote, works)
    noted = [one for one in works if one.quote_id is None and one.at >= since and one.id not in quoted]
    agreed = Agreed(data, book, with_added(job, noted, book), total, quote, quoted | {one.id for one in noted}, noted)
    for quote_id in withdrawn_from(session, visit.id):
        agreed = _without(session, agreed, works, quote_id)
    return agreed


def weigh(session: Session, visit: Visit, added: Added, *, instead: bool = False, now: datetime) -> Weighed:
    """Return what an addition costs and whether it needs a new agreement.

    What she has been asked and has not answered yet is asked with it, unless this comes `instead` of that. Raises as
    `agreed_so_far`, Invalid.
    """
    agreed = agreed_so_far(session, visit)
    if unknown := [code for code in added.also if code not in agreed.book.services]:
        raise Invalid.one("also", "choice", choices=unknown[0])
    weighed = _weighed(visit, agreed, added)
    asked = () if instead or not weighed.asks else unanswered(session, visit.id, agreed, now)
    return _weighed(visit, agreed, added, asked) if asked else weighed


def unanswered(session: Session, visit_id: int, agreed: Agreed, now: datetime) -> Sequence[AddedWork]:
    """Return the added work that the customer is being asked about at this moment and has not answered."""
    works = works_of(session, visit_id)
    quotes = [one.quote for one in works if one.quote is not None]
    asked = next((quote for quote in quotes if quote_state(session, quote, now) == "open"), None)
    return [one for one in works if one.id in inside(asked, works) - agreed.works]


def _weighed(visit: Visit, agreed: Agreed, added: Added, asked: Sequence[AddedWork] = ()) -> Weighed:
    with_it = with_added(agreed.job, [*asked, added], agreed.book)
    began_at = visit.arrived_at or visit.planned_from_at
    job = replace(with_it, start_at=began_at, promised_until_at=visit.promised_until_at)
    price = priced(agreed.book, job)
    return Weighed(agreed, job, price, price.total > agreed.most, asked)


def add_work(
    session: Session,
    visit_id: int,
    added: Added,
    *,
    key: str,
    seen: int,
    sign: bool,
    technician_id: int,
    zone: tzinfo,
    country: str,
    now: datetime,
    instead: bool = False,
) -> AddedWork:
    """Note work that is added on site; above what was agreed to, a quote for everything is made, to be accepted.

    What she has not answered yet stays in it, unless this comes `instead`. `seen` is the total that was looked at
    before; the form's `key` keeps one that is sent twice from standing twice.
    Raises NotFound, Conflict: beside, not_on_site, bill_changed, document_incomplete, no_prices_yet; Invalid.
    """
    own_visit(session, visit_id, technician_id)
    visit = visit_for_change(session, visit_id)
    # Looked for behind the lock: of two presses at once the second waits for the first.
    there = session.scalar(select(AddedWork).where(AddedWork.client_key == key))
    if there is not None and there.visit_id == visit.id:
        return there
    if there is not None or not key:
        raise Conflict("bill_changed")
    check_there(visit)
    if not added:
        raise Invalid.one("minutes", "nothing_added")
    weighed = weigh(session, visit, added, instead=instead, now=now)
    if weighed.price.total != seen:
        raise Conflict("bill_changed")
    actor, words = f"technician:{technician_id}", added_words(weighed.agreed.book, together([*weighed.asks_too, added]))
    quote = _asked(session, visit, weighed, added, sign, zone, country, now, actor) if weighed.asks else None
    work = AddedWork(
        visit_id=visit.id, at=now, by=actor, minutes=added.minutes,
        parts=[{"code": part.code, "quantity": part.quantity} for part in added.parts], also=list(added.also),
        words=words, agreed_total=weighed.agreed.total, total=weighed.price.total,
        quote_id=quote.id if quote is not None else None, client_key=key,
    )  # fmt: skip
    session.add(work)
    session.flush()
    facts = {"work": work.id, "total": work.total, **({"quote": quote.id} if quote is not None else {})}
    add_event(session, visit, "work_added", actor, now, facts=facts)
    return work


def own_visit(session: Session, visit_id: int, technician_id: int) -> Visit:
    """Return a visit of a technician's own. Raises NotFound, Conflict `beside` for who only goes along."""
    visit = session.get(Visit, visit_id)
    if visit is None or visit.technician_id != technician_id:
        raise NotFound("visit")
    if visit.beside_id is not None:
        raise Conflict("beside", visit=visit.beside_id)
    return visit


def check_there(visit: Visit) -> None:
    """Raise Conflict `not_on_site` while nobody is at the customer's."""
    if visit.status not in THERE:
        raise Conflict("not_on_site", status=visit.status)


def work_of_quote(session: Session, quote_id: int) -> AddedWork | None:
    """Return the addition that a quote asks about; None for a quote made before the visit."""
    return session.scalar(select(AddedWork).where(AddedWork.quote_id == quote_id))


def state_of_work(session: Session, work: AddedWork, works: Sequence[AddedWork], now: datetime) -> str:
    """Return what became of one of a visit's `works`.

    noted (within what was agreed); withdrawn; joined, when it was asked for again together with a later one; or what
    became of its quote (operations.quote.quote_state).
    """
    if work.quote is None:
        return "noted"
    if work.quote_id in withdrawn_from(session, work.visit_id):
        return "withdrawn"
    state = quote_state(session, work.quote, now)
    return "joined" if state == "replaced" and work.id in joined(works) else state


def not_agreed(session: Session, visit_id: int) -> list[AddedWork]:
    """Return what was added and never agreed to, so that it is not billed.

    What was asked for again with something else, or replaced by it, is left out.
    """
    agreed, works = accepted_quote(session, visit_id), works_of(session, visit_id)
    newer = [one for one in works if one.quote_id and one.quote_id > (agreed.id if agreed is not None else 0)]
    return [one for one in newer if one.id not in joined(works) and not _dropped(one, newer)]


def _dropped(work: AddedWork, newer: Sequence[AddedWork]) -> bool:
    """Return whether the technician asked for something else instead, before its customer had answered."""
    quote = work.quote
    assert quote is not None
    return not quote.answers and any(one.id > work.id and one.at <= quote.expires_at for one in newer)


def withdrawn_from(session: Session, visit_id: int) -> Mapping[int, VisitEvent]:
    """Return the quotes of a visit whose added work its customer has withdrawn from, and the entries that say so."""
    wanted = select(VisitEvent).where(VisitEvent.visit_id == visit_id, VisitEvent.kind == "work_withdrawn")
    return {event.facts["quote"]: event for event in session.scalars(wanted.order_by(VisitEvent.id))}


def hand_over(session: Session, quote_id: int, way: str, *, now: datetime, actor: str) -> Handover:
    """Write down that the customer has the document of what she agreed to; again, nothing more is written.

    Raises NotFound, Invalid for an unknown way, Conflict when nothing was accepted, or electronically without consent.
    """
    quote = session.get(Quote, quote_id)
    if quote is None:
        raise NotFound("quote")
    visit = visit_for_change(session, quote.visit_id)
    if way not in HANDED_WAYS:
        raise Invalid.one("way", "choice", choices=", ".join(HANDED_WAYS))
    said = accepted_answer(quote)
    if said is None or not quote.shown["ja"].get("document"):
        raise Conflict("nothing_to_hand_over")
    if way == "electronic" and said.copy_way != "electronic":
        raise Conflict("no_consent")
    there = next((one for one in handovers(session, quote_id) if one.way == way), None)
    if there is not None:
        return there
    handed = Handover(quote_id=quote_id, at=now, by=actor, way=way)
    session.add(handed)
    session.flush()
    add_event(session, visit, "document_handed", actor, now, facts={"quote": quote_id, "way": way})
    return handed


def handovers(session: Session, quote_id: int) -> Sequence[Handover]:
    """Return how and when a document got into the customer's hands, the first one first."""
    return session.scalars(select(Handover).where(Handover.quote_id == quote_id).order_by(Handover.id)).all()


def withdraws_until(session: Session, quote: Quote, zone: tzinfo) -> date | None:
    """Return the last day on which a customer can withdraw from what she agreed to on site.

    None where she cannot at all, and as long as she has no document: then her days have not begun.
    """
    if quote.shown["ja"].get("document", {}).get("right") != "revocable":
        return None
    handed = handovers(session, quote.id)
    return last_day(handed[0].at, zone) if handed else None


def _asked(
    session: Session,
    visit: Visit,
    weighed: Weighed,
    added: Added,
    sign: bool,
    zone: tzinfo,
    country: str,
    now: datetime,
    actor: str,
) -> Quote:
    """Make the quote of everything with what is added, and the document that the law asks for."""
    company = find_company(session)
    right = right_of(business=visit.customer.kind == "corporate", added_on_site=True)
    if right == "revocable" and country == LAW_OF and (missing := missing_of(company)):
        raise Conflict("document_incomplete", missing=", ".join(missing))
    assert visit.technician_id is not None
    technician = session.get_one(Technician, visit.technician_id)
    agreed = weighed.agreed
    # Its price is all that goes beyond what she has accepted, so its words name all of that: what was noted too.
    words = added_words(agreed.book, together([*agreed.noted, *weighed.asks_too, added]))
    carries = agreed.works | {one.id for one in weighed.asks_too}
    by = agreed.by
    return keep_quote(
        session,
        visit,
        Frame(
            agreed.data, weighed.job, weighed.price, sign, now + ON_SITE, tuple(sorted(carries)), by.id if by else None
        ),
        now=now,
        actor=actor,
        more=lambda locale: {
            "added": words[locale],
            "document": document(
                company, technician.name, words[locale], right, weighed.price.total, agreed.total,
                by is not None, agreed.book, now.astimezone(zone).date(), country, locale,
            )
        },
    )  # fmt: skip


def _without(session: Session, agreed: Agreed, works: Sequence[AddedWork], quote_id: int) -> Agreed:
    """Return what stays agreed once a customer has withdrawn from what a quote asked for, as its document says it."""
    asked = next(one for one in works if one.quote_id == quote_id)
    assert asked.quote is not None
    gone = [one for one in asked_in(session, asked.quote, works) if one.id in agreed.works]
    if not gone:
        return agreed
    off = together(gone)
    also = list(agreed.job.also)
    for code in off.also:
        also.remove(code)
    job = replace(
        agreed.job,
        minutes=max(agreed.job.minutes - minutes_of(off, agreed.book), 0),
        parts=less(agreed.job.parts, off.parts),
        also=tuple(also),
    )
    return replace(
        agreed,
        job=job,
        total=max(agreed.total - (asked.total - asked.agreed_total), 0),
        works=agreed.works - {one.id for one in gone},
        noted=[one for one in agreed.noted if one not in gone],
        withdrawn=[*agreed.withdrawn, *gone],
    )
