"""How much truer do a company's own days make its forecasts?"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import astuple, fields

from app.rules.habits import PRIORS
from tests.own_days import Marks, marks, month, taught_by


def measure() -> tuple[Sequence[str], list[Sequence[object]]]:
    """Return the table: a simulated company taught by so many days, and marked on sixty others."""
    chance = random.Random(11)
    past, coming = month(range(28), chance), month(range(28, 88), chance)
    who = {"all": coming, "the slow technician": [day for day in coming if day[0] == 1]}
    rows = []
    for days in (0, 2, 7, 28):
        first = [day for day in past if int(day[1][0].stop.visit.split("-")[0]) < days]
        habits = taught_by(first) if first else PRIORS
        rows += [(name, days, *astuple(marks(asked, habits))) for name, asked in who.items()]
    return ("technicians", "days learned from", *(field.name for field in fields(Marks))), rows
