"""Can the office see who is away, enter it without overlooking a booked visit, and take it back?"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from app.models import Absence, Company, Visit
from tests.web.pages import post


@pytest.fixture
def office(signed_in):
    return signed_in("dispatcher")


def form(world, **changes):
    return {"who": str(world.technician), "first": "2026-11-25", "reason": "有給休暇", **changes}


def kept(db):
    with db.read() as session:
        return session.scalars(select(Absence).order_by(Absence.id)).all()


def test_a_day_is_taken_off_and_back(office, world, db):
    assert post(office, "/days-off", form(world)).status_code == 303
    (absence,) = kept(db)
    assert absence.from_at == datetime(2026, 11, 24, 15, tzinfo=UTC)
    assert (absence.until_at, absence.all_day) == (datetime(2026, 11, 25, 15, tzinfo=UTC), True)
    page = office.get("/days-off").text
    assert "11/25(水)" in page
    assert "有給休暇" in page
    assert post(office, f"/days-off/{absence.id}/take-back").status_code == 303
    assert "有給休暇" not in office.get("/days-off").text
    assert kept(db)[0].taken_back_by.startswith("user:")


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ({"last": "2026-11-27"}, "11/25(水)–11/27(金)"),
        ({"begins": "13:00", "ends": "15:00"}, "11/25(水) 13:00–15:00"),
        ({"begins": "13:00", "last": "2026-11-26"}, "11/25(水) 13:00–11/27(金) 00:00"),
        ({"again": "fortnightly", "again_until": "2027-03-31"}, "1週おきの水曜日、2027年3月31日まで"),
        ({"again": "monthly_day"}, "毎月第4水曜日"),
        ({"again": "yearly"}, "毎年11月25日"),
        ({"first": "2026-11-30", "again": "monthly_day"}, "毎月最終月曜日"),
        ({"who": "company"}, "会社全体"),
    ],
)
def test_what_was_entered_is_shown_in_words(office, world, typed, shown):
    reply = post(office, "/days-off", form(world, **typed))
    assert reply.status_code == 303, reply.text
    assert shown in office.get("/days-off").text


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("typed", "field"),
    [({"first": ""}, "first"), ({"last": "2026-11-24"}, "last"), ({"who": ""}, "who"), ({"begins": "25:00"}, "begins"),
     ({"again": "hourly"}, "again"), ({"begins": "15:00", "ends": "13:00"}, "ends"),
     ({"again": "weekly", "again_until": "2026-11-01"}, "again_until")],
)  # fmt: skip
def test_what_is_wrong_is_told_at_its_field_and_what_was_typed_is_kept(office, world, db, typed, field):
    reply = post(office, "/days-off", form(world, **typed))
    assert reply.status_code == 422
    assert f'id="{field}-wrong"' in reply.text
    assert 'value="有給休暇"' in reply.text
    assert kept(db) == []


def test_booked_visits_are_shown_before_it_is_saved_and_stay(office, world, db):
    visit_id = world.visit(18 * 60)
    reply = post(office, "/days-off", form(world))
    assert reply.status_code == 409
    assert f'href="/visits/{visit_id}"' in reply.text
    assert kept(db) == []
    other = world.visit(20 * 60)
    assert post(office, "/days-off", form(world, seen=f"{visit_id},")).status_code == 409
    assert post(office, "/days-off", form(world, seen=f"{visit_id},{other},")).status_code == 303
    assert "この間に訪問が2件残っています" in office.get("/days-off").text
    with db.read() as session:
        assert session.get_one(Visit, visit_id).status == "booked"


def test_a_list_can_be_narrowed_to_one_technician(office, world, db):
    post(office, "/days-off", form(world))
    assert "有給休暇" in office.get(f"/days-off?technician={world.technician}").text
    assert "有給休暇" not in office.get("/days-off?technician=99").text
    assert office.get("/days-off?technician=x").status_code == 200


def test_who_may_change_settings_says_whether_holidays_are_kept(signed_in, db, world):
    manager = signed_in("manager")
    assert "勤労感謝の日" not in manager.get("/days-off").text
    assert "元日" in manager.get("/days-off").text
    assert post(manager, "/days-off/holidays", {"closed": "1"}).status_code == 303
    with db.read() as session:
        assert session.get_one(Company, 1).holidays_of == "JP"
    assert post(manager, "/days-off/holidays").status_code == 303
    with db.read() as session:
        assert session.get_one(Company, 1).holidays_of is None
