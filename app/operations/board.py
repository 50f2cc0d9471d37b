"""What does the dispatcher see? One day by technician and the attention list, in a handful of queries however long."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, tzinfo
from typing import Any, TypeVarTuple

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.models import CurrentPosition, Customer, Notice, Service, Site, Technician, Visit
from app.operations.booking import LONGEST_WINDOW
from app.operations.technician_state import STATE_COLUMNS, Doing, doing
from app.rules.board import NoticeSeen, VisitSeen, stale, standing
from app.rules.calendar import day_bounds
from app.rules.messages import REMINDERS
from app.rules.visit import AWAITED, OPEN

Columns = TypeVarTuple("Columns")

#: A technician on duty whose phone has been silent this long shares no position any more.
SHARING_ENDS = timedelta(minutes=4)


@dataclass(frozen=True, slots=True)
class VisitLine:
    """One visit on the board."""

    id: int
    technician_id: int | None
    status: str
    standing: str
    promised_from_at: datetime
    promised_until_at: datetime
    planned_from_at: datetime
    planned_until_at: datetime
    en_route_at: datetime | None
    arrived_at: datetime | None
    completed_at: datetime | None
    forecast_from_at: datetime | None
    forecast_until_at: datetime | None
    forecast_median_at: datetime | None
    forecast_as_of_at: datetime | None
    forecast_state: str | None
    forecast_stale: bool
    customer: str
    name_ja: str
    name_en: str
    address: str
    notice: NoticeSeen | None
    #: Why nothing is said although something could be: quiet_hours, or wants_nothing.
    hushed: str | None
    version: int
    lat: float | None
    lon: float | None
    #: Whether it is one of those that were asked for; the rest of a day is read where the whole day is shown.
    found: bool = True
    #: Of two who meet at the door: the first one's visit, by which both are known, and who else comes.
    pair: int | None = None
    partner: str = ""
    goes_along: bool = False

    @property
    def awaited(self) -> bool:
        """Whether the customer still waits, so that the forecast means something."""
        return self.status in AWAITED


@dataclass(frozen=True, slots=True)
class Lane:
    """One technician's day; `doing` is what is seen of it now, None on another day or when nothing is open."""

    technician_id: int | None
    name: str
    doing: Doing | None
    position_at: datetime | None
    sharing_paused: bool
    visits: Sequence[VisitLine]


@dataclass(frozen=True, slots=True)
class Board:
    """One day: lanes that match the filter, technicians without a visit, and how many visits stand how."""

    on: date
    lanes: Sequence[Lane]
    free: Sequence[str]
    technicians: Sequence[tuple[int, str]]
    counts: Mapping[str, int]


def read_board(
    session: Session,
    on: date,
    zone: tzinfo,
    now: datetime,
    *,
    technician_id: int | None = None,
    only: str = "",
    text: str = "",
    whole: bool = False,
) -> Board:
    """Return a local day's board, narrowed to a technician, a standing (`only`) and a text to find.

    With `whole`, the days of those technicians are whole; what was not asked for is not `found`.

    The text finds customers, addresses, services and technicians, whichever width and case it was typed in.
    """
    begins_at, ends_at = day_bounds(on, zone)
    notices: dict[int, list[NoticeSeen]] = {}
    for notice in session.execute(
        _on_day(
            select(
                Notice.visit_id,
                Notice.kind,
                Notice.reach.label("state"),
                Notice.created_at,
                Notice.quoted_from_at,
                Notice.quoted_until_at,
            )
            .join(Visit, Visit.id == Notice.visit_id)
            .where(Notice.kind.not_in(REMINDERS)),
            begins_at,
            ends_at,
        ).order_by(Notice.id)
    ):
        notices.setdefault(notice.visit_id, []).append(NoticeSeen(*notice[1:]))
    people = session.execute(
        select(Technician.id, Technician.name, Technician.active, CurrentPosition.fixed_at, *STATE_COLUMNS)
        .outerjoin(CurrentPosition, CurrentPosition.technician_id == Technician.id)
        .order_by(Technician.name, Technician.id)
    ).all()
    names = {person.id: person.name for person in people}
    wanted = _plain(text)
    counts: Counter[str] = Counter()
    day: dict[int | None, list[VisitLine]] = {}
    found: dict[int | None, list[VisitLine]] = {}
    rows = session.execute(_day_rows(begins_at, ends_at)).all()
    first = {row.id: row.technician_id for row in rows if row.second_technician_id is not None}
    for row in rows:
        line = _line(row, notices.get(row.id, ()), now)
        if row.second_technician_id is not None:
            line = replace(line, pair=row.id, partner=names.get(row.second_technician_id, ""))
        elif row.beside_id is not None:
            partner = names.get(first.get(row.beside_id) or 0, "")
            line = replace(line, pair=row.beside_id, partner=partner, goes_along=True)
        day.setdefault(line.technician_id, []).append(line)
        if technician_id is not None and line.technician_id != technician_id:
            continue
        if wanted and wanted not in _plain(
            f"{line.customer}\n{line.address}\n{line.name_ja}\n{line.name_en}\n"
            f"{names.get(line.technician_id or 0, '')}\n{line.id}"
        ):
            continue
        counts[line.standing] += 1
        if not only or line.standing == only:
            found.setdefault(line.technician_id, []).append(line)
    if whole and (technician_id or only or text):
        asked = {line.id for lines in found.values() for line in lines}
        found = {id: [replace(one, found=one.id in asked) for one in day[id]] for id in found}
    is_today = now.astimezone(zone).date() == on
    lanes = [Lane(None, "", None, None, False, found[None])] if None in found else []
    for person in people:
        if person.id in found:
            lanes.append(_lane(person, found[person.id], day[person.id], now, is_today))
    narrowed = bool(technician_id or only or text)
    return Board(
        on,
        lanes,
        () if narrowed else [person.name for person in people if person.active and person.id not in day],
        [(person.id, person.name) for person in people if person.active or person.id in day],
        counts,
    )


