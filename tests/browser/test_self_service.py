"""Can a customer with a small phone and no scripts move her visit, add to it and call it off?"""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image
from sqlalchemy import select

from app.models import CustomerNote, CustomerPhoto, PriceBookVersion, Service, Visit, VisitEvent
from app.operations.price_book import STANDARD


@pytest.fixture
def link(world, db, clock):
    visit_id = world.visit(2 * 24 * 60, 60)
    with db.write() as session:
        session.scalars(select(Service)).one().price_code = "network-setup"
        now = clock.now()
        session.add(PriceBookVersion(valid_from=now.date(), book=STANDARD, at=now, by="user:1", code="x"))
        return f"/v/{session.get_one(Visit, visit_id).link_token}"


def test_without_scripts_she_moves_adds_and_calls_off(browse, link, db):
    page = browse(link, java_script_enabled=False)
    page.click("text=日時を変えたい")
    page.click("form.times button >> nth=3")
    assert "この日時に変更しますか" in page.inner_text("h1")
    will = page.inner_text(".was-and-will strong")
    page.click("text=別の日時を選ぶ")
    page.click("form.times button >> nth=3")
    page.click("button.primary")
    assert will in page.inner_text("h1")
    page.click("text=担当者へのメモ・写真")
    page.fill("#note", "犬がいます")
    page.click("text=メモを残す")
    photo = BytesIO()
    Image.new("RGB", (1200, 900), "navy").save(photo, "PNG")
    page.set_input_files("#photos", {"name": "画面.png", "mimeType": "image/png", "buffer": photo.getvalue()})
    page.click("text=写真を送る")
    assert "メモ1件・写真1枚" in page.inner_text("main")
    page.click("text=訪問を取り消す")
    assert "料金" in page.inner_text(".fee")
    page.click("text=都合が合わなくなった")
    page.click("button.danger")
    assert "この訪問は取り消されました" in page.inner_text("h1")
    assert page.context.cookies() == []
    with db.read() as session:
        kinds = session.scalars(select(VisitEvent.kind).order_by(VisitEvent.id)).all()
        kept = session.scalars(select(CustomerNote)).one(), session.scalars(select(CustomerPhoto)).one()
    assert kinds == ["booked", "changed", "customer_note", "customer_photo", "cancelled"]
    assert (kept[0].words, kept[1].width) == ("犬がいます", 1200)


@pytest.mark.parametrize(("lang", "dark"), [("ja", False), ("en", True)])
def test_the_pages_are_readable_by_everybody_and_small(browse, axe, link, lang, dark):
    page = browse(f"{link}?lang={lang}", dark=dark)
    page.click("details.add summary")
    page.click("details.phone summary")
    for path in (None, f"{link}/move?lang={lang}", "confirm", f"{link}/cancel?lang={lang}"):
        if path == "confirm":
            page.click("form.times button >> nth=0")
        elif path:
            page.goto(path)
        assert axe(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        assert len(page.content().encode()) < 60_000
        low = [one.inner_text() for one in page.query_selector_all("main .button, main input:not([type=radio])")
               if one.is_visible() and one.bounding_box()["height"] < 36]  # fmt: skip
        assert low == []
