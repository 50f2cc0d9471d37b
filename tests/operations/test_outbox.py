"""Is every notice handed over once, nothing untrue sent, and a person asked where nobody can know?"""

from __future__ import annotations

import random
import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update

from app.db import Database, upgrade
from app.errors import Conflict
from app.lanes import Lanes
from app.models import Alarm, Company, Customer, Notice, NoticeAttempt, Receipt, Service, Site, Visit
from app.operations.alarm import raise_alarm
from app.operations.booking import book_visit, cancel_visit, change_visit
from app.operations.field import report_status
from app.operations.notice import Telling, add_notice, release_notice
from app.operations.outbox import deliver_due, waiting
from app.operations.receipt import note_receipt
from app.providers.base import Barred, OutcomeUnknown, Refused, TryLater
from app.providers.email_smtp import SmtpEmail
from app.providers.sms_twilio import TwilioSms
from app.rules.lateness import Decision, Reason, Watch
from tests.standins import ACCOUNT, SECRET, SENDER, mail_server, sms_server

JAPAN = ZoneInfo("Asia/Tokyo")


@dataclass
class Pigeon:
    """A channel whose fate the test decides: `fates` for the next sends, `seen` for the next look-ups."""

    name: str
    fates: list = field(default_factory=list)
    seen: list = field(default_factory=list)
    sent: list = field(default_factory=list)
    looked: list = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    repeats_safely: bool = False

    def reaches(self, recipient):
        return bool(recipient.mobile if self.name == "sms" else recipient.email)

    def send(self, message, recipient, *, reference, valid_s):
        with self.lock:
            self.sent.append((reference, message.short, valid_s))
            fate = self.fates.pop(0) if self.fates else None
        if callable(fate):
            return fate(reference)
        if fate is not None:
            raise fate
        return f"{self.name}-{reference}"

    def look_up(self, message, recipient, *, reference, began_at):
        self.looked.append(reference)
        answer = self.seen.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class House:
    """A small company with two channels, and shorthands for what these tests do again and again."""

    def __init__(self, db, clock, world):
        self.db, self.clock, self.world = db, clock, world
        self.sms, self.email = Pigeon("sms"), Pigeon("email")
        self.channels = {"sms": self.sms, "email": self.email}

    def tell(self, visit_id, kind="late", window_min=(80, 100)):
        now = self.clock.now()
        from_at, until_at = (now + timedelta(minutes=m) for m in window_min) if window_min else (None, None)
        decision = Decision(kind, from_at, until_at, Reason("late_expected"), None, Watch(), None)
        telling = Telling("https://a.jp", JAPAN, self.channels)
        with self.db.write() as session:
            return add_notice(session, session.get_one(Visit, visit_id), decision, telling, now).id

    def deliver(self):
        return deliver_due(self.db, self.channels, self.clock, JAPAN)

    def later(self, **by):
        self.clock.forward(**by)
        return self.deliver()

    def notice(self, notice_id):
        with self.db.read() as session:
            return session.get_one(Notice, notice_id)

    def state(self, notice_id):
        notice = self.notice(notice_id)
        return notice.state, notice.state_reason

    def attempts(self, notice_id):
        with self.db.read() as session:
            found = select(NoticeAttempt).where(NoticeAttempt.notice_id == notice_id).order_by(NoticeAttempt.id)
            return [(a.channel, a.outcome) for a in session.scalars(found)]

    def alarms(self):
        with self.db.read() as session:
            return {(a.kind, a.facts.get("reason")) for a in session.scalars(select(Alarm)) if a.cleared_at is None}

    def receipt(self, provider_id, status, **given):
        with self.db.write() as session:
            return note_receipt(session, provider_id, status, None, self.clock.now(), **given)

    def receipts(self):
        with self.db.read() as session:
            return sorted(session.scalars(select(Receipt.status)))

    def provider_id(self, notice_id):
        with self.db.read() as session:
            return session.scalar(select(NoticeAttempt.provider_id).where(NoticeAttempt.notice_id == notice_id))


