"""What follows from a key that was pressed during a call, and from how the call ended?"""

from __future__ import annotations

from datetime import timedelta
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from app.models import Alarm, Notice, NoticeAttempt, Receipt, Visit
from app.operations.notice import Telling, add_notice
from app.operations.outbox import deliver_due
from app.providers.voice_twilio import TwilioVoice
from app.rules.lateness import Decision, Reason, Watch
from app.rules.signatures import twilio_signature
from tests.standins import ACCOUNT, SECRET, SENDER, sms_server

BASE = "https://visits.example.jp"
HOOK = f"{BASE}/hooks/twilio/voice"


@pytest.fixture
def settings(settings):
    account = {"twilio_account_sid": ACCOUNT, "twilio_auth_token": SECRET, "twilio_from": SENDER}
    return settings.model_copy(update={"base_url": BASE, **account})


@pytest.fixture
def twilio(clock):
    with sms_server() as server:
        server.now = clock.now
        yield server


@pytest.fixture
def called(db, clock, world, twilio):
    """A notice that is being read to the customer; its id."""
    channels = {"voice": TwilioVoice(ACCOUNT, SECRET, SENDER, twilio.url, HOOK)}
    now = clock.now()
    window = (now + timedelta(minutes=80), now + timedelta(minutes=100))
    decision = Decision("late", *window, Reason("late_expected"), None, Watch(), None)
    visit_id = world.visit()
    with db.write() as session:
        telling = Telling(BASE, ZoneInfo("Asia/Tokyo"), channels)
        added = add_notice(session, session.get_one(Visit, visit_id), decision, telling, now).id
    deliver_due(db, channels, clock, ZoneInfo("Asia/Tokyo"))
    return added


@pytest.fixture
def post(client, twilio, called):
    def send(path="", call_id=None, **form):
        call = twilio.taken[0]
        url = call.form["StatusCallback"].replace("/status?", f"{path}?")
        form = {"CallSid": call_id or call.sid, "From": SENDER, "To": call.to, **form}
        signed = twilio_signature(SECRET, url, {name: [value] for name, value in form.items()})
        return client.post(url.removeprefix(BASE), data=form, headers={"X-Twilio-Signature": signed})

    return send


@pytest.fixture
def notice(db, called):
    def get():
        with db.read() as session:
            return session.get_one(Notice, called)

    return get


def said(reply):
    assert reply.status_code == 200
    return [s.text for s in ElementTree.fromstring(reply.data).iter("Say")]


def calls_wanted(db):
    with db.read() as session:
        return len(session.scalars(select(Alarm).where(Alarm.kind == "call_me", Alarm.cleared_at.is_(None))).all())


def test_one_says_that_it_was_understood(post, notice, db):
    assert notice().state == "sent"
    assert said(post(Digits="1")) == ["ご確認いただき、ありがとうございました。それでは失礼いたします。"]
    assert (notice().state, notice().confirmed_by) == ("delivered", "key_pressed")
    assert calls_wanted(db) == 0


def test_two_has_the_office_call_once(post, notice, db):
    for _ in range(3):
        assert "折り返しお電話いたします" in said(post(Digits="2"))[0]
    assert notice().state == "delivered"
    assert calls_wanted(db) == 1


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
@pytest.mark.parametrize("key", ["3", "9", ""])
def test_any_other_key_has_it_read_again_and_proves_nothing(post, notice, key):
    reply = post(Digits=key)
    assert notice().spoken in said(reply)
    gather = ElementTree.fromstring(reply.data).find("Gather")
    assert gather.get("action").startswith(f"{HOOK}?n=")
    assert notice().state == "sent"


def test_who_pressed_after_the_visit_is_thanked_all_the_same(post, notice, db):
    with db.write() as session:
        session.get_one(Notice, notice().id).visit.status = "completed"
    assert "ありがとうございました" in said(post(Digits="1"))[0]
    assert notice().state == "delivered"


def test_a_key_before_our_own_request_returned_counts(post, notice, db, called):
    with db.write() as session:
        session.scalars(select(NoticeAttempt)).one().provider_id = None
        session.get_one(Notice, called).state = "sending"
    post(Digits="1")
    assert notice().state == "delivered"


def test_a_key_in_a_call_of_somebody_else_does_nothing(post, notice):
    assert said(post(Digits="1", call_id="CA1234")) == []
    assert notice().state == "sent"


def test_that_somebody_or_a_machine_picked_up_proves_nothing(post, notice):
    for status in ("in-progress", "completed", "completed"):
        assert post("/status", CallStatus=status).status_code == 204
    assert notice().state == "sent"


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
@pytest.mark.parametrize("status", ["busy", "no-answer", "failed"])
def test_who_did_not_pick_up_is_told_otherwise(post, notice, db, status):
    post("/status", CallStatus=status)
    assert (notice().state, notice().state_reason) == ("failed", status)  # no other way: a person calls
    with db.read() as session:
        assert session.scalars(select(Receipt.status)).all() == [status]
