"""Can the office and the technician set calendars up, on every screen?"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from app.models import CalendarSubscription, Technician

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


@pytest.mark.parametrize(("lang", "dark", "width"), [("ja", False, 360), ("en", True, 820), ("ja", False, 1440)])
def test_the_pages_are_read_by_everybody_on_every_screen(browse, axe, world, set_up, lang, dark, width):
    for path, role in ((f"/technicians/{world.technician}", "manager"), ("/t/calendar", "technician")):
        page = browse(path, as_role=role, width=width, height=900, dark=dark, lang=lang)
        assert axe(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") == width
        if SHOTS:
            name = f"calendar-{role}-{lang}-{'dark' if dark else 'light'}-{width}.png"
            page.screenshot(path=Path(SHOTS) / name, full_page=True)


def test_a_technician_makes_an_address_on_the_phone(browse, world):
    page = browse("/t", as_role="technician")
    page.click("text=カレンダー")
    page.click("button.big")
    expect(page.locator("a.big")).to_have_attribute("href", r := page.locator("a.big").get_attribute("href"))
    assert r.startswith("webcal://")
