"""Does a lane close while its provider fails, and open again, without holding up anybody else?"""

from __future__ import annotations

from datetime import timedelta

from app.lanes import FAILS_TO_CLOSE, RESTS, RESTS_MOST, Lanes


def fail(lanes, clock, times=FAILS_TO_CLOSE):
    return [lanes.note("sms", clock.now(), answered=False) for _ in range(times)]


def test_a_lane_has_so_many_places(clock):
    lanes = Lanes(width=2)
    assert [lanes.enter("sms", clock.now()) for _ in range(3)] == [True, True, False]
    assert lanes.enter("email", clock.now())
    lanes.leave("sms")
    assert lanes.enter("sms", clock.now())


def test_a_lane_closes_after_so_many_failures_in_a_row(clock):
    lanes = Lanes()
    assert fail(lanes, clock) == [None] * (FAILS_TO_CLOSE - 1) + [False]
    assert lanes.closed("sms")
    assert not lanes.closed("email")
    assert not lanes.enter("sms", clock.now())


def test_an_answer_in_between_keeps_it_open(clock):
    lanes = Lanes()
    fail(lanes, clock, FAILS_TO_CLOSE - 1)
    assert lanes.note("sms", clock.now(), answered=True) is True
    fail(lanes, clock, FAILS_TO_CLOSE - 1)
    assert not lanes.closed("sms")


def test_who_is_not_let_in_closes_it_at_once(clock):
    lanes = Lanes()
    assert lanes.note("sms", clock.now(), answered=True, barred=True) is False
    assert lanes.closed("sms")


def test_one_call_at_a_time_tries_whether_it_is_back(clock):
    lanes = Lanes()
    fail(lanes, clock)
    clock.at += RESTS
    assert lanes.enter("sms", clock.now())
    assert not lanes.enter("sms", clock.now())
    assert lanes.note("sms", clock.now(), answered=False) is False
    lanes.leave("sms")
    clock.at += RESTS
    assert not lanes.enter("sms", clock.now())
    clock.at += RESTS
    assert lanes.enter("sms", clock.now())
    assert lanes.note("sms", clock.now(), answered=True) is True
    lanes.leave("sms")
    assert not lanes.closed("sms")
    assert lanes.enter("sms", clock.now())


def test_it_never_rests_for_longer_than_a_minute(clock):
    lanes = Lanes()
    fail(lanes, clock)
    for _ in range(9):
        clock.at += RESTS_MOST
        assert lanes.enter("sms", clock.now())
        lanes.note("sms", clock.now(), answered=False)
        lanes.leave("sms")
    assert timedelta(seconds=60) == RESTS_MOST


def test_a_try_for_which_there_was_nothing_to_send_is_given_back(clock):
    lanes = Lanes()
    fail(lanes, clock)
    clock.at += RESTS
    assert lanes.enter("sms", clock.now())
    lanes.leave("sms")
    assert lanes.enter("sms", clock.now())
