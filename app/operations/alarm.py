"""Call a person, show what calls, and stop calling when the cause has gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.models import Alarm, Customer, Site, Technician, Visit
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
#: More lines than this nobody can act on; the page says that there are more.
MOST_ALARMS = 50


@dataclass(frozen=True, slots=True)
class AlarmLine:
    """One line of the attention list, with what its sentence and its action need."""

    id: int
    kind: str
    facts: Mapping[str, Any]
    raised_at: datetime
    visit_id: int | None
    promised_from_at: datetime | None
    promised_until_at: datetime | None
    forecast_as_of_at: datetime | None
    customer: str | None
    phone: str | None
    site_id: int | None
    address: str | None
    technician: str | None

    @property
    def due(self) -> str | None:
        """What its deadline is: the `call` or the `word` that the customer was promised, or else the `promise` itself.

        None where nothing runs out: what is over already, or has no customer.
        """
        if "deadline_at" in self.facts:
            return "call"
        if "by" in self.facts:
            return "word"
        return None if self.kind == "visit_left_open" or self.promised_until_at is None else "promise"

    @property
    def deadline_at(self) -> datetime | None:
        """Until when somebody has to act."""
        kept = {"call": "deadline_at", "word": "by"}.get(self.due or "")
        if kept is not None:
            return datetime.fromisoformat(str(self.facts[kept]))
        return self.promised_until_at if self.due else None


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


def read_alarms(session: Session) -> Sequence[AlarmLine]:
    """Return the attention list, most urgent first: by its deadline; what has none comes last."""
    rows = session.execute(
        select(
            Alarm.id,
            Alarm.kind,
            Alarm.facts,
            Alarm.raised_at,
            Alarm.visit_id,
            Visit.promised_from_at,
            Visit.promised_until_at,
            Visit.forecast_as_of_at,
            Customer.name.label("customer"),
            func.coalesce(Customer.mobile, Customer.phone).label("phone"),
            Visit.site_id,
            Site.address,
            Technician.name.label("technician"),
        )
        .outerjoin(Visit, Visit.id == Alarm.visit_id)
        .outerjoin(Customer, Customer.id == Visit.customer_id)
        .outerjoin(Site, Site.id == Visit.site_id)
        .outerjoin(Technician, Technician.id == func.coalesce(Visit.technician_id, Alarm.technician_id))
        .where(Alarm.cleared_at.is_(None))
        .order_by(Visit.promised_until_at.is_(None), Visit.promised_until_at, Alarm.raised_at, Alarm.id)
        .limit(MOST_ALARMS)
    )
    lines = [AlarmLine(**row._mapping) for row in rows]
    return sorted(lines, key=lambda line: (line.deadline_at is None, line.deadline_at or line.raised_at))
