"""How often may one visitor ask? Counted in the memory of this process, per address."""

from __future__ import annotations

import time
from typing import Any

from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from limits.storage import MemoryStorage

#: Between two clearings of what is over.
CLEARED_EVERY_S = 10.0


class Memory(MemoryStorage):
    """The library's own counts, cleared now and then by whoever asks.

    The library starts a thread at every request to clear them, and waits until it runs: beside other threads that is
    several milliseconds, more than all else that a request does.
    """

    STORAGE_SCHEME = ["process"]  # noqa: RUF012 (declared so by the library)

    def __init__(self, *given: Any, **named: Any) -> None:
        self._cleared_s = time.monotonic()
        super().__init__(*given, **named)

    def _MemoryStorage__schedule_expiry(self) -> None:  # noqa: N802 (the library's own, under its private name)
        if time.monotonic() >= self._cleared_s + CLEARED_EVERY_S:
            self._cleared_s = time.monotonic()
            self._MemoryStorage__expire_events()  # type: ignore[attr-defined]


limiter = Limiter(get_remote_address, storage_uri="process://", strategy="moving-window", headers_enabled=False)
