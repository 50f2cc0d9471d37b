"""Which drives and jobs of the past can be learned from?

Taps are forgotten, late, or made elsewhere, and who waits does not drive: what may be wrong is no observation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from app.rules.habits import Way, Work
from app.rules.position import distance_m
from app.rules.travel import usual

#: An arrival or an end that somebody said or positions showed; silence is a guess.
SEEN = ("tap", "office", "position")
#: Who taps this far from the site taps too early or too late.
ELSEWHERE_M = 500.0
#: Shorter ways are walked, or are a search for a place to park; longer drives hold a lunch.
LEAST_WAY_M, LONGEST_DRIVE = 500.0, timedelta(hours=3)
#: Who sets off so long after the end of one job does not come from there.
FROM_THERE = timedelta(hours=1)
#: A drive in less than this share of the usual time, work in less than this share of the plan: a tap was forgotten.
LEAST_DRIVE, LEAST_WORK = 0.3, 0.15
#: So short or so long is no work, but taps made together, or an end that nobody tapped.
SHORTEST_WORK, LONGEST_WORK = timedelta(minutes=3), timedelta(hours=8)
#: Who comes early begins with the promise, or after this at the latest.
EARLY_WAIT = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Past:
    """One visit that is over, or of which something is known: where, what was planned, and what happened.

    `technician` and `service` are ids, `lat` and `lon` None when the site was never located; `_by` says how an instant
    is known; `doubtful`: a step was undone, withdrawn, or tapped elsewhere.
    """

    technician: int
    service: int
    lat: float | None
    lon: float | None
    promised_from_at: datetime
    duration_min: int
    en_route_at: datetime | None
    arrived_at: datetime | None
    arrived_by: str | None
    completed_at: datetime | None
    completed_by: str | None
    doubtful: bool = False


def experience(visits: Iterable[Past], zone: tzinfo) -> Iterator[Way | Work]:
    """Yield what can be learned from `visits`: each technician's beside each other, in the order they were made.

    A drive counts from the tap (or the sight) of setting off to the arrival, coming straight from the visit before; a
    job from its begin to its end. Example: out at 10:00, 5 km as the crow flies, there at 10:22: a `Way` with 1.23.
    """
    before: Past | None = None
    for visit in visits:
        if before is not None:
            follows = before.technician == visit.technician and _same_day(before, visit)
            yield from _work(before, last_of_day=not follows)
            if follows:
                yield from _way(before, visit, zone)
        before = visit
    if before is not None:
        yield from _work(before, last_of_day=True)


def _same_day(before: Past, visit: Past) -> bool:
    return visit.promised_from_at - before.promised_from_at < timedelta(hours=10)


def _way(before: Past, visit: Past, zone: tzinfo) -> Iterator[Way]:
    if before.lat is None or before.lon is None or visit.lat is None or visit.lon is None:
        return
    if visit.doubtful or visit.arrived_by not in SEEN or visit.arrived_at is None or visit.en_route_at is None:
        return
    if before.completed_at is None or not timedelta(0) <= visit.en_route_at - before.completed_at <= FROM_THERE:
        return
    way_m = distance_m(before.lat, before.lon, visit.lat, visit.lon)
    drove = visit.arrived_at - visit.en_route_at
    if way_m < LEAST_WAY_M or not timedelta(0) < drove <= LONGEST_DRIVE:
        return
    local = visit.en_route_at.astimezone(zone)
    hour = local.hour + local.minute / 60
    ratio = drove.total_seconds() / usual(way_m, hour).median_s
    if ratio >= LEAST_DRIVE:
        yield Way(hour, visit.lat, visit.lon, ratio)


def _work(visit: Past, *, last_of_day: bool) -> Iterator[Work]:
    """Yield the job of a visit, if its begin and its end can be believed.

    Leaving the site is the end of the work only where nothing comes next: who has time stays a while.
    """
    if visit.doubtful or visit.arrived_by not in SEEN or visit.completed_by not in SEEN:
        return
    if visit.arrived_at is None or visit.completed_at is None or (visit.completed_by == "position" and not last_of_day):
        return
    begun_at = max(visit.arrived_at, min(visit.promised_from_at, visit.arrived_at + EARLY_WAIT))
    took = visit.completed_at - begun_at
    ratio = took.total_seconds() / (60.0 * visit.duration_min)
    if SHORTEST_WORK <= took <= LONGEST_WORK and ratio >= LEAST_WORK:
        yield Work(visit.service, visit.technician, ratio)
