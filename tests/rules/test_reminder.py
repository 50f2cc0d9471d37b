"""Are reminders due when a person would send them, in every zone and on every night, and left out where they annoy?"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.policy import Policy
from app.rules.quiet import quiet_ends_at
from app.rules.reminder import APART, SETTLED, local_at, planned, why_not

TOKYO, BERLIN, NEW_YORK = (ZoneInfo(name) for name in ("Asia/Tokyo", "Europe/Berlin", "America/New_York"))
POLICY = Policy()


def at(words: str, zone: ZoneInfo = TOKYO) -> datetime:
    """Return a local time of 24 November 2026 (or of a day that is named) as an instant."""
    day, _, clock = words.rpartition(" ")
    return datetime.fromisoformat(f"{day or '2026-11-24'} {clock}").replace(tzinfo=zone).astimezone(UTC)


def plan(promised, booked="2026-11-20 10:00", zone=TOKYO, **policy):
    """Return each reminder's local time, or why there is none."""
    found = planned(at(promised, zone), Policy(**policy), zone, at(booked, zone))
    return {
        one.kind: one.left_out or f"{one.due_at.astimezone(zone):%m-%d %H:%M}"
        for one in found
        if one.due_at is not None
    }


@pytest.mark.parametrize(
    ("promised", "booked", "day", "hours"),
    [
        ("14:00", "2026-11-20 10:00", "11-23 17:00", "11-24 12:00"),
        ("14:00", "2026-11-23 14:59", "11-23 17:00", "11-24 12:00"),
        ("14:00", "2026-11-23 15:01", "too_near", "11-24 12:00"),  # agreed two hours ago: not yet forgotten
        ("14:00", "2026-11-24 10:00", "too_near", "11-24 12:00"),
        ("13:00", "2026-11-24 10:00", "too_near", "too_near"),
        ("10:30", "2026-11-20 10:00", "11-23 17:00", "11-24 08:30"),
        ("09:00", "2026-11-20 10:00", "11-23 17:00", "11-24 08:00"),  # two hours before, people sleep
        ("08:30", "2026-11-20 10:00", "11-23 17:00", "just_reminded"),
        ("08:30", "2026-11-23 17:00", "too_near", "11-23 20:45"),
        ("23:00", "2026-11-20 10:00", "11-23 17:00", "11-24 20:45"),  # a call-out at night is announced before it
        ("05:00", "2026-11-20 10:00", "11-23 17:00", "just_reminded"),
    ],
)
def test_a_visit_is_announced_while_people_are_up_and_not_twice_in_a_row(promised, booked, day, hours):
    assert plan(promised, booked) == {"reminder_day": day, "reminder_hours": hours}


def test_what_is_switched_off_is_not_booked():
    assert plan("14:00", reminder_day=False) == {"reminder_hours": "11-24 12:00"}
    assert (
        planned(at("14:00"), Policy(reminder_day=False, reminder_hours=False, on_the_way=False), TOKYO, at("08:00"))
        == ()
    )


def test_the_time_of_day_and_the_hours_before_are_the_firms_to_choose():
    found = plan("14:00", reminder_day_at="19:30", reminder_lead_min=180)
    assert found == {"reminder_day": "11-23 19:30", "reminder_hours": "11-24 11:00"}
    assert plan("14:00", reminder_day_at="22:00")["reminder_day"] == "11-23 20:45"
    assert plan("14:00", reminder_day_at="06:00")["reminder_day"] == "11-23 08:00"


@pytest.mark.parametrize(
    ("zone", "promised"),
    [
        (BERLIN, "2026-03-29 10:00"),  # the clocks went forward in the night
        (BERLIN, "2026-10-25 10:00"),  # and back
        (BERLIN, "2026-10-26 10:00"),
        (NEW_YORK, "2026-11-01 12:00"),
        (NEW_YORK, "2026-03-08 12:00"),
    ],
)
def test_five_in_the_evening_is_five_in_the_evening_when_the_clocks_change(zone, promised):
    found = plan(promised, "2026-01-01 10:00", zone)
    before = date.fromisoformat(promised[:10]) - timedelta(days=1)
    assert found["reminder_day"] == f"{before:%m-%d} 17:00"


