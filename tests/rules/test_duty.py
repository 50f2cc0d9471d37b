"""Is somebody at work exactly when the hours say so and nothing is taken off?"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from app.rules.booking import Clash, Taken, first_open_start
from app.rules.duty import Away, at_work, closed_spans, fits_shift, next_opening, shifts_on

TOKYO = ZoneInfo("Asia/Tokyo")
TUESDAY = date(2026, 11, 24)
WEEK = {"tue": [["09:00", "12:00"], ["13:00", "18:00"]], "wed": [["09:00", "18:00"]]}
DAYS = [TUESDAY, TUESDAY + timedelta(days=1)]


def at(hour, minute=0, day=24):
    return datetime(2026, 11, day, hour, minute, tzinfo=TOKYO)


def off(begin, end, why="absent"):
    return Away(begin, end, why)


def start(earliest, latest, *, minutes=60, taken=(), away=(), hours=WEEK):
    return first_open_start(earliest, latest, minutes, None, None, taken, shifts_on(hours, DAYS, TOKYO), away)


def test_time_off_is_taken_out_of_the_hours():
    assert at_work(WEEK, [off(at(10), at(14))], DAYS, TOKYO) == (
        (at(9), at(10)),
        (at(14), at(18)),
        (at(9, day=25), at(18, day=25)),
    )
    assert at_work(WEEK, [off(at(0), at(0, day=25))], DAYS, TOKYO) == ((at(9, day=25), at(18, day=25)),)


def test_who_states_no_hours_is_away_only_when_somebody_says_so():
    assert at_work({}, [], DAYS, TOKYO) is None
    assert at_work({}, [off(at(9, day=27), at(10, day=27))], DAYS, TOKYO) is None
    assert at_work({}, [off(at(9), at(10))], DAYS, TOKYO) == ((at(0), at(9)), (at(10), at(0, day=26)))


def test_work_goes_on_over_a_break_and_not_into_time_off():
    assert start(at(11), at(11), minutes=180) == at(11)
    assert start(at(11), at(11), minutes=180, away=[off(at(12, 30), at(12, 45))]).why == "absent"


def test_a_start_before_the_hours_is_moved_into_them_where_the_promise_allows():
    assert start(at(8), at(10)) == at(9)
    assert start(at(12), at(14)) == at(13)
    assert start(at(9), at(12), away=[off(at(8), at(11))]) == at(11)
    assert start(at(9), at(16), taken=[Taken(3, at(9), at(10))], away=[off(at(10), at(15))]) == at(15)


def test_what_stands_in_the_way_is_named():
    assert start(at(7), at(8)).why == "hours"
    assert start(at(12), at(12, 30)).why == "hours"
    assert start(at(17, 30), at(17, 45)).why == "hours"
    assert start(at(10, day=26), at(11, day=26)).why == "hours"
    assert start(at(9), at(9), away=[off(at(0), at(0, day=25), "holiday")]).why == "holiday"
    assert start(at(9), at(9), taken=[Taken(3, at(9), at(10))]) == Clash("overlap", 3)


def test_who_states_no_hours_can_be_booked_at_any_time():
    assert start(at(3), at(3), hours={}) == at(3)
    assert start(at(3), at(3), hours={}, away=[off(at(3, 30), at(4))]).why == "absent"


def test_hours_over_midnight_are_one_night():
    night = {"tue": [["20:00", "24:00"]], "wed": [["00:00", "06:00"]]}
    assert start(at(23, 30), at(23, 30), minutes=120, hours=night) == at(23, 30)
    assert start(at(5, 30, day=25), at(5, 30, day=25), hours=night).why == "hours"


hours_of = (
    st.lists(st.integers(0, 96), min_size=2, max_size=4, unique=True).map(sorted).filter(lambda h: len(h) % 2 == 0)
)


@given(hours_of, st.integers(0, 95), st.integers(1, 40), st.integers(0, 90), st.integers(1, 20))
def test_a_start_that_is_found_fits_the_shift_and_no_time_off(quarters, begin, length, away_from, away_for):
    clocks = [f"{q // 4:02}:{q % 4 * 15:02}" for q in quarters]
    week = {"tue": [list(pair) for pair in zip(clocks[::2], clocks[1::2], strict=True)]}
    away = off(at(0) + timedelta(minutes=15 * away_from), at(0) + timedelta(minutes=15 * (away_from + away_for)))
    begins = at(0) + timedelta(minutes=15 * begin)
    found = start(begins, begins + timedelta(hours=3), minutes=15 * length, away=[away], hours=week)
    if isinstance(found, datetime):
        ends = found + timedelta(minutes=15 * length)
        assert fits_shift(shifts_on(week, DAYS, TOKYO), found, ends)
        assert ends <= away.from_at or found >= away.until_at


def test_closed_is_what_no_day_holds():
    closed = closed_spans(shifts_on(WEEK, DAYS, TOKYO), at(0), at(0, day=26))
    assert [(one.from_at, one.until_at) for one in closed] == [
        (at(0), at(9)),
        (at(18), at(9, day=25)),
        (at(18, day=25), at(0, day=26)),
    ]
    assert closed_spans(None, at(0), at(9)) == []
    assert next_opening(shifts_on(WEEK, DAYS, TOKYO), at(12)) == at(13)
    assert next_opening((), at(12)) is None
    assert next_opening(None, at(12).astimezone(UTC)) == at(12)
