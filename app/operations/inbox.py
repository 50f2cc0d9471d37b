"""Which conversations with customers are there, and which of them has somebody to read first?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select
from sqlalchemy.orm import Session, aliased, joinedload

from app.models import Alarm, Customer, Inbound
from app.operations.listing import PAGE, Listed, contains
from app.operations.unread import OVERDUE, Unread, conversation_of, unread
from app.rules.replies import gist


@dataclass(frozen=True, slots=True)
class Line:
    """One conversation in the list: who (None: an unknown sender), the last words and their time, what is unread."""

    key: str
    customer: str | None
    sender: str
    channel: str
    gist: str
    at: datetime
    understood: str | None
    unread: int
    clock: Unread | None


def list_conversations(session: Session, text: str, page: int, zone: tzinfo) -> Listed[Line]:
    """Return conversations, those that somebody has to read first, by their clock; narrowed to a name or sender."""
    clocks = unread(session, zone)
    first = (max(page, 1) - 1) * PAGE
    waiting = session.execute(_waiting(text)).all()
    heads = [(row.last, row.unread) for row in waiting]
    lines = sorted(_lines(session, heads, clocks), key=lambda line: line.clock.read_by_at if line.clock else line.at)
    wanted = lines[first : first + PAGE + 1]
    if len(wanted) <= PAGE:
        offset = max(first - len(lines), 0)
        rest = session.scalars(_read(text).offset(offset).limit(PAGE + 1 - len(wanted))).all()
        wanted += _lines(session, [(last, 0) for last in rest], clocks)
    return Listed(wanted[:PAGE], page - 1 if page > 1 else None, page + 1 if len(wanted) > PAGE else None)


def waiting(session: Session) -> tuple[int, bool]:
    """Return how many messages nobody has read, and whether a manager is called for one of them."""
    count = session.scalar(select(func.count()).select_from(Inbound).where(Inbound.handled_at.is_(None))) or 0
    overdue = count and session.scalar(
        select(Alarm.id).where(Alarm.kind == OVERDUE, Alarm.cleared_at.is_(None)).limit(1)
    )
    return count, bool(overdue)


def _waiting(text: str) -> Select[int, int]:
    """Select the last unread message of each conversation that has one, and how many there are."""
    unknown = Inbound.customer_id.is_(None)
    return (
        select(func.max(Inbound.id).label("last"), func.count().label("unread"))
        .where(Inbound.handled_at.is_(None), *_shown(text))
        .group_by(Inbound.customer_id, case((unknown, Inbound.channel)), case((unknown, Inbound.sender)))
    )


def _read(text: str) -> Select[int]:
    """Select the last message of each conversation that has been read, newest first.

    Walked from the newest on until a page is full: every dispatcher's page asks for it every few seconds, and grouping
    the letters of years for that takes half a second each time.
    """
    other = aliased(Inbound)
    comes_after_or_waits = and_(other.words.is_not(None), or_(other.id > Inbound.id, other.handled_at.is_(None)))
    by_customer = exists().where(other.customer_id == Inbound.customer_id, comes_after_or_waits)
    by_sender = exists().where(
        Inbound.customer_id.is_(None),
        other.customer_id.is_(None),
        other.channel == Inbound.channel,
        other.sender == Inbound.sender,
        comes_after_or_waits,
    )
    return (
        select(Inbound.id)
        .where(Inbound.handled_at.is_not(None), *_shown(text), ~by_customer, ~by_sender)
        .order_by(Inbound.id.desc())
    )


def _shown(text: str) -> Sequence[ColumnElement[bool]]:
    """Return what narrows messages to a name or sender; what was forgotten is not shown."""
    remembered = Inbound.words.is_not(None)
    if not text:
        return (remembered,)
    named = select(Customer.id).where(contains(Customer.name, text))
    return remembered, or_(Inbound.customer_id.in_(named), contains(Inbound.sender, text.lstrip("0")))


def _lines(session: Session, heads: Sequence[tuple[int, int]], clocks: Mapping[str, Unread]) -> list[Line]:
    counts = dict(heads)
    rows = session.scalars(
        select(Inbound).where(Inbound.id.in_(counts)).options(joinedload(Inbound.customer)).order_by(Inbound.id.desc())
    )
    return [
        Line(
            key=key_of(message),
            customer=message.customer.name if message.customer else None,
            sender=message.sender,
            channel=message.channel,
            gist=gist(message.words or ""),
            at=message.received_at,
            understood=message.understood,
            unread=counts[message.id],
            clock=clocks.get(conversation_of(message)),
        )
        for message in rows
    ]


def key_of(message: Inbound) -> str:
    """Return the key of a message's conversation, as it stands in an address."""
    return f"c{message.customer_id}" if message.customer_id is not None else f"m{message.id}"