@pytest.fixture
def house(db, clock, world):
    return House(db, clock, world)


@pytest.fixture
def late(house):
    """Return the id of a waiting notice that a visit in an hour is late."""
    return house.tell(house.world.visit())


def test_a_due_notice_is_handed_over_once(house, late):
    assert house.deliver() == 1
    assert house.deliver() == 0
    assert house.state(late) == ("sent", None)
    assert house.notice(late).sent_at == house.clock.now()
    assert house.attempts(late) == [("sms", "accepted")]
    ((_, short, valid_s),) = house.sms.sent
    assert short == house.notice(late).short
    assert valid_s == 3600
    assert house.email.sent == []


def test_the_attempt_is_written_before_the_call_and_no_transaction_is_open_during_it(house, late):
    def look(_reference):
        with house.db.write() as session:  # would wait for ever, were a write transaction open
            attempt = session.scalars(select(NoticeAttempt)).one()
            assert (attempt.channel, attempt.outcome) == ("sms", None)
            assert session.get_one(Notice, late).state == "sending"
        return "sms-1"

    house.sms.fates = [look]
    worker = threading.Thread(target=house.deliver)
    worker.start()
    worker.join(10)
    assert house.state(late) == ("sent", None)


def move(session, visit_id, now):
    change_visit(session, visit_id, promised_from_at=now + timedelta(hours=4), now=now, actor="user:1")


def unassign(session, visit_id, now):
    change_visit(session, visit_id, unassign=True, now=now, actor="user:1")


def cancel(session, visit_id, now):
    cancel_visit(session, visit_id, now=now, actor="user:1")


def arrive(session, visit_id, now):
    report_status(session, visit_id, "arrived", now=now, actor="technician:1")


@pytest.mark.parametrize(
    ("happens", "reason"), [(move, "moved"), (unassign, "moved"), (cancel, "cancelled"), (arrive, "arrived")]
)
def test_old_news_is_dropped_at_the_last_moment(house, happens, reason):
    visit_id = house.world.visit()
    notice_id = house.tell(visit_id)
    with house.db.write() as session:
        happens(session, visit_id, house.clock.now())
    assert house.deliver() == 0
    assert house.state(notice_id) == ("dropped", reason)
    assert house.sms.sent == []
    assert house.alarms() == set()


@pytest.mark.parametrize(
    ("wish", "kind", "left"),
    [
        ("none", "late", ("dropped", "wants_nothing")),
        ("delays", "arriving_soon", ("dropped", "wants_delays_only")),
        ("delays", "late", ("sent", None)),
    ],
)
def test_who_asked_to_be_spared_meanwhile_is_spared(house, wish, kind, left):
    notice_id = house.tell(house.world.visit(), kind)
    with house.db.write() as session:
        session.execute(update(Customer).values(notices=wish))
    house.deliver()
    assert house.state(notice_id) == left
    assert house.alarms() == set()


def test_who_asked_to_be_spared_is_not_sent_what_a_dispatcher_releases(house):
    with house.db.write() as session:
        phone = session.scalars(select(Customer.mobile)).one()
        session.execute(update(Customer).values(mobile=None, email=None))
    notice_id = house.tell(house.world.visit())
    with house.db.write() as session:
        session.execute(update(Customer).values(mobile=phone, notices="none"))
    telling = Telling("https://a.jp", JAPAN, house.channels)
    with pytest.raises(Conflict, match="notice_unwanted"), house.db.write() as session:
        release_notice(session, notice_id, house.clock.now(), "user:1", telling)
    assert house.state(notice_id) == ("failed", "unreachable")


def test_a_newer_notice_leaves_and_the_older_does_not(house):
    visit_id = house.world.visit()
    older, newer = house.tell(visit_id), house.tell(visit_id, "late_update", (110, 130))
    house.deliver()
    assert house.state(older) == ("dropped", "superseded")
    assert house.state(newer) == ("sent", None)
    assert len(house.sms.sent) == 1


