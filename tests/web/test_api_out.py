"""Can another program have itself told of what happens, and calendars set up, over the API?"""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app.models import Technician, Webhook, WebhookMessage
from app.rules.webhook import EVENTS
from tests.conftest import copied


@pytest.fixture
def db(empty_sqlite, tmp_path):
    """SQLite is enough for what is asked and answered; the operations are asked on both."""
    yield from copied(empty_sqlite, tmp_path / "test.sqlite")


@pytest.fixture
def call(client, world):
    def asked(method, path, json=None, role="manager", **headers):
        token = {"Authorization": f"Bearer {getattr(world, f'{role}_token')}"}
        return client.open(f"/api/v1{path}", method=method, json=json, headers={**token, **headers})

    return asked


HOOK = {"name": "会計", "url": "https://example.jp/hook", "events": ["visit.created", "visit.cancelled"]}


def test_a_program_has_itself_told_and_gets_its_secret_once(call, db, world):
    key = {"Idempotency-Key": "k1"}
    made = call("POST", "/webhooks", HOOK, **key)
    assert made.status_code == 201
    assert made.json["secret"].startswith("whsec_")
    again = call("POST", "/webhooks", HOOK, **key)
    assert (again.status_code, again.json["secret"], again.json["id"]) == (201, None, made.json["id"])
    assert again.headers["Idempotent-Replayed"] == "true"
    shown = call("GET", "/webhooks/1")
    assert shown.json == {key: value for key, value in made.json.items() if key != "secret"}
    assert call("GET", "/webhooks").json == {"items": [shown.json]}
    renewed = call("POST", "/webhooks/1/secret").json
    assert renewed["secret"] not in (None, made.json["secret"])
    assert renewed["old_secret_until"] is not None
    assert call("POST", "/webhooks/1/test").status_code == 202
    world.visit()
    told = call("GET", "/webhooks/1/messages?limit=1").json
    assert (told["items"][0]["event"], told["items"][0]["state"]) == ("visit.created", "due")
    rest = call("GET", f"/webhooks/1/messages?cursor={told['next']}").json
    assert [one["event"] for one in rest["items"]] == ["test"]


def test_it_is_changed_paused_resumed_and_removed(call, db, world):
    call("POST", "/webhooks", HOOK)
    changed = call("PATCH", "/webhooks/1", {"events": list(EVENTS), "state": "paused"}).json
    assert (changed["state"], changed["events"], changed["url"]) == ("paused", list(EVENTS), HOOK["url"])
    assert call("PATCH", "/webhooks/1", {"state": "on"}).json["state"] == "on"
    assert call("PATCH", "/webhooks/1", {}).json["state"] == "on"
    with db.write() as session:
        webhook = session.get_one(Webhook, 1)
        webhook.state, webhook.off_reason = "off", "gone"
        session.add(WebhookMessage(webhook_id=1, message_id="m", event="test", body="{}", created_at=webhook.created_at,
                                   state="given_up"))  # fmt: skip
    assert call("PATCH", "/webhooks/1", {"state": "paused"}).status_code == 409
    assert call("POST", "/webhooks/1/messages/1/again").status_code == 202
    assert call("POST", "/webhooks/1/messages/1/again").json["reason"] == "webhook_message_over"
    assert call("DELETE", "/webhooks/1").status_code == 204
    for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("GET", "/messages"), ("POST", "/test")):
        assert call(method, f"/webhooks/1{path}", {} if method == "PATCH" else None).status_code == 404


@pytest.mark.parametrize(
    ("wrong", "field"),
    [({"url": "http://example.jp"}, "url"), ({"events": ["visit.sung"]}, "events[0]"), ({"events": []}, "events"),
     ({"name": " "}, "name"), ({"secret": "x"}, "secret")],
)  # fmt: skip
def test_what_is_wrong_is_named(call, wrong, field):
    reply = call("POST", "/webhooks", {**HOOK, **wrong})
    assert (reply.status_code, reply.json["errors"][0]["field"]) == (422, field)


def test_who_dispatches_has_no_program_told(call):
    assert call("POST", "/webhooks", HOOK, role="dispatcher").status_code == 403


def test_a_calendar_is_shown_and_another_read(call, db, world, client):
    path, key = f"/technicians/{world.technician}", {"Idempotency-Key": "k2"}
    made = call("POST", f"{path}/calendar", {"names": True}, **key)
    assert made.status_code == 201
    assert client.get(made.json["url"]).status_code == 200
    assert call("POST", f"{path}/calendar", {"names": True}, **key).json == {"url": None}
    with db.read() as session:
        assert session.scalar(select(Technician.calendar_names))
    assert call("DELETE", f"{path}/calendar").status_code == 204
    assert client.get(made.json["url"]).status_code == 404
    assert call("GET", f"{path}/busy-calendar").status_code == 404
    read = call("POST", f"{path}/busy-calendar", {"url": "webcal://calendar.example.jp/secret.ics"})
    assert (read.status_code, read.json["host"], read.json["read_at"]) == (201, "calendar.example.jp", None)
    assert "secret" not in call("GET", f"{path}/busy-calendar").text
    wrong = call("POST", f"{path}/busy-calendar", {"url": "http://10.0.0.1/x"})
    assert wrong.json["errors"][0]["field"] == "url"
    assert call("DELETE", f"{path}/busy-calendar").status_code == 204
    assert call("DELETE", "/technicians/4711/busy-calendar").status_code == 404


def test_customers_and_technicians_are_listed_page_by_page(call, world):
    assert call("GET", "/customers?limit=1").json["items"][0]["sites"][0]["address"] == "和歌山市1-1"
    listed = call("GET", "/technicians?limit=1").json
    assert ([one["id"] for one in listed["items"]], listed["next"]) == ([world.technician], None)
    assert call("GET", "/customers?cursor=x").status_code == 422


@pytest.mark.parametrize("method", ["GET", "DELETE", "PATCH"])
def test_a_number_that_no_row_has_is_not_found_by_whatever_method(call, method):
    assert call(method, "/webhooks/2147483648").status_code == 404


def test_the_description_says_what_is_answered(client):
    spec = client.get("/api/v1/openapi.json").json
    hold = spec["paths"]["/api/v1/holds/{hold}"]["delete"]["parameters"][0]
    assert hold["schema"]["type"] == "string"
    names = [name for name in spec["components"]["schemas"] if name.endswith("AbsenceOut")]
    assert names
    for name in names:
        assert "from" in spec["components"]["schemas"][name]["properties"]
