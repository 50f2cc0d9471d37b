"""Honour what a customer said about each way to be reached, for ever, until the customer says otherwise."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from app.errors import Invalid, NotFound, Problem
from app.models import ConsentEntry, Customer, PushSubscription
from app.operations.checks import tell_text
from app.prepared import Prepared
from app.rules.reach import CHANNELS, NOWHERE

LONGEST_WORDS = 300

_ENTRY = ConsentEntry.__table__.c
#: Every notice asks it; the last word about a way comes last.
_WORDS = Prepared(
    select(_ENTRY.channel, _ENTRY.is_open, _ENTRY.why)
    .where(_ENTRY.customer_id == bindparam("customer"))
    .order_by(_ENTRY.id)
)


def opt_out(
    session: Session,
    customer_id: int,
    channel: str,
    why: str,
    now: datetime,
    *,
    actor: str = "customer",
    words: str = "",
) -> None:
    """Close a way for good; `why` is one of rules.reach.UNWANTED or NOWHERE. A closed one stays closed as it was.

    What a person wants is stronger than where an address leads: it is noted even when the way leads nowhere by now.
    """
    before = why_closed(session, customer_id).get(channel)
    if before is None or (before in NOWHERE and why not in NOWHERE):
        _note(session, customer_id, channel, now, is_open=False, why=why, actor=actor, words=words)


def opt_in(
    session: Session, customer_id: int, channel: str, actor: str, now: datetime, *, why: str = "said", words: str = ""
) -> None:
    """Open a way again, on the customer's own word; one that is open stays as it is."""
    if channel in why_closed(session, customer_id):
        _note(session, customer_id, channel, now, is_open=True, why=why, actor=actor, words=words)


def opted_out(session: Session, customer_id: int) -> frozenset[str]:
    """Return the channels by which a customer must not be written to or called."""
    return frozenset(why_closed(session, customer_id))


def closed(session: Session, customer_id: int) -> Mapping[str, ConsentEntry]:
    """Return for each closed way what closed it."""
    newest = {entry.channel: entry for entry in consent_history(session, customer_id)}
    return {channel: entry for channel, entry in newest.items() if not entry.is_open}


def why_closed(session: Session, customer_id: int) -> Mapping[str, str]:
    """Return for each closed way why it is."""
    rows = _WORDS.rows(session.connection(), {"customer": customer_id})
    newest = {channel: (is_open, why) for channel, is_open, why in rows}
    return {channel: why for channel, (is_open, why) in newest.items() if not is_open}


def consent_history(session: Session, customer_id: int) -> Sequence[ConsentEntry]:
    """Return every word about a customer's ways, oldest first."""
    return session.scalars(
        select(ConsentEntry).where(ConsentEntry.customer_id == customer_id).order_by(ConsentEntry.id)
    ).all()


def change_by_word(
    session: Session, customer_id: int, channel: str, *, is_open: bool, words: str, actor: str, now: datetime
) -> None:
    """Close or open a way because the customer told somebody so; `words` say how. Raises NotFound, Invalid."""
    if session.get(Customer, customer_id) is None:
        raise NotFound("customer")
    if channel not in CHANNELS:
        raise Invalid.one("channel", "choice", choices=", ".join(CHANNELS))
    problems: list[Problem] = []
    said = tell_text(problems, "words", words, LONGEST_WORDS)
    if problems:
        raise Invalid(problems)
    if is_open:
        opt_in(session, customer_id, channel, actor, now, words=said)
    else:
        opt_out(session, customer_id, channel, "said", now, actor=actor, words=said)


def another_address(session: Session, customer_id: int, channels: Sequence[str], actor: str, now: datetime) -> None:
    """Open the ways again that only led nowhere, because their address is another one now."""
    for channel, entry in closed(session, customer_id).items():
        if channel in channels and entry.why in NOWHERE:
            _note(session, customer_id, channel, now, is_open=True, why="new_address", actor=actor, words="")


@dataclass(frozen=True, slots=True)
class Way:
    """One way to reach a customer: where it leads, what closed it, and whether the house has it at all."""

    channel: str
    address: str | None
    closed: ConsentEntry | None
    set_up: bool

    @property
    def is_open(self) -> bool:
        """Whether the customer can be told this way."""
        return self.set_up and self.closed is None and self.address is not None


def ways_to(session: Session, customer: Customer, configured: Collection[str]) -> Sequence[Way]:
    """Return every way to reach a customer, in the order in which they are tried."""
    shut, devices = closed(session, customer.id), len(push_devices(session, customer.id))
    leads = {
        "line": customer.line_id,
        "sms": customer.mobile,
        "push": f"× {devices}" if devices else None,
        "voice": customer.mobile or customer.phone,
        "email": customer.email,
    }
    return [Way(name, leads[name], shut.get(name), name in configured) for name in CHANNELS]


def push_devices(session: Session, customer_id: int) -> Sequence[PushSubscription]:
    """Return the browsers of a customer that asked to be told."""
    return session.scalars(
        select(PushSubscription).where(PushSubscription.customer_id == customer_id).order_by(PushSubscription.id)
    ).all()


def _note(
    session: Session,
    customer_id: int,
    channel: str,
    now: datetime,
    *,
    is_open: bool,
    why: str,
    actor: str,
    words: str,
) -> None:
    session.add(
        ConsentEntry(
            customer_id=customer_id, channel=channel, is_open=is_open, why=why, words=words, actor=actor, at=now
        )
    )
    session.flush()