def test_who_was_told_of_no_delay_is_not_told_that_it_has_gone(house):
    visit_id = house.world.visit()
    house.tell(visit_id)
    again = house.tell(visit_id, "on_time_again", (55, 65))
    house.deliver()
    assert house.state(again) == ("dropped", "never_told")


def test_what_grew_old_without_the_customer_knowing_calls_a_person(house, late):
    house.later(minutes=61)
    assert house.state(late) == ("dropped", "expired")
    assert house.alarms() == {("call_customer", "expired")}


def test_a_refusal_climbs_to_the_next_channel(house, late):
    house.sms.fates = [Refused("21614 not a mobile number")]
    house.deliver()
    assert house.attempts(late) == [("sms", "refused"), ("email", "accepted")]
    assert house.state(late) == ("sent", None)


def test_when_no_channel_is_left_a_person_is_called(house, late):
    house.sms.fates, house.email.fates = [Refused("no")], [Refused("no")]
    house.deliver()
    assert house.state(late) == ("failed", "refused")
    assert house.alarms() == {("call_customer", "refused")}
    assert house.later(minutes=30) == 0


def test_nearly_there_that_did_not_get_through_calls_nobody(house):
    notice_id = house.tell(house.world.visit(), "arriving_soon", (50, 60))
    house.sms.fates, house.email.fates = [Refused("no")], [Refused("no")]
    house.deliver()
    assert house.state(notice_id)[0] == "failed"
    assert house.alarms() == set()


def test_a_busy_provider_is_tried_again_after_growing_waits_and_then_the_next_one(house, late):
    house.sms.fates = [TryLater("busy")] * 3
    house.deliver()
    assert house.state(late)[0] == "due"
    assert house.later(seconds=4) == 0
    assert house.later(seconds=1) == 1
    assert house.later(seconds=15) == 2
    assert house.attempts(late) == [("sms", "failed")] * 3 + [("email", "accepted")]


def test_a_last_channel_that_stays_busy_calls_a_person_until_it_recovers(house):
    with house.db.write() as session:
        session.get_one(Customer, house.world.customer).email = None
    notice_id = house.tell(house.world.visit())
    house.sms.fates = [TryLater("busy")] * 4
    house.deliver()
    for _ in range(3):
        house.later(seconds=60)
    assert house.alarms() == {("call_customer", "still_trying")}
    house.later(seconds=120)
    assert house.state(notice_id) == ("sent", None)
    assert house.alarms() == set()


def test_a_busy_provider_is_not_waited_for_beyond_what_is_true(house):
    with house.db.write() as session:
        session.get_one(Customer, house.world.customer).email = None
    notice_id = house.tell(house.world.visit(), window_min=(2, 12))
    house.sms.fates = [TryLater("busy")] * 99
    house.deliver()
    for _ in range(10):
        house.later(minutes=2)
    assert house.state(notice_id)[0] in ("failed", "dropped")
    assert house.notice(notice_id).state_reason in ("expired", "window_over")
    assert ("call_customer", "still_trying") in house.alarms()


def test_a_lost_answer_is_looked_up_at_once(house, late):
    house.sms.fates, house.sms.seen = [OutcomeUnknown("lost")], ["SM1"]
    house.deliver()
    assert house.state(late) == ("sent", None)
    assert house.provider_id(late) == "SM1"
    assert len(house.sms.sent) == 1


def test_what_the_provider_does_not_have_is_sent_again_only_after_a_minute(house, late):
    house.sms.fates, house.sms.seen = [OutcomeUnknown("lost")], [None, None]
    house.deliver()
    assert house.state(late)[0] == "sending"
    assert house.attempts(late) == [("sms", "unknown")]
    assert house.later(seconds=59) == 0
    assert house.later(seconds=1) == 2
    assert house.attempts(late) == [("sms", "failed"), ("sms", "accepted")]
    references = [reference for reference, _, _ in house.sms.sent]
    assert len(set(references)) == 2


