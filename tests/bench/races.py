"""Can a booking go wrong when fifty people ask at once? Rounds of them, on both databases, judged from outside.

The databases lie in memory where this machine has room for files there: that a commit is on the disk holds the next one
up, and is not in doubt here (tests/crash).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.bench.sweep import database
from tests.races.crowd import PEOPLE
from tests.races.play import Played, play

#: Rounds of the ordinary run; the goal is 10,000 on each database.
ROUNDS = 40
_TOLD_EVERY = 100
_MEMORY = Path("/dev/shm")


def measure(rounds: int = ROUNDS, seed: int = 1) -> tuple[Sequence[str], Iterator[Sequence[object]]]:
    """Return the table; what went wrong, and which answers were given, stand below each other in its last columns."""
    head = (
        "database",
        "rounds",
        "by the API",
        "requests",
        "wrong",
        "5xx",
        "rounds/s",
        "requests/s",
        "answers",
        "what went wrong",
    )
    return head, _rows(rounds, seed)


def _rows(rounds: int, seed: int) -> Iterator[Sequence[object]]:
    for kind in ("sqlite", "postgresql"):
        with database(kind, _MEMORY if _MEMORY.is_dir() else None) as parts:
            if parts:
                url = parts.db.engine.url.render_as_string(hide_password=False)
                played = play(parts.db, url, rounds, seed, _tell)
                failed = sum(times for answer, times in played.answers.items() if answer.startswith("5"))
                pace = (rounds - 1) / played.took_s if played.took_s else 0.0
                yield (
                    kind, rounds, played.through_the_api, played.asked, sum(played.wrongs.values()), failed, pace,
                    pace * PEOPLE, _listed(played.answers), _listed(played.wrongs) or "nothing",
                )  # fmt: skip


def _tell(played: Played) -> None:
    if played.rounds % _TOLD_EVERY == 0:
        wrong = f"{sum(played.wrongs.values())} wrong {dict(played.wrongs) or ''}"
        print(f"{played.rounds} rounds in {played.took_s:.0f} s, {wrong}", file=sys.stderr, flush=True)


def _listed(counted: dict[str, int]) -> str:
    return ", ".join(f"{what}: {times}" for what, times in sorted(counted.items()))
