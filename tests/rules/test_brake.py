"""How many notices may leave unasked, and how many may one person get?"""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.rules.brake import CAREFUL_LEAST, HOUR, WAVES, Told, Usual, jumped, limits, no_more, over_cap, strange, wave_of
from app.rules.messages import KINDS, MONEY, REMINDERS
from app.rules.policy import Policy

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
POLICY = Policy()

counts = st.integers(0, 5000)
usuals = st.builds(Usual, seen=counts, near=counts, days=counts, known=st.booleans(), careful=st.booleans())
policies = st.builds(
    Policy,
    brake_least=st.integers(5, 500),
    brake_times=st.floats(1, 20),
    brake_near=st.floats(0.1, 5),
    brake_most=st.floats(0.2, 10),
)
waves = st.fixed_dictionaries(dict.fromkeys(WAVES, counts))


@given(usuals, policies)
def test_a_handful_is_never_asked_about_unless_the_clock_has_jumped(usual, policy):
    allowed = limits(usual, policy)
    if usual.careful:
        assert set(allowed.values()) == {min(CAREFUL_LEAST, policy.brake_least)}
    else:
        assert all(limit >= policy.brake_least for limit in allowed.values())


@given(usuals, policies, st.sampled_from([field.name for field in fields(Usual) if field.type == "int"]), counts)
def test_more_seen_or_booked_never_allows_less(usual, policy, name, more):
    richer = limits(replace(usual, **{name: getattr(usual, name) + more}), policy)
    assert all(richer[wave] >= limit for wave, limit in limits(usual, policy).items())


@given(usuals, policies)
def test_no_history_allows_more_than_so_many_for_each_visit(usual, policy):
    assert limits(usual, policy)["other"] <= max(policy.brake_least, policy.brake_most * usual.days)


@given(waves, waves, usuals, policies)
def test_it_holds_exactly_when_a_wave_that_waits_would_break_its_limit(left, waiting, usual, policy):
    allowed = limits(usual, policy)
    found = strange(left, waiting, allowed)
    broken = [wave for wave in WAVES if waiting[wave] and left[wave] + waiting[wave] > allowed[wave]]
    assert (found.wave if found else None) == next(iter(broken), None)


@given(waves, usuals, policies)
def test_where_nothing_waits_nobody_is_asked_however_much_has_left(left, usual, policy):
    assert strange(left, {}, limits(usual, policy)) is None


def test_the_reminders_of_all_visits_of_tomorrow_leave_at_once_on_the_first_day():
    first_day = limits(Usual(seen=0, near=0, days=800), POLICY)
    assert strange({}, {"booked": 800}, first_day) is None
    assert strange({}, {"booked": 801}, first_day) is not None


def test_a_thousand_delays_at_once_stop_even_in_the_hour_of_the_reminders():
    usual = Usual(seen=30, near=300, days=2000)
    found = strange({"booked": 900}, {"booked": 100, "other": 1000}, limits(usual, POLICY))
    assert (found.wave, found.waiting, found.limit) == ("other", 1000, 225)


def test_a_storm_in_the_first_week_is_told_where_nobody_can_compare_yet():
    first_week = Usual(seen=0, near=100, days=100, known=False)
    assert strange({}, {"other": 150}, limits(first_week, POLICY)) is None
    assert strange({}, {"other": 151}, limits(first_week, POLICY)) is not None
    assert strange({}, {"other": 76}, limits(replace(first_week, known=True), POLICY)) is not None


def test_a_busy_hour_that_was_busy_every_week_is_let_through():
    assert strange({"other": 100}, {"other": 300}, limits(Usual(seen=200, near=0, days=1000), POLICY)) is None


def test_a_feast_day_with_few_visits_is_not_measured_by_a_busy_one():
    assert strange({}, {"other": 100}, limits(Usual(seen=300, near=20, days=20), POLICY)).limit == 40


def test_a_clock_that_jumped_either_way_is_known():
    assert not jumped(NOW, NOW - timedelta(minutes=119), POLICY)
    assert jumped(NOW, NOW - timedelta(hours=2), POLICY)
    assert jumped(NOW, NOW + timedelta(hours=2), POLICY)


def test_every_kind_is_counted_but_what_a_person_wrote():
    assert {kind for kind in KINDS if wave_of(kind) is None} == {"reply", "incident_update", *MONEY} - {
        "quote_reminder"
    }
    assert {kind for kind in KINDS if wave_of(kind) == "booked"} == set(REMINDERS)


def test_what_was_held_is_asked_whether_it_is_still_so():
    def why(kind, likelihood, ahead=timedelta()):
        return no_more(kind, late_probability=likelihood, decided_at=NOW + ahead, policy=POLICY, now=NOW)

    assert why("late", 0.05) == "not_late"
    assert why("late", 0.9) is None
    assert why("late", None) is None
    assert why("cancelled", 0.05) is None
    assert why("late", 0.9, timedelta(hours=5)) == "wrong_clock"


kinds = st.sampled_from([kind for kind in KINDS if wave_of(kind)])
told = st.lists(
    st.builds(Told, kinds, st.integers(0, 3000).map(lambda m: NOW - timedelta(minutes=m)), st.integers(1, 3)),
    max_size=60,
)


@given(told, kinds, st.integers(1, 5))
def test_nobody_gets_more_than_the_caps_by_itself(told, kind, visits):
    if over_cap(kind, 1, told, visits, POLICY, NOW) is None and kind in REMINDERS:
        assert sum(one.at > NOW - HOUR for one in told) < POLICY.most_hour * visits
        assert sum(one.at > NOW - timedelta(days=1) for one in told) < POLICY.most_day * visits
        assert sum(one.visit_id == 1 for one in told) < POLICY.most_visit


@given(told, st.integers(1, 5))
def test_no_reminder_ever_crowds_out_a_delay(told, visits):
    news = [one for one in told if one.kind not in (*REMINDERS, "arriving_soon")]
    assert over_cap("late", 1, told, visits, POLICY, NOW) == over_cap("late", 1, news, visits, POLICY, NOW)


@given(st.lists(st.builds(Told, st.sampled_from(KINDS), st.just(NOW), st.just(1)), max_size=60))
def test_what_a_person_wrote_is_not_capped_and_caps_nothing(told):
    assert over_cap("reply", 1, told, 1, POLICY, NOW) is None
    by_itself = [one for one in told if wave_of(one.kind)]
    assert over_cap("late", 1, told, 1, POLICY, NOW) == over_cap("late", 1, by_itself, 1, POLICY, NOW)


def test_a_firm_with_thirty_visits_tomorrow_is_reminded_of_each():
    reminded = [Told("reminder_day", NOW, number) for number in range(29)]
    assert over_cap("reminder_day", 29, reminded, 30, POLICY, NOW) is None
    assert over_cap("reminder_day", 29, reminded, 1, POLICY, NOW) == "cap_hour"
