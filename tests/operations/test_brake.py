"""Does the brake stop a flood, hold it, ask a person, and lose nothing?"""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, field
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, insert, select, update

from app.brake import Brake
from app.errors import Conflict, Invalid
from app.lanes import Lanes
from app.models import Alarm, Customer, Notice, Reminder, Site, Technician, Tick, Visit, VisitEvent
from app.operations.alarm import clear_alarm, read_alarms
from app.operations.brake import decide, held, is_holding, read_standing
from app.operations.ladder import climb, unconfirmed
from app.operations.notice import News, Telling, add_notice, release_notice
from app.operations.outbox import deliver_due
from app.operations.policy import change_policy

JAPAN = ZoneInfo("Asia/Tokyo")


@dataclass
class Post:
    """A channel that counts."""

    name: str = "sms"
    repeats_safely: bool = False
    sent: list = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def reaches(self, recipient):
        return bool(recipient.mobile)

    def send(self, message, recipient, *, reference, valid_s):
        with self.lock:
            self.sent.append(reference)
        return f"sms-{reference}"

    def look_up(self, message, recipient, *, reference, began_at):
        raise AssertionError


class Firm:
    """A company with as many customers and visits as a test books."""

    def __init__(self, db, clock, world):
        self.db, self.clock, self.world, self.post, self.brake = db, clock, world, Post(), Brake()
        self.channels = {"sms": self.post}
        self.telling = Telling("https://a.jp", JAPAN, self.channels)

    def book(self, count, in_min=60):
        """Book visits of as many customers, each with a technician."""
        now = self.clock.now()
        at, until_at = now + timedelta(minutes=in_min), now + timedelta(minutes=in_min + 60)
        with self.db.write() as session:
            visits = []
            for _ in range(count):
                customer = Customer(name="客", language="ja", mobile="+819012345678", created_at=now)
                site = Site(customer=customer, address="東京都", lat=35.0, lon=139.0, located_by="given")
                person = Technician(name="技", base_lat=35.0, base_lon=139.0, created_at=now)
                visit = Visit(
                    customer=customer, site=site, technician=person, service_id=self.world.service, created_at=now,
                    link_token=secrets.token_hex(8), promised_from_at=at, promised_until_at=at, planned_from_at=at,
                    planned_until_at=until_at, duration_min=60,
                )  # fmt: skip
                visits.append(visit)
            session.add_all(visits)
            session.flush()
            return [visit.id for visit in visits]

    def tell(self, visit_ids, kind="late", key=None):
        now = self.clock.now()
        quoted = (now + timedelta(minutes=80), now + timedelta(minutes=100)) if kind == "late" else None
        with self.db.write() as session:
            return [
                add_notice(
                    session,
                    session.get_one(Visit, visit_id),
                    News(kind, "late_expected", quoted=quoted, key=key and f"{key}:{visit_id}"),
                    self.telling,
                    now,
                ).id
                for visit_id in visit_ids
            ]

    def deliver(self, brake=None):
        return deliver_due(self.db, self.channels, self.clock, JAPAN, None, brake or self.brake)

    def seconds_later(self, seconds=2.0):
        self.clock.forward(seconds=seconds)
        return self.deliver()

    def states(self, visit_ids):
        with self.db.read() as session:
            found = select(Notice.state, func.count()).where(Notice.visit_id.in_(visit_ids)).group_by(Notice.state)
            return dict(session.execute(found).all())

    def decide(self, decision, up_to=10**6):
        with self.db.write() as session:
            return decide(session, decision, up_to, self.clock.now(), "user:1")

    def standing(self):
        with self.db.read() as session:
            return read_standing(session, self.clock.now())

    def holds(self):
        with self.db.read() as session:
            return is_holding(session)

    def policy(self, **values):
        with self.db.write() as session:
            change_policy(session, values, actor="test", now=self.clock.now())


@pytest.fixture
def firm(db, clock, world):
    return Firm(db, clock, world)


def test_a_handful_leaves_and_nobody_is_asked(firm):
    visits = firm.book(30)
    firm.tell(visits)
    firm.deliver()
    assert (len(firm.post.sent), firm.holds()) == (30, False)


