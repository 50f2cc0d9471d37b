"""Which instants does a day or a time on the wall mean, and which days make sense?"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, tzinfo

#: A promise or a report outside these years is a typing mistake, whatever the calendar says.
YEARS = range(2000, 2200)


def day_bounds(on: date, zone: tzinfo) -> tuple[datetime, datetime]:
    """Return when a local day begins and when the next one does: 23, 24 or 25 hours later."""
    return datetime.combine(on, time(), zone), datetime.combine(on + timedelta(days=1), time(), zone)


def local_instants(on: date, at: time, zone: tzinfo) -> list[datetime]:
    """Return every instant at which a zone's clocks show a time: one, or none or two where they are changed."""
    wall = datetime.combine(on, at, zone)
    both = {moment.timestamp(): moment for moment in (wall.replace(fold=0), wall.replace(fold=1))}
    from_utc = [datetime.fromtimestamp(seconds, zone) for seconds in sorted(both)]
    return [moment for moment in from_utc if moment.replace(tzinfo=None) == wall.replace(tzinfo=None)]


def over_midnight(from_at: datetime, until_at: datetime) -> datetime:
    """Return the end of a window whose two times were typed for one day: an earlier end is meant for the next one."""
    return until_at if until_at >= from_at else until_at + timedelta(days=1)


def can_be_shown(on: date) -> bool:
    """Return whether a day is one that the board can show, a year away from the calendar's ends."""
    return date.min + timedelta(days=366) <= on <= date.max - timedelta(days=366)
