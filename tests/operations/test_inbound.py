"""Does every message find its conversation, and the notice that it answers?"""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from app.models import Alarm, Customer, Inbound, Notice, NoticeAttempt, Visit, VisitEvent
from app.operations.attempt import reference_of
from app.operations.booking import cancel_visit
from app.operations.consent import opted_out
from app.operations.inbound import receive
from app.operations.unread import call_for_unread

TOKYO = ZoneInfo("Asia/Tokyo")
HERS = "+819012345678"


@pytest.fixture
def told(db, clock, world):
    """Return a function that records a notice which left over a channel, and gives its id."""

    def tell(visit_id, channel="sms", kind="late", ago_min=10, customer=None):
        at = clock.now() - timedelta(minutes=ago_min)
        with db.write() as session:
            visit = session.get_one(Visit, visit_id)
            notice = Notice(
                visit_id=visit_id,
                kind=kind,
                language="ja",
                dedupe_key=f"{visit_id}:{kind}:{ago_min}:{channel}",
                created_at=at,
                reason_code="late_expected",
                promised_from_at=visit.promised_from_at,
                promised_until_at=visit.promised_until_at,
                technician_id=visit.technician_id,
                short="まもなく",
                subject="お知らせ",
                body="お知らせ",
                channels=[channel],
                state="sent",
                sent_at=at,
                expires_at=at + timedelta(hours=1),
            )
            session.add(notice)
            session.flush()
            session.add(
                NoticeAttempt(
                    notice_id=notice.id,
                    channel=channel,
                    started_at=at,
                    outcome="accepted",
                    provider_id=f"<{notice.id}@mail.example.jp>" if channel == "email" else f"SM{notice.id}",
                )
            )
            return notice.id

    return tell


@pytest.fixture
def hear(db, clock):
    """Return a function that takes a message in and gives what was kept of it."""

    def take(words="何時になりますか", channel="sms", sender=HERS, provider_id="SM-in-1", **given):
        with db.write() as session:
            receive(session, channel, sender, words, clock.now(), provider_id=provider_id, zone=TOKYO, **given)
        with db.read() as session:
            return session.scalars(
                select(Inbound).where(Inbound.channel == channel, Inbound.provider_id == provider_id)
            ).one()

    return take


def test_a_message_finds_its_sender_and_the_notice_sent_to_that_number_last(world, told, hear):
    visit_id = world.visit()
    told(visit_id, ago_min=30)
    last = told(visit_id, ago_min=10)
    told(visit_id, channel="email", ago_min=5)
    kept = hear()
    assert (kept.customer_id, kept.visit_id, kept.notice_id) == (world.customer, visit_id, last)


def test_a_message_that_names_the_notice_answers_that_one(world, told, hear):
    visit_id = world.visit()
    named = told(visit_id, channel="email", ago_min=30)
    told(visit_id, channel="email", ago_min=10)
    kept = hear(channel="email", sender="office@elsewhere.example", answers=f"<{named}@mail.example.jp>")
    assert (kept.customer_id, kept.notice_id) == (world.customer, named)


def test_our_own_reference_names_the_notice_and_a_guessed_one_does_not(db, world, told, hear):
    named = told(world.visit(), ago_min=30)
    with db.read() as session:
        attempt = session.scalars(select(NoticeAttempt)).one()
        reference = f"{attempt.id}-{int(attempt.started_at.timestamp() * 1000):x}"
    assert hear(sender="+819099999999", answers=reference).notice_id == named
    guessed = hear(sender="+819099999999", answers=f"{attempt.id}-abc", provider_id="SM-in-2")
    assert (guessed.notice_id, guessed.customer_id) == (None, None)


def test_a_message_long_after_the_last_notice_is_about_the_next_visit(world, told, hear, clock):
    over = world.visit(starts_in_min=-10)
    told(over, ago_min=60)
    clock.forward(days=5)
    coming = world.visit(starts_in_min=300)
    kept = hear()
    assert (kept.customer_id, kept.notice_id) == (world.customer, None)
    assert kept.visit_id in (over, coming)


def test_an_unknown_sender_is_kept_too(world, hear):
    kept = hear(sender="+819099999999")
    assert (kept.customer_id, kept.words) == (None, "何時になりますか")


