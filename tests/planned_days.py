"""Which days do the tests plan anew? One that goes crosswise, and one that somebody is about to leave."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from app.models import Customer, Planning, Site, Technician
from app.operations.kept_run import find_run
from app.operations.notice import Telling
from app.operations.planning import claim_planning
from app.operations.replan import apply_way, take_way_back
from app.planner import fulfil
from app.providers.solver_vroom import as_numbers
from app.providers.solver_vroom_process import build
from tests.late_day import LON, north

JAPAN = ZoneInfo("Asia/Tokyo")
#: The day after the story's.
ON = date(2026, 11, 25)
NINE = datetime(2026, 11, 25, 0, 0, tzinfo=UTC)
EAST, WEST = (34.20, 135.30), (34.20, 135.10)


@pytest.fixture
def day(db, world, clock):
    """Two technicians whose visits lie each at the other one's door; both know the work."""
    week = {"wed": [["09:00", "12:00"], ["13:00", "18:00"]]}
    ids = {}
    with db.write() as session:
        sato = session.get_one(Technician, world.technician)
        sato.working_hours, (sato.base_lat, sato.base_lon) = week, WEST
        tanaka = Technician(
            name="田中", base_lat=EAST[0], base_lon=EAST[1], working_hours=week, skills=["net"], created_at=clock.now()
        )
        session.add(tanaka)
        customer = session.get_one(Customer, world.customer)
        for name, (lat, lon) in {"east": EAST, "west": WEST}.items():
            site = Site(customer=customer, address=name, lat=lat + 0.01, lon=lon, located_by="given")
            session.add(site)
            session.flush()
            ids[name] = site.id
        ids["tanaka"], ids["sato"] = tanaka.id, sato.id
    for number, (where, who) in enumerate([("east", "sato"), ("west", "tanaka"), ("east", "sato"), ("west", "tanaka")]):
        begins_at = NINE + timedelta(hours=1 + 4 * (number // 2))
        ids[number] = world.visit(
            (begins_at - clock.now()) / timedelta(minutes=1), 120, site_id=ids[where], technician_id=ids[who]
        )
    return ids


def solve_here(problem, seconds, progress):
    """Solve as the process does, without starting one each time."""
    asked = as_numbers(problem)
    if not asked["jobs"] or not asked["vehicles"]:
        return {}
    solution = build(asked).solve(exploration_level=1, nb_threads=1, timeout=timedelta(seconds=0.2)).to_dict()
    return {
        route["vehicle"]: [asked["jobs"][step["id"] - 1]["id"] for step in route["steps"] if step["type"] == "job"]
        for route in solution["routes"]
    }


@pytest.fixture
def today(db, clock, world, parts, monkeypatch):
    """Satō has two visits this afternoon, Suzuki is free near by, and a third technician lacks nothing but time."""
    monkeypatch.setattr("app.planner.solve", solve_here)
    clock.at -= timedelta(hours=5)  # 11:00
    week = {day: [["08:00", "20:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
    with db.write() as session:
        sato = session.get_one(Technician, world.technician)
        sato.working_hours, (sato.base_lat, sato.base_lon) = week, north(1)
        suzuki = Technician(
            name="鈴木", working_hours=week, base_lat=north(3)[0], base_lon=LON, created_at=clock.at, skills=["wifi"]
        )
        session.add(suzuki)
        sites = []
        for number, km in enumerate((2, 4, 6)):
            customer = Customer(
                name=f"客{number}", language="ja", mobile=f"+8190111122{number:02d}", created_at=clock.at
            )
            site = Site(customer=customer, address=f"和歌山市{km}", lat=north(km)[0], lon=LON, located_by="given")
            session.add_all([customer, site])
            session.flush()
            sites.append((customer.id, site.id))
        suzuki_id = suzuki.id

    def visit(number, in_min, window_min=60, **more):
        customer, site = sites[number]
        return world.visit(in_min, window_min, customer_id=customer, site_id=site, **more)

    ids = SimpleNamespace(suzuki=suzuki_id, sites=sites, visit=visit, first=visit(0, 120), second=visit(1, 300))
    telling = Telling(parts.settings.base_url, JAPAN, parts.channels)
    how = {"actor": "user:1", "now": clock.at, "zone": JAPAN}

    def found(start, *given):
        with db.write() as session:
            number = start(session, *given, **how).id
            claim_planning(session, ("leaves", "overruns", "urgent"), clock.at)
        fulfil(parts, number, 1)
        with db.read() as session:
            row = find_run(session, Planning, number)
            assert row.state == "done", row.state_reason
            return number, row.result

    def do(number, key=1):
        with db.write() as session:
            apply_way(session, number, key, now=clock.at, telling=telling, actor="user:1")

    def undo(number):
        with db.write() as session:
            take_way_back(session, number, now=clock.at, telling=telling, actor="user:1")

    ids.found, ids.do, ids.undo = found, do, undo
    return ids
