"""Does the board keep itself true without disturbing anybody, and can a visit be booked with the keyboard?"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

from app.models import Branch, ForecastEntry, Lease, Notice, Technician, Visit
from app.operations.alarm import raise_alarm
from app.operations.learning import keep_habits
from app.rules.habits import Quoted, Way, Work, learned
from tests.browser.screens import SCREENS


@pytest.fixture
def watched(db, clock):
    with db.write() as session:
        session.add(
            Lease(name="jobs", holder="x", number=1, until_at=clock.now() + timedelta(days=1), seen_at=clock.now())
        )


def forecast(db: Any, visit_id: int, clock: Any, **facts: Any) -> None:
    with db.write() as session:
        visit = session.get(Visit, visit_id)
        visit.status = "en_route"
        visit.forecast_from_at = visit.promised_from_at
        visit.forecast_until_at = visit.promised_from_at + timedelta(minutes=10)
        visit.forecast_median_at = visit.promised_from_at + timedelta(minutes=5)
        visit.forecast_as_of_at = clock.now()
        visit.forecast_basis, visit.forecast_state = "observed_pace", "travelling"
        for name, value in facts.items():
            setattr(visit, name, value)


def refresh(page: Any) -> None:
    """Have the board look now, as it does when the connection comes back, instead of in a few seconds."""
    page.evaluate("dispatchEvent(new Event('online'))")


def test_the_board_refreshes_itself_and_keeps_drawer_focus_and_typing(browse, world, db, clock, watched):
    visit_id = world.visit(60)
    page = browse("/?view=list", as_role="dispatcher", width=1440, height=900)
    page.locator(f"#v{visit_id} a").click()
    expect(page.locator("#drawer h1")).to_have_text("山田 花子")
    assert page.url.endswith(f"visit={visit_id}")
    page.locator("#drawer summary", has_text="日時・担当を変える").click()
    page.locator("#drawer #note").fill("half a se")
    forecast(db, visit_id, clock, late_probability=0.5)  # seen by the board on its own
    expect(page.locator(f"#v{visit_id} .state.risk")).to_be_visible()
    expect(page.locator("#drawer #note")).to_have_value("half a se")
    expect(page.locator("#drawer #note")).to_be_focused()
    expect(page.locator("#live")).to_have_class("live on")


def test_evidence_that_grows_old_turns_to_unknown_before_the_eyes(browse, world, db, clock, watched):
    visit_id = world.visit(60)
    forecast(db, visit_id, clock, late_probability=0.05)
    page = browse("/?view=list", as_role="dispatcher", width=1440)
    expect(page.locator(f"#v{visit_id} .state.fine")).to_be_visible()
    clock.forward(seconds=91)
    refresh(page)
    expect(page.locator(f"#v{visit_id} .state.unknown")).to_be_visible()
    expect(page.locator(f"#v{visit_id} .eta")).to_have_class("eta stale")


def test_the_board_says_honestly_when_it_cannot_refresh(browse, world, watched):
    page = browse("/?view=list", as_role="dispatcher", width=1440)
    expect(page.locator("#live")).to_have_class("live on")
    page.route("**/board**", lambda route: route.abort())
    refresh(page)
    expect(page.locator("#live")).to_have_text("更新できません。16:00:00時点の内容です")
    expect(page.locator("#live")).to_have_class("live lost")
    page.unroute("**/board**")
    refresh(page)
    expect(page.locator("#live")).to_have_class("live on")


def test_what_is_dealt_with_leaves_the_list_without_leaving_the_page(browse, world, db, clock, watched):
    visit_id = world.visit(60)
    with db.write() as session:
        raise_alarm(session, "call_me", f"visit:{visit_id}", clock.now(), visit_id=visit_id)
    page = browse("/?view=list&q=山田", as_role="dispatcher", width=1440)
    expect(page.locator(".alarm-line .when")).to_have_text("17:00のお約束まであと60分")
    page.get_by_role("button", name="電話した").click()
    expect(page.get_by_text("対応が必要なものはありません")).to_be_visible()
    assert "q=" in page.url


def test_an_action_in_the_drawer_stays_in_the_drawer_and_a_wrong_one_says_why(browse, world, watched):
    visit_id = world.visit(60)
    page = browse(f"/?view=list&visit={visit_id}", as_role="dispatcher", width=1440)
    page.locator("#drawer summary", has_text="訪問を取り消す").click()
    page.locator("#drawer #reason").fill("  ")
    page.locator("#drawer").get_by_role("button", name="取り消す", exact=True).click()
    expect(page.locator("#drawer #reason-wrong")).to_be_visible()
    page.locator("#drawer").get_by_role("button", name="到着した").click()
    expect(page.locator("#drawer .file-head .state")).to_have_text("訪問中")
    expect(page.locator(f"#v{visit_id} .state.on-site")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#drawer")).to_be_hidden()
    assert "visit=" not in page.url


def test_the_board_is_worked_with_the_keyboard(browse, world, watched):
    first, second = world.visit(60), world.visit(180)
    page = browse("/?view=list", as_role="dispatcher", width=1440)
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.locator("#q")).to_be_focused()
    page.locator("#q").blur()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.locator(f"#v{second} a")).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.locator("#drawer")).to_be_visible()
    assert page.url.endswith(f"visit={first}")
    page.keyboard.press("Escape")
    expect(page.locator(f"#v{first} a")).to_be_focused()
    page.keyboard.press("n")
    page.wait_for_url("**/visits/new**")


def test_a_visit_is_booked_from_a_search_to_the_board(browse, world, watched):
    page = browse("/visits/new", as_role="dispatcher", width=1440, height=1000)
    expect(page.locator("#find")).to_be_focused()
    page.keyboard.type("5678")
    page.get_by_label("和歌山市1-1").check()
    expect(page.locator("#name")).to_be_hidden()
    expect(page.locator("#address")).to_be_hidden()
    page.locator("#promised_from").fill("17:30")
    page.locator("#technician").select_option(label="佐藤")
    page.get_by_role("button", name="この内容で受け付ける").click()
    expect(page.locator("#drawer h1")).to_have_text("山田 花子")
    expect(page.locator("a.visit")).to_have_attribute("aria-label", re.compile("^17:30 山田 花子"))


def test_a_position_is_set_by_a_click_on_the_map_when_the_address_service_is_silent(browse, world, watched):
    page = browse("/visits/new", as_role="dispatcher", width=1440, height=1200)
    page.route("**/geocode**", lambda route: route.fulfill(status=503, json={"message": "住所検索が応答しません"}))
    page.locator("#address").fill("どこか")
    page.get_by_role("button", name="位置を調べる").click()
    expect(page.locator("#place-said")).to_have_text("住所検索が応答しません")
    page.locator("#map").click(position={"x": 150, "y": 120})
    assert re.fullmatch(r"\d+\.\d{6}", page.locator("#lat").input_value())
    expect(page.locator(".pin")).to_be_visible()
    page.locator("#lat").fill("34.7")
    page.locator("#lon").fill("135.5")
    page.locator("#lon").blur()
    page.locator(".pin").hover()
    page.mouse.down()
    box = page.locator("#map").bounding_box()
    page.mouse.move(box["x"] + 60, box["y"] + 60, steps=4)
    page.mouse.up()
    assert page.locator("#lat").input_value() != "34.7"


def test_the_setup_shows_how_an_sms_begins(live, chromium, axe):
    page = chromium.new_page(base_url=live.url, locale="ja-JP")
    page.goto("/")
    expect(page).to_have_url(re.compile("/setup$"))
    page.locator("#short_name").fill("タカハシIT")
    expect(page.locator(".bubble")).to_contain_text("【タカハシIT】")
    assert axe(page) == []
    page.close()


PAGES = (
    "/",
    "/?view=list",
    "/?view=map",
    "/?visit={visit}",
    "/visits/{visit}",
    "/visits/new",
    "/customers",
    "/customers/new",
    "/customers/{customer}",
    "/customers/{customer}/sites/new",
    "/sites/{site}",
    "/technicians",
    "/technicians/new",
    "/technicians/{technician}",
    "/technicians/{technician}/edit",
    "/branches",
    "/branches/new",
    "/branches/1",
    "/services",
    "/services/{service}",
    "/learning?service={service}",
    "/users",
    "/users/1",
    "/company",
    "/account",
    "/replan",
    "/replan?kind=urgent&site={site}",
    "/brake",
    "/nothing-here",
)
#: A little to have learned from.
SEEN = [*[Work(1, 1, 1.4)] * 12, *[Way(18.0, 34.2261, 135.1675, 1.3)] * 12]
QUOTED = [Quoted("late", 1200, 2400, 3000, 0.8)] * 12


def add_course(session, world, visit_id, clock):
    """Add a forecast that went worse and what was said of it, and a technician who stands."""
    technician, now = session.get(Technician, world.technician), clock.now()
    technician.state, technician.state_why = "standing", "stands_still"
    technician.state_since_at = technician.state_found_at = now - timedelta(minutes=12)
    for minutes_ago, state in ((50, "later"), (30, "at_site"), (20, "creeping"), (12, "standing"), (4, "silent")):
        median_at = now + timedelta(minutes=45 - minutes_ago)
        session.add(
            ForecastEntry(
                visit_id=visit_id,
                at=now - timedelta(minutes=minutes_ago),
                from_at=median_at - timedelta(minutes=10),
                median_at=median_at,
                until_at=median_at + timedelta(minutes=20),
                late_probability=0.9 if minutes_ago < 20 else 0.1,
                basis="observed_pace",
                state=state,
            )
        )
    visit = session.get(Visit, visit_id)
    visit.created_at = now - timedelta(hours=1)
    at = now - timedelta(minutes=10)
    session.add(
        Notice(
            visit_id=visit_id,
            kind="late",
            language="ja",
            dedupe_key="course",
            created_at=at,
            sent_at=at,
            quoted_from_at=visit.promised_until_at + timedelta(minutes=20),
            quoted_until_at=visit.promised_until_at + timedelta(minutes=40),
            reason_code="late_expected",
            reason_facts={"late_min": 25, "percent": 90, "basis": "observed_pace", "state": "standing"},
            promised_from_at=visit.promised_from_at,
            promised_until_at=visit.promised_until_at,
            channels=["sms"],
            state="delivered",
            expires_at=now,
        )
    )


@SCREENS
def test_every_page_of_the_desk_is_clean_for_axe_and_fits_its_width(
    browse, world, db, clock, watched, wrong_on, lang, screens
):
    """Each page in both languages; on one of the wide screens, for all share their frame."""
    visit_id = world.visit(60, technician_id=None)
    late = world.visit(20)
    forecast(db, late, clock, late_probability=0.8, forecast_as_of_at=clock.now() - timedelta(minutes=3))
    with db.write() as session:
        raise_alarm(session, "call_me", f"visit:{visit_id}", clock.now(), visit_id=visit_id)
        add_course(session, world, late, clock)
        keep_habits(session, learned(SEEN, QUOTED), clock.now())
        session.add(Branch(name="本社", address="大阪市1-1", lat=34.7, lon=135.5, created_at=clock.now()))
    page = browse(None, as_role="admin", width=screens[0][0], lang=lang)
    wrong = []
    for number, path in enumerate(PAGES):
        ids = {
            "visit": late,
            "service": world.service,
            "customer": world.customer,
            "site": world.site,
            "technician": world.technician,
        }
        page.goto(path.format(**ids))
        if "?visit" in path:
            expect(page.locator("#drawer h1")).to_be_visible()
        page.evaluate("document.querySelectorAll('details:not(.who)').forEach((one) => { one.open = true })")
        wrong += wrong_on(page, (screens[number % len(screens)],))
    assert wrong == []


def test_the_door_is_clean_for_axe(live, chromium, world, axe):
    page = chromium.new_page(base_url=live.url, locale="ja-JP")
    page.goto("/account/sign-in")
    assert axe(page) == []
    page.close()


def test_the_rooms_stand_in_one_line_and_the_menu_works_without_scripts_and_by_keyboard(browse, world):
    for lang, width in (("ja", 1440), ("en", 1440), ("en", 820), ("ja", 360)):
        page = browse("/customers", as_role="admin", width=width, lang=lang, java_script_enabled=False)
        assert page.locator("header.top").bounding_box()["height"] < 60, (lang, width)
        page.locator(".rooms summary").click()
        page.get_by_role("link", name="料金表" if lang == "ja" else "Prices").click()
        expect(page).to_have_url(re.compile("/prices$"))
    page = browse("/customers", as_role="dispatcher", width=1440)
    page.locator(".rooms summary").press("Enter")
    expect(page.get_by_role("link", name="休み・休業日")).to_be_visible()
    expect(page.get_by_role("link", name="料金表")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.locator(".menu[open]")).to_have_count(0)
    expect(page.locator(".rooms summary")).to_be_focused()
