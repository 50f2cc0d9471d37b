"""Book, move, reassign and cancel visits, so that two of one technician never overlap."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, func, literal_column, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.errors import Conflict, Invalid, NotFound, Problem, Stale
from app.models import Customer, Service, Site, Technician, Visit, VisitEvent
from app.operations.alarm import ABOUT_WAITING, clear_alarms
from app.prepared import Prepared, among
from app.rules.booking import Clash, Taken, first_free_start
from app.rules.visit import OPEN, change_allowed

#: A promise longer than this is no promise.
LONGEST_WINDOW = timedelta(hours=24)
LONGEST_VISIT_MIN = 24 * 60
LONGEST_NOTE = 2000
#: How long after its end a promise may still be entered: a call-out is often written down when it has begun.
ENTERED_LATE = timedelta(hours=1)
#: No evidence about a visit can exist earlier than this before its plan.
FIRST_LOOK_BEFORE = timedelta(hours=12)

# No vowels and no look-alikes: a token is sometimes read aloud. Ten of 28 characters are 48 bits, as much as an SMS
# of 70 characters leaves room for; guessing is slowed down by the page's rate limit, and the link ends with the visit.
_TOKEN_LETTERS = "23456789bcdfghjkmnpqrstvwxyz"
_TOKEN_LENGTH = 10


#: Built once: every fix and tap runs it. One due visit has the whole day looked at, so the others need no writing.
#: `begun` keeps years of visits that are over from being read.
_VISIT = Visit.__table__.c
_LOCK = (
    select(Technician.id)
    .where(among(Technician.__table__.c.id, "technicians"))
    .order_by(Technician.id)
    .with_for_update(key_share=True)
)
_LOCKED, _FREE = Prepared(_LOCK), Prepared(_LOCK.with_for_update(key_share=True, skip_locked=True))
_FIRST = (
    select(_VISIT.id)
    .where(
        _VISIT.technician_id == bindparam("technician"),
        _VISIT.status.in_([literal_column(f"'{status}'") for status in OPEN]),
        _VISIT.check_at.is_not(None),
        _VISIT.planned_from_at >= bindparam("begun"),
        _VISIT.planned_from_at < bindparam("soon"),
    )
    .order_by(_VISIT.planned_from_at)
    .limit(1)
)
_LOOK_AGAIN = Prepared(
    update(Visit.__table__)  # type: ignore[arg-type]
    .where(_VISIT.id == _FIRST.scalar_subquery(), _VISIT.check_at > bindparam("now"))
    .values(check_at=bindparam("now"))
)


def book_visit(
    session: Session,
    *,
    customer_id: int,
    site_id: int,
    service_id: int,
    promised_from_at: datetime,
    promised_until_at: datetime,
    duration_min: int | None,
    technician_id: int | None,
    now: datetime,
    actor: str,
    planned_from_at: datetime | None = None,
    note: str = "",
) -> Visit:
    """Book a visit and plan it at its first free start within the promise, or at the start that is given.

    Raises Invalid naming the fields, Conflict `overlap` or `unreachable` with the visit that stands in the way.
    """
    customer = session.get(Customer, customer_id)
    site = session.get(Site, site_id)
    service = session.get(Service, service_id)
    problems = []
    if customer is None:
        problems.append(Problem("customer", "unknown"))
    if site is None or (customer is not None and site.customer_id != customer.id):
        problems.append(Problem("site", "unknown"))
    if service is None or not service.active:
        problems.append(Problem("service", "unknown"))
    if problems:
        raise Invalid(problems)
    assert site is not None
    assert service is not None
    minutes = service.duration_min if duration_min is None else duration_min
    _check_times(promised_from_at, promised_until_at, minutes, planned_from_at, now)
    planned_at = _place(
        session, technician_id, site, promised_from_at, promised_until_at, minutes, planned_from_at, visit_id=None
    )
    visit = Visit(
        customer_id=customer_id,
        site_id=site_id,
        service_id=service_id,
        technician_id=technician_id,
        link_token="".join(secrets.choice(_TOKEN_LETTERS) for _ in range(_TOKEN_LENGTH)),
        note=note,
        created_at=now,
        promised_from_at=promised_from_at,
        promised_until_at=promised_until_at,
        planned_from_at=planned_at,
        planned_until_at=planned_at + timedelta(minutes=minutes),
        duration_min=minutes,
        check_at=max(now, planned_at - FIRST_LOOK_BEFORE),
    )
    session.add(visit)
    with _overlap_refused():
        session.flush()
    add_event(session, visit, "booked", actor, now, facts=promise_facts(visit))
    return visit


def change_visit(
    session: Session,
    visit_id: int,
    *,
    now: datetime,
    actor: str,
    version: int | None = None,
    promised_from_at: datetime | None = None,
    promised_until_at: datetime | None = None,
    planned_from_at: datetime | None = None,
    duration_min: int | None = None,
    technician_id: int | None = None,
    unassign: bool = False,
    note: str | None = None,
) -> Visit:
    """Move or reassign a visit; what is None stays. A moved promise forgets the forecast and what was told of it.

    Raises NotFound, Stale when `version` is not the present one, Conflict when the visit is over or the new time is
    taken, Invalid naming the fields.
    """
    visit = visit_for_change(session, visit_id, version, technician_id)
    if not visit.is_open:
        raise Conflict("visit_over", status=visit.status)
    before, with_before = promise_facts(visit), visit.technician_id
    new_from_at = promised_from_at or visit.promised_from_at
    # Moving only the start keeps the length of the window.
    new_until_at = promised_until_at or (visit.promised_until_at + (new_from_at - visit.promised_from_at))
    minutes = visit.duration_min if duration_min is None else duration_min
    new_technician_id = None if unassign else technician_id or visit.technician_id
    promise_moved = (new_from_at, new_until_at) != (visit.promised_from_at, visit.promised_until_at)
    resized = minutes != visit.duration_min
    if promise_moved or planned_from_at or resized or new_technician_id != visit.technician_id:
        keeps_plan = not promise_moved and planned_from_at is None
        wanted_at = visit.planned_from_at if keeps_plan else planned_from_at
        if promise_moved or planned_from_at or resized:
            _check_times(new_from_at, new_until_at, minutes, planned_from_at, now)
        planned_at = _place(
            session, new_technician_id, visit.site, new_from_at, new_until_at, minutes, wanted_at, visit_id=visit.id
        )
        if new_technician_id != visit.technician_id:
            visit.en_route_at = visit.en_route_by = None
            if visit.status == "en_route":
                visit.status = "booked"
        visit.promised_from_at, visit.promised_until_at = new_from_at, new_until_at
        visit.planned_from_at, visit.planned_until_at = planned_at, planned_at + timedelta(minutes=minutes)
        visit.duration_min, visit.technician_id = minutes, new_technician_id
        forget_forecast(visit)
        visit.check_at = max(now, planned_at - FIRST_LOOK_BEFORE)
        if promise_moved or new_technician_id != with_before:
            clear_alarms(session, f"visit:{visit.id}", ABOUT_WAITING, now, actor)
    if note is not None:
        visit.note = note
    visit.version += 1
    with _overlap_refused():
        session.flush()
    add_event(session, visit, "changed", actor, now, facts={"before": before, "after": promise_facts(visit)})
    if before != promise_facts(visit):
        for technician in {with_before, visit.technician_id}:
            look_again(session, technician, now)
    return visit


def cancel_visit(
    session: Session, visit_id: int, *, now: datetime, actor: str, version: int | None = None, reason: str = ""
) -> Visit:
    """Cancel a visit; what waits to be told about it becomes old news. Raises NotFound, Stale, Conflict."""
    visit = visit_for_change(session, visit_id, version)
    if not change_allowed(visit.status, "cancelled"):
        raise Conflict("visit_over", status=visit.status)
    visit.status = "cancelled"
    visit.check_at = None
    visit.version += 1
    add_event(session, visit, "cancelled", actor, now, facts={"reason": reason} if reason else {})
    clear_alarms(session, f"visit:{visit.id}", ABOUT_WAITING, now, actor)
    look_again(session, visit.technician_id, now)
    return visit


def visit_for_change(
    session: Session, visit_id: int, version: int | None = None, next_technician_id: int | None = None
) -> Visit:
    """Load a visit for changing it, locked where the database can, after its technicians. Raises NotFound, Stale."""
    technician_id = session.scalar(select(Visit.technician_id).where(Visit.id == visit_id))
    lock_technicians(session, technician_id, next_technician_id)
    visit = session.get(Visit, visit_id, with_for_update={"of": Visit, "key_share": True}, populate_existing=True)
    if visit is None:
        raise NotFound("visit")
    if version is not None and version != visit.version:
        raise Stale("visit_changed", version=visit.version)
    return visit


def lock_technicians(session: Session, *technician_ids: int | None) -> None:
    """Wait for the turn to change these technicians' days.

    Whoever changes several visits of a technician, or a visit and then others of the same day, does this first:
    otherwise two of them could each hold what the other waits for. On SQLite, every writer is alone already.
    """
    if session.get_bind().dialect.name == "sqlite":
        return
    wanted = sorted({technician_id for technician_id in technician_ids if technician_id is not None})
    if wanted:
        _LOCKED.rows(session.connection(), {"technicians": wanted})


def lock_free_technicians(session: Session, technician_ids: Sequence[int]) -> Sequence[int]:
    """Take the turn to change the days of those technicians whom nobody else is changing just now; return them.

    For who changes many days at once and can come back: waiting for one would keep the others locked meanwhile.
    """
    if session.get_bind().dialect.name == "sqlite":
        return technician_ids
    return [free for (free,) in _FREE.rows(session.connection(), {"technicians": technician_ids})]


def look_again(session: Session, technician_id: int | None, now: datetime) -> None:
    """Have the sweep look at a technician's day at once, because there is new evidence or another plan."""
    if technician_id is not None:
        lock_technicians(session, technician_id)
        session.flush()
        begun, soon = now - FIRST_LOOK_BEFORE - timedelta(minutes=LONGEST_VISIT_MIN), now + FIRST_LOOK_BEFORE
        reach = {"technician": technician_id, "begun": begun, "soon": soon}
        _LOOK_AGAIN.run(session.connection(), [{"now": now, **reach}])


