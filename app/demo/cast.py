"""Who is in the demo? The company of `company`, as rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.demo.company import COMPANY, SERVICES, Person, Stop
from app.models import Company, Customer, Service, Site, Technician, User


@dataclass(frozen=True, slots=True)
class Cast:
    """Who is who in the demo's database: ids in the order of `company`."""

    dispatcher: int
    technicians: tuple[int, ...]
    customers: tuple[tuple[int, ...], ...]
    sites: tuple[tuple[int, ...], ...]
    services: dict[str, int]


def add_cast(session: Session, people: Sequence[Person], now: datetime) -> Cast:
    """Add the company, its people and their customers."""
    session.add(Company(**COMPANY))
    # Nobody knows a password of the demo's dispatcher: the panel lets a visitor in on this host alone.
    dispatcher = User(
        email="demo@example.jp", name="デモ配車", role="admin", language="ja", password_hash="!", created_at=now
    )
    services = {
        key: Service(name_ja=ja, name_en=en, duration_min=minutes, skill=skill)
        for key, (ja, en, minutes, skill) in SERVICES.items()
    }
    week = {day: [["09:00", "20:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
    technicians = [
        Technician(
            name=person.name, base_lat=person.base_lat, base_lon=person.base_lon, skills=list(person.skills),
            working_hours=week, created_at=now,
        )
        for person in people
    ]  # fmt: skip
    customers = [[_customer(stop, 10 * n + m, now) for m, stop in enumerate(p.stops)] for n, p in enumerate(people)]
    session.add_all([dispatcher, *services.values(), *technicians, *(c for row in customers for c in row)])
    session.flush()
    return Cast(
        dispatcher=dispatcher.id,
        technicians=tuple(t.id for t in technicians),
        customers=tuple(tuple(c.id for c in row) for row in customers),
        sites=tuple(tuple(c.sites[0].id for c in row) for row in customers),
        services={key: service.id for key, service in services.items()},
    )


def _customer(stop: Stop, number: int, now: datetime) -> Customer:
    return Customer(
        name=stop.customer,
        kind=stop.kind,
        language=stop.language,
        mobile=None if stop.by_mail else f"+819000000{number:03}",
        email=f"customer{number}@example.jp" if stop.by_mail else None,
        created_at=now,
        sites=[Site(address=stop.address, lat=stop.lat, lon=stop.lon, located_by="given")],
    )
