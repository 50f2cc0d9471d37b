"""What is asked of a person while a technician is silent?"""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.models import Alarm, Company, Visit
from app.operations.booking import change_visit
from app.operations.field import report_status
from app.operations.history import read_history
from app.operations.position import ReportedFix, record_fixes
from app.rules.board import RISKY
from app.rules.position import Fix
from app.tick import deliver, sweep


@pytest.fixture
def silent_hour(parts, db, clock, world):
    """Return a function that lives through an hour around a promise without a sign, and returns the open alarms."""

    def live():
        world.visit(30)
        for _ in range(60):
            sweep(parts, clock.forward(minutes=1))
            deliver(parts)
        with db.read() as session:
            return set(session.scalars(select(Alarm.kind).where(Alarm.cleared_at.is_(None))))

    return live


def test_who_was_promised_news_and_has_none_is_called(silent_hour):
    assert silent_hour() == {"silent_near_promise", "word_promised"}


def test_a_notice_that_never_left_promised_nothing(silent_hour, db):
    with db.write() as session:
        session.delete(session.get(Company, 1))
    assert silent_hour() == {"silent_near_promise", "notice_held"}


def test_the_course_of_a_forecast_is_kept_thin_and_every_decision_finds_its_forecast(parts, db, clock, world):
    visit_id = world.visit(60)
    looks = 0
    for minute in range(70):
        at = clock.forward(minutes=1)
        with db.write() as session:
            # Comes nearer for half an hour, then stands.
            fix = Fix(at, 34.18 + 0.001 * min(minute, 30), 135.10 + 0.001 * min(minute, 30), 10.0)
            record_fixes(session, world.technician, [ReportedFix(fix, {})], source="test", now=at)
        sweep(parts, at)
        deliver(parts)
        looks += 1
    with db.read() as session:
        history = read_history(session, visit_id, clock.now())
    assert 5 <= len(history.forecasts) <= looks / 2
    assert [entry.at for entry in history.forecasts] == sorted(entry.at for entry in history.forecasts)
    for decision in history.decisions:
        entry = history.expected_at(decision.at)
        assert entry is not None
        assert entry.at == decision.at
        assert (entry.basis, entry.state) == (decision.reason_facts["basis"], decision.reason_facts["state"])
    assert history.expected_at(history.forecasts[0].at - timedelta(seconds=1)) is None


def test_a_moved_promise_begins_a_course_of_its_own(parts, db, clock, world):
    visit_id = world.visit(60)
    sweep(parts, clock.forward(minutes=1))
    with db.write() as session:
        at = clock.forward(minutes=1)
        change_visit(session, visit_id, now=at, actor="test", promised_from_at=at + timedelta(hours=3))
    with db.read() as session:
        assert not read_history(session, visit_id, clock.now()).forecasts
    sweep(parts, clock.forward(minutes=1))
    with db.read() as session:
        assert len(read_history(session, visit_id, clock.now()).forecasts) == 1


def test_the_reason_why_nothing_is_said_goes_along_as_a_delay_becomes_likely(parts, db, clock, world):
    here, next_id = world.visit(0), world.visit(80)
    with db.write() as session:
        report_status(session, here, "arrived", now=clock.now(), actor="test")
    chances = set()
    for _ in range(30):
        at = clock.forward(minutes=3)
        with db.write() as session:
            record_fixes(
                session, world.technician, [ReportedFix(Fix(at, 34.2261, 135.1675, 10.0), {})], source="test", now=at
            )
        sweep(parts, at)
        with db.read() as session:
            visit, decision = session.get_one(Visit, next_id), read_history(session, next_id, at).decisions[-1]
            if decision.reason_code == "on_course":
                chance = visit.late_probability >= RISKY
                chances.add(chance)
                assert (decision.reason_facts["percent"] >= 100 * RISKY) == chance
    assert chances == {False, True}