def look_at_all_again(session: Session, now: datetime) -> None:
    """Have the sweep look at every day that is watched now, because what decides has changed. One look sees a day.

    A day that is due has perhaps been taken up already, with what decided before: its turn is waited for as well.
    """
    session.flush()
    watched = (Visit.technician_id.is_not(None), Visit.status.in_(OPEN), Visit.check_at.is_not(None))
    around_now = (*watched, Visit.planned_from_at < now + FIRST_LOOK_BEFORE)
    lock_technicians(session, *session.scalars(select(Visit.technician_id).where(*around_now).distinct()))
    one_a_day = select(func.min(Visit.id)).where(*around_now, Visit.check_at > now).group_by(Visit.technician_id)
    look = update(Visit).where(Visit.id.in_(one_a_day)).values(check_at=now)
    session.execute(look.execution_options(synchronize_session=False))


def add_event(
    session: Session,
    visit: Visit,
    kind: str,
    actor: str,
    now: datetime,
    *,
    at: datetime | None = None,
    facts: dict[str, Any] | None = None,
    client_key: str | None = None,
) -> None:
    """Add an entry to a visit's history: what happened when, and when we heard of it."""
    session.add(
        VisitEvent(
            visit_id=visit.id,
            at=at or now,
            recorded_at=now,
            kind=kind,
            actor=actor,
            facts=facts or {},
            client_key=client_key,
        )
    )


