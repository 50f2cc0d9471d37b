"""Which past days were played again, under which policy, and what came out?"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base

STATES = ("waiting", "running", "done", "failed", "cancelled")


class Backtest(Base):
    """One wish to see past days again; the jobs take it up, one at a time."""

    __tablename__ = "backtest"
    __table_args__ = (
        CheckConstraint(f"state IN ({', '.join(repr(s) for s in STATES)})", name="state"),
        CheckConstraint("first_on <= last_on", name="days"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    created_at: Mapped[datetime]
    #: user:3
    actor: Mapped[str]
    #: The company's local days, both included.
    first_on: Mapped[date]
    last_on: Mapped[date]
    #: The parameters of rules.policy to try, beside the policy in force; empty: that one alone.
    policy_values: Mapped[dict[str, Any]] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(default="waiting")
    #: Why it failed, as a code: broken, too_long, lost.
    state_reason: Mapped[str | None]
    #: How much of it is done, 0 to 1.
    progress: Mapped[float] = mapped_column(default=0.0)
    #: How often it was begun; who works under an older number has lost it.
    runs: Mapped[int] = mapped_column(default=0)
    started_at: Mapped[datetime | None]
    #: When its process last showed that it is alive.
    seen_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    #: What came out (app.rules.backtest.Result), once it is done.
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON)

    @property
    def open(self) -> bool:
        """Whether it waits or runs."""
        return self.state in ("waiting", "running")
