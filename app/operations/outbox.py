"""Hand over what waits in the outbox: each notice once, nothing untrue, and a person is asked where nobody can know.

The only operation that commits, because it must not hold a transaction while a provider is called:
take (a short transaction that checks the facts again, claims the notice and writes the attempt), call, settle (a short
transaction that is refused when the claim has passed to somebody else).

While the brake holds (operations.brake), only what was let go before is taken.

    due ──take──> sending ──accepted──> sent ──receipt──> delivered
     ^               │ refused: next channel, none left: failed      (a person is called)
     ├── try later ──┤
     └─ not taken ── │ answer lost, or the sender died: looked up at the provider; nobody knows: unknown (a person)
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo

import structlog
from sqlalchemy import func, or_, select, true, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, joinedload

from app.brake import Brake
from app.clock import Clock
from app.crash import calling, writing
from app.db import Database
from app.lanes import Lanes
from app.models import Notice, NoticeAttempt, Visit
from app.operations.alarm import clear_alarms, raise_alarm
from app.operations.attempt import accept, ask_person, drop, next_channel, reference_of, try_later, wait_until
from app.operations.brake import holds, may_leave
from app.operations.cap import why_capped
from app.operations.consent import opt_out
from app.operations.notice import (
    call_person,
    earlier_under_way,
    message_of,
    recipient_of,
    wait_for_morning,
    why_outdated,
)
from app.providers.base import Barred, Channel, OutcomeUnknown, Recipient, Refused, TryLater
from app.rules.brake import wave_of
from app.rules.ladder import calls
from app.rules.messages import ABSENT_FOR_S, ASK_AFTER_S, LEFT_UNTOLD, Message

log = structlog.get_logger()

#: A claim lasts longer than any channel's own deadline; when it has run out, its owner is gone.
CLAIM_LASTS = timedelta(seconds=60)
#: A provider that could not be asked what became of a message is asked again after this.
LOOK_AGAIN = timedelta(seconds=15)
#: The same for what nobody is called about, once that has taken as long as others are given.
LOOK_LATER = timedelta(minutes=1)
#: What a customer was told is not overtaken by what makes it old news: while a call about the same visit is under way,
#: the next one waits.
ITS_TURN = timedelta(seconds=1)
#: A notice that cannot be worked with is tried again after this.
PUT_OFF = timedelta(minutes=1)
#: So many notices are dropped or sent on in one transaction, at most, on the way to one that is handed over.
_AT_ONCE = 200


class _NoRoom(Exception):
    """Nothing more may be let go before the brake has been looked at again."""


class _Faulty(Exception):
    """Something in a notice or its visit cannot be worked with: a fault of ours, or of a version that wrote it."""

    def __init__(self, notice_id: int) -> None:
        super().__init__(notice_id)
        self.notice_id = notice_id


@dataclass(frozen=True, slots=True)
class _Job:
    """One claimed notice: what to hand over, or (`lost`) what to look up because nobody knows what became of it."""

    notice_id: int
    attempt_id: int
    token: str
    channel: str
    message: Message
    recipient: Recipient
    reference: str
    began_at: datetime
    valid_s: int
    lost: bool


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of a call: accepted, refused, later, lost, or from a look-up: absent, unasked, unknowable."""

    kind: str
    provider_id: str | None = None
    error: str | None = None
    #: Why this way never reaches this person again.
    ends: str | None = None
    #: So long the provider wants to be left alone, seconds.
    after_s: float | None = None
    #: It takes nothing from us at all.
    barred: bool = False

    @property
    def answered(self) -> bool:
        """Whether the provider was there, whatever it said."""
        return self.kind in ("accepted", "refused", "absent") or self.after_s is not None


