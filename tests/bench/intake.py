"""How long does a list of 10,000 visits take: tried, taken, and sent once more?"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import text

from app.db import Database
from app.models import Company, Service, Technician
from app.operations.intake import import_customers, import_visits
from tests.bench.sweep import NOW, database

CUSTOMERS, TECHNICIANS, VISITS = 1_000, 50, 10_000
ZONE = ZoneInfo("Asia/Tokyo")


def measure() -> tuple[Sequence[str], Iterator[Sequence[object]]]:
    """Return the table: seconds by list and by what is done with it."""
    return ("database", "list", "rows", "seconds", "rows/s", "added", "known"), _rows()


def _rows() -> Iterator[Sequence[object]]:
    for kind in ("sqlite", "postgresql"):
        with database(kind) as parts:
            if parts:
                _found(parts.db)
                yield (kind, "customers", CUSTOMERS, *_taken(parts.db, "customers", _customers()))
                for what in ("visits", "the same visits again"):
                    yield (kind, what, VISITS, *_taken(parts.db, "visits", _visits()))


def _found(db: Database) -> None:
    with db.write() as session:
        session.add(Company(name="Bench", short_name="Bench", phone="+81312345678"))
        session.add(Service(name_ja="訪問", name_en="Visit", duration_min=60))
        session.add_all(Technician(name=f"担当{number}", created_at=NOW) for number in range(TECHNICIANS))


def _customers() -> bytes:
    rows = ["氏名,携帯,住所,緯度,経度"]
    for number in range(CUSTOMERS):
        lat, lon = 34.6 + number % 37 / 250, 135.4 + number % 41 / 250
        rows.append(f"客{number},090-{1000 + number:04}-{number:04},大阪市{number},{lat},{lon}")
    return "\n".join(rows).encode()


def _visits() -> bytes:
    """Return a list in which each technician has eight visits on 25 days."""
    first_at = datetime(2026, 12, 1, 8, tzinfo=ZONE)
    rows = []
    for number in range(VISITS):
        day, stop = divmod(number // TECHNICIANS, 8)
        at = first_at + timedelta(days=day, minutes=90 * stop)
        who = number % TECHNICIANS
        rows.append(
            f"客{number * 7 % CUSTOMERS},訪問,{at:%Y/%m/%d %H:%M},{at + timedelta(hours=1):%H:%M},30,担当{who},備考"
        )
    return "\n".join(["お客様,サービス,約束開始,約束終了,所要分,担当,備考", *rows]).encode("cp932")


def _taken(db: Database, kind: str, file: bytes) -> tuple[float, float, int, int]:
    began_s = time.perf_counter()
    with db.write() as session:
        if kind == "customers":
            done = import_customers(session, file, now=NOW, country="JP")
        else:
            done = import_visits(session, file, now=NOW, zone=ZONE, actor="bench")
    took_s = time.perf_counter() - began_s
    if not db.is_sqlite:
        with db.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            connection.execute(text("ANALYZE"))
    return took_s, (done.added + done.known) / took_s, done.added, done.known
