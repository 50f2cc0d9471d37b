"""Put prices in force: the product's, the office's own, and what a change would have meant last month."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from app.errors import Invalid, NotFound, Problem, Stale
from app.models import PriceBookVersion, Visit
from app.operations.listing import Page, id_of, page_of
from app.operations.price_book import STANDARD, book_data_on, known_countries, public_holidays_of
from app.operations.pricing import job_of_visit
from app.operations.turn import lock_company
from app.rules.book_reading import Unsound, read_book
from app.rules.price_book import PriceBook
from app.rules.pricing import CannotPrice, Job, price

#: The preview looks back so far, at so many of the latest visits.
LAST_MONTH, MOST_PREVIEWED = timedelta(days=31), 500
#: Codes of faults whose words are about price books alone.
_SAID = {
    code: f"book_{code}"
    for code in (
        *("whole", "number", "code", "clock", "timezone", "one_of", "order", "no_time", "over_a_day", "overlaps_band"),
        *("country", "month_day", "no_last_step", "no_access_step"),
    )
}


@dataclass(frozen=True, slots=True)
class Previewed:
    """One past visit, and what it would have cost by two books, tax included; None where a book has no price."""

    visit: Visit
    before: int | None
    after: int | None


def checked_book(data: Any) -> PriceBook:
    """Return the book that data mean. Raises Invalid naming every field."""
    try:
        return read_book(data, known_countries())
    except Unsound as unsound:
        faults = [Problem(one.field, _SAID.get(one.code, one.code), dict(one.facts)) for one in unsound.faults]
        raise Invalid(faults) from None


def save_book(
    session: Session, data: Mapping[str, Any], *, now: datetime, actor: str, version: int | None = None
) -> PriceBookVersion:
    """Keep a book as a new version; it prices work from its `valid_from` on, and changes no document that exists.

    `version` is the number of the newest one that was read (0: there was none). Raises Invalid naming the field (a code
    that an earlier version has is refused: quotes name their book by it), Stale when somebody else has saved meanwhile.
    """
    lock_company(session)
    newest = newest_book(session)
    if version is not None and version != (newest.id if newest is not None else 0):
        raise Stale("book_changed")
    book = checked_book(data)
    if session.scalar(select(PriceBookVersion.id).where(PriceBookVersion.code == book.code)) is not None:
        raise Invalid.one("code", "book_code_taken")
    kept = PriceBookVersion(at=now, by=actor, code=book.code, valid_from=book.valid_from, book=dict(data))
    session.add(kept)
    session.flush()
    return kept


def take_standard(session: Session, *, now: datetime, actor: str, zone: tzinfo) -> PriceBookVersion:
    """Put the product's own prices in force from today on. Raises Invalid when they are already."""
    today = now.astimezone(zone).date().isoformat()
    valid_from = min(str(STANDARD["valid_from"]), today)
    return save_book(session, {**STANDARD, "valid_from": valid_from}, now=now, actor=actor)


def newest_book(session: Session) -> PriceBookVersion | None:
    """Return the version that was saved last; None while the product's own prices were never touched."""
    return session.scalar(select(PriceBookVersion).order_by(PriceBookVersion.id.desc()).limit(1))


def find_book(session: Session, number: int) -> PriceBookVersion:
    """Return a version. Raises NotFound."""
    version = session.get(PriceBookVersion, number)
    if version is None:
        raise NotFound("price_book")
    return version


def page_of_books(session: Session, *, limit: int, cursor: str | None) -> Page[PriceBookVersion]:
    """Return the versions in the order in which they were saved. Raises Invalid."""
    wanted = select(PriceBookVersion).where(PriceBookVersion.id > id_of(cursor)).order_by(PriceBookVersion.id)
    return page_of(session.scalars(wanted.limit(limit + 1)).all(), limit, lambda version: str(version.id))


def all_books(session: Session, limit: int) -> Sequence[PriceBookVersion]:
    """Return the versions that were saved last, the newest first."""
    return session.scalars(select(PriceBookVersion).order_by(PriceBookVersion.id.desc()).limit(limit)).all()


def next_code(session: Session, code: str) -> str:
    """Return a free code for the version after one: standard-2026, standard-2026-2, standard-2026-3."""
    taken = set(session.scalars(select(PriceBookVersion.code)))
    stem, _, number = code.rpartition("-")
    stem = stem if stem and number.isdecimal() and len(number) < 4 else code
    return next(free for n in range(2, len(taken) + 3) if (free := f"{stem}-{n}") not in taken)


def preview_book(session: Session, data: Mapping[str, Any], now: datetime, zone: tzinfo) -> Sequence[Previewed]:
    """Return last month's visits with what they cost by the book in force, and by this one; those that differ first.

    Planned minutes, no taxi. Raises Invalid when the book is not sound.
    """
    after = checked_book(data)
    before = checked_book(book_data_on(session, now.astimezone(zone).date()))
    visits = session.scalars(
        select(Visit)
        .where(Visit.planned_from_at >= now - LAST_MONTH, Visit.planned_from_at < now, Visit.status != "cancelled")
        .options(joinedload(Visit.customer), joinedload(Visit.service), joinedload(Visit.technician))
        .options(joinedload(Visit.site))
        .order_by(Visit.planned_from_at.desc())
        .limit(MOST_PREVIEWED)
    ).all()
    found = []
    for visit in visits:
        try:
            job = job_of_visit(session, visit)
        except Invalid:
            continue
        found.append(Previewed(visit, _total(before, job), _total(after, job)))
    return sorted(found, key=lambda one: -abs((one.after or 0) - (one.before or 0)))


def exported(data: Mapping[str, Any]) -> str:
    """Return a book as it is imported again."""
    return json.dumps(data, ensure_ascii=False, indent=2) + "\n"


def _total(book: PriceBook, job: Job) -> int | None:
    try:
        return price(book, job, public_holidays_of(book)).total
    except CannotPrice:
        return None
