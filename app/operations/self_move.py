"""Let a customer move her visit to a time that is offered: keep the one she thinks about, and move it there.

What she sends is a moment, and who comes is chosen here.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from fractions import Fraction

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.errors import Conflict, Invalid, Refused
from app.models import Hold, Visit
from app.operations.agreement import offer_when_moved
from app.operations.alarm import raise_alarm
from app.operations.appointment import Message, change
from app.operations.called_off import Owed, keep_step, owed_now
from app.operations.customer_view import visit_of_link
from app.operations.hold import goes_along, hold_time
from app.operations.notice import Telling
from app.operations.price_book import book_at, keeps_prices, kept_book
from app.operations.pricing import job_of_visit, priced
from app.operations.quote import quotes_of, why_not_dispatched
from app.operations.self_times import Able, able_at, check_movable, first_moment, own_moves, window_of
from app.operations.turn import lock_technicians
from app.rules.self_service import Choice, is_near

#: Among so many technicians who could come at a moment, one is found whom nobody else takes just then.
_MOST_TRIED = 5


@dataclass(frozen=True, slots=True)
class Rise:
    """By how much the same work costs more then (negative: less), with tax, in the currency's smallest coins."""

    total: int
    currency: str
    exponent: int


@dataclass(frozen=True, slots=True)
class Kept:
    """The time that is kept while a customer thinks: until when, and which version of the visit she saw."""

    token: str
    choice: Choice
    expires_at: datetime
    version: int
    rise: Rise | None
    #: What calling off costs at this moment: moving does not lower it.
    owed: Owed | None


def keep_time(
    session: Session,
    token: str,
    starts_at: datetime,
    zone: tzinfo,
    now: datetime,
    able: Sequence[Able] | None = None,
) -> str:
    """Keep an offered time for the customer who chose it, instead of the one kept before; return what names it.

    `able` are those who could come then, where somebody has found that out already (a router was asked). Raises
    NotFound for an unknown or ended link, Conflict with the reason why the visit cannot be moved, or `taken` when the
    time is offered no more.
    """
    visit = visit_of_link(session, token, now)
    check_movable(session, visit, now)
    kept = Hold.held_by == _holder(visit.id), Hold.expires_at > now, ~Hold.goes_along
    own = session.scalar(select(Hold).where(*kept))
    if own is not None and own.from_at == starts_at:
        return own.token  # chosen again, from the page before
    let_times_go(session, visit.id)
    if starts_at < first_moment(session, visit, now):
        raise Conflict("taken")
    able = able_at(session, visit, starts_at, zone, now) if able is None else able
    return _kept_for(session, visit, starts_at, able, now).token


def kept_time(session: Session, token: str, hold: str, now: datetime) -> Kept | None:
    """Return the time that is kept for the visit behind a link; None when it is over, or somebody else's."""
    visit = visit_of_link(session, token, now)
    check_movable(session, visit, now)
    row = _hold(session, visit, hold)
    if row is None or row.expires_at <= now:
        return None
    choice = Choice(row.from_at, row.from_at + window_of(visit), row.technician_id == visit.technician_id)
    rise, owed = _rise(session, visit, row.from_at), owed_now(session, visit, now)
    return Kept(row.token, choice, row.expires_at, visit.version, rise, owed)


def let_times_go(session: Session, visit_id: int) -> None:
    """Make free again what was kept for the customer of a visit."""
    session.execute(delete(Hold).where(Hold.held_by == _holder(visit_id)))


def let_go_of(session: Session, token: str, now: datetime) -> None:
    """Make free again what was kept for the visit behind a link. Raises NotFound."""
    let_times_go(session, visit_of_link(session, token, now).id)


