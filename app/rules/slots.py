"""When could somebody be there, and what way would it add? The times to offer a customer, best first.

A time is offered only when the day is likely to keep it: the way to it can be driven after the work before it, with
time in hand for both taking longer than planned, and so can the way to the work after it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from heapq import heappush, heappushpop
from operator import itemgetter
from statistics import NormalDist
from typing import Any, NamedTuple

from app.rules.booking import Taken
from app.rules.duty import LONGEST_DAY
from app.rules.gaps import NOWHERE, Gap, Roster, Span, gaps, place_of
from app.rules.helper import REACH_M, SLOWER
from app.rules.position import metres_per_degree
from app.rules.roads import ROUTED, STRAIGHT, Leg, Place, Roads
from app.rules.stretch import rest_around
from app.rules.travel import USUAL_SPREAD, usual_s
from app.rules.visit import GRACE
from app.rules.work import WORK_SPREAD

#: Nothing is offered that is likelier than this to be late, itself or the visit after it.
MOST_RISK = 0.2
#: Times that are easily said: on the quarter of an hour, or where none fits, on five minutes.
ROUND_MIN = (15, 5)
#: A day later is as bad as so many minutes more on the road.
DAY_COSTS_MIN = 4.0
#: What a customer likes is worth so many minutes more on the road: her hours, and the technician whom she knows.
LIKED_HOURS_MIN, LIKED_TECHNICIAN_MIN = 45.0, 20.0
#: The way to a place of which nothing is known, in seconds.
UNKNOWN_WAY_S = 1200.0
#: Times that begin so far apart are two choices; others in the same gap are not.
APART_S = 3 * 3600.0
#: Of a rest before or after a day tells nothing that is farther away.
RESTS_WITHIN = timedelta(hours=24)

_SURE_Z = NormalDist().inv_cdf(1.0 - MOST_RISK)
_GRACE_S = GRACE.total_seconds()


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
    #: What the customer likes, and gets where it costs little: these hours of the day, and this technician.
    liked_hours: tuple[float, float] | None = None
    liked: int | None = None

    @property
    def work(self) -> timedelta:
        """How long the work takes."""
        return timedelta(minutes=self.duration_min)


@dataclass(frozen=True, slots=True)
class Slot:
    """A time to offer: work from `starts_at` to `ends_at`, the customer promised an arrival until `promised_until_at`.

    Minutes of the way before and after it, by how many the technician's day on the road grows, and how likely the
    arrival, and that of the visit after it, is later than 5 minutes after its promise. `short_rest_min`: the rest
    before or after this working day, where it is less than eleven hours.
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
    short_rest_min: float | None = None
    #: Who goes along, where two are needed: the added way is that of both then, and likely late is who comes last.
    second_technician: int | None = None


def search(wish: Wish, rosters: Iterable[Roster], zone: tzinfo, now: datetime, most: int) -> list[Slot]:
    """Return the `most` best times to offer, best first: little added way, and soon.

    Of each gap in a plan at most a few are offered, three hours apart, for those who cannot be there at its beginning.
    Example: two technicians are free all day, one passes the door on the way to the next visit: that one's time comes
    first, although the other could come an hour sooner.
    """
    found = Search(wish, zone, now, most)
    found.look(rosters)
    return found.slots()


