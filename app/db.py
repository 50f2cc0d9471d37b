"""How are rows kept? One way to open SQLite and PostgreSQL, with the traps of each closed.

A `Database` hands out sessions: `read()` for looking, `write()` for one transaction that commits at its end.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from functools import lru_cache
from itertools import repeat
from operator import add, methodcaller
from pathlib import Path
from typing import Any, ClassVar, cast

from sqlalchemy import (
    Connection,
    CursorResult,
    DateTime,
    Engine,
    MetaData,
    Result,
    create_engine,
    event,
    make_url,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
from sqlalchemy.pool import StaticPool
from sqlalchemy.types import TypeDecorator

#: From this version on, several connections cannot corrupt a write-ahead log by resetting it at the same moment.
SQLITE_WAL_SAFE = (3, 51, 3)
#: What a database raises that is down, locked or overloaded: nothing is wrong with the question, ask again later.
SILENT = (OperationalError, InterfaceError, NoConnection)


#: What PostgreSQL says of a row that others hold: not waited for, waited for in vain, or each would wait for the other.
_HELD = frozenset({"55P03", "40P01"})


def held_elsewhere(error: BaseException) -> bool:
    """Return whether a statement failed only because another transaction holds a row: later it will succeed."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in _HELD


class UTCDateTime(TypeDecorator[datetime]):
    """An instant: aware in, aware UTC out. A naive value is a mistake and is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the instant in UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"an instant without an offset: {value!r}")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the stored instant, aware, in UTC."""
        return None if value is None else value.astimezone(UTC)

    # SQLite has no instants: they are kept as text in UTC, so that text order is time order. A sweep reads hundreds of
    # them for each technician, so they are read and written in one step each.
    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any] | None:
        """Return what makes an instant one that the database keeps."""
        return _as_text if dialect.name == "sqlite" else super().bind_processor(dialect)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None] | None:
        """Return what makes an instant of what the database kept."""
        return _from_text if dialect.name == "sqlite" else super().result_processor(dialect, coltype)

    @staticmethod
    def read(column: Sequence[Any], dialect: Dialect) -> Iterable[datetime | None]:
        """Return the instants of a whole column as the database kept them, without a step of Python for each."""
        if None in column:
            return map(_from_text if dialect.name == "sqlite" else _in_utc, column)
        if dialect.name == "sqlite":
            return map(datetime.fromisoformat, map(add, column, repeat("+00:00")))
        return map(methodcaller("astimezone", UTC), column)


#: Every number below 60 in two digits.
_TWO_DIGITS = tuple(f"{number:02d}" for number in range(60))


# `isoformat` takes three microseconds, a third of what all else takes to write a look down; and one instant stands in
# many columns of many rows.
@lru_cache(maxsize=4096)
def _as_text(value: datetime | None) -> str | None:
    if value is None:
        return None
    if value.tzinfo is None:
        raise ValueError(f"an instant without an offset: {value!r}")
    at = value.astimezone(UTC)
    minute = _minute_in_text(at.year, at.month, at.day, at.hour, at.minute)
    return f"{minute}{_TWO_DIGITS[at.second]}.{at.microsecond:06d}"


@lru_cache(maxsize=4096)
def _minute_in_text(year: int, month: int, day: int, hour: int, minute: int) -> str:
    return f"{year:04d}-{month:02d}-{day:02d} {hour:02d}:{minute:02d}:"


@lru_cache(maxsize=4096)
def _from_text(kept: str | None) -> datetime | None:
    return None if kept is None else datetime.fromisoformat(f"{kept}+00:00")


def _in_utc(kept: datetime | None) -> datetime | None:
    return None if kept is None else kept.astimezone(UTC)