def test_nobody_guesses_whose_a_shared_number_is(db, world, told, hear, clock):
    with db.write() as session:
        session.add(Customer(name="山田 太郎", mobile=HERS, created_at=clock.now()))
    assert hear().customer_id is None
    told(world.visit())
    assert hear(provider_id="SM-in-2").customer_id == world.customer


def test_the_same_message_twice_is_kept_once(db, world, hear):
    hear("一度目")
    assert hear("二度目").words == "一度目"
    with db.read() as session:
        assert len(session.scalars(select(Inbound)).all()) == 1


def test_an_address_is_found_whatever_its_case(world, hear):
    assert hear(channel="email", sender="Hanako@EXAMPLE.jp").customer_id == world.customer


@pytest.mark.parametrize(
    ("odd", "kept"), [("a\x00b\x1b[31m\r\nc", "ab[31m\nc"), ("あ" * 30_000, "あ" * 20_000), ("", ""), ("\ud83d", "")]
)
def test_odd_words_are_kept_as_far_as_they_can_be(world, hear, odd, kept):
    assert hear(odd).words == kept


@pytest.mark.parametrize(
    "verb", ["UPDATE inbound SET words = 'x'", "UPDATE inbound SET sender = 'x'", "DELETE FROM inbound"]
)
def test_the_database_refuses_to_change_what_was_said(db, world, hear, verb):
    hear()
    with pytest.raises(DBAPIError, match="evidence is only added to"), db.write() as session:
        session.execute(text(verb))


def test_the_database_lets_what_was_said_be_forgotten(db, world, hear):
    hear()
    with db.write() as session:
        session.execute(text("UPDATE inbound SET words = NULL, sender = ''"))


@pytest.fixture
def calls(db):
    """Return a function that gives the attention list: kinds, with the words that stand beside them."""

    def get():
        with db.read() as session:
            return [
                (alarm.kind, alarm.facts.get("text"))
                for alarm in session.scalars(select(Alarm).where(Alarm.cleared_at.is_(None)).order_by(Alarm.id))
            ]

    return get


@pytest.fixture
def state_of(db):
    def get(notice_id):
        with db.read() as session:
            notice = session.get_one(Notice, notice_id)
            return notice.state, notice.confirmed_by

    return get


def test_an_ok_confirms_the_notice_it_answers_and_needs_nobody(db, world, told, hear, calls, state_of):
    visit_id = world.visit()
    notice_id = told(visit_id)
    kept = hear("了解しました。ありがとうございます")
    assert (kept.understood, kept.handled_by) == ("ok", "system")
    assert state_of(notice_id) == ("delivered", "replied")
    assert calls() == []
    with db.read() as session:
        events = session.scalars(select(VisitEvent).where(VisitEvent.kind == "acknowledged")).all()
        assert [event.facts["notice"] for event in events] == [notice_id]


def test_an_ok_to_nothing_is_left_to_a_person(world, hear):
    world.visit()
    assert hear("OK").handled_at is None


def test_an_ok_to_what_a_dispatcher_asked_is_read_by_a_person(world, told, hear, state_of):
    asked = told(world.visit(), kind="reply")
    kept = hear("はい")
    assert (kept.understood, kept.handled_at) == ("ok", None)
    assert state_of(asked) == ("delivered", "replied")


def test_a_wish_for_another_time_stands_on_the_attention_list_with_its_words(world, told, hear, calls):
    told(world.visit())
    assert hear("時間を変えてください").handled_by == "system"
    assert calls() == [("cannot_be_there", "時間を変えてください")]


def test_a_wish_for_a_call_stands_on_the_attention_list_with_a_deadline(db, world, told, hear, calls):
    told(world.visit())
    assert hear("電話ください").understood == "call"
    assert calls() == [("call_me", "電話ください")]
    with db.read() as session:
        assert session.scalars(select(Alarm)).one().facts["deadline_at"]


def test_a_wish_about_a_visit_that_is_over_is_left_to_a_person(db, world, told, hear, clock, calls):
    visit_id = world.visit()
    told(visit_id)
    with db.write() as session:
        version = session.get_one(Visit, visit_id).version
        cancel_visit(session, visit_id, now=clock.now(), actor="test", version=version, reason="x")
    assert hear("変更お願いします").handled_at is None
    assert calls() == []


