"""What would the customers have been told on a recorded day? It goes through the real operations, in simulated time.

A day log is JSON Lines (`visit`, `fix`, `status`, `eta`, each with `t`). Its lines come in by the same operations as
in production, the sweep and the delivery tick as the jobs would, and every notice that leaves is written down.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any, TextIO

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import join
from app.config import Settings
from app.db import upgrade
from app.errors import AppError, Conflict
from app.models import Company, Customer, Notice, Service, Site, Technician, Visit
from app.operations.booking import book_visit, cancel_visit, change_visit
from app.operations.field import report_eta, report_status
from app.operations.position import ReportedFix, record_fixes
from app.parts import Parts
from app.rules.position import Fix
from app.rules.visit import OPEN
from app.tick import deliver, sweep

#: How often the sweep of production looks for what is due, at most, while positions stream in.
TICK = timedelta(seconds=15)


_NEXT_DUE = select(func.min(Visit.check_at)).where(Visit.status.in_(OPEN), Visit.technician_id.is_not(None))


class DayLogError(Exception):
    """A line of the day log is wrong; the message names the file, the line and the field."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a day log: its number, instant, kind and fields."""

    number: int
    at: datetime
    kind: str
    fields: Mapping[str, Any]


class _SimulatedClock:
    def __init__(self) -> None:
        self.at = datetime.min.replace(tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


_WANTED: Mapping[str, Mapping[str, type | tuple[type, ...]]] = {
    "visit": {
        "visit": str,
        "technician": str,
        "lat": (int, float),
        "lon": (int, float),
        "promised_from": datetime,
        "promised_until": datetime,
        "duration_min": int,
    },
    "fix": {"technician": str, "lat": (int, float), "lon": (int, float)},
    "status": {"technician": str, "visit": str, "status": str},
    "eta": {"technician": str, "visit": str, "eta": datetime},
}


def read_day_log(path: Path) -> Iterator[Line]:
    """Yield a day log's lines, checked; `truth` lines are dropped. Raises DayLogError naming line and field."""
    with path.open("rb") as file:
        for number, text in enumerate(file, 1):
            if text.strip():
                line = _parse(path.name, number, text)
                if line.kind != "truth":
                    yield line


def _parse(name: str, number: int, text: bytes) -> Line:
    def wrong(what: str) -> DayLogError:
        return DayLogError(f"{name}:{number}: {what}")

    try:
        raw = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise wrong(f"not JSON: {error}") from None
    if not isinstance(raw, dict):
        raise wrong("not a JSON object")
    kind = str(raw.get("kind"))
    if kind == "truth":
        return Line(number, datetime.min.replace(tzinfo=UTC), "truth", {})
    if kind not in _WANTED:
        raise wrong(f"kind: {kind!r} is none of {', '.join(_WANTED)}, truth")
    fields = dict(raw)
    for field_name, wanted in {"t": datetime, **_WANTED[kind]}.items():
        value = fields.get(field_name)
        if wanted is datetime:
            try:
                value = datetime.fromisoformat(str(value))
            except ValueError:
                raise wrong(f"{field_name}: {value!r} is not a time") from None
            if value.tzinfo is None:
                raise wrong(f"{field_name}: a time without an offset")
            fields[field_name] = value
        elif isinstance(value, bool) or not isinstance(value, wanted):
            raise wrong(f"{field_name}: {value!r} is missing or of the wrong kind")
    return Line(number, fields["t"], kind, fields)


@dataclass(slots=True)
class Replay:
    """One recorded day in a database of its own, in memory."""

    parts: Parts
    clock: _SimulatedClock
    technicians: dict[str, int] = field(default_factory=dict)
    visits: dict[str, int] = field(default_factory=dict)
    zone: tzinfo | None = None
    refused: list[str] = field(default_factory=list)
    #: Nothing is due before this; None: nothing is due at all.
    due_at: datetime | None = None

    @classmethod
    def open(cls) -> Replay:
        """Make the empty company whose day it is."""
        clock = _SimulatedClock()
        settings = Settings(
            database_url="sqlite:///:memory:", secret_key="of no use", smtp_url="", twilio_account_sid=""
        )
        parts = join(settings, clock)
        upgrade(parts.db)
        with parts.db.write() as session:
            session.add(Company(name="Day log", short_name="Day log", phone="+81300000000"))
            session.add(Service(name_ja="訪問", name_en="Visit", duration_min=60))
        return cls(parts, clock)

    def play(self, lines: Iterator[Line], told: Callable[[Mapping[str, Any]], None]) -> None:
        """Play a day to its end; `told` is called with each notice, in the order of time."""
        last_id = 0
        for line in lines:
            while (due_at := self._next_tick_at(line.at)) is not None:
                last_id = self._tick(due_at, told, last_id)
            self.clock.at = max(self.clock.at, line.at)
            self.zone = self.zone or line.at.tzinfo
            self._take_in(line)
        # After the last line only the clock goes on, until every promise is well over.
        with self.parts.db.read() as session:
            last_at = session.scalar(select(func.max(Visit.promised_until_at))) or self.clock.at
        end_at = max(last_at, self.clock.at) + timedelta(hours=3)
        while (due_at := self._next_tick_at(end_at)) is not None:
            last_id = self._tick(due_at, told, last_id)

    def _next_tick_at(self, before_at: datetime) -> datetime | None:
        """Return the next full tick at which something is due, if it comes before an instant."""
        if self.due_at is None:
            return None
        tick_at = _full_tick(max(self.due_at, self.clock.at))
        return tick_at if tick_at < before_at else None

    def _tick(self, at: datetime, told: Callable[[Mapping[str, Any]], None], last_id: int) -> int:
        self.clock.at = at
        added = sweep(self.parts, at, zone=self.zone)
        with self.parts.db.read() as session:
            self.due_at = session.scalar(_NEXT_DUE)
        if not added:
            return last_id
        deliver(self.parts, zone=self.zone)
        names = {number: name for name, number in self.visits.items()}
        with self.parts.db.read() as session:
            for notice in session.scalars(select(Notice).where(Notice.id > last_id).order_by(Notice.id)):
                last_id = notice.id
                told(_as_line(notice, names[notice.visit_id], self.zone or UTC))
        return last_id

    def _take_in(self, line: Line) -> None:
        """Do what a line says, as production would; what production would refuse is noted and left out."""
        self.due_at = self.clock.at  # every line may have made something due
        try:
            with self.parts.db.write() as session:
                getattr(self, f"_{line.kind}")(session, line.fields)
        except AppError as error:
            self.refused.append(f"line {line.number}: {error}")

    def _visit(self, session: Session, fields: Mapping[str, Any]) -> None:
        technician_id = self._technician(session, fields["technician"])
        now = self.clock.at
        known = self.visits.get(fields["visit"])
        promise = {"promised_from_at": fields["promised_from"], "promised_until_at": fields["promised_until"]}
        if known is not None:
            visit = session.get_one(Visit, known)
            visit.site.lat, visit.site.lon = fields["lat"], fields["lon"]
            with suppress(Conflict):
                change_visit(
                    session,
                    known,
                    now=now,
                    actor="system",
                    technician_id=technician_id,
                    duration_min=fields["duration_min"],
                    **promise,
                )
            return
        customer = Customer(name=fields["visit"], language="en", created_at=now)
        site = Site(
            customer=customer, address=fields["visit"], lat=fields["lat"], lon=fields["lon"], located_by="given"
        )
        session.add_all([customer, site])
        session.flush()
        wish: dict[str, Any] = {
            "customer_id": customer.id,
            "site_id": site.id,
            "service_id": 1,
            "duration_min": fields["duration_min"],
            "now": now,
            "actor": "system",
            **promise,
        }
        try:
            with session.begin_nested():
                visit = book_visit(session, technician_id=technician_id, **wish)
        except Conflict:
            visit = book_visit(session, technician_id=None, **wish)
            self._plan_anyway(session, visit, technician_id)
        self.visits[fields["visit"]] = visit.id

    def _plan_anyway(self, session: Session, visit: Visit, technician_id: int) -> None:
        """Put a visit into a day that has no room for it: it was recorded, so somebody planned it."""
        taken = session.execute(
            select(Visit.planned_from_at, Visit.planned_until_at).where(Visit.technician_id == technician_id)
        ).all()
        at = visit.planned_from_at
        while any(from_at < at + timedelta(minutes=1) and until_at > at for from_at, until_at in taken):
            at += timedelta(minutes=1)
        visit.technician_id, visit.planned_from_at, visit.planned_until_at = (
            technician_id,
            at,
            at + timedelta(minutes=1),
        )

    def _fix(self, session: Session, fields: Mapping[str, Any]) -> None:
        fix = Fix(self.clock.at, fields["lat"], fields["lon"], fields.get("accuracy_m"), fields.get("speed_mps"))
        technician_id = self._technician(session, fields["technician"])
        record_fixes(session, technician_id, [ReportedFix(fix, {})], source="replay", now=self.clock.at)

    def _status(self, session: Session, fields: Mapping[str, Any]) -> None:
        visit_id = self.visits.get(fields["visit"])
        if visit_id is None:
            return
        if fields["status"] == "cancelled":
            cancel_visit(session, visit_id, now=self.clock.at, actor="system")
        else:
            report_status(session, visit_id, fields["status"], now=self.clock.at, actor="system")

    def _eta(self, session: Session, fields: Mapping[str, Any]) -> None:
        visit_id = self.visits.get(fields["visit"])
        if visit_id is not None:
            report_eta(session, visit_id, fields["eta"], now=self.clock.at, actor="system")

    def _technician(self, session: Session, name: str) -> int:
        if name not in self.technicians:
            technician = Technician(name=name, created_at=self.clock.at)
            session.add(technician)
            session.flush()
            self.technicians[name] = technician.id
        return self.technicians[name]


def _full_tick(at: datetime) -> datetime:
    """Return the first tick at or after an instant."""
    seconds = TICK.total_seconds()
    return datetime.fromtimestamp(-(-at.timestamp() // seconds) * seconds, UTC)


def _as_line(notice: Notice, visit: str, zone: tzinfo) -> Mapping[str, Any]:
    def local(at: datetime | None) -> str | None:
        return at.astimezone(zone).isoformat() if at else None

    return {
        "t": local(notice.created_at),
        "visit": visit,
        "message": notice.kind,
        "quoted_from": local(notice.quoted_from_at),
        "quoted_until": local(notice.quoted_until_at),
        "reason": notice.reason_code,
        "facts": notice.reason_facts,
        "text": notice.short,
        "state": notice.state,
    }


def replay_day(path: Path, out: TextIO | None, progress: Callable[[Line], None] = lambda _: None) -> Replay:
    """Replay a day log and write its notices as JSON Lines. Raises DayLogError."""

    def lines() -> Iterator[Line]:
        for line in read_day_log(path):
            progress(line)
            yield line

    def told(notice: Mapping[str, Any]) -> None:
        if out is not None:
            print(json.dumps(notice, ensure_ascii=False), file=out)

    replay = Replay.open()
    replay.play(lines(), told)
    return replay
