"""Does what lies in the mailbox reach the conversations and the attempts, once, and marked only after it was kept?"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from app import tick
from app.models import Alarm, Inbound, Notice, Visit
from app.operations.attempt import reference_of
from app.operations.consent import opted_out
from app.operations.notice import Telling, add_notice
from app.operations.outbox import deliver_due
from app.providers.mailbox_imap import ImapMailbox
from app.rules.lateness import Decision, Reason, Watch
from app.rules.messages import Message
from tests.mailbox_standin import mailbox_server
from tests.rules.test_bounce import report

TOKYO = ZoneInfo("Asia/Tokyo")


class Mailer:
    """An e-mail channel that takes everything, and names each mail as the real one does."""

    name = "email"
    repeats_safely = False

    def reaches(self, recipient):
        return bool(recipient.email)

    def send(self, message: Message, recipient, *, reference, valid_s):
        return f"<mamonaku.{reference}@example.jp>"


@pytest.fixture
def server():
    with mailbox_server() as running:
        yield running


@pytest.fixture
def parts(parts, server):
    return replace(parts, mailbox=ImapMailbox(server.url), channels={"email": Mailer()})


@pytest.fixture
def sent(db, clock, world, parts):
    """The id of a mail of ours that told of a delay."""
    now = clock.now()
    window = (now + timedelta(minutes=80), now + timedelta(minutes=100))
    decision = Decision("late", *window, Reason("late_expected"), None, Watch(), None)
    visit_id = world.visit()
    with db.write() as session:
        telling = Telling("https://x.example", TOKYO, parts.channels)
        add_notice(session, session.get_one(Visit, visit_id), decision, telling, now)
    deliver_due(db, parts.channels, clock, TOKYO)
    with db.read() as session:
        (attempt,) = session.scalars(select(Notice)).one().attempts
        return f"<mamonaku.{reference_of(attempt)}@example.jp>"


@pytest.fixture
def state(db):
    def get():
        with db.read() as session:
            notice = session.scalars(select(Notice)).one()
            return notice.state, notice.confirmed_by

    return get


def heard(db):
    with db.read() as session:
        return session.scalars(select(Inbound).order_by(Inbound.id)).all()


def letter(words, message_id="<1@phone>", answers="", **headers):
    lines = {"From": "hanako@example.jp", "Subject": "Re: お知らせ", "Message-ID": message_id, **headers}
    if answers:
        lines["In-Reply-To"] = answers
    return ("".join(f"{name}: {value}\r\n" for name, value in lines.items()) + f"\r\n{words}").encode()


def test_an_answer_by_mail_confirms_the_notice_and_is_marked_as_read(db, server, parts, sent, state):
    uid = server.put(letter("了解しました。\r\n\r\n> 遅れます", answers=sent))
    assert tick.read_mailbox(parts) == 1
    assert state() == ("delivered", "replied")
    assert heard(db)[0].understood == "ok"
    assert server.seen == {uid}
    assert tick.read_mailbox(parts) == 0


def test_a_mail_that_was_kept_but_not_marked_comes_again_and_changes_nothing(db, server, parts, sent):
    server.put(letter("駐車場は?", answers=sent))
    tick.read_mailbox(parts)
    server.seen.clear()
    assert tick.read_mailbox(parts) == 1
    assert len(heard(db)) == 1


def test_a_mail_is_not_marked_while_the_database_cannot_keep_it(db, server, parts, monkeypatch):
    server.put(letter("a"))
    monkeypatch.setattr(tick, "take_mail", lambda *_: 1 / 0)
    monkeypatch.setattr(tick, "take_unreadable", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        tick.read_mailbox(parts)
    assert server.seen == set()


def test_of_a_mail_that_breaks_everything_the_beginning_is_kept_for_a_person(db, server, parts, monkeypatch):
    server.put(letter("a"))
    server.put(letter("b", "<2@phone>"))
    monkeypatch.setattr(tick, "take_mail", lambda *_: 1 / 0)
    assert tick.read_mailbox(parts) == 2
    assert [one.handled_at for one in heard(db)] == [None, None]
    assert heard(db)[0].words.startswith("From: hanako")


def test_a_mail_that_came_back_climbs_and_its_address_is_given_up(db, server, parts, world, sent, state):
    server.put(report().replace(b"<mamonaku.12-19ab3@example.jp>", sent.encode()))
    tick.read_mailbox(parts)
    assert state()[0] == "failed"  # there is no other way to reach her: a person is called
    with db.read() as session:
        assert opted_out(session, world.customer) == {"email"}
        assert session.scalars(select(Alarm.kind).where(Alarm.cleared_at.is_(None))).all() == ["call_customer"]
    assert heard(db) == []


def test_a_full_mailbox_climbs_and_keeps_its_address(db, server, parts, world, sent, state):
    full = report(status="5.2.2", diagnostic="smtp; 552 mailbox full")
    server.put(full.replace(b"<mamonaku.12-19ab3@example.jp>", sent.encode()))
    tick.read_mailbox(parts)
    assert state()[0] == "failed"
    with db.read() as session:
        assert opted_out(session, world.customer) == frozenset()


def test_a_delay_of_the_mail_server_changes_nothing_yet(db, server, parts, sent, state):
    late = report("delayed", "4.4.1", "smtp; timed out")
    server.put(late.replace(b"<mamonaku.12-19ab3@example.jp>", sent.encode()))
    tick.read_mailbox(parts)
    assert state()[0] == "sent"


def test_a_forged_report_gives_up_nothing_and_is_read_by_a_person(db, server, parts, world, sent, state):
    forged = report(returned=False).replace(b"Hanako@Example.jp", b"hanako@example.jp")
    server.put(forged)
    server.put(report().replace(b"<b1@mx>", b"<b2@mx>"))  # names an attempt that is not there
    tick.read_mailbox(parts)
    assert state()[0] == "sent"
    with db.read() as session:
        assert opted_out(session, world.customer) == frozenset()
    assert [(one.customer_id, one.handled_at) for one in heard(db)] == [(world.customer, None)] * 2


def test_out_of_office_is_kept_and_taken_for_no_answer(db, server, parts, sent, state):
    server.put(letter("OK", answers=sent, **{"Auto-Submitted": "auto-replied"}))
    tick.read_mailbox(parts)
    assert state()[0] == "sent"
    assert heard(db)[0].understood == "automatic"


def test_a_mail_of_our_own_is_left_alone(db, server, parts, sent):
    server.put(letter("OK", message_id=sent))
    assert tick.read_mailbox(parts) == 1
    assert heard(db) == []


def test_a_mailbox_that_does_not_answer_ends_nothing(server, parts):
    server.mode = "refuse"
    assert tick.read_mailbox(parts) == 0


def test_without_a_mailbox_nothing_is_read(parts):
    assert tick.read_mailbox(replace(parts, mailbox=None)) == 0
