"""Whom do we visit, and where?"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base
from app.rules.liking import TIMES
from app.rules.quiet import WISHES


class Customer(Base):
    """A person or firm that books visits."""

    __tablename__ = "customer"
    __table_args__ = (
        CheckConstraint("kind IN ('individual', 'corporate')", name="kind"),
        CheckConstraint(f"notices IN ({', '.join(repr(w) for w in WISHES)})", name="notices"),
        CheckConstraint(f"likes_time IN ({', '.join(repr(w) for w in ('', *TIMES))})", name="likes_time"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    kind: Mapped[str] = mapped_column(default="individual")
    #: Language of messages and of the customer's page: ja or en.
    language: Mapped[str] = mapped_column(default="ja")
    #: E.164; can receive SMS.
    mobile: Mapped[str | None]
    #: E.164; may be a landline.
    phone: Mapped[str | None]
    email: Mapped[str | None]
    line_id: Mapped[str | None]
    #: What this customer wishes to be told by itself: all, delays (no "arriving soon"), none.
    notices: Mapped[str] = mapped_column(default="all")
    #: The channel to try before the others (one of rules.reach.CHANNELS); None: in the house's order.
    first_channel: Mapped[str | None]
    #: What is offered first: a part of the day (one of rules.liking.TIMES, or empty), and a technician.
    likes_time: Mapped[str] = mapped_column(default="")
    likes_technician_id: Mapped[int | None] = mapped_column(ForeignKey("technician.id"))
    #: The technicians who are never offered again.
    avoids: Mapped[list[int]] = mapped_column(JSON, default=list)
    created_at: Mapped[datetime]

    sites: Mapped[list[Site]] = relationship(back_populates="customer", order_by="Site.id")


class Site(Base):
    """A place of a customer that is visited."""

    __tablename__ = "site"
    __table_args__ = (
        CheckConstraint("(lat IS NULL) = (lon IS NULL)", name="whole_position"),
        CheckConstraint("lat BETWEEN -90 AND 90 AND lon BETWEEN -180 AND 180", name="on_earth"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    address: Mapped[str]
    lat: Mapped[float | None]
    lon: Mapped[float | None]
    #: How the position is known: given, geocoder, map, or empty while it is not.
    located_by: Mapped[str] = mapped_column(default="")
    #: When the geocoder was last asked in vain; the job asks again later.
    locate_tried_at: Mapped[datetime | None]

    customer: Mapped[Customer] = relationship(back_populates="sites")
