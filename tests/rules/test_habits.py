import math
import random
from datetime import UTC, datetime

import pytest

from app.rules.forecast import Forecast
from app.rules.habits import (
    PRIORS,
    WIDEN_MOST,
    Habits,
    Quoted,
    Way,
    Window,
    Work,
    calibrated,
    cell_centre,
    learned,
    way_key,
)
from app.rules.policy import Policy
from app.rules.quoting import quote
from app.rules.travel import AS_USUAL
from app.rules.work import AS_PLANNED

WAKAYAMA, OSAKA = (34.2261, 135.1675), (34.7, 135.5)


def test_a_company_begins_with_the_stated_priors():
    habits = Habits()
    assert habits.travel(12.0, *WAKAYAMA) is AS_USUAL
    assert habits.work(1, 2) is AS_PLANNED
    assert habits.windows == {}
    assert learned([], []) == habits


def test_a_road_is_known_by_area_then_by_hour_then_by_all():
    ways = [Way(18.0, *WAKAYAMA, 1.4) for _ in range(200)] + [Way(12.0, *OSAKA, 0.8) for _ in range(200)]
    habits = learned(ways, [])
    assert habits.travel(18.5, *WAKAYAMA).median == pytest.approx(1.4, abs=0.05)
    assert habits.travel(18.5, *OSAKA).median == pytest.approx(1.4, abs=0.05)  # never seen at this hour: the hour
    assert habits.travel(12.0, *WAKAYAMA).median == pytest.approx(0.8, abs=0.05)
    assert habits.travel(3.0, *WAKAYAMA).n == 400  # nor the hour: all roads


def test_work_is_known_by_service_and_technician_then_by_service_then_by_all():
    habits = learned([Work(1, 7, 1.6) for _ in range(150)] + [Work(1, 8, 1.0) for _ in range(150)], [])
    assert habits.work(1, 7).median == pytest.approx(1.6, abs=0.06)
    assert habits.work(1, 8).median == pytest.approx(1.0, abs=0.04)
    assert habits.work(1, 9).n == 300
    assert habits.work(5, 7).n == 300


def test_an_area_is_about_five_kilometres_and_holds_its_places():
    key = way_key(12.0, *WAKAYAMA)
    lat, lon = cell_centre(key)
    assert abs(lat - WAKAYAMA[0]) <= 0.0225
    assert abs(lon - WAKAYAMA[1]) <= 0.0275
    assert way_key(12.0, lat, lon) == key
    assert way_key(36.0, *WAKAYAMA) == key


def told(arrived_s, claimed=0.8, shift=1.0, widen=1.0, half_s=600.0, middle_s=2400.0):
    middle, half = middle_s * shift, half_s * widen
    return Quoted("late", middle - half, middle + half, arrived_s, claimed, shift, widen)


def evenly(low_s, high_s, n):
    return [low_s + (high_s - low_s) * (i + 0.5) / n for i in range(n)]


def share_kept(window, arrivals):
    return sum(told(at, shift=window.shift, widen=window.widen).kept for at in arrivals) / len(arrivals)


def test_windows_that_hold_too_seldom_are_widened_until_they_hold():
    arrivals = evenly(2400 - 1500, 2400 + 1500, 400)  # ten minutes and the grace either way: 60 % hold
    before = share_kept(Window(), arrivals)
    window = calibrated([told(at) for at in arrivals])
    assert before == pytest.approx(0.6, abs=0.01)
    assert (window.n, window.claimed, window.kept) == (400, pytest.approx(0.8), pytest.approx(before))
    assert window.widen == pytest.approx(1.5, abs=0.05)
    assert share_kept(window, arrivals) >= 0.78
    # The next night the widened windows are what was told: the calibration stays.
    again = calibrated([told(at, shift=window.shift, widen=window.widen) for at in arrivals])
    assert again.widen == pytest.approx(window.widen, abs=0.02)


def test_windows_that_come_too_early_are_moved():
    arrivals = [1.5 * at for at in evenly(2400 - 500, 2400 + 500, 400)]
    window = calibrated([told(at) for at in arrivals])
    assert 1.3 < window.shift < 1.5
    assert share_kept(Window(), arrivals) < 0.4
    assert share_kept(window, arrivals) >= 0.79


def test_a_few_broken_windows_change_little_and_nothing_without_bounds():
    assert calibrated([]) == Window()
    few = calibrated([told(9000.0), told(8000.0)])
    assert 1.0 < few.shift < 1.2
    assert few.widen < 1.5
    many = calibrated([told(90000.0)] * 500)
    assert many.widen == WIDEN_MOST


def test_windows_that_hold_often_enough_stay_as_they_are():
    window = calibrated([told(at) for at in evenly(2400 - 300, 2400 + 900, 300)])
    assert (window.shift, window.widen, window.n) == (1.0, 1.0, 300)


def season(*, learns: bool) -> float:
    """Tell windows for a hundred days, of forecasts that are too early and too sure of themselves; return the share of
    the last fifty days' that held."""
    chance = random.Random(5)
    made_at = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
    policy, habits, told = Policy(quote_stretch=1.0, quote_max_min=60), PRIORS, []
    for _ in range(100):
        for _ in range(4):
            middle_s = chance.uniform(900, 2700)
            samples = sorted(middle_s * math.exp(0.12 * z / 10) for z in range(-24, 24))
            one = Forecast(
                "v", made_at, made_at, made_at, 0.9, made_at, "observed_pace", "travelling", made_at, tuple(samples),
                windows=habits.windows,
            )  # fmt: skip
            quoted = quote(one, policy, "late")
            from_s, until_s = ((at - made_at).total_seconds() for at in quoted.window)
            arrived_s = 1.12 * middle_s * math.exp(chance.gauss(0, 0.4))
            claimed, told_as = min(quoted.share, policy.quote_share), quoted.told_as
            told.append(Quoted("late", from_s, until_s, arrived_s, claimed, told_as.shift, told_as.widen))
        habits = learned([], told) if learns else PRIORS
    return sum(one.kept for one in told[200:]) / 200


def test_night_after_night_windows_come_to_hold_as_often_as_they_claim():
    assert season(learns=False) < 0.7
    assert season(learns=True) == pytest.approx(0.8, abs=0.03)
