"""When was a visit expected, and since when had we expected that?"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base


class ForecastEntry(Base):
    """What was expected of a visit's arrival from one moment on, until the next entry says something else.

    Entries are added and never changed. They hold no place, but they tell what a person was doing when, so they go
    some months after the visit (operations.purge); the decisions that rested on them stay.
    """

    __tablename__ = "forecast_entry"
    __table_args__ = (Index("ix_forecast_entry_at", "at"),)

    #: A fleet of thousands passes the 32-bit range within some years.
    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    visit_id: Mapped[int] = mapped_column(ForeignKey("visit.id"), index=True)
    at: Mapped[datetime]
    #: The arrival: 10, 50 and 90 %.
    from_at: Mapped[datetime]
    median_at: Mapped[datetime]
    until_at: Mapped[datetime]
    late_probability: Mapped[float]
    basis: Mapped[str]
    state: Mapped[str]
    #: The newest evidence; None: nothing but the plan.
    as_of_at: Mapped[datetime | None]