def test_an_upgrade_that_decides_hundreds_of_visits_anew_tells_no_more_than_the_limit_and_loses_nothing(firm):
    visits = firm.book(200, in_min=240)  # not near: nothing explains a flood
    lanes, brake = Lanes(), Brake()
    try:
        for first in range(0, 200, 25):  # as a sweep does, while twelve threads deliver
            firm.tell(visits[first : first + 25])
            deliver_due(firm.db, firm.channels, firm.clock, JAPAN, lanes, brake)
            firm.clock.forward(seconds=0.3)
    finally:
        lanes.close()
    assert firm.holds()
    assert 0 < len(firm.post.sent) <= 40
    states = firm.states(visits)
    assert states == {"sent": len(firm.post.sent), "due": 200 - len(firm.post.sent)}
    standing = firm.standing()
    assert (standing.wave, standing.limit, standing.held) == ("other", 40, states["due"])
    assert [kind for kind, _ in standing.kinds] == ["late"]
    assert len(standing.examples) == 3
    assert firm.decide("true") == states["due"]
    firm.seconds_later()
    assert (len(firm.post.sent), firm.holds()) == (200, False)


def test_all_at_once_nothing_leaves_at_all(firm):
    firm.tell(firm.book(200, in_min=240))
    firm.deliver()
    assert (firm.post.sent, firm.holds()) == ([], True)
    with firm.db.read() as session:
        assert read_alarms(session)[0].kind == "brake"
        assert held(session, firm.clock.now()) == 200


def test_what_was_under_way_goes_on_and_so_does_what_a_person_wrote(firm):
    visits = firm.book(60, in_min=240)
    firm.tell(visits[:1])
    firm.deliver()
    with firm.db.write() as session:  # it climbs
        notice = session.scalars(select(Notice)).one()
        notice.channels, notice.state, notice.next_attempt_at = ["sms", "sms"], "due", firm.clock.now()
    firm.tell(visits[1:])
    with firm.db.write() as session:
        visit = session.get_one(Visit, visits[5])
        news = News("reply", "reply", words={"words": "駐車場はございません。"})
        add_notice(session, visit, news, firm.telling, firm.clock.now())
    firm.seconds_later()
    assert firm.holds()
    assert len(firm.post.sent) == 3


def test_the_wave_of_reminders_leaves_on_the_first_day_and_delays_in_it_do_not_hide(firm):
    visits = firm.book(60, in_min=18 * 60)
    firm.tell(visits, "reminder_day")
    firm.deliver()
    assert (len(firm.post.sent), firm.holds()) == (60, False)
    firm.tell(visits)
    firm.seconds_later()
    assert (len(firm.post.sent), firm.holds()) == (60, True)


def test_reminders_that_come_twice_are_stopped(firm):
    visits = firm.book(60, in_min=18 * 60)
    firm.tell(visits, "reminder_day")
    firm.deliver()
    firm.tell(visits, "reminder_day")
    firm.seconds_later()
    assert (len(firm.post.sent), firm.holds(), firm.standing().wave) == (60, True, "booked")


def test_an_hour_that_was_as_busy_every_week_is_let_through(firm):
    visits = firm.book(60, in_min=240)
    ids = firm.tell(visits)
    with firm.db.write() as session:  # last week, twenty minutes later
        at = firm.clock.now() - timedelta(days=7) + timedelta(minutes=20)
        values = {"state": "delivered", "let_go_at": at, "next_attempt_at": None}
        session.execute(update(Notice).where(Notice.id.in_(ids)).values(values))
    firm.tell(visits)
    firm.deliver()
    assert (len(firm.post.sent), firm.holds()) == (60, False)


def test_a_clock_that_jumps_forward_stops_what_comes_due(firm):
    visits = firm.book(39, in_min=600)
    firm.deliver()
    firm.clock.forward(hours=5)
    firm.tell(visits)
    firm.deliver()
    assert (firm.post.sent, firm.holds()) == ([], True)
    assert firm.standing().jumped
    assert firm.decide("all") == 39
    firm.seconds_later()
    assert len(firm.post.sent) == 39  # who has looked is not asked again at once
    firm.tell(visits[:1])
    firm.seconds_later()
    assert (len(firm.post.sent), firm.holds()) == (40, False)


def test_a_computer_switched_on_in_the_morning_sends_its_few(firm):
    visits = firm.book(8, in_min=600)
    firm.deliver()
    firm.clock.forward(hours=5)
    firm.tell(visits)
    firm.deliver()
    assert (len(firm.post.sent), firm.holds()) == (8, False)


def test_half_an_hour_after_a_jump_all_is_as_usual(firm):
    firm.deliver()
    firm.clock.forward(hours=5)
    firm.deliver()
    for _ in range(8):
        firm.seconds_later(240)
    firm.tell(firm.book(30))
    firm.deliver()
    assert (len(firm.post.sent), firm.holds()) == (30, False)


