"""Do the migrations lead to what the models say, and back?"""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError

from app.db import Base, Database, downgrade, upgrade
from app.models import EVIDENCE, VisitEvent
from app.operations.booking import add_event, visit_for_change


def test_migrations_lead_to_the_models(db):
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_migrations_go_back_and_forth_on_sqlite(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'x.sqlite'}")
    upgrade(database)
    downgrade(database, "base")
    assert inspect(database.engine).get_table_names() == ["alembic_version"]
    upgrade(database)
    upgrade(database)
    database.close()


def test_migrations_go_back_and_forth_on_postgresql(postgresql_url):
    home = Database(postgresql_url)
    with home.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("CREATE DATABASE back_and_forth"))
        database = Database(home.engine.url.set(database="back_and_forth").render_as_string(hide_password=False))
        upgrade(database)
        downgrade(database, "base")
        assert inspect(database.engine).get_table_names() == ["alembic_version"]
        upgrade(database)
        database.close()
        connection.execute(text("DROP DATABASE back_and_forth"))
    home.close()


@pytest.mark.parametrize("verb", ["UPDATE visit_event SET kind = 'x'", "DELETE FROM visit_event"])
def test_the_database_refuses_to_change_evidence(db, world, clock, verb):
    assert VisitEvent in EVIDENCE
    visit_id = world.visit()
    with db.write() as session:
        add_event(session, visit_for_change(session, visit_id), "call_me", "customer", clock.now())
    with pytest.raises(DBAPIError, match="evidence is only added to"), db.write() as session:
        session.execute(text(verb))
