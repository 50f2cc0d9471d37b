"""What stands in a technician's plan already, and where does more work fit?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from app.errors import Conflict, Invalid
from app.models import Hold, Site, Technician, Visit
from app.operations.time_off import duty_of
from app.operations.turn import lock_technicians
from app.prepared import Prepared
from app.rules.booking import LONGEST_VISIT_MIN, Clash, Taken, first_free_start, first_open_start
from app.rules.duty import Away, Shifts

#: Stands for the visit that a held time may become.
_HELD = 0

#: Built once: every booking runs them, and every row of a list that is taken in.
_VISIT, _SITE, _HOLD, _PERSON = (model.__table__.c for model in (Visit, Site, Hold, Technician))
_AT_WORK = Prepared(select(_PERSON.active).where(_PERSON.id == bindparam("technician")))
_VISITS = Prepared(
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
)
_HOLDS = Prepared(
    select(_HOLD.from_at, _HOLD.until_at, _HOLD.lat, _HOLD.lon).where(
        _HOLD.technician_id == bindparam("technician"),
        _HOLD.expires_at > bindparam("now"),
        _HOLD.token != bindparam("hold"),
    )
)


@dataclass(frozen=True, slots=True)
class Start:
    """When a visit is planned to start, and the time not worked that it was put into because somebody insisted."""

    at: datetime
    against: Away | None = None


def plan_start(
    session: Session,
    technician_id: int | None,
    site: Site,
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
) -> Start:
    """Return when the visit is planned to start. Locks the technician, so that bookings for one wait in line.

    With `zone`, the company's, working hours and days off are asked as well: Conflict `closed`, unless one insists.
    """
    earliest_at, latest_at = (planned_from_at, planned_from_at) if planned_from_at else (from_at, until_at)
    taken: list[Taken] = []
    if technician_id is not None:
        taken = taken_around(
            session, technician_id, earliest_at, latest_at, duration_min, now, visit_id=visit_id, hold=hold
        )
    shifts: Shifts | None = None
    away: Sequence[Away] = ()
    if zone is not None:
        ends_at = latest_at + timedelta(minutes=duration_min)
        shifts, away = duty_of(session, technician_id, earliest_at, ends_at, zone)
    found = first_open_start(earliest_at, latest_at, duration_min, site.lat, site.lon, taken, shifts, away)
    if isinstance(found, datetime):
        return Start(found)
    anyway = first_free_start(earliest_at, latest_at, duration_min, site.lat, site.lon, taken)
    if isinstance(anyway, Clash):
        raise refused(anyway)
    # Something is free when nobody minds the hours: they are what stands in the way.
    against = found if isinstance(found, Away) else Away(anyway, anyway, "hours")
    if not insist:
        raise Conflict("closed", why=against.why, note=against.note)
    return Start(anyway, against)


def taken_around(
    session: Session,
    technician_id: int,
    earliest_at: datetime,
    latest_at: datetime,
    duration_min: int,
    now: datetime,
    *,
    visit_id: int = 0,
    hold: str | None = None,
) -> list[Taken]:
    """Return what stands in a technician's plan around work that starts between two instants; locks the technician.

    Left out are the visit and the hold that are asked for. Raises Invalid when there is no such technician at work.
    """
    lock_technicians(session, technician_id)
    session.flush()
    return seen_around(session, technician_id, earliest_at, latest_at, duration_min, now, visit_id=visit_id, hold=hold)


def seen_around(
    session: Session,
    technician_id: int,
    earliest_at: datetime,
    latest_at: datetime,
    duration_min: int,
    now: datetime,
    *,
    visit_id: int = 0,
    hold: str | None = None,
) -> list[Taken]:
    """Return what `taken_around` does without making anybody wait: it may have changed by the time it is read."""
    connection, who = session.connection(), {"technician": technician_id}
    if _AT_WORK.rows(connection, who) != [(True,)]:
        raise Invalid.one("technician", "unknown")
    near = timedelta(minutes=duration_min) + timedelta(hours=12)
    after_at = earliest_at - near
    begun_at = after_at - timedelta(minutes=LONGEST_VISIT_MIN)
    reach = {"visit": visit_id, "begun": begun_at, "after": after_at, "before": latest_at + near}
    visits = _VISITS.rows(connection, {**who, **reach})
    holds = _HOLDS.rows(connection, {**who, "now": now, "hold": hold or ""})
    return [*(Taken(*row) for row in visits), *(Taken(_HELD, *row) for row in holds)]


def refused(clash: Clash) -> Conflict:
    """Return the error for a time that cannot be taken."""
    if clash.visit_id == _HELD:
        return Conflict("held")
    return Conflict(clash.reason, visit=clash.visit_id, short_min=clash.short_min)
