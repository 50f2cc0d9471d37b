"""Can the programs that are told be read on every screen, and one be added by keyboard?"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from app.models import Webhook, WebhookMessage
from app.rules.webhook import EVENTS
from tests.browser.screens import SCREENS

SHOTS = os.environ.get("SHOTS")
LONG = "本社基幹システム連携ゲートウェイ(会計・在庫・人事・勤怠・配送・電子帳簿)第2系統"


@pytest.fixture
def programs(db, world, clock):
    """Give one of each state, the last with every outcome of a message."""
    states = [("on", None, 0), ("paused", None, 0), ("off", "gone", 5), ("on", None, 90)]
    with db.write() as session:
        for state, why, failing in states:
            session.add(Webhook(
                name=LONG, url="https://hooks.example.jp/" + "x" * 180, events=list(EVENTS), state=state,
                off_reason=why, secret="whsec_QUJD", created_at=clock.now(), created_by="user:1",
                failing_since_at=clock.now() - timedelta(minutes=failing) if failing else None,
            ))  # fmt: skip
        session.flush()
        outcomes = [("sent", 204, None), ("given_up", None, "not_public"), ("due", 503, None), ("due", None, None),
                    ("given_up", None, None), ("due", None, "timeout")]  # fmt: skip
        for n, (state, status, failure) in enumerate(outcomes * 4):
            session.add(WebhookMessage(
                webhook_id=4, message_id=f"msg_{n:024x}", event=EVENTS[n % len(EVENTS)], body="{}", state=state,
                status=status, failure=failure, tries=n % 6 if status or failure else 0, created_at=clock.now(),
                next_attempt_at=clock.now() + timedelta(hours=1) if state == "due" else None,
            ))  # fmt: skip


@SCREENS
def test_the_pages_are_read_by_everybody_on_every_screen(browse, wrong_on, programs, lang, screens):
    page = browse(as_role="manager", lang=lang)
    for path in ("/webhooks", "/webhooks/4", "/webhooks/3"):
        page.goto(path)
        assert wrong_on(page, screens) == []


def test_a_program_is_added_by_keyboard(browse, world):
    page = browse("/webhooks", as_role="manager", width=1440, height=900)
    page.fill("#name", "会計")
    page.fill("#url", "http://example.jp/hook")
    page.press("#url", "Enter")
    expect(page.locator("#url-wrong")).to_contain_text("https://")
    page.fill("#url", "https://example.jp/hook")
    page.press("#url", "Enter")
    expect(page.locator("#secret")).to_have_value(r := page.locator("#secret").input_value())
    assert r.startswith("whsec_")
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / "webhook-new.png", full_page=True)
