"""When could two technicians be at one place together? The times to offer for work that two are needed for.

Between them they must know all that the work asks for. The first of the two is who knows more of it, then whom the
customer wishes for, then who has the shorter way: that one the customer hears of.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, tzinfo
from operator import attrgetter
from typing import NamedTuple

from app.rules.gaps import Gap, Roster, Span, gaps
from app.rules.roads import ROUTED, Leg, Roads
from app.rules.slots import APART_S, MOST_RISK, Search, Seeker, Slot, Ways, Wish

#: Each of two may be late this likely, so that both are there in time as surely as one alone would be.
EACH_RISK = 1.0 - math.sqrt(1.0 - MOST_RISK)
#: So many who could go along are looked at for one free time of somebody: those with the shortest ways.
MOST_BESIDE = 12


class Part(NamedTuple):
    """Between which moments one of the two could begin in a gap, and the minutes on the road that it adds."""

    added_min: float
    first_s: float
    last_s: float
    roster: Roster
    gap: Gap
    ways: Ways


class _Pair(NamedTuple):
    """Two who could begin at a moment, the first one first."""

    begins_s: float
    first: Part
    along: Part


class Pairs(Search):
    """The best times of two together, looked for stretch by stretch as of one.

    `needs` is what the work asks for, `knows` what of it each technician has; `only`: one of the two shall be that one.
    """

    def __init__(
        self,
        wish: Wish,
        zone: tzinfo,
        now: datetime,
        most: int,
        needs: frozenset[str] = frozenset(),
        knows: Mapping[int, frozenset[str]] | None = None,
        only: int | None = None,
    ) -> None:
        super().__init__(wish, zone, now, most)
        self._seeker = Seeker(wish, zone, now, most_risk=EACH_RISK)
        self._needs, self._knows, self._only = needs, knows or {}, only
        self._before: list[Part] = []

    def look(self, rosters: Iterable[Roster], span: Span | None = None) -> None:
        """Look for times in the days of these technicians: in those that begin in a span, or in all."""
        new = [part for one in rosters for part in self._parts(one, span)]
        # A night's work reaches into the next day: who begins then may go along.
        begins_s = min((part.first_s for part in new), default=math.inf)
        before = [part for part in self._before if part.last_s >= begins_s]
        self._before, fresh = new, {id(part) for part in new}
        parts = sorted([*before, *new], key=attrgetter("added_min"))
        for number, part in enumerate(parts):
            if 2 * part.added_min > self._seeker.most_min:
                return
            beside = (one for one in parts[number + 1 :] if id(one) in fresh or id(part) in fresh)
            for pair in self._with(part, beside):
                who = pair.first.roster.technician, pair.along.roster.technician
                self._keep((-_cost_min(self._seeker, pair), -pair.begins_s, (-who[0], -who[1]), pair))

    def slots(self) -> list[Slot]:
        """Return what was found, best first."""
        return [self._slot(self._seeker, entry[-1]) for entry in self._sorted()]

    def legs(self) -> dict[str, set[Leg]]:
        """Return the ways that what was found rests on, by how they are travelled: those that a router knows."""
        found: dict[str, set[Leg]] = {}
        for *_, pair in self._best:
            for part in (pair.first, pair.along):
                if part.roster.travels_by in ROUTED:
                    legs = self._seeker.legs(part.roster, part.gap)
                    found.setdefault(part.roster.travels_by, set()).update(legs)
        return found

    def by_road(self, roads: Roads, most: int) -> list[Slot]:
        """Return the `most` best of what was found when the ways are as a router says."""
        wish, zone, now = self._asked
        seeker = Seeker(wish, zone, now, roads, EACH_RISK)
        found: dict[tuple[float, int, int], tuple[float, _Pair]] = {}
        for *_, pair in self._best:
            first, along = (_part(seeker, part.roster, part.gap) for part in (pair.first, pair.along))
            if first is None or along is None:
                continue
            for begins_s in seeker.starts(max(first.first_s, along.first_s), min(first.last_s, along.last_s)):
                anew = _Pair(begins_s, first, along)
                key = begins_s, first.roster.technician, along.roster.technician
                found[key] = _cost_min(seeker, anew), anew
        best = sorted(found.items(), key=lambda one: (one[1][0], one[0]))
        return [self._slot(seeker, pair) for _, (_, pair) in best[:most]]

    def _parts(self, roster: Roster, span: Span | None) -> Iterator[Part]:
        if not self.can_reach(roster.base, roster.travels_by):
            return
        wish = self._asked[0]
        for gap in gaps(roster, wish.from_at, wish.until_at + wish.work, span):
            if gap.closes_at - gap.opens_at >= wish.work:
                part = _part(self._seeker, roster, gap)
                if part is not None and part.first_s <= part.last_s:
                    yield part

    def _with(self, part: Part, others: Iterable[Part]) -> Iterator[_Pair]:
        """Yield the times of one with those who could go along, apart from each other, the shortest ways first."""
        seeker, times, looked_at = self._seeker, list[float](), 0
        for other in others:
            if part.added_min + other.added_min > seeker.most_min or looked_at == MOST_BESIDE:
                return
            first_s, last_s = max(part.first_s, other.first_s), min(part.last_s, other.last_s)
            if first_s > last_s or not self._may(part.roster.technician, other.roster.technician):
                continue
            looked_at += 1
            for begins_s in seeker.starts(first_s, last_s):
                if all(abs(begins_s - one) >= APART_S for one in times):
                    times.append(begins_s)
                    yield self._pair(begins_s, part, other)

    def _may(self, one: int, other: int) -> bool:
        """Return whether two are two, are wanted, and know between them what is needed."""
        if one == other or self._only not in (None, one, other):
            return False
        return not self._needs or self._needs <= self._of(one) | self._of(other)

    def _pair(self, begins_s: float, part: Part, other: Part) -> _Pair:
        ordered = sorted(
            (part, other),
            key=lambda one: (-len(self._of(one.roster.technician)), one.roster.technician != self._only, one.added_min),
        )
        return _Pair(begins_s, *ordered)

    def _of(self, technician: int) -> frozenset[str]:
        return self._knows.get(technician, frozenset())

    def _slot(self, seeker: Seeker, pair: _Pair) -> Slot:
        first, along = (
            seeker.slot(pair.begins_s, part.roster, part.gap, part.ways) for part in (pair.first, pair.along)
        )
        rests = [one.short_rest_min for one in (first, along) if one.short_rest_min is not None]
        return replace(
            first,
            second_technician=along.technician,
            added_travel_min=first.added_travel_min + along.added_travel_min,
            late_probability=_either(first.late_probability, along.late_probability),
            next_late_probability=_either(first.next_late_probability, along.next_late_probability),
            short_rest_min=min(rests, default=None),
        )


def _part(seeker: Seeker, roster: Roster, gap: Gap) -> Part | None:
    """Return when one could begin in a gap; None where there is no way."""
    ways = seeker.ways(roster, gap)
    if ways.before_s + ways.after_s == math.inf:
        return None
    return Part(ways.added_s / 60, *seeker.bounds(gap, ways), roster, gap, ways)


def _cost_min(seeker: Seeker, pair: _Pair) -> float:
    """Return what a time of two costs, in minutes on the road."""
    who = pair.first.roster.technician, pair.along.roster.technician
    waiting_min = seeker.waiting_min(pair.begins_s) + seeker.unliked_min(pair.begins_s, *who)
    return pair.first.added_min + pair.along.added_min + waiting_min


def _either(one: float, other: float) -> float:
    """Return how likely one of two things happens that do not depend on each other."""
    return 1.0 - (1.0 - one) * (1.0 - other)


def together(
    wish: Wish,
    rosters: Iterable[Roster],
    zone: tzinfo,
    now: datetime,
    most: int,
    needs: frozenset[str] = frozenset(),
    knows: Mapping[int, frozenset[str]] | None = None,
) -> list[Slot]:
    """Return the `most` best times at which two of these technicians could be there.

    Example: one is free from nine and the other from eleven: eleven o'clock comes first.
    """
    found = Pairs(wish, zone, now, most, needs, knows)
    found.look(rosters)
    return found.slots()
