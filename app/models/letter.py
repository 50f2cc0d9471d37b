"""What do we write that is about no visit? Answers to who has none, and calls to colleagues who are not at the desk."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base
from app.models.access import User
from app.models.customer import Customer
from app.rules.letter import STATES

_WAITING = text("state IN ('due', 'sending')")


class Letter(Base):
    """One message by one channel to one address, written in the transaction that decided it and sent afterwards."""

    __tablename__ = "letter"
    __table_args__ = (
        CheckConstraint(f"state IN ({', '.join(repr(state) for state in STATES)})", name="state"),
        UniqueConstraint("dedupe_key"),
        Index("ix_letter_waiting", "next_attempt_at", sqlite_where=_WAITING, postgresql_where=_WAITING),
        Index("ix_letter_about", "about"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    #: The conversation it belongs to, or what a colleague is called for: customer:4, sms:+8190…, desk.
    about: Mapped[str]
    dedupe_key: Mapped[str]
    created_at: Mapped[datetime]
    #: Who wrote it: user:3, or system.
    actor: Mapped[str]
    #: To whom; both None: to an unknown sender.
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customer.id"), index=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    channel: Mapped[str]
    address: Mapped[str]
    language: Mapped[str]
    #: What a person wrote in it, and the texts that go out.
    words: Mapped[str]
    short: Mapped[str]
    line: Mapped[str]
    subject: Mapped[str]
    body: Mapped[str]

    state: Mapped[str] = mapped_column(default="due")
    tries: Mapped[int] = mapped_column(default=0)
    #: While it is being handed over: until when the present sender owns it.
    next_attempt_at: Mapped[datetime | None]
    claim_token: Mapped[str | None]
    began_at: Mapped[datetime | None]
    expires_at: Mapped[datetime]
    provider_id: Mapped[str | None] = mapped_column(index=True)
    #: What the provider said, without names or numbers.
    error: Mapped[str | None]
    sent_at: Mapped[datetime | None]
    #: An answer of which nothing was heard until then calls a person.
    confirm_by_at: Mapped[datetime | None] = mapped_column(index=True)

    customer: Mapped[Customer | None] = relationship()
    user: Mapped[User | None] = relationship()

    @property
    def reference(self) -> str:
        """Our own id of it; its moment keeps a restored database from using one twice, and others from guessing it."""
        return f"letter-{self.id}-{int(self.created_at.timestamp() * 1000):x}"
