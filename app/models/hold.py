"""Which times are kept free for a customer who is still thinking?"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base


class Hold(Base):
    """A technician's time that nobody else may book until it expires; of two each has one, of one name."""

    __tablename__ = "hold"
    __table_args__ = (
        CheckConstraint("from_at < until_at", name="time"),
        UniqueConstraint("token", "technician_id"),
        Index("ix_hold_technician", "technician_id", "expires_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    #: What names it when it is booked or let go.
    token: Mapped[str]
    technician_id: Mapped[int] = mapped_column(ForeignKey("technician.id"))
    #: Kept for the second technician, who goes along.
    goes_along: Mapped[bool] = mapped_column(default=False)
    from_at: Mapped[datetime]
    until_at: Mapped[datetime]
    lat: Mapped[float | None]
    lon: Mapped[float | None]
    held_by: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
