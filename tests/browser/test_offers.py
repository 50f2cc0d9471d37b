"""Can a time be offered, kept and booked while the customer is on the telephone?"""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from playwright.sync_api import expect
from sqlalchemy import select, update

from app.models import Hold, Technician, Visit
from tests.web.test_slots import NINE_TO_SIX


@pytest.fixture
def hours(db, world):
    with db.write() as session:
        session.execute(update(Technician).values(working_hours=NINE_TO_SIX))


def find_hanako(page: Any) -> None:
    page.locator("#find").fill("山田")
    expect(page.locator("#found label").first).to_be_visible()
    page.locator("#found input[type=radio]").first.check()
    page.locator("#on").fill("2026-11-25")


def test_a_time_is_searched_kept_and_booked_with_a_few_presses(browse, world, db, hours, axe):
    page = browse("/visits/new", as_role="dispatcher", width=1440, height=1000)
    find_hanako(page)
    page.get_by_role("button", name="空き時間を探す").click()
    offers = page.locator("#offers button.offer")
    expect(offers.first).to_contain_text("11/25(水)")
    assert axe(page) == []
    offers.first.press("Enter")
    expect(offers.first).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#kept")).to_have_text("16:10まで仮押さえしています")
    expect(page.locator("#on")).to_have_value("2026-11-25")
    with db.read() as session:
        held = session.scalars(select(Hold)).one()
    page.get_by_role("button", name="この内容で受け付ける").click()
    page.wait_for_url("**visit=**")
    with db.read() as session:
        booked = session.scalars(select(Visit)).one()
        assert (booked.planned_from_at, booked.technician_id) == (held.from_at, world.technician)
        assert booked.planned_from_at.date() == date(2026, 11, 25)
        assert session.scalars(select(Hold)).all() == []


def test_a_time_that_somebody_took_meanwhile_is_taken_off_the_list(browse, world, db, hours):
    page = browse("/visits/new", as_role="dispatcher", width=820)
    find_hanako(page)
    page.get_by_role("button", name="空き時間を探す").click()
    offers = page.locator("#offers button.offer")
    expect(offers.first).to_be_visible()
    before = offers.count()
    begins = offers.first.get_attribute("value").split("|")[2]
    world.visit(60 * (24 - 16 + int(begins[:2])) + int(begins[3:]))
    offers.first.click()
    expect(page.locator("#kept")).to_have_text("この担当者には同じ時間に別の訪問が入っています")
    expect(offers).to_have_count(before - 1)