class Search:
    """The `most` best times, looked for stretch by stretch: what is farther ahead need not even be read when enough was
    found before it."""

    def __init__(self, wish: Wish, zone: tzinfo, now: datetime, most: int) -> None:
        self._asked, self._most = (wish, zone, now), most
        self._seeker = Seeker(wish, zone, now)
        #: The worst first: all the smaller for being negative.
        self._best: list[tuple[float, float, Any, Any]] = []

    def can_reach(self, base: tuple[float, float] | None, travels_by: str) -> bool:
        """Return whether somebody who begins the day there is asked at all."""
        return base is None or self._seeker.way_m(base) <= REACH_M[travels_by]

    def is_over(self, at: datetime) -> bool:
        """Return whether nothing that begins from an instant on can be among the best any more."""
        return len(self._best) == self._most and self._seeker.waiting_min(at.timestamp()) > self._seeker.most_min

    def look(self, rosters: Iterable[Roster], span: Span | None = None) -> None:
        """Look for times in the days of these technicians: in those that begin in a span, or in all."""
        for roster in rosters:
            if not self.can_reach(roster.base, roster.travels_by):
                continue
            for offer in self._seeker.offers(roster, span):
                self._keep((-offer.cost_min, -offer.begins_s, -roster.technician, offer))

    def _keep(self, entry: tuple[float, float, Any, Any]) -> None:
        """Keep what was found while it is among the best."""
        if len(self._best) < self._most:
            heappush(self._best, entry)
        else:
            heappushpop(self._best, entry)
        if len(self._best) == self._most:
            self._seeker.most_min = -self._best[0][0]

    def slots(self) -> list[Slot]:
        """Return what was found, best first."""
        return [self._seeker.slot(*offer[1:]) for *_, offer in self._sorted()]

    def _sorted(self) -> list[tuple[float, float, Any, Any]]:
        return sorted(self._best, key=itemgetter(0, 1, 2), reverse=True)

    def legs(self) -> dict[str, set[Leg]]:
        """Return the ways that what was found rests on, by how they are travelled: those that a router knows."""
        found: dict[str, set[Leg]] = {}
        for *_, offer in self._best:
            if offer.roster.travels_by in ROUTED:
                found.setdefault(offer.roster.travels_by, set()).update(self._seeker.legs(offer.roster, offer.gap))
        return found

    def by_road(self, roads: Roads, most: int) -> list[Slot]:
        """Return the `most` best of what was found when the ways are as a router says.

        Where there is no way by road nothing is offered. What the straight line thought little of is not looked at
        again: search for more than are wanted.
        """
        wish, zone, now = self._asked
        seeker = Seeker(wish, zone, now, roads)
        gaps_found = {(offer.roster.technician, offer.gap): offer.roster for *_, offer in self._best}
        offers = [offer for (_, gap), roster in gaps_found.items() for offer in seeker.offers_in(roster, gap)]
        offers.sort(key=lambda offer: (offer.cost_min, offer.begins_s, offer.roster.technician))
        return [seeker.slot(*offer[1:]) for offer in offers[:most]]


def risk_of(wish: Wish, roster: Roster, starts_at: datetime, zone: tzinfo, now: datetime) -> Slot | None:
    """Return a time that was chosen by hand as a slot, with its risks, however great they are; None when it is taken.

    For who insists on a time that is not offered: how likely somebody comes late is shown before it is saved. Working
    hours are not asked about.
    """
    ends_at = starts_at + timedelta(minutes=wish.duration_min)
    day = (starts_at - LONGEST_DAY, ends_at + LONGEST_DAY)
    seeker = Seeker(wish, zone, now)
    for gap in gaps(replace(roster, shifts=(day,)), *day):
        if gap.opens_at <= starts_at and ends_at <= gap.closes_at:
            return seeker.slot(starts_at.timestamp(), roster, gap, seeker.ways(roster, gap))
    return None


class Ways(NamedTuple):
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
    gap: Gap
    ways: Ways


