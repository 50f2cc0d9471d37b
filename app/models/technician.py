"""Who goes there, and which phones may speak for them?"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base


class Technician(Base):
    """A person who drives to customers."""

    __tablename__ = "technician"
    __table_args__ = (
        CheckConstraint("travels_by IN ('car', 'public_transport', 'bicycle')", name="travels_by"),
        *(
            CheckConstraint(f"{name} = 'home' OR ({name} = 'branch' AND branch_id IS NOT NULL)", name=name)
            for name in ("starts_from", "returns_to")
        ),
        Index("ix_technician_calendar", "calendar_token", unique=True),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    language: Mapped[str] = mapped_column(default="ja")
    skills: Mapped[list[str]] = mapped_column(JSON, default=list)
    travels_by: Mapped[str] = mapped_column(default="car")
    #: The technician's own place, mostly home.
    base_lat: Mapped[float | None]
    base_lon: Mapped[float | None]
    branch_id: Mapped[int | None] = mapped_column(ForeignKey("branch.id"))
    #: Where the day begins and where it ends: home, or branch (operations.branch).
    starts_from: Mapped[str] = mapped_column(default="home")
    returns_to: Mapped[str] = mapped_column(default="home")
    #: {"mon": [["09:00", "18:00"]], …}, local time.
    working_hours: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    #: A working day takes no more minutes; 0: as long as it takes; None: as the company has it.
    most_day_min: Mapped[int | None]
    active: Mapped[bool] = mapped_column(default=True)
    #: The secret in the address of the technician's visits for calendar programs, shown again to whoever sets one up;
    #: None: there is none. Whether customers' names are in it.
    calendar_token: Mapped[str | None]
    calendar_names: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]

    # state: what the technician was last seen to be doing, since when, a code for why we think so, and when we found it
    state: Mapped[str | None]
    state_since_at: Mapped[datetime | None]
    state_why: Mapped[str | None]
    state_found_at: Mapped[datetime | None]

    devices: Mapped[list[Device]] = relationship(back_populates="technician")


class Device(Base):
    """A credential with which a location app may report a technician's position, and nothing else."""

    __tablename__ = "device"

    id: Mapped[int] = mapped_column(primary_key=True)
    technician_id: Mapped[int] = mapped_column(ForeignKey("technician.id"), index=True)
    #: The token's first characters, to find it by and to show it by.
    username: Mapped[str] = mapped_column(unique=True)
    token_hash: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    technician: Mapped[Technician] = relationship(back_populates="devices")
