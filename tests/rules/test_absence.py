"""Is somebody written to exactly when nobody at a desk deals with what waits?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.rules.absence import AT_DESK, GRACE, KINDS, RESTS, Colleague, Waiting, calls_for
from app.rules.policy import Policy

JAPAN = ZoneInfo("Asia/Tokyo")
#: 16:00 in Japan.
NOW = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)


def thing(alarm_id=1, kind="call_customer", *, waits_min=5.0, left_min=10.0, visit_min=60.0, now=NOW):
    deadline_at = None if left_min is None else now + timedelta(minutes=left_min)
    visit_at = None if visit_min is None else now + timedelta(minutes=visit_min)
    return Waiting(alarm_id, kind, now - timedelta(minutes=waits_min), deadline_at, visit_at)


def person(user_id, role, *, there=False, told=(), written_min=None, now=NOW):
    written_at = None if written_min is None else now - timedelta(minutes=written_min)
    return Colleague(user_id, role, now if there else None, frozenset(told), written_at)


def called(things, people, now=NOW):
    return calls_for(things, people, Policy(), JAPAN, now)


NOBODY = (person(1, "dispatcher"), person(2, "manager"), person(3, "admin"))


def test_everybody_who_can_act_is_written_to_while_nobody_is_at_a_desk():
    assert called([thing()], NOBODY) == {1: [1], 2: [1], 3: [1]}


def test_whoever_just_comes_to_the_desk_sees_it_there_first():
    assert called([thing(waits_min=GRACE.total_seconds() / 60 - 0.1)], NOBODY) == {}


def test_nobody_is_written_to_while_somebody_is_at_a_desk_and_there_is_time():
    assert called([thing()], [person(1, "dispatcher", there=True), *NOBODY[1:]]) == {}


def test_the_page_that_was_left_open_is_nobody():
    left = Colleague(1, "dispatcher", NOW - AT_DESK, frozenset(), None)
    assert called([thing()], [left]) == {1: [1]}


def test_what_is_overdue_although_somebody_is_there_goes_to_the_managers():
    people = [person(1, "dispatcher", there=True), *NOBODY[1:]]
    assert called([thing(left_min=0)], people) == {2: [1], 3: [1]}
    assert called([thing(kind="reply_overdue", left_min=None)], people) == {2: [1], 3: [1]}


def test_a_manager_at_the_desk_sees_it_and_so_do_the_others():
    people = [person(1, "dispatcher"), person(2, "manager", there=True), person(3, "admin")]
    assert called([thing(left_min=0)], people) == {}


def test_nobody_is_written_to_twice_about_the_same_nor_too_often():
    rested = RESTS.total_seconds() / 60
    assert called([thing(1), thing(2)], [person(1, "dispatcher", told=[1], written_min=rested)]) == {1: [2]}
    assert called([thing(2)], [person(1, "dispatcher", told=[1], written_min=rested - 0.1)]) == {}


@pytest.mark.parametrize(("visit_min", "told"), [(30, True), (8 * 60, False), (None, False)])
def test_at_night_only_what_is_about_a_visit_in_the_night_wakes_anybody(visit_min, told):
    midnight = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
    found = called([thing(visit_min=visit_min, now=midnight)], [person(1, "dispatcher", now=midnight)], midnight)
    assert found == ({1: [1]} if told else {})


def test_what_waits_for_no_customer_s_sake_is_left_to_the_page():
    assert "rule_failed" not in KINDS
    assert called([thing(kind="rule_failed")], NOBODY) == {}
