"""How far is long work that somebody asked for, and what came out of it? Kept where every process sees it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON
from sqlalchemy.orm import Mapped, mapped_column

STATES = ("waiting", "running", "done", "failed", "cancelled")


class KeptRun:
    """What every wish for such work has, whatever its table says of what was asked for."""

    id: Mapped[int] = mapped_column(primary_key=True)
    created_at: Mapped[datetime]
    #: user:3
    actor: Mapped[str]
    state: Mapped[str] = mapped_column(default="waiting")
    #: Why it failed, as a code: broken, too_long, lost.
    state_reason: Mapped[str | None]
    #: How much of it is done, 0 to 1.
    progress: Mapped[float] = mapped_column(default=0.0)
    #: How often it was begun; who works under an older number has lost it.
    runs: Mapped[int] = mapped_column(default=0)
    started_at: Mapped[datetime | None]
    #: When its process last showed that it is alive (real time).
    seen_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    #: What came out, once it is done.
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON)

    @property
    def open(self) -> bool:
        """Whether it waits or runs."""
        return self.state in ("waiting", "running")
