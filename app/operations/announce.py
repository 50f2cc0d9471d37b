"""Write down, in the transaction of what happened, what other programs are to be told of it."""

from __future__ import annotations

import json
import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, or_, select
from sqlalchemy.orm import Session

from app.models import Notice, Visit, Webhook, WebhookMessage
from app.prepared import Prepared
from app.rules.webhook import DELAYS, EVENT_OF_ENTRY

#: Every change asks it; nearly always nobody is to be told.
_WEBHOOK = Webhook.__table__.c
_LISTENS = or_(_WEBHOOK.state == "on", _WEBHOOK.state == "paused")
_LISTENING = Prepared(select(_WEBHOOK.id, _WEBHOOK.events).where(_LISTENS))
#: A column: how many want to be told of anything.
LISTENERS = select(func.count(_WEBHOOK.id)).where(_LISTENS).scalar_subquery()


def announce(session: Session, event: str, data: dict[str, Any], now: datetime) -> None:
    """Have every program told that wants to know of such an event."""
    listening = _LISTENING.rows(session.connection())
    write_message(session, [webhook_id for webhook_id, events in listening if event in events], event, data, now)


def write_message(session: Session, webhook_ids: list[int], event: str, data: dict[str, Any], now: datetime) -> None:
    """Write one message to each of some programs, to be handed over at once."""
    if not webhook_ids:
        return
    body = json.dumps({"type": event, "timestamp": now.isoformat(), "data": data}, ensure_ascii=False)
    common = {
        "message_id": f"msg_{secrets.token_hex(12)}",
        "event": event,
        "body": body,
        "created_at": now,
        "next_attempt_at": now,
    }
    rows = [{"webhook_id": webhook_id, "state": "due", "tries": 0, **common} for webhook_id in webhook_ids]
    session.connection().execute(insert(WebhookMessage.__table__), rows)  # type: ignore[arg-type]


def announce_entry(session: Session, visit: Visit, kind: str, at: datetime, now: datetime) -> None:
    """Tell of an entry of a visit's history, where others are told of its kind."""
    event = EVENT_OF_ENTRY.get(kind)
    if event is not None:
        announce(session, event, {**visit_data(visit), "at": at.isoformat()}, now)


def announce_notice(session: Session, event: str, notice: Notice, now: datetime) -> None:
    """Tell what became of a notice."""
    announce(session, event, notice_data(notice), now)


def announce_delay(session: Session, notice: Notice, now: datetime) -> None:
    """Tell that a customer was told of a delay, when it is that what a notice tells."""
    if notice.kind in DELAYS:
        announce(session, "visit.delay_told", {**notice_data(notice), "state": "sent"}, now)


def visit_data(visit: Visit) -> dict[str, Any]:
    """Return what others are told of a visit: numbers, times and its state."""
    return {
        "visit": visit.id,
        "version": visit.version,
        "status": visit.status,
        "technician": visit.technician_id,
        "promised_from": visit.promised_from_at.isoformat(),
        "promised_until": visit.promised_until_at.isoformat(),
        "planned_from": visit.planned_from_at.isoformat(),
        "planned_until": visit.planned_until_at.isoformat(),
    }


def notice_data(notice: Notice) -> dict[str, Any]:
    """Return what others are told of a notice: not its words."""
    return {
        "notice": notice.id,
        "visit": notice.visit_id,
        "kind": notice.kind,
        "state": notice.state,
        "reason": notice.state_reason,
        "channel": notice.channel,
        "arrives_from": notice.quoted_from_at.isoformat() if notice.quoted_from_at else None,
        "arrives_until": notice.quoted_until_at.isoformat() if notice.quoted_until_at else None,
    }
