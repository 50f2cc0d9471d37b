"""Does every notice end delivered, dropped for a reason, or with a person, and in time?"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from app.models import Alarm, Customer, Notice, NoticeAttempt, Visit
from app.operations.alarm import read_alarms
from app.operations.booking import cancel_visit, change_visit
from app.operations.confirmation import confirm_told
from app.operations.field import report_status
from app.operations.ladder import climb, unconfirmed
from app.operations.notice import settle_by_hand
from app.operations.receipt import note_receipt
from app.providers.base import OutcomeUnknown, Refused, TryLater
from app.providers.console import Console
from app.rules.ladder import CALL_TAKES, calls
from tests.operations.test_outbox import House

ENDED = ("delivered", "dropped", "failed", "unknown", "held")


class Climbing(House):
    """A company whose notices climb as the jobs make them climb."""

    def tick(self, **by):
        self.clock.forward(**by)
        with self.db.read() as session:
            waiting = unconfirmed(session, self.clock.now())
        for notice_id in waiting:
            with self.db.write() as session:
                climb(session, notice_id, self.clock.now())
        return self.deliver()

    def ticks(self, *, minutes):
        for _ in range(minutes * 4):
            self.tick(seconds=15)

    def without_mail(self):
        with self.db.write() as session:
            session.get_one(Customer, self.world.customer).email = None


@pytest.fixture
def house(db, clock, world):
    return Climbing(db, clock, world)


def test_an_sms_that_nobody_confirms_climbs_and_at_last_a_person_calls(house):
    visit_id = house.world.visit(60)
    notice_id = house.tell(visit_id)
    house.tick()
    house.tick(seconds=89)
    assert house.attempts(notice_id) == [("sms", "accepted")]
    house.tick(seconds=1)
    assert house.attempts(notice_id) == [("sms", "accepted"), ("email", "accepted")]
    assert house.state(notice_id) == ("sent", None)
    assert house.alarms() == set()
    house.ticks(minutes=29)
    assert house.state(notice_id) == ("unknown", "not_confirmed")
    assert house.alarms() == {("call_customer", "not_confirmed")}
    with house.db.read() as session:
        (line,) = [line for line in read_alarms(session) if line.kind == "call_customer"]
        visit = session.get_one(Visit, visit_id)
        assert line.due == "call"
        assert line.deadline_at <= visit.promised_from_at
        assert line.words == session.get_one(Notice, notice_id).spoken
        assert line.phone == "+819012345678"
    assert (len(house.sms.sent), len(house.email.sent)) == (1, 1)


@pytest.mark.parametrize("how", ["receipt", "opened"])
def test_what_is_confirmed_climbs_no_further(house, how):
    visit_id = house.world.visit()
    notice_id = house.tell(visit_id)
    house.tick()
    if how == "receipt":
        house.receipt(house.provider_id(notice_id), "delivered")
    else:
        with house.db.write() as session:
            confirm_told(session, visit_id, how, house.clock.now())
    house.ticks(minutes=40)
    assert house.state(notice_id) == ("delivered", None)
    assert house.alarms() == set()
    assert house.email.sent == []


def test_a_person_who_told_her_ends_it(house):
    notice_id = house.tell(house.world.visit(12))
    house.tick()
    house.ticks(minutes=5)
    assert house.alarms() == {("call_customer", "not_confirmed")}
    with house.db.write() as session:
        settle_by_hand(session, notice_id, told=True, now=house.clock.now(), actor="user:1")
    assert house.alarms() == set()
    assert house.notice(notice_id).confirmed_by == "by_hand"
    house.ticks(minutes=20)
    assert house.alarms() == set()


def test_a_late_confirmation_takes_the_call_off_the_list(house):
    notice_id = house.tell(house.world.visit(12))
    house.tick()
    house.ticks(minutes=5)
    house.receipt(house.provider_id(notice_id), "delivered")
    assert house.state(notice_id) == ("delivered", None)
    assert house.alarms() == set()


def test_that_a_provider_took_it_is_no_answer_once_a_person_is_due(house):
    house.without_mail()
    notice_id = house.tell(house.world.visit(12))
    house.sms.fates = [TryLater("busy")] * 5
    for _ in range(20):
        house.tick(seconds=15)
    assert house.state(notice_id) == ("failed", "still_trying")
    assert house.alarms() == {("call_customer", "still_trying")}
    assert house.tick(minutes=5) == 0


def test_who_has_arrived_is_not_called_about(house):
    visit_id = house.world.visit(12)
    notice_id = house.tell(visit_id)
    house.tick()
    with house.db.write() as session:
        report_status(session, visit_id, "arrived", now=house.clock.now(), actor="technician:1")
    house.ticks(minutes=20)
    assert house.state(notice_id) == ("sent", "arrived")
    assert house.alarms() == set()
    assert house.email.sent == []


def test_nearly_there_neither_climbs_nor_calls(house):
    notice_id = house.tell(house.world.visit(12), "arriving_soon", (8, 12))
    house.tick()
    house.ticks(minutes=30)
    assert house.attempts(notice_id) == [("sms", "accepted")]
    assert house.alarms() == set()


def test_an_undelivered_sms_was_never_with_the_customer(house):
    notice_id = house.tell(house.world.visit())
    house.tick()
    house.receipt(house.provider_id(notice_id), "undelivered")
    assert house.notice(notice_id).sent_at is None
    assert house.notice(notice_id).reach == "due"


def test_what_climbs_stays_told_while_it_climbs(house):
    notice_id = house.tell(house.world.visit())
    house.tick()
    house.email.fates = [TryLater("busy")]
    house.tick(seconds=90)
    notice = house.notice(notice_id)
    assert (notice.state, notice.reach) == ("due", "sent")
    with house.db.read() as session:
        assert session.scalar(select(Notice.reach).where(Notice.id == notice_id)) == "sent"


def test_a_held_notice_calls_a_person_with_a_deadline(house):
    with house.db.write() as session:
        session.get_one(Customer, house.world.customer).name = "{name}"
    visit_id = house.world.visit(60)
    notice_id = house.tell(visit_id)
    assert house.state(notice_id)[0] == "held"
    with house.db.read() as session:
        (line,) = read_alarms(session)
        assert (line.kind, line.due) == ("notice_held", "word")
        assert house.clock.now() < line.deadline_at <= session.get_one(Visit, visit_id).promised_from_at


def fate(dice):
    return dice.choice([None, None, Refused("no"), TryLater("busy"), OutcomeUnknown("lost")])


def happen(house, dice, visit_id, notice_id):
    """Do one of the things that happen between two ticks."""
    now, what = house.clock.now(), dice.randrange(40)
    if what > 4:
        return
    with house.db.write() as session:
        attempts = session.scalars(
            select(NoticeAttempt).where(NoticeAttempt.notice_id == notice_id).order_by(NoticeAttempt.id)
        ).all()
        known = [one.provider_id for one in attempts if one.provider_id]
        match what:
            case 0 if known:
                note_receipt(session, dice.choice(known), dice.choice(["delivered", "read"]), None, now)
            case 1 | 2 if known:
                said = dice.choice(["undelivered", "failed", "busy", "no-answer", "queued", "sent", "completed"])
                note_receipt(session, dice.choice(known), said, None, now)
            case 3 if dice.random() < 0.2:
                confirm_told(session, visit_id, "opened", now)
            case 4 if dice.random() < 0.2:
                visit = session.get_one(Visit, visit_id)
                if visit.status == "booked":
                    dice.choice([_arrive, _cancel, _move])(session, visit_id, now)


def _arrive(session, visit_id, now):
    report_status(session, visit_id, "arrived", now=now, actor="technician:1")


def _cancel(session, visit_id, now):
    cancel_visit(session, visit_id, now=now, actor="user:1")


def _move(session, visit_id, now):
    change_visit(session, visit_id, promised_from_at=now + timedelta(hours=30), now=now, actor="user:1")


#: What the rules make of what happens is the same on both databases: the questions they ask are, in a few of the lives.
LIVES = [("sqlite", seed) for seed in range(30)] + [("postgresql", seed) for seed in range(5)]


@pytest.mark.parametrize(("db", "seed"), LIVES, indirect=["db"])
def test_every_notice_ends_delivered_dropped_or_with_a_person_before_its_deadline(house, seed):
    dice = random.Random(seed)
    if dice.random() < 0.3:
        house.without_mail()
    for channel in (house.sms, house.email):
        channel.fates = [fate(dice) for _ in range(dice.randrange(12))]
        channel.seen = [dice.choice([None, "SM1", OutcomeUnknown("never"), TryLater("down")]) for _ in range(99)]
    kind = dice.choice(["late", "late", "holding", "arriving_soon"])
    visit_id = house.world.visit(dice.choice([-10, 5, 12, 30, 60, 120]))
    notice_id = house.tell(visit_id, kind, None if kind == "holding" else (80, 100))
    call_at = house.notice(notice_id).call_at
    for _ in range(4 * 45):
        happen(house, dice, visit_id, notice_id)
        house.tick(seconds=15)
    notice = house.notice(notice_id)
    assert notice.next_attempt_at is None
    assert notice.watch_at is None
    if notice.state == "sent":
        assert notice.state_reason or not calls(kind)
    else:
        assert notice.state in ENDED
    with house.db.read() as session:
        alarms = session.scalars(select(Alarm).where(Alarm.kind == "call_customer")).all()
    if calls(kind) and notice.state in ("failed", "unknown"):
        assert alarms
    for alarm in alarms:
        assert call_at is not None
        assert alarm.raised_at <= max(call_at, notice.expires_at) + timedelta(seconds=15)
        assert alarm.raised_at < datetime.fromisoformat(alarm.facts["deadline_at"])
        assert alarm.raised_at <= call_at + CALL_TAKES


def test_nobody_is_called_about_what_was_only_printed(house):
    house.channels = {"console": Console()}
    notice_id = house.tell(house.world.visit(60))
    house.tick()
    house.ticks(minutes=40)
    assert house.state(notice_id) == ("sent", None)
    assert house.alarms() == set()


def test_nobody_is_called_about_what_is_printed_in_the_morning(house):
    house.channels = {"console": Console()}
    house.clock.at = datetime(2026, 11, 24, 12, 59, tzinfo=UTC)  # 21:59 in Japan
    notice_id = house.tell(house.world.visit(14 * 60), "moved", window_min=None)
    house.clock.forward(minutes=30)
    house.tick()
    assert house.state(notice_id) == ("due", "quiet_hours")
    house.tick(hours=10)
    house.ticks(minutes=150)
    assert house.state(notice_id) == ("sent", None)
    assert house.alarms() == set()
