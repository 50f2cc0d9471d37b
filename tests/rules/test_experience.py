"""Does a month of a company's own days make its forecasts truer?"""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.rules.experience import Past, experience
from app.rules.habits import PRIORS, Way, Work
from app.rules.position import distance_m
from app.rules.travel import usual
from tests.own_days import FIRST_AT, QUICK, SLOW, TOKYO, day_of, marks, month, past_of, taught_by


def test_a_month_of_own_days_makes_forecasts_truer() -> None:
    chance = random.Random(7)
    taught = month(range(28), chance)
    habits = taught_by(taught)
    assert habits.work(1, 1).median == pytest.approx(SLOW, rel=0.1)
    assert habits.work(2, 2).median == pytest.approx(QUICK, rel=0.1)
    assert habits.travel(18.0, 34.7, 135.5).median / habits.travel(14.0, 34.7, 135.5).median > 1.2
    coming = month(range(28, 42), chance)
    before, after = marks(coming, PRIORS), marks(coming, habits)
    assert after.loss_s < 0.85 * before.loss_s
    assert after.brier < 0.75 * before.brier
    assert 0.75 <= after.inside <= 0.9
    slow = [day for day in coming if day[0] == 1]
    assert marks(slow, habits).loss_s < 0.85 * marks(slow, PRIORS).loss_s
    assert 0.8 <= marks(slow, habits).inside <= 0.9


def test_even_two_days_do_no_harm() -> None:
    chance = random.Random(3)
    taught, coming = month(range(2), chance), month(range(2, 16), chance)
    habits = taught_by(taught)
    assert marks(coming, habits).loss_s <= marks(coming, PRIORS).loss_s


def test_a_day_is_read_as_drives_between_its_visits_and_its_jobs() -> None:
    done = day_of(2, 0, random.Random(1))
    seen = list(experience(past_of(2, done[:2]), TOKYO))
    assert [type(one) for one in seen] == [Work, Way, Work]
    stop = done[1].stop
    way_m = distance_m(done[0].stop.lat, done[0].stop.lon, stop.lat, stop.lon)
    way = next(one for one in seen if isinstance(one, Way))
    drove_s = (done[1].arrived_at - done[1].en_route_at).total_seconds()
    assert way.ratio == pytest.approx(drove_s / usual(way_m, way.hour).median_s)
    assert (way.lat, way.lon) == (stop.lat, stop.lon)


@pytest.mark.parametrize(
    "changes",
    [
        {"en_route_at": None},
        {"arrived_by": "silence"},
        {"lat": None, "lon": None},
        {"doubtful": True},
        {"technician": 9},
        {"en_route_at": FIRST_AT + timedelta(minutes=109)},  # the tap was forgotten until the door
        {"en_route_at": FIRST_AT - timedelta(hours=1)},  # before the visit before was over
    ],
    ids=str,
)
def test_a_drive_of_which_something_is_not_known_is_left_out(changes: dict[str, Any]) -> None:
    at = [FIRST_AT + timedelta(minutes=minutes) for minutes in (0, 60, 80, 110, 170)]
    first = Past(1, 1, 34.70, 135.50, at[0], 60, None, at[0], "tap", at[1], "tap")
    second = Past(1, 1, 34.70, 135.55, at[3], 60, at[2], at[3], "tap", at[4], "tap")
    assert any(isinstance(one, Way) for one in experience([first, second], TOKYO))
    assert not any(isinstance(one, Way) for one in experience([first, replace(second, **changes)], TOKYO))
