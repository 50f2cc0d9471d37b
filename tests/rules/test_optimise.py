"""Does a plan that passes the check really hold, is what stands left alone, and can every step be booked?"""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest

from app.rules.booking import Taken, first_free_start
from app.rules.optimise import (
    LEAD,
    Driver,
    Figures,
    Problem,
    Stop,
    Work,
    as_planned,
    faults,
    figures,
    in_steps,
    is_better,
    neighbours,
    part_of,
    standing,
    timed,
    to_plan,
)
from tests.made_day import MIDNIGHT, ZONE, at, made_day

HOME = (34.6, 135.4)
LUNCH = ((at(9), at(12)), (at(13), at(18)))
SATO = Driver(1, LUNCH, frozenset({"net"}), HOME, HOME)


def work(visit: int, opens: float, closes: float, **more) -> Work:
    given = {"place": (34.6, 135.4 + visit / 100), "duration_min": 60, "planned_from_at": at(opens), "technician": 1}
    return Work(visit=visit, promised_from_at=at(opens), promised_until_at=at(closes), **{**given, **more})


def one_day(*works: Work, now=MIDNIGHT, drivers=(SATO,)) -> Problem:
    return Problem(drivers, works, now, ZONE)


def test_work_begins_when_the_customer_expects_it_and_never_in_the_break():
    problem = one_day(work(1, 9, 11), work(2, 10.5, 14))
    plan = timed(problem, {1: [1, 2]})
    assert plan[1].start_at >= at(9)
    assert plan[2].start_at >= plan[1].start_at + timedelta(minutes=60)
    late = timed(one_day(work(1, 11, 11.5), work(2, 11, 15)), {1: [1, 2]})
    assert late[2].start_at >= at(13)


def test_neighbours_of_who_is_late_are_asked_first_and_their_plan_is_part_of_the_whole(monkeypatch):
    monkeypatch.setattr("app.rules.optimise.GROUP", 2)
    east, far = replace(SATO, technician=2, start=(34.6, 135.45)), replace(SATO, technician=3, start=(35.6, 139.7))
    late = work(4, 9, 9.1, technician=2, place=(34.6, 135.9), planned_from_at=at(9))
    problem = one_day(work(1, 9, 11), work(2, 14, 16), late, work(5, 9, 11, technician=None), drivers=(SATO, east, far))
    asked = list(neighbours(problem))
    assert asked[:2] == [(2, 1), (1, 2)]
    assert asked[3:] == asked[:3]
    part = part_of(problem, {1, 2})
    assert [driver.technician for driver in part.drivers] == [1, 2]
    assert [one.visit for one in part.works] == [1, 2, 4, 5]
    assert [one.visit for one in part_of(problem, {3}).works] == [5]
    planned = as_planned(problem, {5: Stop(5, 1, at(10.5))})
    assert standing(planned) == standing(problem) | {5: Stop(5, 1, at(10.5))}


def test_a_way_rests_in_the_break():
    far = work(2, 12.5, 15, place=(34.6, 135.7))
    plan = timed(one_day(work(1, 11, 11), far), {1: [1, 2]})
    assert plan[2].start_at > at(13.4)
    assert faults(one_day(work(1, 11, 11), far), plan) == []


@pytest.mark.parametrize(
    ("stop", "why"),
    [
        (Stop(1, 1, at(8.9)), "outside its promise"),
        (Stop(1, 1, at(11.1)), "outside its promise"),
        (Stop(1, 2, at(9)), "needs a skill"),
        (Stop(1, 9, at(9)), "nobody"),
    ],
)
def test_the_check_finds_what_is_wrong_with_one_visit(stop, why):
    tanaka = replace(SATO, technician=2, skills=frozenset())
    problem = one_day(work(1, 9, 11, skills=frozenset({"net"})), drivers=(SATO, tanaka))
    assert any(why in fault for fault in faults(problem, {1: stop}))


def test_the_check_finds_what_is_wrong_between_two_visits_and_with_the_hours():
    problem = one_day(work(1, 9, 17), work(2, 9, 17))
    assert faults(problem, {1: Stop(1, 1, at(9.2)), 2: Stop(2, 1, at(10.2))}) == ["visit 2 cannot be reached from 1"]
    assert faults(problem, {1: Stop(1, 1, at(9.2)), 2: Stop(2, 1, at(11.5))}) == ["visit 2: outside working hours"]
    assert faults(problem, {1: Stop(1, 1, at(9.2))}) == ["visit 2 has lost its technician"]
    assert faults(problem, {1: Stop(1, 1, at(9.2)), 2: Stop(2, 1, at(14))}) == []
    pinned = to_plan(problem, {1})
    moved = {1: Stop(1, 1, at(9.2)), 2: Stop(2, 1, at(14))}
    assert faults(pinned, moved) == ["visit 1 was fixed and is moved"]
    nobodys = one_day(work(1, 9, 11, technician=None, fixed=True))
    assert faults(nobodys, {}) == []
    assert faults(nobodys, {1: Stop(1, 1, at(9))}) == ["visit 1 was fixed and is moved"]


