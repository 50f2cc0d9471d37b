"""What stands in a technician's plan already, and where does more work fit?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import Conflict, Invalid
from app.models import Hold, Site, Technician, Visit
from app.operations.time_off import duty_of
from app.operations.turn import lock_technicians
from app.rules.booking import Clash, Taken, first_free_start, first_open_start
from app.rules.duty import Away, Shifts

#: Stands for the visit that a held time may become.
_HELD = 0


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
    technician = session.get(Technician, technician_id)
    if technician is None or not technician.active:
        raise Invalid.one("technician", "unknown")
    near = timedelta(minutes=duration_min) + timedelta(hours=12)
    visits = session.execute(
        select(Visit.id, Visit.planned_from_at, Visit.planned_until_at, Site.lat, Site.lon)
        .join(Site, Site.id == Visit.site_id)
        .where(
            Visit.technician_id == technician_id,
            Visit.status != "cancelled",
            Visit.id != visit_id,
            Visit.planned_until_at > earliest_at - near,
            Visit.planned_from_at < latest_at + near,
        )
    )
    holds = session.execute(
        select(Hold.from_at, Hold.until_at, Hold.lat, Hold.lon).where(
            Hold.technician_id == technician_id, Hold.expires_at > now, Hold.token != (hold or "")
        )
    )
    return [*(Taken(*row) for row in visits), *(Taken(_HELD, *row) for row in holds)]


def refused(clash: Clash) -> Conflict:
    """Return the error for a time that cannot be taken."""
    if clash.visit_id == _HELD:
        return Conflict("held")
    return Conflict(clash.reason, visit=clash.visit_id, short_min=clash.short_min)
