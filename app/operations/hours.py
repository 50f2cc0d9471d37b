"""What stands in everybody's hours of a day, beside the visits themselves?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import CurrentPosition, Hold, Technician
from app.operations.board import Board, Lane, VisitLine
from app.operations.branch import STARTS, WITH_BRANCH
from app.operations.time_off import time_off
from app.rules.board import stale
from app.rules.calendar import day_bounds
from app.rules.duty import shifts_on
from app.rules.hours import Leg, Shade, Span, Stop, axis, legs, levels, shades

#: Who has arrived and works on is drawn working until now at least.
_AT_LEAST = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Bar:
    """One visit among the hours: the work as planned (or as it really was), its level, and the way there."""

    line: VisitLine
    work: Span
    level: int
    leg: Leg | None


@dataclass(frozen=True, slots=True)
class Row:
    """One technician's hours; `works` is whether any of the day is working time, `now_off` whether it is over now."""

    technician_id: int | None
    name: str
    lane: Lane | None
    bars: Sequence[Bar]
    levels: int
    shades: Sequence[Shade]
    works: bool = True
    now_off: bool = False
    position: tuple[float, float] | None = None
    position_at: datetime | None = None
    position_stale: bool = False


@dataclass(frozen=True, slots=True)
class Hours:
    """A day as rows of hours, drawn between two instants."""

    from_at: datetime
    until_at: datetime
    rows: Sequence[Row]

    def x(self, at: datetime) -> float:
        """Return where an instant is drawn, in per cent of the width; what is out of the picture, just beside it."""
        share = (at - self.from_at) / (self.until_at - self.from_at)
        return round(100 * min(max(share, -0.02), 1.02), 2)

    def wide(self, from_at: datetime, until_at: datetime) -> float:
        """Return how wide a time is drawn, in per cent."""
        return round(max(self.x(until_at) - self.x(from_at), 0.0), 2)

    @property
    def marks(self) -> Sequence[datetime]:
        """The full hours."""
        count = int((self.until_at - self.from_at) / timedelta(hours=1))
        return [self.from_at + timedelta(hours=n) for n in range(count + 1)]


def read_hours(
    session: Session, board: Board, zone: tzinfo, now: datetime, *, everybody: bool, reach: str = ""
) -> Hours:
    """Return a board's day as hours: nobody's visits first, then each technician's; `everybody`: the free ones too;
    `reach`: how far beyond what is worked (one of rules.hours.REACHES)."""
    begins_at, ends_at = (at.astimezone(UTC) for at in day_bounds(board.on, zone))
    lanes = {lane.technician_id: lane for lane in board.lanes}
    if everybody:  # what was called off takes nobody's time; who asks for it sees it
        lanes = {
            id: replace(lane, visits=[one for one in lane.visits if one.status != "cancelled"])
            for id, lane in lanes.items()
        }
    people = [
        person
        for person in session.execute(
            select(
                Technician.id,
                Technician.name,
                Technician.active,
                Technician.working_hours,
                Technician.travels_by,
                *STARTS,
                CurrentPosition.lat,
                CurrentPosition.lon,
                CurrentPosition.fixed_at,
            )
            .select_from(WITH_BRANCH)
            .outerjoin(CurrentPosition, CurrentPosition.technician_id == Technician.id)
            .order_by(Technician.name, Technician.id)
        )
        if person.id in lanes or (everybody and person.active)
    ]
    off = time_off(session, begins_at, ends_at, zone)
    held: dict[int, list[Span]] = {}
    for hold in session.execute(
        select(Hold.technician_id, Hold.from_at, Hold.until_at).where(
            Hold.expires_at > now, Hold.from_at < ends_at, Hold.until_at > begins_at
        )
    ):
        held.setdefault(hold.technician_id, []).append((hold.from_at, hold.until_at))
    days = [board.on + timedelta(days=n) for n in (-1, 0)]
    shifts = {person.id: shifts_on(person.working_hours, days, zone) for person in people}
    spans = [span for own in shifts.values() for span in own or () if span[1] > begins_at + timedelta(hours=4)]
    for lane in lanes.values():
        spans += [(min(one.promised_from_at, work[0]), work[1]) for one in lane.visits for work in [_work(one, now)]]
    drawn = axis((begins_at, ends_at), spans, reach)
    is_today = now.astimezone(zone).date() == board.on
    rows = [_row(lanes.get(None), None, drawn, [], is_today, zone, now)] if None in lanes or everybody else []
    for person in people:
        shaded = shades(drawn, shifts[person.id], off.of(person.id), held.get(person.id, ()))
        rows.append(_row(lanes.get(person.id), person, drawn, shaded, is_today, zone, now))
    return Hours(*drawn, rows)


def _row(
    lane: Lane | None,
    person: Any,
    drawn: Span,
    shaded: Sequence[Shade],
    is_today: bool,
    zone: tzinfo,
    now: datetime,
) -> Row:
    lines = lane.visits if lane is not None else ()
    works = [_work(line, now) for line in lines]
    order = sorted(range(len(lines)), key=lambda n: works[n])
    level = dict(zip(order, levels([works[n] for n in order]), strict=True))
    ways: Mapping[int, Leg] = {}
    if person is not None:
        stops = [_stop(lines[n], works[n]) for n in order if lines[n].status != "cancelled"]
        base = None if person.start_lat is None or person.start_lon is None else (person.start_lat, person.start_lon)
        ways = legs(stops, base, person.travels_by, zone)
    bars = [Bar(lines[n], works[n], level[n], ways.get(lines[n].id)) for n in order]
    closed = [one for one in shaded if one.why != "held"]
    seen = person is not None and person.lat is not None and is_today
    return Row(
        technician_id=person.id if person is not None else None,
        name=person.name if person is not None else "",
        lane=lane,
        bars=bars,
        levels=max(level.values(), default=0) + 1,
        shades=shaded,
        works=not _covered(drawn, closed),
        now_off=is_today and any(one.from_at <= now < one.until_at and one.why != "break" for one in closed),
        position=(person.lat, person.lon) if seen else None,
        position_at=person.fixed_at if seen else None,
        position_stale=seen and stale(person.fixed_at, now),
    )


def _work(line: VisitLine, now: datetime) -> Span:
    """Return when the work is planned, or was really done; who is still at work is so until now at least."""
    if line.arrived_at is None or line.status == "cancelled":
        return line.planned_from_at, line.planned_until_at
    if line.completed_at is not None:
        return line.arrived_at, max(line.completed_at, line.arrived_at + _AT_LEAST)
    length = line.planned_until_at - line.planned_from_at
    return line.arrived_at, max(line.arrived_at + length, now)


def _stop(line: VisitLine, work: Span) -> Stop:
    arrives_at = line.arrived_at or line.forecast_median_at
    return Stop(line.id, *work, line.lat, line.lon, line.en_route_at, arrives_at)


def _covered(drawn: Span, closed: Sequence[Shade]) -> bool:
    """Return whether nothing of the time that is drawn is left to work in."""
    since = drawn[0]
    for one in sorted(closed, key=lambda shade: shade.from_at):
        if one.from_at > since:
            return False
        since = max(since, one.until_at)
    return since >= drawn[1]
