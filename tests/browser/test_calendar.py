"""Can the office and the technician set calendars up, on every screen?"""

from __future__ import annotations

import os
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from app.models import CalendarSubscription, Technician
from tests.browser.screens import SCREENS

SHOTS = os.environ.get("SHOTS")


@pytest.fixture
def set_up(db, world, clock):
    """Give the technician an address, and a calendar that cannot be read."""
    with db.write() as session:
        session.get_one(Technician, world.technician).calendar_token = "x" * 32
        session.add(CalendarSubscription(
            technician_id=world.technician, url="https://calendar.example.jp/own.ics", created_at=clock.now(),
            created_by="user:1", next_at=clock.now(), read_at=clock.now() - timedelta(days=2), busy_count=12,
            failing_since_at=clock.now() - timedelta(days=2), failure="http_404",
        ))  # fmt: skip


@SCREENS
def test_the_pages_are_read_by_everybody_on_every_screen(browse, wrong_on, world, set_up, lang, screens):
    for path, role in ((f"/technicians/{world.technician}", "manager"), ("/t/calendar", "technician")):
        assert wrong_on(browse(path, as_role=role, lang=lang), screens) == []


def test_a_technician_makes_an_address_on_the_phone(browse, world):
    page = browse("/t", as_role="technician")
    page.click("text=カレンダー")
    page.click("button.big")
    expect(page.locator("a.big")).to_have_attribute("href", r := page.locator("a.big").get_attribute("href"))
    assert r.startswith("webcal://")
