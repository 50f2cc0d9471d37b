"""What stands in the tables of a company that has worked for years? Rows enough to show whether looking minds them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, text

from app.db import Database
from app.models import DecisionEntry, ForecastEntry, Notice, PositionFix, Visit
from app.operations.purge import FORECASTS_KEPT

#: Two years of five days a week, six visits a day; every tenth customer was told of a delay.
DAYS, VISITS_A_DAY, TOLD_EACH = 520, 6, 10
#: Each visit's decisions, which stay, and forecasts, which go after a quarter; the positions of a week, one a minute.
DECISIONS_EACH, FORECASTS_EACH, FIX_DAYS, FIXES_A_DAY = 2, 4, 5, 480
#: Past visits are numbered from here.
FIRST_ID = 10_000_000
_AT_ONCE = 20_000


def remember(db: Database, technicians: int, now: datetime) -> int:
    """Fill in two years that are over; return how many rows that is."""
    made: dict[type[Any], Callable[[int, datetime], Iterator[dict[str, Any]]]] = {
        Visit: _visits, DecisionEntry: _decisions, ForecastEntry: _forecasts, Notice: _notices, PositionFix: _fixes,
    }  # fmt: skip
    rows = 0
    for model, make in made.items():
        batch: list[dict[str, Any]] = []
        for row in make(technicians, now):
            batch.append(row)
            if len(batch) == _AT_ONCE:
                rows += _keep(db, model, batch)
        rows += _keep(db, model, batch)
    if not db.is_sqlite:
        with db.write() as session:
            session.execute(text("ANALYZE"))  # as it does by itself within some minutes
    return rows


def _keep(db: Database, model: type[Any], batch: list[dict[str, Any]]) -> int:
    if batch:
        with db.write() as session:
            session.connection().execute(insert(model.__table__), batch)
    n = len(batch)
    batch.clear()
    return n


def _each(technicians: int, now: datetime) -> Iterator[tuple[int, int, datetime]]:
    """Yield each past visit: its number, its technician, and when it was promised.

    The newest first: that no two overlap is asked of those that begin before.
    """
    visit_id = FIRST_ID
    for day in range(1, DAYS + 1):
        for number in range(1, technicians + 1):
            for stop in range(VISITS_A_DAY):
                yield visit_id, number, now - timedelta(days=day * 7 / 5) + timedelta(minutes=75 * stop)
                visit_id += 1


def _visits(technicians: int, now: datetime) -> Iterator[dict[str, Any]]:
    for visit_id, number, at in _each(technicians, now):
        until_at = at + timedelta(minutes=45)
        yield {
            "id": visit_id, "customer_id": 1, "site_id": number * 10, "service_id": 101, "technician_id": number,
            "version": 3, "status": "completed", "link_token": f"p{visit_id}", "note": "", "watch": {},
            "created_at": at - timedelta(days=7), "promised_from_at": at, "promised_until_at": at,
            "planned_from_at": at, "planned_until_at": until_at, "duration_min": 45,
            "arrived_at": at, "arrived_by": "tap", "completed_at": until_at, "completed_by": "tap",
            "forecast_from_at": at, "forecast_until_at": at, "forecast_median_at": at, "late_probability": 0.1,
            "decided_reason": "arrived", "check_at": None,
        }  # fmt: skip


def _decisions(technicians: int, now: datetime) -> Iterator[dict[str, Any]]:
    for visit_id, _, at in _each(technicians, now):
        for entry in range(DECISIONS_EACH):
            yield {
                "visit_id": visit_id, "at": at - timedelta(minutes=30 * entry), "kind": None,
                "reason_code": "on_course",
                "reason_facts": {"percent": 10, "lead_min": 30 * entry, "basis": "cascade", "state": "later"},
            }  # fmt: skip


def _forecasts(technicians: int, now: datetime) -> Iterator[dict[str, Any]]:
    for visit_id, _, at in _each(technicians, now):
        for entry in range(FORECASTS_EACH) if at > now - FORECASTS_KEPT else ():
            yield {
                "visit_id": visit_id, "at": at - timedelta(minutes=20 * entry), "from_at": at, "median_at": at,
                "until_at": at, "late_probability": 0.1, "basis": "cascade", "state": "later", "as_of_at": at,
            }  # fmt: skip


def _notices(technicians: int, now: datetime) -> Iterator[dict[str, Any]]:
    for visit_id, number, at in _each(technicians, now):
        if visit_id % TOLD_EACH == 0:
            yield {
                "visit_id": visit_id, "kind": "late", "language": "ja", "dedupe_key": f"past:{visit_id}",
                "created_at": at - timedelta(minutes=12), "quoted_from_at": at, "quoted_until_at": at,
                "reason_code": "late_expected", "reason_facts": {}, "promised_from_at": at, "promised_until_at": at,
                "technician_id": number, "short": "遅れます" * 10, "channels": ["sms"], "channel_index": 0,
                "state": "delivered", "expires_at": at,
            }  # fmt: skip


def _fixes(technicians: int, now: datetime) -> Iterator[dict[str, Any]]:
    for day in range(FIX_DAYS, 0, -1):
        for number in range(1, technicians + 1):
            for minute in range(FIXES_A_DAY):
                at = now - timedelta(days=day) + timedelta(minutes=minute)
                yield {
                    "technician_id": number, "fixed_at": at, "received_at": at, "lat": 34.7, "lon": 135.5,
                    "accuracy_m": 10.0, "speed_mps": None, "moved": True, "source": "bench",
                }  # fmt: skip
