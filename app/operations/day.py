"""What is known of a technician's day, ready for the rules to look at?

Every new position asks this, so its statements are built once, and each is one question for the whole day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any

from sqlalchemy import bindparam, or_, select
from sqlalchemy.orm import Session

from app.models import Notice, PositionFix, Site, Technician, Visit
from app.rules.forecast import Day, Stop
from app.rules.position import Fix
from app.rules.visit import OPEN

#: Stops this far from now belong to the day that is looked at.
DAY_REACH = timedelta(hours=12)
#: Positions older than this say nothing about the pace now.
FIXES_REACH = timedelta(hours=3)
_DUE = (
    select(Visit.technician_id)
    .where(Visit.check_at <= bindparam("now"), Visit.status.in_(OPEN), Visit.technician_id.is_not(None))
    .order_by(Visit.check_at)
)
_VISITS = (
    select(
        Visit.id,
        Visit.status,
        Site.lat,
        Site.lon,
        Visit.promised_from_at,
        Visit.promised_until_at,
        Visit.planned_until_at,
        Visit.duration_min,
        Visit.en_route_at,
        Visit.arrived_at,
        Visit.arrived_by,
        Visit.completed_at,
        Visit.eta_reported,
        Visit.eta_reported_at,
        Visit.forecast_from_at,
        Visit.forecast_until_at,
        Visit.forecast_median_at,
        Visit.late_probability,
        Visit.forecast_as_of_at,
        Visit.forecast_basis,
        Visit.forecast_state,
        Visit.watch,
        Visit.decided_reason,
        Visit.decided_alarm,
        Visit.check_at,
    )
    .join(Site, Site.id == Visit.site_id)
    .where(
        Visit.technician_id == bindparam("technician"),
        Visit.status != "cancelled",
        Visit.planned_from_at < bindparam("until"),
        Visit.planned_until_at > bindparam("since"),
    )
    .order_by(Visit.planned_from_at, Visit.id)
    .with_for_update(of=Visit, key_share=True)
)
_ELSEWHERE = select(Visit).where(
    Visit.technician_id == bindparam("technician"),
    Visit.check_at <= bindparam("now"),
    Visit.status.in_(OPEN),
    or_(Visit.planned_from_at >= bindparam("until"), Visit.planned_until_at <= bindparam("since")),
)
_BASE = select(Technician.base_lat, Technician.base_lon).where(Technician.id == bindparam("technician"))
# A ping is an old place under the present time: it would look like standing there.
_FIXES = (
    select(PositionFix.fixed_at, PositionFix.lat, PositionFix.lon, PositionFix.accuracy_m, PositionFix.speed_mps)
    .where(
        PositionFix.technician_id == bindparam("technician"),
        PositionFix.fixed_at > bindparam("since"),
        PositionFix.moved,
    )
    .order_by(PositionFix.fixed_at)
)
# What was dropped, the customer has not been and will not be told.
_NOTICES = (
    select(Notice)
    .where(Notice.visit_id.in_(bindparam("visits", expanding=True)), Notice.state != "dropped")
    .order_by(Notice.id)
)


@dataclass(frozen=True, slots=True)
class KnownVisit:
    """What a look needs of a visit, in the order of the statement's columns.

    `lat` and `lon` are None while its site is not located.
    """

    id: int
    status: str
    lat: float | None
    lon: float | None
    promised_from_at: datetime
    promised_until_at: datetime
    planned_until_at: datetime
    duration_min: int
    en_route_at: datetime | None
    arrived_at: datetime | None
    arrived_by: str | None
    completed_at: datetime | None
    eta_reported: datetime | None
    eta_reported_at: datetime | None
    forecast_from_at: datetime | None
    forecast_until_at: datetime | None
    forecast_median_at: datetime | None
    late_probability: float | None
    forecast_as_of_at: datetime | None
    forecast_basis: str | None
    forecast_state: str | None
    watch: dict[str, Any]
    decided_reason: str | None
    decided_alarm: str | None
    check_at: datetime | None


@dataclass(frozen=True, slots=True)
class KnownDay:
    """A technician's visits around now, and what is known of them.

    `visits` in planned order; `stops` those of them with a position, as the rules take them; `doubted` were concluded
    to have been reached from silence alone, which has been broken; `told` are each visit's notices about the promise as
    it stands, oldest first.
    """

    visits: Sequence[KnownVisit]
    stops: Day
    doubted: Sequence[KnownVisit]
    told: dict[int, list[Notice]]


def due_technicians(session: Session, now: datetime) -> Sequence[int]:
    """Return the technicians with a visit that is due to be looked at, longest due first."""
    rows = session.execute(_DUE, {"now": now})
    return list(dict.fromkeys(technician_id for (technician_id,) in rows if technician_id is not None))


def load_day(session: Session, technician_id: int, zone: tzinfo, now: datetime) -> KnownDay:
    """Load a technician's day, its visits locked for changing."""
    reach = {"technician": technician_id, "since": now - DAY_REACH, "until": now + DAY_REACH}
    visits = [KnownVisit(*tuple(row)) for row in session.execute(_VISITS, reach)]
    fixes = tuple(
        Fix(*row) for row in session.execute(_FIXES, {"technician": technician_id, "since": now - FIXES_REACH})
    )
    by_id = {visit.id: visit for visit in visits}
    told: dict[int, list[Notice]] = {}
    for notice in session.scalars(_NOTICES, {"visits": list(by_id)}):
        if _speaks_of(notice, by_id[notice.visit_id]):
            told.setdefault(notice.visit_id, []).append(notice)
    doubted = [visit for visit in visits if _silence_broken(visit, fixes)]
    stops = tuple(
        _stop(visit, visit.lat, visit.lon, arrived=visit not in doubted)
        for visit in visits
        if visit.lat is not None and visit.lon is not None
    )
    lat, lon = session.execute(_BASE, {"technician": technician_id}).one()
    base = None if lat is None or lon is None else (lat, lon)
    return KnownDay(visits, Day(stops, fixes, zone, base), doubted, told)


def due_elsewhere(session: Session, technician_id: int, now: datetime) -> Sequence[Visit]:
    """Return the technician's visits that are due to be looked at but belong to other days."""
    reach = {"technician": technician_id, "now": now, "since": now - DAY_REACH, "until": now + DAY_REACH}
    return session.scalars(_ELSEWHERE, reach).all()


def _speaks_of(notice: Notice, visit: KnownVisit) -> bool:
    """Return whether a notice is about the promise as it stands, not about one that was moved since."""
    return (notice.promised_from_at, notice.promised_until_at) == (visit.promised_from_at, visit.promised_until_at)


def _silence_broken(visit: KnownVisit, fixes: Sequence[Fix]) -> bool:
    """Return whether an arrival was concluded from silence alone, and the phone has been heard since."""
    arrived_at = visit.arrived_at if visit.arrived_by == "silence" and visit.completed_at is None else None
    return arrived_at is not None and bool(fixes) and fixes[-1].fixed_at > arrived_at


def _stop(visit: KnownVisit, lat: float, lon: float, *, arrived: bool) -> Stop:
    return Stop(
        visit=str(visit.id),
        lat=lat,
        lon=lon,
        promised_from_at=visit.promised_from_at,
        promised_until_at=visit.promised_until_at,
        duration_min=visit.duration_min,
        en_route_at=visit.en_route_at,
        arrived_at=visit.arrived_at if arrived else None,
        completed_at=visit.completed_at,
        eta_reported=visit.eta_reported,
        eta_reported_at=visit.eta_reported_at,
        arrived_by=visit.arrived_by if arrived else None,
    )