def test_a_provider_that_cannot_know_makes_a_person_ask(house, late):
    house.sms.fates, house.sms.seen = [OutcomeUnknown("lost")], [OutcomeUnknown("never")]
    house.deliver()
    assert house.state(late) == ("unknown", "no_answer")
    assert house.alarms() == {("call_customer", "no_answer")}
    assert house.later(hours=1) == 0
    assert len(house.sms.sent) == 1
    assert house.email.sent == []


def test_a_provider_that_cannot_be_asked_is_asked_for_three_minutes_and_then_a_person(house, late):
    house.sms.fates, house.sms.seen = [OutcomeUnknown("lost")], [TryLater("down")] * 99
    house.deliver()
    for _ in range(13):
        house.later(seconds=15)
    assert house.state(late) == ("unknown", "no_answer")
    assert 5 < len(house.sms.looked) < 15
    assert len(house.sms.sent) == 1


def test_a_fault_of_ours_counts_as_unknown_and_is_logged_without_its_words(house, late, capsys):
    house.sms.fates = [ValueError("山田 花子 +819012345678")]
    house.sms.seen = [KeyError("+819012345678"), None, None]
    house.deliver()
    assert house.attempts(late) == [("sms", "unknown")]
    shown = capsys.readouterr()
    assert "ValueError" in shown.out + shown.err
    assert "9012345678" not in shown.out + shown.err
    with house.db.read() as session:
        assert session.scalars(select(NoticeAttempt.error)).one() == "ValueError"


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize(("seen", "ends", "calls"), [("SM1", "sent", 1), (None, "sent", 2), ("never", "unknown", 1)])
def test_a_sender_that_died_is_looked_up_and_never_blindly_repeated(house, late, seen, ends, calls):
    house.sms.fates = [Killed()]
    with pytest.raises(Killed):
        house.deliver()
    assert house.attempts(late) == [("sms", None)]
    assert house.later(seconds=59) == 0
    house.sms.seen = [OutcomeUnknown("never")] if seen == "never" else [seen]
    house.later(seconds=1)
    assert house.state(late)[0] == ends
    assert len(house.sms.sent) == calls


def test_an_answer_that_comes_after_the_claim_ran_out_is_still_believed(house, late):
    def slow(reference):
        house.clock.forward(seconds=61)
        house.sms.seen = [TryLater("down")]
        assert house.deliver() == 1  # another process looks it up meanwhile
        return "SM1"

    house.sms.fates = [slow]
    house.deliver()
    assert house.state(late) == ("sent", None)
    assert house.provider_id(late) == "SM1"
    assert house.later(minutes=5) == 0
    assert len(house.sms.sent) == 1


def test_a_refusal_that_comes_after_the_claim_ran_out_decides_nothing(house, late):
    def slow(reference):
        house.clock.forward(seconds=61)
        house.sms.seen = ["SM1"]
        house.deliver()
        raise Refused("no")

    house.sms.fates = [slow]
    house.deliver()
    assert house.state(late) == ("sent", None)
    assert house.email.sent == []


def test_a_channel_that_is_no_longer_set_up_is_passed_over(house, late):
    del house.channels["sms"]
    house.deliver()
    assert house.attempts(late) == [("email", "accepted")]


def test_a_number_that_was_removed_meanwhile_is_not_used(house, late):
    with house.db.write() as session:
        session.get_one(Customer, house.world.customer).mobile = None
    house.deliver()
    assert house.attempts(late) == [("email", "accepted")]


def test_a_receipt_says_delivered_and_a_second_one_changes_nothing(house, late):
    house.deliver()
    sid = house.provider_id(late)
    for status in ("queued", "sent", "delivered", "delivered", "sent"):
        assert house.receipt(sid, status)
    assert house.state(late) == ("delivered", None)
    assert house.receipts() == ["delivered", "queued", "sent"]