class Base(DeclarativeBase):
    """What every table inherits: instants as UTC, and constraint names that migrations can rely on."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar = {datetime: UTCDateTime()}


def rows_touched(result: Result[Any]) -> int:
    """Return how many rows an UPDATE, DELETE or INSERT touched."""
    return cast("CursorResult[Any]", result).rowcount


class Database:
    """One database, SQLite or PostgreSQL, shared by every thread of this process."""

    def __init__(self, url: str, **info: Any) -> None:
        """Open the database at an address; every session carries `info`."""
        self.engine = _engine(url)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        # SQLite has one writer. Queueing for it here, instead of sleeping in its busy handler, cuts the slowest
        # one percent of requests to a seventh.
        self._turn: AbstractContextManager[Any] = threading.RLock() if self.is_sqlite else nullcontext()
        self._writers = sessionmaker(self.engine, expire_on_commit=False, info=info)
        self._readers = sessionmaker(self.engine.execution_options(reads_only=True), expire_on_commit=False, info=info)

    @contextmanager
    def open(self, *, writes: bool) -> Iterator[Session]:
        """Open a session that keeps nothing unless its user commits, as the web's one hook does."""
        if not writes:
            with self._readers() as session:
                yield session
            return
        with self._turn, self._writers() as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open one transaction that may change rows; it commits at the end, or leaves nothing behind."""
        with self.open(writes=True) as session, session.begin():
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a session for looking; nothing it does is kept."""
        with self.open(writes=False) as session:
            yield session

    @property
    def file(self) -> Path | None:
        """Where the embedded database lies; None for one in memory, and for a server."""
        name = self.engine.url.database
        return Path(name).absolute() if self.is_sqlite and name not in (None, "", ":memory:") else None

    def copy_to(self, path: Path) -> None:
        """Copy the embedded database as it is into a new file; others go on writing meanwhile."""
        source, target = self.engine.raw_connection(), _sqlite_module().connect(path)
        try:
            source.driver_connection.backup(target)  # type: ignore[union-attr]
        finally:
            target.close()
            source.close()

    def check(self) -> None:
        """Raise when the database does not answer."""
        with self.engine.connect() as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        """Give every connection back."""
        self.engine.dispose()


def _engine(url: str) -> Engine:
    if make_url(url).get_backend_name() != "sqlite":
        # Only here: who uses SQLite needs no driver of PostgreSQL.
        from app.postgresql import keep_connections

        server = create_engine(
            url,
            hide_parameters=True,
            pool_size=10,
            max_overflow=20,
            connect_args={
                "options": "-c timezone=UTC -c lock_timeout=10s -c statement_timeout=30s"
                " -c idle_in_transaction_session_timeout=60s",
                "connect_timeout": 5,
                "keepalives_idle": 10,
                "keepalives_interval": 5,
                "keepalives_count": 3,
            },
        )
        keep_connections(server)
        return server
    module = _sqlite_module()
    arguments: dict[str, Any] = {"module": module, "connect_args": {"check_same_thread": False, "timeout": 10.0}}
    in_memory = make_url(url).database in (None, "", ":memory:")
    if in_memory:
        arguments["poolclass"] = StaticPool
    engine = create_engine(url, hide_parameters=True, **arguments)
    journal = "WAL" if module.sqlite_version_info >= SQLITE_WAL_SAFE else "DELETE"

    @event.listens_for(engine, "connect")
    def _open(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not begin transactions of its own
        cursor = connection.cursor()
        cursor.execute("PRAGMA foreign_keys=ON")
        if not in_memory:
            cursor.execute(f"PRAGMA journal_mode={journal}")
            cursor.execute("PRAGMA synchronous=FULL")  # a notice that was claimed stays claimed after a power cut
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A transaction that reads and then writes fails at once when another wrote in between: writers ask first.
        reads_only = connection.get_execution_options().get("reads_only", False)
        connection.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")

    return engine


def _sqlite_module() -> Any:
    try:
        from pysqlite3 import dbapi2
    except ImportError:
        import sqlite3 as dbapi2
    return dbapi2


def sqlite_warning() -> str | None:
    """Return a sentence for the operator when this machine's SQLite is one with the write-ahead-log fault."""
    module = _sqlite_module()
    if module.sqlite_version_info >= SQLITE_WAL_SAFE:
        return None
    return (
        f"SQLite {module.sqlite_version} can corrupt a write-ahead log; the slower rollback journal is used instead. "
        "Installing the package pysqlite3 brings a newer SQLite."
    )


def upgrade(database: Database, revision: str = "head") -> None:
    """Bring the tables up to a revision; every process may call it, the second finds nothing to do."""
    _migrate(database, "upgrade", revision)


def downgrade(database: Database, revision: str) -> None:
    """Take the tables back to a revision."""
    _migrate(database, "downgrade", revision)


def _migrate(database: Database, direction: str, revision: str) -> None:
    # Only here: the processes that serve never migrate, and are 14 MB lighter without it.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent.parent / "migrations"))
    with database.engine.begin() as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(7203601)"))  # one migrator at a time
        config.attributes["connection"] = connection
        getattr(command, direction)(config, revision)
