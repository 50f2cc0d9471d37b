"""By which ways does a customer not want to be reached, or cannot be, and which devices asked to be told?"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.rules.reach import CHANNELS


class ConsentEntry(Base):
    """One word about one way to reach a customer: closed, or open again. Evidence; the newest of a channel counts."""

    __tablename__ = "consent_entry"
    __table_args__ = (CheckConstraint(f"channel IN ({', '.join(repr(name) for name in CHANNELS)})", name="channel"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    channel: Mapped[str]
    is_open: Mapped[bool]
    #: One of rules.reach.NOWHERE or UNWANTED; opened: said, asked, followed, linked, new_address
    why: Mapped[str]
    #: What the dispatcher wrote down of the customer's word.
    words: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime]
    #: customer, system (a provider said so), user:3
    actor: Mapped[str]


class PushSubscription(Base):
    """One browser of a customer that asked to be told, with what is needed to write to it alone (RFC 8291)."""

    __tablename__ = "push_subscription"

    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    #: The address at the browser's push service; whoever knows it and has our key can write to the device.
    endpoint: Mapped[str] = mapped_column(unique=True)
    p256dh: Mapped[str]
    auth: Mapped[str]
    created_at: Mapped[datetime]
