"""Have a day, or what is left of one, planned anew: asked for here, made by a process of the jobs, kept for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from app.db import rows_touched
from app.errors import Conflict, NotFound, Stale
from app.models import Planning

#: A process that has not shown itself for so long is gone.
LOST = timedelta(seconds=30)
#: A run that was lost is begun anew, but not for ever.
MOST_RUNS = 2
#: What was booked stands in the visits' histories; who planned what is forgotten after this.
KEPT = timedelta(days=90)


def start_planning(
    session: Session, kind: str, on: date, wish: Mapping[str, Any], *, actor: str, now: datetime
) -> Planning:
    """Ask for a day to be planned anew; what was asked for it before and is still worked at is given up."""
    busy = Planning.on_day == on, Planning.kind == kind, Planning.state.in_(("waiting", "running"))
    session.execute(update(Planning).where(*busy).values(state="cancelled", finished_at=now))
    session.execute(delete(Planning).where(Planning.created_at < now - KEPT))
    planning = Planning(kind=kind, on_day=on, wish=dict(wish), actor=actor, created_at=now)
    session.add(planning)
    session.flush()
    return planning


def find_planning(session: Session, planning_id: int, *, to_change: bool = False) -> Planning:
    """Return one. Raises NotFound."""
    found = session.get(Planning, planning_id, with_for_update=to_change or None, populate_existing=to_change)
    if found is None:
        raise NotFound("planning")
    return found


def last_planning(session: Session, kind: str, on: date) -> Planning | None:
    """Return the newest of a day."""
    mine = select(Planning).where(Planning.kind == kind, Planning.on_day == on)
    return session.scalar(mine.order_by(Planning.id.desc()).limit(1))


def cancel_planning(session: Session, planning_id: int, now: datetime) -> Planning:
    """Stop one that waits or runs; its process notices within a second. Raises NotFound, Conflict when it is over."""
    found = find_planning(session, planning_id, to_change=True)
    if not found.open:
        raise Conflict("planning_over")
    found.state, found.finished_at = "cancelled", now
    return found


def to_apply(session: Session, planning_id: int) -> Planning:
    """Return one whose result is to be booked, locked. Raises NotFound, Conflict, Stale."""
    found = find_planning(session, planning_id, to_change=True)
    if found.state != "done" or found.result is None:
        raise Conflict("planning_unfinished")
    if found.applied_at is not None:
        raise Stale("planning_applied")
    return found


def to_take_back(session: Session, planning_id: int) -> Planning:
    """Return one whose result is booked and shall be no more, locked. Raises NotFound, Conflict."""
    found = find_planning(session, planning_id, to_change=True)
    if found.applied_at is None or found.applied is None or found.taken_back_at is not None:
        raise Conflict("nothing_to_take_back")
    return found


def is_any_open(session: Session, kinds: Sequence[str]) -> bool:
    """Return whether any of some kinds waits or runs."""
    mine = Planning.kind.in_(kinds), Planning.state.in_(("waiting", "running"))
    return session.scalar(select(Planning.id).where(*mine).limit(1)) is not None


def claim_planning(session: Session, kinds: Sequence[str], now: datetime) -> Planning | None:
    """Take the next one of some kinds up, or one whose process is gone; `now` is the real time."""
    lost = (Planning.state == "running") & (Planning.seen_at < now - LOST)
    mine = Planning.kind.in_(kinds)
    next_one = select(Planning).where(mine, or_(Planning.state == "waiting", lost)).order_by(Planning.id).limit(1)
    found = session.scalar(next_one.with_for_update())
    if found is None:
        return None
    if found.runs >= MOST_RUNS:
        found.state, found.state_reason, found.finished_at = "failed", "lost", now
        return None
    found.state, found.runs, found.progress = "running", found.runs + 1, 0.0
    found.started_at = found.seen_at = now
    return found


def report_progress(session: Session, planning_id: int, run: int, share: float, now: datetime) -> bool:
    """Show that a run lives and how far it is; return False when it is to stop."""
    return _change(session, planning_id, run, progress=share, seen_at=now)


def finish_planning(session: Session, planning_id: int, run: int, result: Mapping[str, Any], now: datetime) -> bool:
    """Keep what came out; return False when the run was cancelled or begun anew."""
    return _change(session, planning_id, run, state="done", progress=1.0, result=dict(result), finished_at=now)


def fail_planning(session: Session, planning_id: int, run: int, reason: str, now: datetime) -> bool:
    """Record that a run failed and why, as a code; return False when it was over already."""
    return _change(session, planning_id, run, state="failed", state_reason=reason, finished_at=now)


def give_back_planning(session: Session, planning_id: int, run: int) -> bool:
    """Let another process take a run up that this one cannot finish because it is told to stop."""
    return _change(session, planning_id, run, state="waiting", runs=run - 1, progress=0.0)


def _change(session: Session, planning_id: int, run: int, **values: Any) -> bool:
    done = session.execute(
        update(Planning)
        .where(Planning.id == planning_id, Planning.runs == run, Planning.state == "running")
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    return bool(rows_touched(done))
