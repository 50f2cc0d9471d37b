"""How is a day drawn as hours: from when to when, what is no working time, which bars stand above each other?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from app.rules.duty import Away, Shifts
from app.rules.helper import SLOWER
from app.rules.position import distance_m
from app.rules.travel import usual_s

Span = tuple[datetime, datetime]

#: A day is never drawn shorter than from 8 to 18 o'clock.
USUAL_HOURS = (8, 18)
AN_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Shade:
    """Time that is not free: `off` (out of the hours), `break`, `held` for a customer, or a reason of Away."""

    from_at: datetime
    until_at: datetime
    why: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Leg:
    """The way to a visit; `tight`: there is less time for it than it takes, and this is the time there is."""

    from_at: datetime
    until_at: datetime
    tight: bool = False


@dataclass(frozen=True, slots=True)
class Stop:
    """A visit as the way to it sees it: the work from and until, where, and what is known of the way there."""

    visit: int
    from_at: datetime
    until_at: datetime
    lat: float | None = None
    lon: float | None = None
    en_route_at: datetime | None = None
    arrives_at: datetime | None = None


#: How far a day is drawn beyond what is worked and planned, when somebody wants that: from midnight, until midnight.
REACHES = ("", "early", "late", "all")


def axis(day: Span, spans: Iterable[Span], reach: str = "") -> Span:
    """Return from when to when a day is drawn, in whole hours: what is worked and planned, and never less than usual.

    `day` are its bounds; nothing is drawn before it, and at most six hours after it. Example: a visit at 6:30 begins
    the day at 6 o'clock. An hour after the last of it is drawn too: there is room to move it. `reach`: one of REACHES.
    """
    begins_at, ends_at = day
    spans = [*spans, *([(begins_at, begins_at + AN_HOUR)] if reach in ("early", "all") else ())]
    spans += [(ends_at - 2 * AN_HOUR, ends_at - AN_HOUR)] if reach in ("late", "all") else ()
    first, last = begins_at + AN_HOUR * USUAL_HOURS[0], begins_at + AN_HOUR * USUAL_HOURS[1]
    for from_at, until_at in spans:
        if until_at > begins_at and from_at < ends_at:
            first, last = min(first, from_at), max(last, until_at + AN_HOUR)
    first, last = max(first, begins_at), min(last, ends_at + 6 * AN_HOUR)
    return begins_at + (first - begins_at) // AN_HOUR * AN_HOUR, begins_at - (begins_at - last) // AN_HOUR * AN_HOUR


def shades(drawn: Span, shifts: Shifts | None, away: Sequence[Away], held: Sequence[Span]) -> list[Shade]:
    """Return what of the time that is drawn is not free; where no hours are stated, none is out of them.

    >>> from datetime import UTC
    >>> eight, noon, one, six = (datetime(2026, 11, 24, hour, tzinfo=UTC) for hour in (8, 12, 13, 18))
    >>> [(one.why, one.from_at.hour) for one in shades((eight, six), ((eight, noon), (one, six)), (), ())]
    [('break', 12)]
    """
    from_at, until_at = drawn
    found = []
    if shifts is not None:
        since, worked = from_at, False
        for begins_at, ends_at in sorted(shifts):
            if ends_at <= from_at or begins_at >= until_at:
                continue
            if begins_at > since:
                found.append(Shade(since, begins_at, "break" if worked else "off"))
            since, worked = max(since, ends_at), True
        if since < until_at:
            found.append(Shade(since, until_at, "off"))
    found += [Shade(one.from_at, one.until_at, one.why, one.note) for one in away]
    found += [Shade(*span, "held") for span in held]
    return [
        Shade(max(one.from_at, from_at), min(one.until_at, until_at), one.why, one.note)
        for one in found
        if one.until_at > from_at and one.from_at < until_at
    ]


def legs(stops: Sequence[Stop], base: tuple[float, float] | None, travels_by: str, zone: tzinfo) -> dict[int, Leg]:
    """Return the way to each visit: as it was begun where that is known, else as long as it usually takes.

    `stops` in planned order; the first way begins at the base. Without both positions there is no way to draw.
    """
    found = {}
    place, free_at = base, None
    for stop in stops:
        there = None if stop.lat is None or stop.lon is None else (stop.lat, stop.lon)
        if stop.en_route_at is not None:
            found[stop.visit] = Leg(stop.en_route_at, max(stop.arrives_at or stop.from_at, stop.en_route_at))
        elif place is not None and there is not None and place != there:
            local = stop.from_at.astimezone(zone)
            way_s = usual_s(distance_m(*place, *there), local.hour + local.minute / 60) * SLOWER.get(travels_by, 1.0)
            begins_at = stop.from_at - timedelta(seconds=way_s)
            tight = free_at is not None and begins_at < free_at
            found[stop.visit] = Leg(min(free_at, stop.from_at) if tight and free_at else begins_at, stop.from_at, tight)
        place, free_at = there or place, stop.until_at
    return found


def levels(spans: Sequence[Span]) -> list[int]:
    """Return on which level each bar is drawn, so that none hides another; `spans` in the order of their beginning.

    >>> from datetime import UTC
    >>> ten, eleven, noon = (datetime(2026, 11, 24, hour, tzinfo=UTC) for hour in (10, 11, 12))
    >>> levels([(ten, noon), (ten, eleven), (eleven, noon)])
    [0, 1, 1]
    """
    free_at: list[datetime] = []
    found = []
    for from_at, until_at in spans:
        level = next((n for n, at in enumerate(free_at) if at <= from_at), len(free_at))
        free_at[level : level + 1] = [until_at]
        found.append(level)
    return found
