"""Who plays the days that managers ask for? One process of low rank at a time, beside the jobs, never in a request."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from datetime import timedelta
from multiprocessing import get_context
from typing import Any

import structlog

from app import join, logs
from app.backtest.days import load_own_day, own_days
from app.backtest.play import run_backtest
from app.backtest.report import result_as_json
from app.clock import WallClock
from app.config import Settings
from app.operations.backtest import (
    claim_backtest,
    fail_backtest,
    find_backtest,
    finish_backtest,
    give_back_backtest,
    report_progress,
)
from app.operations.policy import current_policy, try_policy
from app.parts import Parts

log = structlog.get_logger()

#: A run that takes longer is ended: a machine that slow has other things to do.
LIMIT = timedelta(hours=2)
#: How often a run shows that it lives, and looks whether it is still wanted, in seconds.
BEAT_S = 1.0
#: How far behind everything else a run stands in the queue for the processor (0 to 19).
NICE = 15


class _Stopped(Exception):
    """Nobody wants the run any more."""


class _TooLong(Exception):
    """The run has used its time up."""


class _Nothing(Exception):
    """There was no visit on the days that were asked for."""


class Backtester:
    """Looks for wishes and keeps the one process that fulfils them."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._wall = WallClock()
        self._process: Any = None
        self._claimed = (0, 0)
        self._ends_s = 0.0

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
            give_back_backtest(session, *self._claimed)

    def _begin(self) -> None:
        with self._parts.db.write() as session:
            claimed = claim_backtest(session, self._wall.now())
            if claimed is None:
                return
            self._claimed = claimed.id, claimed.runs
        # Spawned, not forked: this process has threads, which a fork would leave behind with what they hold.
        self._process = get_context("spawn").Process(
            target=_in_a_process_of_its_own, args=(self._parts.settings, *self._claimed), daemon=True
        )
        self._process.start()
        self._ends_s = time.monotonic() + LIMIT.total_seconds() + 60

    def _look_after(self) -> None:
        overdue = time.monotonic() > self._ends_s
        if self._process.is_alive() and not overdue:
            return
        died = self._process.exitcode not in (0, None)
        self._end()
        if overdue or died:
            with self._parts.db.write() as session:
                fail_backtest(session, *self._claimed, "too_long" if overdue else "broken", self._wall.now())

    def _end(self) -> None:
        process, self._process = self._process, None
        if process.is_alive():
            process.terminate()
        process.join(5)
        if process.is_alive():
            process.kill()
            process.join()
        process.close()


def fulfil(parts: Parts, backtest_id: int, run: int) -> None:
    """Play what a wish asks for and keep what comes out, or why nothing does."""
    wall = WallClock()
    try:
        result = _play(parts, backtest_id, _beating(parts, backtest_id, run))
        with parts.db.write() as session:
            finish_backtest(session, backtest_id, run, result, wall.now())
    except _Stopped:
        return
    except Exception as error:
        reason = {_TooLong: "too_long", _Nothing: "nothing"}.get(type(error), "broken")
        if reason == "broken":
            log.error("a backtest failed", backtest_id=backtest_id, exc_info=True)
        with parts.db.write() as session:
            fail_backtest(session, backtest_id, run, reason, wall.now())


def _play(parts: Parts, backtest_id: int, progress: Callable[[float], None]) -> dict[str, Any]:
    with parts.db.read() as session:
        wish = find_backtest(session, backtest_id)
        policies = [current_policy(session)]
        edited = try_policy(session, wish.policy_values)
        if asdict(edited) != asdict(policies[0]):
            policies.append(edited)
        # What is known is what was known when it was asked for: a day that goes on does not change under the run.
        first_on, last_on, asked_at = wish.first_on, wish.last_on, wish.created_at
    found = own_days(parts, first_on, last_on, asked_at)
    if not found:
        raise _Nothing
    days = (load_own_day(parts, on, asked_at) for on in found)
    return result_as_json(run_backtest(days, len(found), policies, progress))


def _beating(parts: Parts, backtest_id: int, run: int) -> Callable[[float], None]:
    """Return what a run calls often: now and then it says how far it is, and asks whether to go on."""
    wall = WallClock()
    ends_s = time.monotonic() + LIMIT.total_seconds()
    next_s = 0.0

    def progress(share: float) -> None:
        nonlocal next_s
        now_s = time.monotonic()
        if now_s >= ends_s:
            raise _TooLong
        if now_s < next_s:
            return
        next_s = now_s + BEAT_S
        with parts.db.write() as session:
            if not report_progress(session, backtest_id, run, share, wall.now()):
                raise _Stopped

    return progress


def _in_a_process_of_its_own(settings: Settings, backtest_id: int, run: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the house, which ends this process itself
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with suppress(OSError):
        os.nice(NICE)
    logs.configure(logging.WARNING)  # what would have been sent is in the result
    parts = join(settings)
    try:
        fulfil(parts, backtest_id, run)
    finally:
        parts.db.close()
