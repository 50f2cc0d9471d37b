"""Who is away when, on which days is the company closed, and which visits stand in that time?"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Any

import holidays
from sqlalchemy import bindparam, or_, select
from sqlalchemy.orm import Session

from app.errors import Conflict, Invalid, NotFound, Problem
from app.models import Absence, Company, Customer, Technician, Visit
from app.operations.listing import Page, id_of, page_of
from app.operations.recurrence import kept_rule, occurrences, wall
from app.operations.turn import lock_technicians
from app.prepared import Prepared
from app.rules.calendar import day_bounds
from app.rules.duty import Away, Shifts, shifts_on
from app.rules.visit import AWAITED

LONGEST_REASON = 100
#: So far ahead is looked for what comes again.
A_YEAR = timedelta(days=366)
#: Nobody is away longer at a stretch; what comes again is shorter than the time between.
LONGEST_ABSENCE, LONGEST_AGAIN = timedelta(days=1100), timedelta(days=31)

_ABSENCE, _PERSON, _COMPANY = (model.__table__.c for model in (Absence, Technician, Company))
#: A column: the country on whose public holidays the company is closed.
HOLIDAYS = select(_COMPANY.holidays_of).where(_COMPANY.id == 1).scalar_subquery()
#: Built once: every booking runs them, and every search.
_CLOSED = Prepared(select(HOLIDAYS))
_HOURS = Prepared(
    select(HOLIDAYS, select(_PERSON.working_hours).where(_PERSON.id == bindparam("technician")).scalar_subquery())
)
_EVERYBODY = select(
    _ABSENCE.technician_id, _ABSENCE.from_at, _ABSENCE.until_at, _ABSENCE.recurrence, _ABSENCE.reason
).where(
    _ABSENCE.taken_back_at.is_(None),
    _ABSENCE.from_at < bindparam("until"),
    or_(_ABSENCE.until_at > bindparam("from"), _ABSENCE.recurrence.is_not(None)),
)
_OFF = Prepared(_EVERYBODY)
_OFF_OF = Prepared(
    _EVERYBODY.where(or_(_ABSENCE.technician_id.is_(None), _ABSENCE.technician_id == bindparam("technician")))
)


@dataclass(frozen=True, slots=True)
class TimeOff:
    """Who is away between two instants, and when the company is closed."""

    company: tuple[Away, ...] = ()
    own: Mapping[int, Sequence[Away]] = field(default_factory=dict)

    def of(self, technician_id: int | None) -> tuple[Away, ...]:
        """Return the time that somebody does not work: the own and the company's; of nobody yet, the company's."""
        own = self.own.get(technician_id, ()) if technician_id is not None else ()
        return (*self.company, *own) if own else self.company


def time_off(session: Session, from_at: datetime, until_at: datetime, zone: tzinfo) -> TimeOff:
    """Return what is taken off between two instants: everybody's, and the company's."""
    session.flush()
    rows = _OFF.rows(session.connection(), {"from": from_at, "until": until_at})
    return _time_off(rows, holidays_of(session), from_at, until_at, zone)


def _time_off(
    rows: Iterable[Sequence[Any]], country: str | None, from_at: datetime, until_at: datetime, zone: tzinfo
) -> TimeOff:
    company = list(public_holidays(country, from_at, until_at, zone))
    own: dict[int, list[Away]] = {}
    for technician_id, begins_at, ends_at, recurrence, reason in rows:
        spans = occurrences(begins_at, ends_at, recurrence, from_at, until_at, zone)
        if technician_id is None:
            company += [Away(*span, "company", reason) for span in spans]
        else:
            own.setdefault(technician_id, []).extend(Away(*span, "absent", reason) for span in spans)
    return TimeOff(tuple(company), own)


def duty_of(
    session: Session, technician_id: int | None, from_at: datetime, until_at: datetime, zone: tzinfo
) -> tuple[Shifts | None, tuple[Away, ...]]:
    """Return a technician's working hours around two instants (None: not stated), and what is taken off of them."""
    session.flush()
    country, hours = _HOURS.rows(session.connection(), {"technician": technician_id or 0})[0]
    return duty_known(session, technician_id, hours, country, from_at, until_at, zone)


