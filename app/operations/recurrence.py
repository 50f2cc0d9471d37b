"""When does something come again? Rules of RFC 5545, read in local time: every second Friday stays a Friday.

Only days are chosen by a rule, at the hours of the first time; what could keep a machine busy for ever is refused.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache

from dateutil.rrule import rrule, rrulestr

#: A rule that means no day within so long is a mistake.
MUST_COME_WITHIN = timedelta(days=366 * 8)
_RULE = re.compile(
    r"FREQ=(DAILY|WEEKLY|MONTHLY|YEARLY)"
    r"(;(INTERVAL=[1-9]\d{0,2}|COUNT=[1-9]\d{0,2}|BYDAY=[-+0-9A-Z,]{2,60}|BYMONTHDAY=[-0-9,]{1,100}|"
    r"BYMONTH=[0-9,]{1,30}|BYSETPOS=[-0-9,]{1,20}|WKST=[A-Z]{2}|UNTIL=\d{8}(T\d{6}Z?)?))*"
)


def occurrences(
    begins_at: datetime, ends_at: datetime, recurrence: str | None, from_at: datetime, until_at: datetime, zone: tzinfo
) -> list[tuple[datetime, datetime]]:
    """Return the spans of an absence that touch a time: the one that was entered, and each time it comes again."""
    spans = {(begins_at, ends_at)} if begins_at < until_at and ends_at > from_at else set()
    if recurrence is not None:
        begins, ends = (at.astimezone(zone).replace(tzinfo=None) for at in (begins_at, ends_at))
        month, until = _month(wall(from_at, zone) - (ends - begins)), wall(until_at, zone)
        while month < until:
            for start in _starts(recurrence, begins, month):
                span = start.replace(tzinfo=zone), (start + (ends - begins)).replace(tzinfo=zone)
                if span[0] < until_at and span[1] > from_at:
                    spans.add((span[0].astimezone(UTC), span[1].astimezone(UTC)))
            month = _month(month + timedelta(days=31))
    return sorted(spans)


def kept_rule(text: str, begins: datetime, zone: tzinfo) -> str | None:
    """Return a rule as it is kept, its end in local time; None when it cannot be read or never comes."""
    text = text.strip().upper().removeprefix("RRULE:")
    if not _RULE.fullmatch(text) or ("COUNT=" in text and "UNTIL=" in text):
        return None
    try:
        text = re.sub(r"UNTIL=(\d{8})(?:T(\d{6})(Z?))?", lambda until: _until(until, zone), text)
        first = next(iter(_read(f"{_endless(text)};UNTIL={begins + MUST_COME_WITHIN:%Y%m%dT%H%M%S}", begins)), None)
        return text if first is not None and next(iter(_read(text, begins)), None) is not None else None
    except (ValueError, OverflowError):
        return None


def wall(at: datetime, zone: tzinfo) -> datetime:
    """Return what the clocks on the wall show, without a zone."""
    return at.astimezone(zone).replace(tzinfo=None)


@lru_cache(maxsize=8192)
def _starts(recurrence: str, begins: datetime, month: datetime) -> tuple[datetime, ...]:
    """Return the local times in a month at which a rule has an absence begin; worked out once for each month."""
    return tuple(_read(recurrence, begins).between(month, _month(month + timedelta(days=31)), inc=True))


def _read(recurrence: str, begins: datetime) -> rrule:
    found = rrulestr(recurrence, dtstart=begins)
    assert isinstance(found, rrule)
    return found


def _endless(text: str) -> str:
    return re.sub(r";(UNTIL|COUNT)=[^;]*", "", text)


def _until(found: re.Match[str], zone: tzinfo) -> str:
    day, clock, utc = found.groups()
    at = datetime.fromisoformat(f"{day}T{clock or '235959'}")
    return f"UNTIL={wall(at.replace(tzinfo=UTC), zone) if utc else at:%Y%m%dT%H%M%S}"


def _month(at: datetime) -> datetime:
    return at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
