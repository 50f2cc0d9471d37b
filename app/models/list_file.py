"""Which lists were sent to be taken in, and what would become of them, or has?"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base

_WISHED = text("state IN ('trying', 'taking')")


class ListFile(Base):
    """One list of customers or visits: tried first, then taken in, each when its turn comes."""

    __tablename__ = "list_file"
    __table_args__ = (
        CheckConstraint("kind IN ('customers', 'visits')", name="kind"),
        CheckConstraint("state IN ('trying', 'tried', 'taking', 'taken', 'failed')", name="state"),
        Index("ix_list_file_wished", "id", sqlite_where=_WISHED, postgresql_where=_WISHED),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    #: As it is called where it comes from.
    name: Mapped[str]
    #: The file; None once it was taken in.
    content: Mapped[bytes | None]
    actor: Mapped[str]
    created_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(default="trying")
    finished_at: Mapped[datetime | None]
    #: How many rows are new, or were taken in, and how many are known already.
    added: Mapped[int] = mapped_column(default=0)
    known: Mapped[int] = mapped_column(default=0)
    #: What is wrong with it: field, code and facts each.
    problems: Mapped[list[Any]] = mapped_column(JSON, default=list)
