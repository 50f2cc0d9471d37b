"""Is what happened today told in one form, are the ways shown with their figures, and is one press enough?"""

from __future__ import annotations

import re

import pytest

from app.operations.planning import claim_planning
from app.planner import Replanner, fulfil
from tests.late_day import read
from tests.web.pages import post

pytestmark = pytest.mark.parametrize("db", ["sqlite"], indirect=True)


@pytest.fixture
def found(parts, db, clock):
    """Return a function that does what the jobs do."""

    def call():
        with db.write() as session:
            number = claim_planning(session, Replanner.kinds, clock.at).id
        fulfil(parts, number, 1)
        return number

    return call


def test_from_the_technician_s_visit_to_a_day_without_him(signed_in, today, world, db, found):
    office = signed_in("dispatcher")
    link = re.search(r'href="(/replan\?kind=leaves[^"]*)"', office.get(f"/visits/{today.first}").text)[1]
    form = office.get(link.replace("&amp;", "&")).text
    assert f'value="{world.technician}" selected' in form
    wrong = post(office, "/replan", {"kind": "leaves", "technician": "", "from": "25:00"})
    assert wrong.status_code == 422
    assert 'value="25:00"' in wrong.text
    wish = {"kind": "leaves", "technician": str(world.technician), "from": "11:05", "reason": "ill"}
    assert post(office, "/replan", wish).headers["Location"] == "/replan/1"
    assert 'id="progress"' in office.get("/replan/1").text
    assert post(office, "/replan/1/apply", {"key": "1"}).status_code == 409
    found()
    page = office.get("/replan/1").text
    for words in ("佐藤さんが11:05から抜ける", "2 / 2件", "佐藤さん → 鈴木さん", "守れるお約束は2件のうち0件"):
        assert words in page
    assert post(office, "/replan/1/apply", {"key": "9"}).status_code == 404
    assert post(office, "/replan/1/apply", {"key": "1"}).status_code == 303
    assert read(db, today.first).technician_id == today.suzuki
    assert "元に戻せます" in office.get("/replan/1").text
    assert post(office, "/replan/1/undo").status_code == 303
    assert read(db, today.first).technician_id == world.technician


def test_the_other_two_have_their_forms_and_a_search_can_be_stopped(signed_in, today, world):
    office = signed_in("dispatcher")
    assert "お客様を探す" in office.get("/replan?kind=urgent").text
    assert "長引いている訪問の画面から" in office.get("/replan?kind=overruns").text
    assert office.get("/replan?kind=flood").status_code == 404
    assert office.get("/replan/7").status_code == 404
    site = today.sites[2][1]
    assert "客2" in office.get(f"/replan?kind=urgent&site={site}").text
    wish = {"kind": "urgent", "site": str(site), "service": str(world.service), "by": "", "note": "水漏れ"}
    assert post(office, "/replan", wish).status_code == 303
    assert post(office, "/replan/1/cancel").status_code == 303
    assert "中止しました" in office.get("/replan/1").text
    over = {"kind": "overruns", "visit": str(today.first), "until": "13:00", "reason": "ran_long"}
    assert post(office, "/replan", over).status_code == 303
