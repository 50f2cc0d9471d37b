"""Do colleagues learn by e-mail what nobody at a desk deals with, once and in their own language?"""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update

from app.auth import sign_in
from app.i18n import LOCALES, has
from app.models import Letter, SignIn, User
from app.operations.absence import call_absent, note_seen
from app.operations.alarm import clear_alarms, raise_alarm
from app.operations.inbound import receive
from app.operations.letter import post_letters
from app.operations.notice import Telling
from app.operations.unread import call_for_unread
from app.providers.base import Refused
from app.rules.absence import KINDS

JAPAN = ZoneInfo("Asia/Tokyo")


class Mail:
    repeats_safely = False

    def __init__(self):
        self.sent, self.refuses = [], False

    def send(self, message, recipient, *, reference, valid_s):
        if self.refuses:
            raise Refused("SMTP 550")
        self.sent.append((recipient.email, message.subject, message.body))
        return reference


@pytest.fixture
def mail():
    return Mail()


@pytest.fixture
def look(db, clock, mail):
    """Return a function that looks who is to be written to, and delivers that; it returns who was."""

    def call(**by):
        clock.forward(**by)
        with db.write() as session:
            call_absent(session, Telling("https://a.jp", JAPAN, {"email": mail}), "JP", clock.now())
        before = len(mail.sent)
        post_letters(db, {"email": mail}, clock)
        return sorted(address.partition("@")[0] for address, *_ in mail.sent[before:])

    return call


@pytest.fixture
def to_call(db, clock, world):
    """A customer whom somebody must call within ten minutes."""
    visit_id = world.visit(60)
    facts = {"deadline_at": (clock.now() + timedelta(minutes=10)).isoformat(), "reason": "failed"}
    with db.write() as session:
        raise_alarm(session, "call_customer", f"visit:{visit_id}", clock.now(), visit_id=visit_id, facts=facts)
    return visit_id


def at_desk(db, clock, role):
    with db.write() as session:
        token = sign_in(session, email=f"{role}@example.jp", password="correct horse", now=clock.now())
        note_seen(session, token, clock.now())


def test_while_nobody_is_there_everybody_gets_one_letter_with_all_that_is_needed(look, to_call, mail):
    assert look(minutes=1) == []
    assert look(minutes=1) == ["admin", "dispatcher", "manager"]
    _, subject, body = mail.sent[0]
    assert subject == "【まもなく】対応をお待ちの件があります"
    for words in ("山田 花子様", "11/24(火) 17:00", "090-1234-5678", "期限 16:10", "https://a.jp/"):
        assert words in body
    assert [look(minutes=5) for _ in range(6)] == [[]] * 6


def test_a_dispatcher_at_the_desk_has_until_the_deadline_and_then_the_managers_hear(look, to_call, db, clock):
    for _ in range(4):
        at_desk(db, clock, "dispatcher")
        assert look(minutes=2) == []
    at_desk(db, clock, "dispatcher")
    assert look(minutes=2) == ["admin", "manager"]


def test_what_was_dealt_with_is_not_told(look, to_call, db, clock):
    with db.write() as session:
        clear_alarms(session, f"visit:{to_call}", ["call_customer"], clock.now(), "user:1")
    assert look(minutes=5) == []


def test_who_left_the_company_is_not_written_to_and_each_reads_the_own_language(look, to_call, db, mail):
    with db.write() as session:
        session.execute(update(User).where(User.role == "admin").values(active=False))
        session.execute(update(User).where(User.role == "manager").values(language="en"))
    assert look(minutes=5) == ["dispatcher", "manager"]
    english = next(body for address, _, body in mail.sent if address.startswith("manager"))
    assert "Nobody has dealt with this yet" in english
    assert "Our notice did not reach 山田 花子 (Tue 24 Nov 17:00)" in english


def test_an_unread_message_reaches_the_managers_once_it_is_overdue(look, db, clock, world):
    with db.write() as session:
        receive(session, "sms", "+819012345678", "まだですか", clock.now(), provider_id="1", zone=JAPAN)
    told = []
    for _ in range(200):
        clock.forward(minutes=1)
        at_desk(db, clock, "dispatcher")
        with db.write() as session:
            call_for_unread(session, JAPAN, clock.now())
        told += look()
    assert told == ["admin", "manager"]


def test_a_letter_that_was_refused_is_written_again_later(look, to_call, mail):
    mail.refuses = True
    assert look(minutes=3) == []
    mail.refuses = False
    assert look(minutes=1) == []
    assert look(minutes=10) == ["admin", "dispatcher", "manager"]


def test_without_e_mail_nobody_is_written_to(to_call, db, clock):
    clock.forward(minutes=5)
    with db.write() as session:
        assert call_absent(session, Telling("https://a.jp", JAPAN, {"sms": Mail()}), "JP", clock.now()) == 0
        assert session.scalars(select(Letter)).all() == []


def test_who_signed_out_is_not_at_the_desk(look, to_call, db, clock):
    clock.forward(minutes=2)
    at_desk(db, clock, "manager")
    with db.write() as session:
        session.execute(update(SignIn).values(revoked_at=clock.now()))
    assert look() == ["admin", "dispatcher", "manager"]


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("kind", KINDS)
def test_there_is_a_sentence_for_everything_that_calls(look, db, clock, mail, kind, locale):
    assert has(f"dispatch.alarm_{kind}", locale)


@pytest.mark.parametrize("kind", KINDS)
def test_every_sentence_can_be_written_without_a_visit(look, world, db, clock, kind):
    with db.write() as session:
        raise_alarm(session, kind, "x", clock.now(), facts={})
    assert look(minutes=5) == ["admin", "dispatcher", "manager"]
