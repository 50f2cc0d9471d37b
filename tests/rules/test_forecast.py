"""Does the forecast follow the pace really observed, and carry an overrun through the day?"""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.rules.forecast import Day, DayForecast, Stop, forecast_day, share_after
from app.rules.habits import PRIORS, Habits, Way, Work, learned
from app.rules.position import Fix

NOON = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
TOKYO = ZoneInfo("Asia/Tokyo")
LAT, LON = 34.7, 135.5


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def stop(visit: str, north_m: float, promised: float, window: float = 0, duration: int = 60, **known: Any) -> Stop:
    return Stop(visit, LAT + north_m / 111_195, LON, at(promised), at(promised + window), duration, **known)


def way(begin: float, end: float, from_m: float, to_m: float, every: float = 0.5) -> list[Fix]:
    """Return fixes between two minutes after noon, from and to so many metres north, with a noise always the same."""
    count = round((end - begin) / every)
    return [
        Fix(
            at(begin + n * every),
            LAT + (from_m + (to_m - from_m) * n / count + 8 * math.sin(n * 12.9898)) / 111_195,
            LON + 8 * math.cos(n * 78.233) / 91_000,
        )
        for n in range(count)
    ]


def look(stops: list[Stop], fixes: list[Fix], now: float, habits: Habits = PRIORS) -> DayForecast:
    return forecast_day(Day(tuple(stops), tuple(fixes), TOKYO, None, habits, 7), at(now))


def left_min(outlook: DayForecast, now: float, index: int = 0) -> float:
    return (outlook.forecasts[index].arrives_median_at - at(now)).total_seconds() / 60


def test_the_last_200_metres_take_as_long_as_the_jam_shows_and_not_one_minute() -> None:
    fixes = [*way(0, 22, -7000, -200), *way(22, 40, -200, -140)]
    outlook = look([stop("five", 0, 52, en_route_at=at(0))], fixes, 40)
    (one,) = outlook.forecasts
    assert (one.state, one.basis) == ("creeping", "observed_pace")
    assert 20 < left_min(outlook, 40) < 60
    assert one.late_probability > 0.7


def test_after_a_pause_the_forecast_recovers_with_the_drive() -> None:
    before = look([stop("a", 0, 60)], way(0, 10, -9000, -5000), 10)
    parked = look([stop("a", 0, 60)], [*way(0, 10, -9000, -5000), *way(10, 24, -5000, -5000)], 24)
    fixes = [*way(0, 10, -9000, -5000), *way(10, 24, -5000, -5000), *way(24, 27, -5000, -3800)]
    resumed = look([stop("a", 0, 60)], fixes, 27)
    assert left_min(before, 10) < left_min(parked, 24)
    assert left_min(resumed, 27) < left_min(before, 10)


def test_a_tunnel_changes_little() -> None:
    through = [*way(0, 5, -12_000, -9_000), *way(11, 14, -5_400, -3_600)]
    whole = way(0, 14, -12_000, -3_600)
    a, b = (look([stop("a", 0, 60)], fixes, 14) for fixes in (through, whole))
    assert left_min(a, 14) == pytest.approx(left_min(b, 14), rel=0.1)


def test_a_dead_phone_is_unknown_and_its_doubt_grows() -> None:
    fixes = way(0, 10, -12_000, -8_000)
    stops = [stop("a", 0, 40)]
    soon, later = look(stops, fixes, 16).forecasts[0], look(stops, fixes, 30).forecasts[0]
    assert (soon.state, soon.basis, later.basis) == ("silent", "silence", "silence")
    assert later.silent_s > soon.silent_s > 0
    assert later.late_probability > soon.late_probability
    assert soon.as_of == fixes[-1].fixed_at


def test_without_any_evidence_the_forecast_is_the_plan_and_says_so() -> None:
    (one,) = look([stop("a", 0, 60)], [], 0).forecasts
    assert (one.as_of, one.basis, one.state) == (None, "plan", "unknown")


def test_a_phone_that_falls_silent_at_the_door_has_probably_arrived() -> None:
    fixes = way(0, 20, -9000, -250)
    (one,) = look([stop("a", 0, 60)], fixes, 26).forecasts
    assert one.perhaps_there
    outlook = look([stop("a", 0, 60)], fixes, 36)
    assert [(i.kind, i.why) for i in outlook.inferred if i.kind == "arrived"] == [("arrived", "silent_at_door")]


def test_an_overrun_at_ten_reaches_every_later_visit_less_its_slack() -> None:
    here = stop("ten", 0, -120, arrived_at=at(-120))
    later = [stop("noon", 3000, 0), stop("two", 6000, 90), stop("five", 9000, 300)]
    late = [one.late_probability for one in look([here, *later], way(-60, 0, 0, 0), 0).forecasts]
    assert late[0] > 0.9
    assert late[0] > late[1] > late[2]
    assert late[2] < 0.2
    bases = [one.basis for one in look([here, *later], way(-60, 0, 0, 0), 0).forecasts]
    assert bases == ["work_left", "cascade", "cascade"]


