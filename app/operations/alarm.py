"""Call a person, and stop calling when the cause has gone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite
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
    rests: timedelta = timedelta(),
) -> None:
    """Put a line on the attention list, unless the same one stands there already.

    Once a person has dealt with it, it `rests` so long before the same cause may call again.
    """
    last = session.execute(
        select(Alarm.cleared_at, Alarm.cleared_by)
        .where(Alarm.kind == kind, Alarm.subject == subject)
        .order_by(Alarm.id.desc())
        .limit(1)
    ).one_or_none()
    if last is not None and (
        last.cleared_at is None or (last.cleared_by != "system" and last.cleared_at > now - rests)
    ):
        return
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    session.execute(
        insert(Alarm)
        .values(
            kind=kind,
            subject=subject,
            visit_id=visit_id,
            technician_id=technician_id,
            facts=facts or {},
            raised_at=now,
        )
        .on_conflict_do_nothing()  # two processes that raise the same at once: one line
    )


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
