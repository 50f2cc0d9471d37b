"""To which times can a customer move her visit by herself?

She is shown when, and never who could come: only whether it is the technician she was told of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, tzinfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.errors import Conflict, Invalid
from app.models import Company, Visit, VisitEvent
from app.operations.company import find_company
from app.operations.customer_view import visit_of_link
from app.operations.proposal import must_choose
from app.operations.slots import LONGEST_WINDOW_MIN, Shortlist, shortlist
from app.rules.calendar import day_bounds
from app.rules.roads import AskRoads
from app.rules.self_service import DAYS_SHOWN, MOST_WEEKS, Choice, by_day, why_not_moved
from app.rules.slots import Slot

#: Who could come, and who would go along where two are needed.
Able = tuple[int, int | None]
#: So many times are looked at to fill some days with a few each.
_MOST_FOUND = 100
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
class Found:
    """What was read of a visit and of everybody's plans. A router may take its time: ask it when nothing is open."""

    frame: Times
    zone: tzinfo
    listed: Shortlist | None = None
    promised_from_at: datetime | None = None
    window: timedelta = timedelta()
    technician_id: int | None = None

    def times(self, router: AskRoads | None) -> Times:
        """Return the times to show."""
        choices = [
            Choice(slot.starts_at, slot.starts_at + self.window, slot.technician == self.technician_id)
            for slot in self._slots(router)
        ]
        return replace(self.frame, days=by_day(choices, self.zone))

    def able(self, router: AskRoads | None, starts_at: datetime) -> list[Able]:
        """Return who could come at a moment among the times that were found, best first."""
        return [(one.technician, one.second_technician) for one in self._slots(router) if one.starts_at == starts_at]

    def _slots(self, router: AskRoads | None) -> list[Slot]:
        slots = [offer.slot for offer in self.listed.offers(router).items] if self.listed else []
        return [slot for slot in slots if slot.starts_at != self.promised_from_at]


def find_times(
    session: Session, token: str, from_on: date | None, zone: tzinfo, now: datetime, *, routed: bool = False
) -> Found:
    """Return what is needed to show the times to which the visit behind a link can be moved, some days from `from_on`.

    `routed`: a router will be asked. Raises NotFound for an unknown or ended link.
    """
    visit = visit_of_link(session, token, now)
    why_not = _why_not(session, visit, now)
    if why_not is not None:
        return Found(Times(why_not), zone)
    first_at = first_moment(session, visit, now)
    first_on = first_at.astimezone(zone).date()
    last_on = first_on + timedelta(weeks=MOST_WEEKS)
    begin_on = min(max(from_on or first_on, first_on), last_on)
    end_on = min(begin_on + timedelta(days=DAYS_SHOWN), last_on + timedelta(days=1))
    begin_at, end_at = day_bounds(begin_on, zone)[0], day_bounds(end_on, zone)[0]
    before_on = max(begin_on - timedelta(days=DAYS_SHOWN), first_on) if begin_on > first_on else None
    return Found(
        Times(None, (), before_on, end_on if end_on <= last_on else None),
        zone,
        _shortlist(session, visit, max(begin_at, first_at), end_at, zone, now, routed=routed),
        visit.promised_from_at,
        window_of(visit),
        visit.technician_id,
    )


def may_move(session: Session, visit: Visit, now: datetime) -> bool:
    """Return whether the customer can look for another time by herself."""
    return _why_not(session, visit, now) is None


def check_movable(session: Session, visit: Visit, now: datetime) -> None:
    """Raise Conflict with why not, when the customer cannot move the visit by herself."""
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
        moves=own_moves(session, visit),
        located=located,
    )


def _company(session: Session) -> Company:
    company = find_company(session)
    if company is None:
        raise Conflict("not_movable", why="off")
    return company


def own_moves(session: Session, visit: Visit) -> int:
    """Return how often the customer has moved the visit by herself."""
    own = VisitEvent.visit_id == visit.id, VisitEvent.kind == "changed", VisitEvent.actor == "customer"
    return session.scalar(select(func.count()).select_from(VisitEvent).where(*own)) or 0


def first_moment(session: Session, visit: Visit, now: datetime) -> datetime:
    """Return the first moment that is offered: a technician learns of it as long before as the company wants."""
    return now + (_AT_LEAST if must_choose(session, visit) else timedelta(hours=_company(session).self_move_h))


def window_of(visit: Visit) -> timedelta:
    """Return how wide the promise is: another time is promised as exactly as the one before."""
    return min(visit.promised_until_at - visit.promised_from_at, timedelta(minutes=LONGEST_WINDOW_MIN))


def able_at(session: Session, visit: Visit, starts_at: datetime, zone: tzinfo, now: datetime) -> list[Able]:
    """Return who could begin the visit at a moment, by the straight line, best first."""
    listed = _shortlist(session, visit, starts_at, starts_at + timedelta(minutes=1), zone, now)
    slots = [offer.slot for offer in listed.offers(None).items] if listed else []
    return [(one.technician, one.second_technician) for one in slots if one.starts_at == starts_at]


def _shortlist(
    session: Session,
    visit: Visit,
    from_at: datetime,
    until_at: datetime,
    zone: tzinfo,
    now: datetime,
    *,
    routed: bool = False,
) -> Shortlist | None:
    if from_at >= until_at or visit.site.lat is None or visit.site.lon is None:
        return None
    try:
        return shortlist(
            session,
            service_id=visit.service_id,
            lat=visit.site.lat,
            lon=visit.site.lon,
            from_at=from_at,
            until_at=until_at,
            now=now,
            zone=zone,
            duration_min=visit.duration_min,
            window_min=window_of(visit) // timedelta(minutes=1),
            moving=visit.id,
            technicians=2 if visit.second_technician_id is not None else None,
            customer_id=visit.customer_id,
            most=_MOST_FOUND,
            routed=routed,
        )
    except Invalid:  # a service that is sold no more: the office finds a way
        return None
