"""Have past days played again under the policy in force or another: asked for here, done by the jobs, one at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session, defer

from app.errors import Conflict, Invalid, Problem
from app.models import Backtest, PolicyVersion, PositionFix
from app.operations.kept_run import begin_run, find_run, is_open, next_run
from app.operations.policy import change_policy, current_policy, newest_version, try_policy
from app.rules.policy import Policy

#: A process that has not shown itself for so long is gone.
LOST = timedelta(seconds=60)
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
    if session.scalar(select(Backtest.id).where(is_open(Backtest)).limit(1)):
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


def use_backtest(session: Session, backtest_id: int, *, actor: str, now: datetime) -> Policy:
    """Put the values that were tried into force and return the policy; a run that tried none changes nothing.

    Raises NotFound; Conflict `backtest_unfinished` when nothing has come out, and `backtest_outdated` when the policy
    was changed since: what came out compares with the one before.
    """
    found = find_run(session, Backtest, backtest_id)
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
    """Take the next one up, or one whose process is gone; None when there is nothing to do, or one is played already.

    `now` is the real time, by which its process shows that it is alive.
    """
    found = next_run(session, Backtest, now, LOST)
    if found is None or session.scalar(select(Backtest.id).where(Backtest.state == "running", Backtest.id != found.id)):
        return None
    return begin_run(found, now)
