"""What would the customers have been told on a recorded day? It goes through the real operations, in simulated time.

The lines of a day log (rules.daylog) come in by the same operations as in production, the sweep and the delivery tick
as the jobs would, and every notice that leaves is written down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from app import join
from app.config import Settings
from app.db import Database, upgrade
from app.errors import AppError, Conflict
from app.models import Company, Customer, Notice, PositionFix, Service, Site, Technician, Visit
from app.operations.booking import add_event, book_visit, cancel_visit, change_visit, promise_facts
from app.operations.day import FIXES_REACH
from app.operations.field import report_eta, report_status, undo_status
from app.operations.learning import keep_habits
from app.operations.policy import change_policy
from app.operations.position import ReportedFix, record_fixes
from app.parts import Parts
from app.rules.daylog import Line, parse_line
from app.rules.habits import PRIORS, Habits
from app.rules.position import Fix
from app.rules.visit import OPEN
from app.tick import deliver, sweep

#: How often the sweep of production looks for what is due, at most, while positions stream in.
TICK = timedelta(seconds=15)
#: Positions that no look reaches any more are forgotten so often: a long day takes no more memory than a short one.
FORGET = timedelta(hours=1)
#: A visit for which there is no room in a technician's day is planned for so long, so that there is.
SQUEEZED = timedelta(minutes=1)

#: Databases whose day was forgotten: empty when they are opened again. Were each day to have a new one, SQLAlchemy's
#: mappers would keep what it compiled for each, and a month of days would take the more memory the longer it is.
_empty: list[Database] = []

_VISIT = Visit.__table__.c
_NEXT_DUE = select(func.min(_VISIT.check_at)).where(_VISIT.status.in_(OPEN), _VISIT.technician_id.is_not(None))


class DayLogError(Exception):
    """A line of the day log is wrong; the message names the file, the line and the field."""


class _SimulatedClock:
    def __init__(self) -> None:
        self.at = datetime.min.replace(tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


def read_day_log(path: Path) -> Iterator[Line]:
    """Yield a day log's lines, checked. Raises DayLogError naming file, line and field."""
    with path.open("rb") as file:
        for number, text in enumerate(file, 1):
            if text.strip():
                try:
                    yield parse_line(number, text)
                except ValueError as error:
                    raise DayLogError(f"{path.name}:{number}: {error}") from None


