"""Does a batch that comes in late carry its own persistence?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from app.rules.forecast import Day, Stop
from app.rules.hindsight import suspected_since
from app.rules.policy import Policy
from app.rules.position import Fix

NOW = datetime(2026, 11, 24, 7, 45, tzinfo=UTC)
FIVE = NOW + timedelta(minutes=15)
STOP = Stop("v", 34.2261, 135.1675, FIVE, FIVE, 60, en_route_at=NOW - timedelta(minutes=40))


def day(minutes_creeping: float) -> Day:
    """A drive that ended in a creep of so many minutes, 400 m from the door."""
    fixes = []
    for seconds in range(0, 40 * 60, 30):
        at = NOW - timedelta(minutes=40) + timedelta(seconds=seconds)
        into_jam_s = max(0.0, (at - (NOW - timedelta(minutes=minutes_creeping))).total_seconds())
        before_jam_s = max(0.0, ((NOW - timedelta(minutes=minutes_creeping)) - at).total_seconds())
        metres = 400 + before_jam_s * 7 - into_jam_s * 0.06
        fixes.append(Fix(at, 34.2261 - metres / 111_195, 135.1675, 10))
    return Day((STOP,), tuple(fixes), UTC)


def test_a_jam_that_arrives_in_one_batch_was_suspect_a_moment_ago():
    policy = Policy()
    assert suspected_since(day(25), STOP, (), NOW, policy) == NOW - timedelta(seconds=policy.persist_early_s)


def test_a_suspicion_without_earlier_positions_is_new():
    alone = Day((STOP,), day(25).fixes[-1:], UTC)
    assert suspected_since(alone, STOP, (), NOW, Policy()) is None


def test_a_drive_that_was_fine_a_moment_ago_is_not_suspect_in_hindsight():
    assert suspected_since(day(0.5), STOP, (), NOW, Policy()) is None
