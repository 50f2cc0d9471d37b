"""Does a statement that is kept ready answer as SQLAlchemy itself would, on both databases?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import bindparam, select, update
from sqlalchemy.exc import StatementError

from app.models import Site, Technician, Visit
from app.prepared import Prepared, among

_VISIT = Visit.__table__.c
_READ = (
    select(
        _VISIT.id, _VISIT.promised_from_at, _VISIT.arrived_at, _VISIT.watch, _VISIT.late_probability, Site.lat,
        _VISIT.decided_reason,
    )
    .join_from(Visit.__table__, Site.__table__, Site.id == _VISIT.site_id)
    .where(among(_VISIT.id, "visits"), _VISIT.status != "cancelled")
    .order_by(_VISIT.id)
)  # fmt: skip


def test_rows_are_what_sqlalchemy_makes_of_them(db, world):
    some = [world.visit(), world.visit(technician_id=None)]
    with db.write() as session:
        other = session.get_one(Visit, some[1])
        other.late_probability, other.watch = 0.25, {"late_since_at": None}
        session.get_one(Visit, some[0]).arrived_at = datetime(2026, 11, 24, 3, 0, 0, 7, tzinfo=UTC)
    read = Prepared(_READ)
    with db.read() as session:
        for visits in (some, some[:1], [some[1], 999_999], []):
            usual = session.execute(_READ, {"visits": visits}).all()
            for _ in range(2):
                rows = read.rows(session.connection(), {"visits": visits})
                assert rows == [tuple(row) for row in usual]
        [arrived_at] = [row[2] for row in read.rows(session.connection(), {"visits": some}) if row[2]]
        assert arrived_at.tzinfo is UTC


def test_an_instant_of_any_zone_is_kept_and_one_without_is_refused(db, world):
    write = Prepared(
        update(Technician.__table__).where(Technician.id == bindparam("who")).values(state_since_at=bindparam("at")),
        ("who", "at"),
    )
    at = datetime(2026, 11, 24, 9, 5, 3, 40, tzinfo=timezone(timedelta(hours=9)))
    with db.write() as session:
        write.run(session.connection(), [(world.technician, at), (999_999, None)])
    with db.read() as session:
        assert session.get_one(Technician, world.technician).state_since_at == at
    with pytest.raises((ValueError, StatementError)), db.write() as session:
        write.run(session.connection(), [(world.technician, at.replace(tzinfo=None))])


def test_a_statement_whose_text_depends_on_its_values_is_not_kept_ready(db):
    listed = Prepared(select(_VISIT.id).where(_VISIT.id.in_(bindparam("visits", expanding=True))))
    with db.read() as session, pytest.raises(AssertionError, match="never changes"):
        listed.rows(session.connection(), {"visits": [1]})
