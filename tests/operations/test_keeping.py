"""Are old positions thinned out once, in portions, and gone in the end?"""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from app.models import PositionFix, Visit
from app.operations.keeping import thin_out
from app.operations.position import ReportedFix, record_fixes
from app.rules.position import Fix

WEEK = timedelta(days=7)


@pytest.fixture
def left(db):
    """Return a function that tells when the positions that are left were measured, in seconds from an instant."""

    def left_since(at):
        with db.read() as session:
            return [(fixed_at - at).total_seconds() for fixed_at in session.scalars(
                select(PositionFix.fixed_at).order_by(PositionFix.fixed_at))]  # fmt: skip

    return left_since


def drive(db, technician_id, from_at, seconds, received_at=None):
    with db.write() as session:
        for s in seconds:
            at = from_at + timedelta(seconds=s)
            fix = ReportedFix(Fix(at, 34.2 + s / 1e6, 135.1, 10), {})
            record_fixes(session, technician_id, [fix], source="api", now=received_at or at)


@pytest.mark.parametrize("most", [3, 1000])
def test_a_week_later_one_in_half_a_minute_stays_while_a_customer_waited(db, world, clock, left, most):
    begun_at = clock.now()
    with db.write() as session:
        session.execute(update(Visit).where(Visit.id == world.visit(125)).values(arrived_at=begun_at))
    drive(db, world.technician, begun_at, range(0, 600, 15))
    assert len(left(begun_at)) == 40

    def thin():
        with db.write() as session:
            return thin_out(session, clock.now(), WEEK, most)

    clock.forward(days=6)
    assert not thin()
    assert len(left(begun_at)) == 40
    clock.forward(days=2)
    while thin():
        pass
    kept = left(begun_at)
    assert kept[0] == 300
    assert len(kept) == 10 if most > 100 else 10 <= len(kept) <= 17  # a portion does not know the one before
    assert not thin()
    assert left(begun_at) == kept


def test_what_a_phone_handed_in_at_once_is_looked_through_together(db, world, clock, left):
    begun_at = clock.now()
    world.visit(30)
    drive(db, world.technician, begun_at, range(0, 300, 10), clock.forward(minutes=10))
    clock.forward(days=8)
    with db.write() as session:
        assert thin_out(session, clock.now(), WEEK, 1)
        assert left(begun_at)
    with db.write() as session:
        assert not thin_out(session, clock.now(), WEEK, 1)
    assert left(begun_at) == [30.0 * n for n in range(10)]