@pytest.mark.parametrize(("channel", "sender", "word"), [("sms", HERS, "STOP"), ("line", "U1", "配信停止")])
def test_stop_is_honoured_for_everybody_with_that_address_until_start(db, world, clock, hear, channel, sender, word):
    with db.write() as session:
        session.get_one(Customer, world.customer).line_id = "U1"
        twin = Customer(name="山田 太郎", mobile=HERS, line_id="U1", created_at=clock.now())
        session.add(twin)
        session.flush()
        ids = [world.customer, twin.id]
    hear(word, channel, sender)
    with db.read() as session:
        assert [opted_out(session, one) for one in ids] == [frozenset({channel})] * 2
    hear("START", channel, sender, "SM-in-2")
    with db.read() as session:
        assert [opted_out(session, one) for one in ids] == [frozenset()] * 2


def test_what_the_provider_took_for_stop_is_kept_and_what_else_it_may_mean_is_read_by_a_person(db, world, hear):
    kept = hear("CANCEL", chosen="stop")
    assert (kept.understood, kept.handled_at) == ("stop", None)
    with db.read() as session:
        assert opted_out(session, world.customer) == {"sms"}
    assert hear("STOP", chosen="stop", provider_id="SM-in-2").handled_by == "system"


def test_a_mail_that_names_no_notice_changes_nothing_because_its_sender_can_be_forged(db, world, told, hear, calls):
    notice_id = told(world.visit(), channel="email")
    for number, words in enumerate(("OK", "STOP", "変更", "電話ください")):
        assert hear(words, "email", "hanako@example.jp", f"<{number}@x>").handled_at is None
    assert calls() == []
    with db.read() as session:
        assert opted_out(session, world.customer) == frozenset()
        assert session.get_one(Notice, notice_id).state == "sent"


def test_a_mail_that_answers_a_notice_confirms_it_whatever_it_says(world, told, hear, state_of):
    notice_id = told(world.visit(), channel="email")
    hear("何時ですか", "email", "hanako@example.jp", answers=f"<{notice_id}@mail.example.jp>")
    assert state_of(notice_id) == ("delivered", "replied")


def test_a_machines_word_is_kept_and_taken_for_no_answer(world, told, hear, state_of):
    notice_id = told(world.visit(), channel="email")
    kept = hear("OK", "email", "hanako@example.jp", answers=f"<{notice_id}@mail.example.jp>", automatic=True)
    assert (kept.understood, kept.handled_by, state_of(notice_id)[0]) == ("automatic", "system", "sent")


def test_an_unread_message_climbs_to_a_dispatcher_and_then_to_a_manager(db, world, told, hear, clock, calls):
    told(world.visit())
    hear("鍵はポストの中です")

    def look():
        with db.write() as session:
            call_for_unread(session, TOKYO, clock.now())
        return [kind for kind, _ in calls()]

    assert look() == []
    clock.forward(minutes=4)
    assert look() == []
    clock.forward(minutes=1)
    assert look() == look() == ["reply_waiting"]
    clock.forward(minutes=10)
    assert look() == look() == ["reply_overdue"]
    with db.write() as session:
        session.scalars(select(Inbound)).one().handled_at = clock.now()
    assert look() == ["reply_overdue"]  # who read it took it off (operations.inbox)


def test_a_message_about_a_far_visit_has_more_time(db, world, hear, clock, calls):
    world.visit(starts_in_min=3 * 24 * 60)
    hear("駐車場はありますか")
    clock.forward(minutes=29)
    with db.write() as session:
        assert call_for_unread(session, TOKYO, clock.now()) == 0
    clock.forward(minutes=1)
    with db.write() as session:
        assert call_for_unread(session, TOKYO, clock.now()) == 1


def test_an_answer_to_a_mail_whose_handing_over_was_never_confirmed_finds_its_notice(world, hear, told, db):
    named = told(world.visit(), channel="email")
    with db.write() as session:
        attempt = session.scalars(select(NoticeAttempt)).one()
        attempt.provider_id, attempt.outcome = None, "unknown"
        reference = reference_of(attempt)
    kept = hear("OK", "email", "office@elsewhere.example", answers=f"<mamonaku.{reference}@mail.example.jp>")
    assert (kept.notice_id, kept.understood) == (named, "ok")
    forged = hear("OK", "email", "x@elsewhere.example", "in-2", answers=f"<mamonaku.{attempt.id}-1@mail.example.jp>")
    assert forged.notice_id is None
