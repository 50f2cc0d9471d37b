"""Let a customer move her visit to a time that is offered: find times, keep the one she thinks about, move it there.

She is shown when, and never who could come: only whether it is the technician she was told of. What she sends back is a
moment, and who comes is chosen here.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from app.errors import Conflict, Invalid
from app.models import Company, Hold, Visit, VisitEvent
from app.operations.alarm import raise_alarm
from app.operations.appointment import Message, change
from app.operations.company import find_company
from app.operations.customer_view import visit_of_link
from app.operations.hold import hold_time
from app.operations.notice import Telling
from app.operations.proposal import must_choose
from app.operations.slots import LONGEST_WINDOW_MIN, find_slots
from app.operations.turn import lock_technicians
from app.rules.calendar import day_bounds
from app.rules.self_service import DAYS_SHOWN, MOST_WEEKS, Choice, by_day, is_near, why_not_moved
from app.rules.slots import Slot

#: So many times are looked at to fill some days with a few each.
_MOST_FOUND = 100
#: Among so many technicians who could come at a moment, one is found whom nobody else takes just then.
_MOST_TRIED = 5
#: Who was told that nobody can come is offered times from so soon on.
_AT_LEAST = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Times:
    """The times that a customer can choose from, by day; and from which days on earlier and later ones are shown.

    `why_not`: why there is nothing to choose (rules.self_service.why_not_moved), None when there may be.
    """

    why_not: str | None
    days: Sequence[tuple[date, Sequence[Choice]]] = ()
    before_on: date | None = None
    after_on: date | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """The time that is kept while a customer thinks: until when, and which version of the visit she saw."""

    token: str
    choice: Choice
    expires_at: datetime
    version: int


def times_for(session: Session, token: str, from_on: date | None, zone: tzinfo, now: datetime) -> Times:
    """Return the times to which the visit behind a link can be moved, some days from `from_on` on. Raises NotFound."""
    visit = visit_of_link(session, token, now)
    why_not = _why_not(session, visit, now)
    if why_not is not None:
        return Times(why_not)
    first_at = _first(session, visit, now)
    first_on = first_at.astimezone(zone).date()
    last_on = first_on + timedelta(weeks=MOST_WEEKS)
    begin_on = min(max(from_on or first_on, first_on), last_on)
    end_on = min(begin_on + timedelta(days=DAYS_SHOWN), last_on + timedelta(days=1))
    begin_at, end_at = day_bounds(begin_on, zone)[0], day_bounds(end_on, zone)[0]
    found = [_choice(visit, slot) for slot in _slots(session, visit, max(begin_at, first_at), end_at, zone, now)]
    return Times(
        None,
        by_day((one for one in found if one.starts_at != visit.promised_from_at), zone),
        max(begin_on - timedelta(days=DAYS_SHOWN), first_on) if begin_on > first_on else None,
        end_on if end_on <= last_on else None,
    )


def keep_time(session: Session, token: str, starts_at: datetime, zone: tzinfo, now: datetime) -> str:
    """Keep an offered time for the customer who chose it, instead of the one kept before; return what names it.

    Raises NotFound for an unknown or ended link, Conflict with the reason why the visit cannot be moved, or `taken`
    when the time is offered no more.
    """
    visit = visit_of_link(session, token, now)
    _check(session, visit, now)
    let_times_go(session, visit.id)
    if starts_at < _first(session, visit, now):
        raise Conflict("taken")
    return _kept_for(session, visit, starts_at, zone, now).token


def kept_time(session: Session, token: str, hold: str, now: datetime) -> Kept | None:
    """Return the time that is kept for the visit behind a link; None when it is over, or somebody else's."""
    visit = visit_of_link(session, token, now)
    _check(session, visit, now)
    row = _hold(session, visit, hold)
    if row is None or row.expires_at <= now:
        return None
    choice = Choice(row.from_at, row.from_at + _window(visit), row.technician_id == visit.technician_id)
    return Kept(row.token, choice, row.expires_at, visit.version)


def let_times_go(session: Session, visit_id: int) -> None:
    """Make free again what was kept for the customer of a visit."""
    session.execute(delete(Hold).where(Hold.held_by == _holder(visit_id)))


def let_go_of(session: Session, token: str, now: datetime) -> None:
    """Make free again what was kept for the visit behind a link. Raises NotFound."""
    let_times_go(session, visit_of_link(session, token, now).id)


