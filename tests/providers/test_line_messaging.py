"""Is a LINE message handed over as LINE asks, and is every answer understood?"""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from app.providers.base import OutcomeUnknown, Recipient, Refused, TryLater
from app.providers.line_messaging import LONGEST_TEXT, LineMessages
from app.rules.messages import Message
from tests.standins import LINE_TOKEN, line_server

MESSAGE = Message("short", "山田 花子様\n遅れております。", "件名", "本文", "お話")
HANAKO = Recipient(line_id="U4af4980629")


@pytest.fixture
def line():
    with line_server() as server:
        yield server


def send(line, message=MESSAGE, reference="12-18f", token=LINE_TOKEN):
    return LineMessages(token, line.url).send(message, HANAKO, reference=reference, valid_s=600)


def test_the_request_is_what_the_protocol_asks_for(line):
    assert send(line) == "461230966842064897"
    (asked,) = line.requests
    assert (asked.method, asked.path) == ("POST", "/v2/bot/message/push")
    assert UUID(asked.headers["X-Line-Retry-Key"])
    assert line.taken == [
        {"to": "U4af4980629", "messages": [{"type": "text", "text": MESSAGE.line}], "key": line.taken[0]["key"]}
    ]


def test_the_same_again_is_one_message_and_a_success(line):
    assert send(line) == send(line)
    assert len(line.taken) == 1


@pytest.mark.parametrize("headers", [{"X-Line-Accepted-Request-Id": "abc"}, {}])
def test_a_conflict_is_a_success_even_when_it_does_not_say_which_message(line, headers, monkeypatch):
    monkeypatch.setattr(line, "_take", lambda *_: (409, {"message": "The retry key is already accepted"}))
    answer = line._answer
    monkeypatch.setattr(line, "_answer", lambda request, status, body: answer(request, status, body, headers=headers))
    assert send(line) == headers.get("X-Line-Accepted-Request-Id", "line-12-18f")


@pytest.mark.parametrize(
    ("mode", "error", "said"),
    [
        ((429, "You have reached your monthly limit."), Refused, "used up"),
        ((429, "The API rate limit has been exceeded. Try again later."), TryLater, "too many"),
        ((400, "The request body has 1 error(s)"), Refused, "does not take"),
        ((401, "Authentication failed"), Refused, "token"),
        ((403, "The account cannot"), Refused, "may not"),
        ((408, "x"), OutcomeUnknown, "408"),
        ((500, "x"), OutcomeUnknown, "500"),
        ((302, "x"), OutcomeUnknown, "302"),
    ],
)
def test_every_answer_has_its_meaning(line, mode, error, said):
    line.mode = mode
    with pytest.raises(error, match=said) as raised:
        send(line)
    assert getattr(raised.value, "ends", None) is None


def test_a_wrong_token_is_refused_and_not_repeated(line):
    with pytest.raises(Refused) as raised:
        send(line, token="guess")
    assert "guess" not in str(raised.value)


def test_a_text_is_as_long_as_line_takes_it_and_no_longer(line):
    send(line, replace(MESSAGE, line="🚗" * (LONGEST_TEXT // 2)))
    with pytest.raises(Refused):
        send(line, replace(MESSAGE, line="🚗" * (LONGEST_TEXT // 2) + "x"), reference="13-1")
    assert len(line.taken) == 1
