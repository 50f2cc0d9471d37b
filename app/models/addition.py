"""What has a customer added to her visit: words for whoever comes, photos, another telephone?

All of it is deleted some time after the visit (operations.purge); that something was added stays in the history.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base


class CustomerNote(Base):
    """Words that a customer left on the page of a visit: where to park, what the screen says, why it is called off."""

    __tablename__ = "customer_note"
    __table_args__ = (
        CheckConstraint("about IN ('visit', 'cancel')", name="about"),
        UniqueConstraint("visit_id", "client_key"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    visit_id: Mapped[int] = mapped_column(ForeignKey("visit.id"))
    written_at: Mapped[datetime]
    words: Mapped[str]
    about: Mapped[str] = mapped_column(default="visit")
    #: The form's own key, so that one sent twice stands once.
    client_key: Mapped[str]


class CustomerPhoto(Base):
    """A photo as it is shown: made small and written anew, so that nothing is left of what the phone put into it.

    It is kept in the database and not in a folder: any process on any machine can show it, a backup has it, and it is
    gone with the transaction that deletes it. A few hundred kilobytes each, a few for a visit, for a limited time.
    """

    __tablename__ = "customer_photo"
    __table_args__ = (
        UniqueConstraint("visit_id", "digest"),  # the same picture twice is one
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    visit_id: Mapped[int] = mapped_column(ForeignKey("visit.id"))
    added_at: Mapped[datetime]
    digest: Mapped[str]
    width: Mapped[int]
    height: Mapped[int]
    size_bytes: Mapped[int]
    #: JPEG; loaded only where it is shown.
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)


class OtherPhone(Base):
    """The number to call about this one visit instead of the customer's own; no message is ever sent to it."""

    __tablename__ = "other_phone"

    visit_id: Mapped[int] = mapped_column(ForeignKey("visit.id"), primary_key=True)
    #: E.164
    number: Mapped[str]
    is_mobile: Mapped[bool]
    given_at: Mapped[datetime]
