"""How does PostgreSQL try a list so that nobody waits for it? In twins of its tables, which one transaction sees alone.

A temporary table hides the table of its name. So the same operations book, lock and read there, and take nobody's turn;
numbers come from the sequences of the tables themselves, so that nobody else is given them. What belongs to earlier
visits is not needed for booking more of them: their histories and reminders are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import JSON
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.db import Base
from app.models import Customer, Reminder, Site, Technician, Visit, VisitEvent, WebhookMessage

#: What is read or locked when a list is taken in, and what is only added to.
_READ = tuple(model.__tablename__ for model in (Customer, Site, Technician, Visit))
_ADDED_TO = tuple(model.__tablename__ for model in (VisitEvent, Reminder, WebhookMessage))


def make_twins(session: Session) -> None:
    """Hide the tables behind twins for the rest of the transaction, on a connection that has not prepared anything.

    What is there already stands in a table that the twin inherits from: so `ONLY` the twin has what is new.
    """
    run = session.connection().exec_driver_sql
    run("SET LOCAL statement_timeout = 0")  # nobody waits for it
    for name in _READ:
        run(f"CREATE TEMP TABLE before_{name} (LIKE {name} INCLUDING ALL) ON COMMIT DROP")
        run(f"INSERT INTO before_{name} SELECT * FROM {name}")
        run(f"ANALYZE before_{name}")
    for name in (*_READ, *_ADDED_TO):
        run(f"CREATE TEMP TABLE {name} (LIKE {name} INCLUDING ALL) ON COMMIT DROP")
    for name in _READ:
        run(f"ALTER TABLE before_{name} INHERIT {name}")


def rows_of_twin(session: Session, name: str) -> tuple[Sequence[str], Sequence[tuple[Any, ...]]]:
    """Return the columns of a table, and the rows that are new in its twin; none where it has no twin."""
    if name not in (*_READ, *_ADDED_TO):
        return (), ()
    columns = Base.metadata.tables[name].columns
    # Written back as it is kept, and not as what it means.
    asked = ", ".join(f'"{one.name}"::text' if isinstance(one.type, JSON) else f'"{one.name}"' for one in columns)
    found = session.connection().exec_driver_sql(f'SELECT {asked} FROM ONLY "{name}" ORDER BY id')
    return [one.name for one in columns], [tuple(row) for row in found]


def write_rows(session: Session, name: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Write many rows at once. Raises DBAPIError."""
    connection = session.connection()
    dialect = connection.dialect
    assert dialect.loaded_dbapi is not None
    names = ", ".join(f'"{one}"' for one in columns)
    sql = f'COPY "{name}" ({names}) FROM STDIN'
    cursor: Any = connection.connection.cursor()
    try:
        with cursor, cursor.copy(sql) as copy:
            for row in rows:
                copy.write_row(row)
    except dialect.loaded_dbapi.Error as error:
        raise DBAPIError.instance(sql, None, error, dialect.loaded_dbapi.Error, dialect=dialect) from error
