"""How do fifty people press at the same moment? Threads in processes of their own, each with its own connection."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from typing import Any

from tests.races.asking import Act, Outcome, directly, through_the_api

#: The instant at which every round is played.
NOW = datetime(2026, 11, 24, tzinfo=UTC)
PEOPLE, PROCESSES = 50, 2
PATIENCE_S = 120.0


class Crowd:
    """People who wait for one another and then ask, each once."""

    def __init__(self, pipes: Sequence[Connection]) -> None:
        self._pipes = pipes

    def begin(self, acts: Sequence[Act], *, api: bool) -> None:
        """Have everybody ask at once, of the API or of what is behind it; there are as many acts as people."""
        assert len(acts) == PEOPLE
        for number, pipe in enumerate(self._pipes):
            pipe.send((acts[number :: len(self._pipes)], api))

    def end(self) -> list[Outcome]:
        """Return what everybody was answered."""
        outcomes: list[Outcome] = []
        for pipe in self._pipes:
            assert pipe.poll(PATIENCE_S), "a process of the crowd does not answer"
            outcomes += pipe.recv()
        return outcomes


@contextmanager
def crowd(url: str, token: str) -> Iterator[Crowd]:
    """Start the processes over a database that is there; they end with the block."""
    context = get_context("spawn")
    start = context.Barrier(PROCESSES)
    pipes, processes = [], []
    try:
        for _ in range(PROCESSES):
            ours, theirs = context.Pipe()
            processes.append(context.Process(target=_people, args=(theirs, start, url, token), daemon=True))
            processes[-1].start()
            pipes.append(ours)
        yield Crowd(pipes)
    finally:
        for pipe in pipes:
            pipe.send(None)
        for process in processes:
            process.join(PATIENCE_S)


class _Still:
    """A clock that stands at NOW."""

    def now(self) -> datetime:
        return NOW


def _people(pipe: Connection, start: Barrier, url: str, token: str) -> None:
    from app import create_app, join
    from app.config import Settings
    from app.web.limits import limiter

    parts = join(Settings(database_url=url, secret_key="for-the-races", timezone="Asia/Tokyo"), _Still())
    here = PEOPLE // PROCESSES
    # A server has eight threads. Whoever is one more than the pool keeps would connect anew in every round, which takes
    # longer than to ask.
    pool: Any = parts.db.engine.pool
    if hasattr(pool, "_pool"):
        pool._pool.maxsize = here
    ways = {True: through_the_api(create_app(parts), token), False: directly(parts)}
    limiter.enabled = False
    ready = threading.Barrier(here + 1)

    def ask(act: Act, api: bool) -> Outcome:
        ready.wait(PATIENCE_S)
        return ways[api](act)

    with ThreadPoolExecutor(here) as people:
        while (asked := pipe.recv()) is not None:
            acts, api = asked
            asking = [people.submit(ask, act, api) for act in acts]
            start.wait(PATIENCE_S)
            ready.wait(PATIENCE_S)
            pipe.send([one.result() for one in asking])
    parts.db.close()
