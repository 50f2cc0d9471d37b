"""Does who moves a visit see what follows, and is nothing done that was not shown?"""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.errors import Conflict, Stale
from app.models import Absence, Customer, Notice, Service, Technician, Visit
from app.operations.appointment import Message
from app.operations.consequences import Aim, carry_out, dropped, read_consequences
from app.operations.notice import Telling

WEEK = {day: [["09:00", "22:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}


@pytest.fixture
def house(db, clock, world, parts):
    """A visit of 佐藤 promised from 18 to 19 o'clock, and 鈴木 who is free; functions that look and act."""
    with db.write() as session:
        suzuki = Technician(
            name="鈴木", base_lat=34.22, base_lon=135.16, created_at=clock.now(), working_hours=WEEK, skills=["lan"]
        )
        session.add(suzuki)
        session.flush()
        world.suzuki = suzuki.id
    world.wanted = world.visit(120, 60)
    zone = parts.settings.zone

    def look(technician_id, minutes, visit_id=world.wanted):
        with db.read() as session:
            visit = session.get(Visit, visit_id)
            aim = dropped(visit, technician_id, clock.now() + timedelta(minutes=minutes))
            return read_consequences(session, visit, aim, zone, clock.now(), ("sms",))

    def act(technician_id, minutes, **how):
        with db.write() as session:
            aim = dropped(session.get(Visit, world.wanted), technician_id, clock.now() + timedelta(minutes=minutes))
            message = Message(Telling("http://x", zone, {}))
            facts = {"now": clock.now(), "actor": "user:1", "version": 1, **how}
            return carry_out(session, world.wanted, aim, message, **facts).version

    world.look, world.act = look, act
    return world


def codes(seen):
    return [one.code for one in seen.objections]


def test_within_the_promise_nobody_need_be_told(house):
    seen = house.look(house.technician, 135)
    assert (seen.promise_moves, seen.told, seen.is_possible, codes(seen)) == (False, None, True, [])
    assert seen.after.planned[0] - seen.before.planned[0] == timedelta(minutes=15)


def test_outside_of_it_the_promise_moves_and_she_is_told(house, db, clock):
    seen = house.look(house.suzuki, 200)
    assert (seen.promise_moves, seen.told, seen.way) == (True, "moved", "sms")
    assert seen.after.promised[1] - seen.after.promised[0] == timedelta(hours=1)
    assert house.act(house.suzuki, 200) == 2
    with db.read() as session:
        assert [notice.kind for notice in session.query(Notice)] == ["moved"]
    # What is put back before she has heard of it needs no word.
    seen = house.look(house.technician, 120)
    assert seen.told == "moved"


def test_a_customer_who_wants_nothing_or_cannot_be_reached_is_told_by_no_channel(house, db):
    with db.write() as session:
        session.get(Customer, house.customer).notices = "none"
    assert house.look(house.suzuki, 200).way is None


def test_what_stands_there_is_named_and_nobody_may_insist(house):
    other = house.visit(300, technician_id=house.suzuki)
    seen = house.look(house.suzuki, 300)
    assert codes(seen) == ["overlap"]
    assert seen.objections[0].facts["visit"] == other
    assert not seen.is_possible
    with pytest.raises(Conflict, match="overlap"):
        house.act(house.suzuki, 300, insist=True, outside=True)


def test_time_off_and_hours_may_be_insisted_on(house, db, clock):
    with db.write() as session:
        session.add(
            Absence(
                technician_id=house.suzuki, from_at=clock.now() + timedelta(minutes=100),
                until_at=clock.now() + timedelta(minutes=260), reason="通院", created_at=clock.now(),
                created_by="user:1",
            )
        )  # fmt: skip
    seen = house.look(house.suzuki, 130)
    assert [(one.code, one.facts["note"]) for one in seen.objections] == [("closed", "通院")]
    assert seen.is_possible
    with pytest.raises(Conflict, match="closed"):
        house.act(house.suzuki, 130)
    assert house.act(house.suzuki, 130, outside=True) == 2


def test_a_missing_skill_may_be_insisted_on(house, db):
    with db.write() as session:
        session.get(Service, house.service).skill = "server"
    assert codes(house.look(house.suzuki, 130)) == ["skill"]
    with pytest.raises(Conflict, match="no_skill"):
        house.act(house.suzuki, 130)
    assert house.act(house.suzuki, 130, insist=True) == 2


def test_a_promise_that_would_break_is_shown_and_refused_until_somebody_insists(house, db, clock):
    house.visit(185, technician_id=house.suzuki, duration_min=60)  # right after it: any delay is passed on
    seen = house.look(house.suzuki, 120)
    assert codes(seen) == ["late"]
    breaks = [one for one in seen.touched if one.risk.breaks]
    assert [(one.customer, one.technician) for one in breaks] == [("山田 花子", "鈴木")]
    with pytest.raises(Conflict, match="risky"):
        house.act(house.suzuki, 120)
    assert house.act(house.suzuki, 120, insist=True) == 2


def test_what_was_changed_meanwhile_is_not_changed_again(house):
    house.act(house.technician, 130)
    with pytest.raises(Stale):
        house.act(house.suzuki, 140)


def test_a_visit_is_given_to_nobody_and_nobody_s_risk_grows(house):
    seen = house.look(None, 120)
    assert (seen.after.technician_id, codes(seen), seen.told) == (None, [], None)
    assert house.act(None, 120) == 2


def test_the_past_a_visit_that_is_over_and_who_left_are_final(house, db, clock):
    assert "in_the_past" in codes(house.look(house.technician, -120))
    with db.write() as session:
        session.get(Technician, house.suzuki).active = False
    assert "technician" in codes(house.look(house.suzuki, 130))
    with db.write() as session:
        session.get(Visit, house.wanted).status = "completed"
    assert "over" in codes(house.look(house.technician, 130))


def test_who_is_on_the_way_has_to_be_called_when_somebody_else_goes(house, db):
    with db.write() as session:
        session.get(Visit, house.wanted).status = "en_route"
    assert house.look(house.suzuki, 120).leaves == "佐藤"
    assert house.look(house.technician, 130).leaves is None


def test_a_typed_window_is_planned_where_it_is_free(house, db, clock, parts):
    house.visit(240, technician_id=house.suzuki)
    with db.read() as session:
        visit = session.get(Visit, house.wanted)
        from_at = clock.now() + timedelta(minutes=240)
        aim = Aim(house.suzuki, (from_at, from_at + timedelta(hours=2)), 60)
        seen = read_consequences(session, visit, aim, parts.settings.zone, clock.now())
    assert seen.after.planned[0] == from_at + timedelta(hours=1)
    assert codes(seen) == []
