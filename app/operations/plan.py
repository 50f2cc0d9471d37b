"""What stands in a technician's plan already, and where does more work fit?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo

from sqlalchemy import Integer, bindparam, literal_column, select
from sqlalchemy.orm import Session

from app.errors import Conflict, Invalid
from app.models import Hold, Site, Technician, Visit
from app.operations.branch import ENDS, MOST_DAY, STARTS, WITH_BRANCH, place, worker_of
from app.operations.time_off import HOLIDAYS, duty_known, holidays_of
from app.prepared import Prepared
from app.rules.booking import LONGEST_VISIT_MIN, Clash, Taken, first_free_start, first_open_start
from app.rules.duty import Away, Shifts, closed_spans, next_opening
from app.rules.stretch import Worker, limits, rest_around, stretches, too_long

#: Stands for the visit that a held time may become.
_HELD = 0
#: Latitude and longitude of where the work is, as far as they are known.
Door = tuple[float | None, float | None]
#: A technician who goes along, and the visit that this is already (0: none yet).
Second = tuple[int, int]
#: So near to new work is looked for what it may collide with, and for the days that it may lengthen.
NEAR, DAYS_NEAR = timedelta(hours=12), timedelta(hours=36)

#: Built once: every booking runs them, and every row of a list that is taken in.
_VISIT, _SITE, _HOLD, _PERSON = (model.__table__.c for model in (Visit, Site, Hold, Technician))
_AT_WORK = (
    select(_PERSON.travels_by, MOST_DAY, _PERSON.working_hours, HOLIDAYS, *STARTS, *ENDS)
    .select_from(WITH_BRANCH)
    .where(_PERSON.id == bindparam("technician"), _PERSON.active)
)
#: Who changes a day waits for its turn with it; who only looks does not.
_SEEN, _LOCKED = Prepared(_AT_WORK), Prepared(_AT_WORK.with_for_update(of=Technician.__table__, key_share=True))
_TAKEN = Prepared(
    select(_VISIT.id, _VISIT.planned_from_at, _VISIT.planned_until_at, _SITE.lat, _SITE.lon)
    .join_from(Visit.__table__, Site.__table__, _SITE.id == _VISIT.site_id)
    .where(
        _VISIT.technician_id == bindparam("technician"),
        _VISIT.status != "cancelled",
        _VISIT.id != bindparam("visit"),
        _VISIT.planned_until_at > bindparam("after"),
        # Nothing lasts longer than a day: so the index of a technician's days has both its ends.
        _VISIT.planned_from_at > bindparam("begun"),
        _VISIT.planned_from_at < bindparam("before"),
    )
    .union_all(
        select(literal_column(str(_HELD), Integer), _HOLD.from_at, _HOLD.until_at, _HOLD.lat, _HOLD.lon).where(
            _HOLD.technician_id == bindparam("technician"),
            _HOLD.expires_at > bindparam("now"),
            _HOLD.token != bindparam("hold"),
        )
    )
)


@dataclass(frozen=True, slots=True)
class Around:
    """Where in a plan is looked: around work that starts between two instants and takes so many minutes.

    Left out are the visit and the hold that are asked for themselves.
    """

    earliest_at: datetime
    latest_at: datetime
    duration_min: int
    now: datetime
    visit_id: int = 0
    hold: str | None = None


@dataclass(frozen=True, slots=True)
class _Known:
    """A technician at work, what stands in the plan, the hours that are stated, and the country of the holidays."""

    worker: Worker
    taken: list[Taken]
    hours: Mapping[str, Sequence[Sequence[str]]]
    country: str | None


@dataclass(frozen=True, slots=True)
class Start:
    """When a visit is planned to start, and the time not worked that it was put into because somebody insisted."""

    at: datetime
    against: Away | None = None


def plan_start(
    session: Session,
    technician_id: int | None,
    door: Door,
    from_at: datetime,
    until_at: datetime,
    duration_min: int,
    planned_from_at: datetime | None,
    now: datetime,
    *,
    visit_id: int = 0,
    hold: str | None = None,
    zone: tzinfo | None = None,
    insist: bool = False,
    second: Second | None = None,
) -> Start:
    """Return when the visit is planned to start. Locks the technician, so that bookings for one wait in line.

    A `second` technician must be able to be there as well: who calls has locked both.

    With `zone`, the company's, working hours, days off and the length of the day are asked as well: Conflict `closed`,
    unless one insists.
    """
    earliest_at, latest_at = (planned_from_at, planned_from_at) if planned_from_at else (from_at, until_at)
    taken: list[Taken] = []
    people: list[_Known | None] = []
    near = NEAR if zone is None else DAYS_NEAR
    both = {visit_id, second[1] if second else 0} - {_HELD}  # either may stand in the other one's plan by now
    for who, own in ((technician_id, visit_id), second or (None, 0)):
        known = None
        if who is not None:
            around = Around(earliest_at, latest_at, duration_min, now, own, hold)
            known = _known(session, who, around, near, lock=True)
            known = replace(known, taken=[one for one in known.taken if one.visit_id not in both])
            taken += known.taken
        people.append(known)
    first, along = people
    workers = [(one.worker, one.taken) for one in people if one is not None]
    shifts: Shifts | None = None
    away: Sequence[Away] = ()
    second_shifts: Shifts | None = None
    if zone is not None:
        ends_at = latest_at + timedelta(minutes=duration_min)
        country = first.country if first else holidays_of(session)
        shifts, away = duty_known(
            session, technician_id, first.hours if first else None, country, earliest_at, ends_at, zone
        )
        for worker, its in workers:
            away = [*away, *limits(worker, its, place(*door), zone)]
        if second is not None and along is not None:
            second_shifts, second_away = duty_known(
                session, second[0], along.hours, country, earliest_at, ends_at, zone
            )
            reach = timedelta(minutes=duration_min) + timedelta(days=1)
            closed = closed_spans(second_shifts, earliest_at - reach, latest_at + reach)
            away = [*away, *second_away, *closed]
    found = first_open_start(earliest_at, latest_at, duration_min, *door, taken, shifts, away)
    if isinstance(found, datetime) and next_opening(second_shifts, found) != found:
        found = Away(found, found, "hours")  # the second one's break
    for worker, its in workers:
        if zone is not None and isinstance(found, datetime):
            new = Taken(visit_id, found, found + timedelta(minutes=duration_min), *door)
            if note := too_long(worker, its, new, zone):
                found = Away(found, found, "length", note)
    if isinstance(found, datetime):
        return Start(found)
    anyway = first_free_start(earliest_at, latest_at, duration_min, *door, taken)
    if isinstance(anyway, Clash):
        raise refused(anyway)
    # Something is free when nobody minds the hours: they are what stands in the way.
    against = found if isinstance(found, Away) else Away(anyway, anyway, "hours")
    if not insist:
        raise Conflict("closed", why=against.why, note=against.note)
    return Start(anyway, against)


def rest_of(session: Session, visit: Visit, zone: tzinfo, now: datetime) -> timedelta | None:
    """Return the shortest rest before or after the working day of a visit; None where it is eleven hours or more."""
    if visit.technician_id is None or visit.technician is None or not visit.technician.active:
        return None
    at, minutes = visit.planned_from_at, visit.duration_min
    known = _known(session, visit.technician_id, Around(at, at, minutes, now, visit.id), DAYS_NEAR)
    own = Taken(visit.id, at, visit.planned_until_at, visit.site.lat, visit.site.lon)
    return rest_around(known.worker, known.taken, own, zone)


def longest_day_kept(
    session: Session,
    technician_id: int,
    site: Site,
    starts_at: datetime,
    duration_min: int,
    zone: tzinfo,
    now: datetime,
    *,
    visit_id: int = 0,
) -> Away | None:
    """Return what stands in the way where work would make a technician's day longer than it may be."""
    known = _known(session, technician_id, Around(starts_at, starts_at, duration_min, now, visit_id), DAYS_NEAR)
    new = Taken(visit_id, starts_at, starts_at + timedelta(minutes=duration_min), site.lat, site.lon)
    note = too_long(known.worker, known.taken, new, zone)
    return Away(starts_at, starts_at, "length", note) if note else None


