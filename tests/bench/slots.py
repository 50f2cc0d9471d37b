"""How long does a dispatcher wait for times to offer, while the customer is on the telephone?"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from subprocess import PIPE, Popen
from typing import Any

from sqlalchemy import insert

from app import create_app
from app.auth import create_api_token
from app.config import Settings
from app.db import Database
from app.models import Company, Customer, Service, Site, Technician, Visit
from app.providers.route import from_settings
from tests.bench.sweep import NOW, _spread, database

TECHNICIANS, VISITS, DAYS, ASKED = 200, 5_000, 14, 100
_WEEK = {day: [["09:00", "12:00"], ["13:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}


def measure() -> tuple[Sequence[str], Iterator[Sequence[object]]]:
    """Return the table: a search over two weeks through the API, without a router and with one.

    The router stands in for one in a process of its own, and answers at once: what is measured beside the search is
    asking for a table and reading it. One that knows streets takes as long as it takes on top of that.
    """
    head = ("database", "router", "technicians", "visits", "days", "found", "reply_p50_ms", "reply_p95_ms")
    return head, _rows()


def _rows() -> Iterator[Sequence[object]]:
    for kind in ("sqlite", "postgresql"):
        with database(kind) as parts:
            if parts:
                visits = _fill(parts.db)
                with parts.db.write() as session:
                    token = create_api_token(session, name="bench", role="dispatcher", now=NOW)
                client = create_app(parts).test_client()
                yield kind, "none", TECHNICIANS, visits, DAYS, *_asked(client, token)
                with _router() as url:
                    parts.router = from_settings(Settings(routing_url=url))
                    yield kind, "osrm", TECHNICIANS, visits, DAYS, *_asked(client, token)


@contextmanager
def _router() -> Iterator[str]:
    """Start a stand-in for a router in its own process; return its address."""
    code = (
        "from tests.standins import RouterServer; import sys; print(RouterServer().url, flush=True); sys.stdin.read()"
    )
    with Popen([sys.executable, "-c", code], stdin=PIPE, stdout=PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()
            process.wait()


def _fill(db: Database) -> int:
    """Make a company whose technicians have a few visits on each working day; return how many visits."""
    chance = random.Random(5)
    people, sites, visits = [], [], []
    for number in range(1, TECHNICIANS + 1):
        people.append({
            "id": number, "name": f"T{number}", "created_at": NOW, "working_hours": _WEEK, "skills": [],
            "base_lat": 34.6 + chance.random() / 6, "base_lon": 135.4 + chance.random() / 6,
        })  # fmt: skip
    each = VISITS // TECHNICIANS
    for number in range(1, TECHNICIANS + 1):
        free = sorted(chance.sample([(day, hour) for day in range(DAYS) for hour in (0, 1, 2, 4, 5, 6, 7)], each))
        for stop, (day, hour) in enumerate(free):
            id = number * 100 + stop
            at = datetime(2026, 11, 24, tzinfo=UTC) + timedelta(days=day, hours=hour)
            lat, lon = 34.6 + chance.random() / 6, 135.4 + chance.random() / 6
            sites.append({
                "id": id, "customer_id": 1, "address": f"{id}", "lat": lat, "lon": lon, "located_by": "given",
            })  # fmt: skip
            visits.append({
                "id": id, "customer_id": 1, "site_id": id, "service_id": 101, "technician_id": number,
                "status": "booked", "link_token": f"t{id}", "created_at": NOW, "promised_from_at": at,
                "promised_until_at": at, "planned_from_at": at, "planned_until_at": at + timedelta(minutes=45),
                "duration_min": 45, "check_at": at,
            })  # fmt: skip
    rows: dict[Any, list[dict[str, Any]]] = {Technician: people, Site: sites, Visit: visits}
    with db.write() as session:
        session.execute(insert(Company), {"name": "Bench", "short_name": "Bench", "phone": "+81312345678"})
        session.execute(insert(Customer), {"id": 1, "name": "Bench", "language": "ja", "created_at": NOW})
        session.execute(insert(Service), {"id": 101, "name_ja": "訪問", "name_en": "Visit", "duration_min": 60})
        for model, added in rows.items():
            session.execute(insert(model), added)
    return len(visits)


def _asked(client: Any, token: str) -> tuple[float, float, float]:
    """Return how many times were found on average, and the milliseconds of a reply."""
    chance, took_ms, found = random.Random(3), [], 0
    for _ in range(ASKED):
        asked = {
            "service": 101, "lat": 34.6 + chance.random() / 6, "lon": 135.4 + chance.random() / 6,
            "from": NOW.isoformat(), "until": (NOW + timedelta(days=DAYS)).isoformat(),
        }  # fmt: skip
        began_s = time.perf_counter()
        reply = client.get("/api/v1/slots", query_string=asked, headers={"Authorization": f"Bearer {token}"})
        took_ms.append(1000 * (time.perf_counter() - began_s))
        assert reply.status_code == 200, reply.text
        found += len(reply.json["items"])
    return found / ASKED, *_spread(took_ms)
