"""When somebody leaves, work overruns or a call comes: is a way done whole and as shown, and nobody moved unasked?"""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from app.errors import Conflict, Invalid, Stale
from app.models import Absence, Notice, Proposal, Service, Technician, Visit
from app.operations.booking import change_visit
from app.operations.field import report_status
from app.operations.replan import start_leaving, start_overrun, start_urgent
from app.tick import deliver, lapse_questions
from tests.late_day import read

JAPAN = ZoneInfo("Asia/Tokyo")


#: The database's part (locks, overlap) is that of operations which are proved on both.
pytestmark = pytest.mark.parametrize("db", ["sqlite"], indirect=True)


def test_who_leaves_is_relieved_of_everything_and_away(today, world, db, clock, parts):
    number, result = today.found(start_leaving, world.technician, clock.at + timedelta(minutes=5), "ill")
    assert result["before"]["kept"] == 0
    (way, *_) = result["ways"]
    assert (way["kept"], way["of"], way["asks"], way["lost"]) == (2, 2, [], [])
    assert [step["name"] for step in way["steps"]] == ["鈴木", "鈴木"]
    before = [read(db, one).promised_from_at for one in (today.first, today.second)]
    today.do(number)
    assert {read(db, one).technician_id for one in (today.first, today.second)} == {today.suzuki}
    assert [read(db, one).promised_from_at for one in (today.first, today.second)] == before
    with db.read() as session:
        absence = session.scalars(select(Absence)).one()
        assert (absence.technician_id, absence.from_at) == (world.technician, clock.at + timedelta(minutes=5))
        assert session.scalars(select(Notice)).all() == []  # nobody knew a name
    with pytest.raises(Stale, match="planning_applied"):
        today.do(number)
    today.undo(number)
    assert {read(db, one).technician_id for one in (today.first, today.second)} == {world.technician}
    with db.read() as session:
        assert session.scalars(select(Absence)).one().taken_back_at is not None


def test_a_visit_that_is_nobodys_yet_stands_in_nobodys_way(today, world, clock):
    today.visit(2, 200, technician_id=None)
    _, result = today.found(start_leaving, world.technician, clock.at + timedelta(minutes=5), "ill")
    assert {"others_stay", "all_move"} <= {way["how"] for way in result["ways"]}


def test_to_whom_nobody_can_come_is_told_once_and_called_when_nothing_is_chosen(today, world, db, clock, parts):
    with db.write() as session:
        suzuki = session.get_one(Technician, today.suzuki)
        suzuki.working_hours = {"wed": [["08:00", "20:00"]]}  # not today
    number, result = today.found(start_leaving, world.technician, clock.at + timedelta(minutes=5), "ill")
    (way, *_) = result["ways"]
    assert way["kept"] == 0
    assert {one["visit"] for one in way["lost"]} == {today.first, today.second}
    assert way["lost"][0]["slots"]
    today.do(number)
    with db.read() as session:
        notices = session.scalars(select(Notice).order_by(Notice.id)).all()
        assert [one.kind for one in notices] == ["must_reschedule"] * 2
        assert "担当者の急な体調不良" in notices[0].body
        assert way["lost"][0]["slots"][0] in notices[0].body
        asked = session.scalars(select(Proposal)).all()
    assert read(db, today.first).technician_id is None
    deliver(parts)
    with pytest.raises(Conflict, match="told_already"):
        today.undo(number)
    clock.at = asked[0].expires_at
    lapse_questions(parts, clock.at)
    with db.read() as session:
        assert {one.answer for one in session.scalars(select(Proposal))} == {"lapsed"}


