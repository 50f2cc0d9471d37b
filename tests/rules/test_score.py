"""Are a day's words marked as a person with pencil and paper would mark them?"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.rules.lateness import Told
from app.rules.score import mark, total

FIVE = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


def after(minutes: float) -> datetime:
    return FIVE + timedelta(minutes=minutes)


def late(at: float, *quoted: float, kind: str = "late") -> Told:
    begin, end = map(after, quoted) if quoted else (None, None)
    return Told(kind, after(at), begin, end)


def visit(arrived: float, *told: Told):
    return mark("v", FIVE, after(arrived), told)


@pytest.mark.parametrize(
    ("arrived", "is_late", "is_on_time"),
    [(-1, False, True), (0, False, True), (0.1, False, False), (5, False, False), (5.1, True, False)],
)
def test_late_is_more_than_five_minutes_after_the_promise_and_on_time_is_by_it(arrived, is_late, is_on_time):
    assert (visit(arrived).late, visit(arrived).on_time) == (is_late, is_on_time)


def test_the_first_word_about_a_delay_is_what_warns_and_only_until_the_promise_ends():
    assert visit(30, late(-12, 20, 40), late(10, 25, 45, kind="late_update")).lead_min == 12
    assert visit(30, late(0, kind="holding")).lead_min == 0
    too_late = visit(30, late(0.5, 20, 40))
    assert too_late.lead_min is None
    assert too_late.missed
    assert visit(30, late(-20, -5, 5, kind="arriving_soon")).missed


def test_words_after_the_arrival_warn_nobody_and_are_counted_apart():
    marked = visit(30, late(31, 40, 50), late(-1, kind="holding"))
    assert ([one.kind for one in marked.told], marked.after_arrival) == (["holding"], 1)
    assert marked.after_known is None
    assert replace(marked, heard=True).after_known == 0
    assert replace(marked, heard=True, heard_at=after(30.5)).after_known == 1
    assert replace(marked, heard=True, heard_at=after(31)).after_known == 0
    assert total([marked, visit(3)]).after_known is None
    assert total([replace(marked, heard=True, heard_at=after(30)), visit(3)]).after_known == 1


def test_a_window_holds_when_the_arrival_is_in_it_or_five_minutes_beside_it():
    marked = visit(30, late(-20, 35, 55), late(0, 10, 25), late(5, 0, 24), late(6, kind="holding"))
    assert marked.quotes == ((20, True), (15, True), (24, False))
    assert marked.broken_quotes == 1


def test_a_day_is_the_sum_of_its_visits():
    marks = total(
        [
            visit(30, late(-12, 20, 40)),  # told in time, the window holds
            visit(45, late(-2, 10, 20), late(10, 40, 60, kind="late_update")),  # told late, corrected
            visit(20),  # not told
            visit(4, late(-5, 5, 15)),  # within the grace: neither late nor on time, but its window counts
            visit(-3, late(-15, 10, 20)),  # cried wolf
            visit(-8),  # nothing to say
        ]
    )
    assert (marks.visits, marks.late, marks.on_time, marks.delay_min) == (6, 3, 2, 30)
    assert (marks.warned, marks.warned_10_min) == (2 / 3, 1 / 3)
    assert (marks.lead_min, marks.lead_p10_min) == (7, 2)
    assert (marks.false_alarms, marks.messages) == (1 / 2, 1)
    assert (marks.quotes, marks.kept, marks.width_min) == (5, 3 / 5, 10)
    assert marks.after_arrival == 0


def test_nothing_to_count_is_not_zero():
    marks = total([])
    assert (marks.visits, marks.late, marks.warned, marks.false_alarms, marks.kept, marks.messages) == (
        0, 0, None, None, None, None,
    )  # fmt: skip
