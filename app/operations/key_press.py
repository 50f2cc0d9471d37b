"""Take in which key a customer pressed while a machine read a notice to her."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo

from sqlalchemy.orm import Session

from app.errors import AppError
from app.models import NoticeAttempt
from app.operations.attempt import reference_of
from app.operations.booking import visit_for_change
from app.operations.confirmation import confirm
from app.operations.customer_view import press_for
from app.operations.receipt import note_receipt

_PRESSES = {"1": ("acknowledged", "understood"), "2": ("call_me", "call_back")}


@dataclass(frozen=True, slots=True)
class Said:
    """What she hears next: a closing sentence (understood, call_back, not_now), or the notice again (`spoken`)."""

    code: str
    language: str
    spoken: str = ""


def press_key(session: Session, call_id: str, reference: str, key: str, now: datetime, zone: tzinfo) -> Said | None:
    """Take in a key and return what is said next; None when the call is none of ours.

    1: understood, so the notice has arrived. 2: she wants to be called. Any other key: it is read again. A key comes
    sometimes before our own request for the call has returned; the same key twice changes nothing.
    """
    number = reference.partition("-")[0]
    known = number.isascii() and number.isdigit() and len(number) < 10
    attempt = session.get(NoticeAttempt, int(number)) if known else None
    if attempt is None or reference_of(attempt) != reference:
        return None
    notice = attempt.notice
    visit_for_change(session, notice.visit_id)  # before the notice's row, as everybody else does
    if not note_receipt(session, call_id, "in-progress", None, now, reference=reference):
        return None
    if key not in _PRESSES:
        return Said("again", notice.language, notice.spoken or "")
    confirm(session, [notice.id], "key_pressed", now)
    kind, code = _PRESSES[key]
    try:
        press_for(session, notice.visit_id, kind, now=now, zone=zone)
    except AppError:
        if kind == "call_me":
            code = "not_now"
    return Said(code, notice.language)
