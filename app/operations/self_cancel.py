"""Let a customer call her visit off: what it costs first, why if she likes, and then as when the office does it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import Conflict, Invalid
from app.models import CustomerNote, Visit, VisitEvent
from app.operations.addition import readable
from app.operations.alarm import raise_alarm
from app.operations.appointment import Message, cancel
from app.operations.called_off import Owed, is_late, owed_now
from app.operations.cancelling import waived
from app.operations.company import find_company
from app.operations.customer_view import visit_of_link
from app.operations.notice import Telling
from app.rules.self_service import is_near, why_not_cancelled

#: What a customer can say with one touch; whatever else she writes.
REASONS = ("solved", "no_time", "elsewhere", "other")
LONGEST_WORDS = 300


@dataclass(frozen=True, slots=True)
class CallOff:
    """Whether the visit can be called off (`why_not`: rules.self_service), what it costs; None where that is not known.

    `version` is what she saw.
    """

    why_not: str | None
    owed: Owed | None
    version: int


def call_off_terms(session: Session, token: str, now: datetime) -> CallOff:
    """Return on what terms the visit behind a link can be called off now. Raises NotFound."""
    visit = visit_of_link(session, token, now)
    late = is_late(session, visit, now)
    return CallOff(_why_not(session, visit, late), owed_now(session, visit, now), visit.version)


def call_off(
    session: Session,
    token: str,
    *,
    version: int,
    seen: int | None,
    reason: str,
    reason_words: str,
    words: str,
    telling: Telling,
    now: datetime,
) -> None:
    """Cancel the visit behind a link; `seen` is the fee that she was shown, and nothing above it is ever agreed to.

    `reason` is one of REASONS or empty, `reason_words` says it as the office reads it; her own `words` are kept apart,
    where they can be forgotten. The same press again changes nothing. Raises NotFound, Invalid naming the field,
    Stale when the visit was changed since she saw it, Conflict with why not, or `fee_changed`.
    """
    visit = visit_of_link(session, token, now)
    if visit.status == "cancelled" and _cancelled(session, visit) is not None:
        return
    said = readable(words)
    if len(said) > LONGEST_WORDS:
        raise Invalid.one("words", "too_long", most=LONGEST_WORDS)
    if reason not in ("", *REASONS):
        raise Invalid.one("reason", "choice", choices=", ".join(REASONS))
    late = is_late(session, visit, now)
    why_not = _why_not(session, visit, late)
    if why_not is not None:
        raise Conflict("not_cancellable", why=why_not)
    owed = owed_now(session, visit, now)
    if owed is not None and owed.total > (seen or 0):
        raise Conflict("fee_changed")
    near, technician_id = is_near(visit.promised_from_at, now, telling.zone), visit.technician_id
    agreed = owed.facts if owed is not None else {}
    cancel(
        session, visit.id, Message(telling, side="customer"), now=now, actor="customer", version=version,
        reason=reason_words if reason else "", agreed=agreed,
    )  # fmt: skip
    if said:
        session.add(CustomerNote(visit_id=visit.id, written_at=now, words=said, about="cancel", client_key="cancel"))
    if near:
        raise_alarm(
            session, "self_cancelled", f"visit:{visit.id}", now, visit_id=visit.id, technician_id=technician_id,
        )  # fmt: skip


def may_call_off(session: Session, visit: Visit, now: datetime) -> bool:
    """Return whether the customer can call the visit off by herself."""
    return _why_not(session, visit, is_late(session, visit, now)) is None


def agreed_fee(session: Session, visit: Visit) -> Owed | None:
    """Return what she agreed to owe when she called the visit off; None when none was known, or is owed."""
    facts = _cancelled(session, visit) if visit.status == "cancelled" else None
    if facts is None or "fee" not in facts or waived(session, visit.id) is not None:
        return None
    return Owed(facts["fee"], facts["fee_why"], currency=facts["currency"], exponent=facts["exponent"])


def _cancelled(session: Session, visit: Visit) -> dict[str, Any] | None:
    """Return what is kept of it when the customer herself called the visit off."""
    return session.scalar(
        select(VisitEvent.facts)
        .where(VisitEvent.visit_id == visit.id, VisitEvent.kind == "cancelled", VisitEvent.actor == "customer")
        .order_by(VisitEvent.id.desc())
        .limit(1)
    )


def _why_not(session: Session, visit: Visit, late: bool) -> str | None:
    company = find_company(session)
    return why_not_cancelled(visit.status, allowed=company is not None and company.self_cancel, late=late)
