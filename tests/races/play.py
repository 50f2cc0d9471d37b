"""Play rounds and count what went wrong: `make races`, or `python -m tests.bench races --rounds 10000`."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from app.db import Database
from tests.races.crowd import PEOPLE, crowd
from tests.races.rounds import found_company, prepare, wishes, wrongs


@dataclass(slots=True)
class Played:
    """What came of all rounds together."""

    rounds: int = 0
    took_s: float = 0.0
    answers: Counter[str] = field(default_factory=Counter)
    wrongs: Counter[str] = field(default_factory=Counter)

    @property
    def asked(self) -> int:
        """How many requests were made."""
        return self.rounds * PEOPLE


def play(db: Database, url: str, rounds: int, seed: int = 1, tell: Callable[[Played], None] | None = None) -> Played:
    """Play rounds over an empty database; `tell` hears of each."""
    played = Played()
    with crowd(url, found_company(db)) as people:
        for number in range(rounds):
            scene = prepare(db)
            acts = wishes(scene, random.Random(f"{seed} {number}"))
            began_s = time.perf_counter()
            outcomes = people.play(acts)
            played.wrongs.update(wrongs(db, scene, outcomes))
            if number:  # in the first, the processes are still starting
                played.took_s += time.perf_counter() - began_s
            played.rounds += 1
            played.answers.update(_kind(one.status, one.reply.get("reason", "")) for one in outcomes)
            if tell:
                tell(played)
    return played


def _kind(status: int, reason: str) -> str:
    return f"{status} {reason}".strip()
