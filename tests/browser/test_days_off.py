"""Can somebody at a desk enter a day off by keyboard and mouse, and read the page on every screen?"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from app.models import Absence, Company, Technician
from tests.browser.screens import SCREENS

SHOTS = os.environ.get("SHOTS")


@pytest.fixture
def busy(db, world, clock):
    """Give the company many days off: a long name, a rule, one from a calendar."""
    with db.write() as session:
        session.get_one(Company, 1).holidays_of = "JP"
        names = ("鈴木", "五十嵐・ファン・デル・ベルフ・アレクサンドラ・マリア・テレジア・クリスティーナ", "高橋")
        people = [Technician(name=name, created_at=clock.now()) for name in names]
        session.add_all(people)
        session.flush()
        for n in range(12):
            begins_at = (clock.now() + timedelta(days=1 + 2 * n)).replace(hour=15)
            session.add(
                Absence(
                    technician_id=[world.technician, None, *(one.id for one in people)][n % 5],
                    from_at=begins_at,
                    until_at=begins_at + timedelta(days=1 + n % 3),
                    all_day=True,
                    reason=["有給休暇", "棚卸しのため全社休業", "", "通院"][n % 4],
                    recurrence=[None, "FREQ=YEARLY", "FREQ=WEEKLY;INTERVAL=2;UNTIL=20270331T235959"][n % 3],
                    source="ical" if n == 2 else "entered",
                    created_at=clock.now(),
                    created_by="user:1",
                )
            )


@SCREENS
def test_the_page_is_read_by_everybody_on_every_screen(browse, wrong_on, world, busy, lang, screens):
    world.visit(18 * 60)
    page = browse("/days-off", as_role="manager", width=screens[0][0], lang=lang)
    assert wrong_on(page, screens) == []
    page.select_option("#who", str(world.technician))
    page.fill("#first", "2026-11-25")
    page.click("form#new button.primary")
    expect(page.locator("form#new .note.alarm a")).to_have_count(1)
    assert wrong_on(page, screens) == []


def test_a_day_off_is_entered_although_a_visit_stands_in_it(browse, world):
    world.visit(18 * 60)
    page = browse("/days-off", as_role="dispatcher", width=1440, height=900)
    expect(page.locator("text=登録された休みはありません")).to_be_visible()
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / "days-empty.png", full_page=True)
    page.select_option("#who", str(world.technician))
    page.fill("#first", "2026-11-25")
    page.fill("#reason", "有給休暇")
    page.press("#reason", "Enter")
    page.click("text=訪問を残したまま登録する")
    expect(page.locator(".days-off")).to_contain_text("この間に訪問が1件残っています")
    page.click(".days-off button")
    expect(page.locator(".days-off")).to_contain_text("登録された休みはありません")