@pytest.mark.parametrize("first", ["delivered", "undelivered"])
def test_what_has_ended_stays_as_it_ended(house, late, first):
    house.deliver()
    sid = house.provider_id(late)
    house.receipt(sid, first)
    ended = house.state(late)
    for status in ("sent", "failed", "undelivered", "delivered", "read"):
        house.receipt(sid, status)
    assert house.state(late) == ended
    assert house.attempts(late) == [("sms", "accepted")]


def test_an_undelivered_sms_climbs_to_the_next_channel_and_at_last_to_a_person(house, late):
    house.deliver()
    house.receipt(house.provider_id(late), "undelivered")
    house.deliver()
    assert house.attempts(late) == [("sms", "accepted"), ("email", "accepted")]
    assert house.state(late) == ("sent", None)


def test_an_undelivered_sms_without_another_channel_calls_a_person(house):
    with house.db.write() as session:
        session.get_one(Customer, house.world.customer).email = None
    notice_id = house.tell(house.world.visit())
    house.deliver()
    house.receipt(house.provider_id(notice_id), "failed")
    assert house.state(notice_id) == ("failed", "failed")
    assert house.alarms() == {("call_customer", "failed")}


@pytest.mark.parametrize(("status", "ends"), [("sent", "sent"), ("delivered", "delivered")])
def test_a_receipt_before_our_own_call_returned_is_understood(house, late, status, ends):
    def early(reference):
        assert house.receipt("SM1", status, reference=reference)
        return "SM1"

    house.sms.fates = [early]
    house.deliver()
    assert house.state(late)[0] == ends
    assert house.attempts(late) == [("sms", "accepted")]
    assert house.deliver() == 0


def test_a_failure_reported_before_our_own_call_returned_is_not_undone_by_its_answer(house, late):
    def early(reference):
        house.receipt("SM1", "undelivered", reference=reference)
        return "SM1"

    house.sms.fates = [early]
    house.deliver()
    assert house.attempts(late) == [("sms", "accepted"), ("email", "accepted")]


def test_a_receipt_proves_what_the_lost_answer_could_not(house, late):
    house.sms.fates, house.sms.seen = [OutcomeUnknown("lost")], [OutcomeUnknown("never")]
    house.deliver()
    reference = house.sms.sent[0][0]
    assert house.receipt("SM1", "delivered", reference=reference)
    assert house.state(late) == ("delivered", None)
    assert house.alarms() == set()


@pytest.mark.parametrize("reference", [None, "", "x", "1-0", "999999999-1", "99999999999999999999-1", "²-1"])
def test_a_receipt_of_nobody_changes_nothing(house, late, reference):
    house.deliver()
    assert not house.receipt("SM-other", "failed", reference=reference)
    assert house.state(late) == ("sent", None)
    assert house.receipts() == []


def test_what_waits_can_be_counted(house, late):
    house.clock.forward(seconds=30)
    with house.db.read() as session:
        assert waiting(session, house.clock.now()) == (1, 30.0)
    house.deliver()
    with house.db.read() as session:
        assert waiting(session, house.clock.now()) == (0, 0.0)


