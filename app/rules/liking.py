"""Which times and technicians does a customer like, and whom never again?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

#: Parts of the day, as people say them, with their local hours: what begins in them is liked.
TIMES: Mapping[str, tuple[float, float]] = {"morning": (0.0, 12.0), "afternoon": (12.0, 17.0), "evening": (17.0, 24.0)}
#: Who wants to see more than so many technicians never again is talked to.
MOST_AVOIDED = 20


@dataclass(frozen=True, slots=True)
class Liking:
    """What a customer likes: a part of the day (one of TIMES, or empty) and a technician; whom she does not want again.

    What is liked is offered first where it costs little; who is avoided is not offered.
    """

    time: str = ""
    technician: int | None = None
    avoids: frozenset[int] = frozenset()

    @property
    def hours(self) -> tuple[float, float] | None:
        """The local hours that she likes.

        >>> Liking("evening").hours
        (17.0, 24.0)
        """
        return TIMES.get(self.time)


#: Of whom nothing is known.
NO_LIKING = Liking()
