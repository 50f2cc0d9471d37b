"""Where in a technician's day is free time, after which visit and before which?"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from app.rules.booking import Taken
from app.rules.duty import Shifts, working_days
from app.rules.stretch import Worker

#: Work so long before or after the hours belongs to the day; who comes from it or goes to it is not at the base.
OVERTIME = timedelta(hours=3)
#: No visit in a plan takes longer.
LONGEST_WORK = timedelta(hours=24)
#: Where a day begins of which nobody said where: no way is counted.
NOWHERE = (math.nan, math.nan)

#: From an instant until before another.
Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Planned:
    """A visit that stands in a technician's plan: promised until `promised_until_at`, planned from and until, and where
    (latitude and longitude; None while its site is not located)."""

    visit: int
    from_at: datetime
    until_at: datetime
    promised_until_at: datetime
    lat: float | None = None
    lon: float | None = None


@dataclass(frozen=True, slots=True)
class Roster:
    """What a technician has to do: `plan` in the order of time, `shifts` the working hours, `base` latitude and
    longitude where days begin, and end as well unless `end` says where else, `here` where the technician is now, if
    known, what is used to travel, and the longest that a day may be (None: as long as it takes)."""

    technician: int
    plan: tuple[Planned, ...] = ()
    shifts: Shifts = ()
    base: tuple[float, float] | None = None
    travels_by: str = "car"
    here: tuple[float, float] | None = None
    end: tuple[float, float] | None = None
    most: timedelta | None = None

    @property
    def worker(self) -> Worker:
        """What the length of a day depends on."""
        return Worker(self.base, self.end, self.travels_by, self.most)

    def taken(self) -> list[Taken]:
        """Return the plan as time that is taken."""
        return [Taken(one.visit, one.from_at, one.until_at, one.lat, one.lon) for one in self.plan]


class Gap(NamedTuple):
    """Free time in a working day, after a visit or the day's beginning and before a visit or its end.

    The way here can begin at `free_at`, the work at `opens_at`; it must end by `closes_at`, the way from here by
    `until_at`. Both differ where a break is in between.
    """

    free_at: datetime
    until_at: datetime
    opens_at: datetime
    closes_at: datetime
    before: Planned | None
    after: Planned | None


def gaps(roster: Roster, from_at: datetime, until_at: datetime, span: Span | None = None) -> Iterator[Gap]:
    """Yield the free times of a technician's working days that reach into a time, each within working hours: of the
    days that begin in a span, or of all."""
    begins = [planned.from_at for planned in roster.plan]
    for spans in working_days(roster.shifts):
        day_from_at, day_until_at = spans[0][0], spans[-1][1]
        if day_until_at <= from_at or day_from_at >= until_at:
            continue
        if span is not None and not span[0] <= day_from_at < span[1]:
            continue
        first = bisect_left(begins, day_from_at - LONGEST_WORK)
        last = bisect_left(begins, day_until_at + OVERTIME)
        free_at, before = day_from_at, None
        for after in (*(one for one in roster.plan[first:last] if one.until_at > day_from_at - OVERTIME), None):
            ends_at = day_until_at if after is None else after.from_at
            for opens_at, closes_at in spans:
                opens_at, closes_at = max(opens_at, free_at), min(closes_at, ends_at)
                if opens_at < closes_at:
                    yield Gap(free_at, ends_at, opens_at, closes_at, before, after)
            if after is not None and (before is None or after.until_at > free_at):
                free_at, before = after.until_at, after


def place_of(planned: Planned | None, base: tuple[float, float] | None) -> tuple[float, float] | None:
    """Return where a visit is, or the base where there is none; None when its site is not located."""
    if planned is None:
        return base or NOWHERE
    return None if planned.lat is None or planned.lon is None else (planned.lat, planned.lon)
