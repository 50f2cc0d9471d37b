"""Who carries a call to a provider? Threads of its own for each channel: one that hangs delays no other."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import structlog

log = structlog.get_logger()


class Lanes:
    """Threads that carry calls, a few for each channel: a slow provider holds up only its own lane."""

    def __init__(self, width: int = 4) -> None:
        self._width = width
        self._lock = Lock()
        self._busy: dict[str, int] = {}
        self._pools: dict[str, ThreadPoolExecutor] = {}

    def enter(self, name: str) -> bool:
        """Take a free place in a lane; return whether there was one."""
        with self._lock:
            if self._busy.get(name, 0) >= self._width:
                return False
            self._busy[name] = self._busy.get(name, 0) + 1
            return True

    def leave(self, name: str) -> None:
        """Give a place back."""
        with self._lock:
            self._busy[name] -= 1

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
