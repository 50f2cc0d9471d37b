"""Is the first line what the customer was told, and is the time of the call back one that can be kept?"""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.customer_view import Answer, Said, answer, answered_by, delay_reason, link_ended, outlook

TOKYO = ZoneInfo("Asia/Tokyo")
FIVE = datetime(2026, 11, 24, 17, 0, tzinfo=TOKYO)


def at(clock: str, day: int = 24) -> datetime:
    return datetime.fromisoformat(f"2026-11-{day}T{clock}:00+09:00")


LATE = Said("late", at("17:20"), at("17:40"))
UPDATE = Said("late_update", at("17:50"), at("18:10"))
HOLDING = Said("holding", None, None)
AGAIN = Said("on_time_again", at("16:55"), at("17:05"))
SOON = Said("arriving_soon", at("16:50"), at("17:00"))


@pytest.mark.parametrize(
    ("status", "said", "now", "line"),
    [
        ("booked", [], "16:00", Answer("planned", FIVE, FIVE)),
        ("en_route", [], "17:05", Answer("planned", FIVE, FIVE)),
        ("en_route", [], "17:06", Answer("overdue", FIVE, FIVE)),
        ("en_route", [LATE], "17:06", Answer("late", at("17:20"), at("17:40"))),
        ("en_route", [LATE, UPDATE], "17:42", Answer("late", at("17:50"), at("18:10"))),
        ("en_route", [LATE], "17:46", Answer("overdue", at("17:20"), at("17:40"))),
        ("booked", [HOLDING], "16:55", Answer("holding", FIVE, FIVE)),
        ("booked", [HOLDING], "17:10", Answer("overdue", FIVE, FIVE)),
        ("booked", [LATE, HOLDING], "17:10", Answer("holding", at("17:20"), at("17:40"))),
        ("en_route", [LATE, AGAIN], "16:50", Answer("on_time_again", at("16:55"), at("17:05"))),
        ("en_route", [SOON], "16:45", Answer("arriving_soon", at("16:50"), at("17:00"))),
        ("working", [LATE], "18:30", Answer("arrived", at("17:20"), at("17:40"))),
        ("cancelled", [], "18:30", Answer("cancelled", FIVE, FIVE)),
    ],
)  # fmt: skip
def test_the_first_line_is_what_was_told_last(status, said, now, line):
    assert answer(status, FIVE, FIVE, said, at(now)) == line


def test_a_forecast_that_contradicts_what_was_told_is_said_in_words():
    told = Answer("late", at("17:20"), at("17:40"))
    assert outlook(told, at("17:46"), at("18:00"), 1.0) == "later"
    assert outlook(told, at("17:45"), at("18:00"), 1.0) is None
    assert outlook(told, at("17:00"), at("17:14"), 0.4) == "earlier"
    assert outlook(told, None, None, None) is None
    planned = Answer("planned", FIVE, FIVE)
    assert outlook(planned, at("16:50"), at("17:30"), 0.5) == "later"
    assert outlook(planned, at("16:30"), at("16:40"), 0.0) is None


def test_a_reason_says_only_what_is_known():
    assert delay_reason("observed_pace", "creeping") == "traffic"
    assert delay_reason("observed_pace", "standing") == "way"
    assert delay_reason("observed_pace", "travelling") == "way"
    assert delay_reason("work_left", "at_site") == "previous_visit"
    assert delay_reason("reported_eta", "travelling") == "technician_said"
    assert delay_reason("", "") == "way"


@pytest.mark.parametrize(
    ("now", "hours", "by"),
    [
        (at("15:31"), "8:00〜21:00", at("15:50")),
        (at("20:59"), "8:00〜21:00", at("21:15")),
        (at("21:00"), "8:00〜21:00", at("08:15", 25)),
        (at("05:00"), "8:00〜21:00", at("08:15")),
        (at("07:58"), "8:00〜21:00", at("08:15")),
        (at("19:00"), "", at("09:15", 25)),
        (at("19:00"), "平日のみ", at("09:15", 25)),
        (at("19:00"), "99:99-99:99", at("09:15", 25)),
        (at("23:30"), "7:00-24:00", at("23:45")),
    ],
)
def test_a_call_is_promised_when_somebody_is_there_to_make_it(now, hours, by):
    visit = at("10:00", 28)
    assert answered_by(now, visit, visit + timedelta(hours=1), hours, TOKYO) == by


def test_around_a_visit_at_night_somebody_is_at_work():
    assert answered_by(at("22:30"), at("23:00"), at("23:59"), "8:00〜21:00", TOKYO) == at("22:45")


@given(
    st.integers(0, 365 * 24 * 60).map(lambda minutes: FIVE + timedelta(minutes=minutes)),
    st.from_regex(r"\d{1,2}:\d{2}[〜-]\d{1,2}:\d{2}", fullmatch=True) | st.text(),
)
def test_every_call_back_lies_ahead_within_a_day_and_on_five_minutes(now, hours):
    by = answered_by(now, now + timedelta(days=9), now + timedelta(days=9), hours, TOKYO)
    assert timedelta(minutes=15) <= by - now <= timedelta(hours=24, minutes=20)
    assert by.timestamp() % 300 == 0


def test_the_link_outlives_the_visit_by_seven_days():
    assert not link_ended(FIVE, None, FIVE + timedelta(days=7))
    assert link_ended(FIVE, None, FIVE + timedelta(days=7, seconds=1))
    assert not link_ended(FIVE, FIVE + timedelta(hours=3), FIVE + timedelta(days=7, hours=3))
