"""Is a jam told from a pause, an arrival from a jam, and silence from both?"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from app.rules.motion import Motion, motion
from app.rules.position import Fix

NOON = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
LAT, LON = 34.7, 135.5


def track(metres: Iterable[tuple[float, float]], noise_m: float = 0.0) -> list[Fix]:
    """Return fixes at (seconds after noon, metres south of the site), with a noise that is always the same."""
    fixes = []
    for n, (second, away) in enumerate(metres):
        wobble = noise_m * math.sin(n * 12.9898) * 1.4
        fixes.append(
            Fix(
                NOON + timedelta(seconds=second),
                LAT - (away + wobble) / 111_195,
                LON + noise_m * math.cos(n * 78.233) / 91_000,
            )
        )
    return fixes


def drive(begin_s: int, end_s: int, from_m: float, to_m: float, every_s: int = 30) -> list[tuple[float, float]]:
    return [
        (second, from_m + (to_m - from_m) * (second - begin_s) / (end_s - begin_s))
        for second in range(begin_s, end_s, every_s)
    ]


def towards_site(points: list[tuple[float, float]], noise_m: float = 0.0, later_s: float = 0.0) -> Motion:
    fixes = track(points, noise_m)
    return motion(fixes, LAT, LON, fixes[-1].fixed_at + timedelta(seconds=later_s))


def test_without_a_fix_nothing_is_known() -> None:
    assert motion([], LAT, LON, NOON).state == "unknown"


def test_a_drive_is_travelling_at_the_pace_driven() -> None:
    seen = towards_site(drive(0, 900, 12_000, 3_000))
    assert seen.state == "travelling"
    (path_m, spent_s), _ = seen.windows
    assert path_m / spent_s == pytest.approx(10.0, rel=0.02)


def test_a_traffic_light_is_not_standing() -> None:
    assert towards_site(drive(0, 600, 6000, 1000) + drive(600, 690, 1000, 1000)).state == "travelling"


def test_a_parked_car_is_standing_and_has_no_approach() -> None:
    seen = towards_site(drive(0, 600, 6000, 1000) + drive(600, 1200, 1000, 1000), noise_m=8)
    assert (seen.state, seen.nearer) == ("standing", False)
    assert seen.slow_s == pytest.approx(600, abs=60)


def test_a_jam_before_the_door_is_creeping_at_the_pace_of_the_jam() -> None:
    seen = towards_site(drive(0, 600, 6000, 300) + drive(600, 1500, 300, 210), noise_m=8)
    assert seen.state == "creeping"
    assert seen.approach_mps == pytest.approx(0.1, rel=0.25)


def test_the_pace_recovers_at_once_when_a_parked_drive_goes_on() -> None:
    parked = drive(0, 600, 9000, 5000) + drive(600, 1680, 5000, 5000)
    seen = towards_site([*parked, *drive(1680, 1800, 5000, 4200)], noise_m=8)
    assert seen.state == "travelling"
    (path_m, spent_s), _ = seen.windows
    assert path_m / spent_s > 4.0


def test_the_pace_recovers_at_once_when_a_queue_has_cleared() -> None:
    driven, queued = drive(0, 900, 12_000, 6000), drive(900, 2700, 6000, 5000)
    freed = towards_site([*driven, *queued, *drive(2700, 3000, 5000, 3200)])
    assert freed.state == "travelling"
    assert all(metres / seconds > 4.0 for metres, seconds in freed.windows)


def test_a_tunnel_is_driving_and_no_stop() -> None:
    seen = towards_site([*drive(0, 300, 9000, 6000), *drive(600, 700, 3000, 2000)])
    (path_m, spent_s), _ = seen.windows
    assert seen.state == "travelling"
    assert path_m / spent_s == pytest.approx(10.0, rel=0.05)


def test_a_phone_that_usually_reports_is_silent_after_four_minutes() -> None:
    points = drive(0, 600, 6000, 1000)
    assert towards_site(points, later_s=120).state == "travelling"
    assert towards_site(points, later_s=300).state == "silent"


def test_a_phone_that_reports_every_five_minutes_is_not_silent_so_soon() -> None:
    assert towards_site(drive(0, 3000, 30_000, 5_000, every_s=300), later_s=600).state != "silent"


def test_standing_at_the_door_is_being_there() -> None:
    seen = towards_site(drive(0, 600, 6000, 20) + drive(600, 840, 20, 20), noise_m=8)
    assert seen.state == "at_site"
    assert seen.inside_since is not None
    assert abs((seen.inside_since - NOON).total_seconds() - 600) < 60


def test_a_phone_that_falls_asleep_in_the_car_park_below_is_there() -> None:
    assert towards_site([*drive(0, 600, 6000, 30), (600, 30)], later_s=400).state == "at_site"


def test_driving_past_the_site_is_not_being_there() -> None:
    assert towards_site(drive(0, 600, 3000, -20)).state == "travelling"


def test_creeping_on_within_reach_of_the_door_is_not_being_there() -> None:
    seen = towards_site(drive(0, 600, 6000, 250) + drive(600, 2400, 250, 60), noise_m=8)
    assert seen.state == "creeping"


def test_waiting_before_the_departure_is_no_pace() -> None:
    seen = towards_site(drive(0, 1800, 5000, 5000) + drive(1800, 1920, 5000, 4000), noise_m=5)
    (path_m, spent_s), _ = seen.windows
    assert path_m / spent_s > 6.0


def test_a_ping_with_an_old_position_is_no_movement() -> None:
    fixes = track(drive(0, 600, 6000, 1000))
    ping = Fix(NOON + timedelta(seconds=900), fixes[0].lat, fixes[0].lon, moved=False)
    seen = motion([*fixes[:-1], ping, fixes[-1]], LAT, LON, fixes[-1].fixed_at)
    assert seen.windows == motion(fixes, LAT, LON, fixes[-1].fixed_at).windows
