"""What runs in the calendar reader's own process? A calendar in on standard input, busy times out on standard output.

Started by its path and apart from the product (`calendar_ical.py`), under limits of time and memory: a calendar is
written by anybody, and a few lines can mean more appointments than there are seconds.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

#: Seconds of work, unless the command names them, and bytes of memory.
_WORK_S, _MEMORY = 6, 768 * 1024 * 1024
#: A calendar with more in the time that is asked for is no technician's.
MOST = 5000


def spans(calendar: Any, from_at: datetime, until_at: datetime, zone: ZoneInfo) -> Iterator[tuple[str, str]]:
    """Yield the times at which somebody is busy: begin and end."""
    import recurring_ical_events

    calendar.subcomponents = [one for one in calendar.subcomponents if one.name != "VEVENT" or "DTSTART" in one]
    found = recurring_ical_events.of(calendar, skip_bad_series=True, components=["VEVENT"])
    for number, event in enumerate(found.after(from_at)):
        begins, ends = event.get("DTSTART").dt, _end(event)
        first, last = _instant(begins, zone), _instant(ends, zone)
        if first >= until_at:
            return
        if number >= MOST:
            raise OverflowError
        free = (
            str(event.get("TRANSP", "")).upper() == "TRANSPARENT" or str(event.get("STATUS", "")).upper() == "CANCELLED"
        )
        free = free or str(event.get("X-MICROSOFT-CDO-BUSYSTATUS", "")).upper() in ("FREE", "WORKINGELSEWHERE")
        if not free and last > max(first, from_at):
            yield first.isoformat(), last.isoformat()


def _end(event: Any) -> date | datetime:
    if event.get("DTEND") is not None:
        end: date | datetime = event.get("DTEND").dt
        return end
    begins: date | datetime = event.get("DTSTART").dt
    if event.get("DURATION") is not None:
        lasts: timedelta = event.get("DURATION").dt
        return begins + lasts
    return begins if isinstance(begins, datetime) else begins + timedelta(days=1)


def _instant(at: date | datetime, zone: ZoneInfo) -> datetime:
    """Return an instant; what has no zone, and a whole day, is meant where the company is."""
    if not isinstance(at, datetime):
        at = datetime.combine(at, time(), zone)
    return (at if at.tzinfo is not None else at.replace(tzinfo=zone)).astimezone(UTC)


def main() -> None:
    """Answer one question."""
    work_s = int(sys.argv[1]) if len(sys.argv) > 1 else _WORK_S
    resource.setrlimit(resource.RLIMIT_CPU, (work_s, work_s))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    from icalendar import Calendar

    asked = json.load(sys.stdin)
    try:
        calendar = Calendar.from_ical(asked["calendar"])
    except ValueError:
        json.dump({"failure": "not_a_calendar"}, sys.stdout)
        return
    from_at, until_at = (datetime.fromisoformat(asked[end]) for end in ("from", "until"))
    try:
        found = list(spans(calendar, from_at, until_at, ZoneInfo(asked["zone"])))
    except OverflowError:
        json.dump({"failure": "too_much"}, sys.stdout)
        return
    json.dump({"busy": found}, sys.stdout)


if __name__ == "__main__":
    main()
