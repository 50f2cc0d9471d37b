"""What runs in the solver's own process? Numbers in on standard input, VROOM, routes out on standard output.

Started by its path and apart from the product (`solver_vroom.py`): it knows nothing but the numbers.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import timedelta
from typing import Any

import numpy
import vroom

#: What starting this process takes of the seconds there are, which share of the rest VROOM is told, for it looks at
#: the clock between its steps only, and what it gets at the least.
STARTING_S, SHARE, LEAST_S = 0.2, 0.9, 0.2


def build(asked: dict[str, Any]) -> vroom.Input:
    """Return the problem as VROOM takes it.

    Each vehicle ends at a place of its own, to which the way costs what it costs and takes no time.
    """
    problem, vehicles = vroom.Input(), asked["vehicles"]
    ways = {name: numpy.asarray(rows) for name, rows in asked["ways"].items()}
    places = max(map(len, ways.values()))
    for profile, (name, slower) in asked["profiles"].items():
        costs = numpy.zeros((places + len(vehicles),) * 2)
        costs[:places, :places] = ways[name] * slower
        durations = numpy.ceil(costs / 60) * 60
        for number, vehicle in enumerate(vehicles):
            costs[:places, places + number] = costs[:places, vehicle["end"]]
        problem.set_durations_matrix(profile, durations)
        problem.set_costs_matrix(profile, numpy.rint(costs))
    rests = 0
    for number, vehicle in enumerate(vehicles):
        pauses = []
        for first, last, length in vehicle["breaks"]:
            rests += 1
            pauses.append(vroom.Break(rests, [vroom.TimeWindow(first, last)], service=length))
        problem.add_vehicle(
            vroom.Vehicle(
                vehicle["id"],
                start=vehicle["start"],
                end=places + number,
                profile=vehicle["profile"],
                skills=set(vehicle["skills"]),
                time_window=vroom.TimeWindow(*vehicle["window"]),
                breaks=pauses,
            )
        )
    for number, job in enumerate(asked["jobs"], start=1):
        problem.add_job(
            vroom.Job(
                number,
                location=job["place"],
                default_service=job["lasts"],
                skills=set(job["skills"]),
                priority=job["priority"],
                time_windows=[vroom.TimeWindow(*job["window"])],
            )
        )
    return problem


def main() -> None:
    """Answer one question."""
    began_s = time.monotonic()
    asked = json.load(sys.stdin)
    problem = build(asked)
    left_s = asked["seconds"] - STARTING_S - (time.monotonic() - began_s)
    limit = timedelta(seconds=max(SHARE * left_s, LEAST_S))
    solution = problem.solve(exploration_level=asked["depth"], nb_threads=2, timeout=limit).to_dict()
    routes = [
        [route["vehicle"], [asked["jobs"][step["id"] - 1]["id"] for step in route["steps"] if step["type"] == "job"]]
        for route in solution["routes"]
    ]
    json.dump({"routes": routes}, sys.stdout)


if __name__ == "__main__":
    main()
