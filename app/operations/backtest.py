"""Have past days played again under the policy in force or another: asked for here, done by the jobs, one at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session, defer

from app.db import rows_touched
from app.errors import Conflict, Invalid, NotFound, Problem
from app.models import Backtest, PolicyVersion, PositionFix
from app.operations.policy import change_policy, current_policy, newest_version, try_policy
from app.rules.policy import Policy

#: A process that has not shown itself for so long is gone.
LOST = timedelta(seconds=60)
#: A run that was lost (a restart, a crash) is begun anew, but not for ever.
MOST_RUNS = 2
#: No more days at once: a person waits for the answer.
MOST_DAYS = 62
#: Results are kept so many; nobody looks at older ones.
KEPT = 100


def start_backtest(
    session: Session,
    *,
    from_day: date,
    until_day: date,
    policy_values: Mapping[str, Any],
    actor: str,
    now: datetime,
    zone: tzinfo,
    fixes_kept: timedelta,
) -> Backtest:
    """Ask for the company's local days, both included, under the policy in force and, beside it, with these values.

    `fixes_kept` is after how long raw positions are deleted: days that have begun earlier cannot be played any more.
    Raises Invalid naming the fields (from_day, until_day, or a parameter of the policy), and Conflict
    `backtest_running` while another one waits or runs.
    """
    problems = []
    first_on, today_on = first_playable_day(session, now, zone, fixes_kept), now.astimezone(zone).date()
    if from_day < first_on:
        problems.append(Problem("from_day", "fixes_deleted", {"first": first_on.isoformat()}))
    if until_day > today_on:
        problems.append(Problem("until_day", "day_to_come"))
    if until_day < from_day:
        problems.append(Problem("until_day", "before_start"))
    elif (until_day - from_day).days >= MOST_DAYS:
        problems.append(Problem("until_day", "too_many_days", {"most": MOST_DAYS}))
    changed: dict[str, Any] = {}
    try:
        edited, present = asdict(try_policy(session, policy_values)), asdict(current_policy(session))
        changed = {name: value for name, value in edited.items() if value != present[name]}
    except Invalid as invalid:
        problems += invalid.problems
    if problems:
        raise Invalid(problems)
    if session.scalar(select(Backtest.id).where(Backtest.state.in_(("waiting", "running"))).limit(1)):
        raise Conflict("backtest_running")
    wish = Backtest(created_at=now, actor=actor, first_on=from_day, last_on=until_day, policy_values=changed)
    session.add(wish)
    session.flush()
    oldest_kept = select(Backtest.id).order_by(Backtest.id.desc()).offset(KEPT - 1).limit(1).scalar_subquery()
    session.execute(delete(Backtest).where(Backtest.id < oldest_kept))
    return wish


def first_playable_day(session: Session, now: datetime, zone: tzinfo, fixes_kept: timedelta) -> date:
    """Return the first local day that can be played: positions of it are there, if there are any, and none is gone.

    Positions that were deleted do not come back when they are kept longer from now on.
    """
    first_on = first_whole_day(now, zone, fixes_kept)
    oldest_at = session.scalar(select(func.min(PositionFix.received_at)))
    return max(first_on, oldest_at.astimezone(zone).date()) if oldest_at else first_on


def first_whole_day(now: datetime, zone: tzinfo, fixes_kept: timedelta) -> date:
    """Return the first local day of which no position has been deleted yet."""
    oldest_at = (now - fixes_kept).astimezone(zone)
    midnight = datetime.combine(oldest_at.date(), time(), zone)
    return oldest_at.date() if midnight >= oldest_at else oldest_at.date() + timedelta(days=1)


def list_backtests(session: Session, limit: int) -> Sequence[Backtest]:
    """Return the newest, newest first, without their results."""
    return session.scalars(
        select(Backtest).options(defer(Backtest.result)).order_by(Backtest.id.desc()).limit(limit)
    ).all()


def find_backtest(session: Session, backtest_id: int) -> Backtest:
    """Return one with its result. Raises NotFound."""
    found = session.get(Backtest, backtest_id)
    if found is None:
        raise NotFound("backtest")
    return found


def cancel_backtest(session: Session, backtest_id: int, now: datetime) -> Backtest:
    """Stop one that waits or runs; its process notices within seconds. Raises NotFound, Conflict when it is over."""
    # Read anew under the lock: its process may be at its end just now.
    found = session.get(Backtest, backtest_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise NotFound("backtest")
    if not found.open:
        raise Conflict("backtest_over")
    found.state, found.finished_at = "cancelled", now
    return found


def use_backtest(session: Session, backtest_id: int, *, actor: str, now: datetime) -> Policy:
    """Put the values that were tried into force and return the policy; a run that tried none changes nothing.

    Raises NotFound; Conflict `backtest_unfinished` when nothing has come out, and `backtest_outdated` when the policy
    was changed since: what came out compares with the one before.
    """
    found = session.get(Backtest, backtest_id)
    if found is None:
        raise NotFound("backtest")
    if found.state != "done":
        raise Conflict("backtest_unfinished")
    newest = newest_version(session)
    if is_outdated(found, newest):
        raise Conflict("backtest_outdated")
    number = newest.id if newest is not None else 0
    return change_policy(session, found.policy_values, actor=actor, now=now, version=number)


def is_outdated(found: Backtest, newest: PolicyVersion | None) -> bool:
    """Return whether the policy was changed since a run was asked for; `newest` is its newest version."""
    return newest is not None and newest.at >= found.created_at


def claim_backtest(session: Session, now: datetime) -> Backtest | None:
    """Take the next one up, or one whose process is gone; None when there is nothing to do.

    `now` is the real time, by which its process shows that it is alive.
    """
    lost = (Backtest.state == "running") & (Backtest.seen_at < now - LOST)
    next_one = select(Backtest).where(or_(Backtest.state == "waiting", lost)).order_by(Backtest.id).limit(1)
    found = session.scalar(next_one.with_for_update())
    if found is None or session.scalar(select(Backtest.id).where(Backtest.state == "running", Backtest.id != found.id)):
        return None
    if found.runs >= MOST_RUNS:
        found.state, found.state_reason, found.finished_at = "failed", "lost", now
        return None
    found.state, found.runs, found.progress = "running", found.runs + 1, 0.0
    found.started_at = found.seen_at = now
    return found


def report_progress(session: Session, backtest_id: int, run: int, share: float, now: datetime) -> bool:
    """Show that a run lives and how far it is; return False when it is to stop: cancelled, or begun anew elsewhere."""
    return _change(session, backtest_id, run, progress=share, seen_at=now)


def finish_backtest(session: Session, backtest_id: int, run: int, result: Mapping[str, Any], now: datetime) -> bool:
    """Keep what came out; return False when the run has been cancelled or begun anew."""
    return _change(session, backtest_id, run, state="done", progress=1.0, result=dict(result), finished_at=now)


def fail_backtest(session: Session, backtest_id: int, run: int, reason: str, now: datetime) -> bool:
    """Record that a run failed and why, as a code; return False when it was over already."""
    return _change(session, backtest_id, run, state="failed", state_reason=reason, finished_at=now)


def give_back_backtest(session: Session, backtest_id: int, run: int) -> bool:
    """Let another process take a run up that this one cannot finish because it is told to stop."""
    return _change(session, backtest_id, run, state="waiting", runs=run - 1, progress=0.0)


def _change(session: Session, backtest_id: int, run: int, **values: Any) -> bool:
    done = session.execute(
        update(Backtest)
        .where(Backtest.id == backtest_id, Backtest.runs == run, Backtest.state == "running")
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    return bool(rows_touched(done))
