"""Can work be added beside a door with a thumb, and agreed to with a finger, a name, or not at all?"""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select

from app.models import Company, PriceBookVersion, QuoteAnswer, Service, Visit
from app.operations.price_book import STANDARD

SHOTS = os.environ.get("SHOTS")
PARTS = {
    "clip": {"price": 200, "name": {"ja": "留め具", "en": "Clip"}},
    "ssd": {"price": 9800, "name": {"ja": "内蔵SSD 1TB(データ移行用)", "en": "1 TB SSD (for moving data)"}},
}


@pytest.fixture
def there(db, world, clock):
    """The technician has arrived; prices are in force, and the company's papers are complete."""
    visit_id = world.visit()
    book = {**STANDARD, "code": "shop", "parts": PARTS}
    with db.write() as session:
        session.add(PriceBookVersion(at=clock.now(), by="test", code="shop", valid_from=date(2026, 10, 1), book=book))
        session.get_one(Service, world.service).price_code = "pc-setup"
        company = session.get_one(Company, 1)
        company.address, company.representative = "和歌山県和歌山市一番丁3", "青葉 太郎"
        company.pay_to = "青葉銀行 中央支店 普通 1234567"
        visit = session.get_one(Visit, visit_id)
        visit.status, visit.arrived_at = "arrived", visit.promised_from_at
        clock.at = visit.arrived_at
    return visit_id


@pytest.mark.parametrize(("lang", "dark", "width"), [("ja", False, 360), ("en", True, 820)])
def test_work_is_added_on_the_phone_and_agreed_to_with_a_finger(browse, axe, db, there, lang, dark, width):
    page = browse("/t", as_role="technician", width=width, height=800, dark=dark, lang=lang, has_touch=True)

    def look(name):
        assert axe(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") == width
        if SHOTS:
            shade = "dark" if dark else "light"
            page.screenshot(path=Path(SHOTS) / f"{name}-{lang}-{shade}-{width}.png", full_page=True)

    page.locator(f"a[href='/t/visits/{there}/work']").click()
    look("work")
    page.select_option("#part_clip", "1")
    page.locator(".adding button").click()
    look("within")
    page.locator("#verdict button").click()
    page.locator(".chips label", has_text="60").click()
    page.select_option("#part_ssd", "1")
    page.locator("[name=also_diagnosis]").check()
    page.locator(".adding button").click()
    look("asks")
    page.locator("#verdict button").click()
    page.wait_for_url("**/q/**")
    page.fill("#name", "山田 花子")
    page.locator("[name=answer][value=accept]").click()
    assert page.locator("#signature-wrong").is_visible()
    finger = page.context.new_cdp_session(page)
    page.locator(".pad-paper").scroll_into_view_if_needed()
    box = page.locator(".pad-paper").bounding_box()
    for kind, across, down in (
        ("touchStart", 0.1, 0.6),
        ("touchMove", 0.3, 0.2),
        ("touchMove", 0.5, 0.8),
        ("touchMove", 0.8, 0.3),
        ("touchEnd", 0, 0),
    ):
        points = [{"x": box["x"] + across * box["width"], "y": box["y"] + down * box["height"]}]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [] if kind == "touchEnd" else points})
    page.locator("[name=copy_way][value=electronic]").check()
    page.locator("[name=consent]").check()
    look("signed")
    page.locator("[name=answer][value=accept]").click()
    look("accepted")
    with db.read() as session:
        said = session.scalars(select(QuoteAnswer)).one()
        assert said.drawn.startswith("M60 120L")
        assert (said.signature, said.copy_way) == ("", "electronic")
    page.locator("a[href*='/document']").click()
    look("document")
    page.go_back()
    page.locator("a[href*='/t/visits/']").click()
    look("handing")
    page.locator("[name=way][value=electronic]").click()
    look("handed")
    withdrawal = f"/visits/{there}/quote/{said.quote_id}/withdrawal"
    desk = browse(withdrawal, as_role="manager", width=width, lang=lang, dark=dark)
    assert desk.locator("input[type=date]").count() == 1
    assert axe(desk) == []
