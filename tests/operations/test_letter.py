"""Does what is about no visit leave once, or reach a person, whatever the provider does?"""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from app import auth
from app.models import Alarm, Letter
from app.operations.alarm import clear_alarms
from app.operations.inbound import receive
from app.operations.letter import ANSWER_LASTS, add_letter, post_letters
from app.operations.purge import forget_words
from app.operations.receipt import note_receipt
from app.providers.base import OutcomeUnknown, Refused, TryLater
from app.rules.letter import MOST_TRIES
from app.rules.messages import Message

WORDS = Message("【アオバPC】はい", "はい", "お返事", "はい\nアオバ", "はい")
HERS = "+819099990000"


class Pigeon:
    """A channel that does what a test says, one after another, and then takes everything."""

    def __init__(self, *does, repeats_safely=False, knows=()):
        self.does, self.repeats_safely, self.knows = list(does), repeats_safely, list(knows)
        self.sent, self.asked = [], 0

    def send(self, message, recipient, *, reference, valid_s):
        does = self.does.pop(0) if self.does else None
        if isinstance(does, Exception):
            raise does
        self.sent.append((message.short, recipient.mobile, reference, valid_s))
        return f"SM{len(self.sent)}"

    def look_up(self, message, recipient, *, reference, began_at):
        self.asked += 1
        found = self.knows.pop(0) if self.knows else OutcomeUnknown("nobody can know")
        if isinstance(found, Exception):
            raise found
        return found


@pytest.fixture
def letter(db, clock):
    with db.write() as session:
        receive(session, "sms", HERS, "見てもらえますか", clock.now(), provider_id="in-1", zone=clock.now().tzinfo)
        return add_letter(
            session, WORDS, about=f"sms:{HERS}", key="1", channel="sms", address=HERS, language="ja", words="はい",
            actor="user:1", now=clock.now(), lasts=ANSWER_LASTS,
        ).id  # fmt: skip


@pytest.fixture
def post(db, clock):
    """Return a function that lets a channel work for a while; it returns the letter's state at the end."""

    def run(pigeon, minutes=0.0):
        until = clock.now() + timedelta(minutes=minutes)
        post_letters(db, {"sms": pigeon}, clock)
        while clock.now() < until:
            clock.forward(seconds=5)
            post_letters(db, {"sms": pigeon}, clock)
        with db.read() as session:
            return session.scalars(select(Letter.state)).one()

    return run


def alarms(db):
    with db.read() as session:
        rows = session.scalars(select(Alarm).where(Alarm.cleared_at.is_(None)))
        return [(one.kind, one.subject, one.facts["inbound"]) for one in rows]


def test_it_leaves_once_with_its_end(letter, post):
    pigeon = Pigeon()
    assert post(pigeon, minutes=5) == "sent"
    ((short, mobile, reference, valid_s),) = pigeon.sent
    assert (short, mobile, valid_s) == ("【アオバPC】はい", HERS, 12 * 3600)
    assert reference.startswith(f"letter-{letter}-")


def test_the_same_is_written_down_once(db, clock, letter):
    with db.write() as session:
        again = add_letter(
            session, WORDS, about="x", key="1", channel="sms", address=HERS, language="ja", words="はい",
            actor="user:1", now=clock.now(), lasts=ANSWER_LASTS,
        )  # fmt: skip
        assert again.id == letter


def test_what_was_not_taken_is_tried_again_and_at_last_a_person_is_asked(db, letter, post):
    assert post(Pigeon(TryLater("busy")), minutes=1) == "sent"


def test_after_some_tries_in_vain_a_person_finds_another_way(db, letter, post):
    pigeon = Pigeon(*[TryLater("busy")] * 50)
    assert post(pigeon, minutes=10) == "failed"
    assert len(pigeon.does) == 50 - MOST_TRIES
    assert alarms(db) == [("answer_failed", f"sms:{HERS}", 1)]


def test_a_refusal_calls_a_person(db, letter, post):
    assert post(Pigeon(Refused("no such number"))) == "failed"
    assert alarms(db) == [("answer_failed", f"sms:{HERS}", 1)]


def test_a_lost_answer_is_looked_up_and_never_sent_blindly(db, letter, post):
    found = Pigeon(OutcomeUnknown("no answer"), knows=["SM9"])
    assert post(found, minutes=5) == "sent"
    assert (found.sent, found.asked) == ([], 1)


def test_only_what_is_certainly_absent_is_sent_again_and_not_at_once(db, clock, letter, post):
    pigeon = Pigeon(OutcomeUnknown("no answer"), knows=[None, None])
    assert post(pigeon, minutes=0.9) == "sending"
    assert pigeon.sent == []
    assert post(pigeon, minutes=1) == "sent"
    assert len(pigeon.sent) == 1


