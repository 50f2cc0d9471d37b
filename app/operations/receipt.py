"""What does a provider say became of a message? Its words come twice, in any order, before our own call returned."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import Notice, NoticeAttempt, Receipt
from app.operations.attempt import UNDELIVERED, accept, is_newest, next_channel, reference_of
from app.operations.confirmation import mark_delivered
from app.operations.consent import opt_out
from app.operations.letter import note_letter
from app.rules.reach import ends_for_good

#: What a provider says of a message that has arrived.
DELIVERED = frozenset({"delivered", "read"})


def note_receipt(
    session: Session,
    provider_id: str,
    status: str,
    error_code: str | None,
    now: datetime,
    *,
    reference: str | None = None,
) -> bool:
    """Record what a provider says became of a message; return whether it is one of ours.

    Receipts come twice, in any order, and before our own call has returned: `reference` then finds the attempt, and
    proves that it was accepted. What has ended (delivered, undelivered) stays as it ended.
    """
    found = select(NoticeAttempt.id, NoticeAttempt.notice_id)
    row = session.execute(found.where(NoticeAttempt.provider_id == provider_id)).first()
    if row is None and reference is not None:
        number = reference.partition("-")[0]
        if number.isascii() and number.isdigit() and len(number) < 10:
            row = session.execute(found.where(NoticeAttempt.id == int(number))).first()
    if row is None:
        return note_letter(session, provider_id, status, now, reference)
    notice = session.get_one(Notice, row.notice_id, with_for_update={"of": Notice})
    attempt = session.get_one(NoticeAttempt, row.id, populate_existing=True)
    if attempt.provider_id is None and reference == reference_of(attempt):
        accept(session, notice, attempt, provider_id, now)
    if attempt.provider_id != provider_id:
        return False
    before = set(session.scalars(select(Receipt.status).where(Receipt.attempt_id == attempt.id)))
    if status in before:
        return True
    session.add(
        Receipt(notice_id=notice.id, attempt_id=attempt.id, received_at=now, status=status, error_code=error_code)
    )
    if before & (DELIVERED | UNDELIVERED):
        return True
    ends = ends_for_good(int(error_code)) if error_code and error_code.isascii() and error_code.isdigit() else None
    if ends:
        opt_out(session, notice.visit.customer_id, attempt.channel, ends, now, actor="system")
    if status in DELIVERED:
        if notice.state != "delivered":
            mark_delivered(session, notice, "receipt", now)
    elif status in UNDELIVERED and notice.state in ("sent", "sending", "unknown") and is_newest(session, attempt):
        if not _may_have_another(session, attempt):
            notice.sent_at = None
        next_channel(session, notice, status, now)
    return True


def _may_have_another(session: Session, attempt: NoticeAttempt) -> bool:
    """Return whether an earlier attempt was accepted and not reported as failed: the customer may have that one."""
    failed = select(Receipt.attempt_id).where(Receipt.status.in_(UNDELIVERED))
    other = select(NoticeAttempt.id).where(
        NoticeAttempt.notice_id == attempt.notice_id,
        NoticeAttempt.id != attempt.id,
        NoticeAttempt.outcome == "accepted",
        NoticeAttempt.id.not_in(failed),
    )
    return session.scalar(other.limit(1)) is not None
