"""Does somebody in a storm get word to everybody in one minute, at a desk and on a tablet?"""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.screens import SCREENS


def test_from_the_list_to_everybody_told(browse, world):
    world.visit(120)
    world.visit(240)
    page = browse("/incidents", as_role="dispatcher", width=1440, height=1000)
    page.get_by_role("link", name="障害・遅延を知らせる").click()
    expect(page.get_by_label("すべて選ぶ")).to_be_checked()
    page.get_by_label("すべて選ぶ").uncheck()
    expect(page.locator('input[name="visits"]:checked')).to_have_count(0)
    page.locator('input[name="visits"]').first.check()
    page.get_by_label("見出し", exact=True).fill("台風による到着の遅れ")
    page.get_by_label("お知らせの内容", exact=True).fill("台風のため到着が遅れます。申し訳ございません。")
    page.get_by_label("お客様対応の責任者(氏名)").fill("小林")
    page.get_by_role("button", name="ページを作り、全員に知らせる").click()
    expect(page.locator(".course li")).to_have_count(1)
    expect(page.locator("#concerned")).to_contain_text("1")
    page.get_by_role("link", name="お客様のページ").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("台風による到着の遅れ")


@SCREENS
def test_incidents_are_clean_for_axe_and_fit_with_none_one_and_many(browse, world, wrong_on, lang, screens):
    page = browse("/incidents", as_role="dispatcher", width=screens[0][0], lang=lang)
    wrong = []

    def look(path):
        if path is not None:
            page.goto(path)
        wrong.extend(wrong_on(page, screens))

    look(None)
    look("/incidents/new")
    for hour in range(12):
        world.visit(60 + 90 * hour)
    look("/incidents/new")
    page.locator("#title_ja").fill("台風による到着の遅れ")
    page.locator("#answered_by").fill("小林")
    page.locator("main form[method=post] button.primary").click()
    look(None)
    page.locator("[name=words_ja]").fill("台風のため到着が遅れます。" * 20)
    page.locator("main form[method=post] button.primary").click()
    page.wait_for_url("**/incidents/1")
    for summary in page.locator("main summary").all():
        summary.click()
    look(None)
    page.locator('form[action$="/close"] [name=words_ja]').fill("解消しました。")
    page.locator('form[action$="/close"] button').click()
    expect(page.locator("#report")).to_be_visible()
    look(None)
    look("/incidents")
    page.goto("/incidents/1")
    page.locator('a[href^="/i/"]').click()
    look(None)
    assert wrong == []
