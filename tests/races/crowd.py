"""How do fifty people press at the same moment? Threads in processes of their own, each with its own connection."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing import get_context
from multiprocessing.connection import Connection
from threading import Barrier
from typing import Any

#: The instant at which every round is played.
NOW = datetime(2026, 11, 24, tzinfo=UTC)
PEOPLE, PROCESSES = 50, 2
PATIENCE_S = 120.0


@dataclass(frozen=True, slots=True)
class Act:
    """What one person asks of the API; `group` says what the others of the same kind are after."""

    group: str
    method: str
    path: str
    body: dict[str, Any]
    if_match: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one person was answered."""

    act: Act
    status: int
    reply: dict[str, Any] = field(default_factory=dict)


class Crowd:
    """People who wait for one another and then ask, each once."""

    def __init__(self, pipes: Sequence[Connection]) -> None:
        self._pipes = pipes

    def play(self, acts: Sequence[Act]) -> list[Outcome]:
        """Have everybody ask at once; there are as many acts as people."""
        assert len(acts) == PEOPLE
        for number, pipe in enumerate(self._pipes):
            pipe.send(acts[number :: len(self._pipes)])
        outcomes: list[Outcome] = []
        for pipe in self._pipes:
            assert pipe.poll(PATIENCE_S), "a process of the crowd does not answer"
            outcomes += pipe.recv()
        return outcomes


@contextmanager
def crowd(url: str, token: str) -> Iterator[Crowd]:
    """Start the processes over a database that is there; they end with the block."""
    context = get_context("spawn")
    start = context.Barrier(PEOPLE)
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
    app = create_app(parts)
    limiter.enabled = False

    def ask(act: Act) -> Outcome:
        headers = {"Authorization": f"Bearer {token}"}
        if act.if_match is not None:
            headers["If-Match"] = f'"{act.if_match}"'
        client = app.test_client()
        start.wait(PATIENCE_S)
        reply = client.open(f"/api/v1{act.path}", method=act.method, json=act.body, headers=headers)
        return Outcome(act, reply.status_code, reply.get_json(silent=True) or {})

    with ThreadPoolExecutor(PEOPLE // PROCESSES) as people:
        while (acts := pipe.recv()) is not None:
            pipe.send(list(people.map(ask, acts)))
    parts.db.close()
