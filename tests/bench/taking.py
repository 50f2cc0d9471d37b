"""How long does a booking wait while a list of 10,000 visits is taken in by the command?

A real server process, asked over HTTP by one client again and again, and `mamonaku import` beside it.
"""

from __future__ import annotations

import http.client
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.auth import create_api_token
from app.models import Company
from app.operations.intake import import_customers
from tests.bench.intake import CUSTOMERS, TECHNICIANS, VISITS, _customers, _found, _visits
from tests.bench.sweep import NOW, database
from tests.installation import ROOT, Installation, now

#: The client rests so long between two bookings, seconds.
REST_S = 0.25


def measure() -> tuple[Sequence[str], Iterator[Sequence[object]]]:
    """Return the table: how long bookings took meanwhile, by what was done with the list."""
    head = (
        *("database", "list", "visits", "list, s", "bookings meanwhile"),
        *("p50_ms", "p99_ms", "longest_ms", "refused", "failed"),
    )
    return head, _rows()


def _rows() -> Iterator[Sequence[object]]:
    for kind in ("sqlite", "postgresql"):
        with database(kind) as parts:
            if parts:
                _found(parts.db)
                with parts.db.write() as session:
                    session.get_one(Company, 1).most_day_min = 0  # evenings are booked on days that begin at eight
                    import_customers(session, _customers(), now=NOW, country="JP")
                    token = create_api_token(session, name="bench", role="dispatcher", now=now())
                home = Path(parts.settings.instance)
                (home / "visits.csv").write_bytes(_visits())
                url = parts.db.engine.url.render_as_string(hide_password=False)
                environment = {"MAMONAKU_DATABASE_URL": url, "MAMONAKU_TIMEZONE": "Asia/Tokyo"}
                installation = Installation(home / "served", environment)
                with installation.serving():
                    _book(installation, 0, token)  # a server that has just begun answers its first request slowly
                    for first, what, more in ((1, "tried", ["--dry-run"]), (5_000, "taken in", [])):
                        command = [sys.executable, "-m", "app.cli", "import", "visits", *more, str(home / "visits.csv")]
                        yield kind, what, VISITS, *_meanwhile(installation, command, token, first)


def _meanwhile(
    installation: Installation, command: list[str], token: str, first: int
) -> tuple[float, int, float, float, float, int, int]:
    began_s = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, env=installation.environment, stdout=subprocess.DEVNULL)
    took_ms, refused, failed, number = [0.0], 0, 0, first
    while process.poll() is None:
        sent_s = time.perf_counter()
        status = _book(installation, number, token)
        took_ms.append(1000 * (time.perf_counter() - sent_s))
        refused, failed = refused + (status == 409), failed + (status not in (201, 409))
        number += 1
        time.sleep(REST_S)
    assert process.returncode == 0, "the list was not taken in"
    took_s = time.perf_counter() - began_s
    p50_ms, p99_ms = (statistics.quantiles(took_ms, n=100, method="inclusive")[place - 1] for place in (50, 99))
    return took_s, number - first, p50_ms, p99_ms, max(took_ms), refused, failed


def _book(installation: Installation, number: int, token: str) -> int:
    """Book an evening of one of the days that the list is about; return the status."""
    at = datetime(2026, 12, 1 + number // TECHNICIANS % 25, 12, tzinfo=UTC) + timedelta(minutes=number // 5_000 * 45)
    who = number * 7 % CUSTOMERS + 1
    wish = {
        "customer": who, "site": who, "service": 1, "technician": number % TECHNICIANS + 1, "insist": True,
        "promised_from": at.isoformat(), "promised_until": at.isoformat(), "duration_min": 30,
    }  # fmt: skip
    connection = http.client.HTTPConnection("127.0.0.1", installation.port, timeout=120)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    connection.request("POST", "/api/v1/visits", json.dumps(wish), headers)
    status = connection.getresponse().status
    connection.close()
    return status
