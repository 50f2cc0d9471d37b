"""What does the customer buy?"""

from __future__ import annotations

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base


class Service(Base):
    """A kind of work, with the time it usually takes."""

    __tablename__ = "service"
    __table_args__ = (
        CheckConstraint("duration_min > 0", name="duration_min"),
        CheckConstraint("technicians IN (1, 2)", name="technicians"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name_ja: Mapped[str]
    name_en: Mapped[str]
    duration_min: Mapped[int]
    #: What a technician must be able to do for it, one of the technicians' skills; empty: everybody can.
    skill: Mapped[str] = mapped_column(default="")
    #: By which service of the price book it is priced; empty: not priced yet, so no quote can be made.
    price_code: Mapped[str] = mapped_column(default="")
    #: So many technicians are needed at once: times are offered when all of them can be there.
    technicians: Mapped[int] = mapped_column(default=1)
    active: Mapped[bool] = mapped_column(default=True)

    def name(self, locale: str) -> str:
        """Return the name in the reader's language."""
        return self.name_en if locale == "en" else self.name_ja