def duty_known(
    session: Session,
    technician_id: int | None,
    hours: Mapping[str, Sequence[Sequence[str]]] | None,
    country: str | None,
    from_at: datetime,
    until_at: datetime,
    zone: tzinfo,
) -> tuple[Shifts | None, tuple[Away, ...]]:
    """Return what `duty_of` does for who has read a technician's hours and the company's country already."""
    first, last = from_at.astimezone(zone).date(), until_at.astimezone(zone).date()
    days = [first + timedelta(days=n) for n in range(-2, (last - first).days + 3)]
    shifts = shifts_on(hours, days, zone) if hours is not None else None
    asked = {"from": from_at, "until": until_at, "technician": technician_id or 0}
    rows = _OFF_OF.rows(session.connection(), asked)
    return shifts, _time_off(rows, country, from_at, until_at, zone).of(technician_id)


def public_holidays(country: str | None, from_at: datetime, until_at: datetime, zone: tzinfo) -> Iterator[Away]:
    """Yield the public holidays of a country that touch a time; none where the company works on them."""
    if country is None:
        return
    on, last = from_at.astimezone(zone).date(), until_at.astimezone(zone).date()
    while on <= last:
        if name := named_days(country, on.year).get(on):
            begins_at, ends_at = day_bounds(on, zone)
            yield Away(begins_at.astimezone(UTC), ends_at.astimezone(UTC), "holiday", name)
        on += timedelta(days=1)


@dataclass(frozen=True, slots=True)
class NewAbsence:
    """What somebody enters: of a technician, or of the company (None), between two instants, once or by a rule."""

    technician_id: int | None
    from_at: datetime
    until_at: datetime
    all_day: bool = False
    reason: str = ""
    recurrence: str | None = None


def checked(session: Session, new: NewAbsence, zone: tzinfo) -> NewAbsence:
    """Return an absence as it will be kept. Raises Invalid naming the fields."""
    problems = []
    if new.technician_id is not None and session.get(Technician, new.technician_id) is None:
        problems.append(Problem("technician", "unknown"))
    longest = LONGEST_AGAIN if new.recurrence else LONGEST_ABSENCE
    if new.until_at <= new.from_at:
        problems.append(Problem("until", "before_start"))
    elif new.until_at - new.from_at > longest:
        problems.append(Problem("until", "absence_too_long", {"days": longest.days}))
    elif new.all_day and any(wall(at, zone).time() != time() for at in (new.from_at, new.until_at)):
        problems.append(Problem("from", "whole_days"))
    reason = new.reason.strip()
    if len(reason) > LONGEST_REASON:
        problems.append(Problem("reason", "too_long", {"most": LONGEST_REASON}))
    if not reason.isprintable():
        problems.append(Problem("reason", "characters"))
    recurrence = None
    if new.recurrence and not problems:
        recurrence = kept_rule(new.recurrence, wall(new.from_at, zone), zone)
        if recurrence is None:
            problems.append(Problem("recurrence", "recurrence"))
    if problems:
        raise Invalid(problems)
    return NewAbsence(new.technician_id, new.from_at, new.until_at, new.all_day, reason, recurrence)


def enter_absence(
    session: Session,
    new: NewAbsence,
    *,
    zone: tzinfo,
    now: datetime,
    actor: str,
    seen: Collection[int] | None = None,
) -> Absence:
    """Take time off. Visits that stand in it stay; see `in_the_way`. Raises Invalid naming the fields.

    Waits for whoever books for the same people just now: what is booked afterwards knows of it. With `seen`, the
    visits in the way that somebody was shown: Conflict `in_the_way` when there are others.
    """
    new = checked(session, new, zone)
    everybody = session.scalars(select(Technician.id)).all() if new.technician_id is None else ()
    lock_technicians(session, new.technician_id, *everybody)
    if seen is not None:
        others = {one.visit_id for one in in_the_way(session, new, zone, now)} - set(seen)
        if others:
            raise Conflict("in_the_way", count=len(others))
    absence = Absence(
        technician_id=new.technician_id,
        from_at=new.from_at,
        until_at=new.until_at,
        all_day=new.all_day,
        reason=new.reason,
        recurrence=new.recurrence,
        created_at=now,
        created_by=actor,
    )
    session.add(absence)
    session.flush()
    return absence


