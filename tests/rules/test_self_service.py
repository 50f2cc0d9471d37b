"""Are the times that a customer can choose from few, in order and apart, and is she told rightly why not?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from app.rules.self_service import (
    APART,
    MOST_A_DAY,
    Choice,
    broke_promise,
    by_day,
    is_near,
    why_not_cancelled,
    why_not_moved,
)

TOKYO = ZoneInfo("Asia/Tokyo")
FIVE = datetime(2026, 11, 24, 8, tzinfo=UTC)


def at(hours, same=False):
    return Choice(FIVE + timedelta(hours=hours), FIVE + timedelta(hours=hours + 1), same)


def test_days_are_local_ones_and_times_in_order():
    days = by_day([at(9), at(7), at(6.5), at(-2)], TOKYO)
    assert [(on.day, [one.starts_at for one in day]) for on, day in days] == [
        (24, [at(-2).starts_at, at(6.5).starts_at]),
        (25, [at(7).starts_at, at(9).starts_at]),
    ]


def test_of_times_that_are_nearly_the_same_that_of_the_known_technician_stands():
    ((_, day),) = by_day([at(0), at(0.25, same=True), at(3), at(3.25), at(3, same=True)], TOKYO)
    assert day == [at(0.25, same=True), at(3, same=True)]


def test_no_day_has_more_than_a_thumb_wants_and_all_are_apart():
    found = [at(-7 + n / 12) for n in range(12 * 13)]
    for _, day in by_day(found, TOKYO):
        assert len(day) <= MOST_A_DAY
        assert all(later.starts_at - one.starts_at >= APART for one, later in pairwise(day))


@pytest.mark.parametrize(
    ("status", "hours", "least_h", "moves", "located", "why"),
    [
        ("booked", 24, 24, 2, True, None),
        ("booked", 23, 24, 0, True, "too_near"),
        ("booked", 48, 0, 0, True, "off"),
        ("booked", 48, 24, 3, True, "too_often"),
        ("booked", 48, 24, 0, False, "not_located"),
        ("en_route", 48, 24, 0, True, "under_way"),
        ("cancelled", 48, 0, 0, True, "off"),
    ],
)
def test_why_a_visit_is_not_moved(status, hours, least_h, moves, located, why):
    now = FIVE - timedelta(hours=hours)
    assert why_not_moved(status, FIVE, now, least_h=least_h, moves=moves, located=located) == why


@pytest.mark.parametrize(
    ("status", "allowed", "late", "why"),
    [
        ("booked", True, False, None),
        ("en_route", True, False, "on_the_way"),
        ("en_route", True, True, None),
        ("arrived", True, True, "under_way"),
        ("booked", False, True, "off"),
    ],
)
def test_why_a_visit_is_not_called_off(status, allowed, late, why):
    assert why_not_cancelled(status, allowed=allowed, late=late) == why


def test_a_promise_is_broken_by_more_than_half_an_hour_or_by_our_own_word():
    half = timedelta(minutes=30)
    assert not broke_promise(FIVE, None, FIVE + half)
    assert broke_promise(FIVE, None, FIVE + half + timedelta(seconds=1))
    assert not broke_promise(FIVE, FIVE + half, FIVE)
    assert broke_promise(FIVE, FIVE + 2 * half, FIVE - half)


def test_near_is_today_or_soon_after_midnight():
    assert is_near(FIVE, FIVE.replace(hour=0), TOKYO)
    midnight = datetime(2026, 11, 24, 15, tzinfo=UTC)
    assert is_near(midnight + timedelta(hours=1), midnight - timedelta(hours=3), TOKYO)
    assert not is_near(midnight + timedelta(hours=2), midnight - timedelta(hours=3), TOKYO)