def test_only_what_is_still_true_leaves(firm):
    visits = firm.book(60, in_min=240)
    firm.tell(visits)
    firm.deliver()
    with firm.db.write() as session:  # the fault is mended: most are not late at all
        session.execute(update(Visit).where(Visit.id.in_(visits[:50])).values(late_probability=0.02))
        session.execute(update(Visit).where(Visit.id.in_(visits[50:])).values(late_probability=0.9))
    assert firm.decide("true") == 10
    firm.seconds_later()
    assert len(firm.post.sent) == 10
    with firm.db.read() as session:
        why = select(Notice.state_reason, func.count()).where(Notice.state == "dropped").group_by(Notice.state_reason)
        assert session.execute(why).all() == [("not_late", 50)]
        kinds = select(VisitEvent.kind, func.count()).where(VisitEvent.actor == "user:1").group_by(VisitEvent.kind)
        told = dict(session.execute(kinds).all())
        assert told == {"notice_released": 10, "notice_settled": 50}


def test_a_reminder_that_a_wrong_clock_sent_early_waits_for_its_time(firm):
    visits = firm.book(60, in_min=240)
    ids = firm.tell(visits)
    (early,) = firm.tell(visits[:1], "reminder_hours")
    due_at = firm.clock.now() + timedelta(minutes=120)
    with firm.db.write() as session:
        session.execute(
            insert(Reminder).values(
                visit_id=visits[0], kind="reminder_hours", promised_from_at=due_at + timedelta(hours=2), due_at=due_at,
                state="told", booked_at=firm.clock.now(), notice_id=early,
            )
        )  # fmt: skip
        session.execute(update(Notice).where(Notice.id.in_(ids)).values(created_at=due_at))
    firm.deliver()
    assert firm.decide("true") == 0
    firm.seconds_later()
    assert firm.post.sent == []
    with firm.db.read() as session:
        notice = session.get_one(Notice, early)
        assert (notice.state, notice.next_attempt_at) == ("due", due_at)
        assert {row.state_reason for row in session.scalars(select(Notice).where(Notice.id.in_(ids)))} == {
            "wrong_clock"
        }


def test_cancelled_by_hand_they_are_kept_with_who_did_it_and_the_brake_holds_on(firm):
    visits = firm.book(60, in_min=240)
    firm.tell(visits)
    firm.deliver()
    assert firm.decide("none") == 0
    firm.tell(visits[:3], "cancelled")
    firm.seconds_later()
    assert firm.post.sent == []
    assert (firm.states(visits), firm.standing().held) == ({"dropped": 60, "due": 3}, 3)
    (done,) = firm.standing().decisions
    assert (done["decision"], done["by"], done["dropped"]) == ("none", "user:1", 60)
    with firm.db.write() as session:
        session.execute(update(Visit).where(Visit.id.in_(visits[:3])).values(status="cancelled"))
    assert firm.decide("all") == 3
    firm.seconds_later()
    assert len(firm.post.sent) == 3


def test_what_nobody_had_seen_when_deciding_is_not_let_go(firm):
    visits = firm.book(110, in_min=240)
    seen = firm.tell(visits[:60])
    firm.deliver()
    firm.tell(visits[60:])
    assert firm.decide("all", up_to=seen[-1]) == 60
    firm.seconds_later()
    assert (len(firm.post.sent), firm.holds(), firm.standing().held) == (60, True, 50)


def test_old_news_is_dropped_although_all_was_to_be_sent(firm):
    visits = firm.book(60, in_min=240)
    firm.tell(visits)
    firm.deliver()
    with firm.db.write() as session:
        session.execute(update(Visit).where(Visit.id.in_(visits[:20])).values(status="cancelled"))
    firm.decide("all")
    firm.seconds_later()
    assert firm.states(visits) == {"sent": 40, "dropped": 20}


def test_what_is_over_while_held_becomes_a_call_or_is_dropped_with_its_reason(firm):
    visits = firm.book(60, in_min=240)
    firm.tell(visits, "on_the_way")
    with firm.db.write() as session:
        session.execute(update(Visit).where(Visit.id.in_(visits)).values(status="en_route"))
    firm.policy(brake_least=30)
    firm.brake = Brake()
    late = firm.tell(visits[:31])
    firm.deliver()
    assert firm.holds()
    firm.seconds_later(61 * 60)
    with firm.db.write() as session:
        for notice_id in unconfirmed(session, firm.clock.now(), limit=500):
            climb(session, notice_id, firm.clock.now())
    assert firm.post.sent == []
    with firm.db.read() as session:
        left = select(Notice.kind, Notice.state).where(Notice.state.in_(("due", "sending")))
        assert session.execute(left).all() == []  # nothing is silent
        called = select(func.count()).where(Alarm.kind == "call_customer", Alarm.cleared_at.is_(None))
        assert session.scalar(called) == len(late)


