"""What became known on one of the company's own days, in the order in which it became known?

The lines are those of a day log (rules.daylog), so that a day of one's own is played again as any recorded one. They
come from the visits' entries and the positions that are still kept; what the engine concluded itself is left out: it
will conclude it again. Sites and wishes are those of today, for their earlier states are not kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from app.models import Customer, Notice, PositionFix, Technician, Visit, VisitEvent
from app.operations.branch import STARTS, WITH_BRANCH
from app.operations.notice import GONE_OUT
from app.rules.daylog import Line, Truth
from app.rules.lateness import Told
from app.rules.messages import ARRIVALS
from app.rules.score import Marked, mark
from app.rules.visit import REPORTABLE

#: A day begins with the positions that its first look reaches back to, and ends when its last visit is well over.
BEFORE, AFTER = timedelta(hours=3), timedelta(hours=6)
#: More visits than this are not marked while somebody waits for a page.
MOST_TOLD = 5000


@dataclass(frozen=True, slots=True)
class OwnDay:
    """One local day: what is played of it, the `lines` of visits and taps in order, and what really happened.

    `truth` by visit, of those promised for this day; `left_out` counts those that cannot be marked, by why: unknown
    (the arrival), not_located, not_wished. `told` is what their customers were really told. Positions come apart, in
    slices: see `fixes_between`.
    """

    on: date
    from_at: datetime
    until_at: datetime
    lines: Sequence[Line]
    truth: Mapping[str, Truth]
    told: Mapping[str, Sequence[Told]]
    left_out: Mapping[str, int]

    @property
    def technicians(self) -> frozenset[str]:
        """Whose positions matter."""
        return frozenset(line.fields["technician"] for line in self.lines if line.fields.get("technician"))


def days_with_visits(session: Session, first_on: date, last_on: date, zone: tzinfo, now: datetime) -> list[date]:
    """Return the local days, both ends included, on which a visit was promised to begin, up to now."""
    days = []
    for number in range((last_on - first_on).days + 1):
        on = first_on + timedelta(days=number)
        begins_at, ends_at = _midnight(on, zone), min(_midnight(on + timedelta(days=1), zone), now)
        in_day = and_(Visit.promised_from_at >= begins_at, Visit.promised_from_at < ends_at)
        if session.scalar(select(Visit.id).where(in_day, Visit.status != "cancelled").limit(1)):
            days.append(on)
    return days


def own_day(session: Session, on: date, zone: tzinfo, now: datetime) -> OwnDay:
    """Load a local day, as it was known step by step; of today, what is known until now."""
    begins_at, ends_at = _midnight(on, zone), _midnight(on + timedelta(days=1), zone)
    from_at, until_at = begins_at - BEFORE, min(ends_at + AFTER, now)
    # A visit that has been moved to a later day was on this one, perhaps.
    moved_away = and_(
        Visit.promised_from_at >= until_at,
        Visit.events.any(and_(VisitEvent.kind == "changed", VisitEvent.recorded_at >= from_at)),
    )
    in_reach = and_(Visit.planned_from_at < until_at, Visit.planned_until_at > from_at)
    visits = session.scalars(
        select(Visit)
        .where(or_(in_reach, moved_away), Visit.created_at < until_at)
        .options(joinedload(Visit.site), joinedload(Visit.customer), selectinload(Visit.events))
        .order_by(Visit.id)
    ).all()
    opening: list[Line] = []
    later: list[tuple[datetime, int, Line]] = []
    truth: dict[str, Truth] = {}
    left_out: dict[str, int] = {}
    for visit in visits:
        known, news = _lines(visit, from_at, until_at)
        if not _touches([*known, *(line for _, _, line in news)], from_at, until_at):
            continue
        here = begins_at <= visit.promised_from_at < min(ends_at, now) and visit.status != "cancelled"
        why = _unmarked(visit.customer.notices, visit.arrived_at, visit.arrived_by)
        if why is None and visit.site.lat is None:
            why = "not_located"
        if here and why:
            left_out[why] = left_out.get(why, 0) + 1
        elif here:
            promised = visit.promised_from_at.astimezone(zone), visit.promised_until_at.astimezone(zone)
            truth[str(visit.id)] = Truth(*promised, visit.arrived_at)
        if visit.site.lat is not None:
            opening += known
            later += news
    later.sort(key=lambda entry: entry[:2])
    lines = [*opening, *(line for _, _, line in later)]
    bases = _bases(session, lines, from_at)
    return OwnDay(on, from_at, until_at, [*bases, *lines], truth, _told(session, truth), left_out)


def fixes_between(session: Session, technicians: frozenset[str], from_at: datetime, until_at: datetime) -> list[Line]:
    """Return the positions of some technicians that came in from one instant until before another, in that order."""
    rows = session.execute(
        select(
            PositionFix.received_at,
            PositionFix.technician_id,
            PositionFix.fixed_at,
            PositionFix.lat,
            PositionFix.lon,
            PositionFix.accuracy_m,
            PositionFix.speed_mps,
            PositionFix.moved,
        )
        .where(PositionFix.received_at >= from_at, PositionFix.received_at < until_at)
        .order_by(PositionFix.received_at, PositionFix.fixed_at, PositionFix.id)
    )
    return [
        Line(
            0,
            received_at,
            "fix",
            {
                "technician": str(technician_id),
                "fixed_at": fixed_at,
                "lat": lat,
                "lon": lon,
                "accuracy_m": accuracy_m,
                "speed_mps": speed_mps,
                "moved": moved,
            },
        )
        for received_at, technician_id, fixed_at, lat, lon, accuracy_m, speed_mps, moved in rows
        if str(technician_id) in technicians
    ]


def really_told(session: Session, from_at: datetime, until_at: datetime) -> tuple[Sequence[Marked], Mapping[str, int]]:
    """Return the marks of what was really told about visits promised from one instant until before another (no more
    than the newest MOST_TOLD), and how many cannot be marked, by why. This needs no positions."""
    visits = session.execute(
        select(
            Visit.id,
            Visit.promised_from_at,
            Visit.promised_until_at,
            Visit.arrived_at,
            Visit.arrived_by,
            Customer.notices,
        )
        .join(Customer, Customer.id == Visit.customer_id)
        .where(Visit.promised_from_at >= from_at, Visit.promised_from_at < until_at, Visit.status != "cancelled")
        .order_by(Visit.promised_from_at.desc())
        .limit(MOST_TOLD)
    )
    truth: dict[str, Truth] = {}
    left_out: dict[str, int] = {}
    for visit_id, promised_from_at, promised_until_at, arrived_at, arrived_by, wish in visits:
        why = _unmarked(wish, arrived_at, arrived_by)
        if why:
            left_out[why] = left_out.get(why, 0) + 1
        else:
            truth[str(visit_id)] = Truth(promised_from_at, promised_until_at, arrived_at)
    told = _told(session, truth)
    marked = [
        mark(visit, one.promised_until_at, one.arrived_at, told.get(visit, ()))
        for visit, one in truth.items()
        if one.arrived_at is not None
    ]
    return marked, left_out


def _lines(visit: Visit, from_at: datetime, until_at: datetime) -> tuple[list[Line], list[tuple[datetime, int, Line]]]:
    """Return a visit's lines: how it stood as the day began, and, each with its place, what became known later."""
    promise: Mapping[str, Any] | None = None
    opening: list[Line] = []
    taps: list[Line] = []
    news: list[tuple[datetime, int, Line]] = []
    for event in visit.events:
        if event.recorded_at >= until_at:
            break
        early = event.recorded_at < from_at
        if event.kind == "cancelled" and early:
            return [], []
        if event.kind in ("booked", "changed"):
            before, promise = promise, event.facts.get("after", event.facts)
            if early:
                opening = [_visit_line(visit, promise, from_at)]
            elif promise != before:
                news.append((event.recorded_at, event.id, _visit_line(visit, promise, event.recorded_at)))
        elif promise is not None and (early or event.actor != "position"):
            line = _tap_line(event, promise)
            if line is not None and early:
                taps.append(Line(0, from_at, line.kind, {"at": event.recorded_at, **line.fields}))
            elif line is not None:
                news.append((event.recorded_at, event.id, line))
    return [*opening, *taps], news


