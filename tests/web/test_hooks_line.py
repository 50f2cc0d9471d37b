"""What follows from what LINE calls to say, and is it harmless when it comes again or late?"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from itertools import count

import pytest
from sqlalchemy import select, update

from app.models import Customer, Inbound
from app.operations.consent import opt_out, opted_out
from app.operations.line import CODE_LASTS, make_code
from tests.standins import LINE_SECRET, LINE_TOKEN

HANAKO = "U4af4980629"


@pytest.fixture
def settings(settings):
    return settings.model_copy(update={"line_channel_token": LINE_TOKEN, "line_channel_secret": LINE_SECRET})


@pytest.fixture
def event(clock):
    numbers = count(1)

    def make(kind, words=None, *, who=HANAKO, at=None, **more):
        made = {
            "type": kind,
            "mode": "active",
            "timestamp": int((at or clock.now()).timestamp() * 1000),
            "source": {"type": "user", "userId": who},
            "webhookEventId": f"01H{next(numbers)}",
            "deliveryContext": {"isRedelivery": False},
            **more,
        }
        if words is not None:
            message = {"id": f"4612{next(numbers)}", "type": "text", "quoteToken": "q", "text": words}
            made["message"] = {**message, **made.get("message", {})}
        return made

    return make


@pytest.fixture
def post(client):
    def send(*events, raw=None):
        body = raw if raw is not None else json.dumps({"destination": "U0", "events": list(events)}).encode()
        signed = base64.b64encode(hmac.new(LINE_SECRET.encode(), body, hashlib.sha256).digest()).decode()
        headers = {"X-Line-Signature": signed, "Content-Type": "application/json"}
        return client.post("/hooks/line", data=body, headers=headers).status_code

    return send


@pytest.fixture
def friend(db, world):
    with db.write() as session:
        session.execute(update(Customer).values(line_id=HANAKO))
    return world.customer


@pytest.fixture
def shut(db, world):
    def ways():
        with db.read() as session:
            return opted_out(session, world.customer)

    return ways


@pytest.fixture
def heard(db):
    def words():
        with db.read() as session:
            return [(m.customer_id, m.words) for m in session.scalars(select(Inbound).order_by(Inbound.id))]

    return words


@pytest.fixture
def code(db, clock, world):
    def fresh():
        with db.write() as session:
            return make_code(session, world.customer, clock.now())

    return fresh


def line_id(db, world):
    with db.read() as session:
        return session.get_one(Customer, world.customer).line_id


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "raw", [b'{"destination": "U0", "events": []}', b"", b"[]", b"null", b"{", b'{"events": 7}', b'{"events": [7, {}]}']
)
def test_what_means_nothing_to_us_is_answered_alike(post, raw):
    assert post(raw=raw) == 200


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "changes",
    [
        {"type": "beacon"},
        {"type": "things"},
        {"source": {"type": "group", "groupId": "C1"}},
        {"source": None},
        {"timestamp": "yesterday"},
        {"timestamp": 10**30},
        {"mode": "standby"},
    ],
)
def test_an_event_of_another_kind_is_passed_over(post, event, friend, shut, changes):
    assert post({**event("unfollow"), **changes}, event("unfollow", who="U2")) == 200
    assert shut() == frozenset()


def test_who_leaves_is_not_written_to_until_she_follows_again(post, event, friend, shut, clock):
    post(event("unfollow"))
    assert shut() == {"line"}
    clock.forward(minutes=1)
    post(event("follow"))
    assert shut() == frozenset()


def test_calls_that_come_again_and_late_change_nothing(post, event, friend, shut, clock):
    followed = event("follow")
    clock.forward(minutes=1)
    left = event("unfollow")
    post(left)
    post({**followed, "deliveryContext": {"isRedelivery": True}})  # overtaken
    assert shut() == {"line"}
    clock.forward(minutes=1)
    post(event("follow"))
    post({**left, "deliveryContext": {"isRedelivery": True}})
    assert shut() == frozenset()


def test_what_is_written_joins_the_conversation_once(post, event, friend, heard):
    said = event("message", "10分ほど遅れても大丈夫です")
    for _ in range(3):
        assert post(said) == 200
    assert heard() == [(friend, "10分ほど遅れても大丈夫です")]


def test_a_sticker_or_a_picture_leaves_a_mark(post, event, friend, heard):
    post(event("message", "", message={"type": "sticker", "id": "1"}))
    post(event("message", "", message={"type": "image", "id": "2"}))
    post(event("message", "", message={"type": "hologram", "id": "3"}))
    assert [words for _, words in heard()] == ["🙂", "📎"]


def test_who_sends_her_code_is_reached_on_line(post, event, code, db, world, heard):
    typed = code()
    assert post(event("message", f"{typed[:4].lower()}-{typed[4:]}")) == 200
    assert line_id(db, world) == HANAKO
    assert heard() == []  # a code is no message


def test_who_had_left_and_sends_a_code_wants_it_again(post, event, code, db, clock, world, shut):
    with db.write() as session:
        opt_out(session, world.customer, "line", "unfollowed", clock.now())
    post(event("message", code()))
    assert shut() == frozenset()


def test_a_code_works_once(post, event, code, db, world):
    typed = code()
    post(event("message", typed))
    post(event("message", typed, who="Uanother"))
    assert line_id(db, world) == HANAKO


def test_a_code_that_is_too_old_or_was_replaced_works_no_more(post, event, code, db, clock, world):
    replaced = code()
    old = code()
    post(event("message", replaced))
    clock.forward(seconds=CODE_LASTS.total_seconds())
    post(event("message", old))
    assert line_id(db, world) is None


def test_who_guesses_codes_is_not_believed_any_more(post, event, code, db, clock, world):
    for n in range(5):
        post(event("message", f"GUESSES{'ABCDE'[n]}"))
    typed = code()
    post(event("message", typed))
    assert line_id(db, world) is None
    post(event("message", typed, who="Uhanako"))
    assert line_id(db, world) == "Uhanako"