def forget_forecast(visit: Visit) -> None:
    """Forget what was forecast: it spoke of another promise or another technician."""
    visit.forecast_from_at = visit.forecast_until_at = visit.forecast_median_at = visit.forecast_as_of_at = None
    visit.late_probability = visit.forecast_basis = visit.forecast_state = None
    visit.noted_at = visit.noted_median_at = visit.noted_until_at = None
    visit.eta_reported = visit.eta_reported_at = None
    visit.watch = {}


def _check_times(
    from_at: datetime, until_at: datetime, duration_min: int, planned_from_at: datetime | None, now: datetime
) -> None:
    problems = []
    if until_at < from_at:
        problems.append(Problem("promised_until", "before_start"))
    elif until_at - from_at > LONGEST_WINDOW:
        problems.append(Problem("promised_until", "window_too_long", {"hours": 24}))
    if until_at < now - ENTERED_LATE:
        problems.append(Problem("promised_from", "in_the_past"))
    if not 1 <= duration_min <= LONGEST_VISIT_MIN:
        problems.append(Problem("duration_min", "range", {"least": 1, "most": LONGEST_VISIT_MIN}))
    if planned_from_at is not None and not from_at <= planned_from_at <= max(from_at, until_at):
        problems.append(Problem("planned_from", "outside_promise"))
    if problems:
        raise Invalid(problems)


def _place(
    session: Session,
    technician_id: int | None,
    site: Site,
    from_at: datetime,
    until_at: datetime,
    duration_min: int,
    planned_from_at: datetime | None,
    *,
    visit_id: int | None,
) -> datetime:
    """Return when the visit is planned to start. Locks the technician, so that bookings for one wait in line."""
    if technician_id is None:
        return planned_from_at or from_at
    lock_technicians(session, technician_id)
    technician = session.get(Technician, technician_id)
    if technician is None or not technician.active:
        raise Invalid.one("technician", "unknown")
    earliest_at, latest_at = (planned_from_at, planned_from_at) if planned_from_at else (from_at, until_at)
    near = timedelta(minutes=duration_min) + timedelta(hours=12)
    rows = session.execute(
        select(Visit.id, Visit.planned_from_at, Visit.planned_until_at, Site.lat, Site.lon)
        .join(Site, Site.id == Visit.site_id)
        .where(
            Visit.technician_id == technician_id,
            Visit.status != "cancelled",
            Visit.id != (visit_id or 0),
            Visit.planned_until_at > earliest_at - near,
            Visit.planned_from_at < latest_at + near,
        )
    )
    start = first_free_start(earliest_at, latest_at, duration_min, site.lat, site.lon, [Taken(*row) for row in rows])
    if isinstance(start, Clash):
        raise Conflict(start.reason, visit=start.visit_id, short_min=start.short_min)
    return start


@contextmanager
def _overlap_refused() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        if "visit_no_overlap" in str(error.orig):
            raise Conflict("overlap", visit=0, short_min=0) from error
        raise


def promise_facts(visit: Visit) -> dict[str, Any]:
    """Return what an entry of the history keeps of a promise and its plan."""
    return {
        "promised_from": visit.promised_from_at.isoformat(),
        "promised_until": visit.promised_until_at.isoformat(),
        "planned_from": visit.planned_from_at.isoformat(),
        "technician": visit.technician_id,
        "duration_min": visit.duration_min,
    }
