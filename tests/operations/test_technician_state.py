"""Is it known what each technician is doing, since when and why, without writing it at every look?"""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from app.models import Technician
from app.operations.board import read_board
from app.operations.field import report_status
from app.operations.position import ReportedFix, record_fixes
from app.operations.technician_state import read_doings
from app.rules.position import Fix
from app.tick import sweep


@pytest.fixture
def drive(parts, db, clock, world):
    """Return a function that lives through minutes, each with a position at a place or without one."""

    def live(minutes, place=lambda minute: None):
        for minute in range(minutes):
            at = clock.forward(minutes=1)
            if place(minute):
                with db.write() as session:
                    fix = Fix(at, *place(minute), 10.0)
                    record_fixes(session, world.technician, [ReportedFix(fix, {})], source="test", now=at)
            sweep(parts, at)

    return live


@pytest.fixture
def doing(db, clock, world):
    def read():
        with db.read() as session:
            return read_doings(session, [world.technician], clock.now()).get(world.technician)

    return read


def nearer(minute):
    return 34.19 + 0.003 * minute, 135.11 + 0.003 * minute


def test_who_stops_on_the_way_is_seen_to_stand_since_then_and_the_board_says_so(drive, doing, world, clock, db):
    world.visit(40)
    drive(8, nearer)
    assert (doing().state, doing().why) == ("travelling", "comes_nearer")
    stopped_at = clock.now()
    drive(9, lambda _: nearer(7))
    seen = doing()
    assert (seen.state, seen.why, seen.stale) == ("standing", "stands_still", False)
    assert abs(seen.since_at - stopped_at) <= timedelta(minutes=1)
    assert seen.minutes in (8, 9, 10)
    zone = ZoneInfo("Asia/Tokyo")
    with db.read() as session:
        (lane,) = read_board(session, clock.now().astimezone(zone).date(), zone, clock.now()).lanes
    assert lane.doing == seen


def test_the_same_state_is_not_written_again(drive, world, clock, db):
    world.visit(40)
    drive(8, nearer)

    def found_at():
        with db.read() as session:
            return session.get(Technician, world.technician).state_found_at

    before = found_at()
    drive(3, lambda minute: nearer(8 + minute))
    assert found_at() == before


def test_what_rests_on_an_old_position_is_marked_as_old(drive, doing, world):
    world.visit(40)
    drive(8, nearer)
    assert not doing().stale
    drive(2)
    assert (doing().state, doing().stale) == ("travelling", True)
    drive(20)  # the next look at the latest
    assert (doing().state, doing().why, doing().stale) == ("silent", "no_fix", False)


def test_nobody_looks_at_who_has_nothing_to_do(drive, doing, world, clock, db):
    visit_id = world.visit(20)
    drive(3, nearer)
    assert doing() is not None
    with db.write() as session:
        report_status(session, visit_id, "completed", now=clock.now(), actor="test")
    assert doing() is None
