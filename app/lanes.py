"""Who carries a call to a provider? Threads of its own for each channel, and nobody while that provider fails.

A provider that hangs fills only its own lane. One that fails again and again closes its lane: what waits for it goes
another way, and now and then one notice tries whether it is back. Each process counts for itself: five calls that fail
cost a process less than asking all the others, and each finds out within as many calls of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

import structlog

log = structlog.get_logger()

#: So many calls must fail one after another.
FAILS_TO_CLOSE = 5
#: So long nobody calls then, and after each try in vain twice as long, to a limit.
RESTS, RESTS_MOST = timedelta(seconds=10), timedelta(seconds=60)


@dataclass(slots=True)
class _Lane:
    busy: int = 0
    failed: int = 0
    #: While it is closed: when the next call is tried, and whether one is under way.
    closed_until_at: datetime | None = None
    rests: timedelta = RESTS
    trying: bool = False
    #: Whether this process has ever had an answer from it.
    known: bool = False


class Lanes:
    """Places for calls under way, `width` for each channel."""

    def __init__(self, width: int = 12) -> None:
        self._width = width
        self._lock = Lock()
        self._lanes: dict[str, _Lane] = {}
        self._pools: dict[str, ThreadPoolExecutor] = {}

    def enter(self, name: str, now: datetime) -> bool:
        """Take a free place in a lane; return whether there was one. A closed lane has one, for a try, now and then."""
        with self._lock:
            lane = self._lanes.setdefault(name, _Lane())
            if lane.closed_until_at is not None:
                if lane.trying or now < lane.closed_until_at:
                    return False
                lane.trying = True
            elif lane.busy >= self._width:
                return False
            lane.busy += 1
            return True

    def leave(self, name: str) -> None:
        """Give a place back."""
        with self._lock:
            self._lanes[name].busy -= 1
            self._lanes[name].trying = False

    def closed(self, name: str) -> bool:
        """Return whether a provider failed so often that nobody calls it now."""
        with self._lock:
            return self._lanes.get(name, _Lane()).closed_until_at is not None

    def note(self, name: str, now: datetime, *, answered: bool, barred: bool = False) -> bool | None:
        """Count how a call went: the provider `answered`, whatever it said, or it is `barred` to us altogether.

        Return True when that shows that the channel works (again), False when it does not work at all, else None.
        """
        with self._lock:
            lane = self._lanes.setdefault(name, _Lane())
            if answered and not barred:
                news = not lane.known or lane.closed_until_at is not None
                lane.failed, lane.closed_until_at, lane.rests, lane.known = 0, None, RESTS, True
                return True if news else None
            lane.failed += 1
            if lane.closed_until_at is not None and lane.trying:
                lane.rests = min(lane.rests * 2, RESTS_MOST)
                lane.closed_until_at = now + lane.rests
            elif lane.closed_until_at is None and (barred or lane.failed >= FAILS_TO_CLOSE):
                lane.closed_until_at = now + lane.rests
            return None if lane.closed_until_at is None else False

    def run(self, name: str, work: Callable[[], None]) -> None:
        """Do work in a place that was taken, and give the place back when it ends, however it ends."""

        def guarded() -> None:
            try:
                work()
            except Exception as error:  # its claim runs out and is looked up
                log.error("a delivery broke off", channel=name, error=type(error).__name__, exc_info=True)
            finally:
                self.leave(name)

        with self._lock:
            pool = self._pools.setdefault(name, ThreadPoolExecutor(self._width, thread_name_prefix=f"send-{name}"))
        pool.submit(guarded)

    def close(self) -> None:
        """Finish what is under way."""
        for pool in self._pools.values():
            pool.shutdown(wait=True)
