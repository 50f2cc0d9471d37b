"""Has this customer been told enough for now? Asked once for every notice, just before its first attempt."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from app.models import Notice, Visit
from app.operations.policy import current_policy
from app.prepared import Prepared
from app.rules.brake import Told, over_cap

#: Notices of a visit are about its time: an older one matters to no cap.
_BACK, _AHEAD = timedelta(days=2), timedelta(days=2)
_N, _V = Notice.__table__.c, Visit.__table__.c
#: Every notice asks it.
_TOLD = Prepared(
    select(_N.kind, _N.let_go_at, _N.visit_id)
    .join_from(Visit.__table__, Notice.__table__, _N.visit_id == _V.id)
    .where(
        _V.customer_id == bindparam("customer_id"),
        _V.promised_from_at >= bindparam("since_at"),
        _N.let_go_at.is_not(None),
    )
)


def why_capped(session: Session, notice: Notice, visit: Visit, now: datetime) -> str | None:
    """Return which cap a notice would break, as a code; None while it may leave."""
    values = {"customer_id": visit.customer_id, "since_at": min(now - _BACK, visit.promised_from_at)}
    told = [Told(*row) for row in _TOLD.rows(session.connection(), values)]
    policy = current_policy(session)
    if len(told) < min(policy.most_hour, policy.most_visit):
        return None
    near = select(func.count()).where(
        Visit.customer_id == visit.customer_id, Visit.promised_from_at.between(now - _BACK / 2, now + _AHEAD)
    )
    visits = session.scalar(near.select_from(Visit)) or 0
    return over_cap(notice.kind, visit.id, told, visits, policy, now)
