"""What follows from a receipt of an SMS, and does a repeated or late one change nothing?"""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from app.models import Notice, NoticeAttempt, Receipt, Visit
from app.operations.notice import Telling, add_notice
from app.operations.outbox import deliver_due
from app.providers.sms_twilio import TwilioSms
from app.rules.lateness import Decision, Reason, Watch
from app.rules.signatures import twilio_signature
from tests.standins import ACCOUNT, SECRET, SENDER, sms_server

BASE = "https://visits.example.jp"


@pytest.fixture
def settings(settings):
    return settings.model_copy(
        update={
            "base_url": BASE,
            "twilio_account_sid": ACCOUNT,
            "twilio_auth_token": SECRET,
            "twilio_from": SENDER,
        }
    )


@pytest.fixture
def twilio(clock):
    with sms_server() as server:
        server.now = clock.now
        yield server


@pytest.fixture
def notice_id(db, clock, world, twilio):
    """A notice that Twilio has taken."""
    now = clock.now()
    channels = {"sms": TwilioSms(ACCOUNT, SECRET, SENDER, twilio.url, f"{BASE}/hooks/twilio/status")}
    window = (now + timedelta(minutes=80), now + timedelta(minutes=100))
    decision = Decision("late", *window, Reason("late_expected"), None, Watch(), None)
    visit_id = world.visit()
    with db.write() as session:
        telling = Telling(BASE, ZoneInfo("Asia/Tokyo"), channels)
        added = add_notice(session, session.get_one(Visit, visit_id), decision, telling, now).id
    deliver_due(db, channels, clock, ZoneInfo("Asia/Tokyo"))
    return added


@pytest.fixture
def call_back(client, twilio, notice_id):
    """Return a function that posts a status callback of the notice's SMS, with further fields."""

    def post(status, **form):
        sms = twilio.taken[0]
        address = sms.form["StatusCallback"]
        form = {"MessageSid": sms.sid, "MessageStatus": status, "To": sms.to, **form}
        signed = twilio_signature(SECRET, address, {name: [value] for name, value in form.items()})
        headers = {"X-Twilio-Signature": signed}
        return client.post(address.removeprefix(BASE), data=form, headers=headers).status_code

    return post


@pytest.fixture
def kept(db, notice_id):
    def get():
        with db.read() as session:
            return session.get_one(Notice, notice_id).state, sorted(session.scalars(select(Receipt.status)))

    return get


def test_a_signed_receipt_is_kept(call_back, kept):
    assert call_back("delivered") == 204
    assert kept() == ("delivered", ["delivered"])


def test_a_repeated_or_late_receipt_changes_nothing(call_back, kept):
    for status in ("delivered", "delivered", "sent", "undelivered"):
        assert call_back(status) == 204
    assert kept() == ("delivered", ["delivered", "sent", "undelivered"])


def test_the_carriers_reason_is_kept(call_back, db, kept):
    assert call_back("undelivered", ErrorCode="30006") == 204
    assert kept()[0] == "failed"
    with db.read() as session:
        assert session.scalars(select(Receipt.error_code)).all() == ["30006"]


def test_a_message_that_is_not_ours_is_answered_and_forgotten(call_back, kept):
    assert call_back("delivered", MessageSid="SM-unknown") == 204
    assert kept() == ("sent", [])


@pytest.mark.parametrize("form", [{"MessageSid": ""}, {"MessageStatus": ""}, {"MessageStatus": "x" * 5000}])
def test_an_odd_receipt_is_never_an_error(call_back, form):
    assert call_back("delivered", **form) == 204


def test_a_receipt_that_names_our_attempt_proves_a_lost_answer(call_back, db, kept, notice_id):
    with db.write() as session:
        attempt = session.scalars(select(NoticeAttempt)).one()
        attempt.outcome, attempt.provider_id = "unknown", None
        session.get_one(Notice, notice_id).state = "unknown"
    assert call_back("sent") == 204
    assert kept() == ("sent", ["sent"])
    with db.read() as session:
        assert session.scalars(select(NoticeAttempt.outcome)).one() == "accepted"


def test_the_callback_is_only_posted_to(client):
    assert client.get("/hooks/twilio/status").status_code == 405