@dataclass(slots=True)
class Replay:
    """One recorded day in a database of its own, in memory."""

    parts: Parts
    clock: _SimulatedClock
    #: Names of technicians and kinds of work are the company's own row numbers: what was learned of them fits.
    own_rows: bool = False
    technicians: dict[str, int] = field(default_factory=dict)
    visits: dict[str, int] = field(default_factory=dict)
    #: The other way round.
    names: dict[int, str] = field(default_factory=dict)
    zone: tzinfo | None = None
    refused: list[str] = field(default_factory=list)
    #: Nothing is due before this; None: nothing is due at all. It is asked for only when it matters.
    due_at: datetime | None = None
    due_known: bool = True
    #: Positions that have come in since the last tick, with their instants.
    positions: list[tuple[datetime, Mapping[str, Any]]] = field(default_factory=list)
    forget_at: datetime | None = None

    @classmethod
    def open(
        cls, policy: Mapping[str, Any] | None = None, *, habits: Habits = PRIORS, own_rows: bool = False
    ) -> Replay:
        """Make the empty company whose day it is, with a policy and what it has learned (only its `own_rows` fit that).

        Raises Invalid naming the policy's parameters.
        """
        clock = _SimulatedClock()
        settings = Settings(
            database_url="sqlite:///:memory:", secret_key="of no use", smtp_url="", twilio_account_sid=""
        )
        parts = join(settings, clock)
        if _empty:
            parts = replace(parts, db=_empty.pop())
        upgrade(parts.db)
        with parts.db.write() as session:
            session.add(Company(name="Day log", short_name="Day log", phone="+81300000000"))
            session.add(Service(name_ja="訪問", name_en="Visit", duration_min=60))
            change_policy(session, policy or {}, actor="system", now=clock.at)
            if habits != PRIORS:
                keep_habits(session, habits, clock.at)
        return cls(parts, clock, own_rows)

    def close(self) -> None:
        """Forget the day."""
        self.parts.db.close()
        if self.parts.db not in _empty:  # closed twice is closed once
            _empty.append(self.parts.db)

    def play(self, lines: Iterable[Line], told: Callable[[Notice], None], until_at: datetime | None = None) -> None:
        """Play a day to its end, or to an instant; `told` is called with each notice, in the order of time.

        What really happened (truth) is not looked at.
        """
        last_id = 0
        for line in lines:
            if line.kind == "truth":
                continue
            while (due_at := self._next_tick_at(line.at)) is not None:
                last_id = self._tick(due_at, told, last_id)
            self.clock.at = max(self.clock.at, line.at)
            self.zone = self.zone or line.at.tzinfo
            self._take_in(line)
        self._take_in_positions()
        # After the last line only the clock goes on, until every promise is well over.
        with self.parts.db.read() as session:
            last_at = session.scalar(select(func.max(Visit.promised_until_at))) or self.clock.at
        end_at = until_at or max(last_at, self.clock.at) + timedelta(hours=3)
        while (due_at := self._next_tick_at(end_at)) is not None:
            last_id = self._tick(due_at, told, last_id)

    def _next_tick_at(self, before_at: datetime) -> datetime | None:
        """Return the next full tick at which something is due, if it comes before an instant."""
        if not self.due_known:
            if before_at <= self.clock.at + TICK:
                return None
            with self.parts.db.read() as session:
                self.due_at, self.due_known = session.connection().scalar(_NEXT_DUE), True
        if self.due_at is None:
            return None
        tick_at = _full_tick(max(self.due_at, self.clock.at))
        return tick_at if tick_at < before_at else None

    def _tick(self, at: datetime, told: Callable[[Notice], None], last_id: int) -> int:
        self._take_in_positions()
        self.clock.at, self.due_known = at, False
        added = sweep(self.parts, at, zone=self.zone)
        if self.forget_at is None or at >= self.forget_at:
            self.forget_at = at + FORGET
            with self.parts.db.write() as session:
                session.execute(delete(PositionFix).where(PositionFix.fixed_at < at - FIXES_REACH - FORGET))
        if not added:
            return last_id
        deliver(self.parts, zone=self.zone)
        with self.parts.db.read() as session:
            for notice in session.scalars(select(Notice).where(Notice.id > last_id).order_by(Notice.id)):
                last_id = notice.id
                told(notice)
        return last_id

    def _take_in(self, line: Line) -> None:
        """Do what a line says, as production would; what production would refuse is noted and left out."""
        self.due_at, self.due_known = self.clock.at, True  # every line may have made something due
        if line.kind == "fix":
            self.positions.append((self.clock.at, line.fields))
            return
        self._take_in_positions()
        try:
            with self.parts.db.write() as session:
                getattr(self, f"_{line.kind}")(session, line.fields)
        except AppError as error:
            self.refused.append(f"line {line.number}: {error}")

    def _visit(self, session: Session, fields: Mapping[str, Any]) -> None:
        known = self.visits.get(fields["visit"])
        if known is not None:
            self._change(session, known, fields)
            return
        name, now = fields["visit"], self.clock.at
        technician_id = self._technician(session, fields["technician"])
        customer = Customer(name=name, language="en", notices=fields.get("wish") or "all", created_at=now)
        site = Site(customer=customer, address=name, lat=fields["lat"], lon=fields["lon"], located_by="given")
        session.add_all([customer, site])
        session.flush()
        wish: dict[str, Any] = {
            "customer_id": customer.id,
            "site_id": site.id,
            "service_id": self._service(session, fields.get("service")),
            "duration_min": fields["duration_min"],
            "promised_from_at": fields["promised_from"],
            "promised_until_at": fields["promised_until"],
            "now": now,
            "actor": "system",
        }
        try:
            with session.begin_nested():
                visit = book_visit(
                    session, technician_id=technician_id, planned_from_at=fields.get("planned_from"), **wish
                )
        except AppError:
            visit = book_visit(session, technician_id=None, **wish)
            self._plan_anyway(session, visit, technician_id, fields.get("planned_from"))
        self.visits[name], self.names[visit.id] = visit.id, name

    def _change(self, session: Session, visit_id: int, fields: Mapping[str, Any]) -> None:
        visit = session.get_one(Visit, visit_id)
        visit.site.lat, visit.site.lon = fields["lat"], fields["lon"]
        wish: dict[str, Any] = {
            "promised_from_at": fields["promised_from"],
            "promised_until_at": fields["promised_until"],
            "duration_min": fields["duration_min"],
            "now": self.clock.at,
            "actor": "system",
        }
        technician_id = self._technician(session, fields["technician"])
        plan: dict[str, Any] = {"planned_from_at": fields.get("planned_from"), "technician_id": technician_id}
        try:
            with session.begin_nested():
                change_visit(session, visit_id, unassign=technician_id is None, **plan, **wish)
        except Conflict:
            if not visit.is_open:
                raise
            change_visit(session, visit_id, unassign=True, **wish)
            self._plan_anyway(session, visit, technician_id, fields.get("planned_from"))

    def _plan_anyway(
        self, session: Session, visit: Visit, technician_id: int | None, planned_from_at: datetime | None
    ) -> None:
        """Put a visit into a day that has no room for it: it was recorded, so somebody planned it."""
        taken = session.execute(
            select(Visit.planned_from_at, Visit.planned_until_at).where(
                Visit.technician_id == technician_id, Visit.status != "cancelled"
            )
        ).all()
        at = planned_from_at or visit.planned_from_at
        while any(from_at < at + SQUEEZED and until_at > at for from_at, until_at in taken):
            at += SQUEEZED
        before = promise_facts(visit)
        visit.technician_id, visit.planned_from_at, visit.planned_until_at = technician_id, at, at + SQUEEZED
        facts = {"before": before, "after": promise_facts(visit)}
        add_event(session, visit, "changed", "system", self.clock.at, facts=facts)

    def _take_in_positions(self) -> None:
        """Record what phones have sent since the last tick: in one transaction, for nobody waits here."""
        if not self.positions:
            return
        with self.parts.db.write() as session:
            for now, fields in self.positions:
                at, moved = fields.get("fixed_at") or now, fields.get("moved") is not False
                fix = Fix(at, fields["lat"], fields["lon"], fields.get("accuracy_m"), fields.get("speed_mps"), moved)
                technician_id = self._technician(session, fields["technician"])
                assert technician_id is not None
                record_fixes(session, technician_id, [ReportedFix(fix, {})], source="replay", now=now)
        self.positions.clear()

    def _status(self, session: Session, fields: Mapping[str, Any]) -> None:
        visit_id = self.visits.get(fields["visit"])
        if visit_id is None:
            return
        now, at, status = self.clock.at, fields.get("at"), fields["status"]
        if status == "cancelled":
            cancel_visit(session, visit_id, now=now, actor="system")
        elif status == "undone":
            undo_status(session, visit_id, now=now, actor="system", status=fields.get("undone"), at=at)
        else:
            report_status(session, visit_id, status, now=now, actor="system", by=fields.get("by") or "tap", at=at)

    def _eta(self, session: Session, fields: Mapping[str, Any]) -> None:
        visit_id = self.visits.get(fields["visit"])
        if visit_id is not None:
            report_eta(session, visit_id, fields["eta"], now=self.clock.at, actor="system", at=fields.get("at"))

    def _technician(self, session: Session, fields: str | Mapping[str, Any]) -> int | None:
        """Return a technician's row, made when the name is new; no name (a visit without one) is None."""
        told = {"technician": fields} if isinstance(fields, str) else fields
        name = told["technician"]
        if not name:
            return None
        if name not in self.technicians:
            technician = Technician(
                name=name, created_at=self.clock.at, base_lat=told.get("lat"), base_lon=told.get("lon")
            )
            if self.own_rows:
                technician.id = int(name)
            session.add(technician)
            session.flush()
            self.technicians[name] = technician.id
        return self.technicians[name]

    def _service(self, session: Session, name: str | None) -> int:
        """Return the kind of work; only the company's own rows tell them apart."""
        if not self.own_rows or name is None:
            return 1
        if session.get(Service, int(name)) is None:
            session.add(Service(id=int(name), name_ja=name, name_en=name, duration_min=60))
            session.flush()
        return int(name)


def _full_tick(at: datetime) -> datetime:
    """Return the first tick at or after an instant."""
    seconds = TICK.total_seconds()
    return datetime.fromtimestamp(-(-at.timestamp() // seconds) * seconds, UTC)


def notice_line(notice: Notice, visit: str, zone: tzinfo) -> Mapping[str, Any]:
    """Return a notice as `replay --notices` writes it, its times with the day's own offset."""

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