def deliver_due(
    db: Database,
    channels: Mapping[str, Channel],
    clock: Clock,
    zone: tzinfo,
    lanes: Lanes | None = None,
    brake: Brake | None = None,
) -> int:
    """Hand over every notice that is due and look up those whose answer was lost; return how many were begun.

    Without lanes everything is done here, one after another. With lanes it returns at once; a lane that is free again
    goes on by itself with what is due for its channel, and what waits for a closed one goes another way. Calling it
    again, from any number of processes, is no harm. `zone` is where the quiet hours are counted. Without a brake nobody
    is asked, however much leaves: a day that is played again writes to nobody.
    """
    begun = 0
    if lanes is None:
        while (job := _take(db, channels, clock.now(), zone, None, brake)) is not None:
            _carry_out(db, channels, clock, job, None)
            begun += 1
        return begun
    for name in channels:
        if lanes.closed(name):
            _go_another_way(db, name, clock.now())
        while lanes.enter(name, clock.now()):
            try:
                job = _take(db, channels, clock.now(), zone, name, brake)
            except BaseException:
                lanes.leave(name)
                raise
            if job is None:
                lanes.leave(name)
                break
            lanes.run(name, _drain(db, channels, clock, zone, job, lanes, brake))
            begun += 1
    return begun


def waiting(session: Session, now: datetime) -> tuple[int, float]:
    """Return how many notices wait to be handed over, and for how many seconds the longest has been due."""
    count, since = session.execute(
        select(func.count(), func.min(Notice.next_attempt_at)).where(
            Notice.state.in_(("due", "sending")), Notice.next_attempt_at <= now
        )
    ).one()
    return count, (now - since).total_seconds() if since else 0.0


def _drain(
    db: Database,
    channels: Mapping[str, Channel],
    clock: Clock,
    zone: tzinfo,
    first: _Job,
    lanes: Lanes,
    brake: Brake | None,
) -> Callable[[], None]:
    def work() -> None:
        job: _Job | None = first
        while job is not None:
            _carry_out(db, channels, clock, job, lanes)
            shut = lanes.closed(first.channel)
            job = None if shut else _take(db, channels, clock.now(), zone, first.channel, brake)

    return work


def _go_another_way(db: Database, name: str, now: datetime) -> None:
    """Send on what is due for a channel that does not work, where there is another one."""
    waits = (Notice.state == "due", Notice.channel == name, Notice.next_attempt_at <= now)
    with db.read() as session:
        rows = session.execute(
            select(Notice.id, Notice.channels, Notice.channel_index).where(*waits).order_by(Notice.id).limit(_AT_ONCE)
        ).all()
    ids = [row.id for row in rows if row.channel_index + 1 < len(row.channels)]
    if not ids:
        return
    with writing(db, "divert") as session:
        for notice in session.scalars(
            select(Notice).where(Notice.id.in_(ids), *waits).with_for_update(skip_locked=True, of=Notice)
        ):
            next_channel(session, notice, "channel_down", now)


def _take(
    db: Database,
    channels: Mapping[str, Channel],
    now: datetime,
    zone: tzinfo,
    only: str | None,
    brake: Brake | None,
) -> _Job | None:
    """Claim the notice that has been due longest (for one channel), dropping on the way what is no longer true."""
    held = brake is not None and holds(db, brake, now, zone)
    try:
        while True:
            try:
                return _taken(db, channels, now, zone, only, brake, held=held)
            except _Faulty as faulty:
                _put_off(db, faulty, now)
    except _NoRoom:
        return None
    finally:
        if brake is not None:
            brake.done()


def _taken(
    db: Database,
    channels: Mapping[str, Channel],
    now: datetime,
    zone: tzinfo,
    only: str | None,
    brake: Brake | None,
    *,
    held: bool,
) -> _Job | None:
    with writing(db, "take") as session:
        for _ in range(_AT_ONCE):
            notice = session.scalar(
                select(Notice)
                .where(
                    Notice.state.in_(("due", "sending")),
                    Notice.next_attempt_at <= now,
                    # What is at a channel that is not set up, anybody passes on.
                    true() if only is None else or_(Notice.channel == only, Notice.channel.not_in(list(channels))),
                    may_leave() if held else true(),
                )
                .order_by(Notice.next_attempt_at, Notice.id)
                .limit(1)
                .with_for_update(skip_locked=True, of=Notice)
            )
            if notice is None:
                return None
            notice_id = notice.id
            try:
                name = notice.channels[notice.channel_index]
                job = _claim(session, notice, channels.get(name), name, now, zone, brake)
                session.flush()
            except (_NoRoom, SQLAlchemyError):
                raise
            except Exception as error:
                raise _Faulty(notice_id) from error
            if job is not None:
                return job
    return None


