"""Is Twilio's signature checked as Twilio makes it?"""

from __future__ import annotations

import pytest

from app.rules.signatures import from_twilio, twilio_signature

FORM = {"MessageSid": ["SM1"], "MessageStatus": ["sent"]}


@pytest.mark.parametrize(
    ("ours", "signed", "genuine"),
    [
        ("https://a.jp/x?n=1", "https://a.jp/x?n=1", True),
        ("https://a.jp/x?n=1", "https://a.jp:443/x?n=1", True),
        ("https://a.jp:443/x", "https://a.jp/x", True),
        ("http://a.jp/x", "http://a.jp:80/x", True),
        ("https://a.jp/x", "http://a.jp/x", False),
        ("https://a.jp:8443/x", "https://a.jp/x", False),
        ("https://a.jp/x?n=1", "https://a.jp/x?n=2", False),
    ],
)
def test_the_public_address_counts_with_or_without_its_port(ours, signed, genuine):
    assert from_twilio("secret", ours, FORM, twilio_signature("secret", signed, FORM)) is genuine


def test_repeated_values_count_once_and_in_order():
    doubled = {"A": ["2", "1", "2"]}
    assert twilio_signature("s", "https://a.jp/", doubled) == twilio_signature("s", "https://a.jp/", {"A": ["1", "2"]})


@pytest.mark.parametrize("signature", ["", "x", "\u00e9", "\ud800"])
def test_nonsense_is_not_genuine(signature):
    assert not from_twilio("secret", "https://a.jp/", FORM, signature)


def test_without_a_secret_nothing_is_genuine():
    assert not from_twilio("", "https://a.jp/", FORM, twilio_signature("", "https://a.jp/", FORM))
