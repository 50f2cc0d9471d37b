"""Does an alarm stand once, go away, and come back only when it should?"""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.operations.alarm import clear_alarm, clear_alarms, raise_alarm, read_alarms


@pytest.fixture
def call(db, clock):
    """Return a function that raises the same alarm and says how many stand."""

    def raised() -> int:
        with db.write() as session:
            raise_alarm(session, "late_unclear", "visit:1", clock.now(), rests=timedelta(minutes=15))
            return len(read_alarms(session))

    return raised


def dealt_with(db, clock, by):
    with db.write() as session:
        for alarm in read_alarms(session):
            clear_alarm(session, alarm.id, clock.now(), by)


def test_an_alarm_stands_once(call):
    assert (call(), call()) == (1, 1)


def test_an_alarm_that_a_person_dealt_with_rests_and_then_calls_again(db, call, clock):
    call()
    dealt_with(db, clock, "user:1")
    clock.forward(minutes=14)
    assert call() == 0
    clock.forward(minutes=2)
    assert call() == 1


def test_an_alarm_whose_cause_had_gone_calls_again_at_once(db, call, clock):
    call()
    with db.write() as session:
        clear_alarms(session, "visit:1", ["late_unclear"], clock.now())
    assert call() == 1
