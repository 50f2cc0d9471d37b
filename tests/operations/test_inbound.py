"""Does every message find its conversation, and the notice that it answers?"""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from app.models import Customer, Inbound, Notice, NoticeAttempt, Visit
from app.operations.inbound import receive

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

    def take(words="エアコンの音がします", channel="sms", sender=HERS, provider_id="SM-in-1", answers=None):
        with db.write() as session:
            receive(session, channel, sender, words, clock.now(), provider_id=provider_id, zone=TOKYO, answers=answers)
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
    assert (kept.customer_id, kept.words) == (None, "エアコンの音がします")


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
