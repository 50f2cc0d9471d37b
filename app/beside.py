"""Who does the long work that somebody asked for? One process of low rank at a time, beside the jobs."""

from __future__ import annotations

import logging
import os
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from multiprocessing import get_context
from typing import Any, ClassVar

from sqlalchemy.orm import Session

from app import join, logs
from app.clock import WallClock
from app.config import Settings
from app.models.kept_run import KeptRun
from app.operations.kept_run import fail_run, give_back_run, report_progress
from app.parts import Parts

#: A process notes by itself that its time is over; one that does not is ended so many seconds later.
ENDED_AFTER_S = 60

#: One wish, and how often it was begun.
Claim = tuple[int, int]


class Stopped(Exception):
    """Nobody wants the run any more."""


class Beside(ABC):
    """Looks for wishes of one kind and keeps the one process that fulfils them."""

    #: Where the wishes are kept.
    kept: ClassVar[type[KeptRun]]
    #: A process that takes longer than `limit` is ended: a machine that slow has other things to do.
    limit: ClassVar[timedelta]
    #: What the process runs; spawned, so by its name in a module.
    work: ClassVar[staticmethod[[Settings, int, int], None]]

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._wall = WallClock()
        self._process: Any = None
        self._claimed: Claim = (0, 0)
        self._ends_s = 0.0

    def is_wanted(self, session: Session) -> bool:
        """Return whether it is worth looking for a wish, which takes the turn to write."""
        return True

    @abstractmethod
    def claim(self, session: Session, now: datetime) -> Claim | None:
        """Take the next wish up; None when there is nothing to do."""

    def tick(self, *, leads: bool) -> None:
        """Note the end of the process that runs, and begin the next wish when this house leads."""
        if self._process is not None:
            self._look_after()
        if self._process is None and leads:
            self._begin()

    def stop(self) -> None:
        """End the process; what it was at is taken up by another house, or after the restart."""
        if self._process is None:
            return
        self._end()
        with self._parts.db.write() as session:
            give_back_run(session, self.kept, *self._claimed)

    def _begin(self) -> None:
        with self._parts.db.read() as session:
            if not self.is_wanted(session):
                return
        with self._parts.db.write() as session:
            claimed = self.claim(session, self._wall.now())
            if claimed is None:
                return
            self._claimed = claimed
        # Spawned, not forked: this process has threads, which a fork would leave behind with what they hold.
        self._process = get_context("spawn").Process(
            target=type(self).work, args=(self._parts.settings, *self._claimed), daemon=True
        )
        self._process.start()
        self._ends_s = time.monotonic() + self.limit.total_seconds() + ENDED_AFTER_S

    def _look_after(self) -> None:
        overdue = time.monotonic() > self._ends_s
        if self._process.is_alive() and not overdue:
            return
        died = self._process.exitcode not in (0, None)
        self._end()
        if overdue or died:
            with self._parts.db.write() as session:
                reason = "too_long" if overdue else "broken"
                fail_run(session, self.kept, *self._claimed, reason, self._wall.now())

    def _end(self) -> None:
        process, self._process = self._process, None
        if process.is_alive():
            process.terminate()
        process.join(5)
        if process.is_alive():
            process.kill()
            process.join()
        process.close()


def beating(parts: Parts, kept: type[KeptRun], claimed: Claim, every_s: float) -> Callable[[float], None]:
    """Return what a run calls often with the share that is done: now and then it shows that the run lives.

    It raises Stopped where the run is not wanted any more.
    """
    wall, next_s = WallClock(), 0.0

    def progress(share: float) -> None:
        nonlocal next_s
        now_s = time.monotonic()
        if now_s < next_s:
            return
        next_s = now_s + every_s
        with parts.db.write() as session:
            if not report_progress(session, kept, *claimed, share, wall.now()):
                raise Stopped

    return progress


def alone(settings: Settings, nice: int, work: Callable[[Parts], None]) -> None:
    """Run work in a process of its own, `nice` (0 to 19) behind everything else in the queue for the processor."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the house, which ends this process itself
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with suppress(OSError):
        os.nice(nice)
    logs.configure(logging.WARNING)  # what came out is kept
    parts = join(settings)
    try:
        work(parts)
    finally:
        parts.db.close()
