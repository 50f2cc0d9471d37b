"""When is somebody busy, by a calendar of their own at an address that was typed in?"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from app.providers.guarded import Guarded

#: A calendar of many years is smaller.
MOST_BYTES = 4 * 1024 * 1024
#: The process is ended after so long, whatever it does; its own limits end most bad ones sooner. Seconds.
_ENDED_AFTER_S = 20.0
_PROCESS = Path(__file__).with_name("calendar_ical_process.py")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a calendar says: busy times, soonest first; or None and why not (`failure`), or that nothing is new."""

    busy: tuple[tuple[datetime, datetime], ...] | None
    failure: str | None = None
    etag: str | None = None
    content_hash: str | None = None


class Calendars:
    """The way to calendars elsewhere."""

    def __init__(self, outside: Guarded, limits: Sequence[str] = ()) -> None:
        self._outside = outside
        self._process = (sys.executable, "-I", str(_PROCESS), *limits)

    def read(
        self,
        url: str,
        *,
        etag: str | None,
        content_hash: str | None,
        from_at: datetime,
        until_at: datetime,
        zone: ZoneInfo,
    ) -> Reading:
        """Return when somebody is busy between two instants; never raises for what is wrong with the calendar.

        With the `etag` or `content_hash` of a version that is known, nothing is worked out when it is still that one.
        """
        headers = {"Accept": "text/calendar"} | ({"If-None-Match": etag} if etag else {})
        answer = self._outside.ask("GET", url, headers=headers, most_bytes=MOST_BYTES)
        if answer.status == 304 and etag:
            return Reading(None, None, etag, content_hash)
        if answer.status != 200:
            return Reading(None, answer.failure or f"http_{answer.status}")
        read_hash, read_etag = hashlib.sha256(answer.body).hexdigest(), answer.headers.get("etag", "")[:200] or None
        if read_hash == content_hash:
            return Reading(None, None, read_etag, read_hash)
        busy = self._busy(answer.body, from_at, until_at, zone)
        return Reading(None, busy) if isinstance(busy, str) else Reading(busy, None, read_etag, read_hash)

    def _busy(
        self, calendar: bytes, from_at: datetime, until_at: datetime, zone: ZoneInfo
    ) -> tuple[tuple[datetime, datetime], ...] | str:
        asked = {
            "calendar": calendar.decode("utf-8", "replace"),
            "from": from_at.isoformat(),
            "until": until_at.isoformat(),
            "zone": zone.key,
        }
        try:
            done = subprocess.run(
                self._process, input=json.dumps(asked), capture_output=True, text=True, timeout=_ENDED_AFTER_S,
                check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return "too_much"
        if done.returncode != 0:
            return "too_much" if done.returncode < 0 or "MemoryError" in done.stderr else "not_a_calendar"
        said = json.loads(done.stdout)
        if "failure" in said:
            return str(said["failure"])
        spans = ((datetime.fromisoformat(a), datetime.fromisoformat(b)) for a, b in said["busy"])
        return merged(sorted(spans))


def merged(spans: Sequence[tuple[datetime, datetime]]) -> tuple[tuple[datetime, datetime], ...]:
    """Return sorted times without what overlaps or touches: how many appointments there are is nobody's business.

    >>> from datetime import UTC
    >>> at = [datetime(2026, 11, 24, hour, tzinfo=UTC) for hour in range(5)]
    >>> [(a.hour, b.hour) for a, b in merged([(at[0], at[2]), (at[1], at[3]), (at[3], at[4])])]
    [(0, 4)]
    """
    found: list[tuple[datetime, datetime]] = []
    for begins_at, ends_at in spans:
        if found and begins_at <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], ends_at))
        else:
            found.append((begins_at, ends_at))
    return tuple(found)
