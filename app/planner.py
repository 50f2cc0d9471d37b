"""Who plans anew what the office asks for? Processes of their own beside the jobs: one for whole days, one for what is
left of a day on which something has happened, for that cannot wait."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, ClassVar

import structlog
from sqlalchemy.orm import Session

from app.beside import Beside, Claim, Stopped, alone, beating
from app.config import Settings
from app.models import Planning
from app.operations.day_planning import result_of
from app.operations.kept_run import fail_run, find_run, finish_run
from app.operations.optimise import plan_day, read_day
from app.operations.planning import claim_planning, is_any_open
from app.operations.replan import find_ways, judged_ways, read_case
from app.parts import Parts
from app.providers.solver_vroom import SolverFailed, solve

log = structlog.get_logger()

#: No plan is worth waiting for longer.
LIMIT = timedelta(minutes=4)
#: How often a run shows that it lives, and looks whether it is still wanted, in seconds.
BEAT_S = 0.5
#: How far behind everything else it stands in the queue for the processor (0 to 19): somebody waits for it.
NICE = 5


def fulfil(parts: Parts, planning_id: int, run: int) -> None:
    """Plan what a wish asks for and keep what comes out, or why nothing does."""
    now = parts.clock.now()
    try:
        result = _plan(parts, planning_id, beating(parts, Planning, (planning_id, run), BEAT_S))
        with parts.db.write() as session:
            finish_run(session, Planning, planning_id, run, result, now)
    except Stopped:
        return
    except Exception as error:
        reason = error.reason if isinstance(error, SolverFailed) else "broken"
        log.error("a day could not be planned anew", planning_id=planning_id, exc_info=True)
        with parts.db.write() as session:
            fail_run(session, Planning, planning_id, run, reason, now)


def _plan(parts: Parts, planning_id: int, progress: Callable[[float], None]) -> dict[str, Any]:
    """Read, close, work it out: neither a router nor a solver is waited for inside a transaction."""
    zone = parts.settings.zone
    with parts.db.read() as session:
        planning = find_run(session, Planning, planning_id)
        asked = None if planning.kind == "day" else read_case(session, planning, zone)
        if asked is None:
            # The company's time is that of whoever asked, also where a day is played in fast motion.
            wish, on, now = planning.wish, planning.on_day, planning.created_at
            day = read_day(session, on, now=now, zone=zone, pinned=frozenset(wish["pinned"]))
    if asked is None:
        return result_of(plan_day(day, solve, float(wish["seconds"]), progress, parts.router))
    asked, found = find_ways(asked, solve, progress, parts.router)
    with parts.db.read() as session:
        return judged_ways(session, planning, asked, found, zone)


def _in_a_process_of_its_own(settings: Settings, planning_id: int, run: int) -> None:
    alone(settings, NICE, lambda parts: fulfil(parts, planning_id, run))


class DayPlanner(Beside):
    """Keeps the one process that plans whole days."""

    limit = LIMIT
    kept = Planning
    work = staticmethod(_in_a_process_of_its_own)
    kinds: ClassVar[tuple[str, ...]] = ("day",)

    def is_wanted(self, session: Session) -> bool:
        """Return whether anything waits or runs."""
        return is_any_open(session, self.kinds)

    def claim(self, session: Session, now: datetime) -> Claim | None:
        """Take the next one up."""
        claimed = claim_planning(session, self.kinds, now)
        return None if claimed is None else (claimed.id, claimed.runs)


class Replanner(DayPlanner):
    """Keeps the one process that plans what is left of a day."""

    kinds = ("leaves", "overruns", "urgent")
