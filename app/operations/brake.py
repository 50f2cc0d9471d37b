"""Does the brake hold, and why? What waits behind it, and what a person decided about that.

The brake is a line of the attention list, `brake` about the `company`: while it stands, nothing leaves but what was
under way already, and what a person has written. A notice is let go (`let_go_at`) once: when its first attempt begins,
or when a person releases it; only what has not been let go is held and counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from typing import Any

import structlog
from sqlalchemy import ColumnElement, and_, func, insert, or_, select, text, update
from sqlalchemy.orm import Session, joinedload

from app.brake import Brake
from app.crash import writing
from app.db import Database
from app.errors import Conflict, Invalid, Problem
from app.models import Alarm, Customer, Notice, Reminder, Tick, Visit, VisitEvent
from app.operations.alarm import BRAKE, raise_alarm
from app.operations.attempt import drop
from app.operations.notice import why_outdated
from app.operations.policy import current_policy
from app.rules.brake import (
    BY_HAND,
    CAREFUL,
    DECISIONS,
    HOUR,
    KNOWN_AFTER,
    NEAR_AFTER,
    NEAR_BEFORE,
    WAVES,
    WEEKS,
    Stopped,
    Usual,
    jumped,
    limits,
    no_more,
    strange,
    wave_of,
)
from app.rules.calendar import day_bounds
from app.rules.messages import expires_at

log = structlog.get_logger()

SUBJECT = "company"
#: Why a notice was not sent: a person stopped it.
STOPPED_BY_HAND = "stopped_by_hand"
#: The clock's place is written down this often.
TICKS_EVERY = timedelta(minutes=1)
#: Clocks of several machines differ a little.
_AHEAD = timedelta(minutes=5)
#: So much of what is over is dropped in one transaction.
_AT_ONCE = 200
#: So many notices are shown as examples.
EXAMPLES = 3
#: Said as text, so that the databases see that the index of waiting notices answers it.
_WAITS = text("notice.state IN ('due', 'sending')")
_COUNTED = Notice.kind.not_in(BY_HAND)


def may_leave() -> ColumnElement[bool]:
    """Return what is handed over although the brake holds: what was let go before, and what a person has written."""
    return or_(Notice.let_go_at.is_not(None), Notice.kind.in_(BY_HAND))


def holds(db: Database, brake: Brake, now: datetime, zone: tzinfo) -> bool:
    """Return whether the brake holds; look, when the last look is over, and let it hold when too much is to leave."""
    with brake.looking(now) as needed:
        if needed:
            _look(db, brake, now, zone)
        if brake.holds and brake.lapses(now):
            with writing(db, "lapse") as session:
                let_lapse(session, now)
        return brake.holds


def _look(db: Database, brake: Brake, now: datetime, zone: tzinfo) -> None:
    under_way, usual = brake.under_way(), brake.usual_at_hand(now)
    with db.read() as session:
        policy, tick = current_policy(session), session.get(Tick, 1)
        stands, released_at = _state(session)
        careful = _is_careful(tick, now) or (tick is not None and jumped(now, tick.ticked_at, policy))
        if stands:
            found, room, counted = None, dict.fromkeys(WAVES, 0), None
        else:
            left, waiting = _left(session, now, released_at), _waiting(session, now)
            counted = usual_hour(session, now, zone) if usual is None else None
            usual = counted or usual
            assert usual is not None
            allowed = limits(replace(usual, careful=careful), policy)
            found = strange(left, waiting, allowed, careful=careful)
            if found is not None and counted is None:  # nobody is asked because of old figures
                usual = counted = usual_hour(session, now, zone)
                allowed = limits(replace(usual, careful=careful), policy)
                found = strange(left, waiting, allowed, careful=careful)
            room = {wave: allowed[wave] - left.get(wave, 0) - under_way[wave] for wave in WAVES}
    if found is not None:
        with writing(db, "stop") as session:
            stop(session, found, now)
    if tick is None or abs(now - tick.ticked_at) >= TICKS_EVERY:
        with writing(db, "note_tick") as session:
            _note_tick(session, now, jump=tick is not None and jumped(now, tick.ticked_at, policy))
    brake.note(now, holds=stands or found is not None, room=room, usual=counted)


def stop(session: Session, found: Stopped, now: datetime) -> None:
    """Let the brake hold, and ask a person."""
    facts = {"wave": found.wave, "left": found.left, "waiting": found.waiting, "limit": found.limit}
    raise_alarm(session, BRAKE, SUBJECT, now, facts={**facts, "jumped": found.jumped})
    log.error("the brake holds: more notices are about to leave than such an hour has seen", **facts)


def is_holding(session: Session) -> bool:
    """Return whether the brake holds."""
    return _state(session)[0]


def usual_hour(session: Session, now: datetime, zone: tzinfo) -> Usual:
    """Return what is known of an hour like this one: of the weeks before, and of the visits booked."""
    local = now.astimezone(zone)
    begins_at, _ = day_bounds(local.date(), zone)
    _, ends_at = day_bounds(local.date() + timedelta(days=1), zone)
    seen = 0
    for weeks in range(1, WEEKS + 1):
        like_now = local - timedelta(weeks=weeks)  # the same time on the clock, whatever the clocks were set to
        for shift in (-HOUR, timedelta(), HOUR):
            until_at = like_now.astimezone(now.tzinfo) + shift
            in_hour = and_(Notice.let_go_at > until_at - HOUR, Notice.let_go_at <= until_at)
            kinds = session.execute(select(Notice.kind, func.count()).where(in_hour, _COUNTED).group_by(Notice.kind))
            seen = max(seen, sum(count for kind, count in kinds if wave_of(kind) == "other"))
    promised = Visit.promised_from_at

    def visits(from_at: datetime, before_at: datetime) -> int:
        found = select(func.count()).where(promised >= from_at, promised < before_at, Visit.status != "cancelled")
        return session.scalar(found.select_from(Visit)) or 0

    first_at = session.scalar(select(func.min(Notice.let_go_at)).where(Notice.let_go_at.is_not(None)))
    known = first_at is not None and first_at <= now - KNOWN_AFTER
    return Usual(seen, visits(now - NEAR_BEFORE, now + NEAR_AFTER), visits(begins_at, ends_at), known)


@dataclass(frozen=True, slots=True)
class Example:
    """One held notice: what it says, to whom, about which visit."""

    notice_id: int
    visit_id: int
    kind: str
    customer: str
    words: str
    promised_from_at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """What a person sees of a brake that holds.

    `since_at` it holds, why (`wave`, `left` within the hour, `waiting` then, `limit`, `jumped`); how many notices are
    `held` now, of which `kinds`, the one that has waited longest, a few examples, and `newest_id`: whoever decides has
    seen what was held up to it. `decisions` are those that did not end it.
    """

    since_at: datetime
    wave: str
    left: int
    waiting: int
    limit: int
    jumped: bool
    held: int
    kinds: Sequence[tuple[str, int]]
    oldest_at: datetime | None
    newest_id: int
    examples: Sequence[Example]
    decisions: Sequence[Mapping[str, Any]]


def read_standing(session: Session, now: datetime) -> Standing | None:
    """Return what a person sees of a brake that holds; None while it does not."""
    alarm = session.scalar(_brakes().where(Alarm.cleared_at.is_(None)))
    if alarm is None:
        return None
    rows = session.execute(
        select(Notice.kind, func.count(), func.min(Notice.created_at), func.max(Notice.id))
        .where(*_held(now))
        .group_by(Notice.kind)
        .order_by(func.count().desc(), Notice.kind)
    ).all()
    examples = session.execute(
        select(Notice.id, Notice.visit_id, Notice.kind, Customer.name, Notice.short, Notice.promised_from_at)
        .join(Visit, Visit.id == Notice.visit_id)
        .join(Customer, Customer.id == Visit.customer_id)
        .where(*_held(now))
        .order_by(Notice.next_attempt_at, Notice.id)
        .limit(EXAMPLES)
    ).all()
    facts = alarm.facts
    return Standing(
        since_at=alarm.raised_at,
        wave=str(facts.get("wave", "other")),
        left=int(facts.get("left", 0)),
        waiting=int(facts.get("waiting", 0)),
        limit=int(facts.get("limit", 0)),
        jumped=bool(facts.get("jumped")),
        held=sum(row[1] for row in rows),
        kinds=[(row[0], row[1]) for row in rows],
        oldest_at=min((row[2] for row in rows), default=None),
        newest_id=max((row[3] for row in rows), default=0),
        examples=[Example(*row[:4], row[4] or "", row[5]) for row in examples],
        decisions=facts.get("decisions", []),
    )


def held(session: Session, now: datetime) -> int:
    """Return how many notices the brake holds back; 0 while it does not hold."""
    if not is_holding(session):
        return 0
    return session.scalar(select(func.count()).select_from(Notice).where(*_held(now))) or 0


def decide(session: Session, decision: str, up_to: int, now: datetime, actor: str) -> int:
    """Do what a person decided about the held notices that she has seen, up to a number; return how many leave.

    `all` lets them go: what has become old news is still dropped, just before it would leave. `true` lets go what is
    true by what is known now, and drops the rest. `none` drops them all, and the brake goes on holding. What was added
    since is not let go: when it is too much, the brake holds again.

    Raises Invalid for another decision, Conflict when the brake does not hold any more: somebody else has decided.
    """
    if decision not in DECISIONS:
        raise Invalid([Problem("decision", "choice")])
    alarm = session.scalar(_brakes().where(Alarm.cleared_at.is_(None)).with_for_update())
    if alarm is None:
        raise Conflict("brake_released")
    policy = current_policy(session)
    notices = session.scalars(
        select(Notice)
        .where(*_held(now), Notice.id <= up_to)
        .options(joinedload(Notice.visit).joinedload(Visit.customer))
        .order_by(Notice.id)
        .with_for_update(of=Notice, skip_locked=True)
    ).all()
    due = _booked_for(session, [notice.id for notice in notices]) if decision == "true" else {}
    let_go, later, entries = 0, 0, []
    for notice in notices:
        at = due.get(notice.id)
        if at is not None and at > now:  # booked by a clock that was ahead: it comes again at its time
            notice.next_attempt_at, later = at, later + 1
            notice.expires_at = expires_at(notice.kind, at, notice.promised_from_at)
            continue
        reason = STOPPED_BY_HAND if decision == "none" else None
        if decision == "true":
            reason = no_more(
                notice.kind,
                late_probability=notice.visit.late_probability,
                decided_at=notice.created_at,
                policy=policy,
                now=now,
            )
        if reason is None:
            notice.let_go_at, let_go = now, let_go + 1
        else:
            notice.rest("dropped", reason)
        facts = {"notice": notice.id, "told": False, "reason": reason} if reason else {"notice": notice.id}
        entries.append(
            {
                "visit_id": notice.visit_id,
                "at": now,
                "recorded_at": now,
                "kind": "notice_settled" if reason else "notice_released",
                "actor": actor,
                "facts": facts,
            }
        )
    if entries:
        session.execute(insert(VisitEvent), entries)
    dropped = len(notices) - let_go - later
    done = {"decision": decision, "at": now.isoformat(), "by": actor, "let_go": let_go, "dropped": dropped}
    alarm.facts = {**alarm.facts, "decisions": [*alarm.facts.get("decisions", []), done]}
    if decision != "none":
        alarm.cleared_at, alarm.cleared_by = now, actor
        session.execute(update(Tick).values(careful_until_at=None))
    session.flush()
    log.warning("a person decided about held notices", decision=decision, let_go=let_go, dropped=dropped)
    return let_go


def let_lapse(session: Session, now: datetime) -> int:
    """Drop what is held and over; who was left untold by that gets a call. Return how many were dropped."""
    over = session.scalars(
        select(Notice)
        .where(*_held(now), or_(Notice.expires_at <= now, Notice.quoted_until_at < now))
        .order_by(Notice.expires_at, Notice.id)
        .limit(_AT_ONCE)
        .with_for_update(of=Notice, skip_locked=True)
    ).all()
    dropped = 0
    for notice in over:
        reason = why_outdated(session, notice, notice.visit, now)
        if reason is not None:
            drop(session, notice, reason, now)
            dropped += 1
    return dropped


def _brakes() -> Any:
    return select(Alarm).where(Alarm.subject == SUBJECT, Alarm.kind == BRAKE).order_by(Alarm.id.desc()).limit(1)


def _state(session: Session) -> tuple[bool, datetime | None]:
    """Return whether the brake holds, and when it was last released."""
    last = session.scalar(_brakes())
    return (False, None) if last is None else (last.cleared_at is None, last.cleared_at)


def _held(now: datetime) -> tuple[Any, ...]:
    return _WAITS, Notice.next_attempt_at <= now, Notice.let_go_at.is_(None), _COUNTED


def _left(session: Session, now: datetime, released_at: datetime | None) -> Mapping[str, int]:
    since_at = now - HOUR if released_at is None else max(now - HOUR, released_at)
    between = and_(Notice.let_go_at > since_at, Notice.let_go_at <= now + _AHEAD)
    return _by_wave(session.execute(select(Notice.kind, func.count()).where(between, _COUNTED).group_by(Notice.kind)))


def _waiting(session: Session, now: datetime) -> Mapping[str, int]:
    # What has expired behind a provider that was away is dropped before it would leave: it is no flood.
    about_to = select(Notice.kind, func.count()).where(*_held(now), Notice.expires_at > now).group_by(Notice.kind)
    return _by_wave(session.execute(about_to))


def _by_wave(rows: Any) -> Mapping[str, int]:
    counted = dict.fromkeys(WAVES, 0)
    for kind, count in rows:
        wave = wave_of(kind)
        if wave is not None:
            counted[wave] += count
    return counted


def _is_careful(tick: Tick | None, now: datetime) -> bool:
    until_at = tick.careful_until_at if tick is not None else None
    return until_at is not None and timedelta() < until_at - now <= CAREFUL


def _note_tick(session: Session, now: datetime, *, jump: bool) -> None:
    tick = session.get(Tick, 1)
    if tick is None:
        session.add(Tick(id=1, ticked_at=now))
        return
    tick.ticked_at = now
    if jump:
        tick.careful_until_at = now + CAREFUL


def _booked_for(session: Session, notice_ids: Sequence[int]) -> Mapping[int, datetime]:
    """Return for which moment the reminders were booked that some of the notices are."""
    if not notice_ids:
        return {}
    booked = select(Reminder.notice_id, Reminder.due_at).where(Reminder.notice_id >= notice_ids[0])
    return {notice_id: due_at for notice_id, due_at in session.execute(booked) if notice_id and due_at}