def test_work_in_time_threatens_nobody() -> None:
    here = stop("ten", 0, -30, arrived_at=at(-30))
    (one,) = look([here, stop("noon", 3000, 120)], way(-30, 0, 0, 0), 0).forecasts
    assert one.late_probability < 0.1


def test_a_technician_s_own_word_counts_until_its_time_is_over() -> None:
    told = stop("a", 0, 30, eta_reported=at(45), eta_reported_at=at(10))
    fixes = way(0, 12, -9000, -4000)
    assert look([told], fixes, 12).forecasts[0].basis == "reported_eta"
    assert left_min(look([told], fixes, 12), 12) == pytest.approx(33, abs=3)
    assert look([told], [*fixes, *way(12, 55, -4000, -3000)], 55).forecasts[0].basis != "reported_eta"


def test_a_drive_nobody_tapped_is_noticed() -> None:
    outlook = look([stop("a", 0, 60)], way(0, 8, -9000, -5000), 8)
    assert [(one.visit, one.kind) for one in outlook.inferred] == [("a", "en_route")]


def test_forgotten_taps_do_not_stop_the_day() -> None:
    fixes = [*way(-60, 0, 0, 0, every=5), *way(0, 12, 0, 5000), *way(12, 30, 5000, 5000)]
    outlook = look([stop("a", 0, -60), stop("b", 5000, 30), stop("c", 9000, 120)], fixes, 30)
    assert outlook.state == "at_site"
    assert {(one.visit, one.kind) for one in outlook.inferred} >= {("b", "arrived")}
    assert "b" not in [one.visit for one in outlook.forecasts]


def test_who_waits_after_the_work_leaves_when_it_is_time() -> None:
    done = stop("a", 0, -90, arrived_at=at(-90), completed_at=at(-20))
    (one,) = look([done, stop("b", 4000, 120)], way(-30, 0, 0, 0), 0).forecasts
    assert one.state == "waiting"
    assert one.late_probability < 0.15


BASE = (LAT - 9000 / 111_195, LON)


@pytest.mark.parametrize(
    ("stops", "fixes", "state", "why"),
    [
        ([stop("a", 0, 60)], [], "unknown", "nothing_known"),
        ([stop("a", 0, 60)], way(0, 10, -9000, -9000), "at_base", "stays_at_base"),
        ([stop("a", 0, 60, en_route_at=at(5))], way(0, 10, -9000, -9000), "standing", "stands_still"),
        ([stop("a", 0, 60)], way(0, 10, -9000, -5000), "travelling", "comes_nearer"),
        ([stop("a", 0, 60)], [*way(0, 5, -5000, -3000), *way(5, 10, -3000, -3000)], "standing", "stands_still"),
        ([stop("a", 0, 60)], [*way(0, 2, -1000, -200), *way(2, 10, -200, -150)], "creeping", "slowly_nearer"),
        ([stop("a", 0, 60)], way(0, 2, -5000, -4000), "silent", "no_fix"),
        ([stop("a", 0, 0, arrived_at=at(0), arrived_by="tap")], way(0, 10, 0, 0), "at_site", "tapped_arrived"),
        ([stop("a", 0, 0)], way(0, 10, 0, 0), "at_site", "stays_at_site"),
        ([stop("a", 0, -60, arrived_at=at(-60), completed_at=at(2))], way(0, 10, 0, 0), "waiting", "work_done"),
        (
            [stop("a", 0, -60, arrived_at=at(-60), completed_at=at(9)), stop("b", 9000, 60)],
            way(9, 10, 0, -500, 0.25), "left", "left_site",
        ),
        ([stop("a", 0, -60, arrived_at=at(-60), completed_at=at(2))], way(2, 10, 0, 4000), "left", "day_done"),
    ],
)  # fmt: skip
def test_what_the_technician_does_is_told_with_its_evidence(
    stops: list[Stop], fixes: list[Fix], state: str, why: str
) -> None:
    outlook = forecast_day(Day(tuple(stops), tuple(fixes), TOKYO, BASE), at(10))
    assert (outlook.state, outlook.why) == (state, why)
    assert outlook.since is None or at(-60) <= outlook.since <= at(10)


def test_who_is_at_the_base_leaves_when_it_is_time_and_a_dead_phone_there_is_no_delay_yet() -> None:
    outlook = forecast_day(Day((stop("a", 0, 90, 30),), tuple(way(0, 5, -9000, -9000)), TOKYO, BASE), at(12))
    assert (outlook.state, outlook.since) == ("at_base", at(0))
    assert outlook.forecasts[0].late_probability < 0.2