def _visit_line(visit: Visit, promise: Mapping[str, Any], at: datetime) -> Line:
    return Line(
        0,
        at,
        "visit",
        {
            "visit": str(visit.id),
            "technician": str(promise["technician"] or ""),
            "lat": visit.site.lat,
            "lon": visit.site.lon,
            "promised_from": datetime.fromisoformat(promise["promised_from"]),
            "promised_until": datetime.fromisoformat(promise["promised_until"]),
            "planned_from": datetime.fromisoformat(promise["planned_from"]),
            "duration_min": promise["duration_min"],
            "service": str(visit.service_id),
            "wish": visit.customer.notices,
        },
    )


def _tap_line(event: VisitEvent, promise: Mapping[str, Any]) -> Line | None:
    """Return what was reported, or None for entries that tell the engine nothing."""
    told: dict[str, Any] = {"visit": str(event.visit_id), "technician": str(promise["technician"] or "")}
    if event.at != event.recorded_at:
        told["at"] = event.at
    if event.kind == "eta":
        return Line(0, event.recorded_at, "eta", {**told, "eta": datetime.fromisoformat(event.facts["eta"])})
    if event.kind == "undone":
        return Line(0, event.recorded_at, "status", {**told, "status": "undone", "undone": event.facts["status"]})
    if event.kind in REPORTABLE:
        return Line(0, event.recorded_at, "status", {**told, "status": event.kind, "by": event.facts.get("by")})
    return None


