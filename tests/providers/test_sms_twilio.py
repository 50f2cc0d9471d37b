"""Is an SMS handed over as Twilio's protocol asks, and is every way to fail told apart?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.providers import http
from app.providers import twilio as protocol
from app.providers.base import OutcomeUnknown, Recipient, Refused, TryLater
from app.providers.sms_twilio import TwilioSms
from app.rules.messages import Message
from tests.standins import ACCOUNT, SECRET, SENDER

MESSAGE = Message("【アオバPC】遅れ17:20-17:40頃 https://a.jp/v/2345678923", "LINE", "件名", "本文", "音声")
HANAKO = Recipient(mobile="+819012345678")
NOW = datetime.now(UTC)


@pytest.fixture
def channel(twilio):
    return TwilioSms(ACCOUNT, SECRET, SENDER, twilio.url, "https://a.jp/hooks/twilio/status")


def send(channel, valid_s=600):
    return channel.send(MESSAGE, HANAKO, reference="12-18f", valid_s=valid_s)


def look_up(channel, began_at=NOW):
    return channel.look_up(MESSAGE, HANAKO, reference="12-18f", began_at=began_at)


def test_the_form_is_what_the_protocol_asks_for(twilio, channel):
    assert send(channel) == twilio.taken[0].sid
    method, path, form = twilio.asked[0]
    assert (method, path) == ("POST", f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json")
    assert form == {
        "To": HANAKO.mobile,
        "From": SENDER,
        "Body": MESSAGE.short,
        "ValidityPeriod": "600",
        "StatusCallback": "https://a.jp/hooks/twilio/status?n=12-18f",
    }


@pytest.mark.parametrize(("valid_s", "told"), [(0, "1"), (-5, "1"), (99999, "36000")])
def test_the_validity_stays_in_what_twilio_accepts(twilio, channel, valid_s, told):
    send(channel, valid_s)
    assert twilio.taken[0].form["ValidityPeriod"] == told


@pytest.mark.parametrize(
    ("mode", "error"),
    [
        ((400, 21211), Refused),
        ((400, 21610), Refused),
        ((401, 20003), Refused),
        ((404, 20404), Refused),
        ((429, 20429), TryLater),
        ((429, None), TryLater),
        ((400, 20429), TryLater),
        ((408, None), OutcomeUnknown),
        ((500, None), OutcomeUnknown),
        ((503, 20503), OutcomeUnknown),
        ((302, None), OutcomeUnknown),
        ((200, None), OutcomeUnknown),
        ("broken", OutcomeUnknown),
        ("empty", OutcomeUnknown),
        ("close", OutcomeUnknown),
        ("lost", OutcomeUnknown),
    ],
)
def test_every_answer_has_its_meaning(twilio, channel, mode, error):
    twilio.mode = mode
    with pytest.raises(error) as raised:
        send(channel)
    assert "9012345678" not in str(raised.value)


def test_a_known_code_is_put_into_words(twilio, channel):
    twilio.mode = (400, 21614)
    with pytest.raises(Refused, match="21614 not a mobile number"):
        send(channel)


def test_a_wrong_secret_is_refused_and_not_repeated(twilio):
    channel = TwilioSms(ACCOUNT, "guess", SENDER, twilio.url, "https://a.jp/hooks/twilio/status")
    with pytest.raises(Refused) as raised:
        send(channel)
    assert "guess" not in str(raised.value)


@pytest.mark.parametrize("mode", ["hang", "drip"])
def test_a_call_ends_at_its_deadline_whatever_comes(twilio, channel, monkeypatch, mode):
    monkeypatch.setattr(http, "_DEADLINE_S", 0.3)
    twilio.mode = mode
    with pytest.raises(OutcomeUnknown):
        send(channel)
    assert len(twilio.taken) == 1


def test_a_message_whose_answer_was_lost_is_found(twilio, channel):
    twilio.modes.append("close")
    with pytest.raises(OutcomeUnknown):
        send(channel)
    assert look_up(channel) == twilio.taken[0].sid


def test_a_message_that_never_arrived_is_certainly_absent(twilio, channel):
    twilio.modes.append("lost")
    with pytest.raises(OutcomeUnknown):
        send(channel)
    assert look_up(channel) is None


def test_another_text_to_the_same_number_is_not_taken_for_it(twilio, channel):
    channel.send(Message("another", "l", "s", "b", "v"), HANAKO, reference="11-1", valid_s=600)
    assert look_up(channel) is None


def test_the_same_text_of_another_day_is_not_taken_for_it(twilio, channel):
    send(channel)
    assert look_up(channel, NOW + timedelta(days=1)) is None


def test_an_absence_is_only_believed_when_the_list_reaches_back_far_enough(twilio, channel, monkeypatch):
    monkeypatch.setattr(protocol, "_PAGE", 2)
    for text in ("one", "two", "three"):
        channel.send(Message(text, "l", "s", "b", "v"), HANAKO, reference="1-1", valid_s=600)
    with pytest.raises(OutcomeUnknown):
        look_up(channel)
    assert look_up(channel, NOW + timedelta(days=1)) is None


@pytest.mark.parametrize("mode", [(500, None), (200, None), (401, 20003), "lost"])
def test_a_look_up_that_is_not_answered_proves_nothing(twilio, channel, mode):
    twilio.mode = mode
    with pytest.raises(TryLater):
        look_up(channel)


def test_a_message_is_found_although_a_trial_account_put_words_before_it(twilio, channel):
    twilio.modes.append("close")
    with pytest.raises(OutcomeUnknown):
        send(channel)
    twilio.taken[0].body = f"Sent from your Twilio trial account - {twilio.taken[0].body}"
    assert look_up(channel) == twilio.taken[0].sid
