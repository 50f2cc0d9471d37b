"""Show a technician's visits in any calendar program: one secret address, read only, that can be replaced."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from icalendar import Calendar, Event
from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from app.errors import NotFound
from app.i18n import t, window_words
from app.models import Technician, Visit, VisitEvent

#: So much is shown, by the plan.
BACK, AHEAD = timedelta(days=30), timedelta(days=90)
#: More in four months nobody drives to.
MOST_VISITS = 2000
#: How often programs are asked to look again.
_AGAIN = timedelta(minutes=15)


def replace_feed(session: Session, technician_id: int, *, names: bool) -> str:
    """Give a technician a new secret address; the one before ends. With `names`, customers' names are in it.

    Returns the address's secret. Raises NotFound.
    """
    technician = _technician(session, technician_id)
    technician.calendar_token, technician.calendar_names = secrets.token_urlsafe(24), names
    return technician.calendar_token


def end_feed(session: Session, technician_id: int) -> None:
    """End a technician's address. Raises NotFound."""
    _technician(session, technician_id).calendar_token = None


def feed(session: Session, token: str, *, base_url: str, now: datetime, zone: Any) -> bytes:
    """Return a technician's visits as iCalendar (RFC 5545). Raises NotFound for an unknown or ended address."""
    technician = session.scalar(select(Technician).where(Technician.calendar_token == token, Technician.active))
    if technician is None:
        raise NotFound("calendar")
    calendar = Calendar()
    calendar.add("prodid", "-//Mamonaku//Visits//EN")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", t("calendar.name", technician.language, technician=technician.name))
    calendar.add("x-wr-timezone", str(zone))
    calendar.add("refresh-interval", _AGAIN, parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", "PT15M")
    host = base_url.partition("://")[2].partition("/")[0].partition(":")[0]
    rows = _visits(session, technician.id, now)
    changed = _changed_at(session, [visit.id for visit in rows])
    for visit in rows:
        calendar.add_component(_event(visit, technician, changed.get(visit.id, visit.created_at), host, zone))
    written: bytes = calendar.to_ical()
    return written


def _event(visit: Visit, technician: Technician, changed_at: datetime, host: str, zone: Any) -> Event:
    language = technician.language
    service = visit.service.name_en if language == "en" else visit.service.name_ja
    title = t("calendar.title_named", language, service=service, customer=visit.customer.name)
    event = Event()
    event.add("uid", f"visit-{visit.id}@{host}")
    event.add("sequence", visit.version)
    event.add("dtstamp", changed_at)
    event.add("last-modified", changed_at)
    event.add("dtstart", visit.planned_from_at)
    event.add("dtend", visit.planned_until_at)
    event.add("summary", title if technician.calendar_names else t("calendar.title", language, service=service))
    event.add("location", visit.site.address)
    if visit.site.lat is not None and visit.site.lon is not None:
        event.add("geo", (visit.site.lat, visit.site.lon))
    window = window_words(visit.promised_from_at, visit.promised_until_at, zone)
    event.add("description", t("calendar.promised", language, window=window))
    event.add("status", "CANCELLED" if visit.status == "cancelled" else "CONFIRMED")
    event.add("transp", "TRANSPARENT" if visit.status == "cancelled" else "OPAQUE")
    return event


def _visits(session: Session, technician_id: int, now: datetime) -> Sequence[Visit]:
    return session.scalars(
        select(Visit)
        .where(
            Visit.technician_id == technician_id,
            Visit.planned_from_at >= now - BACK,
            Visit.planned_from_at < now + AHEAD,
        )
        .options(joinedload(Visit.site), joinedload(Visit.service), joinedload(Visit.customer))
        .order_by(Visit.planned_from_at, Visit.id)
        .limit(MOST_VISITS)
    ).all()


def _changed_at(session: Session, visit_ids: Sequence[int]) -> dict[int, datetime]:
    newest = select(VisitEvent.visit_id, func.max(VisitEvent.recorded_at)).where(VisitEvent.visit_id.in_(visit_ids))
    return dict(session.execute(newest.group_by(VisitEvent.visit_id)).all())


def _technician(session: Session, technician_id: int) -> Technician:
    technician = session.get(Technician, technician_id)
    if technician is None:
        raise NotFound("technician")
    return technician