def _touches(lines: Sequence[Line], from_at: datetime, until_at: datetime) -> bool:
    """Return whether a visit was ever planned for the day that is played."""
    return any(
        line.kind == "visit"
        and line.fields["planned_from"] < until_at
        and line.fields["planned_from"] + timedelta(minutes=line.fields["duration_min"]) > from_at
        for line in lines
    )


def _unmarked(wish: str, arrived_at: datetime | None, arrived_by: str | None) -> str | None:
    """Return why a visit cannot be marked, or None. That a phone fell silent at the door is no arrival to count on."""
    if wish == "none":
        return "not_wished"
    return "unknown" if arrived_at is None or arrived_by == "silence" else None


def _told(session: Session, truth: Mapping[str, Truth]) -> Mapping[str, Sequence[Told]]:
    """Return what really went out to the customers, by visit."""
    told: dict[str, list[Told]] = {}
    ids = [int(visit) for visit in truth]
    for first in range(0, len(ids), 500):
        rows = session.execute(
            select(
                Notice.visit_id,
                Notice.kind,
                func.coalesce(Notice.sent_at, Notice.created_at),
                Notice.quoted_from_at,
                Notice.quoted_until_at,
            )
            .where(Notice.visit_id.in_(ids[first : first + 500]), Notice.reach.in_(GONE_OUT), Notice.kind.in_(ARRIVALS))
            .order_by(Notice.id)
        )
        for visit_id, kind, at, from_at, until_at in rows:
            told.setdefault(str(visit_id), []).append(Told(kind, at, from_at, until_at))
    return told


def _bases(session: Session, lines: Sequence[Line], at: datetime) -> list[Line]:
    """Return where the technicians of the day set out from."""
    wanted = {line.fields["technician"] for line in lines}
    rows = session.execute(select(Technician.id, *STARTS).select_from(WITH_BRANCH))
    return [
        Line(0, at, "technician", {"technician": str(id_), "lat": lat, "lon": lon})
        for id_, lat, lon in rows
        if str(id_) in wanted and lat is not None
    ]


def _midnight(on: date, zone: tzinfo) -> datetime:
    return datetime.combine(on, time(), zone)
