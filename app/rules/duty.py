"""When is a technician at work?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache

from app.rules.calendar import day_bounds

#: Spans of working hours that begin so close together are one day, with a break.
LONGEST_DAY = timedelta(hours=14)
_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

#: When work begins and ends, as instants: spans in the order of time, a break between two of a day.
Shifts = tuple[tuple[datetime, datetime], ...]


#: Why time is not worked: out of the hours, somebody away, the company closed, a public holiday, the
#: day too long.
WHY_CLOSED = ("hours", "absent", "company", "holiday", "length")


@dataclass(frozen=True, slots=True)
class Away:
    """Time that is not worked, `why` (one of WHY_CLOSED), and what somebody noted: a reason, a holiday's name."""

    from_at: datetime
    until_at: datetime
    why: str
    note: str = ""


def at_work(
    hours: Mapping[str, Sequence[Sequence[str]]], away: Sequence[Away], days: Sequence[date], zone: tzinfo
) -> Shifts | None:
    """Return when somebody works on these days (in a row): the week's hours without the time away.

    Who stated no hours may work at any time that is not taken off: None when nothing is. Example: 9 to 18 o'clock, away
    from 13 to 15 for the doctor: 9 to 13 and 15 to 18.
    """
    shifts = shifts_on(hours, days, zone)
    if shifts is None:
        whole = (day_bounds(days[0], zone)[0].astimezone(UTC), day_bounds(days[-1], zone)[1].astimezone(UTC))
        if not any(one.from_at < whole[1] and one.until_at > whole[0] for one in away):
            return None
        shifts = (whole,)
    for one in away:
        shifts = without(shifts, one)
    return shifts


def without(shifts: Shifts, away: Away) -> Shifts:
    """Return working hours without time that is taken off."""
    return tuple(left for span in shifts for left in _without(span, away))


def closed_spans(shifts: Shifts | None, from_at: datetime, until_at: datetime) -> list[Away]:
    """Return the time between two instants that is out of the working hours; breaks between two spans of a day are not:
    work may go on over them. None are stated: nothing is closed."""
    if shifts is None:
        return []
    closed, since = [], from_at
    for day in working_days(shifts):
        if day[0][0] > since:
            closed.append(Away(since, min(day[0][0], until_at), "hours"))
        since = max(since, day[-1][1])
        if since >= until_at:
            return closed
    return [*closed, Away(since, until_at, "hours")]


def next_opening(shifts: Shifts | None, at: datetime) -> datetime | None:
    """Return the first instant from `at` on that lies in working hours; None when there is none any more."""
    if shifts is None:
        return at
    return min((max(since, at) for since, until in shifts if until > at), default=None)


def working_days(shifts: Shifts) -> Iterator[Shifts]:
    """Yield the spans of each working day: those that begin close together are one day, with breaks."""
    spans: list[tuple[datetime, datetime]] = []
    for span in shifts:
        if spans and span[0] - spans[0][0] >= LONGEST_DAY:
            yield tuple(spans)
            spans = []
        spans.append(span)
    if spans:
        yield tuple(spans)


def is_away(away: Sequence[Away], begin_at: datetime, end_at: datetime) -> bool:
    """Return whether work would reach into time that is taken off."""
    return any(one.from_at < end_at and one.until_at > begin_at for one in away)


def days_around(now: datetime, zone: tzinfo) -> list[date]:
    """Return yesterday, today and tomorrow: whose working hours reach into what is decided now."""
    today = now.astimezone(zone).date()
    return [today + timedelta(days=n) for n in (-1, 0, 1)]


def shifts_on(hours: Mapping[str, Sequence[Sequence[str]]], days: Sequence[date], zone: tzinfo) -> Shifts | None:
    """Return a week's working hours (`{"mon": [["09:00", "18:00"]]}`, local time) as instants, on these days.

    None when no hours are stated at all; nothing for days off. Where clocks are changed, a time that does not exist is
    the one an hour later, and of one that comes twice the first is meant.

    >>> from datetime import UTC
    >>> shifts_on({"tue": [["09:00", "24:00"]]}, [date(2026, 11, 24)], UTC)[0][1].isoformat()
    '2026-11-25T00:00:00+00:00'
    """
    if not any(hours.values()):
        return None
    return tuple(
        (_instant(on, begins, zone), _instant(on, ends, zone))
        for on in days
        for begins, ends in hours.get(_WEEK[on.weekday()]) or ()
    )


def fits_shift(shifts: Shifts | None, begin_at: datetime, end_at: datetime) -> bool:
    """Return whether work begins within working hours and ends before the last of them; a break may lie between."""
    if shifts is None:
        return True
    began = [since for since, until in shifts if since <= begin_at < until]
    return bool(began) and end_at <= max(until for since, until in shifts if since - began[0] < LONGEST_DAY)


@lru_cache(maxsize=4096)
def _instant(on: date, clock: str, zone: tzinfo) -> datetime:
    if clock == "24:00":
        on, clock = on + timedelta(days=1), "00:00"
    return datetime.combine(on, time.fromisoformat(clock), zone).astimezone(UTC)


def _without(span: tuple[datetime, datetime], away: Away) -> Shifts:
    """Return what is left of a span."""
    begins, ends = span
    if away.until_at <= begins or away.from_at >= ends:
        return (span,)
    left = ((begins, min(away.from_at, ends)), (max(away.until_at, begins), ends))
    return tuple(part for part in left if part[0] < part[1])
