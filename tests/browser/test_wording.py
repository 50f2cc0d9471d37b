"""Can the words of a notice be changed with a keyboard, on any screen, and seen while they are written?"""

from __future__ import annotations

from app.operations.wording import current_texts
from tests.browser.screens import SCREENS


@SCREENS
def test_the_list_and_the_editor_are_clean_and_fit(browse, wrong_on, world, lang, screens):
    world.visit(60)
    page = browse("/wording", as_role="manager", width=screens[0][0], lang=lang)
    assert wrong_on(page, screens) == []
    page.goto("/wording/holding_unknown/ja")
    assert wrong_on(page, screens) == []
    page.fill("#body", "{{ etta }}")
    page.click("button[value=save]")
    page.wait_for_selector("#body[aria-invalid=true]")
    assert page.input_value("#body") == "{{ etta }}"
    assert wrong_on(page, screens) == []


def test_what_is_written_shows_beside_it_and_a_press_puts_a_fact_in(browse, db):
    page = browse("/wording/late/ja", as_role="manager", width=1440)
    page.fill("#subject", "")
    page.focus("#subject")
    page.click(".chip:has-text('会社名')")
    assert page.input_value("#subject") == "{{ brand }}"
    page.keyboard.type("よりお詫び")
    page.wait_for_selector(".seen-subject .sheet:has-text('アオバPCサポートよりお詫び')")
    page.fill("#subject", "{{ nothing }}")
    page.wait_for_selector("#preview .note.alarm:has-text('nothing')")
    page.fill("#subject", "お詫び")
    page.wait_for_selector("#preview .note.good")
    page.click("button[value=save]")
    page.wait_for_url("**/wording/late/ja?saved=1")
    assert page.locator("#versions .version").count() == 1
    with db.read() as session:
        assert current_texts(session, "late", "ja")[0].subject == "お詫び"


def test_it_works_without_scripts(browse):
    page = browse("/wording/late/ja", as_role="manager", java_script_enabled=False, width=1440)
    page.fill("#subject", "お詫びと {{ promised_on }}")
    page.click("button[value=preview]")
    assert "お詫びと 11/24(火)" in page.locator(".seen-subject").inner_text()
    assert page.input_value("#subject") == "お詫びと {{ promised_on }}"
