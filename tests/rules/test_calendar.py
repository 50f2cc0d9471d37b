"""Does a time on the wall mean what the zone's clocks show?"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from app.rules.calendar import day_bounds, local_instants

TOKYO, BERLIN = ZoneInfo("Asia/Tokyo"), ZoneInfo("Europe/Berlin")


def test_a_local_time_is_one_instant():
    assert local_instants(date(2026, 11, 24), time(17, 0), TOKYO) == [datetime(2026, 11, 24, 8, 0, tzinfo=UTC)]


def test_times_on_either_side_of_the_change_are_instants():
    assert local_instants(date(2026, 3, 29), time(1, 59), BERLIN) == [datetime(2026, 3, 29, 0, 59, tzinfo=UTC)]
    assert local_instants(date(2026, 3, 29), time(3, 0), BERLIN) == [datetime(2026, 3, 29, 1, 0, tzinfo=UTC)]


def test_a_day_on_which_the_clocks_change_has_its_own_length():
    begins_at, ends_at = (at.astimezone(UTC) for at in day_bounds(date(2026, 10, 25), BERLIN))
    assert ends_at - begins_at == timedelta(hours=25)
