"""Take in what happens on site: taps, reported delays, and what positions show when a tap was forgotten."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from app.errors import Conflict, Invalid
from app.models import CurrentPosition, Site, Visit, VisitEvent
from app.operations.alarm import ABOUT_WAITING, clear_alarms
from app.operations.booking import add_event, visit_for_change
from app.operations.quote import why_not_dispatched
from app.operations.reminder import note_departure
from app.operations.turn import look_again
from app.prepared import Prepared
from app.rules.position import distance_m
from app.rules.visit import AWAITED, OPEN, REPORTABLE, before_undo, change_allowed

#: A phone's clock may be this far ahead of ours.
CLOCK_AHEAD = timedelta(minutes=2)
#: A tap older than this was kept too long to be about today.
TAP_KEPT = timedelta(hours=48)
_SITE, _POSITION = Site.__table__.c, CurrentPosition.__table__.c
#: Every tap runs it.
_WHERE = Prepared(
    select(_POSITION.fixed_at, _SITE.lat, _SITE.lon, _POSITION.lat, _POSITION.lon)
    .join_from(Site.__table__, CurrentPosition.__table__, _POSITION.technician_id == bindparam("technician"))
    .where(_SITE.id == bindparam("site"), _SITE.lat.is_not(None), _SITE.lon.is_not(None))
)
#: A position measured so long before or after a tap says where it was made.
HEARD_ABOUT = timedelta(minutes=5)


def report_status(
    session: Session,
    visit_id: int,
    status: str,
    *,
    now: datetime,
    actor: str,
    by: str = "tap",
    at: datetime | None = None,
    client_key: str | None = None,
) -> Visit:
    """Record that a visit has reached a state, at `at` (default: now); a tap sent twice counts once.

    A tap that comes after a later one (a phone without a signal) fills in its time and does not turn the state back.
    Raises NotFound, Invalid naming the field, Conflict when the visit is over, or when somebody would set out to work
    after hours whose price the customer has not accepted.
    """
    visit = visit_for_change(session, visit_id)
    if _known(session, client_key):
        return visit
    if status not in REPORTABLE:
        raise Invalid.one("status", "choice", choices=", ".join(REPORTABLE))
    happened_at = _believable(at, now)
    if status == "en_route" and visit.status == "booked" and (why := why_not_dispatched(session, visit)):
        raise Conflict(why)
    if change_allowed(visit.status, status):
        visit.status = status
        visit.version += 1
    elif visit.status == status or (status in OPEN and getattr(visit, f"{status}_at", happened_at) is None):
        pass  # said again, or a forgotten earlier step that is reported now
    elif client_key and visit.status in ("completed", "no_access") and status in OPEN:
        pass  # the phone caught up after the office had closed the visit: kept as an entry, changes nothing
    else:
        raise Conflict("status_not_possible", status=visit.status)
    _note_time(visit, status, happened_at, by)
    if status == visit.status == "en_route":
        note_departure(session, visit.id, now)
    facts = {"by": by, **_where(session, visit, happened_at)}
    add_event(session, visit, status, actor, now, at=happened_at, facts=facts, client_key=client_key)
    if visit.status not in AWAITED:
        clear_alarms(session, f"visit:{visit.id}", ABOUT_WAITING, now)
    if not visit.is_open:
        visit.check_at = None
    look_again(session, visit.technician_id, now, in_turn=True)
    return visit


def undo_status(
    session: Session,
    visit_id: int,
    *,
    now: datetime,
    actor: str,
    status: str | None = None,
    at: datetime | None = None,
    client_key: str | None = None,
) -> Visit:
    """Take the latest tap back: the visit returns to the state before, and the history keeps both.

    With `status`, only while that is still the state: an undo that comes late (a phone without a signal) must not take
    back what somebody else has reported since. Raises NotFound, Invalid naming the field, Conflict when nothing can be
    taken back.
    """
    visit = visit_for_change(session, visit_id)
    if _known(session, client_key):
        return visit
    undone = visit.status
    before = before_undo(undone, en_route=visit.en_route_at is not None, arrived=visit.arrived_at is not None)
    if before is None or status not in (None, undone):
        raise Conflict("nothing_to_undo")
    moment = "arrived" if undone == "working" else undone
    if moment in ("en_route", "arrived", "completed"):
        setattr(visit, f"{moment}_at", None)
        setattr(visit, f"{moment}_by", None)
    visit.status = before
    if undone == "en_route":
        note_departure(session, visit.id, None)
    visit.check_at = now  # a visit that was over had no next look
    visit.version += 1
    add_event(
        session,
        visit,
        "undone",
        actor,
        now,
        at=_believable(at, now),
        facts={"status": undone},
        client_key=client_key,
    )
    look_again(session, visit.technician_id, now, in_turn=True)
    return visit


def report_eta(
    session: Session,
    visit_id: int,
    eta: datetime,
    *,
    now: datetime,
    actor: str,
    at: datetime | None = None,
    client_key: str | None = None,
) -> Visit:
    """Record the arrival time that the technician expects.

    Raises NotFound, Invalid naming the field, Conflict when the visit is no longer awaited.
    """
    visit = visit_for_change(session, visit_id)
    if _known(session, client_key):
        return visit
    if visit.status not in AWAITED:
        raise Conflict("not_awaited", status=visit.status)
    said_at = _believable(at, now)
    if not said_at - timedelta(minutes=10) <= eta <= said_at + timedelta(hours=12):
        raise Invalid.one("eta", "not_soon")
    if visit.eta_reported_at is None or said_at >= visit.eta_reported_at:
        visit.eta_reported, visit.eta_reported_at = eta, said_at
    add_event(session, visit, "eta", actor, now, at=said_at, facts={"eta": eta.isoformat()}, client_key=client_key)
    look_again(session, visit.technician_id, now, in_turn=True)
    return visit


def note_inferred(session: Session, visit: Visit, status: str, at: datetime, why: str, *, now: datetime) -> None:
    """Record a step that nobody tapped but positions show; it never overrides a tap, and a tap may still correct it."""
    if not change_allowed(visit.status, status):
        return
    visit.status = status
    _note_time(visit, status, at, "silence" if why == "silent_at_door" else "position")
    if status == "en_route":
        note_departure(session, visit.id, now)
    add_event(session, visit, status, "position", now, at=at, facts={"by": "position", "why": why})
    if status not in AWAITED:
        clear_alarms(session, f"visit:{visit.id}", ABOUT_WAITING, now)
    if not visit.is_open:
        visit.check_at = None


def withdraw_arrival(session: Session, visit: Visit, at: datetime, why: str, *, now: datetime) -> None:
    """Record that an arrival, tapped or inferred, cannot be right: the customer is waiting again."""
    if visit.status not in ("arrived", "working"):
        return
    visit.arrived_at = visit.arrived_by = None
    visit.status = "en_route" if visit.en_route_at else "booked"
    visit.version += 1
    add_event(session, visit, "reopened", "position", now, at=at, facts={"by": "position", "why": why})


def _note_time(visit: Visit, status: str, at: datetime, by: str) -> None:
    if status == "working":
        status = "arrived"
    if status not in ("en_route", "arrived", "completed"):
        return
    known_by = getattr(visit, f"{status}_by")
    # A person's word replaces what positions suggested; the first word of a person stands.
    if getattr(visit, f"{status}_at") is None or known_by in ("position", "silence"):
        setattr(visit, f"{status}_at", at)
        setattr(visit, f"{status}_by", by)


def _where(session: Session, visit: Visit, at: datetime) -> dict[str, int]:
    """Return how far from the site the technician's phone was at `at`, if it was heard about then."""
    session.flush()
    whose = {"technician": visit.technician_id or 0, "site": visit.site_id}
    for fixed_at, *door_and_phone in _WHERE.rows(session.connection(), whose):
        if abs(fixed_at - at) <= HEARD_ABOUT:
            return {"away_m": round(distance_m(*door_and_phone))}
    return {}


def _known(session: Session, client_key: str | None) -> bool:
    return client_key is not None and (
        session.scalar(select(VisitEvent.id).where(VisitEvent.client_key == client_key)) is not None
    )


def _believable(at: datetime | None, now: datetime) -> datetime:
    if at is None or now < at <= now + CLOCK_AHEAD:
        return now
    if at > now + CLOCK_AHEAD:
        raise Invalid.one("at", "in_the_future")
    if at < now - TAP_KEPT:
        raise Invalid.one("at", "too_old")
    return at
