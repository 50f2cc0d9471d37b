"""Can past days be read on every screen by everybody, and does a running one move before the eyes?"""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from app.backtest.days import log_day
from app.backtest.play import run_backtest
from app.backtest.report import html_report, result_as_json
from app.models import Backtest
from app.operations.backtest import claim_backtest
from app.operations.kept_run import finish_run, report_progress
from app.rules.policy import Policy
from tests.backtest.test_play import DEAF, STORY


@pytest.fixture(scope="module")
def outcome():
    return run_backtest([log_day(STORY)], 1, [Policy(), DEAF], lambda _: None)


def kept(db, clock, **facts):
    on = clock.now().date()
    values = {"quote_max_min": 40}
    with db.write() as session:
        row = Backtest(
            created_at=clock.now(), actor="user:1", first_on=on, last_on=on, policy_values=values, **facts
        )  # fmt: skip
        session.add(row)
        session.flush()
        return row.id


def test_a_result_is_read_by_everybody_on_every_screen(browse, world, db, clock, axe, outcome):
    number = kept(db, clock, state="done", result=result_as_json(outcome))
    for width, dark, lang in ((360, False, "ja"), (820, True, "en"), (1440, False, "en")):
        page = browse(f"/backtest/{number}", as_role="manager", width=width, dark=dark, lang=lang)
        page.locator(".case summary").first.click()
        page.get_by_text("この値を使う…" if lang == "ja" else "Use these values…").click()
        assert axe(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_list_is_read_by_everybody_also_before_the_first_day(browse, world, axe, clock):
    page = browse("/backtest", as_role="manager")
    assert axe(page) == []
    world.visit(0)
    clock.forward(hours=3)
    page = browse("/backtest", as_role="manager", width=1440, dark=True, lang="en")
    assert axe(page) == []
    page.get_by_role("button", name="Play under the present settings").click()
    expect(page.locator("#progress")).to_contain_text("waiting")
    assert axe(page) == []


def test_a_running_one_moves_and_turns_into_its_result(browse, world, db, clock, outcome):
    number = kept(db, clock)
    with db.write() as session:
        claimed = claim_backtest(session, clock.now())
        run = claimed.id, claimed.runs
    page = browse(f"/backtest/{number}", as_role="manager", lang="en")
    expect(page.locator("#progress")).to_contain_text("playing 0 %")
    page.get_by_role("button", name="Cancel").focus()
    with db.write() as session:
        report_progress(session, Backtest, *run, 0.42, clock.now())
    expect(page.locator("#progress")).to_contain_text("playing 42 %")
    expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    with db.write() as session:
        finish_run(session, Backtest, *run, result_as_json(outcome), clock.now())
    expect(page.get_by_role("heading", name="Visits to look at")).to_be_visible()


def test_the_file_reads_as_well_without_the_product(chromium, tmp_path, axe, outcome):
    for lang in ("ja", "en"):
        file = tmp_path / f"{lang}.html"
        file.write_text(html_report(outcome, "11/24", lang), encoding="utf-8")
        page = chromium.new_page(viewport={"width": 360, "height": 740}, color_scheme="dark")
        page.goto(file.as_uri())
        page.locator(".case summary").first.click()
        assert axe(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.close()
