"""Which sites have no position yet, and what did the geocoder say about them?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import exists, or_, select, update
from sqlalchemy.orm import Session

from app.models import Customer, Site, Visit
from app.operations.alarm import clear_alarms
from app.providers.geocode_nominatim import Place
from app.rules.visit import OPEN

#: An address that was not found is asked for again after this: maps learn new buildings, people mend addresses.
ASKED_AGAIN = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Unlocated:
    """A site without a position, and the language in which its address is best asked for."""

    site_id: int
    address: str
    language: str


def sites_to_locate(session: Session, now: datetime, limit: int = 20) -> Sequence[Unlocated]:
    """Return sites whose position should be looked up now, those with an open visit first."""
    awaited = exists().where(Visit.site_id == Site.id, Visit.status.in_(OPEN))
    rows = session.execute(
        select(Site.id, Site.address, Customer.language)
        .join(Customer, Customer.id == Site.customer_id)
        .where(Site.lat.is_(None), or_(Site.locate_tried_at.is_(None), Site.locate_tried_at <= now - ASKED_AGAIN))
        .order_by(awaited.desc(), Site.id.desc())
        .limit(limit)
    )
    return [Unlocated(*row) for row in rows]


def note_place(session: Session, site_id: int, place: Place | None, now: datetime) -> bool:
    """Record what the geocoder answered about a site; return whether the site has its position from it.

    None is "not found": the site is asked for again later. A position that a person gave meanwhile stays. The days of
    the visits there are looked at again, and their alarms are cleared.
    """
    site = session.get(Site, site_id, with_for_update=True)
    if site is None or site.lat is not None:
        return False
    site.locate_tried_at = now
    if place is None:
        return False
    site.lat, site.lon, site.located_by = place.lat, place.lon, "geocoder"
    settle_located(session, site_id, now)
    return True


def settle_located(session: Session, site_id: int, now: datetime) -> None:
    """Look again at the open visits of a site that has a position now, and take its alarms off the list."""
    session.flush()
    visit_ids = session.scalars(select(Visit.id).where(Visit.site_id == site_id, Visit.status.in_(OPEN))).all()
    for visit_id in visit_ids:
        clear_alarms(session, f"visit:{visit_id}", ("site_not_located",), now)
    session.execute(
        update(Visit)
        .where(Visit.id.in_(visit_ids), Visit.technician_id.is_not(None), Visit.check_at > now)
        .values(check_at=now)
        .execution_options(synchronize_session=False)
    )


def usual_place(session: Session) -> tuple[float, float] | None:
    """Return where a map begins that has nothing to show yet: at the site that was located last."""
    newest = select(Site.lat, Site.lon).where(Site.lat.is_not(None)).order_by(Site.id.desc()).limit(1)
    for lat, lon in session.execute(newest):
        if lat is not None and lon is not None:
            return lat, lon
    return None
