"""Have a day, or what is left of one, planned anew: asked for here, made by a process of the jobs, kept for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from app.errors import Conflict, Stale
from app.models import Planning
from app.operations.kept_run import begin_run, find_run, is_open, next_run

#: A process that has not shown itself for so long is gone.
LOST = timedelta(seconds=30)
#: What was booked stands in the visits' histories; who planned what is forgotten after this.
KEPT = timedelta(days=90)


def start_planning(
    session: Session, kind: str, on: date, wish: Mapping[str, Any], *, actor: str, now: datetime
) -> Planning:
    """Ask for a day to be planned anew; what was asked for it before and is still worked at is given up."""
    busy = Planning.on_day == on, Planning.kind == kind, is_open(Planning)
    session.execute(update(Planning).where(*busy).values(state="cancelled", finished_at=now))
    session.execute(delete(Planning).where(Planning.created_at < now - KEPT))
    planning = Planning(kind=kind, on_day=on, wish=dict(wish), actor=actor, created_at=now)
    session.add(planning)
    session.flush()
    return planning


def last_planning(session: Session, kind: str, on: date) -> Planning | None:
    """Return the newest of a day."""
    mine = select(Planning).where(Planning.kind == kind, Planning.on_day == on)
    return session.scalar(mine.order_by(Planning.id.desc()).limit(1))


def to_apply(session: Session, planning_id: int) -> Planning:
    """Return one whose result is to be booked, locked. Raises NotFound, Conflict, Stale."""
    found = find_run(session, Planning, planning_id, to_change=True)
    if found.state != "done" or found.result is None:
        raise Conflict("planning_unfinished")
    if found.applied_at is not None:
        raise Stale("planning_applied")
    return found


def to_take_back(session: Session, planning_id: int) -> Planning:
    """Return one whose result is booked and shall be no more, locked. Raises NotFound, Conflict."""
    found = find_run(session, Planning, planning_id, to_change=True)
    if found.applied_at is None or found.applied is None or found.taken_back_at is not None:
        raise Conflict("nothing_to_take_back")
    return found


def is_any_open(session: Session, kinds: Sequence[str]) -> bool:
    """Return whether any of some kinds waits or runs."""
    mine = select(Planning.id).where(Planning.kind.in_(kinds), is_open(Planning))
    return session.scalar(mine.limit(1)) is not None


def claim_planning(session: Session, kinds: Sequence[str], now: datetime) -> Planning | None:
    """Take the next one of some kinds up, or one whose process is gone; `now` is the real time."""
    found = next_run(session, Planning, now, LOST, Planning.kind.in_(kinds))
    return None if found is None else begin_run(found, now)
