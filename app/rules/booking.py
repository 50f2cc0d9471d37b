"""Can this visit be booked, and when in its promised window would it stand in the technician's plan?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.rules.duty import Away, Shifts, closed_spans, next_opening
from app.rules.position import distance_m

#: Nobody is faster than this through a city, in a straight line, door to door (60 km/h): a gap that is too short even
#: at this pace cannot be driven, and the booking is refused instead of becoming a delay.
FASTEST_MPS = 60 / 3.6
#: Longer work is several visits.
LONGEST_VISIT_MIN = 24 * 60


@dataclass(frozen=True, slots=True)
class Taken:
    """A visit that stands in the technician's plan already; the position is None while its site is not located."""

    visit_id: int
    from_at: datetime
    until_at: datetime
    lat: float | None = None
    lon: float | None = None


@dataclass(frozen=True, slots=True)
class Clash:
    """Why a time cannot be taken: `overlap` with a visit, or `unreachable` from or to it by `short_min` minutes."""

    reason: str
    visit_id: int
    short_min: int = 0


def first_free_start(
    earliest_at: datetime,
    latest_at: datetime,
    duration_min: int,
    lat: float | None,
    lon: float | None,
    taken: Sequence[Taken],
) -> datetime | Clash:
    """Return the first start between two instants at which the work fits between the visits that stand already.

    `latest_at` is the last allowed start; both may be the same moment. When nothing fits, the clash at the earliest
    start is returned.

    >>> from datetime import UTC
    >>> ten = datetime(2026, 11, 24, 10, tzinfo=UTC)
    >>> first_free_start(ten, ten, 60, None, None, [Taken(7, ten, ten + timedelta(hours=1))])
    Clash(reason='overlap', visit_id=7, short_min=0)
    """
    duration = timedelta(minutes=duration_min)
    first_clash: Clash | None = None
    start = earliest_at
    for _ in range(len(taken) + 1):
        clash, free_from_at = _clash_at(start, duration, lat, lon, taken)
        if clash is None:
            return start
        first_clash = first_clash or clash
        if free_from_at is None or free_from_at > latest_at:
            return first_clash
        start = free_from_at
    return first_clash or start


def first_open_start(
    earliest_at: datetime,
    latest_at: datetime,
    duration_min: int,
    lat: float | None,
    lon: float | None,
    taken: Sequence[Taken],
    shifts: Shifts | None,
    away: Sequence[Away],
) -> datetime | Clash | Away:
    """Return the first start that is free and in working time, or what stands in the way: a visit, time not worked.

    Work begins within the working hours (None: not stated) and ends before the last of the day; it may go on over a
    break, but not into time that is taken off. Example: promised for 12 to 14 o'clock, with a break until 13: 13.
    """
    reach = timedelta(minutes=duration_min) + timedelta(days=1)
    closed = [*away, *closed_spans(shifts, earliest_at - reach, latest_at + reach)]
    blocks = [*taken, *(Taken(-number, one.from_at, one.until_at) for number, one in enumerate(closed, 1))]
    while True:
        start = first_free_start(earliest_at, latest_at, duration_min, lat, lon, blocks)
        if isinstance(start, Clash):
            return closed[-start.visit_id - 1] if start.visit_id < 0 else start
        opens_at = next_opening(shifts, start)
        if opens_at == start:
            return start
        if opens_at is None or opens_at > latest_at:
            return Away(start, opens_at or start, "hours")
        earliest_at = opens_at


def _clash_at(
    start: datetime, duration: timedelta, lat: float | None, lon: float | None, taken: Sequence[Taken]
) -> tuple[Clash | None, datetime | None]:
    """Return what stands in the way of a start, and the instant from which that visit no longer does."""
    end = start + duration
    for other in sorted(taken, key=lambda visit: visit.from_at):
        drive = _shortest_drive(lat, lon, other)
        if other.from_at < end and other.until_at > start:
            return Clash("overlap", other.visit_id), _full_minute(other.until_at + drive)
        gap = start - other.until_at if other.until_at <= start else other.from_at - end
        if gap < drive:
            short_min = -(-(drive - gap) // timedelta(minutes=1))
            return Clash("unreachable", other.visit_id, short_min), _full_minute(other.until_at + drive)
    return None, None


def _shortest_drive(lat: float | None, lon: float | None, other: Taken) -> timedelta:
    if lat is None or lon is None or other.lat is None or other.lon is None:
        return timedelta()
    return timedelta(seconds=distance_m(lat, lon, other.lat, other.lon) / FASTEST_MPS)


def _full_minute(at: datetime) -> datetime:
    whole = at.replace(second=0, microsecond=0)
    return whole if whole == at else whole + timedelta(minutes=1)
