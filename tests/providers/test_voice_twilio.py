"""Is a customer called as Twilio's protocol asks, in her language, and is a call found again whose answer was lost?"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest

from app.config import Settings
from app.providers import voice_twilio
from app.providers.base import OutcomeUnknown, Recipient, Refused
from app.providers.voice_twilio import TwilioVoice
from app.rules.messages import Message
from app.voice import LONGEST_TWIML
from tests.standins import ACCOUNT, SECRET, SENDER

MESSAGE = Message("短文", "LINE", "件名", "本文", "山田様。到着は、17時20分頃の見込みです。A & B <C>")
HANAKO = Recipient(phone="+81312345678")
HOOK = "https://a.jp/hooks/twilio/voice"
NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def channel(twilio):
    return TwilioVoice(ACCOUNT, SECRET, SENDER, twilio.url, HOOK)


def send(channel, message=MESSAGE, to=HANAKO, reference="12-18f", valid_s=600):
    return channel.send(message, to, reference=reference, valid_s=valid_s)


def said(twilio):
    return ElementTree.fromstring(twilio.taken[-1].body)


def test_the_form_is_what_the_protocol_asks_for(twilio, channel):
    assert send(channel) == twilio.taken[0].sid
    method, path, form = twilio.asked[0]
    assert (method, path) == ("POST", f"/2010-04-01/Accounts/{ACCOUNT}/Calls.json")
    assert form.pop("Twiml").startswith("<Response>")
    assert form == {
        "To": "+81312345678",
        "From": SENDER,
        "Timeout": "35",
        "TimeLimit": "180",
        "StatusCallback": f"{HOOK}/status?n=12-18f",
        "StatusCallbackEvent": "answered",
    }


def test_a_call_reads_the_notice_twice_and_says_what_the_keys_do(twilio, channel):
    send(channel)
    response = said(twilio)
    gathers = response.findall("Gather")
    assert [g.get("action") for g in gathers] == [f"{HOOK}?n=12-18f"] * 2
    assert {g.get("numDigits") for g in gathers} == {"1"}
    sentences = [s.text for s in gathers[0]]
    assert sentences[0] == "自動音声でお知らせいたします。"
    assert sentences[1] == MESSAGE.spoken  # escaped on the way, whole again here
    assert "1を" in sentences[2]
    assert "2を" in sentences[2]
    assert {s.get("language") for s in response.iter("Say")} == {"ja-JP"}
    assert response[-1].tag == "Say"


def test_english_is_read_by_an_english_voice(twilio, channel):
    send(channel, to=replace(HANAKO, language="en"))
    assert {s.get("language") for s in said(twilio).iter("Say")} == {"en-GB"}


def test_a_long_notice_is_read_once_and_one_that_is_too_long_is_refused(twilio, channel):
    send(channel, replace(MESSAGE, spoken="遅" * 2000))
    assert len(said(twilio).findall("Gather")) == 1
    assert len(twilio.taken[0].body) <= LONGEST_TWIML
    with pytest.raises(Refused):
        send(channel, replace(MESSAGE, spoken="遅" * 4000))
    assert len(twilio.taken) == 1


def test_a_telephone_rings_no_longer_than_the_notice_is_valid(twilio, channel):
    send(channel, valid_s=12)
    assert twilio.taken[0].form["Timeout"] == "12"


def look_up(channel, began_at=NOW):
    return channel.look_up(MESSAGE, HANAKO, reference="12-18f", began_at=began_at)


def call(twilio, channel, at):
    twilio.now = lambda: at
    return send(channel)


def test_a_call_whose_answer_was_lost_is_found(twilio, channel):
    twilio.modes.append("close")
    twilio.now = lambda: NOW + timedelta(seconds=2)
    with pytest.raises(OutcomeUnknown):
        send(channel)
    assert look_up(channel) == twilio.taken[0].sid


def test_a_call_that_was_never_made_is_certainly_absent(twilio, channel):
    call(twilio, channel, NOW - timedelta(hours=2))
    assert look_up(channel) is None


@pytest.mark.parametrize("others_s", [(-150,), (-20, 20)])
def test_another_call_at_about_that_moment_leaves_it_unknown(twilio, channel, others_s):
    for seconds in others_s:
        call(twilio, channel, NOW + timedelta(seconds=seconds))
    with pytest.raises(OutcomeUnknown):
        look_up(channel)


@pytest.mark.parametrize("sender", ["AobaPC", "12345"])
def test_a_sender_that_is_no_number_cannot_call(sender):
    account = {"twilio_account_sid": ACCOUNT, "twilio_auth_token": SECRET}
    assert voice_twilio.from_settings(Settings(**account, twilio_from=sender)) is None
