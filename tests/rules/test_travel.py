"""Does distance ever say "one minute" where the pace says half an hour?"""

from __future__ import annotations

import pytest

from app.rules.motion import Motion
from app.rules.travel import Travel, doubted, held_up, jammed, observed, usual

U = tuple((i + 0.5) / 100 for i in range(100))
Z = (0.0,) * 100


def test_five_kilometres_at_noon_take_some_eighteen_minutes() -> None:
    assert usual(5000, 12.0).median_s == pytest.approx(1074, abs=5)


def test_the_rush_hour_is_slower_than_the_night() -> None:
    assert usual(5000, 8.0).median_s > usual(5000, 12.0).median_s > usual(5000, 2.0).median_s


def test_farther_is_never_sooner() -> None:
    times = [usual(m, 12.0).median_s for m in range(0, 60_000, 500)]
    assert times == sorted(times)


def test_a_pace_seen_for_long_convinces_more_than_a_minute_of_green_lights() -> None:
    fast_minute = observed(5000, 12.0, ((1200.0, 60.0),) * 2)
    fast_hour = observed(5000, 12.0, ((12_000.0, 600.0), (48_000.0, 2400.0)))
    assert fast_hour.median_s < fast_minute.median_s < usual(5000, 12.0).median_s
    assert fast_hour.spread < fast_minute.spread < usual(5000, 12.0).spread


def test_a_leg_without_a_pace_yet_takes_the_usual_time() -> None:
    assert observed(5000, 12.0, ()) == usual(5000, 12.0)


def test_after_ten_minutes_of_standing_half_of_the_pauses_end_within_eight_more() -> None:
    left = held_up(600.0, Travel(60.0, 0.3), Z, U)
    assert sorted(left)[50] - 60 == pytest.approx(490, abs=20)


def test_the_longer_a_pause_the_longer_it_still_lasts() -> None:
    short, long = (held_up(s, Travel(60.0, 0.3), Z, U) for s in (120.0, 1200.0))
    assert all(a < b for a, b in zip(short, long, strict=True))


def test_in_a_jam_200_m_take_half_an_hour_although_the_usual_speed_says_one_minute() -> None:
    creeping = Motion("creeping", distance_m=200.0, slow_s=600.0, approach_mps=0.08, approach_error_mps=0.01)
    left = sorted(jammed(creeping, usual(200, 17.0), Z, U, Z))
    assert usual(200, 17.0).median_s < 100
    assert 25 * 60 < left[50] < 45 * 60
    assert left[5] < 15 * 60  # it may also clear


def test_silence_adds_doubt_and_never_makes_an_arrival_sooner() -> None:
    arrivals = [600.0] * 100
    one, other = doubted(arrivals, 300.0, U, U), doubted(arrivals, 3000.0, U, U)
    assert sum(one) < sum(other)
    assert all(a >= 600.0 for a in other)
    assert doubted(arrivals, 0.0, U, U) == arrivals
