"""Where were the technicians, when was that measured, and what input could not be believed?"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, Index, Integer, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base


class PositionFix(Base):
    """One measured position. The same measurement sent twice is one row."""

    __tablename__ = "position_fix"
    __table_args__ = (
        UniqueConstraint("technician_id", "fixed_at", "lat", "lon"),
        CheckConstraint("lat BETWEEN -90 AND 90 AND lon BETWEEN -180 AND 180", name="on_earth"),
        Index("ix_position_fix_received", "received_at"),
    )

    #: A fleet of thousands passes the 32-bit range within two years.
    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    technician_id: Mapped[int] = mapped_column(ForeignKey("technician.id"))
    fixed_at: Mapped[datetime]
    received_at: Mapped[datetime]
    #: Rounded to a millionth of a degree (11 cm), so that repetitions are recognised.
    lat: Mapped[float]
    lon: Mapped[float]
    accuracy_m: Mapped[float | None]
    speed_mps: Mapped[float | None]
    #: False for a ping: an old position under the present time, no sign of having stayed or moved.
    moved: Mapped[bool] = mapped_column(default=True)
    #: page, api or owntracks.
    source: Mapped[str]


class CurrentPosition(Base):
    """A technician's newest position by the time it was measured, however late or disordered it came in."""

    __tablename__ = "current_position"

    technician_id: Mapped[int] = mapped_column(ForeignKey("technician.id"), primary_key=True)
    fixed_at: Mapped[datetime]
    received_at: Mapped[datetime]
    lat: Mapped[float]
    lon: Mapped[float]
    accuracy_m: Mapped[float | None]


class QuarantinedInput(Base):
    """Input that will never become good, kept with the reason, so that the phone need not send it for ever."""

    __tablename__ = "quarantined_input"
    __table_args__ = (Index("ix_quarantined_input_received", "received_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    technician_id: Mapped[int | None] = mapped_column(ForeignKey("technician.id"))
    received_at: Mapped[datetime]
    source: Mapped[str]
    reason: Mapped[str]
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
