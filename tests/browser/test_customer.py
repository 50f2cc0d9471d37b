"""Can a worried customer use her page on a small phone, without scripts, in her language?"""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.models import Alarm, Notice, Visit
from app.operations.field import report_status


@pytest.fixture
def link(world, db, clock):
    """The address of a visit at 17:00 that is late and told: 17:20–17:40, as of 16:41."""
    visit_id = world.visit(60)
    clock.forward(minutes=41)
    now = clock.now()
    with db.write() as session:
        visit = session.get(Visit, visit_id)
        report_status(session, visit_id, "en_route", now=now, actor="technician:1")
        visit.forecast_as_of_at = now
        session.add(
            Notice(
                visit_id=visit_id, kind="late", language="ja", created_at=now, reason_code="late_expected",
                reason_facts={"basis": "observed_pace", "state": "creeping"}, dedupe_key="late", channels=["console"],
                promised_from_at=visit.promised_from_at, promised_until_at=visit.promised_until_at,
                technician_id=visit.technician_id, state="delivered", sent_at=now, delivered_at=now,
                quoted_from_at=now + timedelta(minutes=39), quoted_until_at=now + timedelta(minutes=59),
                expires_at=now + timedelta(hours=1),
            )
        )  # fmt: skip
        return f"/v/{visit.link_token}"


@pytest.mark.parametrize(("lang", "dark"), [("ja", False), ("en", True)])
def test_the_page_is_readable_by_everybody(browse, axe, link, lang, dark):
    for path in (f"{link}?lang={lang}", f"{link}/cannot-be-there?lang={lang}", f"/v/nothing?lang={lang}"):
        page = browse(path, dark=dark)
        assert axe(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        small = "e => e.getBoundingClientRect().height < 44"
        assert [page.inner_text(f"text={e.inner_text()}") for e in page.query_selector_all(".presses .button")
                if e.evaluate(small)] == []  # fmt: skip


def test_without_scripts_she_reads_the_answer_first_and_is_called_back(browse, link, db):
    page = browse(link, java_script_enabled=False)
    assert page.inner_text("h1").replace("\u2060", "") == "17:20〜17:40ごろに伺う見込みです"
    page.click("text=その時間は不在です")
    page.fill("textarea", "18時以降なら在宅です")
    page.click("text=不在を知らせる")
    assert "日時のご相談のお電話をいたします" in page.inner_text("main")
    page.click("text=電話がほしい")
    assert "17:00までに、担当者からお電話いたします" in page.inner_text("main")
    page.click("text=了解しました")
    assert "了解のお返事をいただきました" in page.inner_text("main")
    with db.read() as session:
        alarms = {alarm.kind: alarm.facts.get("text") for alarm in session.scalars(select(Alarm))}
    assert alarms == {"cannot_be_there": "18時以降なら在宅です", "call_me": None}
    assert page.context.cookies() == []


def test_a_name_of_forty_characters_stays_on_the_page(browse, link, db):
    with db.write() as session:
        session.scalar(
            select(Visit)
        ).technician.name = "マクシミリアンアレクサンダーフォンヴュルテンベルクホーエンツォレルン三世"
    page = browse(link)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
