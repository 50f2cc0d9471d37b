"""How is a day planned by VROOM? In a process of its own, which is ended when it takes too long.

The solver keeps the interpreter to itself while it works, and is a C++ program that can fall: neither may happen to the
server. What it is handed are whole numbers; times are seconds since the day before.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from app.rules.helper import SLOWER
from app.rules.optimise import (
    Driver,
    Orders,
    Place,
    Problem,
    Work,
    breaks,
    latest_start,
    soonest_start,
    way_s,
)

#: The solver ends by itself when its time is up; one that does not is killed so many seconds later.
KILLED_AFTER_S = 5.0
#: How often progress is told.
BEAT_S = 0.2
#: How thoroughly it searches, by seconds for each visit: a deeper search that is cut short is worse than a quick one.
DEPTHS = ((0.3, 5), (0.02, 3), (0.0, 1))
#: How much it matters that a visit is made: no number of others outweighs what is fixed.
FIXED, PROMISED, OPEN = 100, 6, 4
_PROCESS = Path(__file__).with_name("solver_vroom_process.py")


class SolverFailed(Exception):
    """The solver did not come to a plan: `reason` is `too_long` or `broken`; what it said last is in the message."""

    def __init__(self, reason: str, said: str = "") -> None:
        super().__init__(f"{reason}: {said}" if said else reason)
        self.reason = reason


def solve(
    problem: Problem,
    seconds: float,
    progress: Callable[[float], None],
    *,
    process: Sequence[str] = (),
) -> Orders:
    """Return who best goes where and in which order, found within `seconds`; `progress` is told the share of them used.

    Visits that nobody can take are in nobody's order. `process` is the command to run, for tests. Raises SolverFailed.
    """
    began_s = time.monotonic()
    numbers = as_numbers(problem)
    if not numbers["jobs"] or not numbers["vehicles"]:
        return {}
    numbers["seconds"] = seconds - (time.monotonic() - began_s)
    numbers["depth"] = next(depth for least, depth in DEPTHS if seconds >= least * len(numbers["jobs"]))
    said = _run(process or [sys.executable, "-I", str(_PROCESS)], json.dumps(numbers), seconds, progress)
    try:
        routes = json.loads(said)["routes"]
        order = {int(technician): [int(visit) for visit in visits] for technician, visits in routes}
    except (ValueError, TypeError, KeyError) as error:
        raise SolverFailed("broken", type(error).__name__) from error
    return order


def _run(command: Sequence[str], text: str, seconds: float, progress: Callable[[float], None]) -> str:
    """Run the process to its end, telling how far its time has gone; end it when that is over."""
    with TemporaryFile("w+", encoding="utf-8") as asked:  # a pipe would have to be filled while its time is watched
        asked.write(text)
        asked.seek(0)
        try:
            started = subprocess.Popen(command, stdin=asked, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        except OSError as error:
            raise SolverFailed("broken", error.strerror or "") from error
    with started:
        try:
            said, trouble = _answer(started, seconds, progress)
        finally:
            started.kill()  # does nothing to one that has ended
    if started.returncode != 0:
        last = trouble.strip().splitlines()[-1:]
        raise SolverFailed("broken", "".join(last)[:200] or f"ended with {started.returncode}")
    return said


def _answer(started: subprocess.Popen[str], seconds: float, progress: Callable[[float], None]) -> tuple[str, str]:
    began_s = time.monotonic()
    while True:
        try:
            return started.communicate(timeout=BEAT_S)
        except subprocess.TimeoutExpired:
            took_s = time.monotonic() - began_s
            progress(min(took_s / seconds, 1.0))
            if took_s >= seconds + KILLED_AFTER_S:
                raise SolverFailed("too_long") from None


def as_numbers(problem: Problem) -> dict[str, Any]:
    """Return a problem as VROOM is to be asked: places with the ways between them, vehicles, jobs.

    What is fixed is a job that only its technician has the skill for, at the time it has. A way takes whole minutes,
    rounded up, at the slowest of the day's hours; its cost is exact. The way home costs, and takes no working time.
    """
    return _Numbers(problem).all()


class _Numbers:
    """One problem on its way into numbers."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        instants = [at for driver in problem.drivers for span in driver.shifts for at in span]
        instants += [work.planned_from_at for work in problem.works] or [problem.now]
        self.zero_at = min([problem.now, *instants]) - timedelta(days=1)
        hours = {at.astimezone(problem.zone).hour for at in _hourly(min(instants), max(instants))}
        self.hour = max(hours, key=lambda hour: way_s("car", (0.0, 0.0), (0.0, 0.1), hour))
        self.places: list[Place | None] = []
        self.index: dict[Place | None, int] = {}
        names = sorted({skill for work in problem.works for skill in work.skills})
        self.skills = {name: number for number, name in enumerate(names, start=1)}
        self.fresh = count(len(names) + 1)
        self.kept: dict[int, int] = {}  # fixed visit -> the skill that only its technician has
        self.reach: dict[int, int] = {}  # fixed visit -> by when its technician can be there

    def all(self) -> dict[str, Any]:
        """Return everything."""
        known = {driver.technician for driver in self.problem.drivers}
        works = [one for one in self.problem.works if not one.fixed or one.technician in known]
        for work in works:
            if work.fixed:
                self.kept[work.visit] = next(self.fresh)
        vehicles = [one for one in map(self.vehicle, self.problem.drivers) if one]
        jobs = [self.job(work) for work in works]
        return {
            "vehicles": vehicles,
            "jobs": jobs,
            "ways": {name: self.ways(name) for name in {self.as_by(vehicle["profile"])[0] for vehicle in vehicles}},
            "profiles": {vehicle["profile"]: self.as_by(vehicle["profile"]) for vehicle in vehicles},
        }

    def vehicle(self, driver: Driver) -> dict[str, Any] | None:
        """Return a technician's day; None for who is not at work and has nothing fixed."""
        fixed = sorted(
            (work for work in self.problem.works if work.fixed and work.technician == driver.technician),
            key=lambda work: work.planned_from_at,
        )
        if not driver.shifts and not fixed:
            return None
        free = breaks(driver, fixed)
        begins = [since for since, _ in driver.shifts] + [work.planned_from_at for work in fixed]
        ends = [until for _, until in driver.shifts] + [work.planned_until_at for work in fixed]
        from_s, until_s = self.seconds(min(begins)), self.seconds(max(ends))
        if fixed and fixed[0].planned_from_at <= min(begins) + timedelta(hours=2):
            way = self.way(driver, driver.start, fixed[0].place)
            from_s = max(min(from_s, self.seconds(fixed[0].planned_from_at) - way), self.seconds(self.problem.now))
        pauses, end_s = self.chain(driver, fixed, free, from_s)
        skills = [self.skills[name] for name in driver.skills if name in self.skills]
        return {
            "id": driver.technician,
            "profile": driver.travels_by,
            "start": self.place(driver.start),
            "end": self.place(driver.end),
            "skills": skills + [self.kept[work.visit] for work in fixed if work.visit in self.kept],
            "window": [from_s, max(until_s, end_s)],
            "breaks": pauses,
        }

    def chain(
        self, driver: Driver, fixed: Sequence[Work], free: Sequence[tuple[datetime, datetime]], from_s: int
    ) -> tuple[list[list[int]], int]:
        """Return a technician's breaks, each as the first and last second it may begin and its length, and when the
        last of the fixed work is done.

        What is fixed may not be in time for each other: then it is late by so much, and so is what comes after it, but
        nothing can be squeezed in between. Notes by when each can be reached.
        """
        at_s, place, driven_s, pauses = from_s, driver.start, 0, []
        for since, until, work in sorted(
            [*((a, b, None) for a, b in free), *((w.planned_from_at, w.planned_until_at, w) for w in fixed)],
            key=lambda one: one[0],
        ):
            begin_s, length_s = self.seconds(since), self.seconds(until) - self.seconds(since)
            if work is None:
                driven_s += max(begin_s - at_s, 0)
                at_s = max(begin_s, at_s)
                pauses.append([begin_s, at_s, length_s])
            else:
                left_s = max(self.way(driver, place, work.place) - driven_s, 0)
                at_s = self.reach[work.visit] = max(begin_s, at_s + left_s)
                place, driven_s = work.place, 0
            at_s += length_s
        return pauses, at_s

    def job(self, work: Work) -> dict[str, Any]:
        """Return a visit: a place, a length, when it may begin, and who can do it."""
        if work.fixed:
            from_s = self.seconds(work.planned_from_at)
            window, skills = [from_s, self.reach[work.visit]], [self.kept[work.visit]]
        else:
            from_s = self.seconds(soonest_start(work, self.problem))
            until_s = min(max(self.seconds(latest_start(work)), from_s), self.seconds(work.promised_until_at))
            window, skills = [from_s, max(until_s, from_s)], [self.skills[name] for name in work.skills]
        return {
            "id": work.visit,
            "place": self.place(work.place),
            "lasts": 60 * work.duration_min,
            "window": window,
            "skills": skills,
            "priority": FIXED if work.fixed else PROMISED if work.technician is not None else OPEN,
        }

    def as_by(self, travels_by: str) -> tuple[str, float]:
        """Return by whose ways somebody travels, and how much slower: those of a car, where no router says better."""
        return (travels_by, 1.0) if self.problem.roads.known else ("car", SLOWER[travels_by])

    def ways(self, travels_by: str) -> list[list[int]]:
        """Return the seconds from each place to each other; by the straight line they are the same there and back."""
        if self.problem.roads.known:
            return [[self.usual(travels_by, begin, end) for end in self.places] for begin in self.places]
        rows: list[list[int]] = []
        for one, begin in enumerate(self.places):
            rows.append([row[one] for row in rows])
            rows[one] += [self.usual(travels_by, begin, end) for end in self.places[one:]]
        return rows

    def usual(self, travels_by: str, begin: Place | None, end: Place | None) -> int:
        """Return the seconds of a way at the slowest of the day's hours."""
        return round(way_s(travels_by, begin, end, self.hour, self.problem.roads))

    def way(self, driver: Driver, begin: Place | None, end: Place | None) -> int:
        """Return the seconds of a way in whole minutes, as the solver counts them."""
        name, slower = self.as_by(driver.travels_by)
        return 60 * math.ceil(self.usual(name, begin, end) * slower / 60)

    def place(self, place: Place | None) -> int:
        """Return the number of a place."""
        if place not in self.index:
            self.index[place] = len(self.places)
            self.places.append(place)
        return self.index[place]

    def seconds(self, at: datetime) -> int:
        """Return an instant as the solver counts it."""
        return round((at - self.zero_at).total_seconds())


def _hourly(since: datetime, until: datetime) -> Sequence[datetime]:
    return [since + timedelta(hours=n) for n in range(int((until - since) / timedelta(hours=1)) + 1)][:24]
