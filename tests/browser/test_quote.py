"""Can the price of a night visit be agreed on in a browser: made by the desk, accepted without script, then set out?"""

from __future__ import annotations

import os

import pytest

from app.models import Service, Visit

SHOTS = os.environ.get("SHOTS")


def shot(page, name):
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


@pytest.mark.parametrize(("lang", "width", "dark"), [("ja", 360, False), ("en", 820, True)])
def test_a_price_at_night_is_agreed_on_before_anybody_sets_out(browse, axe, db, world, lang, width, dark):
    with db.write() as session:
        session.get_one(Service, world.service).price_code = "pc-setup"
    visit_id = world.visit(starts_in_min=390, window_min=30)
    desk = browse(f"/visits/{visit_id}/quote", as_role="dispatcher", width=1440, lang=lang, dark=dark)
    desk.check("input[name=sign]")
    shot(desk, f"desk-{lang}")
    assert axe(desk) == []
    desk.click("main form.card button")
    address = desk.input_value("input[readonly]")
    shot(desk, f"desk-made-{lang}")
    assert axe(desk) == []
    path = "/q/" + address.rpartition("/")[2]
    page = browse(f"{path}?lang={lang}", width=width, dark=dark, lang=lang, java_script_enabled=False)
    shot(page, f"quote-{lang}")
    assert page.locator("table.price tfoot .sum td").inner_text() in ("11,000円", "JPY 11,000")
    page.fill("#name", "山田 花子")
    page.click("button[value=accept]")
    assert page.locator("#signature-wrong").is_visible()
    page.fill("#signature", "山田 花子")
    page.click("button[value=accept]")
    assert page.locator("#name").count() == 0
    shot(page, f"accepted-{lang}")
    with db.read() as session:
        visit_path = f"/v/{session.get_one(Visit, visit_id).link_token}"
    scripted = browse(f"{path}?lang={lang}", width=width, dark=dark, lang=lang)
    assert axe(scripted) == []
    assert scripted.evaluate("document.documentElement.scrollWidth <= innerWidth")
    mine = browse(f"{visit_path}?lang={lang}", width=width, dark=dark, lang=lang)
    shot(mine, f"visit-{lang}")
    assert axe(mine) == []
    desk.goto(desk.url)
    assert desk.locator(".note.alarm").count() == 0


def test_the_prices_are_looked_after_on_a_page(browse, axe):
    page = browse("/prices", as_role="manager", width=1440)
    page.click("text=標準の料金表を使う")
    page.fill("[name='bands[2].from']", "21:00")
    page.press("[name='bands[2].from']", "Enter")  # tries it, as the first button does; saves nothing
    shot(page, "prices-wrong")
    wrong = page.locator("[name='bands[2].from'][aria-invalid]:focus")
    wrong.wait_for()  # a page takes its focus a moment after it is there
    assert "evening" in page.locator(f"[id='{wrong.get_attribute('aria-describedby')}']").inner_text()
    page.fill("[name='bands[1].to']", "21:00")
    page.click("button[value='less bands[0]']")
    page.click("button[value='more bands']")
    page.locator("[name='bands[2].code']").focus()
    page.keyboard.type("early")
    for typed in ("", "", "05:00", "08:00"):
        page.keyboard.press("Tab")
        page.keyboard.type(typed)
    assert page.locator("[name='bands[0].from']").input_value() == "18:00"
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.click(".book-do button[value=save]")
    shot(page, "prices-wrong-again")
    page.locator("[name='bands[2].surcharge']:focus").wait_for()
