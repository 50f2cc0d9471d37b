"""How is a long list taken in while others go on booking? Worked out on a copy, and carried over at once.

A list of ten thousand visits takes a minute to check, and whoever books one of them keeps its technician's day from
others: SQLite has one writer, and PostgreSQL locks. So the rows are booked in a copy (of SQLite's file, or of
PostgreSQL's tables, see `twins`), by the same operations; what came of it is then written into the database itself in
one short transaction. What was changed there meanwhile is looked at first: rows that cannot stand beside it are booked
anew, on a further copy while they are many, and at last in that transaction. So every row is taken in, or none is.
"""

from __future__ import annotations

import json
import os
import shutil
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Table, func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.db import Base, Database
from app.models import Absence, Branch, Company, Hold, Service, Site, Technician, Visit, WebhookMessage
from app.operations.intake import Imported
from app.operations.plan import DAYS_NEAR, day_too_long
from app.operations.turn import lock_technicians
from app.rules.booking import LONGEST_VISIT_MIN, Clash, Taken, first_free_start
from app.twins import make_twins, rows_of_twin, write_rows

#: Takes rows in, all or those of some numbers.
Take = Callable[[Session, Collection[int] | None], Imported]
#: So many rows are booked in the database itself while everybody waits; more are worked out on a further copy.
MOST_AT_LAST = 60
#: So often a further copy is made, while others change what the list is about faster than it can be worked out.
MOST_COPIES = 8
#: More than so many rows are not booked anew at last: the list is worked out once more.
MOST_HELD_UP = 200
#: So often a list is worked out from the beginning; then it is taken in as it is, and everybody waits.
MOST_TRIES = 4
#: Where a copy lies, with the number of the process that needs it.
_PREFIX = ".list-"

#: Whatever these say decides about every row.
_FRAME = (
    select(
        Technician.id, Technician.active, Technician.skills, Technician.working_hours, Technician.travels_by,
        Technician.base_lat, Technician.base_lon, Technician.branch_id, Technician.starts_from, Technician.returns_to,
        Technician.most_day_min,
    ).order_by(Technician.id),
    select(Absence.__table__).order_by(Absence.id),
    select(Branch.__table__).order_by(Branch.id),
    select(Company.__table__),
    select(Service.id, Service.active, Service.duration_min, Service.technicians).order_by(Service.id),
)  # fmt: skip


class Changed(Exception):
    """Hours, days off, services, customers or most of the days are not what they were when the list was worked out."""


@dataclass(frozen=True, slots=True)
class _State:
    """What a list was worked out upon: the highest number of every table, versions of visits, held times, the rest."""

    last: Mapping[str, int]
    versions: Mapping[int, int]
    #: By name: the number of one that was let go is given again.
    holds: frozenset[str]
    frame: str


@dataclass(frozen=True, slots=True)
class Staged:
    """What came of a list on a copy: the new rows of every table as the database keeps them, and of which row of the
    file each new visit is."""

    state: _State
    done: Imported
    columns: Mapping[str, Sequence[str]]
    rows: Mapping[str, Sequence[tuple[Any, ...]]]
    row_of: Mapping[int, int]


def tried(db: Database, take: Take) -> Imported:
    """Return what would come of a list; nothing is kept. Raises Invalid."""
    with _copy(db) as session:
        return take(session, None)


def worked_out(db: Database, take: Take, now: datetime, zone: tzinfo) -> Staged | None:
    """Return what came of a list on a copy; None where there is nothing to copy. Raises Invalid."""
    if db.is_sqlite and db.file is None:
        return None
    with _copy(db) as session:
        state = _state(session, now)
        done = take(session, None)
        staged = _new(session, state, done, dict(enumerate(done.new_rows)))
    for _ in range(MOST_COPIES):
        with db.read() as session:
            touched = touched_rows(session, staged, now, zone)
        if len(touched) <= MOST_AT_LAST:
            break
        with _copy(db) as session:
            state = _state(session, now)
            staged = _again(session, staged, state, take, now, zone)
    return staged


def carried_over(session: Session, staged: Staged | None, take: Take, now: datetime, zone: tzinfo) -> Imported:
    """Write what was worked out, in the transaction that is open. Raises Invalid naming what cannot be booked any more,
    and Changed."""
    if staged is None:
        return take(session, None)
    lock_technicians(session, *{who for _, who, *_ in _visits(staged)})
    return _again(session, staged, None, take, now, zone).done


