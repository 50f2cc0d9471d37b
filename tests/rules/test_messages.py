"""Does a message fit, is it still true, and how long is it waited?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.messages import (
    ARRIVALS,
    CHANGES,
    KINDS,
    LASTS,
    REMINDERS,
    Said,
    back_off_s,
    expires_at,
    fits_one_sms,
    gsm7_septets,
    no_longer_true,
    utf16_units,
)

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
PROMISE = (NOW + timedelta(minutes=20), NOW + timedelta(minutes=20))


def minutes(n: float) -> timedelta:
    return timedelta(minutes=n)


def why(kind="late", *, quoted_min=40.0, expires_min=60.0, **now):
    said = Said(kind, PROMISE, 7, NOW + minutes(quoted_min) if quoted_min else None, NOW + minutes(expires_min))
    facts = {
        "status": "booked",
        "promise": PROMISE,
        "technician_id": 7,
        "newer_kinds": (),
        "told_before": True,
        "now": NOW,
    }
    return no_longer_true(said, **{**facts, **now})


@pytest.mark.parametrize(
    ("text", "fits"), [("あ" * 70, True), ("あ" * 71, False), ("🚗" * 35, True), ("🚗" * 36, False)]
)
def test_a_japanese_sms_holds_70_units_and_an_emoji_is_two(text, fits):
    assert fits_one_sms(text) is fits


@pytest.mark.parametrize(("text", "fits"), [("a" * 160, True), ("a" * 161, False), ("[" * 80, True), ("[" * 81, False)])
def test_an_english_sms_holds_160_septets_and_a_bracket_is_two(text, fits):
    assert fits_one_sms(text) is fits


def test_one_character_outside_the_alphabet_leaves_70():
    assert not fits_one_sms("a" * 70 + "\u00a0")
    assert gsm7_septets("caf\u00e9") == 4
    assert gsm7_septets("\u2013") is None


@given(st.text())
def test_lengths_agree_with_the_encodings(text):
    assert utf16_units(text) == sum(2 if ord(c) > 0xFFFF else 1 for c in text)
    septets = gsm7_septets(text)
    assert septets is None or septets >= len(text)


def test_a_notice_about_an_awaited_visit_is_true():
    assert why() is None
    assert why(status="en_route") is None


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("cancelled", "cancelled"),
        ("arrived", "arrived"),
        ("working", "arrived"),
        ("completed", "over"),
        ("no_access", "over"),
    ],
)
def test_nothing_is_said_of_a_visit_that_nobody_waits_for(status, reason):
    assert why(status=status) == reason


def test_a_moved_promise_or_another_technician_makes_it_old_news():
    assert why(promise=(PROMISE[0], PROMISE[1] + minutes(30))) == "moved"
    assert why(technician_id=8) == "moved"
    assert why(technician_id=None) == "moved"


@pytest.mark.parametrize("kind", [*ARRIVALS, *REMINDERS])
@pytest.mark.parametrize("newer", ["late", "late_update", "holding", "on_time_again"])
def test_newer_news_supersedes_older(kind, newer):
    assert why(kind, newer_kinds=[newer]) == "superseded"


def test_nearly_there_leaves_the_apology_standing():
    assert why("late", newer_kinds=["arriving_soon"]) is None
    assert why("holding", newer_kinds=["arriving_soon"]) == "superseded"


def test_every_kind_says_how_long_it_lasts():
    assert set(KINDS) <= set(LASTS)


@pytest.mark.parametrize("kind", ["reminder_day", "reminder_hours"])
def test_nobody_is_reminded_of_a_technician_who_has_set_out(kind):
    assert why(kind, quoted_min=None, status="en_route") == "left"
    assert why("on_the_way", quoted_min=None, status="en_route") is None


def test_a_cancellation_is_true_of_a_cancelled_visit_only():
    assert why("cancelled", quoted_min=None, status="cancelled") is None
    assert why("cancelled", quoted_min=None, status="booked") == "over"
    assert why("moved", quoted_min=None, status="cancelled") == "cancelled"


@pytest.mark.parametrize("kind", [*ARRIVALS, *REMINDERS, "moved", "tech_changed"])
def test_another_time_makes_all_the_rest_old_news(kind):
    assert why(kind, newer_kinds=["moved"]) == "superseded"


@pytest.mark.parametrize("kind", CHANGES)
@pytest.mark.parametrize("newer", [*ARRIVALS, *REMINDERS, "reply"])
def test_what_the_office_changed_is_told_whatever_else_is_said(kind, newer):
    status = "cancelled" if kind == "cancelled" else "booked"
    assert why(kind, quoted_min=None, newer_kinds=[newer], status=status) is None


def test_an_answer_stays_one_when_the_visit_is_moved_over_or_cancelled():
    for status in ("booked", "en_route", "working", "completed", "cancelled"):
        later = (PROMISE[0] + minutes(60), PROMISE[1] + minutes(60))
        assert why("reply", quoted_min=None, status=status, promise=later, technician_id=None) is None


def test_who_was_told_of_no_delay_is_not_told_that_it_has_gone():
    assert why("on_time_again", told_before=False) == "never_told"
    assert why("late", told_before=False) is None


def test_a_window_that_has_passed_is_not_told():
    assert why(now=NOW + minutes(40)) is None
    assert why(now=NOW + minutes(41)) == "window_over"
    assert why("holding", quoted_min=None, expires_min=15, now=NOW + minutes(15)) == "expired"


def test_nothing_is_sent_after_what_it_tells():
    assert expires_at("late", NOW, NOW + minutes(25)) == NOW + minutes(25)
    assert expires_at("late", NOW, NOW + minutes(300)) == NOW + minutes(60)
    assert expires_at("holding", NOW, None) == NOW + minutes(15)
    assert expires_at("late", NOW, NOW - minutes(5)) == NOW


def test_waits_grow_and_stay_bounded():
    waits = [back_off_s(tries) for tries in range(1, 20)]
    assert waits == sorted(waits)
    assert waits[0] <= 5
    assert waits[-1] <= 120
