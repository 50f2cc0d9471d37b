"""Are past days, played under two policies, put side by side as a manager would read them?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.rules.backtest import (
    LEADS_MIN,
    Judged,
    Point,
    Showed,
    coverage,
    figures,
    judge,
    reliability,
    showed,
    told_differently,
    wrong,
)  # fmt: skip
from app.rules.knowable import Knowable
from app.rules.lateness import Told
from app.rules.score import mark

FIVE = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


def after(minutes: float) -> datetime:
    return FIVE + timedelta(minutes=minutes)


def late(at: float, begins: float = 20, ends: float = 40, kind: str = "late") -> Told:
    return Told(kind, after(at), after(begins), after(ends))


def visit(arrived: float, *told: Told):
    return mark("v", FIVE, after(arrived), told)


def point(at: float, low: float, high: float, share: float = 0.5) -> Point:
    return Point(after(at), after(low), after((low + high) / 2), after(high), share, "observed_pace", "travelling")


def test_late_visits_are_grouped_by_lead_and_by_messages():
    side = figures(
        [visit(30), visit(30, late(-4)), visit(30, late(-5)), visit(30, late(-90), late(0), late(20)), visit(-1)]
    )
    assert side.leads == (1, 1, 1, *[0] * (len(LEADS_MIN) - 2), 1)
    assert side.messages == (1, 2, 0, 1, 0)


@pytest.mark.parametrize(
    ("marked", "what"),
    [
        (visit(30), ("missed",)),
        (visit(30, late(1)), ("missed",)),
        (visit(30, late(1, 50, 60)), ("missed", "broken")),
        (visit(-2, late(-10, 10, 20)), ("false_alarm", "broken")),
        (visit(30, late(-10)), ()),
        (visit(3), ()),
    ],
)
def test_what_went_wrong_is_named_worst_first(marked, what):
    assert wrong(marked) == what


def test_only_what_a_customer_would_notice_is_a_difference():
    assert not told_differently([late(-10)], [late(-10.5)])
    assert not told_differently([late(-10)], [late(-10), late(5, kind="arriving_soon")])
    assert told_differently([late(-10)], [])
    assert told_differently([late(-10)], [late(-8)])
    assert told_differently([late(-10)], [late(-10, 25, 45)])
    assert told_differently([late(-10)], [late(-10, kind="late_update")])


def test_a_forecast_is_judged_as_it_stood_while_the_customer_waited():
    points = [point(-70, -5, 5, 0.1), point(-31, 10, 25, 0.6), point(-29, 40, 50, 0.9)]
    assert judge(visit(20), points) == [
        Judged(60, 0.1, True, 1), Judged(30, 0.6, True, 0), Judged(15, 0.9, True, -1),
    ]  # fmt: skip
    # Nothing is judged that was forecast after the arrival, or before anything was known.
    assert [one.lead_min for one in judge(visit(-20), points)] == [60, 30]
    assert judge(visit(20), [point(-10, 0, 1)]) == []


def test_likelihoods_are_held_against_how_often_it_came_so():
    judged = [Judged(30, 0.9, True, 0)] * 3 + [Judged(30, 0.85, False, -1), Judged(15, 0.0, False, 1)]
    low, high = reliability(judged)
    assert (low.n, low.forecast, low.came) == (1, 0.0, 0.0)
    assert (high.n, round(high.forecast, 4), high.came) == (4, 0.8875, 0.75)
    assert [(c.lead_min, c.before, c.within, c.after) for c in coverage(judged)] == [(30, 1, 3, 0), (15, 0, 0, 1)]
    assert reliability([]) == coverage([]) == ()


def test_what_could_be_known_is_counted_by_how_early():
    def sign(at: float) -> Knowable:
        return Knowable(after(at), "creeps", 200.0, 5.0)

    late = visit(30)
    assert showed([(late, sign(-10)), (late, sign(-3)), (late, sign(2)), (late, None)]) == Showed(4, 2, 1)
    assert showed([]) == Showed(0, 0, 0)
