"""How do this company's days differ from the ones we assumed: roads, jobs, and how well its windows hold?

What was seen is kept for the whole company, for each hour of the day and each kind of work, and for each area and
technician; every group is blended with the broader one, so that few observations change little and many change all.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from app.rules.ratio import Ratios, Tally
from app.rules.travel import AS_USUAL, HOURS
from app.rules.visit import GRACE
from app.rules.work import AS_PLANNED

#: Areas are cells of about 5 km, in degrees north and east (at 35° of latitude).
CELL_LAT, CELL_LON = 0.045, 0.055
#: Words about a delay, and other words with a window, err in different ways: the first are said when it goes badly.
DELAY, OTHER = "delay", "other"
#: A calibration is believed as if the forecast's own windows had been seen to be right so often.
WINDOWS_AS_SEEN = 20
#: A window is moved and widened no further than this, whatever was seen; it is never narrowed: one that is broken costs
#: a customer more than one that is too wide.
SHIFT_LEAST, SHIFT_MOST = 0.8, 1.4
WIDEN_MOST = 2.5
#: A time left so short is mostly rounding: it moves no window.
SHORT_S = 300.0

#: () all, then (hour band's first minute), then (…, steps north, steps east); or (service), then (…, technician).
Key = tuple[int, ...]
_STARTS = tuple(start for start, _ in HOURS)
#: The local minutes at which bands of hours begin.
BANDS = tuple(round(60 * start) for start in _STARTS)
_GRACE_S = GRACE.total_seconds()


@dataclass(frozen=True, slots=True)
class Window:
    """How the time left is told so that a window holds as often as it claims: its middle times `shift`, and what lies
    around the middle times `widen`; learned from `n` windows that were told, of which `kept` (a share) held while they
    claimed `claimed`."""

    shift: float = 1.0
    widen: float = 1.0
    n: int = 0
    claimed: float = 0.0
    kept: float = 0.0


#: A window as the forecast has it.
AS_FORECAST = Window()


@dataclass(frozen=True, slots=True)
class Habits:
    """What was learned; `Habits()` is what every company starts with, and leaves each forecast as it is.

    `ways` are ratios to the usual travel time, `works` to the planned minutes, each already blended with the broader
    groups; `windows` by DELAY and OTHER.
    """

    ways: Mapping[Key, Ratios] = field(default_factory=lambda: MappingProxyType({}))
    works: Mapping[Key, Ratios] = field(default_factory=lambda: MappingProxyType({}))
    windows: Mapping[str, Window] = field(default_factory=lambda: MappingProxyType({}))

    def travel(self, hour: float, lat: float, lon: float) -> Ratios:
        """Return actual ÷ usual travel time to a place (degrees), leaving at local `hour` (0–24)."""
        if not self.ways:
            return AS_USUAL
        key = way_key(hour, lat, lon)
        return self.ways.get(key) or self.ways.get(key[:1]) or self.ways.get(()) or AS_USUAL

    def work(self, service: int, technician: int) -> Ratios:
        """Return actual ÷ planned minutes of a kind of work, by a technician (their ids; 0: unknown)."""
        if not self.works:
            return AS_PLANNED
        works = self.works
        return works.get((service, technician)) or works.get((service,)) or works.get(()) or AS_PLANNED


#: What every company starts with.
PRIORS = Habits()


@dataclass(frozen=True, slots=True)
class Way:
    """One drive to a place (degrees), begun at local `hour`: actual ÷ usual travel time."""

    hour: float
    lat: float
    lon: float
    ratio: float


@dataclass(frozen=True, slots=True)
class Work:
    """One piece of work, by the ids of its service and technician: actual ÷ planned minutes."""

    service: int
    technician: int
    ratio: float


@dataclass(frozen=True, slots=True)
class Quoted:
    """One window that was told: `kind` of notice, its ends and the arrival in seconds after the notice, the share it
    `claimed`, and how it had been shifted and widened then."""

    kind: str
    from_s: float
    until_s: float
    arrived_s: float
    claimed: float
    shift: float = 1.0
    widen: float = 1.0

    @property
    def kept(self) -> bool:
        """Whether it held, give or take the grace."""
        return self.from_s - _GRACE_S <= self.arrived_s <= self.until_s + _GRACE_S


def way_key(hour: float, lat: float, lon: float) -> Key:
    """Return the hour band and area of a drive. Example: `way_key(12.0, 34.21, 135.12)` is (570, 760, 2456)."""
    return (BANDS[bisect_right(_STARTS, hour % 24) - 1], math.floor(lat / CELL_LAT), math.floor(lon / CELL_LON))


def cell_centre(key: Key) -> tuple[float, float]:
    """Return the middle of an area, degrees: `cell_centre((570, 760, 2456))` is about (34.22, 135.11)."""
    return (key[1] + 0.5) * CELL_LAT, (key[2] + 0.5) * CELL_LON


def window_key(kind: str) -> str:
    """Return under which name windows of a kind of notice are calibrated."""
    return DELAY if kind in ("late", "late_update") else OTHER


def learned(seen: Iterable[Way | Work], quotes: Iterable[Quoted]) -> Habits:
    """Return the habits that these observations amount to, each read once.

    Memory depends on the number of groups, not of drives or jobs. Without observations: `Habits()`.
    """
    ways: dict[Key, Tally] = {}
    works: dict[Key, Tally] = {}
    for one in seen:
        if isinstance(one, Way):
            _count(ways, way_key(one.hour, one.lat, one.lon), one.ratio)
        else:
            _count(works, (one.service, one.technician), one.ratio)
    told: dict[str, list[Quoted]] = {}
    for quoted in quotes:
        told.setdefault(window_key(quoted.kind), []).append(quoted)
    return Habits(
        _blended(ways, (0, 1, 3), AS_USUAL),
        _blended(works, (0, 1, 2), AS_PLANNED),
        {kind: calibrated(listed) for kind, listed in told.items()},
    )


def calibrated(quotes: list[Quoted]) -> Window:
    """Return how windows must be told to hold as often as they claim, from those that were told.

    Windows that hold often enough stay as they are. Else their middle moves towards the median of actual ÷ told time
    left, no further than it helps, and what lies around it is widened until the claimed share would have held, grace
    included: split conformal prediction, the score being the distance from the middle in half widths (Vovk et al.,
    Algorithmic Learning in a Random World, 2005; Romano et al., NeurIPS 2019). Both are blended with 1 as if that had
    been seen 20 times, and bounded. How the windows had been changed already is taken out first, so that a calibration
    that is right stays. Example: 200 windows of 20 minutes that claim 80 %, with arrivals evenly spread over 50: 60 %
    held, and `widen` is 1.5.
    """
    if not quotes:
        return Window()
    n = len(quotes)
    weight = n / (n + WINDOWS_AS_SEEN)
    claimed = sum(one.claimed for one in quotes) / n
    middles = [(one.from_s + one.until_s) / 2 / one.shift for one in quotes]
    ratios = sorted(
        max(one.arrived_s, 1.0) / middle for one, middle in zip(quotes, middles, strict=True) if middle >= SHORT_S
    )
    most = _bounded(_median(ratios) ** weight if ratios else 1.0, SHIFT_LEAST, SHIFT_MOST)
    best = 1.0, math.inf
    for part in (0.0, 0.25, 0.5, 0.75, 1.0):
        shift = most**part
        scores = sorted(_score(one, shift * middle) for one, middle in zip(quotes, middles, strict=True))
        needed = scores[min(math.ceil((n + 1) * claimed), n) - 1]
        best = min(best, (shift, max(needed, 1.0)), key=lambda found: found[1])
    return Window(best[0], min(best[1] ** weight, WIDEN_MOST), n, claimed, sum(one.kept for one in quotes) / n)


def _score(one: Quoted, middle_s: float) -> float:
    """Return how far from the middle the arrival was, less the grace, in half widths of the window as forecast."""
    half_s = max((one.until_s - one.from_s) / 2 / one.widen, 1.0)
    return max(abs(one.arrived_s - middle_s) - _GRACE_S, 0.0) / half_s


def _count(tallies: dict[Key, Tally], key: Key, ratio: float) -> None:
    """Count a ratio for its group, for the broader one and for all."""
    for group in ((), key[:1], key):
        tally = tallies.get(group)
        if tally is None:
            tally = tallies[group] = Tally()
        tally.add(ratio)


def _blended(tallies: Mapping[Key, Tally], lengths: tuple[int, ...], prior: Ratios) -> dict[Key, Ratios]:
    """Return each group's ratios, blended with the broader group's, from the broadest to the narrowest."""
    found: dict[Key, Ratios] = {}
    for broader, length in zip((0, *lengths), lengths, strict=False):
        for key in sorted(key for key in tallies if len(key) == length):
            found[key] = tallies[key].blended(found.get(key[:broader], prior))
    return found


def _median(ordered: list[float]) -> float:
    n = len(ordered)
    return (ordered[(n - 1) // 2] + ordered[n // 2]) / 2


def _bounded(value: float, least: float, most: float) -> float:
    return min(max(value, least), most)
