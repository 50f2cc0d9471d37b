"""Is what a customer said about the ways to be reached honoured until the customer says otherwise?"""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from app.errors import Invalid, NotFound
from app.models import ConsentEntry, Customer, Notice, Visit
from app.operations.consent import change_by_word, closed, consent_history, opt_in, opt_out, opted_out
from app.operations.customer import change_customer
from app.operations.notice import Telling, add_notice, recipient_of
from app.operations.outbox import deliver_due
from app.providers.base import Refused
from app.rules.lateness import Decision, Reason, Watch

TOKYO = ZoneInfo("Asia/Tokyo")


class Post:
    """A channel that takes what has an address for it, or refuses for good."""

    repeats_safely = False

    def __init__(self, name, address, ends=None):
        self.name, self._address, self._ends = name, address, ends
        self.sent = []

    def reaches(self, recipient):
        return bool(getattr(recipient, self._address))

    def send(self, message, recipient, *, reference, valid_s):
        if self._ends:
            raise Refused("never", ends=self._ends)
        self.sent.append(getattr(recipient, self._address))
        return f"{self.name}-{reference}"


@pytest.fixture
def house():
    return {
        "sms": Post("sms", "mobile"),
        "voice": Post("voice", "phone"),
        "email": Post("email", "email"),
    }


@pytest.fixture
def tell(db, clock, world, house):
    """Return a function that has a delay told; it returns the channels that were planned."""

    starts_in_min = count(60, 120)

    def late():
        visit_id = world.visit(next(starts_in_min), technician_id=None)
        window = clock.now() + timedelta(minutes=80), clock.now() + timedelta(minutes=100)
        decision = Decision("late", *window, Reason("late_expected", {}), None, Watch(), None)
        with db.write() as session:
            visit = session.get_one(Visit, visit_id)
            return add_notice(session, visit, decision, Telling("https://a.jp", TOKYO, house), clock.now()).id

    return late


@pytest.fixture
def word(db, clock, world):
    """Return a function that closes or opens a way of the customer."""

    def say(verb, channel, **how):
        with db.write() as session:
            if verb == "out":
                opt_out(session, world.customer, channel, how.pop("why", "stop"), clock.now(), **how)
            else:
                opt_in(session, world.customer, channel, how.pop("actor", "customer"), clock.now(), **how)

    return say


@pytest.fixture
def shut(db, world):
    def ways():
        with db.read() as session:
            return {channel: entry.why for channel, entry in closed(session, world.customer).items()}

    return ways


def planned(db, notice_id):
    with db.read() as session:
        return session.get_one(Notice, notice_id).channels


def test_a_closed_way_is_left_out_until_it_is_opened_again(db, tell, word, shut):
    assert planned(db, tell()) == ["sms", "voice", "email"]
    word("out", "sms")
    assert planned(db, tell()) == ["voice", "email"]
    word("in", "sms")
    assert shut() == {}


def test_who_says_stop_while_a_notice_waits_gets_no_more_of_it(db, clock, tell, word, house):
    notice_id = tell()
    word("out", "sms")
    deliver_due(db, house, clock, TOKYO)
    assert house["sms"].sent == []
    assert house["voice"].sent == ["+819012345678"]
    with db.read() as session:
        assert session.get_one(Notice, notice_id).state == "sent"


def test_the_same_word_twice_adds_nothing(db, word, world):
    word("in", "sms")
    for _ in range(3):
        word("out", "sms")
    with db.read() as session:
        assert len(consent_history(session, world.customer)) == 1


def test_what_a_person_wants_is_stronger_than_where_an_address_leads(word, shut):
    word("out", "email", why="bounced", actor="system")
    word("out", "email", why="unsubscribed")
    assert shut() == {"email": "unsubscribed"}
    word("out", "email", why="bounced", actor="system")
    assert shut() == {"email": "unsubscribed"}


def test_a_word_about_one_customer_is_not_anothers(db, clock, world, word):
    word("out", "sms")
    with db.write() as session:
        other = Customer(name="x", mobile="+819012345678", created_at=clock.now())
        session.add(other)
        session.flush()
        assert opted_out(session, other.id) == frozenset()


@pytest.mark.parametrize(("why", "opened"), [("bounced", True), ("unsubscribed", False)])
def test_another_address_opens_only_what_led_nowhere(db, clock, world, word, shut, why, opened):
    word("out", "email", why=why)
    with db.write() as session:
        known = session.get_one(Customer, world.customer)
        names = ("name", "kind", "language", "mobile", "phone", "line_id", "notices", "first_channel")
        facts = {name: getattr(known, name) for name in names}
        change_customer(session, known.id, **facts, email="new@example.jp", country="JP", now=clock.now())
    assert (shut() == {}) is opened


def test_a_number_that_the_provider_gave_up_is_not_tried_again(db, clock, tell, house, shut):
    house["sms"] = Post("sms", "mobile", ends="unknown_number")
    tell()
    deliver_due(db, house, clock, TOKYO)
    assert shut() == {"sms": "unknown_number"}
    assert planned(db, tell()) == ["email"]  # nobody rings a number that does not exist


def recipient(db, clock, tell, **changes):
    notice_id = tell()
    with db.write() as session:
        notice = session.get_one(Notice, notice_id)
        for name, value in changes.items():
            setattr(notice.visit.customer, name, value)
        return recipient_of(session, notice, notice.visit, TOKYO, clock.now())


def test_a_landline_rings_and_gets_no_sms(db, clock, tell):
    who = recipient(db, clock, tell, mobile=None, phone="+81312345678")
    assert (who.mobile, who.phone) == (None, "+81312345678")


def test_a_mobile_that_wants_no_sms_may_still_ring(db, clock, tell, word):
    word("out", "sms")
    assert recipient(db, clock, tell, phone="+81312345678").phone == "+819012345678"


def test_no_machine_rings_at_night(db, clock, tell):
    assert recipient(db, clock, tell).phone
    notice_id = tell()
    clock.forward(hours=5, minutes=30)  # 21:30
    with db.read() as session:
        notice = session.get_one(Notice, notice_id)
        assert recipient_of(session, notice, notice.visit, TOKYO, clock.now()).phone is None


def test_a_dispatcher_writes_down_who_said_what(db, clock, world, shut):
    with db.write() as session:
        how = {"actor": "user:1", "now": clock.now()}
        change_by_word(session, world.customer, "sms", is_open=False, words="11/24 お電話で", **how)
        with pytest.raises(Invalid):
            change_by_word(session, world.customer, "sms", is_open=True, words=" ", **how)
        with pytest.raises(Invalid):
            change_by_word(session, world.customer, "pigeon", is_open=True, words="x", **how)
        with pytest.raises(NotFound):
            change_by_word(session, 4711, "sms", is_open=True, words="x", **how)
    assert shut() == {"sms": "said"}
    with db.read() as session:
        (entry,) = consent_history(session, world.customer)
        assert (entry.words, entry.actor) == ("11/24 お電話で", "user:1")


@pytest.mark.parametrize("verb", ["UPDATE consent_entry SET is_open = true", "DELETE FROM consent_entry"])
def test_the_database_keeps_every_word(db, word, verb):
    word("out", "sms")
    with pytest.raises(DBAPIError, match="evidence is only added to"), db.write() as session:
        session.execute(text(verb))
    with db.read() as session:
        assert len(session.scalars(select(ConsentEntry)).all()) == 1
