"""When is a technician at work?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache

#: Spans of working hours that begin so close together are one day, with a break.
LONGEST_DAY = timedelta(hours=14)
_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

#: When work begins and ends, as instants: spans in the order of time, a break between two of a day.
Shifts = tuple[tuple[datetime, datetime], ...]


def shifts_around(hours: Mapping[str, Sequence[Sequence[str]]], now: datetime, zone: tzinfo) -> Shifts | None:
    """Return a week's working hours as instants, for yesterday, today and tomorrow; see `shifts_on`."""
    today = now.astimezone(zone).date()
    return shifts_on(hours, [today + timedelta(days=n) for n in (-1, 0, 1)], zone)


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
