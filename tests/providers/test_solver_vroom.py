"""Does the solver plan days that can be driven, and does it stay out of everybody's way?"""

from __future__ import annotations

import math
import sys
import time
from dataclasses import replace
from datetime import timedelta

import pytest

from app.providers import solver_vroom
from app.providers.solver_vroom import SolverFailed, solve
from app.rules.optimise import faults, figures, legs, timed, to_plan
from app.rules.roads import Roads
from tests.made_day import at, made_day


def plan(problem, seconds=3.0):
    return timed(problem, solve(problem, seconds, lambda _: None))


@pytest.mark.parametrize("seed", range(8))
def test_a_made_day_is_planned_so_that_it_can_be_driven(seed):
    problem = to_plan(made_day(seed, technicians=6, visits=30, assigned=False))
    made = plan(problem)
    assert faults(problem, made) == []
    assert figures(problem, made).broken == 0
    assert len(made) >= 24


@pytest.mark.parametrize("seed", range(4))
def test_what_is_pinned_stays_with_its_technician_at_its_time_whatever_the_day_looks_like(seed):
    day = made_day(seed, technicians=5, visits=15)
    pinned = {work.visit for work in day.works if work.visit % 5 == 0}
    # Two of them cannot both be reached in time: that is how it stands, and no reason to move either.
    problem = to_plan(replace(day, works=day.works), pinned)
    made = plan(problem)
    for work in problem.works:
        if work.visit in pinned:
            assert (made[work.visit].technician, made[work.visit].start_at) == (work.technician, work.planned_from_at)


def test_in_the_middle_of_the_day_only_what_is_to_come_is_planned():
    day = made_day(3, technicians=5, visits=20, assigned=False)
    first = plan(to_plan(day))
    works = [
        replace(work, technician=first[work.visit].technician, planned_from_at=first[work.visit].start_at)
        for work in day.works
        if work.visit in first
    ]
    noon = to_plan(replace(day, works=tuple(works), now=at(13.25)))
    made = plan(noon)
    assert 0 < len(noon.works) < len(works)
    assert [one for one in faults(noon, made) if "lost" not in one] == []
    assert all(stop.start_at >= at(13.25) for stop in made.values())


def test_a_solver_that_does_not_end_is_killed_and_the_asker_is_told(monkeypatch):
    monkeypatch.setattr(solver_vroom, "KILLED_AFTER_S", 0.2)
    shares: list[float] = []
    began_s = time.monotonic()
    with pytest.raises(SolverFailed) as failed:
        solve(to_plan(made_day(1, 2, 3)), 0.5, shares.append, process=[sys.executable, "-c", "while True: pass"])
    assert failed.value.reason == "too_long"
    assert time.monotonic() - began_s < 5
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


@pytest.mark.parametrize("falls", ["import os; os.abort()", "raise SystemExit(3)", "print('{')", "print('[]')"])
def test_a_solver_that_falls_is_an_error_and_nothing_else(falls):
    with pytest.raises(SolverFailed) as failed:
        solve(to_plan(made_day(1, 2, 3)), 5.0, lambda _: None, process=[sys.executable, "-c", falls])
    assert failed.value.reason == "broken"


def test_a_day_with_nothing_to_do_asks_no_solver():
    assert solve(to_plan(made_day(1, 2, 0)), 1.0, lambda _: None, process=["/no/such/solver"]) == {}


def test_a_visit_that_nobody_can_take_is_in_nobodys_order():
    day = made_day(2, technicians=2, visits=2, assigned=False)
    works = (replace(day.works[0], skills=frozenset({"nobody knows this"})), replace(day.works[1], skills=frozenset()))
    orders = solve(to_plan(replace(day, works=works)), 2.0, lambda _: None)
    assert [visit for order in orders.values() for visit in order] == [2]


def test_nobody_is_sent_a_moment_after_a_window_or_into_the_break_between_two_spans():
    day = made_day(5, technicians=1, visits=1, assigned=False)
    work = replace(day.works[0], skills=frozenset(), promised_from_at=at(12), promised_until_at=at(13), duration_min=60)
    driver = replace(day.drivers[0], shifts=((at(9), at(12)), (at(13), at(18))), start=work.place, end=work.place)
    problem = to_plan(replace(day, drivers=(driver,), works=(work,)))
    # With ten minutes in hand the break leaves no start; without them it would begin at one sharp.
    assert solve(problem, 2.0, lambda _: None) == {}
    longer = replace(problem, works=(replace(work, promised_until_at=at(13) + timedelta(minutes=15)),))
    assert plan(longer)[work.visit].start_at == at(13)


def test_with_a_router_who_is_across_the_river_is_not_sent():
    day = made_day(4, technicians=2, visits=1, assigned=False)
    near, far = (34.700, 135.500), (34.900, 135.500)
    work = replace(day.works[0], place=(34.701, 135.500), skills=frozenset())
    drivers = tuple(
        replace(driver, start=start, end=start, travels_by="car", shifts=((at(9), at(18)),))
        for driver, start in zip(day.drivers, (near, far), strict=True)
    )
    problem = replace(to_plan(replace(day, works=(work,))), drivers=drivers)

    def router(wanted):
        told = {leg: 3600.0 if near in leg else 300.0 for leg in wanted["car"]}
        return Roads("router", {"car": told})

    (straight,) = plan(problem).values()
    (by_road,) = plan(replace(problem, roads=router(legs(problem)))).values()
    assert (straight.technician, by_road.technician) == (drivers[0].technician, drivers[1].technician)
    no_way = Roads("router", {"car": dict.fromkeys(legs(problem)["car"], math.inf)})
    assert plan(replace(problem, roads=no_way)) == {}