def test_where_nobody_can_know_a_person_is_asked(db, letter, post):
    pigeon = Pigeon(OutcomeUnknown("no answer"))
    assert post(pigeon, minutes=5) == "unknown"
    assert pigeon.sent == []
    assert len(alarms(db)) == 1


def test_a_channel_that_tells_a_repetition_gets_the_same_again(db, letter, post):
    pigeon = Pigeon(OutcomeUnknown("no answer"), RuntimeError("odd"), repeats_safely=True)
    assert post(pigeon, minutes=1) == "sent"
    assert (len(pigeon.sent), pigeon.asked) == (1, 0)


def test_who_died_with_it_in_the_hand_leaves_it_to_the_next(db, clock, letter, post):
    class Death(Pigeon):
        def send(self, *_, **__):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        post(Death())
    pigeon = Pigeon(knows=["SM1"])
    assert post(pigeon) == "sending"
    assert post(pigeon, minutes=1.1) == "sent"
    assert pigeon.sent == []


def test_what_waited_too_long_is_not_sent(db, clock, letter, post):
    clock.forward(hours=13)
    pigeon = Pigeon()
    assert post(pigeon) == "failed"
    assert pigeon.sent == []
    assert len(alarms(db)) == 1


def test_a_channel_that_is_not_set_any_more_calls_a_person(db, clock, letter):
    post_letters(db, {}, clock)
    assert len(alarms(db)) == 1


def receipt(db, clock, provider_id, status, reference=None):
    with db.write() as session:
        return note_receipt(session, provider_id, status, None, clock.now(), reference=reference)


def test_receipts_come_in_any_order_and_what_ended_stays_ended(db, clock, letter, post):
    assert post(Pigeon()) == "sent"
    for status in ("sent", "delivered", "delivered", "undelivered"):
        assert receipt(db, clock, "SM1", status)
    assert post(Pigeon()) == "delivered"
    assert alarms(db) == []


def test_what_the_carrier_could_not_deliver_calls_a_person(db, clock, letter, post):
    post(Pigeon())
    assert receipt(db, clock, "SM1", "undelivered")
    assert post(Pigeon()) == "failed"
    assert len(alarms(db)) == 1


def test_a_receipt_before_the_answer_is_believed_only_with_the_whole_reference(db, clock, letter, post):
    with db.read() as session:
        reference = session.get_one(Letter, letter).reference
    for guess in ("letter-1-0", "letter-9-0", "letter-x", "letter-", f"{reference}0"):
        assert not receipt(db, clock, "SM7", "delivered", reference=guess)
    assert receipt(db, clock, "SM7", "delivered", reference=reference)
    pigeon = Pigeon()
    assert post(pigeon) == "delivered"
    assert pigeon.sent == []


def test_it_is_forgotten_with_what_it_answered(db, clock, letter):
    with db.write() as session:
        forget_words(session, clock.now() + timedelta(days=366), timedelta(days=365))
        assert session.scalars(select(Letter)).all() == []


def test_an_answer_of_which_nothing_is_heard_calls_a_person_once(db, clock, letter, post):
    pigeon = Pigeon()
    post(pigeon)
    clock.forward(minutes=19)
    post(pigeon)
    assert alarms(db) == []
    clock.forward(minutes=2)
    assert post(pigeon) == "sent"
    ((kind, subject, _),) = alarms(db)
    assert (kind, subject) == ("answer_failed", f"sms:{HERS}")
    with db.write() as session:
        clear_alarms(session, subject, (kind,), clock.now())
    post(pigeon, minutes=1)
    assert alarms(db) == []


@pytest.mark.parametrize("sign", ["receipt", "word"])
def test_a_receipt_or_a_word_of_hers_shows_that_it_arrived(db, clock, letter, post, sign):
    post(Pigeon())
    clock.forward(minutes=5)
    if sign == "receipt":
        assert receipt(db, clock, "SM1", "delivered")
    else:
        with db.write() as session:
            receive(session, "sms", HERS, "助かります", clock.now(), provider_id="in-2", zone=clock.now().tzinfo)
    clock.forward(minutes=20)
    assert post(Pigeon()) == "delivered"
    assert alarms(db) == []


def test_a_call_to_a_colleague_waits_for_no_sign(db, clock, post):
    with db.write() as session:
        user = auth.create_user(
            session, email="d@example.jp", name="d", role="dispatcher", password="correct horse", language="ja",
            now=clock.now(),
        )  # fmt: skip
        add_letter(
            session, WORDS, about="desk", key="1", channel="sms", address=HERS, language="ja", words="",
            actor="system", now=clock.now(), lasts=ANSWER_LASTS, user_id=user.id,
        )  # fmt: skip
    post(Pigeon())
    clock.forward(hours=25)
    assert post(Pigeon()) == "sent"
    assert alarms(db) == []
