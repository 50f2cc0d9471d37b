"""Which times are offered?"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from app.rules.booking import Clash, Taken, first_free_start
from app.rules.duty import shifts_on
from app.rules.gaps import Planned, Roster
from app.rules.slots import MOST_RISK, Search, Slot, Wish, risk_of, search

TOKYO = ZoneInfo("Asia/Tokyo")
WEEK = {day: [["09:00", "12:00"], ["13:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
LAT, LON = 34.7, 135.5
TUESDAY = date(2026, 11, 24)


def at(hour: float, day: int = 24) -> datetime:
    return datetime(2026, 11, day, tzinfo=TOKYO).astimezone(UTC) + timedelta(hours=hour)


def hours(days: int = 1) -> tuple[tuple[datetime, datetime], ...]:
    found = shifts_on(WEEK, [TUESDAY + timedelta(days=n) for n in range(days)], TOKYO)
    assert found is not None
    return found


def visit(number: int, begin: float, end: float, km: float = 0.0, promised_until: float | None = None) -> Planned:
    promised = at(begin if promised_until is None else promised_until)
    return Planned(number, at(begin), at(end), promised, LAT, LON + km / 91.4)


def roster(*plan: Planned, technician: int = 1, base_km: float | None = 0.0, days: int = 1) -> Roster:
    base = None if base_km is None else (LAT, LON + base_km / 91.4)
    return Roster(technician, plan, hours(days), base)


def wish(
    minutes: int = 60, since: float = 0, until: float = 24, window_min: int = 0, at_hours: tuple[float, float] = (0, 24)
) -> Wish:
    return Wish(LAT, LON, minutes, at(since), at(until), window_min, at_hours)


def offered(wanted: Wish, *rosters: Roster, most: int = 100, now: float = 0) -> list[Slot]:
    return search(wanted, rosters, TOKYO, at(now), most)


def begins(slots: list[Slot]) -> list[float]:
    return sorted((slot.starts_at - at(0)) / timedelta(hours=1) for slot in slots)


def test_a_free_day_offers_its_morning_and_its_afternoon_and_no_work_over_the_break() -> None:
    found = offered(wish(), roster())
    assert begins(found) == [9.25, 13.0, 16.0]
    assert all(slot.ends_at - slot.starts_at == timedelta(hours=1) for slot in found)
    assert begins(offered(wish(minutes=200), roster())) == [13.0]


def test_nothing_is_offered_outside_working_hours_or_on_a_day_off() -> None:
    assert offered(wish(since=18), roster()) == []
    assert offered(wish(since=4 * 24, until=6 * 24), roster(days=6)) == []


def test_nothing_overlaps_and_the_way_between_is_left_free() -> None:
    plan = roster(visit(1, 9, 11, km=4), visit(2, 14, 15, km=4))
    found = offered(wish(), plan)
    assert found
    for slot in found:
        assert slot.starts_at >= at(11) + timedelta(minutes=slot.travel_before_min)
        if slot.starts_at < at(14):
            assert slot.ends_at + timedelta(minutes=slot.travel_after_min) <= at(14)


def test_who_passes_the_door_comes_before_who_has_to_come_from_far() -> None:
    near = roster(visit(1, 9, 11, km=1), visit(2, 16, 17, km=-1), technician=1)
    far = roster(visit(3, 9, 11, km=15), visit(4, 16, 17, km=15), technician=2)
    found = offered(wish(since=11), far, near)
    assert found[0].technician == 1
    assert found[0].added_travel_min < 10 < max(slot.added_travel_min for slot in found)


def test_a_day_later_is_as_bad_as_some_minutes_more_on_the_road() -> None:
    found = offered(wish(until=72), roster(days=3))
    days = [slot.starts_at.date() for slot in found if slot.added_travel_min == found[0].added_travel_min]
    assert days == sorted(days)


def test_a_wish_for_the_morning_is_kept() -> None:
    found = offered(wish(at_hours=(9, 12), until=72), roster(days=3))
    assert found
    assert all(9 <= (slot.starts_at.astimezone(TOKYO).hour) < 12 for slot in found)
    assert begins(offered(wish(at_hours=(15.0, 17.5)), roster())) == [15.0]


def test_a_wide_promise_can_begin_sooner_after_uncertain_work_than_one_to_the_minute() -> None:
    plan = roster(visit(1, 13, 15, km=5))
    exact, wide = (offered(wish(since=15, window_min=minutes), plan)[0] for minutes in (0, 120))
    assert wide.starts_at < exact.starts_at
    assert max(exact.late_probability, wide.late_probability) <= MOST_RISK
    assert wide.promised_until_at - wide.starts_at == timedelta(hours=2)


def test_what_would_make_the_next_customer_wait_is_not_offered() -> None:
    tight = roster(visit(1, 15, 16, km=5, promised_until=15))
    loose = roster(visit(1, 15, 16, km=5, promised_until=17))
    latest = [max(begins(offered(wish(since=13, until=15), one))) for one in (tight, loose)]
    assert latest[0] <= latest[1]
    assert all(slot.next_late_probability <= MOST_RISK for slot in offered(wish(), tight))


def test_nobody_sets_out_before_the_call() -> None:
    found = offered(wish(), roster(base_km=10.0), now=14)
    assert found
    assert min(found, key=lambda slot: slot.starts_at).starts_at >= at(14.25)


def test_work_before_and_after_the_hours_is_driven_from_and_to() -> None:
    plan = roster(visit(1, 7, 8.9, km=10), visit(2, 18, 19, km=10))
    found = offered(wish(), plan)
    assert begins(found)[0] > 9.25
    assert max(slot.ends_at + timedelta(minutes=slot.travel_after_min) for slot in found) <= at(18)
    assert all(slot.travel_before_min > 15 for slot in found)


def test_who_is_under_way_already_comes_from_where_the_phone_is() -> None:
    here = Roster(1, (), hours(), (LAT, LON + 0.1), here=(LAT, LON + 0.01))
    found = offered(wish(), here, now=14)
    assert found[0].travel_before_min < 5 < offered(wish(), here, now=8)[0].travel_before_min


def test_who_is_too_far_away_is_not_asked() -> None:
    assert offered(wish(), Roster(1, (), hours(), (LAT, LON + 0.2), "bicycle")) == []


def test_a_time_chosen_by_hand_shows_its_risk() -> None:
    plan = roster(visit(1, 9, 11, km=8), visit(2, 13, 14, km=8))
    risky = risk_of(wish(), plan, at(11.1), TOKYO, at(0))
    assert risky is not None
    assert risky.late_probability > 0.6
    assert risk_of(wish(minutes=120), plan, at(11.1), TOKYO, at(0)) is None
    late = risk_of(wish(minutes=110), plan, at(11.15), TOKYO, at(0))
    assert late is not None
    assert late.next_late_probability > 0.6
    evening = risk_of(wish(), plan, at(19), TOKYO, at(0))
    assert evening is not None
    assert evening.late_probability < 0.01


def test_an_unlocated_visit_is_taken_to_be_some_way_off() -> None:
    plan = roster(Planned(1, at(9), at(11), at(9)))
    assert min(slot.travel_before_min for slot in offered(wish(), plan)) == 20.0


def test_clocks_that_change_move_the_working_hours_with_them() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    days = [date(2026, 10, 24), date(2026, 10, 26)]
    shifts = shifts_on({day: [["09:00", "10:00"]] for day in ("sat", "mon")}, days, berlin)
    assert shifts is not None
    since = shifts[0][0] - timedelta(hours=3)
    wanted = Wish(LAT, LON, 60, since, since + timedelta(days=3))
    found = search(wanted, [Roster(1, (), shifts)], berlin, since, 10)
    assert [slot.starts_at.astimezone(berlin).hour for slot in found] == [9, 9]


def test_a_night_in_which_clocks_are_changed_is_as_long_as_it_is() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    shifts = shifts_on(
        {"sat": [["22:00", "24:00"]], "sun": [["00:00", "04:00"]]}, [date(2026, 10, 24), date(2026, 10, 25)], berlin
    )
    assert shifts is not None
    assert sum(((until - since) for since, until in shifts), timedelta()) == timedelta(hours=7)


@st.composite
def plans(draw: st.DrawFn) -> Roster:
    hour, plan = 9.0, []
    for number in range(draw(st.integers(0, 5))):
        hour += draw(st.integers(0, 30)) / 10
        minutes = draw(st.integers(15, 120))
        plan.append(visit(number + 1, hour, hour + minutes / 60, draw(st.integers(-150, 150)) / 10, hour + 1))
        hour += minutes / 60
    return roster(*plan, base_km=draw(st.sampled_from([None, 0.0, 12.0])))


@settings(max_examples=150, deadline=None)
@given(st.lists(plans(), max_size=4), st.integers(15, 180), st.sampled_from([0, 30, 120]))
def test_every_offer_can_be_booked_fits_the_hours_and_is_likely_kept(
    rosters: list[Roster], minutes: int, window_min: int
) -> None:
    rosters = [replace(one, technician=number) for number, one in enumerate(rosters)]
    found = offered(wish(minutes, window_min=window_min), *rosters)
    for slot in found:
        assert _can_be_booked(slot, rosters[slot.technician], minutes)
        assert any(a <= slot.starts_at and slot.ends_at <= b for a, b in hours())
        assert slot.late_probability <= MOST_RISK + 1e-9
        assert slot.next_late_probability <= MOST_RISK + 1e-9
        assert slot.added_travel_min >= 0
    best = offered(wish(minutes, window_min=window_min), *reversed(rosters), most=5)
    assert best == found[:5], "the best are the best of all, in whatever order technicians are asked"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(plans(), st.integers(0, 5)), max_size=4), st.integers(1, 12), st.integers(1, 3))
def test_a_search_day_by_day_finds_what_a_search_of_all_days_finds(
    days_of: list[tuple[Roster, int]], most: int, step: int
) -> None:
    weeks = {"tue": [["20:00", "24:00"]], "wed": [["00:00", "05:00"], ["09:00", "18:00"]], "thu": [["09:00", "18:00"]]}
    nights = shifts_on(weeks, [TUESDAY + timedelta(days=n) for n in range(6)], TOKYO) or ()
    rosters = []
    for number, (one, later) in enumerate(days_of):
        by = timedelta(days=later)
        plan = [replace(p, from_at=p.from_at + by, until_at=p.until_at + by) for p in one.plan]
        rosters.append(replace(one, technician=number, plan=tuple(plan), shifts=nights if number % 2 else hours(6)))
    wanted = wish(until=6 * 24)
    found = Search(wanted, TOKYO, at(0), most)
    for day in range(0, 6, step):
        if day and found.is_over(at(24 * day)):
            break
        found.look(rosters, (at(24 * day), at(24 * (day + step))))
    assert found.slots() == search(wanted, rosters, TOKYO, at(0), most)


def _can_be_booked(slot: Slot, one: Roster, minutes: int) -> bool:
    taken = [Taken(p.visit, p.from_at, p.until_at, p.lat, p.lon) for p in one.plan]
    return not isinstance(first_free_start(slot.starts_at, slot.starts_at, minutes, LAT, LON, taken), Clash)
