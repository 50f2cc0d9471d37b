"""What was promised, planned, forecast, and what really happened?"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base
from app.models.customer import Customer, Site
from app.models.service import Service
from app.models.technician import Technician
from app.rules.visit import OPEN, STATUSES

_OPEN = text(f"check_at IS NOT NULL AND status IN ({', '.join(repr(s) for s in OPEN)})")
_STANDS = text("status <> 'cancelled'")


class Visit(Base):
    """One technician at one site for one piece of work. Promised, planned, forecast and actual are separate columns.

    Two visits of one technician never overlap in their planned time: the database itself refuses it (migrations,
    `visit_no_overlap`), whoever asks and however many at once.
    """

    __tablename__ = "visit"
    __table_args__ = (
        CheckConstraint("promised_from_at <= promised_until_at", name="promise"),
        CheckConstraint("planned_from_at < planned_until_at", name="plan"),
        CheckConstraint(f"status IN ({', '.join(repr(s) for s in STATUSES)})", name="status"),
        # The sweep reads only what is due: its cost follows what happens, not how many visits there are.
        Index("ix_visit_due", "check_at", sqlite_where=_OPEN, postgresql_where=_OPEN),
        Index("ix_visit_day", "technician_id", "planned_from_at"),
        Index("ix_visit_promised", "promised_from_at"),
        Index("ix_visit_customer", "customer_id", "promised_from_at"),
        Index("ix_visit_beside", "beside_id", unique=True, sqlite_where=_STANDS, postgresql_where=_STANDS),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"), index=True)
    service_id: Mapped[int] = mapped_column(ForeignKey("service.id"))
    technician_id: Mapped[int | None] = mapped_column(ForeignKey("technician.id"))
    #: Who goes along; that time is a visit of its own, `beside` this one (operations.second).
    second_technician_id: Mapped[int | None] = mapped_column(ForeignKey("technician.id"))
    beside_id: Mapped[int | None] = mapped_column(ForeignKey("visit.id"))
    #: Goes up with every change by a person; a change based on an older one is refused.
    version: Mapped[int] = mapped_column(default=1)
    status: Mapped[str] = mapped_column(default="booked")
    #: The secret in the customer's link. Kept readable because every message repeats it; ends with the visit.
    link_token: Mapped[str] = mapped_column(unique=True)
    note: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]

    # promised: what the customer was told when booking; may be a single moment
    promised_from_at: Mapped[datetime]
    promised_until_at: Mapped[datetime]

    # planned: what the dispatcher intends; the technician is taken for this time
    planned_from_at: Mapped[datetime]
    planned_until_at: Mapped[datetime]
    duration_min: Mapped[int]

    # actual: what happened, and how we know it: tap, office, position, or silence (the phone fell silent at the door)
    en_route_at: Mapped[datetime | None]
    arrived_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    en_route_by: Mapped[str | None]
    arrived_by: Mapped[str | None]
    completed_by: Mapped[str | None]

    # reported: the technician's own word about the arrival
    eta_reported: Mapped[datetime | None]
    eta_reported_at: Mapped[datetime | None]

    # forecast: the engine's arrival range (10–90 %), and the newest evidence it rests on
    forecast_from_at: Mapped[datetime | None]
    forecast_until_at: Mapped[datetime | None]
    forecast_median_at: Mapped[datetime | None]
    late_probability: Mapped[float | None]
    forecast_as_of_at: Mapped[datetime | None]
    forecast_basis: Mapped[str | None]
    #: What the technician is seen to be doing about this visit (a state of rules.motion).
    forecast_state: Mapped[str | None]
    #: The newest entry of the forecast's history (rules.history).
    noted_at: Mapped[datetime | None]
    noted_median_at: Mapped[datetime | None]
    noted_until_at: Mapped[datetime | None]

    # watch: the engine's small memory between two looks
    watch: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    #: The reason of the newest decision (a code of rules.lateness.REASONS).
    decided_reason: Mapped[str | None]
    #: The alarm it raised, if its cause is still there.
    decided_alarm: Mapped[str | None]
    #: The next moment at which the answer can change; a fix, a tap or a re-plan sets it to now.
    check_at: Mapped[datetime | None]

    customer: Mapped[Customer] = relationship()
    site: Mapped[Site] = relationship()
    service: Mapped[Service] = relationship()
    technician: Mapped[Technician | None] = relationship(foreign_keys=[technician_id])
    second_technician: Mapped[Technician | None] = relationship(foreign_keys=[second_technician_id])
    events: Mapped[list[VisitEvent]] = relationship(back_populates="visit", order_by="VisitEvent.id")

    @property
    def is_open(self) -> bool:
        """Whether the technician is still expected or at work."""
        return self.status in OPEN


class VisitEvent(Base):
    """One thing that happened to a visit. Evidence: entries are only added."""

    __tablename__ = "visit_event"

    id: Mapped[int] = mapped_column(primary_key=True)
    visit_id: Mapped[int] = mapped_column(ForeignKey("visit.id"), index=True)
    #: When it happened, which may be long before it was recorded (a phone without a signal).
    at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    #: booked, moved, reassigned, cancelled, en_route, arrived, working, completed, no_access, undone, eta, call_me, …
    kind: Mapped[str]
    #: user:3, technician:7, token:2, customer, position, system
    actor: Mapped[str]
    facts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    #: The phone's own key of a tap, so that one sent twice is kept once.
    client_key: Mapped[str | None] = mapped_column(unique=True)

    visit: Mapped[Visit] = relationship(back_populates="events")


class DecisionEntry(Base):
    """One decision of the lateness engine with its reason; written when it differs from the one before."""

    __tablename__ = "decision_entry"

    id: Mapped[int] = mapped_column(primary_key=True)
    visit_id: Mapped[int] = mapped_column(ForeignKey("visit.id"), index=True)
    at: Mapped[datetime]
    #: The notice it led to, or nothing.
    kind: Mapped[str | None]
    reason_code: Mapped[str]
    #: The figures it rests on; the whole forecast is the history's entry of the same moment (ForecastEntry).
    reason_facts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
