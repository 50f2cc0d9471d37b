"""Does a customer hear of what the office changes, once and rightly, and is nothing said that it made untrue?"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from app.errors import Conflict, Invalid
from app.models import Alarm, Customer, Notice, NoticeAttempt, Reminder, Technician, Visit, VisitEvent
from app.operations import outbox
from app.operations.appointment import Message, book, cancel, change
from app.operations.field import report_status, undo_status
from app.operations.notice import News, Telling, add_notice
from app.operations.outbox import deliver_due
from app.operations.policy import change_policy
from app.operations.reminder import due_reminders, turn_due

JAPAN = ZoneInfo("Asia/Tokyo")
#: Tuesday 24 November 2026, 16:00 in Japan, is the clock's beginning.
FRIDAY_AT = datetime(2026, 11, 27, 5, 0, tzinfo=UTC)


@dataclass
class Post:
    """A channel that takes everything, and may be held at the door."""

    repeats_safely = False

    sent: list = field(default_factory=list)
    references: list = field(default_factory=list)
    door: threading.Event | None = None
    at_the_door: threading.Event = field(default_factory=threading.Event)

    def reaches(self, recipient):
        return True

    def send(self, message, recipient, *, reference, valid_s):
        self.at_the_door.set()
        if self.door is not None:
            assert self.door.wait(20)
        self.sent.append(message.body)
        self.references.append(reference)
        return f"id-{len(self.sent)}"


class Office:
    """What the office does about one visit on Friday at 14:00, and what the customer is told."""

    def __init__(self, db, clock, world):
        self.db, self.clock, self.world = db, clock, world
        self.post = Post()
        self.telling = Telling("https://a.jp", JAPAN, {"sms": self.post})
        self.visit = self.book()

    def book(self, at=FRIDAY_AT, **wish):
        wish = {"technician_id": self.world.technician, "duration_min": 60, **wish}
        ids = {"customer_id": self.world.customer, "site_id": self.world.site, "service_id": self.world.service}
        promise = {"promised_from_at": at, "promised_until_at": at + timedelta(minutes=30)}
        with self.db.write() as session:
            return book(session, zone=JAPAN, now=self.clock.now(), actor="user:1", **{**ids, **promise, **wish}).id

    def change(self, way=None, why="", side=None, reason="", **changes):
        message = Message(self.telling, way, why, side, reason)
        with self.db.write() as session:
            change(session, self.visit, message, now=self.clock.now(), actor="user:1", **changes)

    def cancel(self, way=None, why="", side=None, reason=""):
        message = Message(self.telling, way, why, side, reason)
        with self.db.write() as session:
            cancel(session, self.visit, message, now=self.clock.now(), actor="user:1", reason="雨のため")

    def somebody_else(self, name="鈴木"):
        with self.db.write() as session:
            technician = Technician(name=name, created_at=self.clock.now())
            session.add(technician)
            session.flush()
            return technician.id

    def tap(self, status, at=None):
        with self.db.write() as session:
            report_status(session, self.visit, status, now=self.clock.now(), actor="technician:1")

    def remind(self):
        with self.db.write() as session:
            due = due_reminders(session, self.clock.now(), 100)
            return turn_due(session, due, self.telling, self.clock.now())

    def deliver(self):
        return deliver_due(self.db, {"sms": self.post}, self.clock, JAPAN)

    def until(self, words):
        day, _, clock = words.rpartition(" ")
        at = datetime.fromisoformat(f"2026-11-{day or 27} {clock}").replace(tzinfo=JAPAN)
        assert at >= self.clock.at
        self.clock.at = at.astimezone(UTC)
        self.remind()
        self.deliver()

    def reminders(self):
        with self.db.read() as session:
            rows = session.scalars(select(Reminder).where(Reminder.visit_id == self.visit).order_by(Reminder.id))
            return [(r.kind, r.state, r.state_reason) for r in rows]

    def due(self):
        with self.db.read() as session:
            booked = Reminder.visit_id == self.visit, Reminder.state == "booked", Reminder.due_at.is_not(None)
            rows = session.scalars(select(Reminder.due_at).where(*booked).order_by(Reminder.id))
            return [f"{at.astimezone(JAPAN):%d %H:%M}" for at in rows]

    def notices(self):
        with self.db.read() as session:
            rows = session.scalars(select(Notice).where(Notice.visit_id == self.visit).order_by(Notice.id)).all()
            return [(n.kind, n.state, n.state_reason) for n in rows]

    def handed(self):
        """Return the kinds of what the channel was handed, in its order."""
        with self.db.read() as session:
            kinds = select(NoticeAttempt.id, Notice.kind).join(Notice, Notice.id == NoticeAttempt.notice_id)
            of = dict(session.execute(kinds).all())
        return [of[int(reference.partition("-")[0])] for reference in self.post.references]

    def notice(self):
        with self.db.read() as session:
            return session.scalars(select(Notice).order_by(Notice.id.desc()).limit(1)).one()


@pytest.fixture
def office(db, clock, world):
    return Office(db, clock, world)


def test_reminders_are_booked_with_the_visit(office):
    assert office.due() == ["26 17:00", "27 12:00"]
    assert [state for _, state, _ in office.reminders()] == ["booked"] * 3
    office.visit = office.book(office.clock.now() + timedelta(hours=3))
    assert office.reminders() == [
        ("reminder_day", "left_out", "too_near"),
        ("reminder_hours", "left_out", "too_near"),
        ("on_the_way", "booked", None),
    ]


def test_a_visit_that_nobody_wants_to_be_reminded_of_stays_so_when_it_is_moved(office):
    office.visit = office.book(FRIDAY_AT + timedelta(hours=3), remind=False)
    assert {why for _, _, why in office.reminders()} == {"not_wanted"}
    office.change(promised_from_at=FRIDAY_AT + timedelta(days=7))
    assert {why for _, _, why in office.reminders()} == {"not_wanted"}


def test_a_visit_is_told_of_the_day_before_and_two_hours_before_and_when_the_technician_sets_out(office):
    office.until("26 16:59")
    assert office.post.sent == []
    office.until("26 17:00")
    office.until("12:00")
    office.until("13:20")
    office.tap("en_route")
    office.until("13:20")
    assert [kind for kind, state, _ in office.notices() if state == "sent"] == ["reminder_day", "reminder_hours"]
    office.until("13:21")
    assert [kind for kind, state, _ in office.notices() if state == "sent"] == [
        "reminder_day", "reminder_hours", "on_the_way",
    ]  # fmt: skip
    assert "11/27(金) 14:00〜14:30" in office.post.sent[0]
    assert "佐藤" in office.post.sent[2]
    assert {state for _, state, _ in office.reminders()} == {"told"}


def test_a_tap_that_was_a_mistake_tells_nobody(office):
    office.until("13:20")
    office.tap("en_route")
    with office.db.write() as session:
        undo_status(session, office.visit, now=office.clock.now(), actor="technician:1")
    office.until("13:22")
    assert "on_the_way" not in {kind for kind, _, _ in office.notices()}
    office.tap("en_route")
    office.until("13:24")
    assert ("on_the_way", "sent", None) in office.notices()


def test_a_moved_visit_takes_its_reminders_along(office):
    office.change(promised_from_at=FRIDAY_AT + timedelta(days=3, hours=1))
    assert office.due() == ["29 17:00", "30 13:00"]
    assert office.reminders()[:3] == [
        ("reminder_day", "taken_back", "moved"),
        ("reminder_hours", "taken_back", "moved"),
        ("on_the_way", "taken_back", "moved"),
    ]
    office.deliver()
    (told,) = office.post.sent
    assert told.index("11/30(月) 15:00〜15:30") < told.index("11/27(金) 14:00〜14:30")
    office.until("26 17:00")
    assert len(office.post.sent) == 1


def test_what_has_not_left_is_taken_back_in_the_same_breath(office):
    office.clock.at = FRIDAY_AT - timedelta(hours=21)
    office.remind()
    assert office.notices() == [("reminder_day", "due", None)]
    office.change(promised_from_at=FRIDAY_AT + timedelta(days=3))
    assert office.notices() == [("reminder_day", "dropped", "moved"), ("moved", "due", None)]
    office.deliver()
    assert len(office.post.sent) == 1


def test_who_did_not_hear_of_a_move_hears_of_the_last_one_only(office):
    office.change(promised_from_at=FRIDAY_AT + timedelta(days=3))
    office.change(promised_from_at=FRIDAY_AT + timedelta(days=4))
    office.deliver()
    (told,) = office.post.sent
    assert "12/1(火) 14:00" in told
    assert "11/27(金) 14:00〜14:30" in told
    assert "11/30" not in told


def test_what_was_moved_and_moved_back_before_she_heard_is_not_told(office):
    office.change(promised_from_at=FRIDAY_AT + timedelta(days=3))
    office.change(promised_from_at=FRIDAY_AT)
    office.deliver()
    assert office.post.sent == []
    office.change(promised_from_at=FRIDAY_AT + timedelta(days=3))
    office.deliver()
    office.change(promised_from_at=FRIDAY_AT)
    office.deliver()
    assert len(office.post.sent) == 2
    assert office.due() == ["26 17:00", "27 12:00"]


def test_a_cancelled_visit_takes_everything_back_and_is_told(office):
    office.clock.at = FRIDAY_AT - timedelta(hours=21)
    office.remind()
    office.cancel()
    assert office.notices() == [("reminder_day", "dropped", "cancelled"), ("cancelled", "due", None)]
    assert {state for kind, state, _ in office.reminders() if kind != "reminder_day"} == {"taken_back"}
    office.deliver()
    (told,) = office.post.sent
    assert "11/27(金) 14:00〜14:30" in told
    assert "雨" not in told  # the office's own reason is not the customer's business


@pytest.mark.parametrize("act", ["move", "cancel"])
def test_what_is_our_doing_begins_with_an_apology_and_gives_our_reason(office, act):
    ours = {"side": "us", "reason": "車両の故障"}
    office.cancel(**ours) if act == "cancel" else office.change(promised_from_at=FRIDAY_AT + timedelta(days=3), **ours)
    office.deliver()
    (told,) = office.post.sent
    assert told.index("誠に申し訳ございません") < told.index("11/")
    assert "車両の故障" in told


@pytest.mark.parametrize("act", ["move", "cancel"])
@pytest.mark.parametrize("side", ["customer", None])
def test_who_asked_for_it_herself_reads_no_apology(office, act, side):
    hers = {"side": side, "reason": "車両の故障"}
    office.cancel(**hers) if act == "cancel" else office.change(promised_from_at=FRIDAY_AT + timedelta(days=3), **hers)
    office.deliver()
    (told,) = office.post.sent
    assert "申し訳" not in told
    assert "車両の故障" not in told


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"side": "nobody"}, "side"),
        ({"side": "us", "reason": "x" * 81}, "told_reason"),
        ({"side": "us", "reason": "{{ brand }}"}, "told_reason"),
        ({"side": "us", "reason": "二行\nにわたる"}, "told_reason"),
    ],
)
def test_whose_doing_it_is_and_the_reason_are_checked_before_anything_is_changed(office, given, field):
    with pytest.raises(Invalid) as refused:
        office.cancel(**given)
    assert [problem.field for problem in refused.value.problems] == [field]
    assert office.notices() == []


def test_who_did_not_hear_of_the_move_is_told_of_the_time_she_knows_when_it_is_cancelled(office):
    office.change(promised_from_at=FRIDAY_AT + timedelta(days=3))
    office.cancel()
    office.deliver()
    (told,) = office.post.sent
    assert "11/27(金) 14:00〜14:30" in told
    assert "11/30" not in told


def test_of_a_visit_that_is_long_over_nothing_is_told(office):
    office.clock.at = FRIDAY_AT + timedelta(hours=5)
    office.cancel()
    assert office.notices() == []


def test_another_technician_is_told_to_who_heard_of_one(office):
    suzuki = office.somebody_else()
    office.change(technician_id=suzuki)
    assert office.notices() == []
    office.until("26 17:00")
    assert "鈴木" in office.post.sent[0]
    office.change(technician_id=office.world.technician)
    office.deliver()
    assert office.handed()[1] == "tech_changed"
    assert office.post.sent[1].index("佐藤") < office.post.sent[1].index("鈴木")
    office.until("12:00")
    assert "佐藤" in office.post.sent[2]


def test_a_technician_who_is_changed_back_before_she_heard_is_not_told(office):
    office.until("26 17:00")
    suzuki = office.somebody_else()
    office.change(technician_id=suzuki)
    office.change(technician_id=office.world.technician)
    office.deliver()
    assert len(office.post.sent) == 1


def test_a_reminder_that_waits_names_the_one_who_comes(office):
    office.clock.at = FRIDAY_AT - timedelta(hours=21)
    office.remind()
    office.change(technician_id=office.somebody_else())
    assert office.notices() == [("reminder_day", "dropped", "moved")]
    office.until("26 17:00")
    (told,) = office.post.sent
    assert "鈴木" in told
    assert office.notices()[1:] == [("reminder_day", "sent", None)]


def test_a_new_technicians_setting_out_is_told_too(office):
    office.until("13:10")
    office.tap("en_route")
    office.until("13:11")
    office.change(technician_id=office.somebody_else())
    office.deliver()
    office.tap("en_route")
    office.until("13:13")
    kinds = [kind for kind, state, _ in office.notices() if state == "sent"]
    assert kinds[-3:] == ["on_the_way", "tech_changed", "on_the_way"]


def test_the_office_may_have_told_her_already_and_says_so(office):
    office.change(way="told", why="電話で伝えた", promised_from_at=FRIDAY_AT + timedelta(days=3))
    assert office.notices() == [("moved", "delivered", "told_by_hand")]
    assert office.notice().reason_facts["why"] == "電話で伝えた"
    office.cancel(way="no", why="重複した予約")
    assert office.notices()[1:] == [("cancelled", "dropped", "not_told_by_hand")]
    office.deliver()
    assert office.post.sent == []


def test_the_company_may_tell_changes_by_itself_or_not(office):
    with office.db.write() as session:
        change_policy(session, {"tell_changes": False}, actor="user:1", now=office.clock.now())
    office.change(promised_from_at=FRIDAY_AT + timedelta(days=3))
    assert office.notices() == [("moved", "dropped", "not_told_by_hand")]
    office.change(way="send", promised_from_at=FRIDAY_AT + timedelta(days=4))
    assert office.notices()[1][1] == "due"


def test_a_change_of_nothing_that_concerns_her_is_not_told(office):
    office.change(note="犬がいる", duration_min=90)
    assert office.notices() == []
    assert {state for _, state, _ in office.reminders()} == {"booked"}


def test_a_refused_change_takes_nothing_back(office):
    office.clock.at = FRIDAY_AT - timedelta(hours=21)
    office.remind()
    office.book(FRIDAY_AT + timedelta(days=3))
    with pytest.raises(Conflict, match="overlap"):
        office.change(promised_from_at=FRIDAY_AT + timedelta(days=3))
    with pytest.raises(Invalid):
        office.change(way="perhaps", note="x")
    assert office.notices() == [("reminder_day", "due", None)]
    assert office.due() == ["27 12:00"]


@pytest.mark.parametrize(("wish", "told"), [("all", 3), ("delays", 1), ("none", 0)])
def test_customers_hear_what_they_wish_to_hear(office, wish, told):
    with office.db.write() as session:
        session.get_one(Customer, office.world.customer).notices = wish
    office.until("26 17:00")
    office.until("12:00")
    office.change(promised_from_at=FRIDAY_AT + timedelta(days=3))
    office.deliver()
    assert len(office.post.sent) == told


def test_a_hole_keeps_a_reminder_for_a_person(office):
    with office.db.write() as session:
        session.get_one(Customer, office.world.customer).name = " "
    office.until("26 17:00")
    assert office.notices() == [("reminder_day", "held", "hole:customer")]
    with office.db.read() as session:
        assert session.scalars(select(Alarm.kind)).all() == ["notice_held"]


def test_who_was_told_of_a_delay_is_not_told_that_somebody_is_on_the_way(office):
    office.until("13:10")
    with office.db.write() as session:
        visit = session.get_one(Visit, office.visit)
        late = News("late", "late_expected", {"percent": 90}, (FRIDAY_AT, FRIDAY_AT + timedelta(hours=1)))
        add_notice(session, visit, late, office.telling, office.clock.now())
    office.tap("en_route")
    office.until("13:12")
    assert office.reminders()[2] == ("on_the_way", "left_out", "late_told")


def test_a_late_evening_move_of_an_early_visit_is_told_at_once_and_another_in_the_morning(office):
    for hour, sent in ((9, 1), (15, 0)):
        office.post.sent.clear()
        office.visit = office.book(datetime(2026, 11, 25, hour - 9, 0, tzinfo=UTC), technician_id=None)
        office.clock.at = datetime(2026, 11, 24, 13, 0, tzinfo=UTC)  # 22:00
        office.change(promised_from_at=datetime(2026, 11, 26, 5, 0, tzinfo=UTC))
        office.deliver()
        assert len(office.post.sent) == sent
    assert office.notice().state_reason == "quiet_hours"
    office.until("25 08:00")
    assert len(office.post.sent) == 1


def test_the_history_keeps_what_was_changed(office):
    office.change(promised_from_at=FRIDAY_AT + timedelta(days=3))
    with office.db.read() as session:
        told = select(VisitEvent.kind).where(VisitEvent.visit_id == office.visit).order_by(VisitEvent.id)
        kinds = session.scalars(told).all()
    assert kinds == ["booked", "changed"]


# What happens in the same moment: the outbox takes a reminder while the office moves or cancels the visit.


TOLD = {"move": "moved", "cancel": "cancelled"}


def do(office, act):
    if act == "move":
        office.change(promised_from_at=FRIDAY_AT + timedelta(days=3))
    else:
        office.cancel()


@pytest.fixture
def due_reminder(office):
    office.clock.at = FRIDAY_AT - timedelta(hours=21)
    office.remind()
    assert office.notices() == [("reminder_day", "due", None)]
    return office


@pytest.mark.parametrize("act", ["move", "cancel"])
def test_a_reminder_is_not_taken_while_its_visit_is_being_changed_nor_after(due_reminder, monkeypatch, act):
    """The office has changed the visit and is about to commit: the outbox finds nothing to take, then or later."""
    office, changed, go_on = due_reminder, threading.Event(), threading.Event()

    def commit_late():
        message = Message(office.telling)
        with office.db.write() as session:
            if act == "move":
                later = FRIDAY_AT + timedelta(days=3)
                change(session, office.visit, message, now=office.clock.now(), actor="u", promised_from_at=later)
            else:
                cancel(session, office.visit, message, now=office.clock.now(), actor="u")
            session.flush()
            changed.set()
            assert go_on.wait(20)

    mover, sender = threading.Thread(target=commit_late), threading.Thread(target=office.deliver)
    mover.start()
    assert changed.wait(20)
    sender.start()  # on SQLite it waits for the writer; PostgreSQL passes over the locked row
    sender.join(0.3)
    assert office.post.sent == []
    go_on.set()
    mover.join(20)
    sender.join(20)
    office.deliver()
    assert office.handed() == [TOLD[act]]


@pytest.mark.parametrize("act", ["move", "cancel"])
def test_a_change_waits_for_a_reminder_that_is_being_taken(due_reminder, monkeypatch, act):
    """The outbox has looked at the visit and takes its reminder: the change is committed after it, not between."""
    office, looked, go_on = due_reminder, threading.Event(), threading.Event()
    why_outdated, order = outbox.why_outdated, []

    def held(session, notice, visit, now):
        found = why_outdated(session, notice, visit, now)
        if notice.kind == "reminder_day":
            looked.set()
            assert go_on.wait(20)
            order.append("taken")
        return found

    monkeypatch.setattr(outbox, "why_outdated", held)

    def changed():
        do(office, act)
        order.append("changed")

    sender, mover = threading.Thread(target=office.deliver), threading.Thread(target=changed)
    sender.start()
    assert looked.wait(20)
    mover.start()
    mover.join(0.3)
    assert order == []  # it waits
    go_on.set()
    sender.join(20)
    mover.join(20)
    assert order == ["taken", "changed"]
    office.clock.forward(seconds=2)
    office.deliver()
    assert office.handed() == ["reminder_day", TOLD[act]]


@pytest.mark.parametrize("act", ["move", "cancel"])
def test_what_is_in_the_post_is_not_overtaken_by_what_makes_it_old_news(due_reminder, act):
    """The provider holds the reminder when the visit is changed: the customer reads the change after it."""
    office = due_reminder
    office.post.door = threading.Event()
    sender = threading.Thread(target=office.deliver)
    sender.start()
    assert office.post.at_the_door.wait(20)
    do(office, act)
    assert office.notices()[0][:2] == ("reminder_day", "sending")
    office.post.door, door = None, office.post.door
    other = threading.Thread(target=office.deliver)
    other.start()
    other.join(20)
    assert office.post.sent == []
    door.set()
    sender.join(20)
    office.clock.forward(seconds=2)
    office.deliver()
    assert office.handed() == ["reminder_day", TOLD[act]]


def test_a_reminder_that_falls_due_while_its_visit_is_moved_is_not_told(office):
    """The job has read that the reminder is due; the office moves the visit before the job takes it."""
    office.clock.at = FRIDAY_AT - timedelta(hours=21)
    with office.db.read() as session:
        due = due_reminders(session, office.clock.now(), 10)
    assert len(due) == 1
    office.change(promised_from_at=FRIDAY_AT + timedelta(days=3))
    with office.db.write() as session:
        assert turn_due(session, due, office.telling, office.clock.now()) == 0
    assert [kind for kind, _, _ in office.notices()] == ["moved"]


def test_the_job_passes_over_a_visit_that_somebody_is_changing(office):
    office.clock.at = FRIDAY_AT - timedelta(hours=21)
    if office.db.engine.dialect.name == "sqlite":
        return  # there, it waits for the writer
    with office.db.write() as mine:
        change(
            mine, office.visit, Message(office.telling), now=office.clock.now(), actor="u",
            promised_from_at=FRIDAY_AT + timedelta(days=3),
        )  # fmt: skip
        assert office.remind() == 0
    assert office.remind() == 0
    assert [kind for kind, _, _ in office.notices()] == ["moved"]


def test_in_any_order_the_last_word_is_the_true_one(db, clock, world):
    """Twelve visits are reminded, moved and cancelled all at once: no customer ends with an old time."""
    office = Office(db, clock, world)
    visits = [office.visit]
    visits += [office.book(FRIDAY_AT + timedelta(hours=2 * n), technician_id=None) for n in range(1, 12)]
    clock.at = FRIDAY_AT - timedelta(hours=21)
    heard = {}

    class Heard(Post):
        def send(self, message, recipient, *, reference, valid_s):
            heard.setdefault(message.body.partition("/v/")[2].partition("\n")[0], []).append(reference)
            return f"id-{reference}"

    post = Heard()
    telling = Telling("https://a.jp", JAPAN, {"sms": post})
    begin, done = threading.Barrier(4), threading.Event()
    faults = []

    def guarded(work):
        def run():
            begin.wait(20)
            try:
                work()
            except Exception as error:
                faults.append(error)

        return threading.Thread(target=run)

    def move():
        for visit_id in visits:
            with db.write() as session:
                message = Message(telling)
                if visit_id % 2:
                    later = session.get_one(Visit, visit_id).promised_from_at + timedelta(days=3)
                    change(session, visit_id, message, now=clock.now(), actor="u", promised_from_at=later)
                else:
                    cancel(session, visit_id, message, now=clock.now(), actor="u")

    def remind():
        while not done.is_set():
            with db.write() as session:
                turn_due(session, due_reminders(session, clock.now(), 3), telling, clock.now())

    def send():
        while not done.is_set():
            deliver_due(db, {"sms": post}, clock, JAPAN)

    threads = [guarded(work) for work in (remind, send, send)]
    mover = guarded(move)
    for thread in (*threads, mover):
        thread.start()
    mover.join(60)
    done.set()
    for thread in threads:
        thread.join(60)
    clock.forward(seconds=5)
    deliver_due(db, {"sms": post}, clock, JAPAN)
    assert faults == []
    assert len(heard) == len(visits)
    for references in heard.values():
        office.post.references = references
        assert office.handed() in (["moved"], ["cancelled"], ["reminder_day", "moved"], ["reminder_day", "cancelled"])
