"""What follows from what became of an attempt? The notice is handed over, tried again, climbs, or goes to a person."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from app.models import Notice, NoticeAttempt, Receipt
from app.operations.announce import announce_delay
from app.operations.notice import alarm, call_person, clear_answered
from app.rules.ladder import calls, climbs_at
from app.rules.messages import LEFT_UNTOLD, TRIES_A_CHANNEL, back_off_s

#: A provider that wants to be left alone for longer is not waited for while there is another channel, seconds.
LONGEST_WAIT_S = 60.0
#: A `Retry-After` beyond a day is a mistake, seconds.
LONGEST_PAUSE_S = 86400.0
#: What a provider says of a message that will not arrive.
UNDELIVERED = frozenset({"undelivered", "failed", "canceled", "busy", "no-answer"})


def accept(session: Session, notice: Notice, attempt: NoticeAttempt, provider_id: str | None, now: datetime) -> None:
    """Record that a provider has the message, however we came to know it; what ended meanwhile stays ended."""
    attempt.outcome, attempt.error = "accepted", None
    attempt.provider_id = attempt.provider_id or provider_id
    attempt.finished_at = attempt.finished_at or now
    session.flush()
    ended = exists().where(Receipt.attempt_id == attempt.id, Receipt.status.in_(UNDELIVERED))
    newer = exists().where(NoticeAttempt.notice_id == attempt.notice_id, NoticeAttempt.id > attempt.id)
    if notice.state in ("due", "sending", "unknown") and not session.scalar(select(ended | newer)):
        if notice.sent_at is None:
            notice.sent_at = now
            announce_delay(session, notice, now)
        if notice.call_at is not None and notice.call_at <= now:  # taken is not arrived, and a person is due
            call_person(session, notice, "unknown", "not_confirmed", now)
            return
        notice.rest("sent", None)
        rest = notice.channels[notice.channel_index + 1 :]
        climbs = climbs_at(notice.kind, attempt.channel, rest, now, notice.call_at)
        notice.watch_at = min((at for at in (climbs, notice.call_at) if at), default=None)
        clear_answered(session, notice.visit_id, now, "system")


def is_newest(session: Session, attempt: NoticeAttempt) -> bool:
    """Return whether no later attempt of the same notice was begun."""
    newest = select(func.max(NoticeAttempt.id)).where(NoticeAttempt.notice_id == attempt.notice_id)
    return session.scalar(newest) == attempt.id


def wait_until(notice: Notice, at: datetime) -> None:
    """Have a notice taken again from a moment on, by anybody."""
    notice.rest("due", None)
    notice.next_attempt_at, notice.watch_at = at, notice.call_at


def next_channel(session: Session, notice: Notice, reason: str, now: datetime) -> None:
    """Try the next channel at once; call a person when there is none, or one is due anyway."""
    if notice.channel_index + 1 < len(notice.channels) and not (notice.call_at and notice.call_at <= now):
        notice.turn_to(notice.channel_index + 1)
        wait_until(notice, now)
    else:
        call_person(session, notice, "failed", reason, now)


def try_later(
    session: Session, notice: Notice, channel: str, now: datetime, *, after_s: float | None, barred: bool
) -> None:
    """Wait a little longer each time, and as long as the provider asked for (`after_s`).

    Climb to the next channel, or tell a person, when it does not get better; at once when it is `barred` to us, or
    wants to be left alone for long.
    """
    tries = session.scalar(
        select(func.count())
        .select_from(NoticeAttempt)
        .where(
            NoticeAttempt.notice_id == notice.id, NoticeAttempt.channel == channel, NoticeAttempt.outcome == "failed"
        )
    )
    tries = max(tries or 0, 1)
    wait_s = max(back_off_s(tries), after_s or 0.0)
    if tries >= TRIES_A_CHANNEL or barred or wait_s > LONGEST_WAIT_S:
        if notice.channel_index + 1 < len(notice.channels):
            next_channel(session, notice, "try_later", now)
            return
        if calls(notice.kind):
            alarm(session, notice, "call_customer", "still_trying", now)
    again_at = now + timedelta(seconds=min(wait_s, LONGEST_PAUSE_S))
    if again_at < notice.expires_at:
        wait_until(notice, again_at)
    else:
        call_person(session, notice, "failed", "expired", now)


def drop(session: Session, notice: Notice, reason: str, now: datetime) -> None:
    """Leave old news unsent, or climb no further with it; when it grew old untold, a person is called."""
    notice.rest("dropped" if notice.sent_at is None else "sent", reason)
    session.flush()
    if reason in LEFT_UNTOLD and calls(notice.kind):
        alarm(session, notice, "call_customer", reason, now)


def ask_person(session: Session, notice: Notice, attempt: NoticeAttempt, now: datetime) -> None:
    """Have a person ask the customer: nobody else can know whether this attempt reached her."""
    attempt.outcome = "unknown"
    attempt.finished_at = attempt.finished_at or now
    call_person(session, notice, "unknown", "no_answer", now)


def reference_of(attempt: NoticeAttempt) -> str:
    """Return our own id of an attempt; its moment keeps a restored database from using one twice."""
    return f"{attempt.id}-{int(attempt.started_at.timestamp() * 1000):x}"
