"""Does a day of the company's own say what became known when, and nothing sooner?"""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select

from app.models import Customer, Technician, Visit
from app.operations.booking import cancel_visit, change_visit
from app.operations.daylog import days_with_visits, fixes_between, own_day
from app.operations.field import note_inferred, report_eta, report_status, undo_status
from app.operations.position import ReportedFix, record_fixes
from app.rules.position import Fix

TOKYO = ZoneInfo("Asia/Tokyo")


def today(db, clock):
    with db.read() as session:
        return own_day(session, clock.now().astimezone(TOKYO).date(), TOKYO, clock.now() + timedelta(hours=6))


def said(day):
    return [
        (line.at, line.kind, line.fields.get("status") or line.fields.get("promised_from"))
        for line in day.lines
        if line.kind != "technician"
    ]


def test_a_tap_that_came_in_late_is_not_known_earlier(db, world, clock):
    visit_id = world.visit(60)
    tapped_at = clock.forward(minutes=30)
    heard_at = clock.forward(minutes=50)
    with db.write() as session:
        report_status(session, visit_id, "arrived", now=heard_at, actor="technician:1", at=tapped_at)
    line = today(db, clock).lines[-1]
    assert (line.at, line.fields["at"], line.fields["status"]) == (heard_at, tapped_at, "arrived")
    assert today(db, clock).truth[str(visit_id)].arrived_at == tapped_at


def test_a_position_that_came_in_late_stands_where_it_came_in(db, world, clock):
    fixed_at = clock.now()
    received_at = clock.forward(minutes=20)
    with db.write() as session:
        fix = Fix(fixed_at, 34.2, 135.1, 12.0, 3.0, False)
        record_fixes(session, world.technician, [ReportedFix(fix, {})], source="api", now=received_at)
    with db.read() as session:
        whose = frozenset({str(world.technician)})
        assert fixes_between(session, whose, fixed_at, received_at) == []
        (line,) = fixes_between(session, whose, received_at, received_at + timedelta(seconds=1))
        assert fixes_between(session, frozenset({"999"}), fixed_at, received_at + timedelta(days=1)) == []
    assert (line.at, line.fields["fixed_at"], line.fields["moved"], line.fields["accuracy_m"]) == (
        received_at, fixed_at, False, 12.0,
    )  # fmt: skip


def test_a_promise_stands_as_it_stood_and_moves_when_it_was_moved(db, world, clock):
    booked_at = clock.now()
    visit_id = world.visit(60)
    moved_at = clock.forward(minutes=20)
    with db.write() as session:
        change_visit(session, visit_id, now=moved_at, actor="user:1", promised_from_at=booked_at + timedelta(hours=2))
        change_visit(session, visit_id, now=moved_at, actor="user:1", note="ring twice")  # tells the engine nothing
    assert said(today(db, clock)) == [
        (booked_at, "visit", booked_at + timedelta(hours=1)),
        (moved_at, "visit", booked_at + timedelta(hours=2)),
    ]


def test_what_was_known_before_the_day_opens_it(db, world, clock):
    clock.at -= timedelta(days=2)
    visit_id = world.visit(2 * 24 * 60 + 60)
    promised_from_at = clock.now() + timedelta(days=2, hours=1)
    clock.at += timedelta(days=2)
    day = today(db, clock)
    assert said(day) == [(day.from_at, "visit", promised_from_at)]
    assert day.lines[-1].fields["visit"] == str(visit_id)


def test_what_the_engine_concluded_is_left_to_conclude_again(db, world, clock):
    visit_id = world.visit(10)
    with db.write() as session:
        visit = session.get_one(Visit, visit_id)
        note_inferred(session, visit, "arrived", clock.now(), "stood_there", now=clock.forward(minutes=5))
    day = today(db, clock)
    assert [line.kind for line in day.lines if line.kind != "technician"] == ["visit"]
    assert day.truth[str(visit_id)].arrived_at == clock.now() - timedelta(minutes=5)


def test_silence_at_the_door_is_no_arrival_to_count_on(db, world, clock):
    visit_id = world.visit(10)
    with db.write() as session:
        visit = session.get_one(Visit, visit_id)
        note_inferred(session, visit, "arrived", clock.now(), "silent_at_door", now=clock.now())
    day = today(db, clock)
    assert (day.truth, day.left_out) == ({}, {"unknown": 1})


def test_an_eta_and_a_tap_taken_back_are_lines_too(db, world, clock):
    visit_id = world.visit(30)
    with db.write() as session:
        report_eta(session, visit_id, clock.now() + timedelta(minutes=40), now=clock.now(), actor="technician:1")
        report_status(session, visit_id, "arrived", now=clock.now(), actor="technician:1")
        undo_status(session, visit_id, now=clock.now(), actor="technician:1")
    lines = today(db, clock).lines[-3:]
    assert [line.kind for line in lines] == ["eta", "status", "status"]
    assert (lines[0].fields["eta"], lines[2].fields["status"], lines[2].fields["undone"]) == (
        clock.now() + timedelta(minutes=40), "undone", "arrived",
    )  # fmt: skip


def test_who_is_left_out_is_counted_with_the_reason(db, world, clock):
    world.visit(60)
    gone = world.visit(180)
    quiet = world.visit(300)
    with db.write() as session:
        cancel_visit(session, gone, now=clock.now(), actor="user:1")
        session.scalars(select(Customer)).one().notices = "none"
    day = today(db, clock)
    assert (day.truth, day.left_out) == ({}, {"not_wished": 2})
    assert [line.fields["status"] for line in day.lines if line.kind == "status"] == ["cancelled"]
    assert str(quiet) in {line.fields.get("visit") for line in day.lines}


def test_a_base_is_where_the_day_begins(db, world, clock):
    world.visit(60)
    line = today(db, clock).lines[0]
    with db.read() as session:
        base_lat = session.get_one(Technician, world.technician).base_lat
    assert (line.kind, line.fields["lat"]) == ("technician", base_lat)


def test_days_without_a_visit_are_passed_over(db, world, clock):
    on = clock.now().astimezone(TOKYO).date()
    world.visit(60)
    world.visit(2 * 24 * 60)
    with db.read() as session:
        week = on - timedelta(days=3), on + timedelta(days=3)
        assert days_with_visits(session, *week, TOKYO, clock.now()) == []
        assert days_with_visits(session, *week, TOKYO, clock.now() + timedelta(days=4)) == [
            on, on + timedelta(days=2),
        ]  # fmt: skip


def test_a_visit_that_was_moved_to_another_day_was_there_until_then(db, world, clock):
    visit_id = world.visit(60)
    moved_at = clock.forward(minutes=20)
    with db.write() as session:
        change_visit(session, visit_id, now=moved_at, actor="user:1", promised_from_at=moved_at + timedelta(days=3))
    day = today(db, clock)
    assert [line.at for line in day.lines if line.kind == "visit"] == [moved_at - timedelta(minutes=20), moved_at]
    assert (day.truth, day.left_out) == ({}, {})
