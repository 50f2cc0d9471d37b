"""How long does a way take that a router was asked about?"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from app.rules.travel import DOOR_S, hourly

Place = tuple[float, float]
#: From a place to a place, each latitude and longitude.
Leg = tuple[Place, Place]

#: How ways are reckoned: by a router, or by the straight line because there is none, or because it says nothing.
BASES = ("router", "straight_line", "router_silent")
#: Who travels so is asked about; timetables are in no router here.
ROUTED = ("car", "bicycle")
#: Stands for a way that there is not, where a number is needed: longer than a working day.
NO_WAY_S = 12 * 3600.0


@dataclass(frozen=True, slots=True)
class Roads:
    """What a router said: seconds on empty streets for each way, by how one travels; `math.inf` where there is none.

    `basis` is one of BASES. Without an answer nothing is known, and whoever asks goes by the straight line.
    """

    basis: str = "straight_line"
    known: Mapping[str, Mapping[Leg, float]] = field(default_factory=dict)

    def way_s(self, travels_by: str, begin: Place, end: Place, hour: float) -> float | None:
        """Return the seconds of a way to the bell, leaving at a local hour; None when the router was not asked.

        Cars are slower when the streets are full, by the hours of `rules.travel`. Example: ten minutes on the road at
        eight in the morning are 692 seconds to the bell.
        """
        said_s = self.known.get(travels_by, {}).get((begin, end))
        if said_s is None or said_s == math.inf:
            return said_s
        return DOOR_S + (said_s / hourly(hour) if travels_by == "car" else said_s)


#: Nobody was asked.
STRAIGHT = Roads()

#: Which ways are asked about, by how one travels.
Wanted = Mapping[str, Collection[Leg]]
#: Asks a router about ways, within so many seconds.
AskRoads = Callable[[Wanted, float], Roads]
