"""Which words did the office choose for a notice, when, and who was it?"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base


class Wording(Base):
    """One version of a notice's texts in one language; the newest counts. Evidence: going back adds a version.

    All texts are None in a version that goes back to the words the product comes with.
    """

    __tablename__ = "wording"
    __table_args__ = (Index("ix_wording_notice", "notice", "language", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    #: user:3, system
    by: Mapped[str]
    #: A notice of templates/notices/notices.toml: late_growing
    notice: Mapped[str]
    language: Mapped[str]
    short: Mapped[str | None]
    line: Mapped[str | None]
    subject: Mapped[str | None]
    body: Mapped[str | None]
    spoken: Mapped[str | None]
