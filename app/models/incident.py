"""What went wrong for many at once, whom does it concern, and what have we said about it since?"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base
from app.models.visit import Visit

_OPEN = text("closed_at IS NULL")


class Incident(Base):
    """A delay or a fault that concerns many visits: one page, a named person who answers, word once an hour."""

    __tablename__ = "incident"
    __table_args__ = (Index("ix_incident_open", "id", sqlite_where=_OPEN, postgresql_where=_OPEN),)

    id: Mapped[int] = mapped_column(primary_key=True)
    #: The secret in the address of its page.
    token: Mapped[str] = mapped_column(unique=True)
    title_ja: Mapped[str]
    #: Empty where nobody concerned reads English.
    title_en: Mapped[str]
    #: The person who answers for it, by name, and the number to call (E.164).
    answered_by: Mapped[str]
    phone: Mapped[str]
    opened_at: Mapped[datetime]
    #: When word was last sent, and by when the next one is promised.
    told_at: Mapped[datetime]
    next_word_at: Mapped[datetime]
    #: The newest line of the page that was sent. No foreign key: the lines point here.
    told_entry_id: Mapped[int] = mapped_column(default=0)
    closed_at: Mapped[datetime | None]
    reported_at: Mapped[datetime | None]

    entries: Mapped[list[IncidentEntry]] = relationship(back_populates="incident", order_by="IncidentEntry.id")
    visits: Mapped[list[IncidentVisit]] = relationship(back_populates="incident", order_by="IncidentVisit.visit_id")


class IncidentEntry(Base):
    """One line of an incident's page. Evidence: lines are only added."""

    __tablename__ = "incident_entry"

    id: Mapped[int] = mapped_column(primary_key=True)
    incident_id: Mapped[int] = mapped_column(ForeignKey("incident.id"), index=True)
    at: Mapped[datetime]
    #: user:3, or system for the word that nothing is new
    by: Mapped[str]
    #: opened, update, still, closed, reopened, report
    kind: Mapped[str]
    words_ja: Mapped[str]
    words_en: Mapped[str]
    #: The parts of a report by language, as rules.incident names them.
    report: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)

    incident: Mapped[Incident] = relationship(back_populates="entries")


class IncidentVisit(Base):
    """A visit that an incident concerns, and the newest line of the page that its customer has been written."""

    __tablename__ = "incident_visit"

    incident_id: Mapped[int] = mapped_column(ForeignKey("incident.id"), primary_key=True)
    visit_id: Mapped[int] = mapped_column(ForeignKey("visit.id"), primary_key=True, index=True)
    added_at: Mapped[datetime]
    #: user:3
    added_by: Mapped[str]
    #: None while nothing could be sent: the visit was over before the first word.
    told_entry_id: Mapped[int | None] = mapped_column(ForeignKey("incident_entry.id"))

    incident: Mapped[Incident] = relationship(back_populates="visits")
    visit: Mapped[Visit] = relationship()
