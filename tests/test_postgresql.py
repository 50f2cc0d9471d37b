"""Do connections to PostgreSQL keep what they have prepared, and notice that they are there no more?"""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.db import Database

_PREPARED = text("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%from_a_test%'")
_OFTEN = text("SELECT 1 AS from_a_test")


@pytest.fixture
def own(postgresql_url):
    database = Database(postgresql_url)
    yield database
    database.close()


def _ask_often(db):
    for _ in range(8):
        with db.read() as session:
            session.execute(_OFTEN)


def test_a_look_leaves_what_was_prepared_and_an_error_does_not(own):
    _ask_often(own)
    with own.read() as session:
        assert session.scalar(_PREPARED) == 1
    with pytest.raises(DBAPIError), own.write() as session:
        session.execute(text("SELECT 1 / 0"))
    with own.read() as session:
        assert session.scalar(_PREPARED) == 0


def test_what_was_written_in_a_transaction_that_is_given_up_is_not_kept(own):
    with own.open(writes=True) as session:
        session.execute(text("CREATE TABLE given_up (id integer)"))
    with own.read() as session:
        assert session.scalar(text("SELECT to_regclass('given_up')")) is None


def test_a_connection_that_the_server_has_cut_is_made_anew(own):
    mine = text("SELECT pg_backend_pid()")
    with own.read() as session:
        was = session.scalar(mine)
    other = Database(own.engine.url.render_as_string(hide_password=False))
    with other.write() as session:
        assert session.scalar(text(f"SELECT pg_terminate_backend({was}, 5000)"))
    other.close()
    with own.read() as session:
        assert session.scalar(mine) != was
