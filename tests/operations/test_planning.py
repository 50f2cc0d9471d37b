"""Is a day that the office has planned anew kept for every process, booked once, and brought back?"""

from __future__ import annotations

import shutil
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from app import join
from app.config import Settings
from app.errors import Conflict, Invalid, Stale
from app.models import Planning, Visit
from app.operations.booking import change_visit
from app.operations.day_planning import apply_day, start_day, take_day_back
from app.operations.kept_run import cancel_run, find_run, report_progress
from app.operations.notice import Telling
from app.operations.planning import claim_planning, start_planning
from app.planner import DayPlanner, fulfil
from tests.late_day import read
from tests.planned_days import ON

TOKYO = ZoneInfo("Asia/Tokyo")


@pytest.fixture
def telling(parts):
    return Telling(parts.settings.base_url, TOKYO, parts.channels)


@pytest.fixture
def planned(parts, db, clock):
    """Return a function that has the day planned, and says under which number."""

    def call(pinned=()):
        with db.write() as session:
            how = {"actor": "user:1", "now": clock.at, "zone": TOKYO}
            number = start_day(session, ON, seconds=1, pinned=pinned, **how).id
            claimed = claim_planning(session, ("day",), clock.at)
            assert claimed.id == number
        fulfil(parts, number, 1)
        return number

    return call


def of(db, number) -> Planning:
    with db.read() as session:
        return find_run(session, Planning, number)


def test_a_plan_is_kept_booked_once_and_brought_back(day, planned, db, clock, telling):
    number = planned()
    row = of(db, number)
    assert (row.state, row.progress) == ("done", 1.0)
    assert row.result["after"]["road_min"] < row.result["before"]["road_min"]
    assert {one["visit"] for one in row.result["changes"]} == {day[n] for n in range(4)}
    assert {one["name"] for one in row.result["crew"]} == {"佐藤", "田中"}
    how = {"now": clock.at, "telling": telling, "actor": "user:1"}
    assert read(db, day[0]).technician_id == day["sato"]
    with db.write() as session:
        apply_day(session, number, **how)
    assert read(db, day[0]).technician_id == day["tanaka"]
    with pytest.raises(Stale, match="planning_applied"), db.write() as session:
        apply_day(session, number, **how)
    with db.write() as session:
        take_day_back(session, number, **how)
    assert read(db, day[0]).technician_id == day["sato"]
    with pytest.raises(Conflict, match="nothing_to_take_back"), db.write() as session:
        take_day_back(session, number, **how)


def test_a_plan_of_another_day_than_it_is_now_is_not_booked(day, planned, db, clock, telling):
    number = planned()
    with db.write() as session:
        change_visit(session, day[0], now=clock.at, actor="user:1", note="犬がいます")
    with pytest.raises(Stale, match="day_changed"), db.write() as session:
        apply_day(session, number, now=clock.at, telling=telling, actor="user:1")
    assert of(db, number).applied_at is None


def test_what_is_pinned_stays_and_what_cannot_be_asked_is_refused(day, planned, db, clock):
    number = planned(pinned=[day[0], 999])
    assert day[0] not in {one["visit"] for one in of(db, number).result["changes"]}
    for wrong in ({"seconds": 0}, {"seconds": 999}, {"on": ON - timedelta(days=2)}):
        how = {"on": ON, "seconds": 2, "pinned": (), "actor": "user:1", "now": clock.at, "zone": TOKYO, **wrong}
        with pytest.raises(Invalid), db.write() as session:
            start_day(session, how.pop("on"), **how)


def test_a_second_wish_ends_the_first_and_a_cancelled_one_is_not_worked_at(db, clock, world):
    with db.write() as session:
        first = start_planning(session, "day", ON, {}, actor="user:1", now=clock.at).id
        second = start_planning(session, "day", ON, {}, actor="user:1", now=clock.at).id
        assert claim_planning(session, ("urgent",), clock.at) is None
        assert claim_planning(session, ("day",), clock.at).id == second
    assert of(db, first).state == "cancelled"
    with db.write() as session:
        cancel_run(session, Planning, second, clock.at)
        assert not report_progress(session, Planning, second, 1, 0.5, clock.at)
    with pytest.raises(Conflict, match="planning_over"), db.write() as session:
        cancel_run(session, Planning, second, clock.at)


def test_a_run_whose_process_is_gone_is_begun_anew_and_given_up_in_the_end(db, clock, world):
    with db.write() as session:
        number = start_planning(session, "day", ON, {}, actor="user:1", now=clock.at).id
    for runs in (1, 2):
        with db.write() as session:
            assert claim_planning(session, ("day",), clock.forward(seconds=31)).runs == runs
    with db.write() as session:
        assert claim_planning(session, ("day",), clock.forward(seconds=31)) is None
    assert (of(db, number).state, of(db, number).state_reason) == ("failed", "lost")


def test_a_process_of_its_own_plans_and_a_broken_wish_says_so(empty_sqlite, tmp_path):
    file = tmp_path / "house.sqlite"
    shutil.copy(empty_sqlite, file)
    house = join(Settings(database_url=f"sqlite:///{file}", instance=tmp_path / "instance", secret_key="of no use"))
    planner = DayPlanner(house)
    now = house.clock.now()
    with house.db.write() as session:
        wishes = ({"seconds": 1, "pinned": []}, {"of another release": 1})
        days = (now.date() + timedelta(days=1), now.date() + timedelta(days=2))
        for on, wish in zip(days, wishes, strict=True):
            start_planning(session, "day", on, wish, actor="user:1", now=now)
    for number, state in ((1, "done"), (2, "failed")):
        planner.tick(leads=True)
        planner._process.join(60)
        planner.tick(leads=False)
        assert of(house.db, number).state == state
    with house.db.read() as session:
        assert session.query(Visit).all() == []
    house.db.close()
