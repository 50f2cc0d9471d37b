"""How does the played day reach the product? As phones, carriers and customers would: through its own operations.

`prepare` makes the demo's database with a lived-in day up to the opening; a `Stage` goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from threading import Event, Thread

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

import app
from app.clock import FastClock
from app.config import Settings
from app.db import upgrade
from app.demo.cast import Cast, add_cast
from app.demo.company import PEOPLE, Person
from app.demo.past import add_past
from app.demo.world import Happening, World, batched
from app.errors import AppError
from app.models import (
    Alarm,
    Notice,
    NoticeAttempt,
    Visit,
    VisitEvent,
)
from app.operations.alarm import clear_alarm
from app.operations.booking import book_visit
from app.operations.customer_view import press
from app.operations.field import report_eta, report_status
from app.operations.position import ReportedFix, record_fixes
from app.operations.receipt import note_receipt
from app.parts import Parts
from app.rules.messages import UNSETTLING
from app.rules.visit import AWAITED
from app.tick import deliver, sweep

log = structlog.get_logger()

FILE = "demo.sqlite"
#: The Tuesday of the story.
FIRST_DAY = date(2026, 11, 24)
MORNING = time(8, 40)
#: The day is played up to here before the page opens: half an hour later the first customers have been told.
OPENING = time(16, 18)
SPEED = 30.0
SPEEDS = (0, 10, 30, 60, 120)
#: How often the world is looked at, in real seconds.
BEAT_S = 0.4
#: While the morning is played in advance: how far between two looks.
STRIDE = timedelta(minutes=2)
CARRIER_TAKES = timedelta(seconds=6)
#: How long after reading a customer answers.
ANSWERS_AFTER = {
    "acknowledged": timedelta(minutes=2),
    "call_me": timedelta(minutes=3),
    "cannot_be_there": timedelta(minutes=4),
}
#: The morning's dispatcher deals with an alarm within this; from the opening on, that is the visitor's work.
DISPATCHER_TAKES = timedelta(minutes=9)
#: Words that go with "I can't be there".
AWAY = {"ja": "18時以降なら在宅しています", "en": "I am at home after 18:00"}


@dataclass(frozen=True, slots=True)
class Prepared:
    """A demo that is ready to open: its settings, cast, day and the visits booked so far."""

    settings: Settings
    people: Sequence[Person]
    cast: Cast
    day: date
    visits: dict[date, tuple[tuple[int, ...], ...]]
    opens_at: datetime

    def join(self, speed: float = SPEED) -> Parts:
        """Open the prepared database on a clock that runs from the opening on."""
        return app.join(self.settings, FastClock(self.opens_at, speed))


def prepare(
    settings: Settings, progress: Callable[[float], None] | None = None, people: Sequence[Person] = PEOPLE
) -> Prepared:
    """Make the demo's own database anew and play its day up to the opening; `progress` is told the share done (0–1).

    Messages go to the console whatever else is set, so that no real person is ever written to.
    """
    own = _own_settings(settings)
    zone = own.zone
    begins_at = datetime.combine(FIRST_DAY, MORNING, zone)
    opens_at = datetime.combine(FIRST_DAY, OPENING, zone)
    clock = FastClock(begins_at, 0)
    # In memory first: a morning of small commits would wait for the disk most of the time.
    parts = app.join(own.model_copy(update={"database_url": "sqlite:///:memory:"}), clock)
    try:
        upgrade(parts.db)
        with parts.db.write() as session:
            cast = add_cast(session, people, begins_at - timedelta(days=30))
            add_past(session, people, cast, FIRST_DAY, zone)
            days = FIRST_DAY, FIRST_DAY + timedelta(days=1)
            visits = {day: _book(session, people, cast, day, own) for day in days}
        prepared = Prepared(own, people, cast, FIRST_DAY, visits, opens_at)
        stage = Stage(parts, prepared)
        now = begins_at
        while now < opens_at:
            now += STRIDE
            clock.turn(to=now)
            stage.step(now)
            sweep(parts, now)
            deliver(parts)
            stage.settle(now, DISPATCHER_TAKES)
            if progress:
                progress((now - begins_at) / (opens_at - begins_at))
        _keep(parts, own)
    finally:
        parts.db.close()
    return prepared


def _own_settings(settings: Settings) -> Settings:
    settings.instance.mkdir(parents=True, exist_ok=True)
    for old in settings.instance.glob(f"{FILE}*"):
        old.unlink()
    return settings.model_copy(
        update={
            "database_url": f"sqlite:///{(settings.instance / FILE).absolute()}",
            "timezone": "Asia/Tokyo",
            "country": "JP",
            "smtp_url": "",
            "twilio_account_sid": "",
        }
    )


def _keep(parts: Parts, own: Settings) -> None:
    connection = parts.db.engine.raw_connection()
    try:
        connection.cursor().execute("VACUUM INTO ?", (str(own.instance / FILE),))
    finally:
        connection.close()


def _book(
    session: Session, people: Sequence[Person], cast: Cast, day: date, settings: Settings
) -> tuple[tuple[int, ...], ...]:
    """Book everybody's visits of a day, some days before it."""

    def local(clock: str) -> datetime:
        return datetime.combine(day, time.fromisoformat(clock), settings.zone)

    booked = []
    for n, person in enumerate(people):
        row = []
        for m, stop in enumerate(person.stops):
            visit = book_visit(
                session,
                customer_id=cast.customers[n][m],
                site_id=cast.sites[n][m],
                service_id=cast.services[stop.service],
                promised_from_at=local(stop.promised_from),
                promised_until_at=local(stop.promised_until or stop.promised_from),
                duration_min=stop.plan_min,
                technician_id=cast.technicians[n],
                now=local("10:00") - timedelta(days=2 + (n + m) % 5, minutes=13 * m + 7 * n),
                actor=f"user:{cast.dispatcher}",
            )
            row.append(visit.id)
        booked.append(tuple(row))
    return tuple(booked)