def move_to(
    session: Session, token: str, hold: str, starts_at: datetime, *, version: int, telling: Telling, now: datetime
) -> None:
    """Move the visit to the time that was kept, and confirm it to the customer as any move is.

    A time that is kept no more is taken all the same while it is free. The same press again changes nothing. Raises
    NotFound, Conflict with the reason why not, or `taken`; Stale when the visit was changed since she saw it.
    """
    visit = visit_of_link(session, token, now)
    row = _hold(session, visit, hold)
    if row is None and visit.promised_from_at == starts_at and _moves(session, visit):
        return
    _check(session, visit, now)
    if row is None or row.from_at != starts_at:
        raise Conflict("taken")
    if row.expires_at <= now:
        let_times_go(session, visit.id)
        row = _kept_for(session, visit, starts_at, telling.zone, now)
    before_at = visit.promised_from_at
    moved = change(
        session,
        visit.id,
        Message(telling, side="customer"),
        now=now,
        actor="customer",
        version=version,
        promised_from_at=row.from_at,
        promised_until_at=row.from_at + _window(visit),
        planned_from_at=row.from_at,
        technician_id=row.technician_id,
        hold=row.token,
    )
    if is_near(before_at, now, telling.zone):
        facts = {"before": before_at.isoformat()}
        raise_alarm(
            session, "self_moved", f"visit:{moved.id}", now,
            visit_id=moved.id, technician_id=moved.technician_id, facts=facts,
        )  # fmt: skip


def may_move(session: Session, visit: Visit, now: datetime) -> bool:
    """Return whether the customer can look for another time by herself."""
    return _why_not(session, visit, now) is None


def _check(session: Session, visit: Visit, now: datetime) -> None:
    why_not = _why_not(session, visit, now)
    if why_not is not None:
        raise Conflict("not_movable", why=why_not)


def _why_not(session: Session, visit: Visit, now: datetime) -> str | None:
    located = visit.site.lat is not None and visit.site.lon is not None
    if located and visit.status == "booked" and must_choose(session, visit):
        return None  # it is we who cannot come: she chooses whatever the rules say
    return why_not_moved(
        visit.status,
        visit.promised_from_at,
        now,
        least_h=_company(session).self_move_h,
        moves=_moves(session, visit),
        located=located,
    )


def _company(session: Session) -> Company:
    company = find_company(session)
    if company is None:
        raise Conflict("not_movable", why="off")
    return company


def _moves(session: Session, visit: Visit) -> int:
    own = VisitEvent.visit_id == visit.id, VisitEvent.kind == "changed", VisitEvent.actor == "customer"
    return session.scalar(select(func.count()).select_from(VisitEvent).where(*own)) or 0


def _first(session: Session, visit: Visit, now: datetime) -> datetime:
    """Return the first moment that is offered: a technician learns of it as long before as the company wants."""
    return now + (_AT_LEAST if must_choose(session, visit) else timedelta(hours=_company(session).self_move_h))


def _window(visit: Visit) -> timedelta:
    """Return how wide the promise is: another time is promised as exactly as the one before."""
    return min(visit.promised_until_at - visit.promised_from_at, timedelta(minutes=LONGEST_WINDOW_MIN))


def _slots(
    session: Session, visit: Visit, from_at: datetime, until_at: datetime, zone: tzinfo, now: datetime
) -> list[Slot]:
    if from_at >= until_at or visit.site.lat is None or visit.site.lon is None:
        return []
    try:
        return find_slots(
            session,
            service_id=visit.service_id,
            lat=visit.site.lat,
            lon=visit.site.lon,
            from_at=from_at,
            until_at=until_at,
            now=now,
            zone=zone,
            duration_min=visit.duration_min,
            window_min=_window(visit) // timedelta(minutes=1),
            moving=visit.id,
            most=_MOST_FOUND,
        )
    except Invalid:  # a service that is sold no more: the office finds a way
        return []


def _choice(visit: Visit, slot: Slot) -> Choice:
    return Choice(slot.starts_at, slot.starts_at + _window(visit), slot.technician == visit.technician_id)


def _kept_for(session: Session, visit: Visit, starts_at: datetime, zone: tzinfo, now: datetime) -> Hold:
    """Keep a moment with whoever can come then, the technician she knows first. Raises Conflict `taken`."""
    found = _slots(session, visit, starts_at, starts_at + timedelta(minutes=1), zone, now)
    able = [slot.technician for slot in found if slot.starts_at == starts_at]
    able.sort(key=lambda technician: technician != visit.technician_id)
    # All at once and in their order: two who each hold what the other waits for would wait for ever.
    lock_technicians(session, *able[:_MOST_TRIED])
    for technician_id in able[:_MOST_TRIED]:
        with suppress(Conflict, Invalid):  # somebody else was quicker, or that technician left the company
            return hold_time(
                session,
                technician_id=technician_id,
                starts_at=starts_at,
                duration_min=visit.duration_min,
                lat=visit.site.lat,
                lon=visit.site.lon,
                now=now,
                actor=_holder(visit.id),
                moving=visit.id,
            )
    raise Conflict("taken")


def _hold(session: Session, visit: Visit, token: str) -> Hold | None:
    return session.scalar(select(Hold).where(Hold.token == token, Hold.held_by == _holder(visit.id)))


def _holder(visit_id: int) -> str:
    return f"customer:visit:{visit_id}"
