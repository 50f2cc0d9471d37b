"""Do taps count once, in order, each on its own, however late they come?"""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.models import Technician, Visit, VisitEvent
from app.operations.field import report_status, undo_status
from app.operations.tap import Tap, take_taps


@pytest.fixture
def take(db, world, clock):
    """Return a function that hands over taps: (kind, minutes ago, key, status or minutes to the ETA)."""

    def send(*taps, visit, technician_id=None):
        batch = [
            Tap(
                kind,
                visit,
                key,
                clock.now() - timedelta(minutes=ago),
                status=what if kind != "eta" else None,
                eta=clock.now() + timedelta(minutes=what) if kind == "eta" else None,
            )
            for kind, ago, key, what in taps
        ]
        with db.write() as session:
            return [
                (taken.outcome, taken.error.code if taken.error else None)
                for taken in take_taps(session, technician_id or world.technician, batch, clock.now())
            ]

    return send


def read(db, visit_id):
    with db.read() as session:
        return session.get_one(Visit, visit_id)


def test_taps_kept_without_a_signal_get_the_times_at_which_they_were_made(take, world, db, clock):
    visit = world.visit(60)
    steps = [
        ("status", 50, "key-a", "en_route"),
        ("status", 20, "key-b", "arrived"),
        ("status", 5, "key-c", "completed"),
    ]
    assert take(*steps, visit=visit) == [("done", None)] * 3
    seen = read(db, visit)
    assert seen.status == "completed"
    assert [clock.now() - at for at in (seen.en_route_at, seen.arrived_at, seen.completed_at)] == [
        timedelta(minutes=50), timedelta(minutes=20), timedelta(minutes=5),
    ]  # fmt: skip


def test_a_tap_sent_twice_counts_once(take, world, db):
    visit = world.visit(60)
    tap = ("status", 1, "key-a", "en_route")
    assert take(tap, visit=visit) == [("done", None)]
    assert take(tap, tap, visit=visit) == [("already", None)] * 2
    with db.read() as session:
        kinds = session.scalars(
            select(VisitEvent.kind).where(VisitEvent.visit_id == visit).order_by(VisitEvent.id)
        ).all()
    assert kinds == ["booked", "en_route"]


def test_a_refused_tap_leaves_nothing_behind_and_stops_none_after_it(take, world, db):
    visit = world.visit(60)
    taken = take(
        ("undo", 9, "key-a", "arrived"),
        ("status", 8, "key-b", "cancelled"),
        ("status", 60 * 72, "key-c", "en_route"),
        ("eta", 6, "key-d", 60 * 24),
        ("status", 5, "key-e", "arrived"),
        ("eta", 4, "key-f", 30),
        visit=visit,
    )
    assert [outcome for outcome, _ in taken] == ["refused"] * 4 + ["done", "refused"]
    assert taken[-1][1] == "not_awaited"
    assert read(db, visit).status == "arrived"
    with db.read() as session:
        assert session.scalars(select(VisitEvent.kind).order_by(VisitEvent.id)).all() == ["booked", "arrived"]


def test_nobody_taps_for_somebody_else(take, world, db, clock):
    visit = world.visit(60)
    with db.write() as session:
        session.add(Technician(id=77, name="鈴木", created_at=clock.now()))
    assert take(("status", 1, "key-a", "arrived"), visit=visit, technician_id=77) == [("refused", "visit_elsewhere")]
    assert take(("status", 1, "key-b", "arrived"), visit=987) == [("refused", "visit_elsewhere")]
    assert read(db, visit).status == "booked"


def test_an_undo_that_comes_late_does_not_take_back_what_the_office_reported_since(take, world, db, clock):
    visit = world.visit(60)
    take(("status", 9, "key-a", "arrived"), visit=visit)
    with db.write() as session:
        report_status(session, visit, "completed", now=clock.now(), actor="user:1", by="office")
    assert take(("undo", 8, "key-b", "arrived"), visit=visit) == [("refused", "nothing_to_undo")]
    assert read(db, visit).status == "completed"


def test_a_mistake_made_undone_and_made_good_without_a_signal_ends_right(take, world, db, clock):
    visit = world.visit(60)
    taps = [("status", 9, "key-a", "arrived"), ("undo", 8, "key-b", "arrived"), ("status", 2, "key-c", "arrived")]
    assert take(*taps, visit=visit) == [("done", None)] * 3
    assert read(db, visit).arrived_at == clock.now() - timedelta(minutes=2)


@pytest.mark.parametrize(
    ("steps", "before"),
    [
        (["en_route"], "booked"),
        (["en_route", "arrived"], "en_route"),
        (["arrived"], "booked"),
        (["arrived", "working"], "booked"),
        (["en_route", "arrived", "completed"], "arrived"),
        (["en_route", "no_access"], "en_route"),
        (["completed"], "booked"),
    ],
)
def test_an_undo_returns_to_the_state_before_and_the_visit_is_looked_at_again(world, db, clock, steps, before):
    visit = world.visit(60)
    with db.write() as session:
        for step in steps:
            report_status(session, visit, step, now=clock.now(), actor="technician:1")
        undo_status(session, visit, now=clock.now(), actor="technician:1")
    seen = read(db, visit)
    assert (seen.status, seen.check_at, seen.completed_at) == (before, clock.now(), None)
