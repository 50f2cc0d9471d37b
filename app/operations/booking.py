"""Book, move, reassign and cancel visits, so that two of one technician never overlap."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta, tzinfo
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.errors import Conflict, Invalid, NotFound, Problem, Stale
from app.models import Customer, Hold, Service, Site, Visit, VisitEvent
from app.operations.alarm import ABOUT_WAITING, clear_alarms
from app.operations.announce import LISTENERS, announce_entry
from app.operations.plan import Start, plan_start
from app.operations.second import beside, check_enough, check_first, check_two, follow, made_beside, stand_down
from app.operations.turn import FIRST_LOOK_BEFORE, lock_technicians, lock_technicians_of, look_again
from app.prepared import Prepared
from app.rules.booking import LONGEST_VISIT_MIN
from app.rules.visit import AWAITED, change_allowed

#: A promise longer than this is no promise.
LONGEST_WINDOW = timedelta(hours=24)
LONGEST_NOTE = 2000
#: How long after its end a promise may still be entered: a call-out is often written down when it has begun.
ENTERED_LATE = timedelta(hours=1)

# No vowels and no look-alikes: a token is sometimes read aloud. Ten of 28 characters are 48 bits, as much as an SMS
# of 70 characters leaves room for; guessing is slowed down by the page's rate limit, and the link ends with the visit.
_TOKEN_LETTERS = "23456789bcdfghjkmnpqrstvwxyz"
_TOKEN_LENGTH = 10
# What stays when the visit is over, a quote or an invoice, has 62 bits.
LASTING_TOKEN = 13

#: Built once: every booking and every change runs them.
_VISIT, _CUSTOMER, _SITE, _SERVICE = (model.__table__.c for model in (Visit, Customer, Site, Service))
_ASKED_FOR = Prepared(
    select(_SITE.lat, _SITE.lon, _SERVICE.duration_min, _SERVICE.technicians)
    .join_from(Site.__table__, Customer.__table__, _CUSTOMER.id == _SITE.customer_id)
    .join(Service.__table__, _SERVICE.active)
    .where(_CUSTOMER.id == bindparam("customer"), _SITE.id == bindparam("site"), _SERVICE.id == bindparam("service"))
)
_OF_CHANGE = select(Visit).where(Visit.id == bindparam("visit")).with_for_update(of=Visit, key_share=True)
_NOTE = Prepared(
    insert(VisitEvent.__table__).returning(LISTENERS),  # type: ignore[arg-type]
    ("visit_id", "at", "recorded_at", "kind", "actor", "facts", "client_key"),
)
#: What is locked after the mark can be given back.
_MARK = Prepared(text("SAVEPOINT before_locks"))
_KEEP = Prepared(text("RELEASE SAVEPOINT before_locks"))
_GIVE_BACK = Prepared(text("ROLLBACK TO SAVEPOINT before_locks"))


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
    hold: str | None = None,
    zone: tzinfo | None = None,
    insist: bool = False,
    second_technician_id: int | None = None,
    short_handed: bool = False,
) -> Visit:
    """Book a visit and plan it at its first free start within the promise, or at the start that is given.

    With `zone`, time that is not worked is refused, unless somebody insists, which is kept; without it nobody asks.

    A `hold` on this time is used up; without it, a time that is held for somebody else is taken.
    With a second technician both are taken or neither; where two are needed one goes alone only `short_handed`.
    Raises Invalid naming the fields, Conflict `overlap` or `unreachable` with the visit that stands in the way, `held`,
    `closed`, `needs_two`.
    """
    lat, lon, usual_min, needed = _asked_for(session, customer_id, site_id, service_id)
    check_two(technician_id, second_technician_id)
    check_enough(needed, technician_id, second_technician_id, short_handed=short_handed)
    if second_technician_id is not None:
        lock_technicians(session, technician_id, second_technician_id)
    minutes = usual_min if duration_min is None else duration_min
    _check_times(promised_from_at, promised_until_at, minutes, planned_from_at, now)
    start = plan_start(
        session, technician_id, (lat, lon), promised_from_at, promised_until_at, minutes, planned_from_at, now,
        hold=hold, zone=zone, insist=insist,
        second=None if second_technician_id is None else (second_technician_id, 0),
    )  # fmt: skip
    planned_at = start.at
    visit = Visit(
        customer_id=customer_id,
        site_id=site_id,
        service_id=service_id,
        technician_id=technician_id,
        second_technician_id=second_technician_id,
        link_token=new_token(),
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
    if second_technician_id is not None:
        _send_along(session, visit, None, now, actor)
    if hold is not None:
        session.execute(delete(Hold).where(Hold.token == hold))
    add_event(session, visit, "booked", actor, now, facts={**promise_facts(visit), **_insisted(start)})
    return visit


def _asked_for(
    session: Session, customer_id: int, site_id: int, service_id: int
) -> tuple[float | None, float | None, int, int]:
    """Return where the site of a booking is, how many minutes its work usually takes, and how many it needs.

    Raises Invalid naming the fields.
    """
    session.flush()
    asked = {"customer": customer_id, "site": site_id, "service": service_id}
    for lat, lon, minutes, technicians in _ASKED_FOR.rows(session.connection(), asked):
        return lat, lon, minutes, technicians
    customer, site = session.get(Customer, customer_id), session.get(Site, site_id)
    service = session.get(Service, service_id)
    problems = [] if customer is not None else [Problem("customer", "unknown")]
    if site is None or (customer is not None and site.customer_id != customer.id):
        problems.append(Problem("site", "unknown"))
    if service is None or not service.active:
        problems.append(Problem("service", "unknown"))
    raise Invalid(problems)


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
    hold: str | None = None,
    zone: tzinfo | None = None,
    insist: bool = False,
    second_technician_id: int | None = None,
    alone: bool = False,
    short_handed: bool = False,
) -> Visit:
    """Move or reassign a visit; what is None stays. A moved promise forgets the forecast and what was told of it.

    A `hold` on the new time is used up.
    The second technician's time goes with it; `alone` sends nobody along any more, and nor does `unassign`. Where two
    are needed, one is left alone only `short_handed`.
    Raises NotFound, Stale when `version` is not the present one, Conflict when the visit is over or the new time is
    taken, or `beside` when it only stands beside another; Invalid naming the fields.
    """
    visit = visit_for_change(session, visit_id, version, technician_id, second_technician_id)
    check_first(visit)
    if not visit.is_open:
        raise Conflict("visit_over", status=visit.status)
    before, with_before = promise_facts(visit), visit.technician_id
    new_from_at = promised_from_at or visit.promised_from_at
    # Moving only the start keeps the length of the window.
    new_until_at = promised_until_at or (visit.promised_until_at + (new_from_at - visit.promised_from_at))
    minutes = visit.duration_min if duration_min is None else duration_min
    new_technician_id = None if unassign else technician_id or visit.technician_id
    second_id = None if alone or unassign else second_technician_id or visit.second_technician_id
    check_two(new_technician_id, second_id)
    if visit.technician_id is None or visit.second_technician_id is not None:
        check_enough(visit.service.technicians, new_technician_id, second_id, short_handed=short_handed)
    along = beside(session, visit)
    if along is not None and along.technician_id == new_technician_id:
        # Who went along goes first now: that time is free before it is taken by the visit itself.
        visit.second_technician_id = None
        _send_along(session, visit, along, now, actor)
        along = None
    start: Start | None = None
    promise_moved = (new_from_at, new_until_at) != (visit.promised_from_at, visit.promised_until_at)
    resized = minutes != visit.duration_min
    someone_else = new_technician_id != visit.technician_id or second_id not in (None, visit.second_technician_id)
    if promise_moved or planned_from_at or resized or someone_else:
        keeps_plan = not promise_moved and planned_from_at is None
        wanted_at = visit.planned_from_at if keeps_plan else planned_from_at
        if promise_moved or planned_from_at or resized:
            _check_times(new_from_at, new_until_at, minutes, planned_from_at, now)
        start = plan_start(
            session,
            new_technician_id,
            (visit.site.lat, visit.site.lon),
            new_from_at,
            new_until_at,
            minutes,
            wanted_at,
            now,
            visit_id=visit.id,
            hold=hold,
            # Whoever is there already goes on, whatever the hours say; and anybody may be relieved of a visit.
            zone=zone if visit.status in AWAITED and not (unassign and keeps_plan) else None,
            insist=insist,
            second=None if second_id is None else (second_id, along.id if along else 0),
        )
        planned_at = start.at
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
    visit.second_technician_id = second_id
    visit.version += 1
    with _overlap_refused():
        session.flush()
    if along is not None or second_id is not None:
        _send_along(session, visit, along, now, actor)
    if hold is not None:
        session.execute(delete(Hold).where(Hold.token == hold))
    facts = {"before": before, "after": promise_facts(visit), **_insisted(start)}
    add_event(session, visit, "changed", actor, now, facts=facts)
    if before != promise_facts(visit):
        for technician in {with_before, visit.technician_id}:
            look_again(session, technician, now)
    return visit


def cancel_visit(
    session: Session,
    visit_id: int,
    *,
    now: datetime,
    actor: str,
    version: int | None = None,
    reason: str = "",
    agreed: Mapping[str, Any] | None = None,
) -> Visit:
    """Cancel a visit; what waits to be told about it becomes old news. What was `agreed` with it is kept.

    Raises NotFound, Stale, Conflict.
    """
    visit = visit_for_change(session, visit_id, version)
    check_first(visit)
    if not change_allowed(visit.status, "cancelled"):
        raise Conflict("visit_over", status=visit.status)
    visit.status = "cancelled"
    visit.check_at = None
    visit.version += 1
    add_event(
        session, visit, "cancelled", actor, now, facts={**({"reason": reason} if reason else {}), **(agreed or {})}
    )
    clear_alarms(session, f"visit:{visit.id}", ABOUT_WAITING, now, actor)
    if (along := beside(session, visit)) is not None:
        visit.second_technician_id = None
        _send_along(session, visit, along, now, actor)
    look_again(session, visit.technician_id, now)
    return visit


def visit_for_change(
    session: Session, visit_id: int, version: int | None = None, *next_technician_ids: int | None
) -> Visit:
    """Load a visit for changing it, locked where the database can, after its technicians. Raises NotFound, Stale."""
    while True:
        with suppress(_HandedOver):
            visit = _locked(session, visit_id, next_technician_ids)
            break
    if visit is None:
        raise NotFound("visit")
    if version is not None and version != visit.version:
        raise Stale("visit_changed", version=visit.version)
    return visit


class _HandedOver(Exception):
    """The visit is with another technician than the one who was waited for."""


def _locked(session: Session, visit_id: int, next_technician_ids: Sequence[int | None]) -> Visit | None:
    """Lock a visit after its technicians.

    Who waits for a visit's technician may find it handed to another by then. To wait for that one as well would break
    the order in which everybody locks, and two could wait for each other for ever: all that was locked is given back.
    """
    if session.get_bind().dialect.name == "sqlite":  # every writer is alone already
        return session.get(Visit, visit_id, populate_existing=True)
    session.flush()
    connection = session.connection()
    _MARK.run(connection, [()])
    technicians = lock_technicians_of(session, visit_id, *next_technician_ids)
    found = session.scalars(_OF_CHANGE, {"visit": visit_id}, execution_options={"populate_existing": True})
    visit = found.one_or_none()
    if visit is not None and not {visit.technician_id, visit.second_technician_id} <= {None, *technicians}:
        _GIVE_BACK.run(connection, [()])
        _KEEP.run(connection, [()])
        raise _HandedOver
    _KEEP.run(connection, [()])
    return visit


def _send_along(session: Session, visit: Visit, along: Visit | None, now: datetime, actor: str) -> None:
    """Give the second technician's time what the visit has now: made, changed or called off."""
    second_id = visit.second_technician_id
    technicians = {second_id, along.technician_id if along else None}
    if second_id is None:
        changed = along is not None and stand_down(along)
        kind, forgets = "cancelled", False
    elif along is None:
        along = made_beside(visit, second_id, new_token(), now, FIRST_LOOK_BEFORE)
        session.add(along)
        kind, changed, forgets = "booked", True, False
    else:
        changed = follow(visit, along, second_id, now, FIRST_LOOK_BEFORE)
        kind, forgets = "changed", True
    if along is None or not changed:
        return
    if forgets:
        forget_forecast(along)
    with _overlap_refused():
        session.flush()
    add_event(session, along, kind, actor, now, facts={**promise_facts(along), "beside": visit.id})
    clear_alarms(session, f"visit:{along.id}", ABOUT_WAITING, now, actor)
    for technician_id in technicians:
        look_again(session, technician_id, now)


def new_token(length: int = _TOKEN_LENGTH) -> str:
    """Return the secret of a link, short enough for an SMS, in letters that nobody mistakes for others."""
    return "".join(secrets.choice(_TOKEN_LETTERS) for _ in range(length))


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
    session.flush()
    entry = {"visit_id": visit.id, "at": at or now, "recorded_at": now, "kind": kind, "actor": actor}
    [(listeners,)] = _NOTE.rows(session.connection(), {**entry, "facts": facts or {}, "client_key": client_key})
    if listeners:
        announce_entry(session, visit, kind, at or now, now)


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


def _insisted(start: Start | None) -> dict[str, Any]:
    """Return what the history keeps of time not worked that was booked all the same."""
    return {"insisted": start.against.why} if start and start.against else {}


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
