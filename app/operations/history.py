"""What happened to this visit, in time order, and who did it?"""

from __future__ import annotations

from bisect import bisect_right
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
    ForecastEntry,
    Notice,
    NoticeAttempt,
    Receipt,
    Reminder,
    Technician,
    User,
    Visit,
    VisitEvent,
)
from app.operations.board import visit_seen
from app.rules.board import NoticeSeen, stale, standing
from app.rules.lateness import Told
from app.rules.messages import ARRIVALS, HANDED_OVER

Entry = VisitEvent | DecisionEntry | Notice | NoticeAttempt | Receipt


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of the history: `what` is event, decision, notice, attempt or receipt, and `entry` its row."""

    at: datetime
    what: str
    entry: Entry


@dataclass(frozen=True, slots=True)
class History:
    """A visit with everything that is known of it at `read_at`; `names` say who user:3 and technician:7 are.

    `forecasts` are those about the promise as it stands, oldest first; `reminders` in the order of their booking.
    """

    read_at: datetime
    visit: Visit
    standing: str
    forecast_stale: bool
    moments: Sequence[Moment]
    notices: Sequence[Notice]
    forecasts: Sequence[ForecastEntry]
    alarms: Sequence[Alarm]
    reminders: Sequence[Reminder]
    names: Mapping[str, str]

    @property
    def decisions(self) -> Sequence[DecisionEntry]:
        """The decisions, oldest first."""
        return [moment.entry for moment in reversed(self.moments) if isinstance(moment.entry, DecisionEntry)]

    @property
    def told(self) -> Sequence[Told]:
        """What the customer was given about the arrival under the promise as it stands, oldest first, when it left."""
        visit = self.visit
        return [
            Told(notice.kind, notice.sent_at or notice.created_at, notice.quoted_from_at, notice.quoted_until_at)
            for notice in self.notices
            if notice.reach in HANDED_OVER
            and notice.kind in ARRIVALS
            and (notice.promised_from_at, notice.promised_until_at) == (visit.promised_from_at, visit.promised_until_at)
        ]

    def expected_at(self, at: datetime) -> ForecastEntry | None:
        """Return the forecast that held at an instant."""
        index = bisect_right(self.forecasts, at, key=lambda entry: entry.at)
        return self.forecasts[index - 1] if index else None


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
    forecasts = session.scalars(
        select(ForecastEntry)
        .where(ForecastEntry.visit_id == visit_id, ForecastEntry.at >= _promised_at(visit))
        .order_by(ForecastEntry.id)
    ).all()
    moments = [Moment(event.at, "event", event) for event in visit.events]
    moments += [Moment(decision.at, "decision", decision) for decision in decisions]
    for notice in notices:
        moments.append(Moment(notice.created_at, "notice", notice))
        moments += [Moment(attempt.started_at, "attempt", attempt) for attempt in notice.attempts]
        moments += [Moment(receipt.received_at, "receipt", receipt) for receipt in notice.receipts]
    moments.sort(key=lambda moment: moment.at)
    seen = visit_seen(
        visit, [NoticeSeen(n.kind, n.reach, n.created_at, n.quoted_from_at, n.quoted_until_at) for n in notices]
    )
    alarms = session.scalars(
        select(Alarm).where(Alarm.visit_id == visit_id, Alarm.cleared_at.is_(None)).order_by(Alarm.raised_at)
    ).all()
    reminders = session.scalars(select(Reminder).where(Reminder.visit_id == visit_id).order_by(Reminder.id)).all()
    return History(
        now,
        visit,
        standing(seen, now),
        stale(visit.forecast_as_of_at, now),
        moments[::-1],
        notices,
        forecasts,
        alarms,
        reminders,
        actor_names(session, {event.actor for event in visit.events}),
    )


def _promised_at(visit: Visit) -> datetime:
    """Return since when the promise stands as it is: its last move, or the booking."""
    moved = [
        event.recorded_at
        for event in visit.events
        if event.kind == "changed"
        and any(event.facts["before"][end] != event.facts["after"][end] for end in ("promised_from", "promised_until"))
    ]
    return max(moved, default=visit.created_at)


def actor_names(session: Session, actors: set[str]) -> Mapping[str, str]:
    """Return the names behind the actors (user:3, technician:7, token:2) that are people or programs."""
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
