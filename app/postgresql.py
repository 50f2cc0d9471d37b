"""How is PostgreSQL spoken to without saying anything twice? Connections that keep what they have prepared.

The driver prepares a statement on the server once it has run five times, and forgets all of them whenever a transaction
is rolled back, as every look and every refused booking ends: nearly none would ever be prepared.
"""

from __future__ import annotations

import select
import time
from typing import Any

from psycopg import Connection
from psycopg.pq import ExecStatus, TransactionStatus
from sqlalchemy import Engine, event
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry

#: A connection that was used so short a time ago is there, unless the server has said that it is not.
FRESH_S = 1.0
_USED_S = "used_s"


class Lasting(Connection[Any]):
    """A connection whose prepared statements outlast a rollback.

    The driver forgets them lest a table was made anew, which is done by no transaction but a migration's. After an
    error it forgets them here as well: that may be why it came.
    """

    def rollback(self) -> None:
        """Give up the transaction."""
        with self.lock:
            whole = self.pgconn.transaction_status == TransactionStatus.INTRANS
            given_up = whole and self.pgconn.exec_(b"ROLLBACK").status == ExecStatus.COMMAND_OK
        if not given_up:
            super().rollback()


def keep_connections(engine: Engine) -> None:
    """Have an engine use connections that last, and ask those that have rested whether they are still there."""
    event.listen(engine, "do_connect", _connect)
    event.listen(engine, "checkin", _note_use)
    event.listen(engine, "checkout", _check)


def _connect(_dialect: Dialect, _record: ConnectionPoolEntry, given: list[Any], named: dict[str, Any]) -> Lasting:
    return Lasting.connect(*given, **named)


def _note_use(_connection: DBAPIConnection | None, record: ConnectionPoolEntry) -> None:
    record.info[_USED_S] = time.monotonic()


def _check(connection: Any, record: ConnectionPoolEntry, _lent: object) -> None:
    """Raise InvalidatePoolError when a connection is there no more; then all of the pool are made anew.

    A server that goes away says so, which can be read without asking. Only of what lies between nothing is heard.
    """
    if _USED_S not in record.info:
        return
    heard = select.poll()
    heard.register(connection.pgconn.socket, select.POLLIN)
    if time.monotonic() < record.info[_USED_S] + FRESH_S and not heard.poll(0):
        return
    if connection.pgconn.exec_(b";").status != ExecStatus.EMPTY_QUERY:
        raise InvalidatePoolError
