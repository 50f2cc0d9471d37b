"""What was added to a visit on site, what is it together, and which quote has it in it?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from app.models import AddedWork, Quote
from app.rules.price_book import PriceBook
from app.rules.pricing import Job, PartUsed


@dataclass(frozen=True, slots=True)
class Added:
    """What a technician adds: minutes beyond the plan, parts and other services of the book."""

    minutes: int = 0
    parts: tuple[PartUsed, ...] = ()
    also: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.minutes or self.parts or self.also)


def works_of(session: Session, visit_id: int) -> Sequence[AddedWork]:
    """Return what was added to a visit on site, oldest first."""
    wanted = select(AddedWork).where(AddedWork.visit_id == visit_id).order_by(AddedWork.id)
    return session.scalars(wanted.options(selectinload(AddedWork.quote).selectinload(Quote.answers))).all()


def together(added: Sequence[Added | AddedWork]) -> Added:
    """Return several additions as one; pieces of one part stand together."""
    pieces: dict[str, int] = {}
    for part in (part for one in added for part in parts_of(one)):
        pieces[part.code] = pieces.get(part.code, 0) + part.quantity
    return Added(
        sum(one.minutes for one in added),
        tuple(PartUsed(code, quantity) for code, quantity in pieces.items()),
        tuple(code for one in added for code in one.also),
    )


def parts_of(added: Added | AddedWork) -> tuple[PartUsed, ...]:
    """Return the parts of an addition."""
    if isinstance(added, Added):
        return added.parts
    return tuple(PartUsed(part["code"], part["quantity"]) for part in added.parts)


def with_added(job: Job, added: Sequence[Added | AddedWork], book: PriceBook) -> Job:
    """Return a job with additions; pieces of one part stand in one line."""
    every = together(added)
    return replace(
        job,
        minutes=job.minutes + minutes_of(every, book),
        parts=together([Added(parts=(*job.parts, *every.parts))]).parts,
        also=(*job.also, *every.also),
    )


def minutes_of(added: Added, book: PriceBook) -> int:
    """Return the minutes that an addition takes, with those of the services in it."""
    return added.minutes + sum(book.services[code].included_minutes for code in added.also if code in book.services)


def less(parts: Sequence[PartUsed], gone: Sequence[PartUsed]) -> tuple[PartUsed, ...]:
    """Return parts without some of their pieces."""
    off = {part.code: part.quantity for part in gone}
    left = [PartUsed(part.code, part.quantity - off.get(part.code, 0)) for part in parts]
    return tuple(part for part in left if part.quantity > 0)


def inside(quote: Quote | None, works: Sequence[AddedWork]) -> frozenset[int]:
    """Return the numbers of the added work that a quote has in it."""
    if quote is None:
        return frozenset()
    return frozenset(quote.job.get("carries") or ()) | {one.id for one in works if one.quote_id == quote.id}


def joined(works: Sequence[AddedWork]) -> frozenset[int]:
    """Return the numbers of the added work that a later addition was asked for together with."""
    return frozenset(id for one in works if one.quote for id in one.quote.job.get("carries") or ())


def asked_in(session: Session, quote: Quote, works: Sequence[AddedWork]) -> list[AddedWork]:
    """Return the added work that a quote asked for: what is in it, but not in the one that it rests on."""
    upon = quote.job.get("upon")
    before = inside(session.get_one(Quote, upon), works) if upon is not None else frozenset()
    return [one for one in works if one.id in inside(quote, works) - before]
