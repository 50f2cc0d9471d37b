"""How good is the plan of a large day, how soon is it there, and what is lost against asking the solver oneself?"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import timedelta

from app.providers.solver_vroom import as_numbers, solve
from app.providers.solver_vroom_process import build
from app.rules.optimise import Orders, Problem, faults, figures, timed, to_plan
from tests.made_day import made_day

#: Technicians, visits, seconds.
DAYS = ((8, 50, 5), (50, 400, 10))
SEEDS = range(3)


def measure() -> tuple[Sequence[str], Iterator[Sequence[object]]]:
    """Return the table: the same day by the product and by the solver called directly, in the same seconds."""
    head = (
        "technicians", "visits", "limit_s", "asked", "took_s", "visits_made", "promises_broken", "faults", "road_min",
        "road_km", "against_direct_percent",
    )  # fmt: skip
    return head, _rows()


def _rows() -> Iterator[Sequence[object]]:
    for technicians, visits, limit_s in DAYS:
        for seed in SEEDS:
            problem = to_plan(made_day(seed, technicians, visits, assigned=False))
            road_min = 0.0
            for name, ask in (("directly", _directly), ("product", _product)):
                began_s = time.perf_counter()
                plan = timed(problem, ask(problem, limit_s))
                took_s = time.perf_counter() - began_s
                came_to = figures(problem, plan)
                beside = 100 * (came_to.road_min / road_min - 1) if road_min else None
                road_min = came_to.road_min
                yield (
                    technicians, visits, limit_s, f"{name}, day {seed}", took_s, len(plan), came_to.broken,
                    len(faults(problem, plan)), came_to.road_min, came_to.road_km, beside,
                )  # fmt: skip


def _product(problem: Problem, seconds: float) -> Orders:
    return solve(problem, seconds, lambda _: None)


def _directly(problem: Problem, seconds: float) -> Orders:
    """Ask the solver in this process, with the depth that is best in so many seconds for most days."""
    asked = as_numbers(problem)
    found: list[tuple[tuple[int, int], Orders]] = []
    for depth in (1, 3):
        limit = timedelta(seconds=seconds)
        answer = build(asked).solve(exploration_level=depth, nb_threads=2, timeout=limit).to_dict()
        routes = {
            route["vehicle"]: [asked["jobs"][step["id"] - 1]["id"] for step in route["steps"] if step["type"] == "job"]
            for route in answer["routes"]
        }
        found.append(((answer["summary"]["unassigned"], answer["summary"]["cost"]), routes))
    return min(found, key=lambda one: one[0])[1]
