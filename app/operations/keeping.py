"""Thin positions out that are only kept so that past days can be played again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.models import PositionFix, Visit
from app.operations.booking import LONGEST_WINDOW
from app.operations.lease import how_far, note_how_far
from app.rules.booking import LONGEST_VISIT_MIN
from app.rules.keeping import AFTER, BEFORE, Span, about_visit, superfluous

#: So many positions are looked through at once, about a tenth of a second.
AT_ONCE = 4000
#: The job's name among those that note how far they are.
JOB = "thin_out"


def thin_out(session: Session, now: datetime, fixes_kept: timedelta, most: int = AT_ONCE) -> bool:
    """Thin some of the positions out that are older than `fixes_kept`, oldest first; return whether there are more.

    It is to be asked again, each time in a transaction of its own. How far it has come is kept: what was thinned is not
    read again.
    """
    old = PositionFix.received_at < now - fixes_kept
    since_at = how_far(session, JOB)
    todo = old if since_at is None else old & (PositionFix.received_at > since_at)
    received = select(PositionFix.received_at).where(todo).order_by(PositionFix.received_at).limit(most)
    found = session.scalars(received).all()
    if not found:
        return False
    # A phone that was offline hands in many at once: all of one moment belong together.
    fixes = session.execute(
        select(PositionFix.id, PositionFix.technician_id, PositionFix.fixed_at)
        .where(todo, PositionFix.received_at <= found[-1])
        .order_by(PositionFix.fixed_at, PositionFix.id)
    ).all()
    spans = _spans(session, fixes[0].fixed_at, fixes[-1].fixed_at)
    gone = superfluous([(fix.id, fix.technician_id, fix.fixed_at) for fix in fixes], spans)
    for first in range(0, len(gone), 500):
        session.execute(delete(PositionFix).where(PositionFix.id.in_(gone[first : first + 500])))
    note_how_far(session, JOB, found[-1], now)
    return len(found) == most


def _spans(session: Session, from_at: datetime, until_at: datetime) -> Mapping[int, list[Span]]:
    """Return when each technician's positions mattered, as far as it touches a stretch of time."""
    longest = LONGEST_WINDOW + timedelta(minutes=LONGEST_VISIT_MIN) + AFTER
    spans: dict[int, list[Span]] = {}
    for technician_id, promised_from_at, promised_until_at, arrived_at, completed_at in session.execute(
        select(
            Visit.technician_id,
            Visit.promised_from_at,
            Visit.promised_until_at,
            Visit.arrived_at,
            Visit.completed_at,
        ).where(
            Visit.technician_id.is_not(None),
            Visit.status != "cancelled",
            Visit.promised_from_at <= until_at + BEFORE,
            Visit.promised_from_at >= from_at - longest,
        )
    ):
        if technician_id is not None:
            span = about_visit(promised_from_at, promised_until_at, arrived_at, completed_at)
            spans.setdefault(technician_id, []).append(span)
    return spans
