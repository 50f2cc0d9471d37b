"""What is taken off from now on, for the office to read, and does the company work on public holidays?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo

import holidays
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.errors import Conflict, NotFound
from app.models import Absence, Company, Technician
from app.operations.recurrence import occurrences
from app.operations.time_off import A_YEAR, NewAbsence, holidays_of, in_the_way, public_holidays
from app.rules.duty import Away

#: More is read by nobody.
MOST_AHEAD = 300
#: The next public holidays are shown, so that somebody sees which ones are meant.
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Ahead:
    """An absence that is not over: when it is next, whose (empty: the company's), and the visits still in that time."""

    id: int
    technician: str
    reason: str
    recurrence: str | None
    source: str
    all_day: bool
    from_at: datetime
    next_from_at: datetime
    next_until_at: datetime
    visits: int


def days_off_ahead(session: Session, technician_id: int | None, now: datetime, zone: tzinfo) -> list[Ahead]:
    """Return what is taken off from now on for a year, soonest first: of one technician and the company, or of all."""
    wanted = (
        select(Absence, Technician.name)
        .outerjoin(Technician, Technician.id == Absence.technician_id)
        .where(
            Absence.taken_back_at.is_(None),
            Absence.from_at < now + A_YEAR,
            or_(Absence.until_at > now, Absence.recurrence.is_not(None)),
        )
    )
    if technician_id is not None:
        wanted = wanted.where(or_(Absence.technician_id == technician_id, Absence.technician_id.is_(None)))
    ahead = []
    for absence, name in session.execute(wanted):
        own = absence.from_at, absence.until_at, absence.recurrence
        for begins_at, ends_at in occurrences(*own, now, now + A_YEAR, zone)[:1]:
            once = NewAbsence(absence.technician_id, begins_at, ends_at)
            visits = len(in_the_way(session, once, zone, now))
            shown = absence.reason, absence.recurrence, absence.source, absence.all_day, absence.from_at
            ahead.append(Ahead(absence.id, name or "", *shown, begins_at, ends_at, visits))
    return sorted(ahead, key=lambda one: (one.next_from_at, one.id))[:MOST_AHEAD]


def holidays_ahead(session: Session, country: str, now: datetime, zone: tzinfo) -> tuple[bool, list[Away]]:
    """Return whether the company is closed on public holidays, and the next ones: of its country, or of this one."""
    kept = holidays_of(session)
    known = kept or country
    if known not in holidays.list_supported_countries(include_aliases=False):
        return False, []
    return kept is not None, list(public_holidays(known, now, now + A_YEAR, zone))[:_SHOWN]


def keep_holidays(session: Session, country: str | None) -> None:
    """Close the company on the public holidays of a country from now on, or on none. Raises Conflict, NotFound."""
    company = session.get(Company, 1)
    if company is None:
        raise NotFound("company")
    if country is not None and country not in holidays.list_supported_countries(include_aliases=False):
        raise Conflict("no_holidays", country=country)
    company.holidays_of = country