def touched_rows(
    session: Session, staged: Staged, now: datetime, zone: tzinfo, today: _State | None = None
) -> set[int]:
    """Return the numbers of the rows that cannot stand as they are beside what was changed since. Raises Changed."""
    before, today = staged.state, today or _state(session, now)
    people = "customer", "site"
    new_people = any(name in staged.rows for name in people) and any(
        today.last[one] != before.last[one] for one in people
    )
    if before.frame != today.frame or new_people:
        raise Changed
    other = {id for id, version in today.versions.items() if before.versions.get(id) != version}
    near: dict[int, list[Taken]] = defaultdict(list)
    promised: set[tuple[int, datetime]] = set()
    if other:
        place = Site.lat, Site.lon
        changed = select(
            Visit.id, Visit.technician_id, Visit.planned_from_at, Visit.planned_until_at, *place, Visit.site_id,
            Visit.promised_from_at, Visit.status,
        ).join(Site, Site.id == Visit.site_id)  # fmt: skip
        for id, who, from_at, until_at, lat, lon, site_id, promised_at, status in session.execute(
            changed.where(Visit.id.in_(other))
        ):
            promised.add((site_id, promised_at))
            if who is not None and status != "cancelled":
                near[who].append(Taken(id, from_at, until_at, lat, lon))
    if fresh_holds := today.holds - before.holds:
        held = select(Hold.technician_id, Hold.from_at, Hold.until_at, Hold.lat, Hold.lon)
        for who, from_at, until_at, lat, lon in session.execute(held.where(Hold.token.in_(fresh_holds))):
            near[who].append(Taken(0, from_at, until_at, lat, lon))
    if not near and not promised:
        return set()
    touched, own = set(), defaultdict(list)
    for first, who, from_at, until_at, site_id, promised_at in _visits(staged):
        if (site_id, promised_at) in promised:
            touched.add(staged.row_of[first])
        if who in near:
            own[who].append((site_id, from_at, until_at, staged.row_of[first]))
    sites = {site_id for rows in own.values() for site_id, *_ in rows}
    found = session.execute(select(Site.id, Site.lat, Site.lon).where(Site.id.in_(sites))) if sites else ()
    places = {id: (lat, lon) for id, lat, lon in found}
    for who, rows in own.items():
        plan = {Taken(-row, from_at, until_at, *places[site_id]) for site_id, from_at, until_at, row in rows}
        for new in near[who]:
            around = [
                one for one in plan if one.from_at < new.until_at + DAYS_NEAR and one.until_at > new.from_at - DAYS_NEAR
            ]
            touched |= {-one.visit_id for one in around if _clash(one, new)}
            touched |= {-one.visit_id for one in day_too_long(session, who, new, around, zone, now) if one in plan}
    return touched


def _clash(one: Taken, new: Taken) -> bool:
    minutes = int((one.until_at - one.from_at) / timedelta(minutes=1))
    return isinstance(first_free_start(one.from_at, one.from_at, minutes, one.lat, one.lon, [new]), Clash)


def _visits(staged: Staged) -> Iterator[tuple[int, int | None, datetime, datetime, int, datetime]]:
    """Yield each new visit: the first one's number, whose, planned from and until, where, promised from."""
    names = list(staged.columns.get("visit", ()))
    wanted = ("technician_id", "planned_from_at", "planned_until_at", "site_id", "promised_from_at")
    places = [names.index(name) for name in ("id", "beside_id", *wanted)] if names else []
    for row in staged.rows.get("visit", ()):
        id, beside, who, from_at, until_at, site_id, promised_at = (row[place] for place in places)
        yield beside or id, who, _instant(from_at), _instant(until_at), site_id, _instant(promised_at)


def _instant(kept: str | datetime) -> datetime:
    return kept if isinstance(kept, datetime) else datetime.fromisoformat(f"{kept}+00:00")


def _again(session: Session, staged: Staged, state: _State | None, take: Take, now: datetime, zone: tzinfo) -> Staged:
    """Write what nothing has touched, book the rest anew, and return what there is then."""
    base = state or _state(session, now)
    touched = touched_rows(session, staged, now, zone, base)
    if state is None and len(touched) > MOST_HELD_UP:
        raise Changed
    out = {visit for visit, row in staged.row_of.items() if row in touched}
    # On SQLite the copy has given numbers that others have by now.
    by = {name: base.last[name] - staged.state.last[name] for name in base.last} if _is_sqlite(session) else {}
    kept_rows: dict[int, int] = {}
    for table in Base.metadata.sorted_tables:
        rows = staged.rows.get(table.name, ())
        if not rows:
            continue
        written = _shifted(table, staged, rows, by, out)
        if table.name == "visit":
            place = list(staged.columns["visit"]).index("id")
            for row in rows:
                if row[place] in staged.row_of and row[place] not in out:
                    kept_rows[row[place] + by.get("visit", 0)] = staged.row_of[row[place]]
        if written:
            _write(session, table.name, staged.columns[table.name], written)
    done = staged.done
    more: Imported | None = None
    if touched:
        session.expire_all()
        more = take(session, touched)
        known = more.known
        done = replace(done, added=done.added - known, known=done.known + known)
    if state is None:
        return replace(staged, done=done)
    return _new(session, state, done, dict(enumerate(more.new_rows)) if more else {}, kept_rows)


