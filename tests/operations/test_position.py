"""Positions come twice, late, disordered and wrong; what is known afterwards must not depend on it."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text

from app.models import CurrentPosition, PositionFix, QuarantinedInput, Visit
from app.operations.position import ReportedFix, record_fixes
from app.rules.position import Fix

NOW = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)


def fix(min_ago=0.0, lat=34.2, lon=135.1, **more):
    return Fix(NOW - timedelta(minutes=min_ago), lat, lon, **more)


def record(db, world, *fixes, now=NOW, source="api"):
    with db.write() as session:
        reports = [ReportedFix(f, {"lat": f.lat, "lon": f.lon, "fixed_at": f.fixed_at.isoformat()}) for f in fixes]
        return record_fixes(session, world.technician, reports, source=source, now=now)


def current(db):
    with db.read() as session:
        return session.scalars(select(CurrentPosition)).one_or_none()


def tables(db):
    with db.read() as session:
        return [
            session.execute(select(*model.__table__.columns).order_by(*model.__table__.primary_key.columns)).all()
            for model in (PositionFix, CurrentPosition, QuarantinedInput)
        ] + [session.execute(select(Visit.id, Visit.status, Visit.check_at).order_by(Visit.id)).all()]


def test_a_measurement_sent_again_counts_once(db, world):
    assert record(db, world, fix(1)).new == 1
    again = record(db, world, fix(1), fix(1, lat=34.2000000004), fix(0.5), now=NOW + timedelta(seconds=10))
    assert (again.new, again.known, again.quarantined) == (1, 2, ())


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (fix(lat=0.0, lon=0.0), "null_island"),
        (fix(lat=90.5), "off_the_globe"),
        (fix(lon=-180.5), "off_the_globe"),
        (fix(lat=math.nan), "not_a_number"),
        (fix(lon=math.inf), "not_a_number"),
        (fix(accuracy_m=math.inf), "not_a_number"),
        (fix()._replace(fixed_at=datetime(1970, 1, 1, tzinfo=UTC)), "before_2010"),
        (fix()._replace(fixed_at=datetime.min.replace(tzinfo=UTC)), "before_2010"),
        (fix(min_ago=-2.1), "in_the_future"),
    ],
)
def test_what_can_never_be_right_is_quarantined_and_the_rest_is_kept(db, world, wrong, reason):
    result = record(db, world, fix(2), wrong, fix(1), source="owntracks")
    assert (result.new, result.quarantined) == (2, ((1, reason),))
    with db.read() as session:
        kept = session.scalars(select(QuarantinedInput)).one()
    assert (kept.technician_id, kept.source, kept.reason) == (world.technician, "owntracks", reason)
    assert current(db).fixed_at == NOW - timedelta(minutes=1)


def test_strange_characters_in_refused_input_are_kept_too(db, world):
    report = ReportedFix(fix(lat=0, lon=0), {"tid": "\x00\ud800", "acc": math.nan, "long": "x" * 20_000})
    with db.write() as session:
        record_fixes(session, world.technician, [report], source="owntracks", now=NOW)
    with db.read() as session:
        assert "cut" in session.scalars(select(QuarantinedInput)).one().payload


def test_a_clock_slightly_ahead_is_read_as_now(db, world):
    record(db, world, fix(min_ago=-1.9))
    assert current(db).fixed_at == NOW


def test_late_history_leaves_the_current_position_and_the_engine_alone(db, world):
    visit_id = world.visit(120)
    record(db, world, fix(1, lat=34.21))
    with db.write() as session:
        session.get(Visit, visit_id).check_at = NOW + timedelta(minutes=20)
    assert record(db, world, fix(30, lat=34.19), fix(5, lat=34.2)).new == 2
    assert (current(db).lat, current(db).fixed_at) == (34.21, NOW - timedelta(minutes=1))
    with db.read() as session:
        assert session.get(Visit, visit_id).check_at == NOW + timedelta(minutes=20)


@pytest.mark.parametrize(
    ("news", "wakes"),
    [
        (fix(0), True),
        (fix(60), True),
        (fix(60 * 24), False),
        (fix(0, moved=False), False),
        (fix(0, accuracy_m=3000.0), False),
        (fix(0, lat=0, lon=0), False),
    ],
    ids=["now", "an hour ago", "yesterday", "ping", "inaccurate", "null island"],
)
def test_only_new_and_recent_evidence_wakes_the_engine(db, world, news, wakes):
    visit_id = world.visit(120)
    with db.write() as session:
        session.get(Visit, visit_id).check_at = NOW + timedelta(minutes=20)
    record(db, world, news)
    with db.read() as session:
        assert session.get(Visit, visit_id).check_at == (NOW if wakes else NOW + timedelta(minutes=20))


def test_the_same_fix_sent_again_does_not_wake_the_engine(db, world):
    visit_id = world.visit(120)
    record(db, world, fix(1))
    with db.write() as session:
        session.get(Visit, visit_id).check_at = NOW + timedelta(minutes=20)
    record(db, world, fix(1))
    with db.read() as session:
        assert session.get(Visit, visit_id).check_at == NOW + timedelta(minutes=20)


def test_a_ping_gives_an_old_position_no_new_time(db, world):
    record(db, world, fix(30))
    assert record(db, world, fix(0, moved=False)).new == 1
    assert current(db).fixed_at == NOW - timedelta(minutes=30)


def test_of_two_at_one_instant_the_more_accurate_is_current(db, world):
    record(db, world, fix(1, lat=34.1, accuracy_m=50.0))
    record(db, world, fix(1, lat=34.2, accuracy_m=10.0))
    record(db, world, fix(1, lat=34.3))
    assert current(db).lat == 34.2


def test_bad_accuracy_and_impossible_speed_are_kept_without_being_believed(db, world):
    assert record(db, world, fix(2, accuracy_m=5000.0), fix(1, accuracy_m=-1.0), fix(3, speed_mps=-1.0)).new == 3
    assert current(db).fixed_at == NOW - timedelta(minutes=3)
    with db.read() as session:
        assert session.scalars(select(PositionFix.speed_mps)).all() == [None, None, None]


def _batch():
    chance = random.Random(7)
    batch = [
        fix(n / 2, lat=34.2 + chance.random() / 100, accuracy_m=chance.choice([None, 5.0, 20.0, 900.0]))
        for n in range(60)
    ]
    batch += [fix(3, lat=34.2, accuracy_m=8.0), fix(3, lat=34.2), fix(3, lat=34.2, moved=False)]
    batch += [fix(-1), fix(-1.5, lat=34.25), fix(0, lat=0, lon=0), fix(-9), fix(60 * 24 * 365 * 40)]
    return batch


def test_order_and_repetition_of_a_batch_change_nothing(db, world):
    world.visit(120)
    batch = _batch()
    record(db, world, *batch)
    expected = tables(db)
    for seed in range(5):
        with db.write() as session:
            for table in ("position_fix", "current_position", "quarantined_input"):
                session.execute(text(f"DELETE FROM {table}"))
            if not db.is_sqlite:
                for table in ("position_fix", "quarantined_input"):
                    session.execute(text(f"ALTER SEQUENCE {table}_id_seq RESTART"))
        chance = random.Random(seed)
        again = batch + chance.sample(batch, 30)
        chance.shuffle(again)
        record(db, world, *again)
        assert tables(db) == expected


def test_a_batch_cut_into_pieces_and_sent_in_any_order_ends_in_the_same_positions(db, world):
    batch = [one for one in _batch() if one.moved and one.fixed_at <= NOW]

    def outcome():
        with db.read() as session:
            fixes = session.execute(select(PositionFix.fixed_at, PositionFix.lat, PositionFix.lon)).all()
            return sorted(fixes), current(db).fixed_at, current(db).lat

    record(db, world, *batch)
    expected = outcome()
    with db.write() as session:
        session.execute(text("DELETE FROM position_fix"))
        session.execute(text("DELETE FROM current_position"))
    random.Random(3).shuffle(batch)
    for begin in range(0, len(batch), 7):
        record(db, world, *batch[begin : begin + 7])
    assert outcome() == expected
