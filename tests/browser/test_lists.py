"""Can somebody take a list in by mouse and keyboard, and read what is wrong with it on every screen?"""

from __future__ import annotations

import os

from playwright.sync_api import expect

from app.list_work import work_through_lists
from app.models import ListFile
from tests.browser.screens import SCREENS

SHOTS = os.environ.get("SHOTS")


@SCREENS
def test_the_pages_are_read_by_everybody_on_every_screen(browse, wrong_on, db, world, clock, lang, screens):
    wrong = [[f"row {n}, {field}", "too_long", {"most": 200}] for n in range(2, 60) for field in ("address", "name")]
    states = [("tried", wrong), ("tried", []), ("trying", []), ("taken", []), ("failed", [])]
    with db.write() as session:
        for state, problems in states:
            session.add(ListFile(
                kind="customers", name="顧客一覧_2026年度_最終_最終2_コピー.csv" * 3, content=b"", actor="user:1",
                state=state, created_at=clock.now(), problems=problems, added=9_999, known=12,
            ))  # fmt: skip
    page = browse(as_role="manager", lang=lang)
    for path in ("/lists", "/lists/1", "/lists/2", "/lists/3"):
        page.goto(path)
        assert wrong_on(page, screens) == []


def test_a_list_is_sent_looked_at_and_taken_in(browse, world, parts, tmp_path):
    file = tmp_path / "customers.csv"
    file.write_text("name,address\n田中,大阪市1-1\n", encoding="utf-8")
    page = browse("/lists", as_role="manager", width=1440, height=900)
    page.set_input_files("#file", file)
    page.press("text=確認する", "Enter")
    expect(page.locator("#progress")).to_contain_text("内容を確認しています")
    work_through_lists(parts)
    page.click("text=1件を取り込む")
    work_through_lists(parts)
    expect(page.locator(".note.good").last).to_contain_text("1件を取り込みました")
