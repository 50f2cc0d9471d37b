"""Can only the one browser read a notification, is it signed, and do addresses that lead elsewhere get nothing?"""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import pytest

from app.config import Settings
from app.providers import push_web
from app.providers.base import Recipient, Refused
from app.providers.push_web import WebPush, new_key
from app.push import is_push_service
from app.rules.messages import Message
from tests.standins import push_server

MESSAGE = Message("【アオバPC】遅れ17:20-17:40頃 https://a.jp/v/2345", "LINE", "件名", "山田 花子様", "お話")
SERVICES = Settings().push_services.split()


@pytest.fixture
def service():
    with push_server() as server:
        yield server


@pytest.fixture
def push():
    return WebPush(new_key(), "mailto:desk@example.jp", ["127.0.0.1"])


def send(push, *devices, message=MESSAGE, reference="12-18f"):
    recipient = Recipient(push=devices, page_path="/v/2345")
    return push.send(message, recipient, reference=reference, valid_s=600)


def test_the_device_alone_reads_the_short_text_and_no_more(service, push):
    assert send(push, service.device()) == "push-12-18f"
    (taken,) = service.taken
    assert (taken["text"], taken["page"], taken["reference"]) == (MESSAGE.short, "/v/2345", "12-18f")
    raw = service.requests[0].body
    assert "アオバPC".encode() not in raw
    assert "山田".encode() not in raw


def test_the_request_is_what_the_protocol_asks_for(service, push):
    send(push, service.device())
    headers = service.taken[0]["headers"]
    assert (headers["TTL"], headers["Urgency"], headers["Topic"]) == ("600", "high", "12-18f")
    assert headers["Content-Encoding"] == "aes128gcm"
    scheme, _, rest = headers["Authorization"].partition(" ")
    token = dict(part.split("=", 1) for part in rest.split(","))
    assert (scheme, token["k"]) == ("vapid", push.public_key)
    claims = token["t"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    assert (claims["sub"], claims["aud"]) == ("mailto:desk@example.jp", service.url)


def test_one_device_that_takes_it_is_enough_and_one_that_is_gone_is_forgotten(service, push):
    forgotten = []
    push.gone = forgotten.append
    service.modes.append((410, None))
    assert send(push, service.device("old"), service.device("new"))
    assert [taken["path"] for taken in service.taken] == ["/push/new"]
    assert forgotten == [f"{service.url}/push/old"]


@pytest.mark.parametrize("status", [404, 410])
def test_when_no_device_is_left_that_is_final(service, push, status):
    service.mode = (status, None)
    with pytest.raises(Refused) as raised:
        send(push, service.device("a"), service.device("b"))
    assert raised.value.ends == "gone"


@pytest.mark.parametrize("status", [400, 401, 403, 413])
def test_our_own_mistakes_end_no_way(service, push, status):
    service.mode = (status, None)
    with pytest.raises(Refused) as raised:
        send(push, service.device())
    assert raised.value.ends is None


@pytest.mark.parametrize("keys", [{"p256dh": "AAAA"}, {"p256dh": "B" + "A" * 86}, {"auth": "x"}, {"auth": "äö"}])
def test_keys_that_are_none_are_refused(service, push, keys):
    with pytest.raises(Refused):
        send(push, replace(service.device(), **keys))
    assert service.taken == []


def test_a_text_that_is_too_long_is_refused(service, push):
    with pytest.raises(Refused):
        send(push, service.device(), message=replace(MESSAGE, short="遅" * 2000))


def test_an_address_that_is_no_push_service_gets_nothing(service):
    push = WebPush(new_key(), "mailto:desk@example.jp", SERVICES)
    with pytest.raises(Refused):
        send(push, service.device())
    assert service.requests == []


@pytest.mark.parametrize(
    ("endpoint", "allowed"),
    [
        ("https://fcm.googleapis.com/fcm/send/abc", True),
        ("https://updates.push.services.mozilla.com/wpush/v2/abc", True),
        ("https://web.push.apple.com/abc", True),
        ("https://db5p.notify.windows.com/w/?token=abc", True),
        ("http://fcm.googleapis.com/fcm/send/abc", False),
        ("https://fcm.googleapis.com:8443/x", False),
        ("https://fcm.googleapis.com.evil.example/x", False),
        ("https://evil.example/fcm.googleapis.com", False),
        ("https://evil.example#.notify.windows.com", False),
        ("https://169.254.169.254\\.notify.windows.com/x", False),
        ("https://evil.example%23.notify.windows.com/x", False),
        ("https://evil.example。.notify.windows.com/x", False),
        ("https://user@fcm.googleapis.com/x", False),
        ("https://notify.windows.com/x", False),
        ("https://127.0.0.1/x", False),
        ("http://127.0.0.1/x", False),
        ("https://169.254.169.254/x", False),
        ("https://[::1", False),
        ("file:///etc/passwd", False),
        ("", False),
        ("https://fcm.googleapis.com/" + "x" * 2000, False),
        ("https://fcm.googleapis.com/\r\nx", False),
    ],
)
def test_only_the_browsers_own_services_are_written_to(endpoint, allowed):
    assert is_push_service(endpoint, SERVICES) is allowed


def test_a_key_is_made_once_and_kept_for_the_owner_alone(tmp_path):
    settings = Settings(instance=tmp_path, push_contact="desk@example.jp")
    made = [push_web.from_settings(settings).public_key for _ in range(2)]
    assert made[0] == made[1]
    assert (tmp_path / "push_key").stat().st_mode & 0o077 == 0
    assert len(base64.urlsafe_b64decode(made[0] + "=")) == 65
