"""Take in a mail from the company's mailbox: an answer of a customer, a mail of ours that came back, or neither."""

from __future__ import annotations

import hashlib
from datetime import datetime, tzinfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import Notice, NoticeAttempt, Visit
from app.operations.consent import opt_out
from app.operations.inbound import receive
from app.operations.receipt import note_receipt
from app.rules.bounce import Bounce, read_bounces
from app.rules.mail import Mail, our_reference, read_mail, said


def take_mail(session: Session, raw: bytes, zone: tzinfo, now: datetime) -> None:
    """Keep what a mail says with the conversation or the attempt it belongs to; the same mail again changes nothing.

    No mail is ever answered by itself, so two machines never talk to each other. A mail of our own is left alone.
    """
    mail, bounces = read_mail(raw), read_bounces(raw)
    if mail.ours:
        return
    if not bounces:
        _hear(session, mail, mail.sender, zone, now, automatic=mail.automatic)
        return
    for bounce in bounces:
        # A report that names none of our mails may be anybody's: a person reads it.
        if not _note(session, bounce, now):
            _hear(session, mail, bounce.recipient or mail.sender, zone, now, automatic=bounce.outcome == "delayed")


def take_unreadable(session: Session, raw: bytes, zone: tzinfo, now: datetime) -> None:
    """Keep the beginning of a mail that broke everything else, for a person to look at; it must not lie there."""
    beginning = raw[:2000].decode("ascii", "replace")
    key = f"sha256:{hashlib.sha256(raw).hexdigest()}"
    receive(session, "email", "", beginning, now, provider_id=key, zone=zone)


def _hear(session: Session, mail: Mail, sender: str, zone: tzinfo, now: datetime, *, automatic: bool) -> None:
    receive(
        session,
        "email",
        sender,
        said(mail),
        now,
        provider_id=mail.key,
        zone=zone,
        answers=mail.answers,
        automatic=automatic,
    )


def _note(session: Session, bounce: Bounce, now: datetime) -> bool:
    """Record that a mail of ours came back, so that its notice climbs; return whether it was one of ours."""
    if bounce.message_id is None:
        return False
    reference = our_reference(bounce.message_id)
    if not note_receipt(session, bounce.message_id, bounce.outcome, bounce.status or None, now, reference=reference):
        return False
    if bounce.nowhere:
        customer_id = session.scalar(
            select(Visit.customer_id)
            .join(Notice, Notice.visit_id == Visit.id)
            .join(NoticeAttempt, NoticeAttempt.notice_id == Notice.id)
            .where(NoticeAttempt.provider_id == bounce.message_id)
        )
        if customer_id is not None:
            opt_out(session, customer_id, "email", "bounced", now, actor="system")
    return True
