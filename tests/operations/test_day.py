"""Does a look read only the visits around now, however many years of them are kept?"""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event

from app.operations.day import due_technicians, load_days
from app.operations.repair import best_offers
from app.operations.technician_state import read_doings
from app.operations.turn import look_again
from tests.late_day import overrun

TOKYO = ZoneInfo("Asia/Tokyo")


@pytest.fixture
def asked(world, db, clock, parts):
    """Every statement about visits that looks, positions, offers and states ask, with what it was asked with."""
    overrun(world, db, clock, parts)
    said = []

    def hear(_connection, _cursor, statement, parameters, _context, _many):
        if re.search(r"\bvisit\b", statement):
            said.append((statement, parameters))

    event.listen(db.engine, "before_cursor_execute", hear)
    try:
        with db.write() as session:
            due_technicians(session, clock.at)
            load_days(session, [world.technician], TOKYO, clock.at)
            look_again(session, world.technician, clock.at)
            read_doings(session, [world.technician], clock.at)
            best_offers(session, clock.at, TOKYO)
    finally:
        event.remove(db.engine, "before_cursor_execute", hear)
    return said


def test_what_is_asked_all_day_reads_no_visit_of_other_years(asked, db):
    if not db.is_sqlite:
        pytest.skip("only SQLite says its plan whatever is in the tables")
    with db.engine.connect() as connection:
        plans = [
            row[3]
            for statement, parameters in asked
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]
    of_visits = [plan for plan in plans if re.search(r"(SCAN|SEARCH) visit\b", plan)]
    assert len(of_visits) >= 5
    assert not [plan for plan in of_visits if "SCAN visit" in plan]
    by_day = [plan for plan in of_visits if "ix_visit_day" in plan]
    assert by_day
    assert not [plan for plan in by_day if "planned_from_at>" not in plan]
