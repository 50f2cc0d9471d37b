"""Who works at what somebody asked for, how far is it, and may a run still say what came out?

One process takes a wish up; it works under the number of its beginning, and has lost it when another began it anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.orm import Session

from app.db import rows_touched
from app.errors import Conflict, NotFound
from app.models.kept_run import KeptRun

#: A run that was lost (a restart, a crash) is begun anew, but not for ever.
MOST_RUNS = 2

Kept = TypeVar("Kept", bound=KeptRun)


def find_run(session: Session, kept: type[Kept], number: int, *, to_change: bool = False) -> Kept:
    """Return one; to change it, read anew under the lock: its process may be at its end just now. Raises NotFound."""
    found = session.get(kept, number, with_for_update=to_change or None, populate_existing=to_change)
    if found is None:
        raise NotFound(kept.__name__.lower())
    return found


def is_open(kept: type[KeptRun]) -> ColumnElement[bool]:
    """Return the question whether one waits or runs."""
    return kept.state.in_(("waiting", "running"))


def cancel_run(session: Session, kept: type[Kept], number: int, now: datetime) -> Kept:
    """Stop one that waits or runs; its process notices within seconds. Raises NotFound, Conflict when it is over."""
    found = find_run(session, kept, number, to_change=True)
    if not found.open:
        raise Conflict(f"{kept.__name__.lower()}_over")
    found.state, found.finished_at = "cancelled", now
    return found


def next_run(
    session: Session, kept: type[Kept], now: datetime, lost: timedelta, *mine: ColumnElement[bool]
) -> Kept | None:
    """Return, locked, the oldest that waits, or whose process has not shown itself for `lost` and is gone."""
    gone = (kept.state == "running") & (kept.seen_at < now - lost)
    waits = select(kept).where(*mine, or_(kept.state == "waiting", gone)).order_by(kept.id).limit(1)
    return session.scalar(waits.with_for_update())


def begin_run(found: Kept, now: datetime) -> Kept | None:
    """Take one up; None when it was lost too often. `now` is the real time, by which a process shows that it lives."""
    if found.runs >= MOST_RUNS:
        found.state, found.state_reason, found.finished_at = "failed", "lost", now
        return None
    found.state, found.runs, found.progress = "running", found.runs + 1, 0.0
    found.started_at = found.seen_at = now
    return found


def report_progress(session: Session, kept: type[KeptRun], number: int, run: int, share: float, now: datetime) -> bool:
    """Show that a run lives and how far it is; return False when it is to stop: cancelled, or begun anew elsewhere."""
    return _change(session, kept, number, run, progress=share, seen_at=now)


def finish_run(
    session: Session, kept: type[KeptRun], number: int, run: int, result: Mapping[str, Any], now: datetime
) -> bool:
    """Keep what came out; return False when the run has been cancelled or begun anew."""
    return _change(session, kept, number, run, state="done", progress=1.0, result=dict(result), finished_at=now)


def fail_run(session: Session, kept: type[KeptRun], number: int, run: int, reason: str, now: datetime) -> bool:
    """Record that a run failed and why, as a code; return False when it was over already."""
    return _change(session, kept, number, run, state="failed", state_reason=reason, finished_at=now)


def give_back_run(session: Session, kept: type[KeptRun], number: int, run: int) -> bool:
    """Let another process take a run up that this one cannot finish because it is told to stop."""
    return _change(session, kept, number, run, state="waiting", runs=run - 1, progress=0.0)


def _change(session: Session, kept: type[KeptRun], number: int, run: int, **values: Any) -> bool:
    done = session.execute(
        update(kept)
        .where(kept.id == number, kept.runs == run, kept.state == "running")
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    return bool(rows_touched(done))
