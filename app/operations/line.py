"""Take in what LINE calls to say: who is which customer, who follows or has left, and what was written."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.models import Customer, LineCall, LineCode
from app.operations.consent import opt_in, opt_out
from app.operations.inbound import receive
from app.rules.line_events import CODE_LENGTH, CODE_LETTERS, LineEvent, typed_code

#: So long a code can be used.
CODE_LASTS = timedelta(minutes=30)
#: Who sent so many codes that are none within this time is not believed any code.
_WRONG_CODES, _WRONG_WITHIN = 5, timedelta(hours=1)

_INSERT: Mapping[str, Any] = {
    "sqlite": sqlite.insert(LineCall).on_conflict_do_nothing().returning(LineCall.id),
    "postgresql": postgresql.insert(LineCall).on_conflict_do_nothing().returning(LineCall.id),
}


def make_code(session: Session, customer_id: int, now: datetime) -> str:
    """Return a new code for a customer; earlier ones of hers end."""
    session.execute(
        update(LineCode).where(LineCode.customer_id == customer_id, LineCode.used_at.is_(None)).values(expires_at=now)
    )
    code = "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))
    session.add(LineCode(customer_id=customer_id, code_hash=_digest(code), expires_at=now + CODE_LASTS))
    session.flush()
    return code


def take_in(session: Session, events: Iterable[LineEvent], now: datetime, zone: tzinfo) -> None:
    """Take in events once each, in whatever order and however often they come; `zone` is where office hours are."""
    connection = session.connection()
    for event in events:
        call_id = connection.scalar(
            _INSERT[connection.dialect.name],
            {
                "event_id": event.id,
                "kind": event.kind,
                "line_id": event.line_id,
                "happened_at": event.happened_at,
                "received_at": now,
                "wrong_code": False,
            },
        )
        if call_id is None:
            continue
        if event.kind == "message":
            _message(session, session.get_one(LineCall, call_id), event, now, zone)
        elif not _overtaken(session, event):
            for customer_id in _customers(session, event.line_id):
                if event.kind == "follow":
                    opt_in(session, customer_id, "line", "customer", now, why="followed")
                else:
                    opt_out(session, customer_id, "line", "unfollowed", now)


def _message(session: Session, call: LineCall, event: LineEvent, now: datetime, zone: tzinfo) -> None:
    code = typed_code(event.words)
    if code is not None and _may_try(session, event.line_id, now):
        if _link(session, code, event.line_id, now):
            return
        call.wrong_code = True
    receive(
        session,
        "line",
        event.line_id,
        event.words,
        now,
        provider_id=event.message_id,
        answers=event.quotes,
        zone=zone,
    )


def _link(session: Session, code: str, line_id: str, now: datetime) -> bool:
    """Make a LINE user the customer whose code it is; return whether it is anybody's."""
    found = session.scalar(
        select(LineCode)
        .where(LineCode.code_hash == _digest(code), LineCode.used_at.is_(None), LineCode.expires_at > now)
        .with_for_update()
    )
    if found is None:
        return False
    found.used_at = now
    customer = session.get_one(Customer, found.customer_id)
    customer.line_id = line_id
    opt_in(session, customer.id, "line", "customer", now, why="linked")
    return True


def _may_try(session: Session, line_id: str, now: datetime) -> bool:
    wrong = select(func.count()).where(
        LineCall.line_id == line_id, LineCall.wrong_code, LineCall.received_at > now - _WRONG_WITHIN
    )
    return (session.scalar(wrong) or 0) < _WRONG_CODES


def _overtaken(session: Session, event: LineEvent) -> bool:
    """Return whether this user followed or left after the event: calls come again, and late."""
    later = select(LineCall.id).where(
        LineCall.line_id == event.line_id,
        LineCall.kind.in_(("follow", "unfollow")),
        LineCall.happened_at > event.happened_at,
    )
    return session.scalar(later.limit(1)) is not None


def _customers(session: Session, line_id: str) -> Sequence[int]:
    return session.scalars(select(Customer.id).where(Customer.line_id == line_id).order_by(Customer.id)).all()


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
