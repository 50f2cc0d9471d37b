"""Show a technician the day: each visit in order, what its customer was told, and how to begin at the door."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from typing import TypeVar

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from app.models import Inbound, Notice, Technician, Visit, VisitEvent
from app.operations.addition import Added, added_to
from app.operations.agreement import Agreed, agreed_by_visit
from app.operations.company import find_company
from app.rules.calendar import day_bounds
from app.rules.doorstep import Opening, openings
from app.rules.lateness import Told
from app.rules.messages import ARRIVALS, HANDED_OVER
from app.rules.replies import gist
from app.rules.visit import AWAITED, OPEN, before_undo

Row = TypeVar("Row", Notice, VisitEvent)

#: A night call-out that begins soon after midnight belongs to the day that is worked now ...
AFTER_MIDNIGHT = timedelta(hours=6)
#: ... and one that was planned so long ago and is not over yet still does.
BEFORE_MIDNIGHT = timedelta(hours=12)
#: For so long the last tap can be taken back with one touch; later, the dispatcher corrects it.
UNDO_LASTS = timedelta(minutes=5)
#: What the buttons for a delay add, in minutes.
DELAYS_MIN = (10, 20, 30)

_ANSWERS = ("call_me", "cannot_be_there", "acknowledged")
_TAPS = ("en_route", "arrived", "working", "completed", "no_access", "undone")


@dataclass(frozen=True, slots=True)
class NoticeLine:
    """One notice to the customer: its kind, the window it tells, how far it got, and the words a dispatcher wrote.

    `reach` delivered | sent | waiting | failed, `at` when it reached that, as far as known.
    """

    kind: str
    at: datetime
    quoted_from_at: datetime | None
    quoted_until_at: datetime | None
    reach: str
    text: str


@dataclass(frozen=True, slots=True)
class AnswerLine:
    """What the customer answered: call_me, cannot_be_there or acknowledged, with her words where she left some; or
    wrote: the gist of a message of hers.
    """

    kind: str
    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Delay:
    """One button for a delay: how many minutes later than the customer expects, and the arrival that it reports."""

    minutes: int
    eta: datetime


@dataclass(frozen=True, slots=True)
class DayVisit:
    """One visit as its technician sees it."""

    id: int
    status: str
    awaited: bool
    promised_from_at: datetime
    promised_until_at: datetime
    #: When the customer expects the technician now: the window told last, else the promise.
    expected_from_at: datetime
    expected_until_at: datetime
    customer: str
    #: What she named for this visit, else her own.
    customer_phone: str | None
    address: str
    lat: float | None
    lon: float | None
    service_ja: str
    service_en: str
    note: str
    added: Added
    told: tuple[NoticeLine, ...]
    answers: tuple[AnswerLine, ...]
    openings: tuple[Opening, ...]
    delays: tuple[Delay, ...]
    eta_reported: datetime | None
    eta_reported_at: datetime | None
    #: Who meets this technician at the door, and whether this one goes along; empty: nobody does.
    with_name: str = ""
    goes_along: bool = False
    #: What its customer agreed to pay, and whether that is still to come; None where prices are nobody's matter.
    agreed: Agreed | None = None


@dataclass(frozen=True, slots=True)
class Undo:
    """The latest tap, while it can be taken back: the state it led to, and the state before."""

    visit_id: int
    status: str
    before: str
    at: datetime
    until_at: datetime


@dataclass(frozen=True, slots=True)
class TechnicianDay:
    """Everything the phone page shows; the next visit is the one under way, else the first that is still open."""

    technician_id: int
    technician: str
    office_phone: str | None
    visits: tuple[DayVisit, ...]
    next_visit_id: int | None
    undo: Undo | None


def technician_day(session: Session, technician_id: int, zone: tzinfo, now: datetime) -> TechnicianDay:
    """Return a technician's visits of today in order; however many there are, the queries stay the same few.

    Only of a visit whose price nobody has been asked for, each is looked at.
    """
    technician = session.get_one(Technician, technician_id)
    rows = _visits(session, technician_id, zone, now)
    ids = [one for visit in rows for one in (visit.id, visit.beside_id) if one is not None]
    notices = _grouped(session.scalars(select(Notice).where(Notice.visit_id.in_(ids)).order_by(Notice.id)))
    mine = f"technician:{technician_id}"
    events = _grouped(
        session.scalars(
            select(VisitEvent)
            .where(VisitEvent.visit_id.in_(ids), VisitEvent.kind.in_((*_TAPS, *_ANSWERS)))
            .order_by(VisitEvent.id)
        )
    )
    wrote = _wrote(session, ids)
    # What the customer was told and answered stands at the first one's visit; who goes along reads it as well.
    added, partners = added_to(session, [v.beside_id or v.id for v in rows]), _partners(session, rows)
    agreed, visits = agreed_by_visit(session, rows), []
    for visit in rows:
        told_of = visit.beside_id or visit.id
        seen = _day_visit(
            visit, notices.get(told_of, []), events.get(told_of, []), wrote.get(told_of, []),
            added.get(told_of, Added()), now,
        )  # fmt: skip
        second = visit.second_technician.name if visit.second_technician else ""
        partner = partners.get(visit.id) or second
        visits.append(
            replace(seen, with_name=partner, goes_along=visit.beside_id is not None, agreed=agreed.get(visit.id))
        )
    return TechnicianDay(
        technician_id=technician_id,
        technician=technician.name,
        office_phone=office_phone(session),
        visits=tuple(visits),
        next_visit_id=_next(visits),
        undo=_undo(rows, [e for listed in events.values() for e in listed if e.actor == mine], now),
    )


def office_phone(session: Session) -> str | None:
    """Return the number to call when the page cannot help."""
    company = find_company(session)
    return company.phone if company else None


def _visits(session: Session, technician_id: int, zone: tzinfo, now: datetime) -> Sequence[Visit]:
    starts_at, midnight_at = day_bounds(now.astimezone(zone).date(), zone)
    return session.scalars(
        select(Visit)
        .where(
            Visit.technician_id == technician_id,
            Visit.planned_from_at >= min(starts_at, now - BEFORE_MIDNIGHT),
            Visit.planned_from_at < max(midnight_at, now + AFTER_MIDNIGHT),
            or_(Visit.planned_from_at >= starts_at, Visit.status.in_(OPEN)),
        )
        .options(
            joinedload(Visit.site), joinedload(Visit.customer), joinedload(Visit.service),
            joinedload(Visit.second_technician),
        )
        .order_by(Visit.planned_from_at, Visit.id)
    ).all()  # fmt: skip


def _partners(session: Session, visits: Sequence[Visit]) -> dict[int, str]:
    """Return the first one's name by the visits that stand beside another; nothing is asked where none does."""
    first = {visit.id: visit.beside_id for visit in visits if visit.beside_id is not None}
    if not first:
        return {}
    named = select(Visit.id, Technician.name).join(Technician, Technician.id == Visit.technician_id)
    names = {row.id: row.name for row in session.execute(named.where(Visit.id.in_(first.values())))}
    return {visit: names.get(other, "") for visit, other in first.items()}