def _shifted(
    table: Table,
    staged: Staged,
    rows: Sequence[tuple[Any, ...]],
    by: Mapping[str, int],
    out: Collection[int],
) -> list[tuple[Any, ...]]:
    """Return new rows with the numbers that they get where they are written, without those of visits left `out`."""
    names = list(staged.columns[table.name])
    refers = {names.index("id"): table.name} if "id" in names else {}
    for column in table.columns:
        for key in column.foreign_keys:
            refers[names.index(column.name)] = key.column.table.name
    visits = [place for place, name in refers.items() if name == "visit"]
    moves = [(place, by[name], staged.state.last[name]) for place, name in refers.items() if by.get(name)]
    body = names.index("body") if table.name == WebhookMessage.__tablename__ else None
    written = []
    for row in rows:
        if out and any(row[place] in out for place in visits):
            continue
        if body is not None:
            said = json.loads(row[body])
            if said["data"].get("visit") in out:
                continue
            if by.get("visit") and said["data"].get("visit", 0) > staged.state.last["visit"]:
                said["data"]["visit"] += by["visit"]
                row = (*row[:body], json.dumps(said, ensure_ascii=False), *row[body + 1 :])
        if moves:
            cells = list(row)
            for place, more, last in moves:
                if cells[place] is not None and cells[place] > last:
                    cells[place] += more
            row = tuple(cells)
        written.append(row)
    return written


def _state(session: Session, now: datetime) -> _State:
    last = {
        table.name: session.scalar(select(func.max(table.c.id))) or 0
        for table in Base.metadata.sorted_tables
        if "id" in table.c and table.c.id.type.python_type is int
    }
    since = now - DAYS_NEAR - timedelta(minutes=2 * LONGEST_VISIT_MIN)
    versions = session.execute(select(Visit.id, Visit.version).where(Visit.planned_from_at > since))
    holds = session.scalars(select(Hold.token).where(Hold.expires_at > now))
    frame = repr([[tuple(row) for row in session.execute(wanted)] for wanted in _FRAME])
    return _State(last, {row.id: row.version for row in versions}, frozenset(holds), frame)


def _new(
    session: Session, state: _State, done: Imported, order: Mapping[int, int], kept: Mapping[int, int] | None = None
) -> Staged:
    """Return the rows that are new since a state; `order`: the rows of the file in the order of the new visits."""
    session.flush()
    columns: dict[str, Sequence[str]] = {}
    rows: dict[str, Sequence[tuple[Any, ...]]] = {}
    for name, last in state.last.items():
        if _is_sqlite(session):
            found = session.connection().exec_driver_sql(f'SELECT * FROM "{name}" WHERE id > ? ORDER BY id', (last,))
            columns[name], rows[name] = list(found.keys()), [tuple(row) for row in found]
        else:
            columns[name], rows[name] = rows_of_twin(session, name)
    row_of = dict(kept or {})
    if rows["visit"] and (order or kept):
        id_at, beside_at = (list(columns["visit"]).index(name) for name in ("id", "beside_id"))
        firsts = [row[id_at] for row in rows["visit"] if row[beside_at] is None and row[id_at] not in row_of]
        row_of.update(zip(firsts, (order[number] for number in sorted(order)), strict=True))
        # The guard against overlap looks at what a technician has before: the last one first, it has little to look at.
        from_at = list(columns["visit"]).index("planned_from_at")
        rows["visit"] = sorted(rows["visit"], key=lambda row: (row[from_at], -row[id_at]), reverse=True)
    return Staged(state, done, columns, {name: own for name, own in rows.items() if own}, row_of)


def _write(session: Session, name: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Write rows as they were read. Raises Changed for a time that somebody has taken after all."""
    if not _is_sqlite(session):
        try:
            write_rows(session, name, columns, rows)
        except DBAPIError as error:
            if "visit_no_overlap" in str(error.orig):
                raise Changed from error
            raise
        return
    names, marks = ", ".join(f'"{one}"' for one in columns), ", ".join("?" * len(columns))
    session.connection().exec_driver_sql(f'INSERT INTO "{name}" ({names}) VALUES ({marks})', rows)


def _is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"


@contextmanager
def _copy(db: Database) -> Iterator[Session]:
    """Open a copy of the database, for what is not to be kept."""
    if not db.is_sqlite:
        # A connection of its own: what others have prepared is about the tables themselves.
        apart = Database(db.engine.url.render_as_string(hide_password=False))
        try:
            with apart.open(writes=True) as session:
                make_twins(session)
                yield session
        finally:
            apart.close()
        return
    if db.file is None:
        with db.open(writes=True) as session:  # and nobody commits
            yield session
        return
    for left in db.file.parent.glob(f"{_PREFIX}*"):  # of a process that was killed
        if not _lives(left.name.removeprefix(_PREFIX).partition("-")[0]):
            shutil.rmtree(left, ignore_errors=True)
    with TemporaryDirectory(dir=db.file.parent, prefix=f"{_PREFIX}{os.getpid()}-") as folder:
        path = Path(folder) / "copy.sqlite"
        db.copy_to(path)
        copy = Database(f"sqlite:///{path}")
        try:
            with copy.open(writes=True) as session:
                yield session
        finally:
            copy.close()


def _lives(process: str) -> bool:
    """Return whether there is a process of that number."""
    try:
        os.kill(int(process), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True
