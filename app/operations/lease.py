"""Decide which process ticks, tell whether any does, and keep what runs once per slot of time from running twice."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.db import rows_touched
from app.models import JobRun, Lease

#: A holder that has not shown itself for so long has lost the lease.
LEASE_LASTS = timedelta(seconds=10)
#: How long it is remembered that something ran.
RUNS_KEPT = timedelta(days=30)
#: The jobs show themselves every few seconds; after this long nobody watches the visits.
WATCH_ENDS = timedelta(seconds=60)


def take_lease(session: Session, name: str, holder: str, now: datetime) -> bool:
    """Take or renew the right to tick; return whether `holder` has it until now + LEASE_LASTS.

    `holder` must be unique to the process: two processes under one name would both believe to lead.
    """
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    session.execute(
        insert(Lease).values(name=name, holder="", number=0, until_at=now, seen_at=now).on_conflict_do_nothing()
    )
    taken = session.execute(
        update(Lease)
        .where(Lease.name == name, or_(Lease.holder == holder, Lease.until_at <= now))
        .values(
            holder=holder,
            number=Lease.number + (Lease.holder != holder).cast(Lease.number.type),
            until_at=now + LEASE_LASTS,
            seen_at=now,
        )
        .execution_options(synchronize_session=False)
    )
    return bool(rows_touched(taken))


def give_lease_back(session: Session, name: str, holder: str, now: datetime) -> None:
    """Let the next process tick at once, because this one is stopping."""
    session.execute(update(Lease).where(Lease.name == name, Lease.holder == holder).values(until_at=now))


def is_watched(session: Session, now: datetime) -> bool:
    """Return whether the jobs are alive; when they are not, no forecast moves and nobody is told anything."""
    seen_at = session.scalar(select(Lease.seen_at).where(Lease.name == "jobs"))
    return seen_at is not None and now - seen_at <= WATCH_ENDS


def ran_in_slot(session: Session, job: str, slot_at: datetime) -> bool:
    """Return whether this job has been noted to have run in this slot."""
    return session.get(JobRun, (job, slot_at)) is not None


def how_far(session: Session, job: str) -> datetime | None:
    """Return up to which moment a job has come that goes on where it stopped; None: it begins at the beginning."""
    return session.scalar(select(func.max(JobRun.slot_at)).where(JobRun.job == job))


def note_how_far(session: Session, job: str, until_at: datetime, now: datetime) -> None:
    """Note up to which moment such a job has come."""
    session.execute(delete(JobRun).where(JobRun.job == job))
    session.add(JobRun(job=job, slot_at=until_at, ran_at=now))
    session.flush()


def first_in_slot(session: Session, job: str, slot_at: datetime, now: datetime) -> bool:
    """Return whether this job has not run in this slot yet, and note that it does now."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    session.execute(delete(JobRun).where(JobRun.ran_at < now - RUNS_KEPT))
    noted = insert(JobRun).values(job=job, slot_at=slot_at, ran_at=now).on_conflict_do_nothing()
    # By what it returns: the number of rows is not known of an INSERT on every database.
    return session.execute(noted.returning(JobRun.job)).one_or_none() is not None
