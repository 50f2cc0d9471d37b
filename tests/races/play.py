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

#: One round in so many is played through the API, and the others by the operations behind it.
API_EVERY = 10
#: So many rounds are made ready at a time.
AT_ONCE = 20


@dataclass(slots=True)
class Played:
    """What came of all rounds together."""

    rounds: int = 0
    through_the_api: int = 0
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
        scenes = prepare(db, min(AT_ONCE, rounds))
        for number in range(rounds):
            scene, api = scenes.pop(), number % API_EVERY == 1
            people.begin(wishes(scene, random.Random(f"{seed} {number}")), api=api)
            if not number:  # the processes are still starting
                outcomes, began_s = people.end(), time.perf_counter()
            else:
                outcomes = people.end()
            played.wrongs.update(wrongs(db, scene, outcomes))
            if not scenes:
                scenes = prepare(db, min(AT_ONCE, rounds - number - 1))
            played.rounds += 1
            played.through_the_api += api
            played.took_s = time.perf_counter() - began_s
            played.answers.update(_kind(one.status, one.reply.get("reason", "")) for one in outcomes)
            if tell:
                tell(played)
    return played


def _kind(status: int, reason: str) -> str:
    return f"{status} {reason}".strip()
