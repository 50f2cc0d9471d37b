"""How long do ways take by road? Asked of a router in tables, kept, and not asked again while it is down."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from threading import Lock
from typing import Any

import structlog

from app.providers.base import OutcomeUnknown, TryLater
from app.providers.deadline import within
from app.rules.roads import Leg, Place, Roads, Wanted

log = structlog.get_logger()

#: As many places on each side of a table as both kinds of server take in one request unless told otherwise.
MOST_PLACES = 50
#: So long nobody asks a router that was silent, seconds.
RESTS_S = 30.0
#: An answer is kept so long, seconds, and so many of them: streets change more slowly.
KEPT_S, MOST_KEPT = 24 * 3600.0, 300_000
#: Nothing on this earth takes longer: what does is nonsense, seconds.
_LONGEST_S = 7 * 86_400.0


class RouterSilent(Exception):
    """The router did not answer, or not sensibly: nothing is known of the ways."""


#: Asks a server once: how one travels, from where and to where; returns rows of seconds as they came.
Table = Callable[[Sequence[Place], Sequence[Place], float], Any]


class TableRouter:
    """A router with a memory, by a function for each way to travel that asks its server for a table."""

    def __init__(self, tables: Mapping[str, Table], steady: Callable[[], float] = time.monotonic) -> None:
        self._tables, self._steady = tables, steady
        self._kept: OrderedDict[tuple[str, Leg], tuple[float, float]] = OrderedDict()
        self._lock = Lock()
        self._rests_until_s = -math.inf

    def roads(self, wanted: Wanted, within_s: float) -> Roads:
        """Return how long these ways take, as far as it is known within so many seconds."""
        ends_s = self._steady() + within_s
        known: dict[str, Mapping[Leg, float]] = {}
        try:
            for travels_by, table in self._tables.items():
                if legs := wanted.get(travels_by):
                    known[travels_by] = self._ways(travels_by, table, legs, ends_s)
        except RouterSilent:
            return Roads("router_silent", known)
        return Roads("router", known)

    def _ways(self, travels_by: str, table: Table, legs: Collection[Leg], ends_s: float) -> Mapping[Leg, float]:
        found = self._remembered(travels_by, legs)
        for sources, targets in _blocks(leg for leg in legs if leg not in found):
            said = self._ask(table, sources, targets, ends_s - self._steady())
            self._keep(travels_by, said)
            found.update(said)
        return {leg: found[leg] for leg in legs}

    def _ask(
        self, table: Table, sources: Sequence[Place], targets: Sequence[Place], within_s: float
    ) -> dict[Leg, float]:
        if self._steady() < self._rests_until_s:
            raise RouterSilent("was silent just now")
        if within_s <= 0:
            raise RouterSilent("no time left")
        try:
            rows = within(within_s, lambda: table(sources, targets, within_s))
            return dict(_read(rows, sources, targets))
        except (TryLater, OutcomeUnknown, RouterSilent, TimeoutError) as error:
            self._rests_until_s = self._steady() + RESTS_S
            log.warning("the router is silent: ways go by the straight line", said=str(error) or "too late")
            raise RouterSilent(str(error)) from error

    def _remembered(self, travels_by: str, legs: Collection[Leg]) -> dict[Leg, float]:
        oldest_s = self._steady() - KEPT_S
        with self._lock:
            kept = ((leg, self._kept.get((travels_by, _rounded(leg)))) for leg in legs)
            return {leg: one[0] for leg, one in kept if one is not None and one[1] >= oldest_s}

    def _keep(self, travels_by: str, said: Mapping[Leg, float]) -> None:
        now_s = self._steady()
        with self._lock:
            for leg, seconds in said.items():
                self._kept[travels_by, _rounded(leg)] = seconds, now_s
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)


def _blocks(legs: Iterable[Leg]) -> Iterator[tuple[list[Place], list[Place]]]:
    """Yield tables that together hold every way, none larger than is answered."""
    wanted: dict[Place, set[Place]] = {}
    for begin, end in legs:
        wanted.setdefault(begin, set()).add(end)
    sources = sorted(wanted)
    for first in range(0, len(sources), MOST_PLACES):
        some = sources[first : first + MOST_PLACES]
        targets = sorted(set().union(*(wanted[source] for source in some)))
        for start in range(0, len(targets), MOST_PLACES):
            yield some, targets[start : start + MOST_PLACES]


def _read(rows: Any, sources: Sequence[Place], targets: Sequence[Place]) -> Iterator[tuple[Leg, float]]:
    """Yield the ways of a table. Raises RouterSilent when it is none, or of another size."""
    if not isinstance(rows, list) or len(rows) != len(sources):
        raise RouterSilent("an answer that is no table")
    for source, row in zip(sources, rows, strict=True):
        if not isinstance(row, list) or len(row) != len(targets):
            raise RouterSilent("an answer that is no table")
        for target, said in zip(targets, row, strict=True):
            if said is None:
                yield (source, target), math.inf
            elif isinstance(said, bool) or not isinstance(said, int | float) or not 0 <= said <= _LONGEST_S:
                raise RouterSilent("an answer that is no time")
            else:
                yield (source, target), float(said)


def _rounded(leg: Leg) -> Leg:
    """Return a way to the metre."""
    return (round(leg[0][0], 5), round(leg[0][1], 5)), (round(leg[1][0], 5), round(leg[1][1], 5))
