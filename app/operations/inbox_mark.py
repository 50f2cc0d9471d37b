"""Has anything in the inbox changed? Asked by every open one every second, so it costs little: rows are only hashed."""

from __future__ import annotations

import hashlib
from datetime import datetime

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from app.models import Alarm, Inbound, Letter, Notice, Visit, VisitEvent
from app.operations.board_mark import BY_THE_CLOCK, raw
from app.prepared import Prepared

_INBOUND, _ALARM, _LETTER, _NOTICE, _VISIT, _EVENT = (
    model.__table__.c for model in (Inbound, Alarm, Letter, Notice, Visit, VisitEvent)
)
#: So many answers are young enough to be under way.
_YOUNG = 50

_NEWEST = Prepared(select(*raw(func.max(_INBOUND.id))))
_UNREAD = Prepared(
    select(*raw(_INBOUND.id, _INBOUND.customer_id, _INBOUND.visit_id))
    .where(_INBOUND.handled_at.is_(None))
    .order_by(_INBOUND.id)
)
_ALARMS = Prepared(select(*raw(_ALARM.id)).where(_ALARM.cleared_at.is_(None)).order_by(_ALARM.id))
_LETTERS = Prepared(select(*raw(_LETTER.id, _LETTER.state)).order_by(_LETTER.id.desc()).limit(_YOUNG))
_NOTICES = Prepared(
    select(*raw(_NOTICE.id, _NOTICE.state, _NOTICE.delivered_at, _NOTICE.confirmed_by))
    .join_from(Notice.__table__, Visit.__table__, _VISIT.id == _NOTICE.visit_id)
    .where(_VISIT.customer_id == bindparam("customer"))
    .order_by(_NOTICE.id)
)
_EVENTS = Prepared(
    select(*raw(func.max(_EVENT.id)))
    .join_from(VisitEvent.__table__, Visit.__table__, _VISIT.id == _EVENT.visit_id)
    .where(_VISIT.customer_id == bindparam("customer"))
)


def inbox_mark(session: Session, key: str, now: datetime) -> str:
    """Return a mark that differs when the list of conversations, or that of a `key`, may say something else.

    What it does not look at, as a customer's name, is seen by the clock: a few seconds later.
    """
    number = key[1:11]
    customer = int(number) if key[:1] == "c" and number.isascii() and number.isdigit() else 0
    known = session.connection()
    seen = hashlib.blake2b(f"{now.timestamp() // BY_THE_CLOCK.total_seconds()}{key}".encode(), digest_size=12)
    for statement in (_NEWEST, _UNREAD, _ALARMS, _LETTERS):
        seen.update(repr(statement.rows(known, {})).encode())
    for statement in (_NOTICES, _EVENTS) if 0 < customer < 10**9 else ():
        seen.update(repr(statement.rows(known, {"customer": customer})).encode())
    return seen.hexdigest()
