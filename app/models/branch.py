"""From which places does the company work?"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base


class Branch(Base):
    """A place of the company that technicians belong to: their days may begin and end there."""

    __tablename__ = "branch"
    __table_args__ = (CheckConstraint("lat BETWEEN -90 AND 90 AND lon BETWEEN -180 AND 180", name="on_earth"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    address: Mapped[str]
    lat: Mapped[float]
    lon: Mapped[float]
    #: New technicians can be put there; one that is not stays where others belong to it.
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]
