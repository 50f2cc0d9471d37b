"""What happens on site: forgotten, repeated, late and contradicting taps, and several at once."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.errors import Conflict, Invalid, NotFound
from app.models import Alarm, Visit, VisitEvent
from app.operations.field import note_inferred, report_eta, report_status, undo_status
from app.operations.position import ReportedFix, record_fixes
from app.operations.turn import look_again
from app.rules.position import Fix


@pytest.fixture
def report(db, clock):
    def call(visit_id, status, *, ago=None, **more):
        at = None if ago is None else clock.at - timedelta(minutes=ago)
        with db.write() as session:
            return report_status(session, visit_id, status, now=clock.at, actor="technician:1", at=at, **more)

    return call


@pytest.fixture
def undo(db, clock):
    def call(visit_id, **more):
        with db.write() as session:
            return undo_status(session, visit_id, now=clock.at, actor="technician:1", **more)

    return call


@pytest.fixture
def eta(db, clock):
    def call(visit_id, minutes, *, ago=None, **more):
        at = None if ago is None else clock.at - timedelta(minutes=ago)
        with db.write() as session:
            expected_at = clock.at + timedelta(minutes=minutes)
            return report_eta(session, visit_id, expected_at, now=clock.at, actor="technician:1", at=at, **more)

    return call


def read(db, visit_id):
    with db.read() as session:
        return session.get(Visit, visit_id)


def kinds(db):
    with db.read() as session:
        return session.scalars(select(VisitEvent.kind).order_by(VisitEvent.id)).all()


def test_a_visit_goes_through_its_states_and_ends(db, world, report, clock):
    visit_id = world.visit()
    report(visit_id, "en_route", ago=30)
    report(visit_id, "arrived", ago=10)
    report(visit_id, "completed")
    visit = read(db, visit_id)
    assert (visit.status, visit.is_open, visit.check_at, visit.version) == ("completed", False, None, 4)
    assert visit.arrived_at == clock.at - timedelta(minutes=10)
    assert (visit.en_route_by, visit.completed_by) == ("tap", "tap")
    assert kinds(db) == ["booked", "en_route", "arrived", "completed"]


def test_a_tap_sent_twice_counts_once(db, world, report):
    visit_id = world.visit()
    report(visit_id, "en_route", client_key="k1")
    report(visit_id, "arrived", client_key="k2")
    report(visit_id, "en_route", client_key="k1")
    assert (read(db, visit_id).status, kinds(db)) == ("arrived", ["booked", "en_route", "arrived"])


def test_a_tap_that_comes_after_a_later_one_fills_in_its_time_only(db, world, report, clock):
    visit_id = world.visit()
    report(visit_id, "arrived", ago=5)
    report(visit_id, "en_route", ago=40)
    visit = read(db, visit_id)
    assert (visit.status, visit.en_route_at) == ("arrived", clock.at - timedelta(minutes=40))


def test_a_person_corrects_what_positions_suggested_and_the_first_word_of_a_person_stands(db, world, report, clock):
    visit_id = world.visit()
    with db.write() as session:
        at = clock.at - timedelta(minutes=20)
        note_inferred(session, session.get(Visit, visit_id), "arrived", at, "stayed", now=clock.at)
    report(visit_id, "arrived", ago=15)
    report(visit_id, "arrived", ago=3)
    visit = read(db, visit_id)
    assert (visit.arrived_by, visit.arrived_at) == ("tap", clock.at - timedelta(minutes=15))


def test_positions_never_turn_back_what_was_tapped(db, world, report, clock):
    visit_id = world.visit()
    report(visit_id, "completed")
    with db.write() as session:
        note_inferred(session, session.get(Visit, visit_id), "arrived", clock.at, "stayed", now=clock.at)
    assert (read(db, visit_id).status, kinds(db)) == ("completed", ["booked", "completed"])


def test_what_is_over_stays_over(world, report):
    visit_id = world.visit()
    report(visit_id, "no_access")
    for status in ("completed", "cancelled"):
        with pytest.raises(Conflict):
            report(visit_id, status)
    report(visit_id, "no_access")


def test_times_that_cannot_be_are_refused(world, report, clock):
    visit_id = world.visit()
    for ago, code in ((-3, "in_the_future"), (48 * 60 + 1, "too_old")):
        with pytest.raises(Invalid) as refused:
            report(visit_id, "arrived", ago=ago)
        assert [(p.field, p.code) for p in refused.value.problems] == [("at", code)]
    with pytest.raises(Invalid):
        report(visit_id, "lost")
    with pytest.raises(NotFound):
        report(99, "arrived")
    assert report(visit_id, "arrived", ago=-1).arrived_at == clock.at


def test_an_arrival_clears_what_was_feared(db, world, report, clock):
    visit_id = world.visit()
    with db.write() as session:
        session.add(
            Alarm(kind="silent_near_promise", subject=f"visit:{visit_id}", visit_id=visit_id, raised_at=clock.at)
        )
    report(visit_id, "en_route")
    with db.read() as session:
        assert session.scalars(select(Alarm.cleared_at)).one() is None
    report(visit_id, "arrived")
    with db.read() as session:
        assert session.scalars(select(Alarm.cleared_at)).one() == clock.at


def test_a_tap_is_taken_back_and_the_history_keeps_both(db, world, report, undo):
    visit_id = world.visit()
    report(visit_id, "en_route")
    report(visit_id, "arrived")
    undo(visit_id)
    assert (read(db, visit_id).status, read(db, visit_id).arrived_at) == ("en_route", None)
    undo(visit_id, client_key="u2")
    undo(visit_id, client_key="u2")
    assert read(db, visit_id).status == "booked"
    with pytest.raises(Conflict):
        undo(visit_id)
    assert kinds(db) == ["booked", "en_route", "arrived", "undone", "undone"]


def test_a_visit_reopened_by_an_undo_is_looked_at_again(db, world, report, undo, clock):
    visit_id = world.visit()
    report(visit_id, "completed")
    undo(visit_id)
    assert (read(db, visit_id).status, read(db, visit_id).check_at) == ("booked", clock.at)


def test_the_newest_word_about_the_arrival_counts_even_if_an_older_one_comes_later(db, world, eta, clock):
    visit_id = world.visit()
    eta(visit_id, 30, ago=1)
    eta(visit_id, 50, ago=10)
    visit = read(db, visit_id)
    assert visit.eta_reported == clock.at + timedelta(minutes=30)
    assert kinds(db) == ["booked", "eta", "eta"]


def test_an_arrival_time_must_be_soon_and_awaited(world, eta, report):
    visit_id = world.visit()
    for minutes in (-11, 12 * 60 + 1):
        with pytest.raises(Invalid) as refused:
            eta(visit_id, minutes)
        assert [p.field for p in refused.value.problems] == ["eta"]
    report(visit_id, "arrived")
    with pytest.raises(Conflict):
        eta(visit_id, 20)


def test_new_evidence_wakes_only_the_open_visits_of_this_technicians_day(db, world, report, clock):
    soon, done, tomorrow = world.visit(60), world.visit(180), world.visit(60 * 24)
    report(done, "completed")
    with db.write() as session:
        for visit_id in (soon, tomorrow):
            session.get(Visit, visit_id).check_at = clock.at + timedelta(minutes=20)
        look_again(session, world.technician, clock.at)
    assert read(db, soon).check_at == clock.at
    assert read(db, done).check_at is None
    assert read(db, tomorrow).check_at == clock.at + timedelta(minutes=20)


def test_taps_and_positions_of_one_technician_at_once_all_count(db, world, clock):
    visits = [world.visit(60 + 120 * n) for n in range(4)]
    rounds, failures = 15, []
    start = threading.Barrier(5)

    def repeat(act):
        try:
            for number in range(rounds):
                start.wait()
                with db.write() as session:
                    act(session, number)
        except Exception as error:
            failures.append(error)
            start.abort()

    def tap(visit_id):
        def act(session, number):
            later = clock.at + timedelta(minutes=20)
            at = clock.at + timedelta(minutes=30 + number)
            report_eta(session, visit_id, at, now=clock.at, actor="technician:1", at=clock.at)
            session.get(Visit, visit_id).check_at = later  # as the sweep leaves it, so that each wakes all

        return act

    def fix(session, number):
        fixes = [ReportedFix(Fix(clock.at - timedelta(seconds=60 - number), 34.2, 135.1), {})]
        record_fixes(session, world.technician, fixes, source="api", now=clock.at)

    threads = [threading.Thread(target=repeat, args=(act,)) for act in (*map(tap, visits), fix)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert kinds(db).count("eta") == len(visits) * rounds
