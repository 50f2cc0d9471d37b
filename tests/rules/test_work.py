"""Is work that lasts already expected to last on?"""

from __future__ import annotations

import math

import pytest

from app.rules.work import departures, packing, times_to_leave

U = tuple((i + 0.5) / 200 for i in range(200))
V = tuple((0.5 + i * math.sqrt(2)) % 1.0 for i in range(200))


def middle(samples: list[float]) -> float:
    return sorted(samples)[len(samples) // 2]


def test_an_hour_of_work_just_begun_takes_about_an_hour() -> None:
    assert middle(departures(0.0, 3600.0, -600.0, U, V)) == pytest.approx(3600, rel=0.03)


def test_work_that_overruns_lasts_a_while_longer_instead_of_ending_at_once() -> None:
    left = departures(-80 * 60.0, 3600.0, -600.0, U, V)
    assert 5 * 60 < middle(left) < 18 * 60
    assert min(left) >= 0


def test_the_longer_work_overruns_the_longer_it_will_last() -> None:
    over_10, over_40 = (departures(-60.0 * worked, 3600.0, -600.0, U, V) for worked in (70, 100))
    assert middle(over_40) > 1.2 * middle(over_10)


def test_who_is_done_and_has_time_waits_until_it_is_time() -> None:
    left = departures(-3 * 3600.0, 3600.0, 3600.0, U, V)
    assert all(1800 - 1 <= s <= 3300 + 1 for s in left)


def test_without_a_next_visit_nobody_waits() -> None:
    assert times_to_leave(math.inf, [0.5]) == [0.0]


def test_nobody_leaves_in_the_past() -> None:
    assert min(departures(-7200.0, 1800.0, -3600.0, U, V)) >= 0
    assert times_to_leave(-500.0, [0.3]) == [0.0]
    assert packing(0.5) == pytest.approx(166, abs=1)


def test_the_longer_the_work_was_planned_the_later_the_departure() -> None:
    short, long = (departures(-1800.0, minutes * 60.0, -600.0, U, V) for minutes in (45, 90))
    assert sum(short) < sum(long)
