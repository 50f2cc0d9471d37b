"""Who plays the days that managers ask for? One process of low rank at a time, beside the jobs, never in a request."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy.orm import Session

from app.backtest.days import load_own_day, own_days
from app.backtest.play import run_backtest
from app.backtest.report import result_as_json
from app.beside import Beside, Claim, Stopped, alone, beating
from app.clock import WallClock
from app.config import Settings
from app.models import Backtest
from app.operations.backtest import claim_backtest
from app.operations.kept_run import fail_run, find_run, finish_run
from app.operations.policy import current_policy, try_policy
from app.parts import Parts

log = structlog.get_logger()

#: A run that takes longer is ended: a machine that slow has other things to do.
LIMIT = timedelta(hours=2)
#: How often a run shows that it lives, and looks whether it is still wanted, in seconds.
BEAT_S = 1.0
#: How far behind everything else a run stands in the queue for the processor (0 to 19).
NICE = 15


class _TooLong(Exception):
    """The run has used its time up."""


class _Nothing(Exception):
    """There was no visit on the days that were asked for."""


def fulfil(parts: Parts, backtest_id: int, run: int) -> None:
    """Play what a wish asks for and keep what comes out, or why nothing does."""
    wall = WallClock()
    try:
        result = _play(parts, backtest_id, _in_time(beating(parts, Backtest, (backtest_id, run), BEAT_S)))
        with parts.db.write() as session:
            finish_run(session, Backtest, backtest_id, run, result, wall.now())
    except Stopped:
        return
    except Exception as error:
        reason = {_TooLong: "too_long", _Nothing: "nothing"}.get(type(error), "broken")
        if reason == "broken":
            log.error("a backtest failed", backtest_id=backtest_id, exc_info=True)
        with parts.db.write() as session:
            fail_run(session, Backtest, backtest_id, run, reason, wall.now())


def _play(parts: Parts, backtest_id: int, progress: Callable[[float], None]) -> dict[str, Any]:
    with parts.db.read() as session:
        wish = find_run(session, Backtest, backtest_id)
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


def _in_time(progress: Callable[[float], None]) -> Callable[[float], None]:
    """Return what ends a run that has used its time up, and else says how far it is."""
    ends_s = time.monotonic() + LIMIT.total_seconds()

    def going(share: float) -> None:
        if time.monotonic() >= ends_s:
            raise _TooLong
        progress(share)

    return going


def _in_a_process_of_its_own(settings: Settings, backtest_id: int, run: int) -> None:
    alone(settings, NICE, lambda parts: fulfil(parts, backtest_id, run))


class Backtester(Beside):
    """Keeps the one process that plays days."""

    limit = LIMIT
    kept = Backtest
    work = staticmethod(_in_a_process_of_its_own)

    def claim(self, session: Session, now: datetime) -> Claim | None:
        """Take the next one up."""
        claimed = claim_backtest(session, now)
        return None if claimed is None else (claimed.id, claimed.runs)
