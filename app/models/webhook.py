"""Which other programs are told of what happens, and what became of each message?"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base
from app.rules.webhook import STATES

_WAITING = text("state IN ('due', 'sending')")


class Webhook(Base):
    """A program that is told of what happens: its address, and of what."""

    __tablename__ = "webhook"
    __table_args__ = (CheckConstraint("state IN ('on', 'paused', 'off', 'removed')", name="state"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    url: Mapped[str]
    #: Names of rules.webhook.EVENTS.
    events: Mapped[list[Any]] = mapped_column(JSON)
    #: on; paused (what happens is kept for later); off (nothing is kept); removed (of no interest to anybody)
    state: Mapped[str] = mapped_column(default="on")
    #: Why it is off: failing, gone, or None: a person has turned it off.
    off_reason: Mapped[str | None]
    #: Signs every message, so it is kept, sealed (app.sealing); the one before signs too until `old_until_at`.
    secret: Mapped[str]
    old_secret: Mapped[str | None]
    old_until_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    #: Since when it has taken nothing; None while it takes what it is sent.
    failing_since_at: Mapped[datetime | None]


class WebhookMessage(Base):
    """One message to one program, written in the transaction of what it tells and handed over afterwards."""

    __tablename__ = "webhook_message"
    __table_args__ = (
        CheckConstraint(f"state IN ({', '.join(repr(state) for state in STATES)})", name="state"),
        UniqueConstraint("webhook_id", "message_id"),
        Index(
            "ix_webhook_message_waiting",
            "webhook_id",
            "next_attempt_at",
            sqlite_where=_WAITING,
            postgresql_where=_WAITING,
        ),
        Index("ix_webhook_message_created", "created_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    webhook_id: Mapped[int] = mapped_column(ForeignKey("webhook.id"))
    #: The same at every try: whoever gets it twice knows it again.
    message_id: Mapped[str]
    event: Mapped[str]
    body: Mapped[str]
    created_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(default="due")
    tries: Mapped[int] = mapped_column(default=0)
    #: While it is being handed over: until when the present sender owns it.
    next_attempt_at: Mapped[datetime | None]
    claim_token: Mapped[str | None]
    #: The status of the last answer, or why none came (app.providers.guarded).
    status: Mapped[int | None]
    failure: Mapped[str | None]
    finished_at: Mapped[datetime | None]

    webhook: Mapped[Webhook] = relationship()
