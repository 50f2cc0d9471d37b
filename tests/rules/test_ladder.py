"""Is there time for every channel, and for a call that still helps?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.rules.ladder import CALL_TAKES, LADDERS, STEP, call_at, calls, climbs_at
from app.rules.messages import KINDS

FIVE = datetime(2026, 11, 24, 8, tzinfo=UTC)


def test_every_kind_of_notice_has_its_ladder():
    assert set(KINDS) <= set(LADDERS)


def test_a_delay_about_five_is_known_well_before_five():
    for minutes in range(9, 120):
        told_at = FIVE - timedelta(minutes=minutes)
        at = call_at("late", told_at, FIVE)
        assert told_at < at
        assert at + CALL_TAKES <= FIVE


def test_nobody_is_called_because_nearly_there_was_not_read():
    assert not calls("arriving_soon")
    assert call_at("arriving_soon", FIVE, FIVE) is None
    assert climbs_at("arriving_soon", "sms", ["email"], FIVE, None) is None


@given(
    kind=st.sampled_from(sorted(LADDERS)),
    first=st.sampled_from(["sms", "line", "email", "voice", "push", "console"]),
    rest=st.lists(st.sampled_from(["sms", "email", "voice"]), max_size=4),
    ahead_min=st.integers(-600, 6000),
)
def test_every_channel_is_tried_before_a_person_is_called(kind, first, rest, ahead_min):
    told_at = FIVE
    person_at = call_at(kind, told_at, told_at + timedelta(minutes=ahead_min))
    at = told_at
    for number, channel in enumerate([first, *rest]):
        left = rest[number:]
        climbs = climbs_at(kind, channel, left, at, person_at)
        if climbs is None:
            assert not left or LADDERS[kind].patience is None
            break
        assert climbs >= at + STEP
        at = climbs
    if person_at is not None:
        assert person_at - told_at >= timedelta(minutes=4)
        assert at <= max(person_at, told_at + STEP * len(rest))
