"""How is it served? gunicorn with threads: the product with its jobs or without, or the demo's day."""

from __future__ import annotations

import gc
import pkgutil
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from app import create_app, join
from app.config import Settings
from app.parts import Parts

if TYPE_CHECKING:
    from app.demo.stage import Prepared


#: Between two parts of one request; a phone at the edge of its network takes seconds, not more.
SILENT_FOR_S = 10


@dataclass(frozen=True, slots=True)
class House:
    """What one worker process runs: the pages, and what is started and stopped with them."""

    pages: Flask
    start: Callable[[], None]
    stop: Callable[[], None]


def product(settings: Settings, *, with_jobs: bool) -> House:
    """Return the product itself, with the jobs in the same process or without them."""
    parts = join(settings)
    return _house(parts, create_app(parts), with_jobs=with_jobs)


def demo(prepared: Prepared, speed: float) -> House:
    """Return the prepared demo, its day playing on a fast clock."""
    from app.demo.stage import Stage
    from app.web.demo import install

    parts = prepared.join(speed)
    pages = create_app(parts)
    stage = Stage(parts, prepared)
    install(pages, stage)
    house = _house(parts, pages, with_jobs=True)

    def start() -> None:
        house.start()
        stage.start()

    def stop() -> None:
        stage.stop()
        house.stop()

    return House(pages, start, stop)


def _house(parts: Parts, pages: Flask, *, with_jobs: bool) -> House:
    running: list[Any] = []

    def start() -> None:
        if with_jobs:
            # By name: nothing in app knows the jobs, which are a layer above it.
            running.append(pkgutil.resolve_name("jobs.schedule:start")(parts))

    def stop() -> None:
        for jobs in running:
            jobs.stop()
        parts.db.close()

    return House(pages, start, stop)


def bound_waiting(listener: socket.socket, seconds: int = SILENT_FOR_S) -> None:
    """Have every connection of a listening socket break off when the other side is silent in the middle of a request.

    A phone that loses its signal while it sends would otherwise keep a thread for ever, and eight of them the server.
    """
    for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
        listener.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", seconds, 0))  # what it accepts inherits it


class Server(BaseApplication):  # type: ignore[misc]
    """gunicorn around a house; each worker process builds its own, after the fork."""

    def __init__(self, build: Callable[[], House], *, host: str, port: int, workers: int, ready: str) -> None:
        self._build = build
        self._options: dict[str, Any] = {
            "bind": f"{host}:{port}",
            "workers": workers,
            "worker_class": "gthread",
            "threads": 8,
            "timeout": 60,
            "graceful_timeout": 10,
            "keepalive": 15,
            "loglevel": "warning",
            "proc_name": "mamonaku",
            "control_socket_disable": True,
            "when_ready": lambda server: self._open(server.LISTENERS, ready),
            "post_worker_init": lambda _worker: self._begin(),
            "worker_exit": lambda _server, _worker: self._house().stop(),
        }
        self._built: House | None = None
        super().__init__()

    def load_config(self) -> None:
        """Hand our options to gunicorn."""
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Return the application of this worker process."""
        return self._house().pages

    def _begin(self) -> None:
        self._house().start()
        # What was loaded stays for good: looking through it again and again would hold requests up by 50 ms and more.
        gc.collect()
        gc.freeze()

    def _open(self, listeners: list[Any], ready: str) -> None:
        for listener in listeners:
            bound_waiting(listener.sock)
        print(ready, flush=True)  # noqa: T201

    def _house(self) -> House:
        if self._built is None:
            self._built = self._build()
        return self._built
