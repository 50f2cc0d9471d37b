"""Read a technician's own calendar again and again, and keep its busy times as absences, without what they are about.

Nothing is moved by it: where a booked visit stands in such a time, a person is called. The steps are those of the
outbox: take (a short transaction), read (outside any transaction), settle.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta
from random import random
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.clock import Clock
from app.crash import calling, writing
from app.db import Database
from app.errors import Invalid, NotFound
from app.lanes import Lanes
from app.models import Absence, Alarm, CalendarSubscription, Technician, Visit
from app.operations.alarm import clear_alarms, raise_alarm
from app.operations.recurrence import wall
from app.operations.turn import lock_technicians
from app.outside import why_not
from app.providers.calendar_ical import Calendars, Reading
from app.rules.visit import AWAITED

#: So often a calendar is read; one that cannot be read less and less often.
EVERY, EVERY_MOST = timedelta(minutes=15), timedelta(hours=2)
#: Busy times are known so far back and ahead, and worked out anew at least so often.
BACK, AHEAD, ANEW = timedelta(days=1), timedelta(days=120), timedelta(days=1)
#: Longer than any reading takes.
CLAIM_LASTS = timedelta(seconds=90)
#: A person is called when a calendar could not be read for so long.
CALLS_AFTER = timedelta(hours=24)
#: A visit in the way that somebody has looked at is not called out again so soon.
_RESTS = timedelta(days=7)
#: The line of a visit in whose time its technician is busy by the own calendar.
CONFLICT = "calendar_conflict"
_LANE = "calendars"
_ICAL = "ical"


class _Job(NamedTuple):
    technician_id: int
    token: str
    url: str
    etag: str | None
    content_hash: str | None
    from_at: datetime
    until_at: datetime


def subscribe(
    session: Session, technician_id: int, url: str, *, internal_hosts: Collection[str], now: datetime, actor: str
) -> CalendarSubscription:
    """Have a technician's calendar read from now on, instead of another one. Raises NotFound, Invalid naming `url`."""
    if session.get(Technician, technician_id) is None:
        raise NotFound("technician")
    url = url.strip()
    if url.lower().startswith("webcal://"):
        url = "https" + url[6:]
    if wrong := "missing" if not url else why_not(url, internal_hosts):
        raise Invalid.one("calendar_url", wrong)
    session.execute(delete(CalendarSubscription).where(CalendarSubscription.technician_id == technician_id))
    subscription = CalendarSubscription(
        technician_id=technician_id, url=url, created_at=now, created_by=actor, next_at=now
    )
    session.add(subscription)
    session.flush()
    clear_alarms(session, _subject(technician_id), ["calendar_failing"], now, actor)
    return subscription


def unsubscribe(session: Session, technician_id: int, now: datetime, actor: str) -> None:
    """Read a technician's calendar no more, and forget what it said. Twice is no harm."""
    lock_technicians(session, technician_id)
    session.execute(delete(CalendarSubscription).where(CalendarSubscription.technician_id == technician_id))
    session.execute(delete(Absence).where(Absence.technician_id == technician_id, Absence.source == _ICAL))
    clear_alarms(session, _subject(technician_id), ["calendar_failing"], now, actor)
    _call_for_conflicts(session, technician_id, (), now)


def find_subscription(session: Session, technician_id: int) -> CalendarSubscription | None:
    """Return which calendar of a technician is read."""
    return session.get(CalendarSubscription, technician_id)


def read_calendars(db: Database, calendars: Calendars, clock: Clock, zone: ZoneInfo, lanes: Lanes | None = None) -> int:
    """Read every calendar that is due; return how many were begun. With lanes some are read beside each other."""
    begun = 0
    while lanes is None or lanes.enter(_LANE, clock.now()):
        try:
            job = _take(db, clock.now())
        except BaseException:
            if lanes is not None:
                lanes.leave(_LANE)
            raise
        if job is None:
            if lanes is not None:
                lanes.leave(_LANE)
            break
        work = _reading(db, calendars, clock, zone, job)
        work() if lanes is None else lanes.run(_LANE, work)
        begun += 1
    return begun


