"""Does a search that reads only the days it needs find what one finds that reads them all?"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert

from app.models import Absence, CurrentPosition, Customer, Service, Site, Technician, Visit
from app.operations import slots
from app.operations.slots import find_slots

TOKYO = ZoneInfo("Asia/Tokyo")
NOW = datetime(2026, 11, 24, 1, tzinfo=UTC)
_DAYS = {day: [["09:00", "12:00"], ["13:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
_NIGHTS = {"tue": [["20:00", "24:00"]], "wed": [["00:00", "05:00"], ["18:00", "24:00"]], "thu": [["00:00", "06:00"]]}


@pytest.fixture
def company(db):
    """Nine technicians with some visits on each of twelve days: by day, by night, by bicycle, one ill for a week."""
    chance = random.Random(7)

    def place():
        return {"lat": 34.6 + chance.random() / 8, "lon": 135.4 + chance.random() / 8}

    with db.write() as session:
        session.add(Customer(id=1, name="山田", created_at=NOW))
        session.add(Service(id=1, name_ja="訪問", name_en="Visit", duration_min=60))
        session.flush()
        for number in range(1, 10):
            lat, lon = place().values()
            ways = {
                "working_hours": _NIGHTS if number % 3 == 0 else _DAYS if number % 3 == 1 else {},
                "created_at": NOW,
            }
            by = "bicycle" if number == 4 else "car"
            session.add(Technician(id=number, name=f"T{number}", base_lat=lat, base_lon=lon, travels_by=by, **ways))
            session.flush()
            for stop in range(40):
                at = NOW.replace(hour=0) + timedelta(hours=7 * stop + chance.randint(0, 4))
                site = Site(customer_id=1, address=f"{number} {stop}", **(place() if chance.random() > 0.1 else {}))
                session.add(site)
                session.flush()
                plan = {"planned_from_at": at, "planned_until_at": at + timedelta(minutes=45), "duration_min": 45}
                expected = {"forecast_median_at": at + timedelta(minutes=chance.choice([0, 90]))}
                session.execute(insert(Visit), {
                    "customer_id": 1, "site_id": site.id, "service_id": 1, "technician_id": number, "created_at": NOW,
                    "link_token": f"{number}-{stop}", "promised_from_at": at, "promised_until_at": at,
                    "watch": {}, **plan, **expected,
                })  # fmt: skip
        session.add(
            Absence(technician_id=1, from_at=NOW, until_at=NOW + timedelta(days=7), created_at=NOW, created_by="user:1")
        )
        session.add(CurrentPosition(technician_id=2, **place(), fixed_at=NOW, received_at=NOW))
    return db


def test_what_is_found_does_not_depend_on_how_much_is_read_at_once(company, monkeypatch):
    read = []
    asked = slots._PLANS.rows
    monkeypatch.setattr(slots._PLANS, "rows", lambda *given: read.append(given) or asked(*given))
    chance = random.Random(2)
    for most in (1, 3, 12, 60):
        wish = {
            "service_id": 1, "lat": 34.6 + chance.random() / 8, "lon": 135.4 + chance.random() / 8, "zone": TOKYO,
            "from_at": NOW - timedelta(hours=4), "until_at": NOW + timedelta(days=12), "now": NOW, "most": most,
            "hours": (0.0, 24.0) if most % 2 else (8.0, 19.0),
        }  # fmt: skip
        with company.read() as session:
            monkeypatch.setattr(slots, "FIRST_DAYS", 100)
            at_once = find_slots(session, **wish)
            read.clear()
            monkeypatch.setattr(slots, "FIRST_DAYS", 1)
            by_days = find_slots(session, **wish)
        assert by_days == at_once
        assert len(by_days) > 0.9 * most
        assert most > 1 or len(read) < 5, "the days that come last are never read"
