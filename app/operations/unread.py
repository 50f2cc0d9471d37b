"""Let no message stay unread: one whose time is up calls a dispatcher, and later a manager."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import Customer, Inbound, Visit
from app.operations.alarm import clear_alarms, raise_alarm
from app.operations.company import find_company
from app.operations.policy import current_policy
from app.rules.unread import climbs_at, read_by

#: A message that nobody has read in time, and one that nobody has read even then.
WAITING, OVERDUE = "reply_waiting", "reply_overdue"
#: An answer that did not go out.
UNSENT = "answer_failed"
CALLS = (WAITING, OVERDUE, UNSENT)


@dataclass(frozen=True, slots=True)
class Unread:
    """The message of a conversation that has waited longest: by when it is to be read, and when a manager is called."""

    conversation: str
    inbound_id: int
    visit_id: int | None
    #: Who wrote; None while nobody knows.
    customer: str | None
    received_at: datetime
    read_by_at: datetime
    climbs_at: datetime


def conversation_of(message: Inbound) -> str:
    """Return the name of a message's conversation: one for each customer, and one for each unknown sender."""
    if message.customer_id is not None:
        return f"customer:{message.customer_id}"
    return f"{message.channel}:{message.sender or message.id}"


def unread(session: Session, zone: tzinfo) -> dict[str, Unread]:
    """Return every conversation that somebody has to read, by its name, the longest waiting first."""
    policy, company = current_policy(session), find_company(session)
    phone_hours = company.phone_hours if company else ""
    found: dict[str, Unread] = {}
    rows = session.execute(
        select(Inbound, Visit.promised_from_at, Visit.planned_until_at, Customer.name)
        .outerjoin(Customer, Customer.id == Inbound.customer_id)
        .outerjoin(Visit, Visit.id == Inbound.visit_id)
        .where(Inbound.handled_at.is_(None))
        .order_by(Inbound.received_at, Inbound.id)
    )
    for message, from_at, until_at, customer in rows:
        visit = (from_at, until_at) if from_at is not None else None
        by_at = read_by(message.received_at, visit, policy, phone_hours, zone)
        name = conversation_of(message)
        before = found.get(name)
        if before is None or by_at < before.read_by_at:
            received_at = before.received_at if before else message.received_at
            about = (name, message.id, message.visit_id, customer)
            found[name] = Unread(*about, received_at, by_at, climbs_at(by_at, policy))
    return found


def call_for_unread(session: Session, zone: tzinfo, now: datetime) -> int:
    """Put every conversation whose time is up on the attention list, or on the managers'; return how many call."""
    calling = 0
    for one in unread(session, zone).values():
        if now < one.read_by_at:
            continue
        calling += 1
        kind = OVERDUE if now >= one.climbs_at else WAITING
        if kind == OVERDUE:
            clear_alarms(session, one.conversation, (WAITING,), now)
        facts = {
            "inbound": one.inbound_id,
            "customer": one.customer,
            "read_by": (one.climbs_at if kind == WAITING else one.read_by_at).isoformat(),
        }
        raise_alarm(session, kind, one.conversation, now, visit_id=one.visit_id, facts=facts)
    return calling


def stop_calling(session: Session, conversation: str, now: datetime, by: str) -> None:
    """Take a conversation off the lists because somebody has read it."""
    clear_alarms(session, conversation, CALLS, now, by)
