"""How long is a working day, from leaving to being back, and how long a rest lies before the next one?

Eleven hours between two days: Directive 2003/88/EC, article 3; in Japan the interval between duties
(勤務間インターバル) that employers are to strive for (労働時間等設定改善法, article 2): 9 hours or more, better 11.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise

from app.rules.booking import Taken
from app.rules.calendar import day_bounds
from app.rules.duty import Away
from app.rules.helper import SLOWER
from app.rules.position import distance_m
from app.rules.travel import usual_s

REST = timedelta(hours=11)
#: From leaving to being back, unless the company or the technician has it otherwise; 0 minutes: as long as it takes.
MOST_DAY_MIN = 13 * 60
#: Work that begins so soon after other work belongs to the same day, be it after midnight.
SAME_DAY = timedelta(hours=5)

Place = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Worker:
    """What a day's length depends on: where it begins and ends (None: nobody said), how one travels, and the longest it
    may be (None: as long as it takes)."""

    start: Place | None
    end: Place | None
    travels_by: str
    most: timedelta | None


@dataclass(frozen=True, slots=True)
class Stretch:
    """One working day: when somebody leaves for the first visit and is back from the last one."""

    leaves_at: datetime
    back_at: datetime
    taken: tuple[Taken, ...]


def stretches(worker: Worker, taken: Sequence[Taken], zone: tzinfo) -> list[Stretch]:
    """Return the working days that visits make, in the order of time.

    Visits of one local day are one, and so is what begins within five hours after other work. Example: 9 to 10 and 18
    to 19 o'clock is a day of ten hours and the ways; 23 to 1 and 9 to 10 o'clock are two.
    """
    days: list[list[Taken]] = []
    for one in sorted(taken, key=lambda visit: visit.from_at):
        if days and _is_same_day(days[-1], one.from_at, zone):
            days[-1].append(one)
        else:
            days.append([one])
    return [_stretch(worker, day, zone) for day in days]


def limits(
    worker: Worker, taken: Sequence[Taken], site: Place | None, zone: tzinfo, *, leaving: bool = False
) -> list[Away]:
    """Return the times in which work at a place would make one of these working days too long.

    Work that begins before, or ends after: of the first the end is when it can begin, or with `leaving` when somebody
    can leave for it. Example: at most 13 hours, back at 20 o'clock, half an hour's way: nothing from midnight to 7:30.
    """
    if worker.most is None:
        return []
    note, found = _hours(worker.most), list[Away]()
    for day in stretches(worker, taken, zone):
        midnight_at, next_at = _bounds(day.taken[0].from_at, zone)
        out = timedelta() if leaving else _way(worker, worker.start, site, day.leaves_at, zone)
        home = _way(worker, site, worker.end or worker.start, day.back_at, zone)
        first_at, last_at = day.back_at - worker.most + out, day.leaves_at + worker.most - home
        since = min(midnight_at, day.taken[0].from_at - SAME_DAY)
        until = max(next_at, max(one.until_at for one in day.taken) + SAME_DAY)
        if since < first_at:
            found.append(Away(since, min(first_at, day.taken[0].from_at), "length", note))
        if last_at < until:
            found.append(Away(max(last_at, day.taken[0].from_at), until, "length", note))
    return found


def too_long(worker: Worker, taken: Sequence[Taken], new: Taken, zone: tzinfo) -> str:
    """Return how many hours the working day that new work belongs to may take, where it would take more; else nothing.

    Work that is too long by itself lengthens no day.
    """
    if worker.most is None:
        return ""
    day = next(day for day in stretches(worker, [*taken, new], zone) if new in day.taken)
    return _hours(worker.most) if len(day.taken) > 1 and day.back_at - day.leaves_at > worker.most else ""


def short_rests(worker: Worker, taken: Sequence[Taken], zone: tzinfo) -> Iterator[tuple[Stretch, Stretch, timedelta]]:
    """Yield two working days and the rest between them, where that is shorter than eleven hours."""
    for before, after in pairwise(stretches(worker, taken, zone)):
        if after.leaves_at - before.back_at < REST:
            yield before, after, max(after.leaves_at - before.back_at, timedelta())


def rest_around(worker: Worker, taken: Sequence[Taken], new: Taken, zone: tzinfo) -> timedelta | None:
    """Return the shortest rest before or after the working day of new work; None where it is long enough."""
    rests = [
        rest
        for before, after, rest in short_rests(worker, [*taken, new], zone)
        if new in before.taken or new in after.taken
    ]
    return min(rests, default=None)


def _hours(most: timedelta) -> str:
    return str(round(most / timedelta(hours=1), 1)).removesuffix(".0")


def _is_same_day(day: Sequence[Taken], at: datetime, zone: tzinfo) -> bool:
    last_at = max(one.until_at for one in day)
    return at - last_at < SAME_DAY or at.astimezone(zone).date() == day[0].from_at.astimezone(zone).date()


def _stretch(worker: Worker, day: Sequence[Taken], zone: tzinfo) -> Stretch:
    last = max(day, key=lambda one: one.until_at)
    return Stretch(
        day[0].from_at - _way(worker, worker.start, _place(day[0]), day[0].from_at, zone),
        last.until_at + _way(worker, _place(last), worker.end or worker.start, last.until_at, zone),
        tuple(day),
    )


def _way(worker: Worker, begin: Place | None, end: Place | None, at: datetime, zone: tzinfo) -> timedelta:
    if begin is None or end is None or begin == end:
        return timedelta()
    local = at.astimezone(zone)
    by_car_s = usual_s(distance_m(*begin, *end), local.hour + local.minute / 60)
    return timedelta(seconds=round(by_car_s * SLOWER[worker.travels_by]))


def _place(taken: Taken) -> Place | None:
    return None if taken.lat is None or taken.lon is None else (taken.lat, taken.lon)


def _bounds(at: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    begins_at, ends_at = day_bounds(at.astimezone(zone).date(), zone)
    return begins_at.astimezone(UTC), ends_at.astimezone(UTC)
