"""How many statements do a booking and a tap take? Each is a way to the server and back, with a technician locked."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event

from app.operations.appointment import book
from app.operations.field import report_status


@pytest.fixture
def asked(db):
    """Note the statements that are run in a block."""

    @contextmanager
    def noting():
        said = []

        def note(*words):
            said.append(words[2].split()[0])

        event.listen(db.engine, "before_cursor_execute", note)
        yield said
        event.remove(db.engine, "before_cursor_execute", note)

    return noting


def test_a_booking_takes_eight_statements(db, world, clock, asked):
    at = clock.at + timedelta(days=3)
    with asked() as said, db.write() as session:
        book(
            session, zone=ZoneInfo("Asia/Tokyo"), now=clock.at, actor="test", customer_id=world.customer,
            site_id=world.site, service_id=world.service, technician_id=world.technician, promised_from_at=at,
            promised_until_at=at, duration_min=60,
        )  # fmt: skip
    assert [word for word in said if word != "BEGIN"] == [*["SELECT"] * 4, "INSERT", "INSERT", "SELECT", "INSERT"]


def test_setting_out_takes_seven_statements_and_on_postgresql_three_more_to_lock(db, world, clock, asked):
    visit = world.visit(60)
    with asked() as said, db.write() as session:
        report_status(session, visit, "en_route", now=clock.at, actor="test")
    locks = [] if db.is_sqlite else ["SAVEPOINT", "SELECT"]
    kept = [] if db.is_sqlite else ["RELEASE"]
    done = ["SELECT", "UPDATE", "UPDATE", "SELECT", "INSERT", "UPDATE"]
    assert [word for word in said if word != "BEGIN"] == [*locks, "SELECT", *kept, *done]
