"""Which notices were handed over without a sign that they arrived? They climb, and at last a person is called."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import Notice
from app.operations.attempt import drop, next_channel
from app.operations.brake import is_holding
from app.operations.notice import alarm, call_person, why_outdated
from app.rules.messages import LEFT_UNTOLD

#: What a person learns of a notice whose time is up, by where it was.
_UP = {"due": ("failed", "still_trying"), "sending": ("unknown", "no_answer"), "sent": ("unknown", "not_confirmed")}
#: A notice whose look failed is looked at again after this.
POSTPONED = timedelta(minutes=5)


def unconfirmed(session: Session, now: datetime, limit: int = 100) -> Sequence[int]:
    """Return the notices whose time on their channel, or altogether, is up; those waiting longest first."""
    return session.scalars(
        select(Notice.id).where(Notice.watch_at <= now).order_by(Notice.watch_at, Notice.id).limit(limit)
    ).all()


def climb(session: Session, notice_id: int, now: datetime) -> None:
    """Send a notice on to its next channel, or have a person call; what is old news climbs no further.

    Two processes may both try: the second finds nothing to do.
    """
    notice = session.scalar(
        select(Notice)
        .where(Notice.id == notice_id, Notice.watch_at <= now, Notice.state.in_(_UP))
        .with_for_update(skip_locked=True, of=Notice)
    )
    if notice is None:
        return
    old_news = why_outdated(session, notice, notice.visit, now)
    if old_news and old_news not in LEFT_UNTOLD:
        if notice.state == "sending":
            notice.watch_at = None  # it is with the provider; what becomes of it is written down there
        else:
            drop(session, notice, old_news, now)
    elif notice.call_at is not None and notice.call_at <= now:
        state, reason = _UP[notice.state]
        never_left = notice.let_go_at is None and is_holding(session)
        call_person(session, notice, state, "braked" if never_left else reason, now)
    else:
        next_channel(session, notice, "not_confirmed", now)


def postpone_climb(session: Session, notice_id: int, now: datetime) -> None:
    """Push a notice forward whose look failed, so that it does not stand before the others, and have a person call."""
    notice = session.get(Notice, notice_id, with_for_update={"of": Notice, "skip_locked": True})
    if notice is not None and notice.watch_at is not None:
        notice.watch_at = now + POSTPONED
        alarm(session, notice, "call_customer", "not_confirmed", now)
