"""Is a repair found on the board, understood, and done in two presses, on every screen?"""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from app.models import Lease
from app.operations.booking import change_visit
from app.tick import offer_repairs, sweep
from tests.browser.screens import SCREENS
from tests.late_day import overrun, read


@pytest.fixture(autouse=True)
def _watched(db, clock):
    with db.write() as session:
        until_at = clock.now() + timedelta(days=1)
        session.add(Lease(name="jobs", holder="x", number=1, until_at=until_at, seen_at=clock.now()))


def test_from_the_list_to_another_technician_in_two_presses(browse, world, db, clock, parts):
    late = overrun(world, db, clock, parts)
    offer_repairs(parts, clock.at)
    page = browse("/?view=list", as_role="dispatcher", width=1440, height=1000)
    expect(page.locator(f"#v{late.next} .mend")).to_have_text("手当てあり(1件)")
    expect(page.locator(".alarm-line .what")).to_contain_text("鈴木さんに替える")
    expect(page.locator(".alarm-line .when")).to_have_text(re.compile(r"16:1\dまでに判断\(あと1\d分\)"))
    page.get_by_role("link", name="手当てを見る").click()
    expect(page.locator("#drawer #repairs h3")).to_have_text("鈴木さんに替える")
    page.locator("#drawer #repairs summary").click()
    page.locator("#drawer #repairs").get_by_role("button", name="確定する").click()
    expect(page.locator("#drawer .timeline")).to_contain_text("手当てをした")
    expect(page.locator("#drawer #repairs")).to_have_count(0)
    expect(page.locator(".alarm-line")).to_have_count(0)
    assert read(db, late.next).technician_id == late.helper


@SCREENS
def test_offers_are_clean_for_axe_and_fit_with_many_with_one_to_ask_for_and_with_none(
    browse, world, db, clock, parts, wrong_on, lang, screens
):
    late = overrun(world, db, clock, parts, helpers=3)
    offer_repairs(parts, clock.at)
    page = browse(None, as_role="dispatcher", width=screens[0][0], lang=lang)
    wrong = []

    def look(path, offers):
        page.goto(path)
        for summary in page.locator("#repairs summary").all():
            summary.click()
        assert page.locator("#repairs .offer").count() == offers
        wrong.extend(wrong_on(page, screens))

    look("/", 0)
    look(f"/visits/{late.next}", 2)
    with db.write() as session:
        change = {"now": clock.at, "actor": "user:1"}
        change_visit(session, late.next, promised_from_at=clock.at + timedelta(minutes=25), duration_min=90, **change)
        change_visit(session, late.later, promised_from_at=clock.at + timedelta(minutes=120), **change)
    sweep(parts, clock.at)
    look(f"/visits/{late.later}", 3)
    assert wrong == []