def take_back(session: Session, absence_id: int, *, now: datetime, actor: str) -> Absence:
    """Make time that was taken off working time again. Raises NotFound, Conflict when a calendar says so."""
    absence = find_absence(session, absence_id)
    if absence.source != "entered":
        raise Conflict("absence_of_calendar")
    absence.taken_back_at, absence.taken_back_by = now, actor
    return absence


def find_absence(session: Session, absence_id: int) -> Absence:
    """Return an absence that stands. Raises NotFound."""
    absence = session.get(Absence, absence_id)
    if absence is None or absence.taken_back_at is not None:
        raise NotFound("absence")
    return absence


def list_absences(
    session: Session, *, technician_id: int | None, from_at: datetime | None, limit: int, cursor: str | None
) -> Page[Absence]:
    """Return what is taken off and was not taken back, as entered: of one technician or of all. Raises Invalid."""
    wanted = select(Absence).where(Absence.taken_back_at.is_(None), Absence.id > id_of(cursor)).order_by(Absence.id)
    if technician_id is not None:
        wanted = wanted.where(Absence.technician_id == technician_id)
    if from_at is not None:
        wanted = wanted.where(or_(Absence.until_at > from_at, Absence.recurrence.is_not(None)))
    return page_of(session.scalars(wanted.limit(limit + 1)).all(), limit, lambda absence: str(absence.id))


@dataclass(frozen=True, slots=True)
class InTheWay:
    """A visit that stands in time taken off."""

    visit_id: int
    customer: str
    technician_id: int | None
    technician: str
    planned_from_at: datetime
    planned_until_at: datetime


def in_the_way(session: Session, new: NewAbsence, zone: tzinfo, now: datetime) -> list[InTheWay]:
    """Return the visits not begun yet that stand in time to be taken off, soonest first, for a year ahead."""
    until_at = min(new.until_at, now + LONGEST_ABSENCE) if new.recurrence is None else now + A_YEAR
    since = max(new.from_at, now)
    if until_at <= since:
        return []
    wanted = (
        select(
            Visit.id, Customer.name, Visit.technician_id, Technician.name, Visit.planned_from_at, Visit.planned_until_at
        )
        .join(Customer, Customer.id == Visit.customer_id)
        .outerjoin(Technician, Technician.id == Visit.technician_id)
        .where(Visit.status.in_(AWAITED), Visit.planned_from_at < until_at, Visit.planned_until_at > since)
        .order_by(Visit.planned_from_at, Visit.id)
    )
    if new.technician_id is not None:
        wanted = wanted.where(Visit.technician_id == new.technician_id)
    spans = occurrences(new.from_at, new.until_at, new.recurrence, since, until_at, zone)
    rows = (
        InTheWay(visit_id, customer, technician_id, technician or "", *plan)
        for visit_id, customer, technician_id, technician, *plan in session.execute(wanted)
    )
    return [row for row in rows if any(a < row.planned_until_at and b > row.planned_from_at for a, b in spans)]


def holidays_of(session: Session) -> str | None:
    """Return the country on whose public holidays the company is closed; None when it works on them."""
    session.flush()
    country: str | None = _CLOSED.rows(session.connection())[0][0]
    return country


@lru_cache(maxsize=256)
def named_days(country: str, year: int) -> Mapping[date, str]:
    # In the country's own language, not in that of the machine.
    language = holidays.country_holidays(country).default_language
    return dict(holidays.country_holidays(country, years=year, language=language))