def test_four_senders_hand_over_sixty_notices_once_each(house):
    notices = [house.tell(house.world.visit(60 + 90 * n), window_min=(80 + 90 * n, 100 + 90 * n)) for n in range(60)]
    start, done = threading.Barrier(4), []

    def sender():
        start.wait()
        done.append(house.deliver())

    threads = [threading.Thread(target=sender) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(done) == 60
    assert len(house.sms.sent) == 60
    assert set(Counter(short for _, short, _ in house.sms.sent).values()) == {1}
    assert {house.state(notice_id) for notice_id in notices} == {("sent", None)}


def test_a_provider_that_hangs_holds_up_only_its_own_lane(house):
    hang = threading.Event()

    def hanging(reference):
        hang.wait(10)
        return f"sms-{reference}"

    house.sms.fates = [hanging] * 5
    slow = [house.tell(house.world.visit(60 + 90 * n), window_min=(80 + 90 * n, 100 + 90 * n)) for n in range(5)]
    with house.db.write() as session:
        session.get_one(Customer, house.world.customer).mobile = None
    quick = house.tell(house.world.visit(600), window_min=(620, 640))
    with house.db.write() as session:
        session.get_one(Customer, house.world.customer).mobile = "+819012345678"
    lanes = Lanes(width=2)
    assert deliver_due(house.db, house.channels, house.clock, JAPAN, lanes) == 3
    assert deliver_due(house.db, house.channels, house.clock, JAPAN, lanes) == 0
    assert [house.state(notice_id)[0] for notice_id in slow] == ["sending", "sending", "due", "due", "due"]
    hang.set()
    lanes.close()
    assert {house.state(notice_id) for notice_id in [*slow, quick]} == {("sent", None)}


def test_everything_works_on_one_connection_without_threads(clock):
    database = Database("sqlite:///:memory:")
    upgrade(database)
    with database.write() as session:
        session.add(Company(name="アオバPCサポート", short_name="アオバPC", phone="+81312345678"))
        hanako = Customer(name="山田 花子", mobile="+819012345678", created_at=clock.now())
        home = Site(customer=hanako, address="和歌山市1-1", lat=34.2, lon=135.1, located_by="given")
        wifi = Service(name_ja="Wi-Fi設定", name_en="Wi-Fi setup", duration_min=60)
        session.add_all([hanako, home, wifi])
        session.flush()
        at = clock.now() + timedelta(hours=1)
        visit_id = book_visit(
            session,
            customer_id=hanako.id,
            site_id=home.id,
            service_id=wifi.id,
            technician_id=None,
            promised_from_at=at,
            promised_until_at=at,
            duration_min=60,
            now=clock.now(),
            actor="test",
        ).id
    house = House(database, clock, None)
    notice_id = house.tell(visit_id)
    running = threading.active_count()
    house.sms.fates = [lambda reference: f"sms-{threading.active_count() - running}"]
    assert house.deliver() == 1
    assert house.provider_id(notice_id) == "sms-0"
    database.close()


def test_real_servers_get_what_the_outbox_says(house, world):
    with sms_server() as twilio, mail_server() as mail:
        twilio.now = house.clock.now
        callback = "https://a.jp/hooks/twilio/status"
        house.channels = {
            "sms": TwilioSms(ACCOUNT, SECRET, SENDER, twilio.url, callback),
            "email": SmtpEmail(mail.url, "notice@a.jp"),
        }
        first = house.tell(house.world.visit())
        house.deliver()
        assert twilio.bodies() == [house.notice(first).short]
        twilio.modes.append((400, 21408))
        second = house.tell(house.world.visit(300), window_min=(320, 340))
        house.deliver()
        (got,) = mail.mails
        assert str(got["Subject"]) == house.notice(second).subject
        twilio.modes.append("close")
        third = house.tell(house.world.visit(500), window_min=(520, 540))
        house.deliver()
        assert house.state(third) == ("sent", None)
        assert len(twilio.taken) == 2
        assert twilio.taken[-1].form["StatusCallback"].startswith(f"{callback}?n=")


@pytest.fixture
def evening(house):
    """A minute to nine in the evening: a notice about a visit at ten tomorrow that the SMS provider cannot take now."""
    house.clock.at = datetime(2026, 11, 24, 11, 59, tzinfo=UTC)
    notice_id = house.tell(house.world.visit(13 * 60 + 1), window_min=(14 * 60, 14 * 60 + 20))
    house.sms.fates = [TryLater("busy")]
    house.deliver()
    return notice_id


def test_a_try_that_falls_into_quiet_hours_waits_for_the_morning(house, evening):
    house.later(minutes=2)
    assert house.state(evening) == ("due", "quiet_hours")
    assert house.notice(evening).next_attempt_at == datetime(2026, 11, 24, 23, 0, tzinfo=UTC)
    assert house.later(hours=6) == 0
    assert house.later(hours=5) == 1
    assert house.state(evening) == ("sent", None)


@pytest.mark.parametrize(
    ("change", "why"), [({"late_probability": 0.02}, "not_late"), ({"status": "cancelled"}, "cancelled")]
)
def test_what_is_no_longer_true_in_the_morning_is_not_sent(house, evening, change, why):
    house.later(minutes=2)
    with house.db.write() as session:
        session.execute(update(Visit).values(**change))
    assert house.later(hours=11) == 0
    assert house.state(evening) == ("dropped", why)


def test_news_of_a_visit_at_two_in_the_morning_goes_out_at_once(house):
    house.clock.at = datetime(2026, 11, 24, 16, 15, tzinfo=UTC)
    notice_id = house.tell(house.world.visit(45))
    assert house.deliver() == 1
    assert house.state(notice_id) == ("sent", None)


def test_a_word_that_promises_another_one_tonight_is_none_in_the_morning(house):
    house.clock.at = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
    notice_id = house.tell(house.world.visit(12 * 60), "holding", None)
    house.deliver()
    assert house.state(notice_id) == ("due", "quiet_hours")
    house.later(hours=11)
    assert house.state(notice_id) == ("dropped", "expired")
    assert ("call_customer", "expired") in house.alarms()


def test_what_repeats_safely_is_sent_again_under_the_same_reference(house, late):
    house.sms.repeats_safely = True
    house.sms.fates = [OutcomeUnknown("lost"), OutcomeUnknown("lost"), TryLater("busy")]
    house.deliver()
    assert house.attempts(late) == [("sms", "unknown")]
    for _ in range(3):
        house.later(seconds=15)
    assert house.state(late) == ("sent", None)
    assert house.attempts(late) == [("sms", "accepted")]
    assert len({reference for reference, _, _ in house.sms.sent}) == 1
    assert len(house.sms.sent) == 4
    assert house.sms.looked == []


def test_what_nobody_is_called_about_is_tried_until_it_is_old(house):
    house.sms.repeats_safely = True
    taken, hopeless = (house.tell(house.world.visit(60 * n), "reminder_hours", None) for n in (2, 3))
    begun_at = house.clock.now()

    def fate(reference):
        if reference.startswith("1-") and house.clock.now() > begun_at + timedelta(minutes=40):
            return "SM1"
        raise OutcomeUnknown("lost")

    house.sms.fates = [fate] * 99
    house.deliver()
    for _ in range(24):
        house.later(minutes=10)
    assert house.state(taken) == ("sent", None)
    assert house.state(hopeless)[0] in ("unknown", "dropped")
    assert len({reference for reference, _, _ in house.sms.sent}) == 2
    assert house.alarms() == set()


def test_a_sender_that_died_repeats_what_repeats_safely(house, late):
    house.sms.repeats_safely = True
    house.sms.fates = [Killed()]
    with pytest.raises(Killed):
        house.deliver()
    house.later(seconds=60)
    assert house.attempts(late) == [("sms", "accepted")]
    assert len({reference for reference, _, _ in house.sms.sent}) == 1


def test_what_repeats_safely_is_not_repeated_when_it_is_no_longer_true(house):
    house.sms.repeats_safely = True
    visit_id = house.world.visit()
    notice_id = house.tell(visit_id)
    house.sms.fates = [OutcomeUnknown("lost")]
    house.deliver()
    with house.db.write() as session:
        arrive(session, visit_id, house.clock.now())
    house.later(seconds=15)
    assert house.state(notice_id) == ("dropped", "arrived")
    assert len(house.sms.sent) == 1


def test_a_provider_that_names_a_time_is_left_alone_until_then(house):
    with house.db.write() as session:
        session.get_one(Customer, house.world.customer).email = None
    notice_id = house.tell(house.world.visit())
    house.sms.fates = [TryLater("too many requests", after_s=40)]
    house.deliver()
    assert house.later(seconds=39) == 0
    assert house.later(seconds=1) == 1
    assert house.state(notice_id) == ("sent", None)


def test_a_provider_that_wants_to_be_left_alone_for_long_is_passed_over(house, late):
    house.sms.fates = [TryLater("too many requests", after_s=3600)]
    house.deliver()
    assert house.attempts(late) == [("sms", "failed"), ("email", "accepted")]


def drained(house, lanes):
    """Deliver in lanes until nothing is begun any more."""
    while deliver_due(house.db, house.channels, house.clock, JAPAN, lanes):
        pass
    lanes.close()


def test_a_channel_that_does_not_let_us_in_is_one_alarm_and_everything_goes_another_way(house):
    told = [house.tell(house.world.visit(60 + 100 * n)) for n in range(4)]
    house.sms.fates = [Barred("the account's credentials are wrong")] * 9
    lanes = Lanes(width=1)
    drained(house, lanes)
    assert len(house.sms.sent) == 1
    lanes = Lanes(width=1)
    lanes.note("sms", house.clock.now(), answered=True, barred=True)
    drained(house, lanes)
    drained(house, Lanes(width=1))
    assert {house.state(notice_id) for notice_id in told} == {("sent", None)}
    assert house.alarms() == {("channel_down", None)}


def test_a_channel_that_works_again_takes_its_alarm_back(house, late):
    with house.db.write() as session:
        raise_alarm(session, "channel_down", "channel:sms", house.clock.now(), facts={"channel": "sms"})
    drained(house, Lanes())
    assert house.alarms() == set()


def test_a_thousand_notices_at_a_dead_channel_hide_none_at_another(house, late):
    visit_id = house.world.visit(400)
    with house.db.write() as session:
        session.execute(update(Notice).where(Notice.id == late).values(channels=["sms"]))
        waiting = session.get_one(Notice, house_tell_by_mail(house, session, visit_id))
        assert waiting.channel == "email"
    lanes = Lanes()
    for _ in range(9):
        lanes.note("sms", house.clock.now(), answered=False)
    drained(house, lanes)
    assert len(house.email.sent) == 1
    assert house.sms.sent == []
    assert house.state(late)[0] == "due"


def house_tell_by_mail(house, session, visit_id):
    """Add a notice about a visit whose customer asks for e-mail first, in the same transaction."""
    session.get_one(Customer, house.world.customer).first_channel = "email"
    decision = Decision("late", house.clock.now() + timedelta(minutes=80), house.clock.now() + timedelta(minutes=100),
                        Reason("late_expected"), None, Watch(), None)  # fmt: skip
    telling = Telling("https://a.jp", JAPAN, house.channels)
    return add_notice(session, session.get_one(Visit, visit_id), decision, telling, house.clock.now()).id


@pytest.mark.parametrize("seed", range(12))
def test_receipts_in_any_order_and_twice_never_undo_an_end(house, seed):
    dice = random.Random(seed)
    notice_id = house.tell(house.world.visit())
    house.deliver()
    provider_id = house.provider_id(notice_id)
    said = ["queued", "sent", "ringing", "completed", "busy", "no-answer", "undelivered", "delivered", "read"] * 2
    dice.shuffle(said)
    ended, kept = None, []
    for status in said:
        house.receipt(provider_id, status)
        if status not in kept:
            kept.append(status)
        if ended is None and status in ("delivered", "read"):
            ended = "delivered"
        elif ended is None and status in ("busy", "no-answer", "undelivered"):
            ended = "due"
        if ended is not None:
            assert house.notice(notice_id).state == ended
    assert house.receipts() == sorted(kept)
    assert house.receipt("SM-of-nobody", "delivered") is False
    assert house.notice(notice_id).channel == ("sms" if ended == "delivered" else "email")