class Seeker:
    """One search: what is the same for thousands of gaps is worked out once."""

    def __init__(
        self, wish: Wish, zone: tzinfo, now: datetime, roads: Roads = STRAIGHT, most_risk: float = MOST_RISK
    ) -> None:
        self.sure_z = _SURE_Z if most_risk == MOST_RISK else NormalDist().inv_cdf(1.0 - most_risk)
        self.wish, self.zone, self.now_s, self.roads = wish, zone, now.timestamp(), roads
        self.site = (wish.lat, wish.lon)
        self.north_m, self.east_m = metres_per_degree(wish.lat)
        self.work_s, self.window_s = 60.0 * wish.duration_min, 60.0 * wish.window_min
        self.from_s, self.until_s = wish.from_at.timestamp(), wish.until_at.timestamp()
        self.offsets_s: dict[int, float] = {}
        #: What costs more need not be found: enough was found that costs less.
        self.most_min = math.inf

    def offers(self, roster: Roster, span: Span | None) -> Iterator[_Offer]:
        """Yield the times at which this technician can begin the work, in the days that begin in a span."""
        until_at = self.wish.until_at + self.wish.work
        for gap in gaps(roster, self.wish.from_at, until_at, span):
            if self.waiting_min(gap.opens_at.timestamp()) > self.most_min:
                return  # so is whatever comes later
            if (gap.closes_at - gap.opens_at).total_seconds() >= self.work_s:
                yield from self.offers_in(roster, gap)

    def offers_in(self, roster: Roster, gap: Gap) -> Iterator[_Offer]:
        """Yield the times at which the work can begin in a gap."""
        ways = self.ways(roster, gap)
        if ways.before_s + ways.after_s < math.inf:
            for begins_s in self.starts(*self.bounds(gap, ways)):
                cost_min = (
                    ways.added_s / 60 + self.waiting_min(begins_s) + self.unliked_min(begins_s, roster.technician)
                )
                yield _Offer(cost_min, begins_s, roster, gap, ways)

    def waiting_min(self, begins_s: float) -> float:
        """Return what it costs, in minutes on the road, that the work begins only then."""
        return DAY_COSTS_MIN * (begins_s - self.from_s) / 86_400

    def unliked_min(self, begins_s: float, *technicians: int) -> float:
        """Return what it costs, in minutes on the road, that a customer would have liked another time or technician."""
        cost_min = 0.0
        if self.wish.liked_hours is not None:
            low_h, high_h = self.wish.liked_hours
            cost_min += 0.0 if low_h <= self.hour(begins_s) < high_h else LIKED_HOURS_MIN
        if self.wish.liked not in (None, *technicians):
            cost_min += LIKED_TECHNICIAN_MIN
        return cost_min

    def starts(self, first_s: float, last_s: float) -> Iterator[float]:
        """Yield the moments between two at which the work can begin, each easily said; those are among them from which
        on the customer likes it."""
        found = list(self._starts(first_s, last_s))
        if self.wish.liked_hours is not None:
            opens_h = self.wish.liked_hours[0]
            liked_s = first_s + (opens_h - self.hour(first_s)) % 24 * 3600
            more = next(self._starts(liked_s, last_s), None) if first_s < liked_s <= last_s else None
            if more is not None and more not in found:
                found.append(more)
        yield from found

    def _starts(self, first_s: float, last_s: float) -> Iterator[float]:
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

    def bounds(self, gap: Gap, ways: Ways) -> tuple[float, float]:
        """Return between which moments the work can begin in a gap so that everybody is likely served in time."""
        spare_s = max(self.sure_z * ways.before_sd_s - _GRACE_S - self.window_s, 0.0)
        first_s = max(self.leaves_s(gap) + ways.before_s + spare_s, gap.opens_at.timestamp(), self.from_s)
        last_s = min(gap.closes_at.timestamp() - self.work_s, self.until_s)
        if gap.after is not None:
            sure_s = gap.after.promised_until_at.timestamp() + _GRACE_S - self.sure_z * ways.after_sd_s
            last_s = min(last_s, min(gap.until_at.timestamp(), sure_s) - ways.after_s - self.work_s)
        return first_s, last_s

    def leaves_s(self, gap: Gap) -> float:
        """Return when the way to the site can begin: not before somebody is sent."""
        return max(gap.free_at.timestamp(), self.now_s)

    def slot(self, begins_s: float, roster: Roster, gap: Gap, ways: Ways) -> Slot:
        """Return the slot that begins at a moment of a gap."""
        late_s = begins_s + self.window_s + _GRACE_S - self.leaves_s(gap) - ways.before_s
        next_risk = 0.0
        if gap.after is not None:
            left_s = gap.after.promised_until_at.timestamp() + _GRACE_S - begins_s - self.work_s - ways.after_s
            next_risk = _share_over(left_s, ways.after_sd_s)
        starts_at = datetime.fromtimestamp(begins_s, UTC)
        new = Taken(0, starts_at, starts_at + self.wish.work, *self.site)
        near = [one for one in roster.taken() if abs(one.from_at - starts_at) < RESTS_WITHIN]
        rest = rest_around(roster.worker, near, new, self.zone)
        return Slot(
            technician=roster.technician,
            starts_at=starts_at,
            ends_at=starts_at + self.wish.work,
            promised_until_at=starts_at + timedelta(minutes=self.wish.window_min),
            travel_before_min=ways.before_s / 60,
            travel_after_min=ways.after_s / 60,
            added_travel_min=ways.added_s / 60,
            late_probability=_share_over(late_s, ways.before_sd_s),
            next_late_probability=next_risk,
            short_rest_min=None if rest is None else rest / timedelta(minutes=1),
        )

    def ways(self, roster: Roster, gap: Gap) -> Ways:
        """Return the ways of a gap, if the work were done in it."""
        hour, by = self.hour(gap.free_at.timestamp()), roster.travels_by
        begin, end = self.ends(roster, gap)
        before_s, after_s = self.way_s(by, begin, self.site, hour), self.way_s(by, self.site, end, hour)
        instead_s = self.way_s(by, begin, end, hour) if begin is None or begin != end else 0.0
        worked_s = (gap.before.until_at - gap.before.from_at).total_seconds() if gap.before else 0.0
        return Ways(
            before_s,
            math.hypot(WORK_SPREAD * worked_s, USUAL_SPREAD * before_s),
            after_s,
            math.hypot(WORK_SPREAD * self.work_s, USUAL_SPREAD * after_s),
            max(before_s + after_s - instead_s, 0.0),
        )

    def ends(self, roster: Roster, gap: Gap) -> tuple[Place | None, Place | None]:
        """Return where somebody comes from before a gap, and has to go after it; None where that is not located."""
        begin, end = place_of(gap.before, roster.base), place_of(gap.after, roster.end or roster.base)
        if roster.here is not None and gap.free_at.timestamp() <= self.now_s:
            begin = roster.here
        return begin, end

    def legs(self, roster: Roster, gap: Gap) -> Iterator[Leg]:
        """Yield the ways of a gap, if the work were done in it and if not."""
        begin, end = (None if place is NOWHERE else place for place in self.ends(roster, gap))
        if begin is not None:
            yield begin, self.site
        if end is not None:
            yield self.site, end
        if begin is not None and end is not None and begin != end:
            yield begin, end

    def way_s(self, by: str, begin: Place | None, end: Place | None, hour: float) -> float:
        """Return the usual seconds of a way: none from or to nowhere, a guess where a place is not known."""
        if begin is NOWHERE or end is NOWHERE:
            return 0.0
        if begin is None or end is None:
            return UNKNOWN_WAY_S
        if self.roads.known and (said_s := self.roads.way_s(by, begin, end, hour)) is not None:
            return said_s
        way_m = math.hypot((begin[0] - end[0]) * self.north_m, (begin[1] - end[1]) * self.east_m)
        return usual_s(way_m, hour) * SLOWER[by]

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


def _share_over(spare_s: float, sd_s: float) -> float:
    """Return how likely something takes so much longer than expected that the spare time is used up."""
    if sd_s <= 0:
        return 0.0 if spare_s >= 0 else 1.0
    return 0.5 * math.erfc(spare_s / sd_s / math.sqrt(2.0))
