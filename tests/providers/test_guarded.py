"""Does an address that somebody typed in never lead into our own network?"""

from __future__ import annotations

import socket

import pytest

from app.outside import is_public, why_not
from app.providers.guarded import Guarded
from tests.conftest import STORY_DAY_AT
from tests.webhook_standin import program


@pytest.fixture
def server():
    with program() as running:
        yield running


def ask(url, *internal, most_bytes=0):
    return Guarded(internal).ask("GET", url, headers={}, most_bytes=most_bytes)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://example.jp/", "not_https"), ("ftp://example.jp/", "web_address"),
        ("https://u:p@example.jp/", "web_address"),
        ("https://", "web_address"),
        ("https://exa mple.jp/", "web_address"),
        ("https://example.jp:0/", "web_address"),
        ("https://example.jp:99999/", "web_address"),
        ("https://例え.jp/", "web_address"),
        ("javascript:alert(1)", "web_address"),
        ("https://example.jp\\@10.0.0.1/", "web_address"),
        ("https://[::1", "web_address"),
        ("file:///etc/passwd", "web_address"),
    ],
)  # fmt: skip
def test_what_is_no_secure_web_address_is_not_asked(url, why):
    assert why_not(url, []) == why
    assert ask(url).failure == why


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "[::1]", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1",
     "0.0.0.0", "2130706433", "0x7f.1", "127.1", "[fd00:ec2::254]", "[fe80::1]", "[::ffff:127.0.0.1]",
     "[64:ff9b::7f00:1]", "224.0.0.1"],
)  # fmt: skip
def test_an_address_inside_is_not_even_connected_to(host, monkeypatch):
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("connected"))
    assert ask(f"https://{host}/").failure == "not_public"


def test_a_name_with_one_address_inside_is_not_asked(monkeypatch):
    def resolve(host, port, *_, **__):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in ("93.184.215.14", "10.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("connected"))
    assert ask("https://two-faced.example/").failure == "not_public"


def test_a_name_that_leads_elsewhere_a_moment_later_is_resolved_once(monkeypatch):
    answers, connected = ["93.184.215.14", "127.0.0.1", "127.0.0.1"], []

    def resolve(host, port, *_, **__):
        ip = host if host[0].isdigit() else answers.pop(0)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port))]

    def connect(_socket, address):
        connected.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket.socket, "connect", connect)
    assert ask("https://rebinding.example/").failure == "no_connection"
    assert connected == ["93.184.215.14"]


def test_a_host_inside_is_asked_when_somebody_named_it(server):
    assert ask(server.url).failure == "not_https"
    assert ask(f"{server.url}/x?y=1", "127.0.0.1").status == 204
    assert server.told[0].path == "/x?y=1"
    assert "cookie" not in server.told[0].headers


def test_no_redirect_is_followed(server):
    server.answer = (302, {"Location": "http://127.0.0.1:9/"}, b"")
    assert ask(server.url, "127.0.0.1").status == 302
    assert len(server.told) == 1


def test_the_proxies_of_the_environment_are_not_used(server, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert ask(server.url, "127.0.0.1").status == 204


def test_no_more_is_read_than_is_wanted(server):
    server.answer = (200, {}, b"x" * 1000)
    assert ask(server.url, "127.0.0.1", most_bytes=1000).body == b"x" * 1000
    assert ask(server.url, "127.0.0.1", most_bytes=999).failure == "too_large"
    assert ask(server.url, "127.0.0.1").body == b""


def test_a_certificate_must_be_genuine_and_a_server_must_be_there(server):
    assert ask(server.url.replace("http:", "https:"), "127.0.0.1").failure == "certificate"
    assert ask("http://127.0.0.1:9/", "127.0.0.1").failure == "no_connection"
    assert ask("https://no-such-name.invalid/").failure == "no_connection"


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("120", 120), ("999999999999", 86400), ("Tue, 24 Nov 2026 07:05:00 GMT", 300),
     ("Tue, 24 Nov 2020 07:05:00 GMT", 0),
     ("soon", None), ("", None), ("-5", None)],
)  # fmt: skip
def test_how_long_a_server_wants_to_be_left_alone_is_read(server, said, seconds):
    server.answer = (503, {"Retry-After": said}, b"")
    assert ask(server.url, "127.0.0.1").rest_s(STORY_DAY_AT) == seconds


def test_only_addresses_of_the_internet_are_public():
    assert not is_public("no address")
    assert is_public("2606:2800:21f:cb07:6820:80da:af6b:8b2c")
