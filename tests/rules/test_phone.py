"""Is a phone with a wrong clock understood all the same?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.rules.phone import true_instant

NOW = datetime(2026, 11, 24, 7, tzinfo=UTC)


@pytest.mark.parametrize("wrong_by", [timedelta(hours=9), -timedelta(days=365 * 56), timedelta(minutes=3)])
def test_a_wrong_clock_is_corrected_by_what_it_says_when_it_sends(wrong_by):
    happened_at = NOW - timedelta(minutes=20)
    assert true_instant(happened_at + wrong_by, NOW + wrong_by, NOW) == happened_at


@pytest.mark.parametrize("delay_s", [0, 5, 29])
def test_a_right_clock_is_believed_to_the_second_however_slow_the_network(delay_s):
    noted_at = NOW - timedelta(minutes=20)
    assert true_instant(noted_at, NOW - timedelta(seconds=delay_s), NOW) == noted_at