def _wrote(session: Session, visit_ids: Sequence[int]) -> dict[int, list[AnswerLine]]:
    """Return the gist of what customers wrote about each visit; a plain answer is an event already."""
    found: dict[int, list[AnswerLine]] = {}
    for message in session.scalars(
        select(Inbound)
        .where(Inbound.visit_id.in_(visit_ids), Inbound.understood.is_(None), Inbound.words.is_not(None))
        .order_by(Inbound.id)
    ):
        assert message.visit_id is not None
        line = AnswerLine("wrote", message.received_at, gist(message.words or ""))
        found.setdefault(message.visit_id, []).append(line)
    return found


def _day_visit(
    visit: Visit,
    notices: Sequence[Notice],
    events: Sequence[VisitEvent],
    wrote: Sequence[AnswerLine],
    added: Added,
    now: datetime,
) -> DayVisit:
    current = [n for n in notices if n.promised_from_at == visit.promised_from_at and n.state != "dropped"]
    told = [
        Told(n.kind, n.sent_at or n.created_at, n.quoted_from_at, n.quoted_until_at)
        for n in current
        if n.reach in HANDED_OVER and n.kind in ARRIVALS
    ]
    quoted = next((t for t in reversed(told) if t.quoted_from_at and t.quoted_until_at), None)
    expected_from_at = quoted.quoted_from_at if quoted else None
    expected_until_at = quoted.quoted_until_at if quoted else None
    awaited = visit.status in AWAITED
    pressed = [AnswerLine(e.kind, e.at, str(e.facts.get("text", ""))) for e in events if e.kind in _ANSWERS]
    begin = openings(visit.promised_until_at, told)
    if not awaited:  # at the door, time has stopped
        begin = tuple(o for o in begin if o.from_at is None or o.from_at <= (visit.arrived_at or now))[-1:]
    return DayVisit(
        id=visit.id,
        status=visit.status,
        awaited=awaited,
        promised_from_at=visit.promised_from_at,
        promised_until_at=visit.promised_until_at,
        expected_from_at=expected_from_at or visit.promised_from_at,
        expected_until_at=expected_until_at or visit.promised_until_at,
        customer=visit.customer.name,
        customer_phone=added.phone.number if added.phone else visit.customer.mobile or visit.customer.phone,
        address=visit.site.address,
        lat=visit.site.lat,
        lon=visit.site.lon,
        service_ja=visit.service.name_ja,
        service_en=visit.service.name_en,
        note=visit.note,
        added=added,
        told=tuple(_notice_line(n) for n in reversed(current)),
        answers=tuple(sorted([*pressed, *wrote], key=lambda line: line.at)[::-1]),
        openings=begin,
        delays=delays(expected_until_at or visit.promised_until_at, now) if awaited else (),
        eta_reported=visit.eta_reported if awaited else None,
        eta_reported_at=visit.eta_reported_at if awaited else None,
    )


