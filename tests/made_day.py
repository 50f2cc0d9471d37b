"""Make days to plan: a firm's technicians with skills and lunch, and visits with windows of two hours, by a seed."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from app.rules.optimise import Driver, Problem, Work

ZONE = ZoneInfo("Asia/Tokyo")
#: Wednesday, midnight in Japan.
MIDNIGHT = datetime(2026, 11, 24, 15, tzinfo=UTC)
SKILLS = ("net", "pc", "phone", "printer", "server")
WINDOWS = (9, 10, 11, 13, 14, 15)


def at(hour: float) -> datetime:
    """Return a local hour of the day."""
    return MIDNIGHT + timedelta(hours=hour)


def made_day(seed: int, technicians: int, visits: int, *, assigned: bool = True, width: float = 0.12) -> Problem:
    """Return a day; `assigned`: each visit is in somebody's plan, one after another, without much thought."""
    chance = random.Random(seed)

    def place() -> tuple[float, float]:
        return 34.6 + width * chance.random(), 135.4 + width * chance.random()

    drivers = []
    for number in range(1, technicians + 1):
        lunch = chance.choice((11.5, 12, 12.5))
        base, known = place(), frozenset(chance.sample(SKILLS, 3))
        shifts = ((at(9), at(lunch)), (at(lunch + 1), at(18)))
        drivers.append(Driver(number, shifts, known, base, base, "bicycle" if chance.random() < 0.1 else "car"))
    works = []
    for number in range(1, visits + 1):
        opens = chance.choice(WINDOWS)
        skills = frozenset({chance.choice(SKILLS)}) if chance.random() < 0.5 else frozenset()
        able = [driver for driver in drivers if skills <= driver.skills]
        whose = chance.choice(able).technician if assigned and able else None
        works.append(
            Work(number, place(), chance.choice((25, 30, 40)), at(opens), at(opens + 2), at(opens), whose, skills)
        )
    return Problem(tuple(drivers), tuple(works), MIDNIGHT, ZONE)
