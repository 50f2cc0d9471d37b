"""How long is a working day with its ways, and how long the rest between two?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from app.rules.booking import Taken, first_open_start
from app.rules.stretch import Worker, limits, rest_around, stretches, too_long

TOKYO = ZoneInfo("Asia/Tokyo")
HOME, SITE = (34.7, 135.5), (34.75, 135.5)
THIRTEEN = Worker(HOME, None, "car", timedelta(hours=13))
NOWHERE = Worker(None, None, "car", timedelta(hours=13))


def at(hour, day=24):
    return datetime(2026, 11, day, tzinfo=TOKYO).astimezone(UTC) + timedelta(hours=hour)


def work(begin, end, place=SITE, number=1, day=24):
    return Taken(number, at(begin, day), at(end, day), *(place or (None, None)))


def test_a_day_is_from_leaving_to_being_back():
    (day,) = stretches(THIRTEEN, [work(18, 19, number=2), work(9, 10)], TOKYO)
    assert timedelta(minutes=15) < at(9) - day.leaves_at < timedelta(minutes=30)
    assert timedelta(minutes=15) < day.back_at - at(19) < timedelta(minutes=30)
    assert [one.visit_id for one in day.taken] == [1, 2]
    assert stretches(NOWHERE, [work(9, 10)], TOKYO)[0].leaves_at == at(9)


def test_what_is_worked_after_midnight_belongs_to_the_night_before_it():
    plan = [work(20, 23.5), work(25, 26, number=2), work(33, 34, number=3)]
    assert [len(day.taken) for day in stretches(NOWHERE, plan, TOKYO)] == [2, 1]


def test_a_rest_of_less_than_eleven_hours_is_told():
    evening = work(20, 22)
    assert rest_around(NOWHERE, [evening], work(8, 9, number=2, day=25), TOKYO) == timedelta(hours=10)
    assert rest_around(NOWHERE, [evening], work(9, 10, number=2, day=25), TOKYO) is None
    assert rest_around(THIRTEEN, [evening], work(9.5, 10, number=2, day=25), TOKYO) < timedelta(hours=11)
    assert rest_around(NOWHERE, [work(8, 9, number=2, day=25)], evening, TOKYO) == timedelta(hours=10)


def test_a_day_takes_no_more_than_it_may():
    morning = [work(7, 8)]
    assert too_long(NOWHERE, morning, work(19, 20.5, number=2), TOKYO) == "13"
    assert too_long(NOWHERE, morning, work(19, 20, number=2), TOKYO) == ""
    assert too_long(THIRTEEN, morning, work(19, 20, number=2), TOKYO) == "13"
    assert too_long(Worker(HOME, HOME, "car", None), morning, work(22, 24, number=2), TOKYO) == ""
    assert too_long(NOWHERE, [], work(0, 20, number=2), TOKYO) == "", "one long piece of work lengthens no day"


def test_a_start_within_the_promise_that_keeps_the_day_short_is_taken():
    late = [work(18, 19)]
    away = limits(NOWHERE, late, SITE, TOKYO)
    assert first_open_start(at(5), at(9), 60, *SITE, late, None, away) == at(6)
    assert first_open_start(at(5), at(5.5), 60, *SITE, late, None, away).why == "length"


@settings(max_examples=120, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 190), st.integers(1, 12)), min_size=1, max_size=4),
    st.integers(0, 190),
    st.integers(1, 12),
    st.sampled_from([8, 13]),
)
def test_outside_the_limits_a_day_is_too_long_only_when_work_joins_two(spans, begin, lasts, most):
    worker = Worker(HOME, None, "car", timedelta(hours=most))
    plan, until = [], 0
    for number, (wait, length) in enumerate(sorted(spans), 1):
        since = max(wait / 4, until)
        plan.append(work(since, since + length / 4, number=number))
        until = since + length / 4
    before = stretches(worker, plan, TOKYO)
    new = work(begin / 4, (begin + lasts) / 4, number=99)
    if any(one.from_at < new.until_at and new.from_at < one.until_at for one in plan):
        return
    if new.from_at.astimezone(TOKYO).date() != new.until_at.astimezone(TOKYO).date():
        return  # over midnight only the look at the finished day sees it, which every booking takes
    closed = any(a.from_at < new.until_at and new.from_at < a.until_at for a in limits(worker, plan, SITE, TOKYO))
    after = next(day for day in stretches(worker, [*plan, new], TOKYO) if new in day.taken)
    if len(after.taken) > 1 and not closed and too_long(worker, plan, new, TOKYO):
        joined = [day for day in before if set(day.taken) <= set(after.taken)]
        was_too_long = any(day.back_at - day.leaves_at > worker.most for day in before)
        regrouped = not any(set(day.taken) | {new} == set(after.taken) for day in before)
        assert len(joined) > 1 or was_too_long or regrouped