def test_two_hours_before_are_hours_that_pass():
    promised_at = datetime(2026, 3, 29, 2, 0, tzinfo=UTC)  # four in the morning, an hour after the clocks went forward
    policy = Policy(quiet_from="00:00", quiet_until="00:00")
    found = planned(promised_at, policy, BERLIN, promised_at - timedelta(days=3))
    assert found[1].due_at == promised_at - timedelta(hours=2)
    assert f"{found[1].due_at.astimezone(BERLIN):%H:%M}" == "01:00"


ZONES = st.sampled_from(
    ["Asia/Tokyo", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca"]
)
MINUTES = st.integers(0, 20 * 365 * 24 * 60)
CLOCKS = st.builds(lambda h, m: f"{h:02}:{m:02}", st.integers(0, 23), st.integers(0, 59))


@given(ZONES, MINUTES, st.integers(0, 10 * 24 * 60), CLOCKS, st.integers(30, 720))
def test_a_reminder_is_never_at_night_nor_after_the_visit_nor_soon_after_the_booking(zone, minutes, lead, clock, hours):
    where = ZoneInfo(zone)
    promised_at = datetime(2008, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    now = promised_at - timedelta(minutes=lead)
    policy = Policy(reminder_day_at=clock, reminder_lead_min=float(hours))
    found = [one for one in planned(promised_at, policy, where, now) if one.due_at is not None and one.left_out is None]
    for one in found:
        assert now + SETTLED <= one.due_at < promised_at
        assert quiet_ends_at(policy, where, one.due_at) is None
    due = sorted(one.due_at for one in found)
    assert all(second - first >= APART for first, second in pairwise(due))


@given(ZONES, MINUTES, CLOCKS)
def test_the_day_before_is_a_time_on_the_wall(zone, minutes, clock):
    where, wanted = ZoneInfo(zone), time.fromisoformat(clock)
    promised_at = datetime(2008, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    due = local_at(promised_at, -1, wanted, where)
    shown = due.astimezone(where)
    before = promised_at.astimezone(where).date() - timedelta(days=1)
    if (shown.date(), shown.time().replace(fold=0)) != (before, wanted):
        # Only a time that the clocks skip is another one, and then it comes after the gap.
        assert shown.replace(tzinfo=None) > datetime.combine(before, wanted)
        assert datetime.combine(before, wanted, where).utcoffset() != shown.utcoffset()


def reason(kind="reminder_hours", **now):
    facts = {
        "due_at": at("12:00"),
        "promised_from_at": at("14:00"),
        "same_promise": True,
        "status": "en_route" if kind == "on_the_way" else "booked",
        "wish": "all",
        "unsettled": False,
        "late_probability": 0.02,
        "arrives_at": at("13:55"),
        "policy": POLICY,
        "now": at("12:00"),
    }
    return why_not(kind, **{**facts, **now})


@pytest.mark.parametrize("kind", ["reminder_day", "reminder_hours", "on_the_way"])
def test_a_reminder_is_sent_unless_something_speaks_against_it(kind):
    assert reason(kind) is None
    assert reason(kind, same_promise=False) == "moved"
    assert reason(kind, status="cancelled") == "cancelled"
    assert reason(kind, status="arrived") == "over"
    assert reason(kind, wish="delays") == "wants_delays_only"
    assert reason(kind, wish="none") == "wants_nothing"
    assert reason(kind, unsettled=True) == "late_told"
    assert reason(kind, policy=Policy(**{kind: False})) == "switched_off"
    assert reason(kind, now=at("16:30")) == "too_late"


def test_nobody_is_told_twice_that_somebody_is_coming():
    assert reason("reminder_hours", status="en_route") == "left"
    assert reason("on_the_way", status="booked") == "not_left"
    assert reason("on_the_way", arrives_at=at("12:15")) == "nearly_there"
    assert reason("on_the_way", arrives_at=at("12:15"), policy=Policy(arriving_soon=False)) is None
    assert reason("on_the_way", arrives_at=None) is None


def test_who_is_likely_late_is_not_announced_as_coming():
    assert reason("on_the_way", late_probability=0.5) == "late_likely"
    assert reason("reminder_hours", late_probability=0.5) is None


def test_a_reminder_just_before_the_visit_reminds_nobody():
    assert reason(now=at("13:00")) is None
    assert reason(now=at("13:31"), due_at=at("13:00")) == "too_late"
