"""Book reminders with a visit, take them back with it, and turn those that are due into notices."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo

from sqlalchemy import bindparam, insert, literal_column, select, update
from sqlalchemy.orm import Session, joinedload

from app.models import Notice, Reminder, Visit
from app.operations.notice import News, Telling, add_notice
from app.operations.policy import current_policy
from app.prepared import Prepared
from app.rules.messages import UNSETTLING
from app.rules.reminder import TAP_STANDS, planned, why_not

#: A reminder that could not be worded is looked at again after this.
POSTPONED = timedelta(minutes=5)
NOT_WANTED = "not_wanted"
_ROW = Reminder.__table__.c
#: Every booking runs it.
_INSERT = Prepared(
    insert(Reminder.__table__),  # type: ignore[arg-type]
    ("visit_id", "kind", "promised_from_at", "due_at", "state", "state_reason", "booked_at"),
)
#: Every tap of who sets out runs it.
_DEPARTED = Prepared(
    update(Reminder.__table__)  # type: ignore[arg-type]
    .where(_ROW.visit_id == bindparam("visit"), _ROW.kind == "on_the_way", _ROW.state == "booked")
    .values(due_at=bindparam("due")),
    ("visit", "due"),
)
#: Said in full, so that both databases see that the index of booked reminders answers it.
_BOOKED = Reminder.state == literal_column("'booked'")


def book_reminders(session: Session, visit: Visit, zone: tzinfo, now: datetime, *, wanted: bool = True) -> None:
    """Book the reminders of a visit whose promise was made or changed just now; those left out are kept with the why.

    A visit that nobody wants to be reminded of keeps that through later moves.
    """
    rows = [
        (
            visit.id,
            one.kind,
            visit.promised_from_at,
            one.due_at,
            "booked" if wanted and one.left_out is None else "left_out",
            one.left_out if wanted else NOT_WANTED,
            now,
        )
        for one in planned(visit.promised_from_at, current_policy(session), zone, now)
    ]
    _INSERT.run(session.connection(), rows)


def reminders_wanted(session: Session, visit_id: int) -> bool:
    """Return whether a visit has reminders, or would have them were there time: nobody has declined them."""
    newest = select(Reminder.state_reason).where(Reminder.visit_id == visit_id).order_by(Reminder.id.desc()).limit(1)
    return session.scalar(newest) != NOT_WANTED


def take_reminders_back(session: Session, visit_id: int, reason: str, now: datetime) -> None:
    """Take back what is booked, because the visit was moved or cancelled."""
    session.execute(
        update(Reminder)
        .where(Reminder.visit_id == visit_id, Reminder.state == "booked")
        .values(state="taken_back", state_reason=reason, settled_at=now)
    )


def book_again(session: Session, visit: Visit, untold: Sequence[int], now: datetime) -> None:
    """Have reminders worded anew because somebody else comes: those whose notices (`untold`) had not left.

    That the new technician sets out is told again.
    """
    rows = session.scalars(select(Reminder).where(Reminder.visit_id == visit.id).order_by(Reminder.id)).all()
    for row in rows:
        if row.notice_id in untold or (row.kind == "on_the_way" and row.state == "booked"):
            row.state, row.state_reason, row.settled_at, row.notice_id = "booked", None, None, None
            row.due_at = None if row.kind == "on_the_way" else row.due_at
    last = next((row for row in reversed(rows) if row.kind == "on_the_way"), None)
    if last is not None and last.state in ("told", "left_out") and last.state_reason != NOT_WANTED:
        session.add(
            Reminder(visit_id=visit.id, kind="on_the_way", promised_from_at=visit.promised_from_at, booked_at=now)
        )


def note_departure(session: Session, visit_id: int, at: datetime | None) -> None:
    """Have the customer told that the technician has set out; None: he has not after all."""
    due_at = None if at is None else at + TAP_STANDS
    session.flush()
    _DEPARTED.run(session.connection(), [(visit_id, due_at)])


def due_reminders(session: Session, now: datetime, most: int) -> Sequence[int]:
    """Return the reminders that are due, longest due first."""
    return session.scalars(
        select(Reminder.id).where(_BOOKED, Reminder.due_at <= now).order_by(Reminder.due_at, Reminder.id).limit(most)
    ).all()


def turn_due(session: Session, reminder_ids: Sequence[int], telling: Telling, now: datetime) -> int:
    """Turn reminders that are due into notices by what is known now, or leave them out; return how many are dealt with.

    Those of visits that somebody else is changing at this moment stay due: what he changes decides about them.
    """
    rows = session.execute(
        select(Reminder, Visit)
        .join(Visit, Visit.id == Reminder.visit_id)
        .where(Reminder.id.in_(reminder_ids), _BOOKED, Reminder.due_at <= now)
        .options(joinedload(Visit.customer), joinedload(Visit.technician))
        .order_by(Reminder.due_at, Reminder.id)
        .with_for_update(of=(Reminder, Visit), key_share=True, skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
    policy, unsettled = current_policy(session), _unsettled(session, [visit for _, visit in rows])
    for reminder, visit in rows:
        assert reminder.due_at is not None
        reason = why_not(
            reminder.kind,
            due_at=reminder.due_at,
            promised_from_at=visit.promised_from_at,
            same_promise=reminder.promised_from_at == visit.promised_from_at,
            status=visit.status,
            wish=visit.customer.notices,
            unsettled=visit.id in unsettled,
            late_probability=visit.late_probability,
            arrives_at=visit.forecast_median_at,
            policy=policy,
            now=now,
        )
        reminder.settled_at = now
        if reason is not None:
            reminder.state, reminder.state_reason = "left_out", reason
            continue
        code = "departed" if reminder.kind == "on_the_way" else "reminder"
        news = News(reminder.kind, code, key=f"reminder:{reminder.id}:{visit.version}")
        reminder.notice_id = add_notice(session, visit, news, telling, now).id
        reminder.state, reminder.state_reason = "told", None
    return len(rows)


def postpone_reminder(session: Session, reminder_id: int, now: datetime) -> None:
    """Push a reminder forward because turning it into a notice failed, so that it does not block the others."""
    session.execute(
        update(Reminder).where(Reminder.id == reminder_id, Reminder.state == "booked").values(due_at=now + POSTPONED)
    )


def _unsettled(session: Session, visits: Sequence[Visit]) -> set[int]:
    """Return the visits whose customers were told, or are about to be told, of a delay under the present promise."""
    return set(
        session.scalars(
            select(Notice.visit_id)
            .join(Visit, Visit.id == Notice.visit_id)
            .where(
                Notice.visit_id.in_([visit.id for visit in visits]),
                Notice.kind.in_(UNSETTLING),
                Notice.state != "dropped",
                Notice.promised_from_at == Visit.promised_from_at,
            )
        )
    )
