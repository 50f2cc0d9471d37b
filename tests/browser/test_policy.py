"""Can a manager use the page of the policy with a keyboard, on any screen, and does nobody stumble over it?"""

from __future__ import annotations

import pytest

from app.models import Customer, Visit
from app.operations.policy import current_policy


@pytest.mark.parametrize(("lang", "width", "dark"), [("ja", 360, True), ("en", 1440, False)])
def test_a_manager_changes_a_value_and_is_told_what_is_wrong_with_another(browse, axe, db, lang, width, dark):
    page = browse("/policy", as_role="manager", width=width, lang=lang, dark=dark)
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.fill("#last_share", "x")
    page.press("#last_share", "Enter")
    assert page.locator("#last_share").get_attribute("aria-invalid") == "true"
    assert page.input_value("#last_share") == "x"
    assert axe(page) == []
    page.fill("#last_share", "55")
    page.press("#last_share", "Enter")
    page.wait_for_url("**/policy?saved=1")
    assert page.locator(".term.changed").count() == 1
    with db.read() as session:
        assert current_policy(session).last_share == 0.55


def test_a_customer_says_with_a_thumb_that_only_delays_are_news(browse, db, world):
    visit_id = world.visit(60)
    with db.read() as session:
        link = session.get_one(Visit, visit_id).link_token
    page = browse(f"/v/{link}", java_script_enabled=False)
    page.click("details.wishes:has([name=notices]) > summary")
    page.click("input[value=delays]")
    page.click(".wishes:has([name=notices]) button")
    assert (
        page.locator(".wishes:has([name=notices]) summary .quiet").inner_text()
        == "遅れや、日時・担当の変更があったときだけ"
    )
    with db.read() as session:
        assert session.get_one(Customer, world.customer).notices == "delays"