def delays(expected_until_at: datetime, now: datetime) -> tuple[Delay, ...]:
    """Return the arrivals that the delay buttons report: later than expected, or than now if that has passed."""
    this_minute = now.replace(second=0, microsecond=0)
    now_at = this_minute if this_minute == now else this_minute + timedelta(minutes=1)
    from_at = max(expected_until_at, now_at)
    return tuple(Delay(minutes, from_at + timedelta(minutes=minutes)) for minutes in DELAYS_MIN)


def _notice_line(notice: Notice) -> NoticeLine:
    reach = {"delivered": "delivered", "sent": "sent", "due": "waiting", "sending": "waiting"}.get(
        notice.reach, "failed"
    )
    return NoticeLine(
        notice.kind,
        notice.sent_at or notice.created_at,
        notice.quoted_from_at,
        notice.quoted_until_at,
        reach,
        notice.own_words,
    )


def _next(visits: Sequence[DayVisit]) -> int | None:
    under_way = [v.id for v in visits if v.status in OPEN and v.status != "booked"]
    return next(iter([*under_way, *(v.id for v in visits if v.status == "booked")]), None)


def _undo(visits: Sequence[Visit], events: Sequence[VisitEvent], now: datetime) -> Undo | None:
    taps = [e for e in events if e.kind in _TAPS and e.recorded_at > now - UNDO_LASTS]
    last = max(taps, key=lambda e: e.id, default=None)
    if last is None:
        return None
    visit = next(v for v in visits if v.id == last.visit_id)
    before = before_undo(visit.status, en_route=visit.en_route_at is not None, arrived=visit.arrived_at is not None)
    if before is None or last.kind != visit.status:
        return None
    return Undo(visit.id, visit.status, before, last.at, last.recorded_at + UNDO_LASTS)


def _grouped(rows: Iterable[Row]) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = {}
    for row in rows:
        found.setdefault(row.visit_id, []).append(row)
    return found
