"""Does the technician begin at the door with what the customer really knows?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.rules.doorstep import openings
from app.rules.lateness import Told

FIVE = datetime(2026, 11, 24, 17, tzinfo=UTC)
LATER = FIVE + timedelta(minutes=20), FIVE + timedelta(minutes=40)
BACK = FIVE - timedelta(minutes=5), FIVE


def told(kind, window=(None, None), before_min=20):
    return Told(kind, FIVE - timedelta(minutes=before_min), *window)


@pytest.mark.parametrize(
    ("notices", "codes"),
    [
        ([], ["as_promised", "late_not_told"]),
        ([told("arriving_soon", BACK)], ["as_promised", "late_not_told"]),
        ([told("late", LATER)], ["late_told", "later_than_told"]),
        ([told("holding")], ["asked_to_wait"]),
        ([told("holding", before_min=30), told("late", LATER)], ["late_told", "later_than_told"]),
        ([told("late", LATER), told("holding", before_min=5)], ["late_told", "later_than_told"]),
        ([told("late", LATER, 30), told("on_time_again", BACK)], ["on_time_again", "late_not_told"]),
        ([told("late", LATER, 30), told("arriving_soon", LATER, 5)], ["late_told", "later_than_told"]),
    ],
)
def test_the_opening_follows_from_what_was_told(notices, codes):
    assert [opening.code for opening in openings(FIVE, notices)] == codes


def test_the_second_opening_begins_when_the_window_told_has_passed():
    first, second = openings(FIVE, [told("late", LATER)])
    assert (first.from_at, second.from_at) == (None, LATER[1])
    assert second.told == told("late", LATER)


def test_the_latest_window_counts_and_not_the_first():
    further = LATER[0] + timedelta(hours=1), LATER[1] + timedelta(hours=1)
    first, _ = openings(FIVE, [told("late", LATER, 30), told("late_update", further, 5)])
    assert first.told == told("late_update", further, 5)
