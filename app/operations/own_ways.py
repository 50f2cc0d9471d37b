"""Let a customer decide on her own page by which ways she is told: e-mail ended, LINE linked, this device added."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.errors import Conflict, Invalid, NotFound
from app.models import NoticeAttempt, PushSubscription, Visit
from app.operations.attempt import reference_of
from app.operations.company import find_company
from app.operations.consent import opt_in, opt_out, opted_out, push_devices
from app.operations.line import make_code
from app.operations.receipt import note_receipt
from app.push import is_push_service
from app.rules.customer_view import link_ended

#: A customer's devices; a further one takes the place of the oldest.
MOST_DEVICES = 3
_KEY = re.compile(r"[A-Za-z0-9_-]{16,120}=*")


@dataclass(frozen=True, slots=True)
class MailWish:
    """What the page about e-mails shows: whether they have ended, in whose language, and whose e-mails they are."""

    ended: bool
    language: str
    company_name: str
    company_phone: str
    company_phone_hours: str


def mail_wish(session: Session, token: str) -> MailWish:
    """Return whether the customer behind a link, be it an old one, wants e-mails. Raises NotFound."""
    visit, company = _visit(session, token), find_company(session)
    if company is None:
        raise NotFound("link")
    ended = "email" in opted_out(session, visit.customer_id)
    return MailWish(ended, visit.customer.language, company.name, company.phone, company.phone_hours)


def end_mail(session: Session, token: str, now: datetime) -> None:
    """Send no more e-mails to the customer behind a link, be it an old one. Raises NotFound."""
    opt_out(session, _visit(session, token).customer_id, "email", "unsubscribed", now)


def want_mail(session: Session, token: str, now: datetime) -> None:
    """Send e-mails again to the customer behind a link. Raises NotFound."""
    opt_in(session, _visit(session, token, now).customer_id, "email", "customer", now, why="asked")


def line_code(session: Session, token: str, now: datetime) -> str:
    """Return the code that links a LINE user with the customer behind a link. Raises NotFound."""
    return make_code(session, _visit(session, token, now).customer_id, now)


def add_device(
    session: Session, token: str, *, endpoint: str, p256dh: str, auth: str, services: Collection[str], now: datetime
) -> None:
    """Tell the customer behind a link on this device too; a device is one customer's, the last who asked.

    Raises NotFound, Invalid naming the field: we write to known push services only.
    """
    customer_id = _visit(session, token, now).customer_id
    if not is_push_service(endpoint, services):
        raise Invalid.one("endpoint", "push_service")
    for field, key in (("p256dh", p256dh), ("auth", auth)):
        if not _KEY.fullmatch(key):
            raise Invalid.one(field, "characters")
    forget_device(session, endpoint)
    for old in push_devices(session, customer_id)[: -(MOST_DEVICES - 1)]:
        session.delete(old)
    session.add(PushSubscription(customer_id=customer_id, endpoint=endpoint, p256dh=p256dh, auth=auth, created_at=now))
    opt_in(session, customer_id, "push", "customer", now, why="asked")
    session.flush()


def forget_device(session: Session, endpoint: str) -> None:
    """Write to a device no more."""
    session.execute(delete(PushSubscription).where(PushSubscription.endpoint == endpoint))


def note_shown(session: Session, token: str, reference: str, now: datetime) -> None:
    """Record that a device showed a notice about the visit behind a link. Raises NotFound, Conflict."""
    visit = _visit(session, token, now)
    number = reference.partition("-")[0]
    known = number.isascii() and number.isdigit() and len(number) < 10
    attempt = session.get(NoticeAttempt, int(number)) if known else None
    if attempt is None or attempt.notice.visit_id != visit.id or reference_of(attempt) != reference:
        raise Conflict("not_awaited", status=visit.status)
    note_receipt(session, f"push-{reference}", "delivered", None, now, reference=reference)


def _visit(session: Session, token: str, now: datetime | None = None) -> Visit:
    """Return the visit behind a link; with `now`, only while the link has not ended."""
    visit = session.scalar(select(Visit).where(Visit.link_token == token)) if token.isalnum() else None
    if visit is None or (now is not None and link_ended(visit.planned_until_at, visit.completed_at, now)):
        raise NotFound("link")
    return visit
