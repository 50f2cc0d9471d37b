"""How many requests a second does one client of the API get, of the kinds that a dispatch desk makes all day?

A real server process, as `mamonaku serve` runs it with its jobs, spoken to over a kept connection from another process
on the same cores: 1,000 sites, 50 technicians, 5,000 visits. Every booking is checked for overlap and travel and
written into the visit's history; so is every change of state.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert, text

from app.auth import create_api_token
from app.db import Database
from app.models import Company, Customer, Service, Site, Technician, Visit
from tests.bench.sweep import database
from tests.installation import Installation, now

SITES, TECHNICIANS, VISITS = 1_000, 50, 5_000
ASKED, WARM = 600, 60
#: Four times what the peer reaches on this kind of machine.
TARGETS = {"create a visit": 104, "a technician's day": 168, "change a state": 152}
SERVICE = 101


def measure() -> tuple[Sequence[str], Iterator[Sequence[object]]]:
    """Return the table: requests a second and milliseconds of a reply."""
    head = ("database", "request", "asked", "requests/s", "at least", "p50_ms", "p95_ms", "server's CPU, ms", "refused")
    return head, _rows()


def _rows() -> Iterator[Sequence[object]]:
    for kind in ("sqlite", "postgresql"):
        with database(kind) as parts:
            if parts:
                first_on, token = _fill(parts.db)
                url = parts.db.engine.url.render_as_string(hide_password=False)
                home = Path(parts.settings.instance) / "served"
                installation = Installation(home, {"MAMONAKU_DATABASE_URL": url, "MAMONAKU_TIMEZONE": "UTC"})
                with installation.serving() as serving:
                    yield from ((kind, *row) for row in _asked(installation.port, token, first_on, serving.pid))
                _check(parts.db)


def _fill(db: Database) -> tuple[date, str]:
    """Make a company with two working weeks of visits from tomorrow on; return the first day and an API token."""
    chance, first_on = random.Random(5), now().date() + timedelta(days=1)
    place = lambda: {"lat": 34.6 + chance.random() / 6, "lon": 135.4 + chance.random() / 6}  # noqa: E731
    people = [
        {"id": number, "name": f"T{number}", "created_at": now(), "skills": [], "working_hours": {}}
        for number in range(1, TECHNICIANS + 1)
    ]
    customers = [
        {"id": n, "name": f"客{n}", "language": "ja", "mobile": f"+8190{10000000 + n}", "created_at": now()}
        for n in range(1, SITES + 1)
    ]
    sites = [
        {"id": n, "customer_id": n, "address": f"{n}", **place(), "located_by": "given"} for n in range(1, SITES + 1)
    ]
    visits = []
    for number in range(VISITS):
        day, stop = divmod(number // TECHNICIANS, 8)
        at = datetime(first_on.year, first_on.month, first_on.day, 6, tzinfo=UTC) + timedelta(days=day, hours=2 * stop)
        where = chance.randint(1, SITES)
        visits.append({
            "id": number + 1, "customer_id": where, "site_id": where, "service_id": SERVICE,
            "technician_id": number % TECHNICIANS + 1, "status": "booked", "link_token": f"t{number}",
            "created_at": now(), "promised_from_at": at, "promised_until_at": at, "planned_from_at": at,
            "planned_until_at": at + timedelta(minutes=45), "duration_min": 45,
            "check_at": at - timedelta(hours=12),
        })  # fmt: skip
    with db.write() as session:
        session.execute(insert(Company), {"name": "Bench", "short_name": "Bench", "phone": "+81312345678"})
        session.execute(insert(Service), {"id": SERVICE, "name_ja": "訪問", "name_en": "Visit", "duration_min": 60})
        for model, rows in ((Technician, people), (Customer, customers), (Site, sites), (Visit, visits)):
            session.execute(insert(model), rows)
        if not db.is_sqlite:
            for table in ("technician", "customer", "site", "visit", "service"):
                session.execute(text(f"SELECT setval('{table}_id_seq', (SELECT max(id) FROM {table}))"))
        token = create_api_token(session, name="bench", role="dispatcher", now=now())
    if not db.is_sqlite:
        with db.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            connection.execute(text("ANALYZE"))
    return first_on, token


Request = tuple[str, str, Any]


def _asked(port: int, token: str, first_on: date, pid: int) -> Iterator[Sequence[object]]:
    chance = random.Random(3)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def create() -> Request:
        """Book where there is likely room: on the days after those that are full."""
        day = first_on + timedelta(days=chance.randint(14, 200))
        at = datetime(day.year, day.month, day.day, chance.randint(6, 20), tzinfo=UTC)
        where = chance.randint(1, SITES)
        body = {
            "customer": where, "site": where, "service": SERVICE, "technician": chance.randint(1, TECHNICIANS),
            "promised_from": at.isoformat(), "promised_until": (at + timedelta(hours=2)).isoformat(),
            "duration_min": 45,
        }  # fmt: skip
        return "POST", "/api/v1/visits", body

    def look() -> Request:
        on = first_on + timedelta(days=chance.randint(0, 11))
        return "GET", f"/api/v1/visits?date={on}&technician={chance.randint(1, TECHNICIANS)}", None

    fresh = iter(chance.sample(range(1, VISITS + 1), ASKED + WARM))

    def change() -> Request:
        return "POST", f"/api/v1/visits/{next(fresh)}/status", {"status": "en_route"}

    wishes: dict[str, Callable[[], Request]] = {
        "create a visit": create, "a technician's day": look, "change a state": change,
    }  # fmt: skip
    for name, wish in wishes.items():
        took_ms, refused, began_s, began_cpu_s = [], 0, 0.0, 0.0
        for number in range(WARM + ASKED):
            if number == WARM:
                took_ms, refused, began_s, began_cpu_s = [], 0, time.perf_counter(), _cpu_s(pid)
            method, path, body = wish()
            sent_s = time.perf_counter()
            connection.request(method, path, json.dumps(body) if body else None, headers)
            reply = connection.getresponse()
            said = reply.read()
            took_ms.append(1000 * (time.perf_counter() - sent_s))
            assert reply.status in (200, 201, 409), said[:300]
            refused += reply.status == 409
        pace = round(ASKED / (time.perf_counter() - began_s), 1)
        cpu_ms = 1000 * (_cpu_s(pid) - began_cpu_s) / ASKED
        cuts = statistics.quantiles(took_ms, n=20)
        yield name, ASKED, pace, TARGETS[name], cuts[9], cuts[18], cpu_ms, refused
    connection.close()


def _cpu_s(pid: int) -> float:
    """Return the processor time of a server and its workers, jobs included, in seconds."""
    workers = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    fields = [Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split() for one in (pid, *workers)]
    return sum(int(field[11]) + int(field[12]) for field in fields) / os.sysconf("SC_CLK_TCK")


def _check(db: Database) -> None:
    """Make sure that every booking and every change is in the history."""
    with db.read() as session:
        rows = dict(session.execute(text("SELECT kind, count(*) FROM visit_event GROUP BY kind")).all())
        booked = session.scalar(text(f"SELECT count(*) FROM visit WHERE id > {VISITS}"))
    assert rows.get("en_route") == ASKED + WARM, rows
    assert rows.get("booked") == booked, rows
