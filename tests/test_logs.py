"""Does a line of the log keep what is known of people to itself?"""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr

import structlog
from sqlalchemy.exc import IntegrityError

from app import logs
from app.models import Customer


def test_a_row_that_the_database_refused_is_not_repeated_in_the_log(db):
    with redirect_stderr(io.StringIO()) as said:
        logs.configure()
        _log_a_refusal(db)
    line = json.loads(said.getvalue())
    assert line["event"] == "a job failed"
    assert "IntegrityError" in line["exception"]
    assert "田中" not in line["exception"]
    assert "様" not in line["exception"]
    assert "created_at" in line["exception"]


def _log_a_refusal(db):
    try:
        with db.write() as session:
            session.add(Customer(name="田中 花子).\n\n様", language="ja", mobile="+819011112222"))
    except IntegrityError:
        structlog.get_logger().error("a job failed", job="test", exc_info=True)
