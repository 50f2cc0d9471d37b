"""What waits for the end of quiet hours, in every zone and night, and what must never wait?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.forecast import Forecast, Stop
from app.rules.lateness import Decision, Reason, Watch
from app.rules.policy import Policy
from app.rules.quiet import hushed, quiet_ends_at, unwanted, waits_until

TOKYO, BERLIN = ZoneInfo("Asia/Tokyo"), ZoneInfo("Europe/Berlin")
POLICY = Policy(quiet_from="21:00", quiet_until="07:00", quiet_near_min=120.0)


def at(words: str, zone: ZoneInfo = TOKYO) -> datetime:
    """Return a local time of 24 November 2026 (or of a day that is named) as an instant."""
    day, _, clock = words.rpartition(" ")
    return datetime.fromisoformat(f"{day or '2026-11-24'} {clock}").replace(tzinfo=zone).astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "ends"),
    [
        ("20:59", None),
        ("21:00", "2026-11-25 07:00"),
        ("23:59", "2026-11-25 07:00"),
        ("00:00", "07:00"),
        ("06:59", "07:00"),
        ("07:00", None),
        ("12:00", None),
    ],
)
def test_quiet_hours_go_over_midnight(now, ends):
    assert quiet_ends_at(POLICY, TOKYO, at(now)) == (at(ends) if ends else None)


def test_quiet_hours_within_one_day_and_none_at_all():
    nap = Policy(quiet_from="13:00", quiet_until="15:00")
    assert quiet_ends_at(nap, TOKYO, at("14:00")) == at("15:00")
    assert quiet_ends_at(nap, TOKYO, at("02:00")) is None
    assert quiet_ends_at(Policy(quiet_from="21:00", quiet_until="21:00"), TOKYO, at("23:00")) is None


def test_the_hours_are_those_of_the_place():
    assert quiet_ends_at(POLICY, BERLIN, at("23:00")) is None  # three in the afternoon there
    assert quiet_ends_at(POLICY, BERLIN, at("06:30")) == at("2026-11-24 07:00", BERLIN)


@pytest.mark.parametrize(
    ("evening", "hours"), [("2026-03-28 21:00", 9), ("2026-10-24 21:00", 11), ("2026-06-01 21:00", 10)]
)
def test_a_night_is_as_long_as_the_clocks_make_it(evening, hours):
    begins_at = at(evening, BERLIN)
    assert quiet_ends_at(POLICY, BERLIN, begins_at) == begins_at + timedelta(hours=hours)


def test_an_end_that_the_clocks_skip_or_show_twice_still_ends_the_night():
    policy = Policy(quiet_from="22:00", quiet_until="02:30")
    skipped = quiet_ends_at(policy, BERLIN, at("2026-03-28 23:00", BERLIN))
    assert skipped is not None
    assert skipped.astimezone(BERLIN).hour in (1, 3)
    twice = quiet_ends_at(policy, BERLIN, at("2026-10-24 23:00", BERLIN))
    assert twice == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


ZONES = st.sampled_from(["Asia/Tokyo", "Europe/Berlin", "America/St_Johns", "Pacific/Apia", "Africa/Casablanca"])
CLOCKS = st.builds(lambda h, m: f"{h:02}:{m:02}", st.integers(0, 23), st.integers(0, 59))


@given(ZONES, CLOCKS, CLOCKS, st.integers(0, 10 * 365 * 24 * 60))
def test_quiet_hours_always_end_within_a_long_day(zone, begins, ends, minutes):
    now = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    until_at = quiet_ends_at(Policy(quiet_from=begins, quiet_until=ends), ZoneInfo(zone), now)
    assert until_at is None or now < until_at <= now + timedelta(hours=26)


@pytest.mark.parametrize(
    ("now", "begins", "until"),
    [
        ("05:50", "06:30", None),  # half past six is in the quiet hours: so is its news
        ("02:00", "02:30", None),  # and so is two in the morning, which is this house's business
        ("22:00", "2026-11-25 02:00", None),
        ("23:00", "2026-11-25 10:00", "2026-11-25 07:00"),
        ("06:00", "08:30", "06:30"),  # two hours before
        ("06:30", "08:30", None),
        ("21:30", "18:00", None),  # should have been there long ago
        ("12:00", "2026-11-25 10:00", None),
    ],
)
def test_news_waits_unless_its_visit_is_in_the_quiet_hours_or_soon(now, begins, until):
    assert waits_until(POLICY, TOKYO, at(begins), at(now)) == (at(until) if until else None)


@pytest.mark.parametrize(
    ("now", "begins", "until"),
    [
        ("22:00", "2026-11-25 09:00", None),  # two hours after the quiet hours: little of the morning would be left
        ("22:00", "2026-11-25 10:00", "2026-11-25 07:00"),
        ("23:00", "2026-11-25 09:00", "2026-11-25 07:00"),  # by now people sleep
        ("03:00", "08:30", "06:30"),
        ("23:30", "2026-11-25 00:30", None),
    ],
)
def test_another_time_for_an_early_visit_is_told_while_people_are_still_up(now, begins, until):
    for kind in ("moved", "tech_changed", "cancelled"):
        assert waits_until(POLICY, TOKYO, at(begins), at(now), kind) == (at(until) if until else None)


def test_a_persons_answer_waits_for_nothing_and_is_never_unwelcome():
    assert waits_until(POLICY, TOKYO, at("2026-11-25 18:00"), at("22:00"), "reply") is None
    assert unwanted("reply", "none") is None
    assert unwanted("moved", "delays") is None
    assert unwanted("moved", "none") == "wants_nothing"
    assert unwanted("reminder_day", "delays") == "wants_delays_only"


def said(kind, promised, now, wish="all", expected=None):
    """Return what becomes of a decision for a visit promised then, expected half an hour later or when it is said."""
    stop = Stop("v", 34.2, 135.2, at(promised), at(promised), 60)
    expected_at = at(expected) if expected else at(promised) + timedelta(minutes=30)
    forecast = Forecast(
        "v", expected_at, expected_at, expected_at, 0.9, as_of=None, basis="plan", state="travelling",
        made_at=at(now), arrivals_s=(), next_stop=True,
    )  # fmt: skip
    watch = Watch(late_since_at=at(now))
    decision = Decision(kind, expected_at, expected_at, Reason("late_expected", {"percent": 90}), None, watch, "alarm")
    return hushed(decision, stop, forecast, wish, TOKYO, at(now), POLICY)


def test_what_waits_is_looked_at_again_in_the_morning_and_says_so():
    held = said("late", "2026-11-25 10:00", "23:00")
    assert (held.kind, held.quoted_from_at, held.reason.code) == (None, None, "quiet_hours")
    assert held.look_again_at == at("2026-11-25 07:00")
    assert held.reason.facts == {"percent": 90, "until": "07:00", "kind": "late"}
    assert held.watch.late_since_at == at("23:00")
    assert held.alarm == "alarm"


def test_an_earlier_arrival_than_promised_counts_too():
    assert said("late", "2026-11-25 10:00", "23:00", expected="2026-11-25 00:30").kind == "late"


@pytest.mark.parametrize(
    ("wish", "kind", "code"),
    [
        ("all", "arriving_soon", "late_expected"),
        ("delays", "arriving_soon", "wants_delays_only"),
        ("delays", "holding", "late_expected"),
        ("delays", "on_time_again", "late_expected"),
        ("none", "late", "wants_nothing"),
        ("none", "arriving_soon", "wants_nothing"),
    ],
)
def test_a_customers_wish_is_kept_and_given_as_the_reason(wish, kind, code):
    decision = said(kind, "12:00", "12:10", wish)
    assert decision.reason.code == code
    assert (decision.kind == kind) is (code == "late_expected")


def test_where_nothing_is_said_nothing_is_hushed():
    assert said(None, "2026-11-25 10:00", "23:00", "none").reason.code == "late_expected"