def move_to(
    session: Session,
    token: str,
    hold: str,
    starts_at: datetime,
    *,
    version: int,
    telling: Telling,
    now: datetime,
    kept_percent: Fraction = Fraction(0),
) -> None:
    """Move the visit to the time that was kept, and confirm it to the customer as any move is.

    `kept_percent` is what she was shown that calling off will cost at least, because it would just now.

    A time that is kept no more is taken all the same while it is free. The same press again changes nothing. Raises
    NotFound, Conflict with the reason why not, `taken`, or `fee_changed` when calling off costs more than she was
    shown; Stale when the visit was changed since she saw it.
    """
    visit = visit_of_link(session, token, now)
    row = _hold(session, visit, hold)
    if row is None and visit.promised_from_at == starts_at and own_moves(session, visit):
        return
    check_movable(session, visit, now)
    if row is None or row.from_at != starts_at:
        raise Conflict("taken")
    if row.expires_at <= now:
        let_times_go(session, visit.id)
        able = able_at(session, visit, starts_at, telling.zone, now)
        row = _kept_for(session, visit, starts_at, able, now)
    before_at, owed = visit.promised_from_at, owed_now(session, visit, now)
    if owed is not None and owed.total and Fraction(f"{owed.percent:g}") > kept_percent:
        raise Conflict("fee_changed")  # she is shown it first, whatever was sent
    moved = change(
        session,
        visit.id,
        Message(telling, side="customer"),
        now=now,
        actor="customer",
        version=version,
        promised_from_at=row.from_at,
        promised_until_at=row.from_at + window_of(visit),
        planned_from_at=row.from_at,
        technician_id=row.technician_id,
        second_technician_id=goes_along(session, row),
        hold=row.token,
    )
    keep_step(session, moved, kept_percent, owed, now)
    asked = offer_when_moved(session, moved, telling, now=now, actor="customer")
    if not asked and why_not_dispatched(session, moved) is not None:  # nobody may set out without a new word
        raise_alarm(
            session, "self_moved_price", f"visit:{moved.id}", now,
            visit_id=moved.id, technician_id=moved.technician_id,
        )  # fmt: skip
    if is_near(before_at, now, telling.zone):
        facts = {"before": before_at.isoformat()}
        raise_alarm(
            session, "self_moved", f"visit:{moved.id}", now,
            visit_id=moved.id, technician_id=moved.technician_id, facts=facts,
        )  # fmt: skip


def _kept_for(session: Session, visit: Visit, starts_at: datetime, able: Sequence[Able], now: datetime) -> Hold:
    """Keep a moment with one of those who could come then, the technician she knows first. Raises Conflict `taken`."""
    tried = sorted(able, key=lambda who: who[0] != visit.technician_id)[:_MOST_TRIED]
    # All at once and in their order: two who each hold what the other waits for would wait for ever. Whoever comes as
    # things stand is among them, for the visit may be moved next.
    lock_technicians(session, visit.technician_id, visit.second_technician_id, *(one for who in tried for one in who))
    for technician_id, second_id in tried:
        with suppress(Conflict, Invalid):  # somebody else was quicker, or that technician left the company
            return hold_time(
                session,
                technician_id=technician_id,
                second_technician_id=second_id,
                starts_at=starts_at,
                duration_min=visit.duration_min,
                lat=visit.site.lat,
                lon=visit.site.lon,
                now=now,
                actor=_holder(visit.id),
                moving=visit.id,
            )
    raise Conflict("taken")


def _rise(session: Session, visit: Visit, starts_at: datetime) -> Rise | None:
    """Return what the visit costs more at another time; None where no price binds anybody yet, or it is the same."""
    quote = next(iter(quotes_of(session, visit.id)), None)
    if quote is None and not keeps_prices(session):
        return None
    known = {"service": quote.job["service"], "distance_km": quote.job["distance_km"]} if quote else {}
    try:
        job = job_of_visit(session, visit, **known)
        then = replace(job, start_at=starts_at)
        books = [kept_book(quote.book) if quote else book_at(session, one.start_at) for one in (job, then)]
        total = priced(books[1], then).total - priced(books[0], job).total
    except (Invalid, Refused):
        return None
    return Rise(total, books[1].currency, books[1].exponent) if total else None


def _hold(session: Session, visit: Visit, token: str) -> Hold | None:
    own = Hold.token == token, Hold.held_by == _holder(visit.id), ~Hold.goes_along
    return session.scalar(select(Hold).where(*own))


def _holder(visit_id: int) -> str:
    return f"customer:visit:{visit_id}"
