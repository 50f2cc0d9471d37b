"""Can a visit be carried to another time and technician with mouse, keyboard and finger, and is it seen elsewhere?"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from app.models import Customer, Lease, Notice, Technician, Visit
from app.operations.appointment import Message, change
from app.operations.notice import Telling


@pytest.fixture
def day(db, clock, world):
    """Two technicians and a visit promised from 17 to 18 o'clock; somebody watches."""
    with db.write() as session:
        session.add(
            Lease(name="jobs", holder="x", number=1, until_at=clock.now() + timedelta(days=1), seen_at=clock.now())
        )
        session.add(Technician(name="鈴木", base_lat=34.22, base_lon=135.16, created_at=clock.now()))
    world.wanted = world.visit(60, 60)
    with db.read() as session:
        world.suzuki = session.query(Technician).filter_by(name="鈴木").one().id
    return world


def bar(page: Page, visit_id: int) -> Any:
    return page.locator(f"#v{visit_id} a")


def track(page: Page, technician_id: int) -> dict[str, float]:
    return page.locator(f"#h{technician_id} .track").bounding_box()


def minute_px(page: Page, technician_id: int) -> float:
    """How many pixels are a minute: a day of so many hours over the width of a track."""
    marks = page.locator(".axis text").count() - 1
    return track(page, technician_id)["width"] / (60 * marks)


def stands(db: Any, visit_id: int) -> tuple[Any, ...]:
    with db.read() as session:
        visit = session.get(Visit, visit_id)
        return visit.technician_id, visit.planned_from_at, visit.promised_from_at, visit.version


def test_a_visit_is_dragged_to_somebody_else_and_a_later_promise_is_told(browse, day, db, clock, axe):
    page = browse("/", as_role="dispatcher", width=1440, height=900)
    work = page.locator(f"#v{day.wanted} .work").bounding_box()
    theirs, step = track(page, day.suzuki), minute_px(page, day.suzuki)
    page.mouse.move(work["x"] + 5, work["y"] + 5)
    page.mouse.down()
    page.mouse.move(work["x"] + 20, work["y"] + 20)
    page.mouse.move(work["x"] + 5 + 90 * step, theirs["y"] + 20, steps=4)
    expect(page.locator(".ghost")).to_contain_text("鈴木 18:30–19:30お約束の時間が変わります")
    page.mouse.up()
    panel = page.locator("#place")
    expect(panel).to_contain_text("佐藤鈴木")
    expect(panel).to_contain_text("山田 花子様に「日時変更のお知らせ」をお送りします")
    assert axe(page) == []
    assert stands(db, day.wanted)[3] == 1  # nothing is final by dropping
    panel.get_by_role("button", name="変更してお知らせする").click()
    expect(panel).to_be_hidden()
    expect(page.locator(f"#h{day.suzuki} #v{day.wanted}")).to_be_visible()
    moved_at = clock.now() + timedelta(minutes=150)
    assert stands(db, day.wanted) == (day.suzuki, moved_at, moved_at, 2)
    with db.read() as session:
        assert [notice.kind for notice in session.query(Notice)] == ["moved"]


def test_a_visit_is_carried_with_the_keyboard_and_put_back(browse, day, db, clock):
    page = browse("/", as_role="dispatcher", width=1440, height=900)
    bar(page, day.wanted).focus()
    page.keyboard.press("m")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#aim")).to_have_text("佐藤 17:20–18:20 お約束の時間内")
    page.keyboard.press("Escape")
    expect(page.locator(".ghost")).to_have_count(0)
    expect(bar(page, day.wanted)).to_be_focused()
    page.keyboard.press("m")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Enter")
    panel = page.locator("#place")
    expect(panel).to_contain_text("お客様への連絡は不要です")
    expect(panel.get_by_role("button", name="この内容で変更する")).to_be_focused()
    page.keyboard.press("Escape")  # taken back: nothing has changed
    expect(panel).to_be_hidden()
    assert stands(db, day.wanted)[3] == 1
    page.keyboard.press("m")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Enter")
    expect(panel.get_by_role("button", name="この内容で変更する")).to_be_focused()
    page.keyboard.press("Enter")
    expect(panel).to_be_hidden()
    planned_at = clock.now() + timedelta(minutes=75)
    expect(page.locator("#aim")).to_have_text("変更しました")
    assert stands(db, day.wanted) == (day.technician, planned_at, clock.now() + timedelta(minutes=60), 2)
    expect(bar(page, day.wanted)).to_be_focused()


def test_a_finger_scrolls_and_carries_only_after_a_long_press(browse, day):
    page = browse("/", as_role="dispatcher", width=820, height=1100, has_touch=True)
    work, step = page.locator(f"#v{day.wanted} .work").bounding_box(), minute_px(page, day.technician)
    finger = page.context.new_cdp_session(page)

    def touch(kind: str, x: float, y: float) -> None:
        points = [] if kind == "touchEnd" else [{"x": x, "y": y}]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    x, y = work["x"] + 8, work["y"] + 8
    touch("touchStart", x, y)
    touch("touchMove", x, y - 40)
    touch("touchEnd", x, y - 40)
    expect(page.locator(".ghost")).to_have_count(0)
    x, y = (page.locator(f"#v{day.wanted} .work").bounding_box()[one] + 8 for one in ("x", "y"))
    touch("touchStart", x, y)
    expect(page.locator(".ghost")).to_be_visible()
    touch("touchMove", x + 30 * step, y)
    touch("touchEnd", x + 30 * step, y)
    expect(page.locator("#place")).to_contain_text("17:30–18:30")


def test_a_change_elsewhere_is_seen_within_two_seconds_and_disturbs_nobody(browse, day, db, clock, parts):
    page = browse("/", as_role="dispatcher", width=1440, height=900)
    expect(page.locator("#live")).to_have_class("live on")
    bar(page, day.wanted).focus()
    page.keyboard.press("m")
    page.keyboard.press("ArrowRight")
    with db.write() as session:
        telling = Telling("http://x", parts.settings.zone, {})
        change(session, day.wanted, Message(telling), now=clock.now(), actor="user:1", technician_id=day.suzuki)
        session.get(Customer, day.customer).name = "山田 華子"
    expect(page.locator(f"#h{day.suzuki} #v{day.wanted}")).to_contain_text("山田 華子", timeout=2000)
    expect(page.locator(".ghost")).to_contain_text("佐藤 17:05")
    page.keyboard.press("Enter")
    expect(page.locator("#place")).to_contain_text("ほかの方が先に変更しました")
    page.get_by_role("button", name="配車盤を見る").click()
    expect(page.locator("#place")).to_be_hidden()
    assert re.search("山田 華子", bar(page, day.wanted).get_attribute("aria-label") or "")
