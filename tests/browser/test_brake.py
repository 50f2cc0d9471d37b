"""Does whoever opens the board see that sending has stopped, and can it be decided with two presses?"""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.screens import SCREENS
from tests.web.test_brake import flood, parts

__all__ = ["flood", "parts"]


def test_the_board_shows_it_and_two_presses_decide(browse, flood):
    page = browse("/", as_role="dispatcher", width=1440, height=900)
    banner = page.locator("#brake")
    expect(banner).to_contain_text("6件を止めています")
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
    page.get_by_role("button", name="6件を取り消す").click()
    expect(page.locator("main")).to_contain_text("いま止めているお知らせはありません")
    page.get_by_role("link", name="送信を再開する").click()
    page.get_by_role("button", name="再開する").click()
    expect(page.locator("#board")).to_be_visible()


@SCREENS
def test_it_is_clean_for_axe_and_fits(browse, flood, wrong_on, lang, screens):
    page = browse(as_role="manager", lang=lang)
    wrong = []
    for path in ("/", "/brake", "/brake?do=all", "/brake?do=none", "/customers"):
        page.goto(path)
        wrong += wrong_on(page, screens)
    assert wrong == []
