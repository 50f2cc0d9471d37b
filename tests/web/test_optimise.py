"""Is a day planned anew from its page: begun, watched, weighed, booked and brought back, by who may?"""

from __future__ import annotations

import pytest

from app.models import Planning
from app.operations.planning import claim_planning
from app.planner import fulfil
from tests.late_day import read
from tests.planned_days import ON
from tests.web.pages import post

#: Nothing here minds the database: the operations are proved on both.
pytestmark = pytest.mark.parametrize("db", ["sqlite"], indirect=True)
PAGE = f"/optimise/{ON}"


def test_from_the_button_to_the_plan_and_back(signed_in, day, parts, db, clock):
    office = signed_in("dispatcher")
    assert PAGE in office.get(f"/?on={ON}").text
    wrong = post(office, PAGE, {"seconds": "9999"})
    assert wrong.status_code == 422
    assert 'value="9999"' in wrong.text
    assert post(office, PAGE, {"seconds": "1", "pin": ["999", "x"]}).status_code == 303
    waits = office.get(PAGE).text
    assert 'id="progress"' in waits
    assert "順番を待っています" in waits
    with db.write() as session:
        number = claim_planning(session, ("day",), clock.at).id
    fulfil(parts, number, 1)
    page = office.get(PAGE).text
    assert "この内容で確定する(4件)" in page
    assert "守れる約束" in page
    assert post(office, f"{PAGE}/{number}/apply").status_code == 303
    assert read(db, day[0]).technician_id == day["tanaka"]
    again = post(office, f"{PAGE}/{number}/apply")
    assert (again.status_code, "すでに確定" in again.text) == (412, True)
    assert post(office, f"{PAGE}/{number}/undo").status_code == 303
    assert "元の予定に戻しました" in office.get(PAGE).text
    assert read(db, day[0]).technician_id == day["sato"]


def test_a_plan_that_is_being_made_can_be_stopped(signed_in, day, db):
    office = signed_in("dispatcher")
    post(office, PAGE, {"seconds": "5"})
    assert post(office, f"{PAGE}/1/cancel").status_code == 303
    assert "中止しました" in office.get(PAGE).text
    assert post(office, f"{PAGE}/1/cancel").status_code == 409
    with db.read() as session:
        assert session.get_one(Planning, 1).state == "cancelled"


@pytest.mark.parametrize("path", ["/optimise/tomorrow", "/optimise/2026-13-01", "/optimise/0001-01-01"])
def test_what_is_no_day_is_no_page(signed_in, world, path):
    assert signed_in("dispatcher").get(path).status_code == 404


def test_a_day_that_is_over_is_not_planned(signed_in, world):
    office = signed_in("dispatcher")
    assert "過ぎた日の予定は組み直せません" in office.get("/optimise/2026-11-01").text
    assert post(office, "/optimise/2026-11-01", {"seconds": "5"}).status_code == 422