def visit_seen(visit: Any, notices: Sequence[NoticeSeen]) -> VisitSeen:
    """Return what tells how a visit stands, of the visit itself or of a row with its columns."""
    return VisitSeen(
        status=visit.status,
        promised_until_at=visit.promised_until_at,
        forecast_median_at=visit.forecast_median_at,
        forecast_as_of_at=visit.forecast_as_of_at,
        forecast_basis=visit.forecast_basis,
        late_probability=visit.late_probability,
        notices=notices,
        assigned=visit.technician_id is not None,
    )


def _day_rows(begins_at: datetime, ends_at: datetime) -> Select[*tuple[Any, ...]]:
    return _on_day(
        select(
            Visit.id,
            Visit.technician_id,
            Visit.status,
            Visit.promised_from_at,
            Visit.promised_until_at,
            Visit.planned_from_at,
            Visit.planned_until_at,
            Visit.version,
            Visit.second_technician_id,
            Visit.beside_id,
            Visit.en_route_at,
            Visit.arrived_at,
            Visit.completed_at,
            Visit.forecast_from_at,
            Visit.forecast_until_at,
            Visit.forecast_median_at,
            Visit.late_probability,
            Visit.forecast_as_of_at,
            Visit.forecast_basis,
            Visit.forecast_state,
            Visit.decided_reason,
            Customer.name.label("customer"),
            Customer.notices.label("wish"),
            Service.name_ja,
            Service.name_en,
            Site.address,
            Site.lat,
            Site.lon,
        )
        .join(Customer, Customer.id == Visit.customer_id)
        .join(Service, Service.id == Visit.service_id)
        .join(Site, Site.id == Visit.site_id),
        begins_at,
        ends_at,
    ).order_by(Visit.planned_from_at, Visit.id)


def _on_day(query: Select[*Columns], begins_at: datetime, ends_at: datetime) -> Select[*Columns]:
    """Narrow to the visits planned within a day; the plan lies within the promise, whose column has the index."""
    return query.where(
        Visit.promised_from_at >= begins_at - LONGEST_WINDOW,
        Visit.promised_from_at < ends_at,
        Visit.planned_from_at >= begins_at,
        Visit.planned_from_at < ends_at,
    )


def _line(row: Any, notices: Sequence[NoticeSeen], now: datetime) -> VisitLine:
    return VisitLine(
        id=row.id,
        technician_id=row.technician_id,
        status=row.status,
        standing=standing(visit_seen(row, notices), now),
        promised_from_at=row.promised_from_at,
        promised_until_at=row.promised_until_at,
        planned_from_at=row.planned_from_at,
        planned_until_at=row.planned_until_at,
        en_route_at=row.en_route_at,
        arrived_at=row.arrived_at,
        completed_at=row.completed_at,
        forecast_from_at=row.forecast_from_at,
        forecast_until_at=row.forecast_until_at,
        forecast_median_at=row.forecast_median_at,
        forecast_as_of_at=row.forecast_as_of_at,
        forecast_state=row.forecast_state,
        forecast_stale=stale(row.forecast_as_of_at, now),
        customer=row.customer,
        name_ja=row.name_ja,
        name_en=row.name_en,
        address=row.address,
        notice=notices[-1] if notices else None,
        hushed=_hushed(row) if row.status in AWAITED else None,
        version=row.version,
        lat=row.lat,
        lon=row.lon,
    )


def _hushed(row: Any) -> str | None:
    if row.wish == "none":
        return "wants_nothing"
    return "quiet_hours" if row.decided_reason == "quiet_hours" else None


def _lane(person: Any, found: Sequence[VisitLine], day: Sequence[VisitLine], now: datetime, is_today: bool) -> Lane:
    """Return a lane: what the technician is doing while a visit of the day is open, and whether the phone is silent."""
    current = next((line for line in day if line.status in OPEN), None)
    # Before the first visit begins to matter, a silent phone is a private phone.
    on_duty = current is not None and (
        current.status != "booked"
        or current.planned_from_at - now < timedelta(hours=1)
        or any(line.arrived_at for line in day)
    )
    silent = person.fixed_at is None or now - person.fixed_at > SHARING_ENDS
    seen = doing(person, person.fixed_at, now) if is_today and current is not None else None
    return Lane(person.id, person.name, seen, person.fixed_at, is_today and on_duty and silent, found)


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip()