def test_a_promise_that_cannot_be_kept_is_moved_by_a_question_only(today, world, db, clock):
    busy = today.visit(2, 280, technician_id=today.suzuki, duration_min=150)
    number, result = today.found(start_leaving, world.technician, clock.at + timedelta(minutes=5), "")
    way = next(one for one in result["ways"] if one["asks"])
    (asked,) = way["asks"]
    assert asked["visit"] == today.second
    promise = read(db, today.second).promised_from_at
    today.do(number, way["key"])
    visit = read(db, today.second)
    assert (visit.promised_from_at, visit.technician_id) == (promise, None)
    with db.read() as session:
        assert session.scalars(select(Notice.kind)).all() == ["move_asked"]
        assert session.scalars(select(Proposal.kind)).all() == ["move"]
    assert read(db, busy).technician_id == today.suzuki


def test_work_that_overruns_is_relieved_of_what_comes_after(today, world, db, clock):
    for status in ("en_route", "arrived"):
        with db.write() as session:
            report_status(session, today.first, status, now=clock.at, actor="user:1", by="office")
    number, result = today.found(start_overrun, today.first, clock.at + timedelta(minutes=380), "ran_long")
    (way, *_) = result["ways"]
    assert [(step["visit"], step["name"]) for step in way["steps"]] == [(today.second, "鈴木")]
    assert way["kept"] > result["before"]["kept"]
    today.do(number)
    assert read(db, today.second).technician_id == today.suzuki


def test_an_urgent_call_gets_whom_the_forecast_sees_there_in_time(today, world, db, clock):
    with db.write() as session:
        session.get_one(Service, world.service).skill = "wifi"
    site, by_at = today.sites[2][1], clock.at + timedelta(hours=3)
    number, result = today.found(start_urgent, site, world.service, by_at, "水漏れ")
    (way, *_) = result["ways"]
    assert way["new"]["name"] == "鈴木"  # Satō does not know the work
    assert way["kept"] == way["of"]
    starts = [one["new"]["start"] for one in result["ways"]]
    assert starts == sorted(starts)
    today.do(number)
    with db.read() as session:
        visit = session.scalars(select(Visit).order_by(Visit.id.desc())).first()
        assert (visit.site_id, visit.technician_id, visit.note) == (site, today.suzuki, "水漏れ")
        assert clock.at < visit.promised_from_at <= visit.promised_until_at <= by_at + timedelta(minutes=30)
    today.undo(number)
    assert read(db, visit.id).status == "cancelled"


def test_what_was_changed_since_is_done_no_more_nor_what_is_old(today, world, db, clock):
    number, _ = today.found(start_leaving, world.technician, clock.at + timedelta(minutes=5), "")
    with db.write() as session:
        change_visit(session, today.first, now=clock.at, actor="user:1", note="犬がいます")
    with pytest.raises(Stale, match="day_changed"):
        today.do(number)
    number, _ = today.found(start_leaving, world.technician, clock.at + timedelta(minutes=5), "")
    clock.forward(minutes=11)
    with pytest.raises(Stale, match="day_changed"):
        today.do(number)
    assert read(db, today.first).technician_id == world.technician


def test_what_cannot_be_asked_is_refused_with_its_field(today, world, db, clock):
    how = {"actor": "user:1", "now": clock.at, "zone": JAPAN}
    tomorrow = clock.at + timedelta(days=1)
    wishes = [
        (lambda s: start_leaving(s, 999, clock.at, "", **how), "technician"),
        (lambda s: start_leaving(s, world.technician, tomorrow, "", **how), "from"),
        (lambda s: start_leaving(s, world.technician, clock.at, "lazy", **how), "reason"),
        (lambda s: start_overrun(s, 999, clock.at + timedelta(hours=1), "", **how), "visit"),
        (lambda s: start_overrun(s, today.first, clock.at, "", **how), "until"),
        (lambda s: start_urgent(s, 999, world.service, None, "", **how), "site"),
        (lambda s: start_urgent(s, today.sites[0][1], 999, None, "", **how), "service"),
        (lambda s: start_urgent(s, today.sites[0][1], world.service, clock.at, "", **how), "by"),
    ]
    for wish, field in wishes:
        with pytest.raises(Invalid) as refused, db.write() as session:
            wish(session)
        assert field in [problem.field for problem in refused.value.problems]
