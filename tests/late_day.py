"""How does a day go wrong, for tests that mend it? Work overruns, and the next customer waits near a colleague."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from app.db import Database
from app.models import Customer, Service, Site, Technician, Visit
from app.operations.field import report_status
from app.operations.position import ReportedFix, record_fixes
from app.parts import Parts
from app.rules.position import Fix
from app.tick import sweep

LAT, LON = 34.2261, 135.1675


def north(km: float) -> tuple[float, float]:
    """Return a place so far north of the first customer."""
    return LAT + km / 111.195, LON


def overrun(world: Any, db: Database, clock: Any, parts: Parts, helpers: int = 1, **about_helper: Any) -> Any:
    """Play a day up to the clock: work of an hour goes on for 110 minutes, and the next promise is 15 minutes away.

    `next` waits 6 km north, `later` three hours on; `helper` and the others are free, 5 km north and further.
    """
    now = clock.at
    clock.at = now - timedelta(minutes=130)
    with db.write() as session:
        session.get_one(Service, world.service).skill = "wifi"
        names = ("井上 正男", "木村 たけし")
        customers = [Customer(name=name, language="ja", mobile="+819011112222", created_at=clock.at) for name in names]
        sites = [
            Site(customer=one, address=f"和歌山市{km}", lat=north(km)[0], lon=LON, located_by="given")
            for one, km in zip(customers, (6, 9), strict=True)
        ]
        crew = [
            Technician(name=f"鈴木{n or ''}", created_at=clock.at, **{"skills": ["wifi"], **about_helper})
            for n in range(helpers)
        ]
        session.add_all([*customers, *sites, *crew])
        session.flush()
        ids = SimpleNamespace(helpers=[one.id for one in crew], sites=[one.id for one in sites])
        owners = [one.id for one in customers]
    ids.begun = world.visit(20)
    ids.next = world.visit(145, customer_id=owners[0], site_id=ids.sites[0])
    ids.later = world.visit(310, customer_id=owners[1], site_id=ids.sites[1])
    for status, minute in (("en_route", 5), ("arrived", 20)):
        with db.write() as session:
            at = clock.at + timedelta(minutes=minute)
            report_status(session, ids.begun, status, now=at, actor=f"technician:{world.technician}")
    clock.at = now
    stand(db, clock, world.technician, 0)
    for n, helper in enumerate(ids.helpers):
        stand(db, clock, helper, 5 - n)
    sweep(parts, now)
    ids.helper = ids.helpers[0] if ids.helpers else None
    return ids


def stand(db: Database, clock: Any, technician_id: int, km: float) -> None:
    """Have a phone report that it has been at a place for half an hour."""
    fixes = [Fix(clock.at - timedelta(minutes=ago), *north(km), 8.0) for ago in (30, 25, 20, 15, 10, 5, 0.5)]
    with db.write() as session:
        record_fixes(session, technician_id, [ReportedFix(fix, {}) for fix in fixes], source="owntracks", now=clock.at)


def read(db: Database, visit_id: int) -> Visit:
    """Return a visit as it stands."""
    with db.read() as session:
        return session.get_one(Visit, visit_id)
