"""Which past days were played again, under which policy, and what came out?"""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import JSON, CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.kept_run import STATES, KeptRun


class Backtest(KeptRun, Base):
    """One wish to see past days again; the jobs take it up, one at a time. Out comes an app.rules.backtest.Result."""

    __tablename__ = "backtest"
    __table_args__ = (
        CheckConstraint(f"state IN ({', '.join(repr(s) for s in STATES)})", name="state"),
        CheckConstraint("first_on <= last_on", name="days"),
    )

    #: The company's local days, both included.
    first_on: Mapped[date]
    last_on: Mapped[date]
    #: The parameters of rules.policy to try, beside the policy in force; empty: that one alone.
    policy_values: Mapped[dict[str, Any]] = mapped_column(JSON)
