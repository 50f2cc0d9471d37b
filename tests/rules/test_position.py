"""Are impossible positions left out, whatever order they come in?"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.rules.position import Fix, believed, distance_m, metres_per_degree

NOW = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)


def fix(seconds_ago: float, north_m: float = 0.0, **more: object) -> Fix:
    at = NOW - timedelta(seconds=seconds_ago)
    return Fix(at, 34.7 + north_m / 111_195, 135.5, **more)  # type: ignore[arg-type]


def test_a_hundredth_of_a_degree_of_latitude_is_1112_m() -> None:
    assert distance_m(34.0, 135.0, 34.01, 135.0) == pytest.approx(1112, abs=1)
    assert metres_per_degree(35.0) == pytest.approx((111195, 91086), abs=1)


def test_distance_is_right_across_the_date_line() -> None:
    assert distance_m(0.0, 179.995, 0.0, -179.995) == pytest.approx(1112, abs=1)


def test_null_island_bad_accuracy_unset_clocks_and_the_future_are_left_out() -> None:
    good = fix(60)
    bad = [
        Fix(NOW, 0.0, 0.0),
        fix(50, accuracy_m=500.0),
        Fix(datetime(1970, 1, 1, tzinfo=UTC), 34.7, 135.5),
        fix(-600),
        Fix(NOW, 91.0, 135.5),
        fix(40, accuracy_m=-1.0),
    ]
    assert believed([*bad, good], NOW) == (good,)


def test_a_clock_a_minute_ahead_is_believed() -> None:
    ahead = fix(-60)
    assert believed([ahead], NOW) == (ahead,)


def test_one_jump_is_left_out_but_a_new_place_that_stays_is_believed() -> None:
    there = [fix(90), fix(60), fix(0)]
    wild = fix(30, north_m=50_000)
    assert believed([*there, wild], NOW) == tuple(there)
    moved = [fix(25, north_m=50_000), fix(15, north_m=50_010), fix(5, north_m=50_020)]
    assert believed([fix(60), *moved], NOW) == (fix(60), *moved)


def test_of_two_fixes_at_one_instant_the_more_accurate_is_believed() -> None:
    assert believed([fix(0, 40, accuracy_m=90.0), fix(0, 0, accuracy_m=8.0)], NOW) == (fix(0, 0, accuracy_m=8.0),)


def test_a_ping_does_not_replace_a_measurement_of_the_same_instant() -> None:
    assert believed([fix(0, moved=False), fix(0)], NOW) == (fix(0),)


@settings(derandomize=True, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 3600), st.integers(-3000, 3000)), max_size=40),
    st.randoms(use_true_random=False),
)
def test_order_and_repetition_of_fixes_do_not_matter(seen: list[tuple[int, int]], chance: random.Random) -> None:
    fixes = [fix(ago, north) for ago, north in seen]
    shuffled = [*fixes, *fixes[: len(fixes) // 2]]
    chance.shuffle(shuffled)
    result = believed(fixes, NOW)
    assert believed(shuffled, NOW) == result
    assert [f.fixed_at for f in result] == sorted({f.fixed_at for f in result})
