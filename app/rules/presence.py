"""Which visits has the technician really begun and ended, when taps are forgotten, late, or for the wrong visit?"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from app.rules.motion import motion
from app.rules.position import Fix, distance_m, metres_per_degree

#: A site so near to another is the same car park: being at one says nothing about the other.
SAME_PLACE_M = 150.0
#: Well away from a site: the technician has left it.
AWAY_M, STILL_THERE_M = 220.0, 120.0
#: A little more than that, in degrees of latitude.
STILL_THERE_LAT = 1.01 * STILL_THERE_M / metres_per_degree(0.0)[0]
#: Who leaves within this, or a quarter of the work, has not been at work: a search for a place to park.
SHORT_STAY_S, SHORT_STAY_SHARE = 480.0, 0.25
#: An arrival is not inferred from positions earlier than this before the promise.
TOO_EARLY = timedelta(hours=2)
#: A tap this far from its site, made at another stop, was meant for the other one.
TAP_AWAY_M, TAP_NEAR_S = 500.0, 300.0
#: Heading for a stop out of order: its site came nearer by so much since the tap.
HEADING_M = 300.0


class Stop(NamedTuple):
    """One visit as the forecast needs it; every `_at` is an aware instant, `duration_min` the planned minutes of work.

    A tuple, as one is made for every stop at every look.

    `en_route_at`, `arrived_at`, `completed_at` are taps, the office's word, or what positions told before; `arrived_by`
    which of them (tap | office | position | silence). `eta_reported` is the arrival that the technician announced at
    `eta_reported_at`; `service` the id of the kind of work (0: unknown).
    """

    visit: str
    lat: float
    lon: float
    promised_from_at: datetime
    promised_until_at: datetime
    duration_min: int
    en_route_at: datetime | None = None
    arrived_at: datetime | None = None
    completed_at: datetime | None = None
    eta_reported: datetime | None = None
    eta_reported_at: datetime | None = None
    arrived_by: str | None = None
    service: int = 0

    @property
    def is_open(self) -> bool:
        """Whether the technician has not arrived yet, as far as known."""
        return self.arrived_at is None and self.completed_at is None

    @property
    def is_at_work(self) -> bool:
        """Whether the technician is there now, as far as known."""
        return self.arrived_at is not None and self.completed_at is None


@dataclass(frozen=True, slots=True)
class Inferred:
    """What positions tell that nobody tapped: `kind` en_route | arrived | completed, `at` when, `why` a code."""

    visit: str
    kind: str
    at: datetime
    why: str


def corrected(
    stops: Iterable[Stop], fixes: Sequence[Fix], now: datetime
) -> tuple[list[Stop], list[Inferred], list[Inferred]]:
    """Return the stops as positions correct them, what was inferred, and what was withdrawn.

    An arrival that was tapped at another stop, or followed by driving on at once, is withdrawn; a site that was left is
    completed; a stay at the next site is an arrival. Example: the phone stands at the second site for five minutes
    while the first visit was never tapped done: `arrived` for the second, `completed` for the first.
    """
    known = list(stops)
    found: list[Inferred] = []
    withdrawn: list[Inferred] = []
    if not fixes:
        return known, found, withdrawn
    for index, stop in enumerate(known):
        if stop.is_at_work:
            assert stop.arrived_at is not None
            why, at = _wrong_arrival(stop, known, fixes)
            if why:
                known[index] = stop._replace(arrived_at=None)
                withdrawn.append(Inferred(stop.visit, "arrived", at or stop.arrived_at, why))
                continue
            next_at = [s.arrived_at for s in known if s.arrived_at and s.arrived_at > stop.arrived_at]
            at = at or min(next_at, default=None)
            if at is not None:
                known[index] = stop._replace(completed_at=at)
                found.append(Inferred(stop.visit, "completed", at, "at_next_site" if next_at else "left_site"))
    arrival = _arrival(known, fixes, now)
    if arrival is not None:
        found.append(arrival)
        for index, stop in enumerate(known):
            if stop.visit == arrival.visit:
                known[index] = stop._replace(arrived_at=arrival.at)
            elif stop.is_at_work:
                known[index] = stop._replace(completed_at=arrival.at)
                found.append(Inferred(stop.visit, "completed", arrival.at, "at_next_site"))
    return known, found, withdrawn


def left_at(stop: Stop, fixes: Sequence[Fix]) -> datetime | None:
    """Return when the phone left the site of a stop: it was there after the arrival and now is well away; else None."""
    if stop.arrived_at is None or not fixes:
        return None
    begin_at = stop.arrived_at - timedelta(minutes=3)
    if distance_m(fixes[-1].lat, fixes[-1].lon, stop.lat, stop.lon) < AWAY_M:
        return None
    for fix in reversed(fixes):
        if fix.fixed_at < begin_at:
            return None
        # Degrees first: they rule out most, and the cosine is what costs.
        if (
            abs(fix.lat - stop.lat) < STILL_THERE_LAT
            and distance_m(fix.lat, fix.lon, stop.lat, stop.lon) <= STILL_THERE_M
        ):
            return fix.fixed_at
    return None


def in_order(todo: Sequence[Stop], fixes: Sequence[Fix]) -> list[Stop]:
    """Return the open stops in the order they will be made: as planned, unless tap and heading both say otherwise.

    A tap alone may be for the wrong visit, so it counts only when that site has come nearer since, and more so than the
    planned next one. Example: "on the way" to the third, and 2 km nearer to it: the third comes first.
    """
    tapped = [(stop.en_route_at, index) for index, stop in enumerate(todo) if stop.en_route_at is not None]
    if len(todo) < 2 or not tapped or not fixes:
        return list(todo)
    tapped_at, index = max(tapped)
    aim, first = todo[index], todo[0]
    if aim is first:
        return list(todo)
    then = next((fix for fix in fixes if fix.fixed_at >= tapped_at), fixes[-1])
    if _nearer_m(aim, then, fixes[-1]) < max(HEADING_M, _nearer_m(first, then, fixes[-1])):
        return list(todo)
    return [aim, *(stop for stop in todo if stop is not aim)]


def _nearer_m(stop: Stop, then: Fix, current: Fix) -> float:
    before_m = distance_m(then.lat, then.lon, stop.lat, stop.lon)
    return before_m - distance_m(current.lat, current.lon, stop.lat, stop.lon)


def _wrong_arrival(stop: Stop, stops: Sequence[Stop], fixes: Sequence[Fix]) -> tuple[str, datetime | None]:
    """Return why an arrival cannot be right ("" when it can), and when its site was left, if it was."""
    assert stop.arrived_at is not None
    arrived_at = stop.arrived_at
    gone_at = left_at(stop, fixes)
    if gone_at is not None:
        stayed_s = (gone_at - arrived_at).total_seconds()
        if stayed_s >= min(SHORT_STAY_S, 60.0 * SHORT_STAY_SHARE * stop.duration_min):
            return "", gone_at
        # One position alone may be wrong, and would send the customer a word about somebody who is there.
        return ("left_at_once", gone_at) if fixes[-2].fixed_at > gone_at else ("", None)
    after = bisect_left(fixes, arrived_at, key=lambda fix: fix.fixed_at)
    around = fixes[max(after - 1, 0) : after + 1]
    near = min(around, key=lambda fix: abs((fix.fixed_at - arrived_at).total_seconds()))
    if abs((near.fixed_at - arrived_at).total_seconds()) > TAP_NEAR_S:
        return "", None
    # Away from every stop the tap is believed: the map, not the technician, may have the site in the wrong place.
    elsewhere = distance_m(near.lat, near.lon, stop.lat, stop.lon) > TAP_AWAY_M and any(
        distance_m(near.lat, near.lon, other.lat, other.lon) < SAME_PLACE_M for other in stops if other is not stop
    )
    return ("tapped_at_another_stop" if elsewhere else ""), None


def _arrival(known: Sequence[Stop], fixes: Sequence[Fix], now: datetime) -> Inferred | None:
    """Return the arrival that a stay at an open stop's site amounts to, or None."""
    last = fixes[-1]
    busy = [stop for stop in known if stop.is_at_work]
    for stop in known:
        if not stop.is_open or stop.promised_from_at - now > TOO_EARLY:
            continue
        if distance_m(last.lat, last.lon, stop.lat, stop.lon) > SAME_PLACE_M:
            continue
        if any(distance_m(other.lat, other.lon, stop.lat, stop.lon) < SAME_PLACE_M for other in busy):
            continue
        moved = motion(fixes, stop.lat, stop.lon, now)
        if moved.state == "at_site" and moved.inside_since is not None:
            ended = [other.completed_at for other in known if other.completed_at and other.completed_at <= now]
            return Inferred(stop.visit, "arrived", max([moved.inside_since, *ended]), "stays_at_site")
    return None
