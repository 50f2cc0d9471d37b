"""What time is it? The only module that reads the wall clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Anything that knows the present instant."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        ...


class WallClock:
    """The real time."""

    def now(self) -> datetime:
        """Return the real instant in UTC."""
        return datetime.now(UTC)


class FastClock:
    """A day in fast motion: starts at a chosen instant and runs `speed` times as fast as the real time.

    The demo plays a working day on it; everything below the edges is handed its `now` like any other.
    """

    def __init__(self, starts_at: datetime, speed: float) -> None:
        # One tuple, replaced whole: readers in other threads never see half a turn.
        self._course = starts_at, speed, time.monotonic()

    @property
    def speed(self) -> float:
        """How many times as fast as the real time it runs."""
        return self._course[1]

    def now(self) -> datetime:
        """Return the simulated instant in UTC."""
        starts_at, speed, began_s = self._course
        return starts_at + timedelta(seconds=(time.monotonic() - began_s) * speed)

    def turn(self, *, to: datetime | None = None, speed: float | None = None) -> None:
        """Go on from another instant, or at another speed; 0 stands still."""
        self._course = to or self.now(), self.speed if speed is None else speed, time.monotonic()


def real_now(clock: Clock) -> datetime:
    """Return the real instant also where a day is played in fast motion: the jobs' heartbeat is counted in it."""
    return WallClock().now() if isinstance(clock, FastClock) else clock.now()