def test_what_expired_behind_a_provider_that_was_away_is_no_flood(firm):
    visits = firm.book(60, in_min=240)
    firm.tell(visits)
    for _ in range(5):  # nothing was delivered meanwhile, but the clock was never far
        firm.clock.forward(minutes=20)
        with firm.db.write() as session:
            session.merge(Tick(id=1, ticked_at=firm.clock.now()))
    firm.deliver()
    assert (firm.post.sent, firm.holds(), firm.states(visits)) == ([], False, {"dropped": 60})


def test_a_held_delay_becomes_a_call_in_time(firm):
    visits = firm.book(60, in_min=40)
    firm.policy(brake_near=0.1, brake_most=0.2)
    firm.tell(visits)
    firm.deliver()
    firm.seconds_later(26 * 60)
    with firm.db.write() as session:
        for notice_id in unconfirmed(session, firm.clock.now(), limit=500):
            climb(session, notice_id, firm.clock.now())
    with firm.db.read() as session:
        why = select(Notice.state, Notice.state_reason, func.count()).group_by(Notice.state, Notice.state_reason)
        assert session.execute(why).all() == [("failed", "braked", 60)]


def test_a_single_notice_may_be_released_past_the_brake(firm):
    visits = firm.book(60, in_min=240)
    ids = firm.tell(visits)
    firm.deliver()
    with firm.db.write() as session:
        session.get_one(Notice, ids[0]).rest("held", "hole:tech")
        session.flush()
        release_notice(session, ids[0], firm.clock.now(), "user:1", firm.telling)
    firm.seconds_later()
    assert (len(firm.post.sent), firm.holds()) == (1, True)


def test_another_process_obeys_and_two_people_decide_once(firm):
    firm.tell(firm.book(60, in_min=240))
    firm.deliver()
    firm.deliver(Brake())
    assert firm.post.sent == []
    with firm.db.write() as session:
        alarm_id = session.scalars(select(Alarm.id)).one()
        clear_alarm(session, alarm_id, firm.clock.now(), "user:1")  # without a decision: no
    assert firm.holds()
    with pytest.raises(Invalid):
        firm.decide("maybe")
    firm.decide("all")
    with pytest.raises(Conflict):
        firm.decide("none")


def test_the_clock_is_written_down_once_a_minute(firm):
    firm.deliver()
    began_at = firm.clock.now()
    firm.seconds_later(30)
    with firm.db.read() as session:
        assert session.get_one(Tick, 1).ticked_at == began_at
    firm.seconds_later(40)
    with firm.db.read() as session:
        assert session.get_one(Tick, 1).ticked_at == firm.clock.now()


def test_one_person_gets_so_many_and_the_rest_waits_for_a_person(firm, world):
    visit_id = world.visit()
    firm.policy(most_hour=2)
    for _ in range(3):
        firm.tell([visit_id], "moved")
        firm.seconds_later()
    with firm.db.read() as session:
        last = session.scalars(select(Notice).order_by(Notice.id.desc())).first()
        assert (last.state, last.state_reason) == ("held", "cap_hour")
        assert session.scalars(select(Alarm.kind)).all() == ["notice_held"]
    assert len(firm.post.sent) == 2
    with firm.db.write() as session:
        release_notice(session, last.id, firm.clock.now(), "user:1", firm.telling)
    firm.seconds_later()
    assert len(firm.post.sent) == 3


def test_a_delay_is_told_although_reminders_have_used_the_cap_up(firm, world):
    visit_id = world.visit(starts_in_min=240)
    firm.policy(most_hour=2)
    for number in range(2):
        firm.tell([visit_id], "reminder_hours", key=f"r{number}")
        firm.seconds_later()
    firm.tell([visit_id])
    firm.seconds_later()
    assert len(firm.post.sent) == 3


def test_a_reply_is_not_capped(firm, world):
    visit_id = world.visit()
    firm.policy(most_hour=2)
    for _ in range(5):
        with firm.db.write() as session:
            visit = session.get_one(Visit, visit_id)
            news = News("reply", "reply", words={"words": "お待ちしております。"})
            add_notice(session, visit, news, firm.telling, firm.clock.now())
        firm.seconds_later()
    assert len(firm.post.sent) == 5


def test_a_customer_with_many_visits_is_told_of_each(firm, world):
    visits = [world.visit(starts_in_min=1200 + 70 * number) for number in range(12)]
    firm.policy(most_hour=2)
    firm.tell(visits, "reminder_day")
    firm.deliver()
    assert len(firm.post.sent) == 12
