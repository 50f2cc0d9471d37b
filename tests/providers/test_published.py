"""Do our requests hold against what Twilio and LINE publish about their interfaces, and do we read what they send?

`tests/specs` holds their OpenAPI descriptions (Apache License 2.0), reduced to the operations that we use; each file
names its source. What is checked are the requests that a real server received.
"""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from openapi_core import OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockRequest

from app.providers.line_messaging import LineMessages
from app.providers.sms_twilio import TwilioSms
from app.providers.voice_twilio import TwilioVoice
from app.rules.line_events import line_events
from tests.providers.test_channels import HANAKO, MESSAGE
from tests.standins import ACCOUNT, LINE_TOKEN, SECRET, SENDER, Asked, line_server, sms_server

SPECS = Path(__file__).parent.parent / "specs"


@cache
def published(name: str) -> OpenAPI:
    return OpenAPI.from_dict(strict(json.loads((SPECS / f"{name}.json").read_text(encoding="utf-8"))))


def strict(spec: dict[str, Any]) -> dict[str, Any]:
    """Return a description that knows no more fields than it names: else a field that is misspelt would pass."""
    spec = copy.deepcopy(spec)
    schemas = spec["components"]["schemas"]
    if "PushMessageRequest" in schemas:
        schemas["PushMessageRequest"]["additionalProperties"] = False
        # The kind of message is a discriminator there, which validators do not follow; we send texts only.
        schemas["TextMessage"]["allOf"].append({"type": "object", "properties": {"type": {"enum": ["text"]}}})
        schemas["PushMessageRequest"]["properties"]["messages"]["items"] = {"$ref": "#/components/schemas/TextMessage"}
    return spec


def request_of(asked: Asked, host: str, content_type: str | None = None) -> MockRequest:
    parts = urlsplit(asked.path)
    return MockRequest(
        host,
        asked.method.lower(),
        parts.path,
        args={name: values[0] for name, values in parse_qs(parts.query).items()},
        headers=dict(asked.headers),
        data=asked.body,
        content_type=content_type or asked.headers.get("Content-Type", ""),
    )


def check(name: str, asked: Asked) -> None:
    host = {"twilio": "https://api.twilio.com", "line": "https://api.line.me"}[name]
    published(name).validate_request(request_of(asked, host))
    if name == "twilio":  # of a form only the fields that are known are looked at
        assert set(parse_qs(asked.body.decode())) <= _form_fields(asked)


def _form_fields(asked: Asked) -> set[str]:
    spec = json.loads((SPECS / "twilio.json").read_text(encoding="utf-8"))
    path = urlsplit(asked.path).path.replace(ACCOUNT, "{AccountSid}")
    content = spec["paths"][path].get(asked.method.lower(), {}).get("requestBody", {}).get("content", {})
    return {name for form in content.values() for name in form["schema"]["properties"]}


@pytest.fixture
def twilio_requests():
    """Every request that the SMS and the voice channel make."""
    with sms_server() as server:
        for kind in (TwilioSms, TwilioVoice):
            channel = kind(ACCOUNT, SECRET, SENDER, server.url, "https://a.jp/hooks/twilio/x")
            channel.send(MESSAGE, HANAKO, reference="12-18f", valid_s=600)
            channel.look_up(MESSAGE, HANAKO, reference="12-18f", began_at=datetime.now(UTC))
        return list(server.requests)


@pytest.fixture
def line_request():
    with line_server() as server:
        LineMessages(LINE_TOKEN, server.url).send(MESSAGE, HANAKO, reference="12-18f", valid_s=600)
        return server.requests[0]


def test_what_is_asked_of_twilio_is_what_twilio_publishes(twilio_requests):
    made = [(asked.method, urlsplit(asked.path).path.rpartition("/")[2]) for asked in twilio_requests]
    assert made == [("POST", "Messages.json"), ("GET", "Messages.json"), ("POST", "Calls.json"), ("GET", "Calls.json")]
    for asked in twilio_requests:
        check("twilio", asked)


def test_what_is_asked_of_line_is_what_line_publishes(line_request):
    check("line", line_request)


@pytest.mark.parametrize(
    ("before", "after"),
    [(b"To=", b"Too="), (b"ValidityPeriod=600", b"ValidityPeriod=soon"), (b"Body=", b"Bodies=1&Body=")],
)
def test_a_field_that_twilio_does_not_know_would_be_noticed(twilio_requests, before, after):
    wrong = twilio_requests[0]
    assert before in wrong.body
    wrong.body = wrong.body.replace(before, after)
    with pytest.raises((OpenAPIError, AssertionError)):
        check("twilio", wrong)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'"to"', b'"too"'),
        (b'"type": "text"', b'"type": "txt"'),
        (b'"messages": [{', b'"messages": [7, {'),
        (b'{"to"', b'{"valid": 7, "to"'),
    ],
)
def test_a_field_that_line_does_not_know_would_be_noticed(line_request, before, after):
    assert before in line_request.body
    line_request.body = line_request.body.replace(before, after)
    with pytest.raises(OpenAPIError):
        check("line", line_request)


def test_a_retry_key_that_is_none_would_be_noticed(line_request):
    line_request.headers["X-Line-Retry-Key"] = "12-18f"
    with pytest.raises(OpenAPIError):
        check("line", line_request)


def test_what_line_calls_with_is_understood():
    """An event as LINE describes it is one that we read."""
    source, delivery = {"type": "user", "userId": "U4af4980629"}, {"isRedelivery": False}
    base = {"mode": "active", "timestamp": 1462629479859, "source": source, "deliveryContext": delivery}
    text = {"type": "text", "id": "444573844083572737", "quoteToken": "q3Plxr4A", "text": "OK"}
    events = [
        {**base, "type": "message", "webhookEventId": "01FZ1", "replyToken": "n", "message": text},
        {**base, "type": "follow", "webhookEventId": "01FZ2", "replyToken": "n", "follow": {"isUnblocked": True}},
        {**base, "type": "unfollow", "webhookEventId": "01FZ3"},
    ]
    body = {"destination": "U" + "0" * 32, "events": events}
    asked = Asked("POST", "/callback", {"X-Line-Signature": "x"}, json.dumps(body).encode())
    published("line_webhook").validate_request(request_of(asked, "https://example.com", "application/json"))
    assert [event.kind for event in line_events(body)] == ["message", "follow", "unfollow"]
