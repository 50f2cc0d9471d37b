"""What did the manager decide about when customers are told, when, and who was it?"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base


class PolicyVersion(Base):
    """One state of the policy; the newest counts. Evidence: going back adds a version that says what an old one did."""

    __tablename__ = "policy_version"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    #: user:3, system
    by: Mapped[str]
    #: The parameters of rules.policy that differ from what the product comes with.
    values: Mapped[dict[str, Any]] = mapped_column(JSON)