def _take(db: Database, now: datetime) -> _Job | None:
    due = CalendarSubscription.next_at <= now
    with db.read() as session:  # nearly always there is none, and nobody's turn to write is taken for that
        if session.scalar(select(CalendarSubscription.technician_id).where(due).limit(1)) is None:
            return None
    with writing(db, "calendar_take") as session:
        one = session.scalar(
            select(CalendarSubscription)
            .where(due)
            .order_by(CalendarSubscription.next_at)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        if one is None:
            return None
        one.claim_token, one.next_at = secrets.token_hex(8), now + CLAIM_LASTS
        fresh = one.until_at is not None and one.until_at >= now + AHEAD - ANEW
        known = (one.etag, one.content_hash) if fresh else (None, None)
        return _Job(one.technician_id, one.claim_token, one.url, *known, now - BACK, now + AHEAD)


def _reading(db: Database, calendars: Calendars, clock: Clock, zone: ZoneInfo, job: _Job) -> Callable[[], None]:
    def work() -> None:
        with calling("calendar_read"):
            reading = calendars.read(
                job.url,
                etag=job.etag,
                content_hash=job.content_hash,
                from_at=job.from_at,
                until_at=job.until_at,
                zone=zone,
            )
        with writing(db, "calendar_settle") as session:
            _settle(session, job, reading, zone, clock.now())

    return work


def _settle(session: Session, job: _Job, reading: Reading, zone: ZoneInfo, now: datetime) -> None:
    lock_technicians(session, job.technician_id)
    one = session.get(CalendarSubscription, job.technician_id, with_for_update=True)
    if one is None or one.claim_token != job.token:
        return  # another calendar is read by now, or none, or somebody else has read it
    one.claim_token, one.failure = None, reading.failure
    if reading.failure is not None:
        one.failing_since_at = one.failing_since_at or now
        failing = now - one.failing_since_at
        one.next_at = now + min(max(failing, EVERY), EVERY_MOST)
        if failing >= CALLS_AFTER:
            raise_alarm(
                session, "calendar_failing", _subject(one.technician_id), now, technician_id=one.technician_id,
                facts={"calendar": one.technician_id}, rests=_RESTS,
            )  # fmt: skip
        return
    one.failing_since_at, one.read_at = None, now
    one.next_at = now + EVERY * (0.9 + 0.2 * random())
    one.etag, one.content_hash = reading.etag, reading.content_hash
    clear_alarms(session, _subject(one.technician_id), ["calendar_failing"], now)
    if reading.busy is not None:
        one.busy_count, one.until_at = len(reading.busy), job.until_at
        _keep(session, one.technician_id, reading.busy, zone, now)
        _call_for_conflicts(session, one.technician_id, reading.busy, now)


def _keep(
    session: Session, technician_id: int, busy: Iterable[tuple[datetime, datetime]], zone: ZoneInfo, now: datetime
) -> None:
    """Have a technician's absences by calendar be these and no others; what stays the same is not touched."""
    mine = select(Absence).where(Absence.technician_id == technician_id, Absence.source == _ICAL)
    wanted = set(busy)
    for absence in session.scalars(mine):
        span = absence.from_at, absence.until_at
        if span in wanted:
            wanted.remove(span)
        else:
            session.delete(absence)
    for begins_at, ends_at in sorted(wanted):
        whole_days = wall(begins_at, zone).time() == wall(ends_at, zone).time() == datetime.min.time()
        session.add(
            Absence(
                technician_id=technician_id, from_at=begins_at, until_at=ends_at, all_day=whole_days, source=_ICAL,
                created_at=now, created_by="system",
            )
        )  # fmt: skip
    session.flush()


def _call_for_conflicts(
    session: Session, technician_id: int, busy: Collection[tuple[datetime, datetime]], now: datetime
) -> None:
    """Call a person for every booked visit that stands in a busy time, and for none any more that does not."""
    awaited = session.execute(
        select(Visit.id, Visit.planned_from_at, Visit.planned_until_at).where(
            Visit.technician_id == technician_id, Visit.status.in_(AWAITED), Visit.planned_until_at > now
        )
    )
    inside = {visit for visit, begins, ends in awaited if any(a < ends and b > begins for a, b in busy)}
    standing = session.scalars(
        select(Alarm).where(Alarm.kind == CONFLICT, Alarm.technician_id == technician_id, Alarm.cleared_at.is_(None))
    )
    for alarm in standing:
        if alarm.visit_id not in inside:
            alarm.cleared_at, alarm.cleared_by = now, "system"
    for visit_id in sorted(inside):
        raise_alarm(
            session, CONFLICT, f"visit:{visit_id}", now, visit_id=visit_id, technician_id=technician_id, rests=_RESTS
        )


def _subject(technician_id: int) -> str:
    return f"technician:{technician_id}"
