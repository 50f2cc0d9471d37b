"""Is every callback believed only when the provider signed it, as it is, for our public address?"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

import pytest
from sqlalchemy import func, select

from app.models import ConsentEntry, Inbound, Receipt
from app.rules.signatures import twilio_signature
from tests.standins import ACCOUNT, LINE_SECRET, LINE_TOKEN, SECRET, SENDER

BASE = "https://visits.example.jp"
HERS = "+819012345678"
HOOKS = {
    "/hooks/twilio/status": {"MessageSid": "SM1", "MessageStatus": "delivered"},
    "/hooks/twilio/inbound": {"MessageSid": "SM2", "From": HERS, "To": SENDER, "Body": "STOP", "NumMedia": "0"},
    "/hooks/twilio/voice": {"CallSid": "CA1", "Digits": "1"},
    "/hooks/twilio/voice/status": {"CallSid": "CA1", "CallStatus": "busy"},
}
EVENTS = json.dumps({"destination": "U0", "events": [{"type": "unfollow", "source": {"userId": "U4af4980629"}}]})


@pytest.fixture
def settings(settings):
    twilio = {"twilio_account_sid": ACCOUNT, "twilio_auth_token": SECRET, "twilio_from": SENDER}
    line = {"line_channel_token": LINE_TOKEN, "line_channel_secret": LINE_SECRET}
    return settings.model_copy(update={"base_url": BASE, **twilio, **line})


@pytest.fixture
def call_back(client, world):
    """Return a function that posts a genuine callback to a hook; what is given forges it."""

    def post(hook, *, secret=None, signature=None, signed_for=None, send=None, query="?n=1-1"):
        if hook == "/hooks/line":
            digest = hmac.new((LINE_SECRET if secret is None else secret).encode(), EVENTS.encode(), hashlib.sha256)
            header, genuine = "X-Line-Signature", base64.b64encode(digest.digest()).decode()
            sent = {"data": (send or EVENTS).encode(), "content_type": "application/json"}
        else:
            url = signed_for or f"{BASE}{hook}?n=1-1"
            fields = {name: [value] for name, value in HOOKS[hook].items()}
            header = "X-Twilio-Signature"
            genuine = twilio_signature(SECRET if secret is None else secret, url, fields)
            sent = {"data": {**HOOKS[hook], **(send or {})}}
        headers = {} if signature == "none" else {header: genuine if signature is None else signature}
        return client.post(hook + query, headers=headers, **sent)

    return post


@pytest.fixture
def written(db):
    def count():
        with db.read() as session:
            return [session.scalar(select(func.count()).select_from(kind)) for kind in (Inbound, Receipt, ConsentEntry)]

    return count


FORGED = {
    "no signature": {"signature": "none"},
    "an empty signature": {"signature": ""},
    "any signature": {"signature": "AAAA"},
    "a signature that is no ASCII": {"signature": "é"},
    "another secret": {"secret": "guess"},
}
OF_TWILIO = {
    "for another host": {"signed_for": "https://elsewhere.example/hooks/twilio/status?n=1-1"},
    "about another notice": {"query": "?n=2-2"},
    "about no notice": {"query": ""},
    "a changed field": {"send": {"CallSid": "CA2", "MessageSid": "SM9"}},
}
CASES = [(hook, name) for hook in (*HOOKS, "/hooks/line") for name in FORGED]
CASES += [(hook, name) for hook in HOOKS for name in OF_TWILIO]


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("hook", "forgery"), CASES)
def test_a_forged_callback_is_refused_and_changes_nothing(call_back, written, hook, forgery):
    answer = call_back(hook, **{**FORGED, **OF_TWILIO}[forgery])
    assert answer.status_code == 403
    assert answer.json["type"] == "urn:mamonaku:signature"
    assert written() == [0, 0, 0]


def test_a_changed_word_of_line_is_a_forgery(call_back, written):
    assert call_back("/hooks/line", send=EVENTS.replace("U4af4980629", "U0000000000")).status_code == 403
    assert written() == [0, 0, 0]


@pytest.mark.parametrize("hook", [*HOOKS, "/hooks/line"])
def test_a_genuine_callback_is_answered(call_back, hook):
    assert call_back(hook).status_code in (200, 204)


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
@pytest.mark.parametrize("hook", HOOKS)
def test_a_signature_over_the_address_with_its_port_is_genuine(call_back, hook):
    assert call_back(hook, signed_for=f"{BASE}:443{hook}?n=1-1").status_code in (200, 204)


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
@pytest.mark.parametrize("hook", [*HOOKS, "/hooks/line"])
def test_without_a_secret_nothing_is_believed(call_back, parts, app, hook):
    parts.settings = parts.settings.model_copy(update={"twilio_auth_token": "", "line_channel_secret": ""})
    assert call_back(hook, secret="").status_code == 403
