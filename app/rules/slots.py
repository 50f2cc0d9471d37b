"""When could somebody be there, and what way would it add? The times to offer a customer, best first.

A time is offered only when the day is likely to keep it: the way to it can be driven after the work before it, with
time in hand for both taking longer than planned, and so can the way to the work after it.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from heapq import heappush, heappushpop
from operator import itemgetter
from statistics import NormalDist
from typing import NamedTuple

from app.rules.duty import LONGEST_DAY, Shifts, working_days
from app.rules.helper import REACH_M, SLOWER
from app.rules.position import metres_per_degree
from app.rules.travel import USUAL_SPREAD, usual_s
from app.rules.visit import GRACE
from app.rules.work import WORK_SPREAD

#: Nothing is offered that is likelier than this to be late, itself or the visit after it.
MOST_RISK = 0.2
#: Times that are easily said: on the quarter of an hour, or where none fits, on five minutes.
ROUND_MIN = (15, 5)
#: A day later is as bad as so many minutes more on the road.
DAY_COSTS_MIN = 4.0
#: The way to a place of which nothing is known, in seconds.
UNKNOWN_WAY_S = 1200.0
#: Times that begin so far apart are two choices; others in the same gap are not.
APART_S = 3 * 3600.0
#: Work so long before or after the hours belongs to the day; who comes from it or goes to it is not at the base.
OVERTIME = timedelta(hours=3)
#: No visit in a plan takes longer.
LONGEST_WORK = timedelta(hours=24)

_SURE_Z = NormalDist().inv_cdf(1.0 - MOST_RISK)
_GRACE_S = GRACE.total_seconds()
#: Where a day begins of which nobody said where: no way is counted.
_NOWHERE = (math.nan, math.nan)


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
    longitude where days begin and end, `here` where the technician is now, if known, and what is used to travel."""

    technician: int
    plan: tuple[Planned, ...] = ()
    shifts: Shifts = ()
    base: tuple[float, float] | None = None
    travels_by: str = "car"
    here: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for: work of `duration_min` at `lat`, `lon`, begun between two instants, and promised as a window
    of `window_min` minutes (0: to the minute); `hours` local hours of the day between which it shall begin."""

    lat: float
    lon: float
    duration_min: int
    from_at: datetime
    until_at: datetime
    window_min: int = 0
    hours: tuple[float, float] = (0.0, 24.0)


@dataclass(frozen=True, slots=True)
class Slot:
    """A time to offer: work from `starts_at` to `ends_at`, the customer promised an arrival until `promised_until_at`.

    Minutes of the way before and after it, by how many the technician's day on the road grows, and how likely the
    arrival, and that of the visit after it, is later than 5 minutes after its promise.
    """

    technician: int
    starts_at: datetime
    ends_at: datetime
    promised_until_at: datetime
    travel_before_min: float
    travel_after_min: float
    added_travel_min: float
    late_probability: float
    next_late_probability: float


def search(wish: Wish, rosters: Iterable[Roster], zone: tzinfo, now: datetime, most: int) -> list[Slot]:
    """Return the `most` best times to offer, best first: little added way, and soon.

    Of each gap in a plan at most a few are offered, three hours apart, for those who cannot be there at its beginning.
    Example: two technicians are free all day, one passes the door on the way to the next visit: that one's time comes
    first, although the other could come an hour sooner.
    """
    seeker = _Seeker(wish, zone, now)
    best: list[tuple[float, float, int, _Offer]] = []  # the worst first: all the smaller for being negative
    for roster in rosters:
        for offer in seeker.offers(roster):
            entry = (-offer.cost_min, -offer.begins_s, -roster.technician, offer)
            if len(best) < most:
                heappush(best, entry)
            else:
                heappushpop(best, entry)
                seeker.most_min = -best[0][0]
    return [seeker.slot(*offer[1:]) for *_, offer in sorted(best, key=itemgetter(0, 1, 2), reverse=True)]


def risk_of(wish: Wish, roster: Roster, starts_at: datetime, zone: tzinfo, now: datetime) -> Slot | None:
    """Return a time that was chosen by hand as a slot, with its risks, however great they are; None when it is taken.

    For who insists on a time that is not offered: how likely somebody comes late is shown before it is saved. Working
    hours are not asked about.
    """
    ends_at = starts_at + timedelta(minutes=wish.duration_min)
    day = (starts_at - LONGEST_DAY, ends_at + LONGEST_DAY)
    seeker = _Seeker(wish, zone, now)
    for gap in _gaps(replace(roster, shifts=(day,)), *day):
        if gap.opens_at <= starts_at and ends_at <= gap.closes_at:
            return seeker.slot(starts_at.timestamp(), roster, gap, seeker.ways(roster, gap))
    return None


class _Gap(NamedTuple):
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


class _Ways(NamedTuple):
    """Seconds of the ways to and from the work, the standard deviation of when each ends, and the seconds added."""

    before_s: float
    before_sd_s: float
    after_s: float
    after_sd_s: float
    added_s: float


class _Offer(NamedTuple):
    """What an offer costs in minutes on the road, when it begins (seconds since 1970), and what it is made of."""

    cost_min: float
    begins_s: float
    roster: Roster
    gap: _Gap
    ways: _Ways


class _Seeker:
    """One search: what is the same for thousands of gaps is worked out once."""

    def __init__(self, wish: Wish, zone: tzinfo, now: datetime) -> None:
        self.wish, self.zone, self.now_s = wish, zone, now.timestamp()
        self.north_m, self.east_m = metres_per_degree(wish.lat)
        self.work_s, self.window_s = 60.0 * wish.duration_min, 60.0 * wish.window_min
        self.from_s, self.until_s = wish.from_at.timestamp(), wish.until_at.timestamp()
        self.offsets_s: dict[int, float] = {}
        #: What costs more need not be found: enough was found that costs less.
        self.most_min = math.inf

    def offers(self, roster: Roster) -> Iterator[_Offer]:
        """Yield the times at which this technician can begin the work."""
        if roster.base is not None and self.way_m(roster.base) > REACH_M[roster.travels_by]:
            return
        until_at = self.wish.until_at + timedelta(minutes=self.wish.duration_min)
        for gap in _gaps(roster, self.wish.from_at, until_at):
            if self.waiting_min(gap.opens_at.timestamp()) > self.most_min:
                return  # so is whatever comes later
            if (gap.closes_at - gap.opens_at).total_seconds() >= self.work_s:
                ways = self.ways(roster, gap)
                for begins_s in self.starts(*self.bounds(gap, ways)):
                    yield _Offer(ways.added_s / 60 + self.waiting_min(begins_s), begins_s, roster, gap, ways)

    def waiting_min(self, begins_s: float) -> float:
        """Return what it costs, in minutes on the road, that the work begins only then."""
        return DAY_COSTS_MIN * (begins_s - self.from_s) / 86_400

    def starts(self, first_s: float, last_s: float) -> Iterator[float]:
        """Yield the moments between two at which the work can begin, each easily said."""
        low_h, high_h = self.wish.hours
        for step_min in ROUND_MIN:
            step_s, offered = 60.0 * step_min, False
            at_s = math.ceil(first_s / step_s) * step_s
            while at_s <= last_s:
                hour = self.hour(at_s)
                if hour < low_h:
                    at_s += max(3600.0 * (low_h - hour) // step_s, 1.0) * step_s
                elif hour >= high_h:
                    break
                else:
                    yield at_s
                    offered = True
                    at_s += APART_S
            if offered:
                return

    def bounds(self, gap: _Gap, ways: _Ways) -> tuple[float, float]:
        """Return between which moments the work can begin in a gap so that everybody is likely served in time."""
        spare_s = max(_SURE_Z * ways.before_sd_s - _GRACE_S - self.window_s, 0.0)
        first_s = max(self.leaves_s(gap) + ways.before_s + spare_s, gap.opens_at.timestamp(), self.from_s)
        last_s = min(gap.closes_at.timestamp() - self.work_s, self.until_s)
        if gap.after is not None:
            sure_s = gap.after.promised_until_at.timestamp() + _GRACE_S - _SURE_Z * ways.after_sd_s
            last_s = min(last_s, min(gap.until_at.timestamp(), sure_s) - ways.after_s - self.work_s)
        return first_s, last_s

    def leaves_s(self, gap: _Gap) -> float:
        """Return when the way to the site can begin: not before somebody is sent."""
        return max(gap.free_at.timestamp(), self.now_s)

    def slot(self, begins_s: float, roster: Roster, gap: _Gap, ways: _Ways) -> Slot:
        """Return the slot that begins at a moment of a gap."""
        late_s = begins_s + self.window_s + _GRACE_S - self.leaves_s(gap) - ways.before_s
        next_risk = 0.0
        if gap.after is not None:
            left_s = gap.after.promised_until_at.timestamp() + _GRACE_S - begins_s - self.work_s - ways.after_s
            next_risk = _share_over(left_s, ways.after_sd_s)
        starts_at = datetime.fromtimestamp(begins_s, UTC)
        return Slot(
            technician=roster.technician,
            starts_at=starts_at,
            ends_at=starts_at + timedelta(minutes=self.wish.duration_min),
            promised_until_at=starts_at + timedelta(minutes=self.wish.window_min),
            travel_before_min=ways.before_s / 60,
            travel_after_min=ways.after_s / 60,
            added_travel_min=ways.added_s / 60,
            late_probability=_share_over(late_s, ways.before_sd_s),
            next_late_probability=next_risk,
        )

    def ways(self, roster: Roster, gap: _Gap) -> _Ways:
        """Return the ways of a gap, if the work were done in it."""
        slower, hour = SLOWER[roster.travels_by], self.hour(gap.free_at.timestamp())
        begin, end = _place(gap.before, roster), _place(gap.after, roster)
        if roster.here is not None and gap.free_at.timestamp() <= self.now_s:
            begin = roster.here
        before_s, after_s = self.way_s(begin, slower, hour), self.way_s(end, slower, hour)
        instead_s = 0.0
        if begin is None or end is None:
            instead_s = UNKNOWN_WAY_S
        elif begin != end and _NOWHERE not in (begin, end):
            way_m = math.hypot((end[0] - begin[0]) * self.north_m, (end[1] - begin[1]) * self.east_m)
            instead_s = usual_s(way_m, hour) * slower
        worked_s = (gap.before.until_at - gap.before.from_at).total_seconds() if gap.before else 0.0
        return _Ways(
            before_s,
            math.hypot(WORK_SPREAD * worked_s, USUAL_SPREAD * before_s),
            after_s,
            math.hypot(WORK_SPREAD * self.work_s, USUAL_SPREAD * after_s),
            max(before_s + after_s - instead_s, 0.0),
        )

    def way_s(self, place: tuple[float, float] | None, slower: float, hour: float) -> float:
        """Return the usual seconds between a place and the site: none from nowhere, a guess where it is not known."""
        if place is _NOWHERE:
            return 0.0
        return UNKNOWN_WAY_S if place is None else usual_s(self.way_m(place), hour) * slower

    def way_m(self, place: tuple[float, float]) -> float:
        """Return the straight metres between a place and the site."""
        return math.hypot((place[0] - self.wish.lat) * self.north_m, (place[1] - self.wish.lon) * self.east_m)

    def hour(self, at_s: float) -> float:
        """Return the local hour of a moment; clocks are changed at a quarter of an hour, if ever."""
        quarter = int(at_s // 900)
        offset_s = self.offsets_s.get(quarter)
        if offset_s is None:
            offset = datetime.fromtimestamp(at_s, self.zone).utcoffset() or timedelta()
            offset_s = self.offsets_s[quarter] = offset.total_seconds()
        return (at_s + offset_s) % 86_400 / 3600


def _gaps(roster: Roster, from_at: datetime, until_at: datetime) -> Iterator[_Gap]:
    """Yield the free times of a technician's working days that reach into a time, each within working hours."""
    begins = [planned.from_at for planned in roster.plan]
    for spans in working_days(roster.shifts):
        day_from_at, day_until_at = spans[0][0], spans[-1][1]
        if day_until_at <= from_at or day_from_at >= until_at:
            continue
        first = bisect_left(begins, day_from_at - LONGEST_WORK)
        last = bisect_left(begins, day_until_at + OVERTIME)
        free_at, before = day_from_at, None
        for after in (*(one for one in roster.plan[first:last] if one.until_at > day_from_at - OVERTIME), None):
            ends_at = day_until_at if after is None else after.from_at
            for opens_at, closes_at in spans:
                opens_at, closes_at = max(opens_at, free_at), min(closes_at, ends_at)
                if opens_at < closes_at:
                    yield _Gap(free_at, ends_at, opens_at, closes_at, before, after)
            if after is not None and (before is None or after.until_at > free_at):
                free_at, before = after.until_at, after


def _place(planned: Planned | None, roster: Roster) -> tuple[float, float] | None:
    """Return where a visit is, or the base where the day begins and ends; None when its site is not located."""
    if planned is None:
        return roster.base or _NOWHERE
    return None if planned.lat is None or planned.lon is None else (planned.lat, planned.lon)


def _share_over(spare_s: float, sd_s: float) -> float:
    """Return how likely something takes so much longer than expected that the spare time is used up."""
    if sd_s <= 0:
        return 0.0 if spare_s >= 0 else 1.0
    return 0.5 * math.erfc(spare_s / sd_s / math.sqrt(2.0))
