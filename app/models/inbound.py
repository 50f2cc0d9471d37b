"""What did somebody write to us, which notice did it answer, and has a person dealt with it?"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base
from app.models.customer import Customer
from app.models.notice import Notice
from app.models.visit import Visit

_UNREAD = text("handled_at IS NULL")


class Inbound(Base):
    """One message to us. Its words are evidence: the database refuses to change them, only to forget them in time."""

    __tablename__ = "inbound"
    __table_args__ = (
        UniqueConstraint("channel", "provider_id"),
        CheckConstraint("channel IN ('sms', 'line', 'email', 'page')", name="channel"),
        Index("ix_inbound_customer", "customer_id", "received_at"),
        Index("ix_inbound_sender", "channel", "sender"),
        Index("ix_inbound_unread", "received_at", sqlite_where=_UNREAD, postgresql_where=_UNREAD),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[str]
    #: E.164 number, LINE user id, e-mail address, or visit:42 for the customer's page; empty once forgotten.
    sender: Mapped[str]
    #: The whole text as it came; None once it was forgotten (operations.purge).
    words: Mapped[str | None]
    #: The provider's own id of the message: the same one twice is kept once.
    provider_id: Mapped[str]
    received_at: Mapped[datetime]
    #: Whose conversation it belongs to; None while nobody knows.
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customer.id"))
    #: The notice it answers, and the visit it is about.
    notice_id: Mapped[int | None] = mapped_column(ForeignKey("notice.id"))
    visit_id: Mapped[int | None] = mapped_column(ForeignKey("visit.id"), index=True)
    #: What was understood and done (one of rules.replies.MEANINGS), or automatic for a machine's word; None: left to a
    #: person.
    understood: Mapped[str | None]
    #: user:3, or system when it was understood; None while it is unread.
    handled_by: Mapped[str | None]
    handled_at: Mapped[datetime | None]

    customer: Mapped[Customer | None] = relationship()
    notice: Mapped[Notice | None] = relationship()
    visit: Mapped[Visit | None] = relationship()
