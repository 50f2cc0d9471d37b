"""Run migrations over the connection that is handed in, or over the one the settings name."""

from __future__ import annotations

from alembic import context

from app import models  # noqa: F401  (fills the metadata)
from app.config import read_settings
from app.db import Base, Database


def run() -> None:
    """Bring the tables to the wanted version, in one transaction."""
    connection = context.config.attributes.get("connection")
    if connection is not None:
        _migrate(connection)
        return
    database = Database(read_settings().database)
    with database.engine.begin() as opened:
        _migrate(opened)
    database.close()


def _migrate(connection) -> None:  # type: ignore[no-untyped-def]
    context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=False, compare_type=True)
    context.run_migrations()


run()
