"""How does an incident stand: for the office, for the customers it concerns, and which visits may it concern?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from app.errors import NotFound
from app.models import Company, Customer, Incident, IncidentEntry, IncidentVisit, Notice, Site, Technician, Visit
from app.operations.company import find_company
from app.operations.listing import contains
from app.rules.calendar import day_bounds
from app.rules.incident import BETWEEN_WORDS, report_due_at
from app.rules.visit import OPEN

#: Incidents that are over, as the list shows them.
SHOWN_CLOSED = 50
#: So many visits can be chosen from at once; narrowing the choice shows the others.
MOST_CHOICES = 500
#: A customer's own page names an incident so long after its end.
NAMED_AFTER = timedelta(hours=24)
#: The page lives so long after the end.
PAGE_OUTLIVES = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Choice:
    """A visit that an incident may concern."""

    id: int
    promised_from_at: datetime
    promised_until_at: datetime
    customer: str
    language: str
    address: str
    technician: str | None
    status: str


@dataclass(frozen=True, slots=True)
class IncidentLine:
    """One incident of the list, and how many visits it concerns."""

    incident: Incident
    visits: int


@dataclass(frozen=True, slots=True)
class Concerned:
    """One visit that an incident concerns, and what became of the newest message about it (None: none was written)."""

    visit: Visit
    notice_state: str | None


@dataclass(frozen=True, slots=True)
class IncidentSeen:
    """Everything the office sees of an incident.

    `waiting` is the newest line of the page that has not been sent, and `leaves_at` when it will be; `counts` says of
    how many visits the newest message is in which state.
    """

    incident: Incident
    entries: Sequence[IncidentEntry]
    concerned: Sequence[Concerned]
    counts: Mapping[str, int]
    waiting: IncidentEntry | None
    leaves_at: datetime
    report_due_at: datetime | None


@dataclass(frozen=True, slots=True)
class IncidentPage:
    """What anybody with the address of an incident's page may see; nothing of whom it concerns."""

    incident: Incident
    entries: Sequence[IncidentEntry]
    company_name: str
    company_phone: str
    company_phone_hours: str


def incident_lines(session: Session) -> Sequence[IncidentLine]:
    """Return the incidents that go on, and the latest that are over."""
    visits = (
        select(IncidentVisit.incident_id, func.count().label("visits")).group_by(IncidentVisit.incident_id).subquery()
    )
    rows = session.execute(
        select(Incident, func.coalesce(visits.c.visits, 0))
        .outerjoin(visits, visits.c.incident_id == Incident.id)
        .order_by(Incident.closed_at.is_not(None), Incident.id.desc())
        .limit(SHOWN_CLOSED)
    )
    return [IncidentLine(incident, count) for incident, count in rows]


def read_incident(session: Session, incident_id: int) -> IncidentSeen:
    """Return how an incident stands. Raises NotFound."""
    incident = session.get(Incident, incident_id, options=[selectinload(Incident.entries)])
    if incident is None:
        raise NotFound("incident")
    visits = session.scalars(
        select(Visit)
        .join(IncidentVisit, IncidentVisit.visit_id == Visit.id)
        .where(IncidentVisit.incident_id == incident.id)
        .options(joinedload(Visit.customer), joinedload(Visit.technician), joinedload(Visit.site))
        .order_by(Visit.promised_from_at, Visit.id)
    ).all()
    states = _notice_states(session, incident.id, [visit.customer_id for visit in visits])
    concerned = [Concerned(visit, states.get(visit.customer_id)) for visit in visits]
    newest = incident.entries[-1]
    waits = incident.closed_at is None and newest.id > incident.told_entry_id
    return IncidentSeen(
        incident=incident,
        entries=incident.entries,
        concerned=concerned,
        counts=Counter(one.notice_state for one in concerned if one.notice_state),
        waiting=newest if waits else None,
        leaves_at=incident.told_at + BETWEEN_WORDS,
        report_due_at=report_due_at(incident.closed_at)
        if incident.closed_at is not None and incident.reported_at is None
        else None,
    )


def incident_page(session: Session, token: str, now: datetime) -> IncidentPage:
    """Return the public page of an incident. Raises NotFound for an unknown address or one that has had its time."""
    incident = session.scalar(select(Incident).where(Incident.token == token).options(selectinload(Incident.entries)))
    company: Company | None = find_company(session)
    if company is None or incident is None:
        raise NotFound("link")
    if incident.closed_at is not None and now > incident.closed_at + PAGE_OUTLIVES:
        raise NotFound("link")
    return IncidentPage(incident, incident.entries, company.name, company.phone, company.phone_hours)


def incident_of(session: Session, link_token: str, now: datetime) -> Incident | None:
    """Return the incident that a customer's page of a visit names: the newest that goes on, or ended within a day."""
    return session.scalar(
        select(Incident)
        .join(IncidentVisit, IncidentVisit.incident_id == Incident.id)
        .join(Visit, Visit.id == IncidentVisit.visit_id)
        .where(
            Visit.link_token == link_token,
            or_(Incident.closed_at.is_(None), Incident.closed_at > now - NAMED_AFTER),
        )
        .order_by(Incident.closed_at.is_not(None), Incident.id.desc())
        .limit(1)
        .options(selectinload(Incident.entries))
    )


def visits_to_choose(
    session: Session,
    on: date,
    zone: tzinfo,
    *,
    from_clock: time | None = None,
    until_clock: time | None = None,
    technician_id: int | None = None,
    text: str = "",
) -> Sequence[Choice]:
    """Return a day's open visits that an incident may concern, by promise; `text` is sought in address and name."""
    begins_at, ends_at = day_bounds(on, zone)
    if from_clock is not None:
        begins_at = max(begins_at, datetime.combine(on, from_clock, zone))
    if until_clock is not None:
        ends_at = min(ends_at, datetime.combine(on, until_clock, zone) + timedelta(minutes=1))
    wanted = (
        select(
            Visit.id,
            Visit.promised_from_at,
            Visit.promised_until_at,
            Customer.name.label("customer"),
            Customer.language,
            Site.address,
            Technician.name.label("technician"),
            Visit.status,
        )
        .join(Customer, Customer.id == Visit.customer_id)
        .join(Site, Site.id == Visit.site_id)
        .outerjoin(Technician, Technician.id == Visit.technician_id)
        .where(Visit.status.in_(OPEN), Visit.promised_from_at >= begins_at, Visit.promised_from_at < ends_at)
        .order_by(Visit.promised_from_at, Visit.id)
        .limit(MOST_CHOICES)
    )
    if technician_id is not None:
        wanted = wanted.where(Visit.technician_id == technician_id)
    if text:
        wanted = wanted.where(or_(contains(Site.address, text), contains(Customer.name, text)))
    return [Choice(**row._mapping) for row in session.execute(wanted)]


def _notice_states(session: Session, incident_id: int, customer_ids: Sequence[int]) -> Mapping[int, str]:
    """Return by customer the state of the newest message about an incident."""
    if not customer_ids:
        return {}
    rows = session.execute(
        select(Visit.customer_id, Notice.state)
        .join(Notice, Notice.visit_id == Visit.id)
        .join(IncidentVisit, IncidentVisit.visit_id == Visit.id)
        .where(
            IncidentVisit.incident_id == incident_id,
            Notice.kind == "incident_update",
            Notice.about_incident == incident_id,
        )
        .order_by(Notice.id)
    )
    return dict(rows.all())  # by customer: the newest message stays
