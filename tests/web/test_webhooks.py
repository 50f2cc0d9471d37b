"""Can the office have other programs told, and see what came of it?"""

from __future__ import annotations

import re

import pytest

from app.models import Webhook, WebhookMessage
from app.operations.alarm import raise_alarm
from app.operations.webhook_delivery import hand_over_messages
from app.providers.guarded import Guarded
from app.rules.webhook import EVENTS
from tests.conftest import copied
from tests.web.pages import post


@pytest.fixture
def db(empty_sqlite, tmp_path):
    """SQLite is enough for pages."""
    yield from copied(empty_sqlite, tmp_path / "test.sqlite")


@pytest.fixture
def manager(signed_in):
    return signed_in("manager")


FORM = {"name": "会計システム", "url": "https://example.jp/hook", "visit.created": "1", "visit.cancelled": "1"}


def test_a_program_is_added_and_its_secret_shown_once(manager, db):
    assert "連携先はまだありません" in manager.get("/webhooks").text
    reply = post(manager, "/webhooks", FORM)
    secret = re.search(r"whsec_[A-Za-z0-9+/=]{44}", reply.text)
    assert secret
    with db.read() as session:
        known = session.get_one(Webhook, 1)
        assert (known.secret, known.events) == (secret[0], ["visit.created", "visit.cancelled"])
    assert secret[0] not in manager.get("/webhooks/1").text
    assert "会計システム" in manager.get("/webhooks").text
    renewed = post(manager, "/webhooks/1/secret").text
    assert "whsec_" in renewed
    assert secret[0] not in renewed
    assert "前の鍵の署名" in manager.get("/webhooks/1").text


def test_a_wrong_program_is_shown_again_with_what_was_typed(manager, db):
    reply = post(manager, "/webhooks", {**FORM, "url": "http://intra/hook"})
    assert reply.status_code == 422
    assert 'id="url-wrong"' in reply.text
    assert "http://intra/hook" in reply.text
    assert post(manager, "/webhooks", {"name": "x", "url": "https://x.jp"}).text.count("events-wrong") == 2
    with db.read() as session:
        assert session.get(Webhook, 1) is None
    post(manager, "/webhooks", FORM)
    assert post(manager, "/webhooks/1", {**FORM, "name": ""}).status_code == 422
    post(manager, "/webhooks/1", {**FORM, "name": "基幹", "visit.changed": "1"})
    with db.read() as session:
        known = session.get_one(Webhook, 1)
        assert (known.name, len(known.events)) == ("基幹", 3)


def test_what_came_of_the_messages_is_read_and_a_given_up_one_sent_again(manager, db, world, clock):
    post(manager, "/webhooks", {**FORM, **dict.fromkeys(EVENTS, "1")})
    post(manager, "/webhooks/1/test")
    world.visit()
    assert manager.get("/webhooks/1").text.count("送信待ち") == 2
    hand_over_messages(db, Inside(), clock)
    page = manager.get("/webhooks/1").text
    assert "社内ネットワークのアドレスです" in page
    assert "届いていません" in page
    with db.write() as session:
        message = session.get_one(WebhookMessage, 1)
        message.state, message.next_attempt_at = "given_up", None
    assert "送信を断念" in manager.get("/webhooks/1").text
    post(manager, "/webhooks/1/messages/1/again")
    with db.read() as session:
        assert session.get_one(WebhookMessage, 1).state == "due"
    post(manager, "/webhooks/1/pause")
    assert "一時停止中" in manager.get("/webhooks/1").text
    assert post(manager, "/webhooks/1/test").status_code == 409
    post(manager, "/webhooks/1/resume")
    post(manager, "/webhooks/1/remove")
    assert manager.get("/webhooks/1").status_code == 404
    assert "連携先はまだありません" in manager.get("/webhooks").text


class Inside(Guarded):
    def ask(self, *_, **__):
        from app.providers.guarded import Answer

        return Answer(None, "not_public")


def test_only_who_may_set_things_sees_the_programs(signed_in, db):
    assert signed_in("dispatcher").get("/webhooks").status_code == 403


def test_the_attention_list_leads_to_what_is_to_be_done(signed_in, db, world, clock):
    visit_id = world.visit()
    with db.write() as session:
        facts = {"webhook": 1, "title": "会計システム"}
        raise_alarm(session, "webhook_off", "webhook:1", clock.now(), facts=facts)
        raise_alarm(session, "webhook_failing", "webhook:2", clock.now(), facts={**facts, "webhook": 2})
        who = {"technician_id": world.technician}
        calendar = {"calendar": world.technician}
        raise_alarm(session, "calendar_failing", "technician:1", clock.now(), facts=calendar, **who)
        raise_alarm(session, "calendar_conflict", f"visit:{visit_id}", clock.now(), visit_id=visit_id, **who)
    page = signed_in("manager").get("/").text
    for words in ("「会計システム」への通知を停止", "「会計システム」に1時間以上", "佐藤さんのカレンダーを1日以上",
                  "佐藤さんのカレンダーに別の予定"):  # fmt: skip
        assert words in page
    for link in ("/webhooks/1", f"/technicians/{world.technician}#calendar", f"/visits/{visit_id}#move"):
        assert f'href="{link}"' in page
    assert 'href="/webhooks/1"' not in signed_in("dispatcher").get("/").text