@pytest.mark.parametrize("seed", range(30))
def test_whatever_order_a_day_is_made_in_the_check_and_the_clock_agree(seed):
    """What `timed` lays out breaks at most promises and hours, never a way or a skill of the work it was given."""
    problem = to_plan(made_day(seed, technicians=4, visits=16))
    orders = {
        driver.technician: sorted(w.visit for w in problem.works if w.technician == driver.technician)
        for driver in problem.drivers
    }
    plan = timed(problem, orders)
    assert not [fault for fault in faults(problem, plan) if "promise" not in fault and "hours" not in fault]


def test_who_is_at_work_or_about_to_set_off_stays_and_the_day_goes_on_from_there():
    now = at(11)
    works = (
        work(1, 9, 9),
        work(2, 10.5, 10.5),
        work(3, 11.25, 12),
        work(4, 15, 17),
        work(5, 10, 11.25, technician=None),
    )
    left = to_plan(one_day(*works, now=now))
    assert {one.visit: one.fixed for one in left.works} == {3: True, 4: False}
    (driver,) = left.drivers
    assert driver.start == works[1].place
    assert driver.shifts[0] == (at(11.5), at(12))
    assert all(one.planned_from_at >= now + LEAD for one in left.works if not one.fixed)


def test_a_day_is_measured_by_its_ways_its_promises_and_its_hours():
    near = one_day(work(1, 10, 12), work(2, 14, 16, technician=None))
    stands = figures(near, standing(near))
    assert (stands.kept, stands.broken, stands.unassigned, stands.overtime_min) == (1, 0, 1, 0.0)
    # A hundredth of a degree is 915 m here, there and back, on roads that are longer than the bird's way.
    assert stands.road_km == pytest.approx(2 * 0.915 * 1.35, rel=0.01)
    late = one_day(work(1, 10, 10), work(2, 10.5, 10.5), work(3, 17.5, 18))
    measured = figures(late, standing(late))
    assert (measured.broken, round(measured.overtime_min)) == (1, 30)


@pytest.mark.parametrize(
    ("change", "better"),
    [
        ({"unassigned": 0}, True),
        ({"broken": 2}, False),
        ({"road_min": 194.0}, True),
        ({"road_min": 196.0}, False),
        ({"road_min": 100.0, "overtime_min": 45.0}, False),
        ({"unassigned": 0, "overtime_min": 60.0}, True),
    ],
)
def test_a_plan_has_to_be_worth_the_unrest(change, better):
    before = Figures(80.0, 200.0, 30.0, kept=8, broken=1, unassigned=1)
    assert is_better(before, replace(before, **change)) is better


@pytest.mark.parametrize("seed", range(40))
def test_every_step_of_a_shuffled_day_can_be_booked_when_its_turn_comes(seed):
    chance = random.Random(seed)
    slots = [(who, hour) for who in range(1, 4) for hour in (9, 11, 14, 16)]
    before, after = chance.sample(slots, 9), chance.sample(slots, 9)
    place = (34.6, 135.4)
    taken = [Taken(n, at(hour), at(hour + 1), *place) for n, (_, hour) in enumerate(before, start=1)]
    having = {n: who for n, (who, _) in enumerate(before, start=1)}
    plan = {n: Stop(n, who, at(hour)) for n, (who, hour) in enumerate(after, start=1)}
    days = {who: {} for who in range(1, 4)}
    for one in taken:
        days[having[one.visit_id]][one.visit_id] = one
    lifted = 0
    for visit, stop in in_steps(taken, plan, having):
        for day in days.values():
            day.pop(visit, None)
        if stop is None:
            lifted += 1
            continue
        others = list(days[stop.technician].values())
        assert first_free_start(stop.start_at, stop.start_at, 60, *place, others) == stop.start_at
        days[stop.technician][visit] = Taken(visit, stop.start_at, stop.start_at + timedelta(hours=1), *place)
    assert {n: (who, one.from_at) for who, day in days.items() for n, one in day.items()} == {
        n: (stop.technician, stop.start_at) for n, stop in plan.items()
    }
    assert lifted < len(plan)


def test_two_who_swap_their_visits_put_one_down_for_a_moment():
    taken = [Taken(1, at(9), at(10)), Taken(2, at(9), at(10))]
    steps = list(in_steps(taken, {1: Stop(1, 2, at(9)), 2: Stop(2, 1, at(9))}, {1: 1, 2: 2}))
    assert steps == [(1, None), (2, Stop(2, 1, at(9))), (1, Stop(1, 2, at(9)))]