def test_the_hour_is_the_local_one() -> None:
    fixes = way(0, 1, -9000, -8800)
    night = forecast_day(Day((stop("a", 0, 90),), tuple(fixes), ZoneInfo("America/New_York")), at(1))
    noon = forecast_day(Day((stop("a", 0, 90),), tuple(fixes), TOKYO), at(1))
    assert night.forecasts[0].arrives_median_at < noon.forecasts[0].arrives_median_at


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Tokyo"])
def test_a_change_of_the_clocks_moves_no_forecast_backwards(zone: str) -> None:
    for day in (
        datetime(2026, 10, 25, tzinfo=UTC),
        datetime(2026, 3, 29, tzinfo=UTC),
        datetime(2026, 11, 1, tzinfo=UTC),
    ):
        local = day.astimezone(ZoneInfo(zone))
        for hour in range(24):
            now = local.astimezone(UTC) + timedelta(hours=hour)
            target = Stop("a", LAT, LON, now + timedelta(hours=1), now + timedelta(hours=1), 60)
            fixes = tuple(Fix(now - timedelta(minutes=10 - n), LAT - (9 - n * 0.4) / 111.195, LON) for n in range(10))
            (one,) = forecast_day(Day((target,), fixes, ZoneInfo(zone)), now).forecasts
            assert now <= one.arrives_from_at <= one.arrives_median_at <= one.arrives_until_at


def test_the_share_beyond_is_one_before_and_zero_after_all_samples() -> None:
    assert share_after((0.0, 10.0), -1) == 1.0
    assert share_after((0.0, 10.0), 5) == 0.5
    assert share_after((0.0, 10.0), 11) == 0.0


@settings(derandomize=True, max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(-9000, 200)), min_size=1, max_size=40),
    st.randoms(use_true_random=False),
)
def test_shuffled_or_repeated_fixes_change_nothing(seen: list[tuple[int, int]], chance: random.Random) -> None:
    fixes = [Fix(at(minute), LAT + north / 111_195, LON) for minute, north in seen]
    mixed = [*fixes, *fixes[::2]]
    chance.shuffle(mixed)
    stops = [stop("a", 0, 50), stop("b", 4000, 120)]
    assert look(stops, fixes, 41) == look(stops, mixed, 41)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.integers(-60, 240), st.integers(0, 120), st.integers(0, 30))
def test_a_forecast_is_ordered_and_a_probability_is_one(promised: int, window: int, minutes: int) -> None:
    fixes = way(0, 1 + minutes, -9000, -9000 + 250 * minutes)
    for one in look([stop("a", 0, promised, window), stop("b", 4000, promised + 90)], fixes, 1 + minutes).forecasts:
        assert one.arrives_from_at <= one.arrives_median_at <= one.arrives_until_at
        assert 0.0 <= one.late_probability <= 1.0
        assert list(one.arrivals_s) == sorted(one.arrivals_s)


@settings(derandomize=True, max_examples=40, deadline=None)
@given(st.integers(0, 7000), st.integers(0, 3000))
def test_farther_behind_is_never_less_likely_late(north_m: int, more_m: int) -> None:
    def late(behind_m: float) -> float:
        fixes = way(0, 10, -3000 - behind_m, -1000 - behind_m)
        return look([stop("a", 0, 20)], fixes, 10).forecasts[0].late_probability

    assert late(north_m + more_m) >= late(north_m) - 1e-9


def test_work_that_always_takes_half_as_long_again_delays_the_rest_of_the_day() -> None:
    stops = [
        stop("a", 0, 0, duration=60, arrived_at=at(0), service=3),
        stop("b", 3000, 80, duration=60, service=3),
        stop("c", 6000, 160, duration=60, service=4),
    ]
    fixes = way(0, 20, 0, 0)
    slow = learned([Work(3, 7, 1.5)] * 200, [])
    before, after = look(stops, fixes, 20), look(stops, fixes, 20, slow)
    assert 20 < left_min(after, 20) - left_min(before, 20) < 30
    assert left_min(after, 20, 1) - left_min(before, 20, 1) > 45
    assert after.forecasts[0].late_probability > before.forecasts[0].late_probability
    other = look(stops, fixes, 20, learned([Work(3, 8, 1.5)] * 200 + [Work(3, 7, 1.0)] * 200, []))
    assert left_min(other, 20) < left_min(before, 20) + 5  # it is a colleague who takes so long


def test_roads_that_are_always_slow_are_expected_to_be_until_the_drive_tells_otherwise() -> None:
    jammed = learned([Way(12.0, LAT, LON, 1.6)] * 300, [])
    ahead = [stop("a", 0, 60)]
    setting_off, driving = way(0, 2, -9000, -8400), way(0, 20, -9000, -3000)
    slower = [left_min(look(ahead, fixes, now, jammed), now) / left_min(look(ahead, fixes, now), now)
              for fixes, now in ((setting_off, 2), (driving, 20))]  # fmt: skip
    assert slower[0] > 1.25
    assert 0.95 < slower[1] < 1.2


def test_what_was_learned_elsewhere_changes_nothing_here() -> None:
    elsewhere = Habits(works={(3,): learned([Work(3, 7, 2.0)] * 50, []).works[(3,)]})
    stops = [stop("a", 0, 0, arrived_at=at(0), service=5), stop("b", 3000, 80, service=5)]
    assert look(stops, way(0, 20, 0, 0), 20, elsewhere) == look(stops, way(0, 20, 0, 0), 20)