def _put_off(db: Database, faulty: _Faulty, now: datetime) -> None:
    """Push a notice forward that cannot be worked with, so that it does not stand before all others for ever.

    When its time is up, a person is called as for any other (operations.ladder).
    """
    log.error("a notice could not be taken", notice_id=faulty.notice_id, exc_info=faulty)
    with writing(db, "put_off") as session:
        session.execute(
            update(Notice)
            .where(Notice.id == faulty.notice_id, Notice.state.in_(("due", "sending")))
            .values(next_attempt_at=now + PUT_OFF)
        )


def _claim(
    session: Session,
    notice: Notice,
    channel: Channel | None,
    name: str,
    now: datetime,
    zone: tzinfo,
    brake: Brake | None,
) -> _Job | None:
    """Claim a locked notice; or return None when it is not to be handed over this way, after changing its state."""
    visit = session.scalars(
        select(Visit)
        .where(Visit.id == notice.visit_id)
        .options(joinedload(Visit.customer), joinedload(Visit.technician))
    ).one()
    recipient = recipient_of(session, notice, visit, zone, now)
    lost = notice.state == "sending"
    if lost:
        attempt = session.scalars(
            select(NoticeAttempt).where(NoticeAttempt.notice_id == notice.id).order_by(NoticeAttempt.id.desc()).limit(1)
        ).one()
        if channel is None:
            ask_person(session, notice, attempt, now)
            return None
        old_news = why_outdated(session, notice, visit, now) if channel.repeats_safely else None
        if old_news in LEFT_UNTOLD:
            ask_person(session, notice, attempt, now)
            return None
        if old_news:
            drop(session, notice, old_news, now)
            return None
    else:
        old_news = why_outdated(session, notice, visit, now)
        if old_news:
            drop(session, notice, old_news, now)
            return None
        if wait_for_morning(session, notice, visit, zone, now):
            return None
        if earlier_under_way(session, notice, now):
            wait_until(notice, now + ITS_TURN)
            return None
        if channel is None or not channel.reaches(recipient):
            next_channel(session, notice, "unreachable", now)
            return None
        if notice.let_go_at is None:
            capped, wave = why_capped(session, notice, visit, now), wave_of(notice.kind)
            if capped:
                call_person(session, notice, "held", capped, now)
                return None
            if brake is not None and wave is not None and not brake.spend(wave):
                raise _NoRoom
            notice.let_go_at = now
        attempt = NoticeAttempt(notice_id=notice.id, channel=name, started_at=now)
        session.add(attempt)
        notice.attempts_made += 1
    token = secrets.token_hex(8)
    notice.state, notice.claim_token = "sending", token
    notice.claimed_until_at = notice.next_attempt_at = now + CLAIM_LASTS
    session.flush()
    return _Job(
        notice_id=notice.id,
        attempt_id=attempt.id,
        token=token,
        channel=name,
        message=message_of(notice),
        recipient=recipient,
        reference=reference_of(attempt),
        began_at=attempt.started_at,
        valid_s=max(int((notice.expires_at - now).total_seconds()), 1),
        lost=lost,
    )


def _carry_out(db: Database, channels: Mapping[str, Channel], clock: Clock, job: _Job, lanes: Lanes | None) -> None:
    """Call the provider, outside any transaction, and write down what became of it."""
    channel = channels[job.channel]
    outcome = first = _look_up(channel, job) if job.lost and not channel.repeats_safely else _send(channel, job)
    if channel.repeats_safely and (first.kind == "lost" or (job.lost and first.kind == "later")):
        outcome = replace(first, kind="unasked")  # it may have been taken before: the same again, a little later
    elif first.kind == "lost":
        seen = _look_up(channel, job)
        outcome = replace(seen, error=first.error or seen.error)
    works = lanes.note(job.channel, clock.now(), answered=first.answered, barred=first.barred) if lanes else None
    with writing(db, "settle") as session:
        _settle(session, job, outcome, clock.now())
        if works is not None:
            _tell_of_channel(session, job.channel, first.error, clock.now(), works=works)


