"""How do we know that a customer has a notice? By a receipt, an opened link, an answer, a key, or a person's word."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.models import Notice
from app.operations.announce import announce_delay, announce_notice
from app.operations.notice import clear_answered

#: What counts as knowing. That a provider took a message does not.
WAYS = ("receipt", "opened", "replied", "key_pressed", "by_hand")


def confirm(session: Session, notice_ids: Collection[int], how: str, now: datetime) -> int:
    """Record that the customer has these notices, and stop whatever was still under way to tell her; return how many.

    `how` is one of WAYS. What waits to leave, was dropped, or is confirmed already stays as it is: a second
    confirmation changes nothing. What did not get through is known too to who has read its page, and so is what is
    under way: its link may be opened before the provider's answer is here. An answer may be one to an earlier notice.
    """
    if how not in WAYS:
        raise ValueError(f"no way to know: {how}")
    read = ("failed", "unknown", "sending") if how == "opened" else ("failed", "unknown")
    rows = session.scalars(
        select(Notice)
        .where(
            Notice.id.in_(notice_ids),
            or_(Notice.reach == "sent", Notice.state.in_(read)),
        )
        .order_by(Notice.id)
        .with_for_update(of=Notice)
    ).all()
    for notice in rows:
        mark_delivered(session, notice, how, now)
    return len(rows)


def confirm_told(session: Session, visit_id: int, how: str, now: datetime) -> int:
    """Record that the customer knows what was handed over about a visit: she opened its page, or answered."""
    told = session.scalars(select(Notice.id).where(Notice.visit_id == visit_id)).all()
    return confirm(session, told, how, now)


def mark_delivered(session: Session, notice: Notice, how: str, now: datetime) -> None:
    """End a locked notice as delivered, by whatever proved it; nobody needs to call about it any more."""
    notice.rest("delivered", None)
    if notice.sent_at is None:
        announce_delay(session, notice, now)
    notice.confirmed_by, notice.delivered_at, notice.sent_at = how, now, notice.sent_at or now
    announce_notice(session, "notice.delivered", notice, now)
    clear_answered(session, notice.visit_id, now, "system")
