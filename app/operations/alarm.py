"""Call a person, show what calls, and stop calling when the cause has gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.models import Alarm, Customer, Notice, OtherPhone, Site, Technician, Visit
from app.rules.lateness import ALARMS

#: Alarms whose cause has gone once the technician has arrived, or the visit was moved, reassigned or cancelled.
ABOUT_WAITING = (
    *sorted(ALARMS),
    "notice_held",
    "call_customer",
    "cannot_be_there",
    "site_not_located",
    "word_promised",
    "repair_offered",
    "calendar_conflict",
    "second_late",
    *("move_declined", "move_unanswered", "move_gone", "reschedule_unanswered"),
    *("price_declined", "price_open"),
)
#: The brake holds: whatever else there is comes after.
BRAKE = "brake"
#: What is over already.
_NOTHING_RUNS_OUT = ("visit_left_open", "self_moved", "self_cancelled")
#: More lines than this nobody can act on; the page says that there are more.
MOST_ALARMS = 50


_ALARM = Alarm.__table__.c
#: Built once, as every look at a silent technician asks it; the last of a kind and subject comes last.
_LAST = (
    select(_ALARM.kind, _ALARM.subject, _ALARM.cleared_at, _ALARM.cleared_by)
    .where(
        _ALARM.subject.in_(bindparam("subjects", expanding=True)), _ALARM.kind.in_(bindparam("kinds", expanding=True))
    )
    .order_by(_ALARM.id)
)
#: Two processes that raise the same at once: one line.
_RAISE: Mapping[str, Any] = {
    "sqlite": sqlite.insert(Alarm).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(Alarm).on_conflict_do_nothing(),
}


@dataclass(frozen=True, slots=True)
class Call:
    """What a person is to be called for: a line of the attention list, and how long it `rests` once dealt with."""

    kind: str
    subject: str
    visit_id: int | None = None
    technician_id: int | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    rests: timedelta = timedelta()


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
    #: What the customer was to be told, in words to read out.
    words: str | None = None

    @property
    def sentence(self) -> str:
        """Which sentence tells it: its kind, and what kind of it where that is told differently."""
        reason = str(self.facts.get("reason") or "")
        if self.kind == "answer_failed" and reason == "not_confirmed":
            return "answer_unconfirmed"
        if self.kind == "call_customer" and reason in ("no_answer", "not_confirmed"):
            return "call_customer_unsure"
        return "notice_held_capped" if self.kind == "notice_held" and reason.startswith("cap_") else self.kind

    @property
    def due(self) -> str | None:
        """What its deadline is: the `call` or the `word` that the customer was promised, the end of an `offer`, by when
        a `reply` is to be read, or else the `promise` itself.

        None where nothing runs out: what is over already, or has no customer.
        """
        if "deadline_at" in self.facts:
            return "call"
        if "by" in self.facts:
            return "word"
        if "offered_until" in self.facts:
            return "offer"
        if "read_by" in self.facts:
            return "reply"
        return None if self.kind in _NOTHING_RUNS_OUT or self.promised_until_at is None else "promise"

    @property
    def deadline_at(self) -> datetime | None:
        """Until when somebody has to act."""
        kept = {"call": "deadline_at", "word": "by", "offer": "offered_until", "reply": "read_by"}.get(self.due or "")
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
    raise_alarms(session, [Call(kind, subject, visit_id, technician_id, facts or {}, rests)], now)


def raise_alarms(session: Session, calls: Sequence[Call], now: datetime) -> None:
    """Put several lines on the attention list, as `raise_alarm` does one."""
    if not calls:
        return
    wanted = {"subjects": [call.subject for call in calls], "kinds": [call.kind for call in calls]}
    known = session.connection()
    last = {(kind, subject): cleared for kind, subject, *cleared in known.execute(_LAST, wanted)}
    rows = [
        {
            "kind": call.kind,
            "subject": call.subject,
            "visit_id": call.visit_id,
            "technician_id": call.technician_id,
            "facts": call.facts,
            "raised_at": now,
        }
        for call in calls
        if _calls_again(last.get((call.kind, call.subject)), now - call.rests)
    ]
    if rows:
        known.execute(_RAISE[known.dialect.name], rows)


def _calls_again(last: Sequence[Any] | None, rested_since: datetime) -> bool:
    """Return whether a cause may call, by when and by whom its last line was cleared."""
    if last is None:
        return True
    cleared_at, cleared_by = last
    return cleared_at is not None and (cleared_by == "system" or cleared_at <= rested_since)


def clear_alarms(session: Session, subject: str, kinds: Sequence[str], now: datetime, by: str = "system") -> None:
    """Take lines off the attention list because their cause has gone, or a person dealt with it."""
    session.execute(
        update(Alarm)
        .where(Alarm.subject == subject, Alarm.kind.in_(kinds), Alarm.cleared_at.is_(None))
        .values(cleared_at=now, cleared_by=by)
    )


def clear_alarm(session: Session, alarm_id: int, now: datetime, by: str) -> None:
    """Take one line off the list because a person dealt with it; twice is no harm. The brake wants a decision."""
    session.execute(
        update(Alarm)
        .where(Alarm.id == alarm_id, Alarm.cleared_at.is_(None), Alarm.kind != BRAKE)
        .values(cleared_at=now, cleared_by=by)
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
            # What she named for this visit comes first.
            func.coalesce(OtherPhone.number, Customer.mobile, Customer.phone).label("phone"),
            Visit.site_id,
            Site.address,
            Technician.name.label("technician"),
        )
        .outerjoin(Visit, Visit.id == Alarm.visit_id)
        .outerjoin(Customer, Customer.id == Visit.customer_id)
        .outerjoin(OtherPhone, OtherPhone.visit_id == Visit.id)
        .outerjoin(Site, Site.id == Visit.site_id)
        .outerjoin(Technician, Technician.id == func.coalesce(Visit.technician_id, Alarm.technician_id))
        .where(Alarm.cleared_at.is_(None))
        .order_by(
            Alarm.kind != BRAKE, Visit.promised_until_at.is_(None), Visit.promised_until_at, Alarm.raised_at, Alarm.id
        )
        .limit(MOST_ALARMS)
    )
    lines = [AlarmLine(**row._mapping) for row in rows]
    words = _to_read_out(session, [line.visit_id for line in lines if line.kind == "call_customer"])
    lines = [replace(line, words=words.get(line.visit_id)) for line in lines]
    return sorted(
        lines, key=lambda line: (line.kind != BRAKE, line.deadline_at is None, line.deadline_at or line.raised_at)
    )


def channels_down(session: Session) -> list[str]:
    """Return the channels that do not work, as the processes that use them have found."""
    found = select(Alarm.subject).where(Alarm.kind == "channel_down", Alarm.cleared_at.is_(None))
    return sorted(subject.removeprefix("channel:") for subject in session.scalars(found))


def _to_read_out(session: Session, visit_ids: Sequence[int | None]) -> Mapping[int | None, str]:
    """Return the newest words of each visit's notices that nobody confirmed."""
    rows = session.execute(
        select(Notice.visit_id, Notice.spoken)
        .where(Notice.visit_id.in_(visit_ids), Notice.spoken.is_not(None), Notice.state != "delivered")
        .order_by(Notice.id)
    )
    return {visit_id: spoken for visit_id, spoken in rows if spoken}
