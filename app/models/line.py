"""Which LINE user is which customer, and what has LINE told us already?"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base


class LineCode(Base):
    """A code that a customer got on her page: who sends it to our account is that customer. Works once, soon."""

    __tablename__ = "line_code"

    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    #: Only a digest is kept: the code itself was shown once.
    code_hash: Mapped[str] = mapped_column(unique=True)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class LineCall(Base):
    """One event of LINE's webhook that was taken in: delivered again, it changes nothing."""

    __tablename__ = "line_call"
    __table_args__ = (Index("ix_line_call_user", "line_id", "happened_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    #: LINE's own id of the event.
    event_id: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    line_id: Mapped[str]
    happened_at: Mapped[datetime]
    received_at: Mapped[datetime]
    #: Whether it was a code that is none: who tries many is not asked any more.
    wrong_code: Mapped[bool] = mapped_column(default=False)
