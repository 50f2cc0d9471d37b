"""Is a forecast noted when a person would call it another one, and not at every look?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.rules.history import STILL, Noted, worth_noting

NOW = datetime(2026, 11, 24, 7, 30, tzinfo=UTC)


def after(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def worth(median_min, until_min, *, was, promised_min=60, noted_ago_min=1):
    noted = Noted(after(-noted_ago_min), after(was[0]), after(was[1]))
    return worth_noting(noted, after(median_min), after(until_min), after(promised_min), NOW)


def test_the_first_forecast_is_noted():
    assert worth_noting(None, after(20), after(30), after(60), NOW)


@pytest.mark.parametrize(("moved", "noted"), [(2.9, False), (-2.9, False), (3, True), (-3, True)])
def test_an_arrival_that_is_near_is_noted_when_it_moves_by_minutes(moved, noted):
    assert worth(15 + moved, 25, was=(15, 25)) is noted


def test_one_that_is_hours_away_or_hours_late_is_noted_more_coarsely():
    assert not worth(240 + 20, 300, was=(240, 300), promised_min=300)
    assert worth(240 + 40, 300, was=(240, 300), promised_min=300)
    assert not worth(5 + 10, 30, was=(5, 30), promised_min=-120)


def test_a_range_that_grows_wide_is_another_forecast():
    assert not worth(15, 30, was=(15, 25))
    assert worth(15, 31, was=(15, 25))


def test_an_arrival_that_slides_along_with_the_clock_is_noted_in_steps():
    noted, count = None, 0
    for minute in range(60):
        now = after(minute)
        if worth_noting(noted, now + timedelta(minutes=5), now + timedelta(minutes=9), after(30), now):
            noted, count = Noted(now, now + timedelta(minutes=5), now + timedelta(minutes=9)), count + 1
    assert 10 <= count <= 20


def test_once_in_a_while_it_is_said_that_nothing_has_changed():
    assert worth(15, 25, was=(15, 25), noted_ago_min=STILL / timedelta(minutes=1))
