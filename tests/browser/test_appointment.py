"""Can the office see, and say, how a customer learns of a change, on a desk and on a phone?"""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.operations.appointment import book


@pytest.fixture
def visit(db, clock, world, parts):
    at = clock.now() + timedelta(days=3)
    with db.write() as session:
        return book(
            session, zone=parts.settings.zone, now=clock.now(), actor="user:1", customer_id=world.customer,
            site_id=world.site, service_id=world.service, technician_id=world.technician, promised_from_at=at,
            promised_until_at=at, duration_min=60,
        ).id  # fmt: skip


@pytest.mark.parametrize(("width", "lang"), [(360, "ja"), (1440, "en")])
def test_the_choice_is_clear_and_what_was_done_is_shown(browse, axe, visit, width, lang):
    page = browse(f"/visits/{visit}", as_role="dispatcher", width=width, lang=lang)
    page.locator("#move summary").click()
    page.fill("#move [name=promised_from]", "10:00")
    page.check("#move [name=tell][value=told]")
    page.fill("#move-why", "電話で伝えた")
    assert axe(page) == []
    page.click("#move button.primary")
    page.wait_for_load_state()
    assert page.locator(".notice").count() == 1
    assert "電話で伝えた" in page.locator(".notice").inner_text()
    assert page.locator(".reminders li.r-taken_back").count() == 3
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert axe(page) == []
