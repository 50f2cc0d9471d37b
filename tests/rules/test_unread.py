"""How long may a message stay unread?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from app.rules.policy import Policy
from app.rules.unread import climbs_at, read_by

TOKYO = ZoneInfo("Asia/Tokyo")
HOURS = "9:00〜18:00"


def at(clock, day=24):
    hour, minute = map(int, clock.split(":"))
    return datetime(2026, 11, day, hour, minute, tzinfo=TOKYO).astimezone(UTC)


def minutes(received_at, visit=None, policy=Policy()):
    return (read_by(received_at, visit, policy, HOURS, TOKYO) - received_at) / timedelta(minutes=1)


def visit(begins, ends, day=24):
    return at(begins, day), at(ends, day)


def test_around_a_visit_a_message_is_read_in_minutes_whatever_the_hour():
    assert minutes(at("16:30"), visit("17:00", "18:00")) == 5
    assert minutes(at("17:40"), visit("17:00", "18:00")) == 5
    assert minutes(at("23:30"), visit("23:00", "23:59")) == 5


def test_a_message_hours_before_a_visit_is_read_at_the_latest_when_it_is_near():
    assert minutes(at("10:00"), visit("17:00", "18:00")) == 30
    assert minutes(at("14:50"), visit("17:00", "18:00")) == 15


def test_what_is_not_urgent_waits_until_somebody_is_there():
    assert minutes(at("22:00"), visit("10:00", "11:00", day=26)) == 11 * 60 + 30
    assert minutes(at("07:00")) == 2 * 60 + 30
    assert minutes(at("12:00")) == 30


def test_at_night_a_visit_soon_in_the_morning_is_what_counts():
    assert minutes(at("22:00"), visit("09:00", "10:00", day=25)) == 9 * 60 + 5


def test_long_after_a_visit_a_message_is_not_urgent():
    assert minutes(at("15:00"), visit("09:00", "10:00")) == 30


def test_a_manager_is_called_so_much_later():
    assert climbs_at(at("16:35"), Policy(reply_climb_min=7)) == at("16:42")
