"""Call a person, and stop calling when the cause has gone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session, joinedload

from app.models import Alarm, Visit
from app.rules.lateness import ALARMS

#: Alarms whose cause has gone once the technician has arrived, or the visit was moved, reassigned or cancelled.
ABOUT_WAITING = (
    *sorted(ALARMS),
    "notice_held",
    "notice_failed",
    "notice_unknown",
    "cannot_be_there",
    "site_not_located",
    "word_promised",
)


def raise_alarm(
    session: Session,
    kind: str,
    subject: str,
    now: datetime,
    *,
    visit_id: int | None = None,
    technician_id: int | None = None,
    facts: dict[str, Any] | None = None,
) -> None:
    """Put a line on the attention list, unless the same one stands there already."""
    standing = session.scalar(
        select(Alarm.id).where(Alarm.kind == kind, Alarm.subject == subject, Alarm.cleared_at.is_(None))
    )
    if standing is None:
        session.add(
            Alarm(
                kind=kind,
                subject=subject,
                visit_id=visit_id,
                technician_id=technician_id,
                facts=facts or {},
                raised_at=now,
            )
        )
        session.flush()


def clear_alarms(session: Session, subject: str, kinds: Sequence[str], now: datetime, by: str = "system") -> None:
    """Take lines off the attention list because their cause has gone, or a person dealt with it."""
    session.execute(
        update(Alarm)
        .where(Alarm.subject == subject, Alarm.kind.in_(kinds), Alarm.cleared_at.is_(None))
        .values(cleared_at=now, cleared_by=by)
    )


def clear_alarm(session: Session, alarm_id: int, now: datetime, by: str) -> None:
    """Take one line off the list because a person dealt with it; twice is no harm."""
    session.execute(
        update(Alarm).where(Alarm.id == alarm_id, Alarm.cleared_at.is_(None)).values(cleared_at=now, cleared_by=by)
    )


def standing_alarms(session: Session, limit: int = 100) -> Sequence[Alarm]:
    """Return the attention list, oldest first, with what its lines speak of."""
    return session.scalars(
        select(Alarm)
        .where(Alarm.cleared_at.is_(None))
        .options(joinedload(Alarm.visit).joinedload(Visit.customer), joinedload(Alarm.technician))
        .order_by(Alarm.raised_at)
        .limit(limit)
    ).all()
