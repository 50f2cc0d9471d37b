"""What happened to this visit, in time order, and who did it?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from app.errors import NotFound
from app.models import (
    Alarm,
    ApiToken,
    DecisionEntry,
    Notice,
    NoticeAttempt,
    Receipt,
    Technician,
    User,
    Visit,
    VisitEvent,
)
from app.operations.board import visit_seen
from app.rules.board import NoticeSeen, stale, standing

Entry = VisitEvent | DecisionEntry | Notice | NoticeAttempt | Receipt


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of the history: `what` is event, decision, notice, attempt or receipt, and `entry` its row."""

    at: datetime
    what: str
    entry: Entry


@dataclass(frozen=True, slots=True)
class History:
    """A visit with everything that is known of it; `names` say who user:3 and technician:7 are."""

    visit: Visit
    standing: str
    forecast_stale: bool
    moments: Sequence[Moment]
    notices: Sequence[Notice]
    alarms: Sequence[Alarm]
    names: Mapping[str, str]


def read_history(session: Session, visit_id: int, now: datetime) -> History:
    """Return a visit's history, newest first. Raises NotFound."""
    visit = session.scalars(
        select(Visit)
        .where(Visit.id == visit_id)
        .options(
            joinedload(Visit.customer),
            joinedload(Visit.site),
            joinedload(Visit.service),
            joinedload(Visit.technician),
            selectinload(Visit.events),
        )
    ).one_or_none()
    if visit is None:
        raise NotFound("visit")
    notices = session.scalars(
        select(Notice)
        .where(Notice.visit_id == visit_id)
        .options(selectinload(Notice.attempts), selectinload(Notice.receipts))
        .order_by(Notice.id)
    ).all()
    decisions = session.scalars(
        select(DecisionEntry).where(DecisionEntry.visit_id == visit_id).order_by(DecisionEntry.id)
    ).all()
    moments = [Moment(event.at, "event", event) for event in visit.events]
    moments += [Moment(decision.at, "decision", decision) for decision in decisions]
    for notice in notices:
        moments.append(Moment(notice.created_at, "notice", notice))
        moments += [Moment(attempt.started_at, "attempt", attempt) for attempt in notice.attempts]
        moments += [Moment(receipt.received_at, "receipt", receipt) for receipt in notice.receipts]
    moments.sort(key=lambda moment: moment.at)
    seen = visit_seen(
        visit, [NoticeSeen(n.kind, n.state, n.created_at, n.quoted_from_at, n.quoted_until_at) for n in notices]
    )
    alarms = session.scalars(
        select(Alarm).where(Alarm.visit_id == visit_id, Alarm.cleared_at.is_(None)).order_by(Alarm.raised_at)
    ).all()
    return History(
        visit,
        standing(seen, now),
        stale(visit.forecast_as_of_at, now),
        moments[::-1],
        notices,
        alarms,
        _names(session, {event.actor for event in visit.events}),
    )


def _names(session: Session, actors: set[str]) -> Mapping[str, str]:
    """Return the names behind the actors that are people or programs."""
    ids: dict[str, list[int]] = {}
    for actor in actors:
        kind, _, number = actor.partition(":")
        if number.isdecimal():
            ids.setdefault(kind, []).append(int(number))
    names: dict[str, str] = {}
    for kind, table in (("user", User), ("technician", Technician), ("token", ApiToken)):
        if kind in ids:
            found = session.execute(select(table.id, table.name).where(table.id.in_(ids[kind])))
            names.update({f"{kind}:{row.id}": row.name for row in found})
    return names
