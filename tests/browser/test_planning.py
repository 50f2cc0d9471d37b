"""Is a day gone on with, a whole day planned anew, and a customer asked, by hand and on every screen?"""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from app.models import Lease, Visit
from app.operations.notice import Telling
from app.operations.planning import claim_planning
from app.operations.proposal import Question, Step, ask
from app.planner import Replanner, fulfil
from tests.late_day import read
from tests.planned_days import ON


@pytest.fixture
def jobs(parts, db, clock):
    """Somebody watches; return a function that does what the jobs do about what is asked for."""
    with db.write() as session:
        until_at = clock.now() + timedelta(days=1)
        session.add(Lease(name="jobs", holder="x", number=1, until_at=until_at, seen_at=clock.now()))

    def plan(kinds):
        with db.write() as session:
            number = claim_planning(session, kinds, clock.now()).id
        fulfil(parts, number, 1)

    return plan


def fits(page, axe):
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_who_leaves_is_relieved_by_touch_on_a_tablet(browse, axe, today, world, db, jobs):
    page = browse("/", as_role="dispatcher", width=820, height=1180, has_touch=True)
    page.get_by_role("link", name="予定を立て直す").tap()
    page.get_by_label("抜ける担当").select_option(str(world.technician))
    page.get_by_role("button", name="方法を調べる").tap()
    expect(page.locator("#progress")).to_be_visible()
    fits(page, axe)
    jobs(Replanner.kinds)
    first = page.locator(".way.best")
    expect(first).to_contain_text("佐藤さん → 鈴木さん")  # by itself, once it is found
    fits(page, axe)
    first.get_by_role("button", name="この方法にする").tap()
    expect(page.get_by_role("button", name="元に戻す")).to_be_visible()
    assert read(db, today.first).technician_id == today.suzuki


def test_a_day_is_planned_anew_watched_and_booked_by_keyboard(browse, axe, day, db, jobs):
    page = browse(f"/optimise/{ON}", as_role="dispatcher", width=1440, lang="en", dark=True)
    page.get_by_label("Seconds to search").fill("1")
    page.keyboard.press("Enter")
    expect(page.locator("#progress")).to_be_visible()
    fits(page, axe)
    jobs(("day",))
    button = page.get_by_role("button", name="Book this plan (visits changed: 4)")
    expect(button).to_be_visible()
    fits(page, axe)
    button.press("Enter")
    expect(page.get_by_role("button", name="Bring the former plan back")).to_be_visible()
    assert read(db, day[0]).technician_id == day["tanaka"]


@pytest.mark.parametrize(("answer", "told"), [("了解する", "に伺います"), ("元の時間のまま", "のままです")])
def test_she_says_yes_or_no_to_another_time_without_scripts(browse, axe, world, db, clock, parts, answer, told):
    visit_id, start_at = world.visit(180), clock.now() + timedelta(hours=4)
    with db.write() as session:
        visit = session.get_one(Visit, visit_id)
        question = Question(
            visit_id,
            start_at,
            start_at + timedelta(minutes=30),
            [Step(visit_id, world.technician, start_at)],
            "交通渋滞",
        )
        telling = Telling(parts.settings.base_url, parts.settings.zone, parts.channels)
        ask(session, question, now=clock.now(), telling=telling, actor="user:1")
        path = f"/v/{visit.link_token}"
    fits(browse(f"{path}?lang=en", dark=True), axe)
    page = browse(path, java_script_enabled=False)
    page.get_by_role("button", name=answer).click()
    expect(page.locator("#proposal")).to_contain_text(told)
    assert (read(db, visit_id).promised_from_at == start_at) == (answer == "了解する")