def day_too_long(
    session: Session, technician_id: int, new: Taken, more: Sequence[Taken], zone: tzinfo, now: datetime
) -> Sequence[Taken]:
    """Return all work of the day of new work, where `more` work beside what is planned makes it longer than it may."""
    minutes = int((new.until_at - new.from_at) / timedelta(minutes=1))
    known = _known(session, technician_id, Around(new.from_at, new.from_at, minutes, now, new.visit_id), DAYS_NEAR)
    day = next(day for day in stretches(known.worker, [*known.taken, *more, new], zone) if new in day.taken)
    most = known.worker.most
    return day.taken if most is not None and day.back_at - day.leaves_at > most else ()


def taken_around(session: Session, technician_id: int, around: Around, *, lock: bool = False) -> list[Taken]:
    """Return what stands in a technician's plan around some work. Raises Invalid when there is no such one at work.

    Without the technician's `lock` nobody is made to wait, and it may have changed by the time it is read.
    """
    return _known(session, technician_id, around, NEAR, lock=lock).taken


def _known(session: Session, technician_id: int, around: Around, near: timedelta, *, lock: bool = False) -> _Known:
    if lock:
        session.flush()
    connection, who = session.connection(), {"technician": technician_id}
    people = (_LOCKED if lock else _SEEN).rows(connection, who)
    if not people:
        raise Invalid.one("technician", "unknown")
    travels_by, most_day_min, hours, country, *places = people[0]
    near += timedelta(minutes=around.duration_min)
    after_at = around.earliest_at - near
    begun_at = after_at - timedelta(minutes=LONGEST_VISIT_MIN)
    reach = {"visit": around.visit_id, "begun": begun_at, "after": after_at, "before": around.latest_at + near}
    rows = _TAKEN.rows(connection, {**who, **reach, "now": around.now, "hold": around.hold or ""})
    worker = worker_of(places[:2], places[2:], travels_by, most_day_min)
    return _Known(worker, [Taken(*row) for row in rows], hours, country)


def refused(clash: Clash) -> Conflict:
    """Return the error for a time that cannot be taken."""
    if clash.visit_id == _HELD:
        return Conflict("held")
    return Conflict(clash.reason, visit=clash.visit_id, short_min=clash.short_min)
