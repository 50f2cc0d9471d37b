"""What was the customer told, over which channels, and what became of it? The outbox."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ColumnElement, ForeignKey, Index, UniqueConstraint, and_, case, text
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base
from app.models.visit import Visit

_WAITING = text("state IN ('due', 'sending')")
_LET_GO = text("let_go_at IS NOT NULL")
_WATCHED = text("watch_at IS NOT NULL")


class Notice(Base):
    """One message to one person, written in the transaction that decided it and sent afterwards."""

    __tablename__ = "notice"
    __table_args__ = (
        CheckConstraint(
            "state IN ('due', 'sending', 'sent', 'delivered', 'failed', 'unknown', 'dropped', 'held')", name="state"
        ),
        Index("ix_notice_waiting", "channel", "next_attempt_at", sqlite_where=_WAITING, postgresql_where=_WAITING),
        Index("ix_notice_let_go", "let_go_at", "kind", sqlite_where=_LET_GO, postgresql_where=_LET_GO),
        Index("ix_notice_watched", "watch_at", sqlite_where=_WATCHED, postgresql_where=_WATCHED),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    visit_id: Mapped[int] = mapped_column(ForeignKey("visit.id"), index=True)
    #: late, late_update, holding, on_time_again, arriving_soon
    kind: Mapped[str]
    language: Mapped[str]
    #: A decision made twice (two sweeps, a crash in between) leads to one notice.
    dedupe_key: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]

    #: The arrival window it tells; a new promise. None where none is told (holding).
    quoted_from_at: Mapped[datetime | None]
    quoted_until_at: Mapped[datetime | None]
    #: Why it was decided (a code of rules.lateness) and with which facts.
    reason_code: Mapped[str]
    reason_facts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    #: The promise and the technician it speaks of; when the visit has moved since, it is old news.
    promised_from_at: Mapped[datetime]
    promised_until_at: Mapped[datetime]
    technician_id: Mapped[int | None] = mapped_column(ForeignKey("technician.id"))

    #: The rendered texts; None while a hole in the facts holds it for a person.
    short: Mapped[str | None]
    line: Mapped[str | None]
    subject: Mapped[str | None]
    body: Mapped[str | None]
    spoken: Mapped[str | None]

    #: Channels to try in turn, and how far we are.
    channels: Mapped[list[str]] = mapped_column(JSON)
    channel_index: Mapped[int] = mapped_column(default=0)
    #: The one it is at.
    channel: Mapped[str | None]
    #: due → sending → sent → delivered, or failed, unknown (asked, no answer), dropped (old news), held (for a person)
    state: Mapped[str] = mapped_column(default="due")
    #: Why it is in that state, as a code: arrived, cancelled, moved, superseded, expired, hole:eta_from, …
    state_reason: Mapped[str | None]
    next_attempt_at: Mapped[datetime | None]
    expires_at: Mapped[datetime]
    attempts_made: Mapped[int] = mapped_column(default=0)
    #: Until when the present sender owns it, and the token that proves it.
    claimed_until_at: Mapped[datetime | None]
    claim_token: Mapped[str | None]
    #: When it was let go: its first attempt began, or a person released it. The brake holds only what was not.
    let_go_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    #: How we know that the customer has it: receipt, opened, replied, key_pressed, by_hand; None while we do not.
    confirmed_by: Mapped[str | None]
    #: When a person is called unless it is confirmed; None for what nobody is called about.
    call_at: Mapped[datetime | None]
    #: When to look again whether it is confirmed: to climb, or to call that person; None once nothing hangs on it.
    watch_at: Mapped[datetime | None]

    visit: Mapped[Visit] = relationship()
    attempts: Mapped[list[NoticeAttempt]] = relationship(back_populates="notice", order_by="NoticeAttempt.id")
    receipts: Mapped[list[Receipt]] = relationship(back_populates="notice", order_by="Receipt.id")

    @hybrid_property
    def reach(self) -> str:
        """Its state as the customer sees it: what was handed over stays so while it climbs to another channel."""
        return "sent" if self.sent_at is not None and self.state in ("due", "sending") else self.state

    @reach.inplace.expression
    @classmethod
    def _reach(cls) -> ColumnElement[str]:
        return case((and_(cls.sent_at.is_not(None), cls.state.in_(("due", "sending"))), "sent"), else_=cls.state)

    @hybrid_property
    def about_incident(self) -> int | None:
        """The incident that it tells of."""
        return self.reason_facts.get("incident")

    @about_incident.inplace.expression
    @classmethod
    def _about_incident(cls) -> ColumnElement[int]:
        number: ColumnElement[int] = cls.reason_facts["incident"].as_integer()
        return number

    @property
    def own_words(self) -> str:
        """What a dispatcher wrote in it; empty where it was worded by itself."""
        return str(self.reason_facts.get("words", {}).get("words", "")) if self.kind == "reply" else ""

    def turn_to(self, index: int) -> None:
        """Go on with another of its channels."""
        self.channel_index = index
        self.channel = self.channels[index] if index < len(self.channels) else None

    def rest(self, state: str, reason: str | None) -> None:
        """Put it into a state in which nothing more is tried by itself."""
        self.state, self.state_reason = state, reason
        self.next_attempt_at = self.claimed_until_at = self.claim_token = self.watch_at = None


class NoticeAttempt(Base):
    """One try to hand a notice to a provider, written before it is made."""

    __tablename__ = "notice_attempt"

    id: Mapped[int] = mapped_column(primary_key=True)
    notice_id: Mapped[int] = mapped_column(ForeignKey("notice.id"), index=True)
    channel: Mapped[str]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    #: accepted, refused (never will), failed (may later), unknown; None while it is being made
    outcome: Mapped[str | None]
    #: The provider's own id of the message.
    provider_id: Mapped[str | None] = mapped_column(index=True)
    #: What the provider said, without names or numbers.
    error: Mapped[str | None]

    notice: Mapped[Notice] = relationship(back_populates="attempts")


class Receipt(Base):
    """What a provider said later. Evidence: entries are only added; they come twice and in any order."""

    __tablename__ = "receipt"
    __table_args__ = (UniqueConstraint("attempt_id", "status"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    notice_id: Mapped[int] = mapped_column(ForeignKey("notice.id"), index=True)
    attempt_id: Mapped[int] = mapped_column(ForeignKey("notice_attempt.id"))
    received_at: Mapped[datetime]
    #: The provider's word: queued, sent, delivered, undelivered, failed, read …
    status: Mapped[str]
    error_code: Mapped[str | None]

    notice: Mapped[Notice] = relationship(back_populates="receipts")
