"""By which ways may somebody be reached, and when does the telephone ring?"""

from __future__ import annotations

import doctest
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from app.rules import reach
from app.rules.reach import CHANNELS, ends_for_good, is_optional, may_ring, plan_channels

TOKYO = ZoneInfo("Asia/Tokyo")
#: Somebody whom every way reaches.
EVERYBODY = set(CHANNELS)


def at(hour, minute=0):
    return datetime(2026, 11, 24, hour, minute, tzinfo=TOKYO).astimezone(UTC)


def test_the_examples_hold():
    assert doctest.testmod(reach).failed == 0


def test_only_configured_ways_that_reach_are_planned():
    assert plan_channels(["sms", "email"], {"email"}) == ["email"]
    assert plan_channels(["sms", "email"], set()) == []
    assert plan_channels(["sms"], EVERYBODY) == ["sms"]


def test_a_delay_rings_when_the_quieter_ways_did_not_do():
    assert plan_channels(CHANNELS, EVERYBODY) == ["line", "sms", "push", "voice", "email"]


def test_a_reminder_rings_only_where_nothing_else_reaches():
    assert "voice" not in plan_channels(CHANNELS, EVERYBODY, kind="reminder_day")
    assert plan_channels(CHANNELS, {"voice"}, kind="reminder_day") == ["voice"]


def test_who_asked_for_calls_is_called_for_more_than_delays():
    assert plan_channels(CHANNELS, {"sms", "voice"}, "voice", kind="reminder_day") == ["voice", "sms"]


@pytest.mark.parametrize("kind", ["arriving_soon", "on_the_way"])
def test_what_is_over_before_somebody_answers_never_rings(kind):
    assert plan_channels(CHANNELS, {"voice"}, kind=kind) == []
    assert plan_channels(CHANNELS, {"sms", "voice"}, "voice", kind=kind) == ["sms"]


@pytest.mark.parametrize(("hour", "minute", "rings"), [(7, 59, False), (8, 0, True), (20, 59, True), (21, 0, False)])
def test_machines_ring_from_eight_to_nine(hour, minute, rings):
    assert may_ring(TOKYO, at(hour, minute), [at(14), at(15)]) is rings


def test_a_visit_at_night_is_why_the_customer_is_awake():
    assert may_ring(TOKYO, at(21, 30), [at(20, 30), at(21, 45)])


def test_what_ends_a_way_for_good_is_told_from_what_passes():
    assert ends_for_good(21610) == "stop"
    assert ends_for_good(30005) == "unknown_number"
    assert [ends_for_good(code) for code in (30003, 30008, 20429, 0, None)] == [None] * 5


def test_every_reason_to_end_a_way_is_known():
    assert set(reach._TWILIO_ENDS.values()) <= reach.NOWHERE | reach.UNWANTED
    assert not reach.NOWHERE & reach.UNWANTED


def test_an_apology_offers_no_press_that_ends_e_mails():
    assert is_optional("reminder_day")
    assert not is_optional("late")
