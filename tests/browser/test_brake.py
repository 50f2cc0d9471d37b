"""Does whoever opens the board see that sending has stopped, and can it be decided with two presses?"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

from app.brake import Brake
from app.models import Visit
from app.operations.notice import News, Telling, add_notice
from app.operations.outbox import deliver_due
from app.operations.policy import change_policy
from app.providers.sms_twilio import TwilioSms

TOKYO = ZoneInfo("Asia/Tokyo")


@pytest.fixture
def parts(parts):
    return replace(parts, channels={"sms": TwilioSms("AC1", "s", "+15005550006", "http://127.0.0.1:9", "http://x/")})


@pytest.fixture
def flood(parts, db, clock, world):
    with db.write() as session:
        change_policy(session, {"brake_least": 5, "brake_near": 0.1, "brake_most": 0.2}, actor="test", now=clock.now())
    telling = Telling("https://a.jp", TOKYO, parts.channels)
    for number in range(7):
        visit_id = world.visit(starts_in_min=300 + 90 * number)
        with db.write() as session:
            now = clock.now()
            quoted = now + timedelta(minutes=70), now + timedelta(minutes=90)
            news = News("late", "late_expected", quoted=quoted)
            add_notice(session, session.get_one(Visit, visit_id), news, telling, now)
    deliver_due(db, parts.channels, clock, TOKYO, None, Brake())


def test_the_board_shows_it_and_two_presses_decide(browse, flood):
    page = browse("/", as_role="dispatcher", width=1440, height=900)
    banner = page.locator("#brake")
    expect(banner).to_contain_text("7件を止めています")
    banner.get_by_text("内容の例").click()
    expect(banner.locator(".examples li")).to_have_count(3)
    banner.get_by_role("link", name="いまも当てはまるものだけ送る").click()
    page.get_by_role("button", name="当てはまるものだけ送る").click()
    expect(page.locator("#board")).to_be_visible()
    expect(page.locator("#brake")).to_have_count(0)


def test_cancelled_by_a_press_nothing_leaves_until_somebody_says_go_on(browse, flood):
    page = browse("/brake", as_role="manager", width=820, height=900)
    page.get_by_role("link", name="取り消して、止めたままにする").click()
    page.get_by_role("link", name="戻る").click()  # a second thought
    page.get_by_role("link", name="取り消して、止めたままにする").click()
    page.get_by_role("button", name="7件を取り消す").click()
    expect(page.locator("main")).to_contain_text("いま止めているお知らせはありません")
    page.get_by_role("link", name="送信を再開する").click()
    page.get_by_role("button", name="再開する").click()
    expect(page.locator("#board")).to_be_visible()


@pytest.mark.parametrize(("lang", "dark", "width"), [("ja", False, 1440), ("en", True, 360), ("ja", True, 820)])
def test_it_is_clean_for_axe_and_fits(browse, flood, axe, lang, dark, width):
    page = browse("/", as_role="manager", width=width, height=900, dark=dark, lang=lang)
    wrong = []
    for path in ("/", "/brake", "/brake?do=all", "/brake?do=none", "/customers"):
        page.goto(path)
        wrong.extend(f"{path}: {one}" for one in axe(page))
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wrong.append(f"{path} is wider than {width}")
    assert wrong == []
