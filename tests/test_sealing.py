"""Does the database alone tell nobody a secret, and is one that cannot be read any more no dead end?"""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app.db import Database
from app.models import Alarm, Webhook
from app.operations.announce import write_message
from app.operations.webhook import add_webhook, replace_secret, secret_of
from app.operations.webhook_delivery import _take
from app.sealing import INFO, Seal, opened

pytestmark = pytest.mark.parametrize("db", ["sqlite"], indirect=True)


def test_a_secret_is_sealed_by_the_installations_key_and_one_from_before_is_understood(db, clock):
    house = Database(db.engine.url.render_as_string(), **{INFO: Seal("one key")})
    with house.write() as session:
        facts = {"name": "x", "url": "https://a.example/", "events": ["visit.created"], "internal_hosts": ()}
        webhook = add_webhook(session, **facts, now=clock.now(), actor="user:1")
        assert secret_of(session, webhook).startswith("whsec_")
        assert "whsec" not in webhook.secret
        assert opened(session, "whsec_old") == "whsec_old"
        number, first = webhook.id, webhook.secret
    other = Database(db.engine.url.render_as_string(), **{INFO: Seal("another key")})
    with other.write() as session:
        assert opened(session, first) is None
        write_message(session, [number], "visit.created", {"visit": 1}, clock.now())
    assert _take(other, number, clock.now()) is None
    with other.write() as session:
        assert session.get_one(Webhook, number).off_reason == "unreadable"
        assert session.scalars(select(Alarm.kind)).all() == ["webhook_off"], "nobody would know"
        assert secret_of(session, replace_secret(session, number, clock.now())).startswith("whsec_")
    house.close()
    other.close()