def _tell_of_channel(session: Session, name: str, said: str | None, now: datetime, *, works: bool) -> None:
    """Call a person once for a whole channel that does not work, however many notices it is that suffer."""
    if works:
        clear_alarms(session, f"channel:{name}", ["channel_down"], now)
    else:
        raise_alarm(session, "channel_down", f"channel:{name}", now, facts={"channel": name, "said": said or ""})


def _send(channel: Channel, job: _Job) -> _Outcome:
    try:
        with calling("send"):
            return _Outcome(
                "accepted", channel.send(job.message, job.recipient, reference=job.reference, valid_s=job.valid_s)
            )
    except Barred as error:
        return _Outcome("later", error=str(error), barred=True)
    except Refused as error:
        return _Outcome("refused", error=str(error), ends=error.ends)
    except TryLater as error:
        return _Outcome("later", error=str(error), after_s=error.after_s)
    except OutcomeUnknown as error:
        return _Outcome("lost", error=str(error))
    except Exception as error:
        return _Outcome("lost", error=_unexpected(job, error))


def _look_up(channel: Channel, job: _Job) -> _Outcome:
    try:
        with calling("look_up"):
            provider_id = channel.look_up(job.message, job.recipient, reference=job.reference, began_at=job.began_at)
    except OutcomeUnknown as error:
        return _Outcome("unknowable", error=str(error))
    except TryLater as error:
        return _Outcome("unasked", error=str(error), after_s=error.after_s)
    except Exception as error:
        return _Outcome("unasked", error=_unexpected(job, error))
    return _Outcome("accepted", provider_id) if provider_id is not None else _Outcome("absent")


def _unexpected(job: _Job, error: Exception) -> str:
    """Log a fault of ours, by its kind and place: its words may hold a name or a number."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f"{place.tb_frame.f_code.co_name}:{place.tb_lineno}" if place else ""
    log.error("a channel failed unexpectedly", channel=job.channel, error=type(error).__name__, where=where)
    return type(error).__name__


def _settle(session: Session, job: _Job, outcome: _Outcome, now: datetime) -> None:
    notice = session.get_one(Notice, job.notice_id, with_for_update={"of": Notice})
    attempt = session.get_one(NoticeAttempt, job.attempt_id)
    if outcome.kind == "accepted":
        accept(session, notice, attempt, outcome.provider_id, now)
        return
    if notice.claim_token != job.token:
        return  # somebody else, or a receipt, has decided meanwhile
    attempt.finished_at, attempt.error = now, outcome.error
    waited_s = (now - job.began_at).total_seconds()
    match outcome.kind:
        case "refused":
            attempt.outcome = "refused"
            if outcome.ends:
                opt_out(session, notice.visit.customer_id, job.channel, outcome.ends, now, actor="system")
            next_channel(session, notice, "refused", now)
        case "later":
            attempt.outcome = "failed"
            try_later(session, notice, job.channel, now, after_s=outcome.after_s, barred=outcome.barred)
        case "absent" if waited_s >= ABSENT_FOR_S:
            attempt.outcome = "failed"
            wait_until(notice, now)
        case "unknowable":
            ask_person(session, notice, attempt, now)
        case "unasked" if waited_s >= ASK_AFTER_S and (calls(notice.kind) or now >= notice.expires_at):
            ask_person(session, notice, attempt, now)
        case "absent" | "unasked":
            attempt.outcome = "unknown"
            absent_at = job.began_at + timedelta(seconds=ABSENT_FOR_S)
            again_at = now + (LOOK_AGAIN if waited_s < ASK_AFTER_S else LOOK_LATER)
            look_at = absent_at if outcome.kind == "absent" else again_at
            notice.claim_token = None
            notice.claimed_until_at = notice.next_attempt_at = look_at
        case _:
            raise AssertionError(outcome.kind)
