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
        self._starts_at = starts_at
        self._speed = speed
        self._began_s = time.monotonic()

    def now(self) -> datetime:
        """Return the simulated instant in UTC."""
        return self._starts_at + timedelta(seconds=(time.monotonic() - self._began_s) * self._speed)
