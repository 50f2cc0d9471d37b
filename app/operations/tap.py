"""Take in what a technician tapped, perhaps hours ago without a signal: in order, once, and each on its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import AppError, Invalid, NotFound
from app.models import Visit, VisitEvent
from app.operations.field import report_eta, report_status, undo_status
from app.rules.visit import REPORTABLE

#: What a technician may report; cancelling is the office's.
STEPS = tuple(status for status in REPORTABLE if status != "cancelled")


@dataclass(frozen=True, slots=True)
class Tap:
    """One touch: `kind` status, eta or undo; `at` when it was made; `key` the phone's own, so that it counts once."""

    kind: str
    visit_id: int
    key: str
    at: datetime
    #: The state reached (status) or taken back (undo).
    status: str | None = None
    #: The arrival reported (eta).
    eta: datetime | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a tap: `outcome` done, already (it came before) or refused, then with the error and the visit."""

    key: str
    outcome: str
    error: AppError | None = None
    customer: str | None = None


def take_taps(session: Session, technician_id: int, taps: Sequence[Tap], now: datetime) -> list[Taken]:
    """Record a technician's taps in their order; one that is refused leaves nothing behind and stops none after it."""
    known = set(
        session.scalars(select(VisitEvent.client_key).where(VisitEvent.client_key.in_([tap.key for tap in taps])))
    )
    taken = []
    for tap in taps:
        if tap.key in known:
            taken.append(Taken(tap.key, "already"))
            continue
        visit = session.get(Visit, tap.visit_id)
        try:
            if visit is None or visit.technician_id != technician_id:
                raise NotFound("visit_elsewhere")
            with session.begin_nested():
                _record(session, tap, f"technician:{technician_id}", now)
        except AppError as error:
            mine = visit is not None and visit.technician_id == technician_id
            taken.append(Taken(tap.key, "refused", error, visit.customer.name if visit and mine else None))
        else:
            known.add(tap.key)
            taken.append(Taken(tap.key, "done"))
    return taken


def _record(session: Session, tap: Tap, actor: str, now: datetime) -> None:
    if tap.kind == "eta" and tap.eta is not None:
        report_eta(session, tap.visit_id, tap.eta, now=now, actor=actor, at=tap.at, client_key=tap.key)
    elif tap.kind == "undo":
        undo_status(session, tap.visit_id, now=now, actor=actor, status=tap.status, at=tap.at, client_key=tap.key)
    elif tap.kind == "status" and tap.status in STEPS:
        report_status(session, tap.visit_id, tap.status, now=now, actor=actor, at=tap.at, client_key=tap.key)
    else:
        raise Invalid.one("kind", "choice", choices="status, eta, undo")