class Stage:
    """A running demo: the world on one side, the product's operations on the other."""

    def __init__(self, parts: Parts, prepared: Prepared) -> None:
        self.parts = parts
        self._cast_people = prepared.people
        self.cast = prepared.cast
        self._visits = dict(prepared.visits)
        self._zone = parts.settings.zone
        with parts.db.read() as session:
            self._answered = set(session.scalars(select(VisitEvent.visit_id).where(VisitEvent.actor == "customer")))
        self._stopping = Event()
        self._thread = Thread(target=self._play, name="demo", daemon=True)
        self._open(prepared.day, parts.clock.now())

    @property
    def clock(self) -> FastClock:
        """The demo's clock, which can be turned."""
        assert isinstance(self.parts.clock, FastClock)
        return self.parts.clock

    @property
    def visits(self) -> tuple[tuple[int, ...], ...]:
        """The ids of the day's visits, by technician and stop."""
        return self._visits[self.day]

    def start(self) -> None:
        """Play on in a thread of its own, day after day."""
        self._thread.start()

    def stop(self) -> None:
        """Stop playing."""
        self._stopping.set()
        self._thread.join()

    def beat(self) -> None:
        """Go on to the present moment of the demo's clock, and to the next morning when everybody is home."""
        now = self.clock.now()
        if now >= self.world.ends_at:
            self.next_day()
        elif self.step(now):
            self.parts.wake()

    def step(self, now: datetime) -> bool:
        """Bring in what phones, carriers and customers send up to an instant; return whether there was anything."""
        with self.parts.db.write() as session:
            self._follow(session, now)
            happened = self.world.step(now)
            for happening in batched(happened):
                with suppress(AppError):  # the visitor may have moved or cancelled the visit: the phone is told so
                    self._bring_in(session, happening)
            return self._confirm(session, now) + self._answer(session, now) + len(happened) > 0

    def settle(self, now: datetime, age: timedelta) -> None:
        """Deal with the alarms that have stood for a while, as a dispatcher does."""
        with self.parts.db.write() as session:
            old = select(Alarm.id).where(Alarm.cleared_at.is_(None), Alarm.raised_at <= now - age)
            for alarm_id in session.scalars(old).all():
                clear_alarm(session, alarm_id, now, f"user:{self.cast.dispatcher}")

    def next_day(self) -> None:
        """Close the day and go on with the next morning."""
        now = self.clock.now()
        with self.parts.db.write() as session:
            for visit_id in (v for row in self.visits for v in row):
                with suppress(AppError):
                    report_status(
                        session, visit_id, "completed", now=now, actor=f"user:{self.cast.dispatcher}", by="office"
                    )
        self.settle(now, timedelta())
        tomorrow = self.day + timedelta(days=1)
        with self.parts.db.write() as session:
            day = tomorrow + timedelta(days=1)
            self._visits = {
                tomorrow: self._visits[tomorrow],
                day: _book(session, self._cast_people, self.cast, day, self.parts.settings),
            }
        morning = datetime.combine(tomorrow, MORNING, self._zone)
        self._open(tomorrow, morning)
        self.clock.turn(to=morning)

    def _open(self, day: date, now: datetime) -> None:
        self.day, self.people = day, list(self._cast_people)
        self.world = World(self.people, day, self._zone)
        self.world.step(now)  # what came before has been played already

    def _follow(self, session: Session, now: datetime) -> None:
        """Send out who really goes now, when the visitor has given a visit that is not begun to somebody else."""
        rows = [list(row) for row in self.visits]
        whose = select(Visit.id, Visit.technician_id).where(
            Visit.id.in_([visit_id for row in rows for visit_id in row]), Visit.status.in_(AWAITED)
        )
        for visit_id, technician_id in session.execute(whose):
            n = next(n for n, row in enumerate(rows) if visit_id in row)
            if technician_id not in self.cast.technicians or technician_id == self.cast.technicians[n]:
                continue
            m, k = rows[n].index(visit_id), self.cast.technicians.index(technician_id)
            stop, theirs = self.people[n].stops[m], self.people[k].stops
            place = sum(other.promised_from <= stop.promised_from for other in theirs)
            self.people[n] = replace(self.people[n], stops=self.people[n].stops[:m] + self.people[n].stops[m + 1 :])
            self.people[k] = replace(self.people[k], stops=(*theirs[:place], stop, *theirs[place:]))
            rows[n].pop(m)
            rows[k].insert(place, visit_id)
        if rows != [list(row) for row in self.visits]:
            self._visits[self.day] = tuple(tuple(row) for row in rows)
            self.world = World(self.people, self.day, self._zone)
            self.world.step(now)  # what came before has been played already

    def _play(self) -> None:
        while not self._stopping.wait(BEAT_S):
            try:
                self.beat()
            except Exception:
                log.error("the demo stumbled", exc_info=True)

    def _bring_in(self, session: Session, happening: Happening) -> None:
        technician_id = self.cast.technicians[happening.person]
        visit_id = self.visits[happening.person][happening.stop]
        actor, now = f"technician:{technician_id}", happening.at
        if happening.kind == "fixes":
            reported = [ReportedFix(fix, {}) for fix in happening.fixes]
            record_fixes(session, technician_id, reported, source="owntracks", now=now)
        elif happening.kind == "tap":
            report_status(session, visit_id, happening.status, now=now, actor=actor)
        elif happening.eta is not None:
            report_eta(session, visit_id, happening.eta, now=now, actor=actor)

    def _confirm(self, session: Session, now: datetime) -> int:
        """Report delivery, as a carrier does seconds after it took a message."""
        rows = session.execute(
            select(NoticeAttempt.provider_id)
            .join(Notice, Notice.id == NoticeAttempt.notice_id)
            .where(Notice.state == "sent", Notice.sent_at <= now - CARRIER_TAKES, NoticeAttempt.outcome == "accepted")
        ).all()
        for (provider_id,) in rows:
            note_receipt(session, provider_id or "", "delivered", None, now)
        return len(rows)

    def _answer(self, session: Session, now: datetime) -> int:
        """Have customers answer what they were told, each once, a while after reading it."""
        stops = {
            visit_id: stop
            for person, row in zip(self.people, self.visits, strict=True)
            for stop, visit_id in zip(person.stops, row, strict=True)
            if stop.answers and visit_id not in self._answered
        }
        told = session.scalars(
            select(Notice)
            .where(Notice.visit_id.in_(stops), Notice.delivered_at.is_not(None), Notice.kind.in_(UNSETTLING))
            .options(joinedload(Notice.visit).joinedload(Visit.customer))
        ).all()
        answered = 0
        for notice in told:
            stop = stops[notice.visit_id]
            assert notice.delivered_at is not None
            if notice.visit_id in self._answered or now < notice.delivered_at + ANSWERS_AFTER[stop.answers]:
                continue
            self._answered.add(notice.visit_id)
            text = AWAY[stop.language] if stop.answers == "cannot_be_there" else ""
            with suppress(AppError):
                press(session, notice.visit.link_token, stop.answers, now=now, zone=self._zone, text=text)
                answered += 1
        return answered
