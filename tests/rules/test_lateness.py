"""Is a late visit told in time, once, with a window that holds, and is a pause not told at all?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.rules.forecast import GRACE_S, Day, Forecast, Stop, forecast_day, share_after
from app.rules.habits import Window
from app.rules.lateness import (
    ALARMS,
    REASONS,
    Decision,
    Policy,
    Told,
    Watch,
    decide,
)
from app.rules.messages import KINDS
from app.rules.position import Fix
from app.rules.quoting import quote

TOKYO = ZoneInfo("Asia/Tokyo")
FIVE = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)  # five in the afternoon in Japan
VISIT = Stop("v", 34.2261, 135.1675, FIVE, FIVE, 60)
NOTHING_TOLD: tuple[Told, ...] = ()


def before(minutes: float) -> datetime:
    return FIVE - timedelta(minutes=minutes)


def forecast(now: datetime, *arrive_min: float, **more: Any) -> Forecast:
    """Return a forecast with arrivals so many minutes after five."""
    samples = tuple(sorted((FIVE - now).total_seconds() + 60 * minute for minute in arrive_min))
    low, middle, high = (now + timedelta(seconds=samples[int(q * len(samples))]) for q in (0.1, 0.5, 0.9))
    late = share_after(samples, (FIVE - now).total_seconds() + GRACE_S)
    facts: dict[str, Any] = {
        "as_of": now, "basis": "observed_pace", "state": "travelling", "next_stop": True, "distance_m": 3000.0
    }  # fmt: skip
    return Forecast("v", low, high, middle, late, made_at=now, arrivals_s=samples, **{**facts, **more})


def around(middle: float, half: float = 8.0) -> list[float]:
    return [middle - half + 2 * half * n / 47 for n in range(48)]


def settled(now: datetime, one: Forecast, told: Sequence[Told] = NOTHING_TOLD, **more: Any) -> Decision:
    """Decide as if the delay had shown for a while already."""
    return decide(VISIT, one, told, Watch(late_since_at=now - timedelta(minutes=5)), now, **more)


def test_a_late_visit_is_told_once() -> None:
    now = before(20)
    first = settled(now, forecast(now, *around(20)))
    assert first.kind == "late"
    told = (Told("late", now, first.quoted_from_at, first.quoted_until_at),)
    then = before(15)
    second = decide(VISIT, forecast(then, *around(21)), told, first.watch, then)
    assert (second.kind, second.reason.code) == (None, "told_already")


def test_a_delay_must_hold_a_moment_before_it_is_told() -> None:
    now = before(20)
    first = decide(VISIT, forecast(now, *around(20)), (), Watch(), now)
    assert (first.kind, first.reason.code) == (None, "late_confirming")
    assert first.look_again_at is not None
    assert first.look_again_at <= now + timedelta(seconds=90)
    then = now + timedelta(seconds=90)
    assert decide(VISIT, forecast(then, *around(20)), (), first.watch, then).kind == "late"


def test_a_visit_on_course_is_not_spoken_of() -> None:
    now = before(40)
    decision = settled(now, forecast(now, *around(-12)))
    assert (decision.kind, decision.watch) == (None, Watch())


def test_the_window_is_in_fives_holds_the_expected_arrival_and_is_not_too_wide() -> None:
    now = before(20)
    one = forecast(now, *around(22, 30))
    quoted = quote(one)
    (low, high), share = quoted.window, quoted.share
    assert low.minute % 5 == high.minute % 5 == 0
    assert timedelta(minutes=10) <= high - low <= timedelta(minutes=25)
    assert 0.3 < share < 0.8


def test_a_sure_arrival_is_quoted_in_ten_minutes() -> None:
    quoted = quote(forecast(before(20), *around(22, 2)))
    (low, high), share = quoted.window, quoted.share
    assert high - low == timedelta(minutes=10)
    assert low <= FIVE + timedelta(minutes=22) <= high
    assert share == 1.0


def test_a_window_is_told_as_its_kind_was_seen_to_hold() -> None:
    now = before(20)
    learned = {"delay": Window(shift=1.2, widen=2.0, n=80)}
    plain, wide = forecast(now, *around(22, 6)), forecast(now, *around(22, 6), windows=learned)
    assert quote(wide, kind="arriving_soon").window == quote(plain, kind="arriving_soon").window
    before_low, before_high = quote(plain, kind="late").window
    low, high = quote(wide, kind="late").window
    assert high - low > before_high - before_low
    assert high - before_high > before_low - low
    facts = settled(now, wide).reason.facts
    assert (facts["holds_percent"], facts["shift"], facts["widen"]) == (80, 1.2, 2.0)
    assert "shift" not in settled(now, plain).reason.facts


def test_a_window_too_vague_to_hold_waits_while_there_is_time_and_is_holding_at_last() -> None:
    vague = [10.0 + 5 * n for n in range(48)]
    early, near = before(40), before(9)
    assert settled(early, forecast(early, *vague)).reason.code == "late_too_vague"
    decision = settled(near, forecast(near, *vague))
    assert (decision.kind, decision.quoted_from_at, decision.alarm) == ("holding", None, "late_unclear")


def test_a_window_that_would_be_vague_waits_and_is_then_made_as_wide_as_it_takes() -> None:
    early, near = before(20), before(12)
    uncertain = around(40, 28)
    assert settled(early, forecast(early, *uncertain)).reason.code == "late_too_vague"
    told = settled(near, forecast(near, *uncertain))
    assert told.quoted_from_at is not None
    assert told.quoted_until_at is not None
    policy = Policy()
    width_min = (told.quoted_until_at - told.quoted_from_at).total_seconds() / 60
    assert policy.quote_max_min < width_min <= policy.quote_wide_min
    assert told.reason.facts["holds_percent"] >= 100 * policy.vague_share
    narrow = settled(near, forecast(near, *uncertain), policy=replace(policy, quote_wide_min=policy.quote_max_min))
    assert narrow.reason.facts["holds_percent"] < 100 * policy.vague_share


def test_a_delay_that_is_sure_hours_ahead_is_told_in_a_wide_window_while_one_can_still_plan_anew() -> None:
    after_an_overrun = around(60, 35)
    far, near = before(150), before(30)
    told = settled(far, forecast(far, *after_an_overrun, state="later", next_stop=False))
    assert (told.kind, told.reason.code) == ("late", "late_expected")
    assert told.quoted_from_at is not None
    assert told.quoted_until_at is not None
    assert told.quoted_until_at - told.quoted_from_at > timedelta(minutes=Policy().quote_max_min)
    assert told.quoted_from_at > FIVE
    unsure = [*around(60, 35)[4:], *around(-20, 10)[:4]]
    assert settled(far, forecast(far, *unsure, state="later", next_stop=False)).kind is None
    assert settled(near, forecast(near, *after_an_overrun, state="later", next_stop=False)).kind is None


def test_who_stands_still_is_given_more_time_than_who_creeps() -> None:
    now = before(9)
    likely = [*around(-5, 3)[:15], *around(15, 6)[:33]]
    assert settled(now, forecast(now, *likely, state="creeping")).kind == "late"
    assert settled(now, forecast(now, *likely, state="standing")).kind is None


def test_nothing_known_near_the_promise_is_holding_once_and_an_alarm() -> None:
    now = before(10)
    unknown = forecast(now, *around(0), as_of=None, basis="plan", state="unknown")
    first = decide(VISIT, unknown, (), Watch(), now)
    assert (first.kind, first.alarm) == ("holding", "silent_near_promise")
    again = decide(VISIT, unknown, (Told("holding", now, None, None),), first.watch, now + timedelta(minutes=2))
    assert (again.kind, again.alarm) == (None, "silent_near_promise")


def test_nothing_known_long_before_the_promise_is_nothing() -> None:
    now = before(120)
    decision = decide(VISIT, forecast(now, *around(0), as_of=None, basis="plan", state="unknown"), (), Watch(), now)
    assert decision.kind is None
    assert decision.look_again_at is not None
    assert decision.look_again_at <= before(10)


def test_a_later_visit_is_never_told_on_the_plan_alone() -> None:
    now = before(60)
    decision = settled(now, forecast(now, *around(60), as_of=None, next_stop=False, state="later", basis="cascade"))
    assert decision.kind is None


def test_who_drives_up_to_the_door_after_the_promise_is_not_announced_as_late() -> None:
    now = before(-12)
    late = around(16, 3)
    assert settled(now, forecast(now, *late, distance_m=60.0)).reason.code == "at_the_bell"
    assert settled(now, forecast(now, *late, distance_m=60.0, state="creeping")).kind == "late"
    assert settled(now, forecast(now, *late, distance_m=600.0)).kind == "late"


def test_a_silent_phone_near_the_promise_is_holding_and_never_on_time() -> None:
    now = before(4)
    quiet = forecast(now, *around(-3), state="silent", basis="silence", silent_s=900.0)
    decision = decide(VISIT, quiet, (), Watch(), now)
    assert (decision.kind, decision.alarm) == ("holding", "silent_near_promise")


def test_a_silent_phone_is_spoken_of_while_one_can_act_once_it_should_just_have_been_there() -> None:
    now = before(10.5)
    silent = {"state": "silent", "basis": "silence", "silent_s": 720.0}
    coming, overdue, long_ago = (forecast(now, *around(-1, 2), **silent, due_at=before(m)) for m in (9, 12, 25))
    assert decide(VISIT, coming, (), Watch(), now).kind is None
    assert decide(VISIT, overdue, (), Watch(), now).kind == "holding"
    assert decide(VISIT, long_ago, (), Watch(), now).kind is None


def test_a_silent_phone_that_becomes_overdue_too_late_to_act_is_spoken_of_near_the_promise() -> None:
    silent = {"state": "silent", "basis": "silence", "silent_s": 720.0, "due_at": before(9)}
    kinds = [
        decide(VISIT, forecast(before(lead), *around(-1, 2), **silent), (), Watch(), before(lead)).kind
        for lead in (10.2, 8, 6, 4.4)
    ]
    assert kinds == [None, None, None, "holding"]


def test_who_fell_silent_at_the_door_is_not_announced_as_late() -> None:
    now = before(5)
    decision = decide(VISIT, forecast(now, *around(-6), state="silent", perhaps_there=True), (), Watch(), now)
    assert (decision.kind, decision.reason.code) == (None, "perhaps_arrived")


@pytest.mark.parametrize("known", [{"arrived_at": before(3)}, {"completed_at": before(3)}])
def test_nothing_is_sent_after_the_arrival(known: dict[str, datetime]) -> None:
    decision = decide(VISIT._replace(**known), forecast(FIVE, *around(30)), (), Watch(before(30)), FIVE)
    assert (decision.kind, decision.look_again_at) == (None, None)


def test_nothing_is_sent_when_positions_show_the_stay() -> None:
    now = before(3)
    assert settled(now, forecast(now, *around(30), state="at_site")).kind is None


def test_an_arrival_that_was_withdrawn_does_not_silence_the_delay() -> None:
    now = before(10)
    tapped = VISIT._replace(arrived_at=before(20))
    late = forecast(now, *around(30), reopened=True)
    assert decide(tapped, late, (), Watch(late_since_at=before(20)), now).kind == "late"


def told_late(minutes_ago: float, now: datetime, low: float, high: float) -> tuple[Told, ...]:
    sent_at = now - timedelta(minutes=minutes_ago)
    return (Told("late", sent_at, FIVE + timedelta(minutes=low), FIVE + timedelta(minutes=high)),)


def test_a_broken_window_is_corrected_once_and_then_a_dispatcher_is_called() -> None:
    now = FIVE
    told = told_late(20, now, 5, 30)
    update = decide(VISIT, forecast(now, *around(50)), told, Watch(), now)
    assert update.kind == "late_update"
    assert update.quoted_until_at is not None
    assert update.quoted_until_at > FIVE + timedelta(minutes=50)
    later = FIVE + timedelta(minutes=30)
    more = (*told, Told("late_update", now, update.quoted_from_at, update.quoted_until_at))
    third = decide(VISIT, forecast(later, *around(110)), more, Watch(), later)
    assert (third.kind, third.alarm) == (None, "quote_broken")


def test_a_window_is_not_corrected_minutes_after_it_was_given() -> None:
    now = before(10)
    decision = decide(VISIT, forecast(now, *around(50)), told_late(5, now, 5, 30), Watch(), now)
    assert decision.kind is None
    assert decision.look_again_at is not None
    assert decision.look_again_at >= now + timedelta(minutes=10)


def test_on_time_again_comes_only_after_late_and_only_when_it_is_firm() -> None:
    now = before(20)
    fine = forecast(now, *around(-12, 3))
    assert settled(now, fine).kind != "on_time_again"
    told = told_late(15, now, 10, 35)
    first = decide(VISIT, fine, told, Watch(), now)
    assert first.kind is None
    assert first.watch.fine_since_at == now
    then = now + timedelta(minutes=6)
    again = decide(VISIT, forecast(then, *around(-4, 3)), told, first.watch, then)
    assert again.kind == "on_time_again"
    known = (*told, Told("on_time_again", then, again.quoted_from_at, again.quoted_until_at))
    assert decide(VISIT, forecast(then, *around(-4, 3)), known, again.watch, then).kind is None


def test_nearly_there_is_told_once_when_nothing_else_was() -> None:
    now = before(20)
    early = forecast(now, *around(-11, 2))
    assert decide(VISIT, early, (), Watch(), now).kind is None, "who waits outside until five is not nearly there"
    now = before(16)
    near = forecast(now, *around(-7, 2))
    assert decide(VISIT, near, (), Watch(), now).kind == "arriving_soon"
    assert decide(VISIT, near, (), Watch(), now, Policy(arriving_soon=False)).kind is None
    assert decide(VISIT, near, (Told("arriving_soon", now, None, None),), Watch(), now).kind is None


def test_a_minute_from_the_door_the_bell_is_the_news() -> None:
    now = FIVE + timedelta(minutes=6)
    assert settled(now, forecast(now, *around(8, 1))).reason.code == "at_the_bell"


def holdings(at_min: list[int], now_min: int, **policy: int) -> str | None:
    """Return what is said `now_min` before five when "we are on it" was said so many minutes before, unheard of."""
    told = [Told("holding", before(minutes), None, None) for minutes in at_min]
    now = before(now_min)
    unheard = forecast(now, *around(20), as_of=None)
    return decide(VISIT, unheard, told, Watch(), now, Policy(**policy)).kind


def test_we_are_on_it_is_said_again_when_the_next_word_is_due_and_the_cap_allows_it() -> None:
    assert [holdings([], 10), holdings([10], -12)] == ["holding", None]
    assert holdings([10], 2, most_holding=2) is None
    assert holdings([10], -12, most_holding=2) == "holding"
    assert holdings([10, -12], -40, most_holding=2) is None


def test_a_correction_is_worth_a_message_only_when_it_moves_the_window_enough() -> None:
    now = before(5)
    told = [Told("late", before(30), FIVE + timedelta(minutes=10), FIVE + timedelta(minutes=20))]
    later = forecast(now, *around(45))
    moved = decide(VISIT, later, told, Watch(), now)
    assert moved.kind == "late_update"
    assert moved.quoted_until_at is not None
    by_min = (moved.quoted_until_at - FIVE).total_seconds() / 60 - 20
    assert decide(VISIT, later, told, Watch(), now, Policy(update_least_min=by_min)).kind == "late_update"
    assert decide(VISIT, later, told, Watch(), now, Policy(update_least_min=by_min + 1)).kind is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"last_share": 1.2},
        {"persist_s": -1.0},
        {"quote_max_min": 3},
        {"driving_lead_min": 5.0},
        {"sure_lead_min": 10.0},
    ],
)
def test_a_policy_that_makes_no_sense_is_refused_by_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Policy(**wrong)


def test_every_reason_reads_as_a_sentence() -> None:
    now = before(20)
    facts = {**settled(now, forecast(now, *around(20))).reason.facts, "until": "08:00", "kind": "late"}
    for text in REASONS.values():
        assert text.format(**facts)


# Whatever the evidence

MINUTES = st.floats(-60, 180, allow_nan=False)
ARRIVALS = st.lists(st.floats(-30, 120, allow_nan=False), min_size=48, max_size=48)
STATES = st.sampled_from(["travelling", "creeping", "standing", "silent", "unknown", "waiting", "later"])
TOLD = st.sampled_from(
    [(), (Told("holding", before(10), None, None),), (Told("late", before(30), before(-5), before(-30)),)]
)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(MINUTES, ARRIVALS, STATES, TOLD, st.booleans(), st.floats(0, 4000))
def test_every_decision_has_a_reason_and_never_looks_back(
    lead: float, arrivals: list[float], state: str, told: tuple[Told, ...], late: bool, silent_s: float
) -> None:
    now = before(lead)
    one = forecast(now, *arrivals, state=state, silent_s=silent_s, next_stop=state != "later")
    watch = Watch(late_since_at=now - timedelta(minutes=3)) if late else Watch()
    decision = decide(VISIT, one, told, watch, now)
    assert decision == decide(VISIT, one, told, watch, now)
    assert str(decision.reason)
    assert decision.kind is None or decision.kind in KINDS
    assert decision.alarm is None or decision.alarm in ALARMS
    assert decision.look_again_at is None or decision.look_again_at > now
    quoted = (decision.quoted_from_at, decision.quoted_until_at)
    if decision.kind in (None, "holding"):
        assert quoted == (None, None)
    else:
        assert quoted[0] is not None
        assert quoted[1] is not None
        policy = Policy()
        widest = policy.far_quote_max_min if lead >= policy.far_lead_min else policy.quote_wide_min
        assert quoted[0] < quoted[1] <= quoted[0] + timedelta(minutes=widest)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.floats(-5, 90), ARRIVALS, STATES, st.floats(0, 60), st.floats(0, 1200))
def test_more_delay_never_makes_a_notice_less_likely(
    lead: float, arrivals: list[float], state: str, more: float, silent_s: float
) -> None:
    now = before(lead)
    arrivals = [max(minute, 1.0 - lead) for minute in arrivals]

    def told(late_by: float) -> bool:
        shifted = [minute + late_by for minute in arrivals]
        one = forecast(now, *shifted, state=state, silent_s=silent_s, next_stop=state != "later")
        return settled(now, one, policy=Policy(arriving_soon=False)).kind is not None

    assert told(more) >= told(0.0)


# The stories, minute by minute


def play(stop: Stop, fixes: Sequence[Fix], begin: datetime, end: datetime) -> list[tuple[datetime, Decision]]:
    """Look every 15 seconds at what was known by then; return what the customer was told."""
    told: list[Told] = []
    said: list[tuple[datetime, Decision]] = []
    watch, now = Watch(), begin
    look_at: datetime | None = begin
    known = 0
    while now <= end:
        seen = [fix for fix in fixes if fix.fixed_at <= now]
        if len(seen) > known or (look_at is not None and look_at <= now):
            known = len(seen)
            for one in forecast_day(Day((stop,), tuple(seen), TOKYO), now).forecasts:
                decision = decide(stop, one, told, watch, now)
                watch, look_at = decision.watch, decision.look_again_at
                if decision.kind and decision.kind != "arriving_soon":
                    told.append(Told(decision.kind, now, decision.quoted_from_at, decision.quoted_until_at))
                    said.append((now, decision))
        now += timedelta(seconds=15)
    return said


def way(begin_min: float, end_min: float, from_m: float, to_m: float) -> list[Fix]:
    """Return fixes each half minute, minutes after five, metres before the door, with a noise always the same."""
    count = round((end_min - begin_min) * 2)
    fixes = []
    for n in range(count):
        away = from_m + (to_m - from_m) * n / count + 8 * math.sin(n * 12.9898)
        fixes.append(
            Fix(
                FIVE + timedelta(minutes=begin_min + n / 2),
                VISIT.lat - away / 111_195,
                VISIT.lon + 8 * math.cos(n * 78.233) / 91_000,
            )
        )
    return fixes


def test_the_last_200_metres() -> None:
    fixes = [*way(-52, -30, 7000, 200), *way(-30, 30, 200, 0)]
    said = play(VISIT._replace(en_route_at=before(52)), fixes, before(55), before(-30))
    (when, first), *rest = said
    assert first.kind == "late"
    assert when <= before(10)
    assert first.quoted_from_at is not None
    assert first.quoted_until_at is not None
    arrival = FIVE + timedelta(minutes=30)
    assert first.quoted_from_at - timedelta(minutes=5) <= arrival <= first.quoted_until_at + timedelta(minutes=5)
    assert len(rest) <= 1


def test_a_pause_on_the_way_is_not_told() -> None:
    fixes = [*way(-60, -45, 9000, 3000), *way(-45, -31, 3000, 3000), *way(-31, -24, 3000, 0), *way(-24, -15, 0, 0)]
    assert play(VISIT, fixes, before(62), FIVE) == []


def test_a_phone_that_dies_on_the_way_is_told_before_the_promise() -> None:
    said = play(VISIT, way(-40, -25, 12_000, 6_000), before(42), FIVE)
    assert [decision.kind for _, decision in said][:1] in (["holding"], ["late"])
    assert said[0][0] <= before(4)


def test_a_technician_who_never_set_off_is_told_before_the_promise() -> None:
    said = play(VISIT, [], before(90), FIVE)
    assert [decision.kind for _, decision in said] == ["holding"]
    assert said[0][0] <= before(10)


def test_a_quiet_arrival_in_time_is_not_spoken_of() -> None:
    assert play(VISIT, way(-40, -15, 9000, 20), before(42), before(-30)) == []
