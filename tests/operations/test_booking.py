"""Booking: one technician is never promised twice, whoever asks and however many at once."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from app.errors import Conflict, Invalid, NotFound, Stale
from app.models import Alarm, Site, Technician, Visit, VisitEvent
from app.operations.booking import cancel_visit, change_visit, visit_for_change
from app.operations.day import due_technicians
from app.operations.turn import lock_technicians


@pytest.fixture
def late(clock):
    """Return an instant some minutes after the clock."""
    return lambda minutes: clock.at + timedelta(minutes=minutes)


def read(db, visit_id):
    with db.read() as session:
        return session.get(Visit, visit_id)


def events(db, visit_id):
    with db.read() as session:
        return session.scalars(select(VisitEvent).where(VisitEvent.visit_id == visit_id).order_by(VisitEvent.id)).all()


@pytest.fixture
def change(db, clock):
    def call(visit_id, verb=change_visit, **wish):
        with db.write() as session:
            return verb(session, visit_id, now=clock.at, actor="user:1", **wish)

    return call


@pytest.fixture
def other_technician(db, clock):
    with db.write() as session:
        suzuki = Technician(name="鈴木", created_at=clock.at)
        session.add(suzuki)
        session.flush()
        return suzuki.id


# --- booking ----------------------------------------------------------------------------------------------------------


def test_a_visit_is_planned_at_the_first_free_start_of_its_window(db, world, late):
    world.visit(60)
    second = read(db, world.visit(60, window_min=120))
    assert (second.planned_from_at, second.planned_until_at) == (late(120), late(180))
    assert (second.promised_from_at, second.promised_until_at) == (late(60), late(180))


def test_a_booking_is_written_into_the_history_and_looked_at_in_time(db, world, clock):
    soon, far = world.visit(60), world.visit(60 * 24 * 3)
    assert read(db, soon).check_at == clock.at
    assert read(db, far).check_at == read(db, far).planned_from_at - timedelta(hours=12)
    (booked,) = events(db, soon)
    assert (booked.kind, booked.facts["technician"]) == ("booked", world.technician)


def test_links_cannot_be_guessed_from_one_another(db, world):
    tokens = {read(db, world.visit(60 * n)).link_token for n in range(1, 6)}
    assert len(tokens) == 5
    assert all(len(token) == 10 for token in tokens)


def test_a_visit_that_cannot_be_reached_is_refused_with_the_minutes_missing(db, world):
    first = world.visit(60)
    with db.write() as session:
        away = Site(customer_id=world.customer, address="大阪市", lat=34.70, lon=135.50, located_by="given")
        session.add(away)
        session.flush()
        away_id = away.id
    with pytest.raises(Conflict) as refused:
        world.visit(125, site_id=away_id)
    assert refused.value.code == "unreachable"
    assert refused.value.facts["visit"] == first
    assert refused.value.facts["short_min"] > 30
    world.visit(125 + refused.value.facts["short_min"], site_id=away_id)


def test_visits_of_nobody_may_lie_upon_one_another(db, world):
    world.visit(60, technician_id=None)
    world.visit(60, technician_id=None)


def test_a_technician_who_left_and_a_place_of_somebody_else_are_unknown(db, world, other_technician, clock):
    with db.write() as session:
        session.get(Technician, other_technician).active = False
    for wish, field in (
        ({"technician_id": other_technician}, "technician"),
        ({"site_id": 99}, "site"),
        ({"customer_id": 99}, "customer"),
        ({"service_id": 99}, "service"),
    ):
        with pytest.raises(Invalid) as refused:
            world.visit(60, **wish)
        assert [p.field for p in refused.value.problems if p.field == field] == [field]


def test_times_that_make_no_promise_are_refused(world, late):
    for wish, field in (
        ({"promised_until_at": late(59)}, "promised_until"),
        ({"promised_until_at": late(60 + 24 * 60 + 1)}, "promised_until"),
        ({"promised_from_at": late(-120), "promised_until_at": late(-61)}, "promised_from"),
        ({"duration_min": 0}, "duration_min"),
        ({"duration_min": 24 * 60 + 1}, "duration_min"),
        ({"planned_from_at": late(30)}, "planned_from"),
    ):
        with pytest.raises(Invalid) as refused:
            world.visit(60, **wish)
        assert [p.field for p in refused.value.problems] == [field]


def test_the_database_itself_refuses_an_overlap(db, world):
    first = world.visit(60)
    world.visit(180)
    with pytest.raises(DBAPIError, match="visit_no_overlap"), db.write() as session:
        session.execute(
            text("UPDATE visit SET planned_from_at = :at, planned_until_at = :until WHERE id <> :first"),
            _plan(db, first),
        )


def _plan(db, visit_id):
    visit = read(db, visit_id)
    show = (lambda at: at.strftime("%Y-%m-%d %H:%M:%S.%f")) if db.is_sqlite else (lambda at: at)
    return {"at": show(visit.planned_from_at), "until": show(visit.planned_until_at), "first": visit_id}


def test_a_cancelled_visit_leaves_its_time_free(db, world, change):
    change(world.visit(60), cancel_visit)
    world.visit(60)


# --- many at once -----------------------------------------------------------------------------------------------------


def test_of_fifty_bookings_at_once_exactly_one_gets_the_technician(app, world, db):
    headers = {"Authorization": f"Bearer {world.dispatcher_token}"}
    for day in range(8):
        at = f"2026-12-{day + 1:02}T17:00:00+09:00"
        wish = {
            "customer": world.customer, "site": world.site, "service": world.service, "technician": world.technician,
            "promised_from": at, "promised_until": at,
        }  # fmt: skip
        start, replies = threading.Barrier(50), []
        threads = [threading.Thread(target=_book, args=(app, start, wish, headers, replies)) for _ in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(reply.status_code for reply in replies) == [201] + [409] * 49
        assert {reply.json["reason"] for reply in replies if reply.status_code == 409} == {"overlap"}
    with db.read() as session:
        assert session.scalar(select(func.count(Visit.id))) == 8


def _book(app, start, wish, headers, replies):
    start.wait()
    replies.append(app.test_client().post("/api/v1/visits", json=wish, headers=headers))


def test_two_who_change_one_visit_at_once_do_not_overwrite_each_other(db, world, clock):
    visit_id = world.visit(60)
    start, outcomes = threading.Barrier(6), []

    def write(note):
        start.wait()
        try:
            with db.write() as session:
                change_visit(session, visit_id, now=clock.at, actor="user:1", version=1, note=note)
            outcomes.append("done")
        except Stale:
            outcomes.append("stale")

    threads = [threading.Thread(target=write, args=(str(n),)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["done"] + ["stale"] * 5


def test_visits_handed_crosswise_between_two_technicians_at_once_never_stop_each_other(
    db, world, clock, other_technician
):
    mine, theirs = world.visit(60), world.visit(180, technician_id=other_technician)
    failures = []

    def swap(visit_id, there, start):
        try:
            for _ in range(10):
                start.wait()
                with db.write() as session:
                    now_with = session.get(Visit, visit_id).technician_id
                    target = there[now_with]
                    change_visit(session, visit_id, now=clock.at, actor="user:1", technician_id=target)
        except Exception as error:
            failures.append(error)
            start.abort()

    there = {world.technician: other_technician, other_technician: world.technician}
    start = threading.Barrier(2)
    threads = [threading.Thread(target=swap, args=(visit, there, start)) for visit in (mine, theirs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


@pytest.mark.parametrize("db", ["postgresql"], indirect=True)  # on SQLite, every writer is alone
def test_a_visit_handed_over_while_somebody_waits_for_it_is_taken_up_in_the_order_of_everybody(
    db, world, clock, other_technician
):
    visit_id = world.visit(60, technician_id=other_technician)
    failures = []

    def alone(what):
        try:
            with db.write() as session:
                what(session)
        except Exception as error:
            failures.append(error)

    change = {"now": clock.at, "actor": "user:1"}
    waiters = [
        threading.Thread(target=alone, args=(lambda session: change_visit(session, visit_id, note="x", **change),)),
        threading.Thread(
            target=alone, args=(lambda session: lock_technicians(session, world.technician, other_technician),)
        ),
        threading.Thread(
            target=alone,
            args=(lambda session: change_visit(session, visit_id, technician_id=other_technician, **change),),
        ),
    ]
    with db.write() as session:
        change_visit(session, visit_id, technician_id=world.technician, **change)
        for number, thread in enumerate(waiters, 1):
            thread.start()
            _until_waiting(db, number)
    for thread in waiters:
        thread.join()
    assert failures == []
    assert (read(db, visit_id).technician_id, read(db, visit_id).version) == (other_technician, 4)


def _until_waiting(db, number):
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    pause = threading.Event()
    for _ in range(500):
        with db.read() as session:
            if session.scalar(waiting) >= number:
                return
        pause.wait(0.02)
    raise AssertionError(f"not {number} wait")


# --- changing ---------------------------------------------------------------------------------------------------------


def test_a_moved_promise_keeps_its_length_and_forgets_what_was_forecast(db, world, change, late):
    visit_id = world.visit(60, window_min=30)
    with db.write() as session:
        visit = session.get(Visit, visit_id)
        visit.forecast_from_at = visit.eta_reported = visit.eta_reported_at = late(90)
        visit.watch = {"late_since": None}
    change(visit_id, promised_from_at=late(120))
    moved = read(db, visit_id)
    assert (moved.promised_until_at, moved.planned_from_at, moved.version) == (late(150), late(120), 2)
    assert (moved.forecast_from_at, moved.eta_reported, moved.watch) == (None, None, {})
    facts = events(db, visit_id)[-1].facts
    assert (facts["before"]["promised_from"], facts["after"]["promised_from"]) == (
        late(60).isoformat(),
        late(120).isoformat(),
    )


def test_a_note_changes_neither_plan_nor_forecast(db, world, change, late):
    visit_id = world.visit(60)
    with db.write() as session:
        session.get(Visit, visit_id).forecast_from_at = late(90)
    change(visit_id, note="裏口から")
    assert (read(db, visit_id).note, read(db, visit_id).forecast_from_at) == ("裏口から", late(90))


def test_a_visit_may_be_moved_over_its_own_old_time_but_not_over_another(db, world, change, late):
    visit_id = world.visit(60)
    other = world.visit(240)
    change(visit_id, promised_from_at=late(90))
    with pytest.raises(Conflict) as refused:
        change(visit_id, promised_from_at=late(200))
    assert (refused.value.code, refused.value.facts["visit"]) == ("overlap", other)
    assert read(db, visit_id).promised_from_at == late(90)


def test_a_visit_given_to_another_starts_anew_with_them(db, world, change, other_technician, late):
    visit_id = world.visit(60)
    with db.write() as session:
        visit = session.get(Visit, visit_id)
        visit.status, visit.en_route_at, visit.en_route_by = "en_route", late(0), "tap"
    change(visit_id, technician_id=other_technician)
    visit = read(db, visit_id)
    assert (visit.technician_id, visit.status, visit.en_route_at) == (other_technician, "booked", None)
    change(visit_id, unassign=True)
    assert read(db, visit_id).technician_id is None


def test_what_is_over_or_unknown_cannot_be_changed(world, change):
    visit_id = world.visit(60)
    change(visit_id, cancel_visit, reason="雨")
    for verb in (change_visit, cancel_visit):
        with pytest.raises(Conflict):
            change(visit_id, verb)
        with pytest.raises(NotFound):
            change(99, verb)
        with pytest.raises(Stale):
            change(visit_id, verb, version=7)


def test_cancelling_ends_the_looking_and_the_alarms(db, world, change, clock):
    visit_id = world.visit(60)
    with db.write() as session:
        session.add(
            Alarm(kind="silent_near_promise", subject=f"visit:{visit_id}", visit_id=visit_id, raised_at=clock.at)
        )
    change(visit_id, cancel_visit, reason="雨")
    assert (read(db, visit_id).status, read(db, visit_id).check_at) == ("cancelled", None)
    assert events(db, visit_id)[-1].facts == {"reason": "雨"}
    with db.read() as session:
        assert session.scalars(select(Alarm.cleared_by)).one() == "user:1"


@pytest.mark.parametrize("verb", ["cancel", "move", "hand over"])
def test_a_new_plan_has_the_rest_of_the_day_looked_at_again(db, world, change, late, other_technician, verb):
    changed, later = world.visit(60), world.visit(180)
    theirs = world.visit(180, technician_id=other_technician)
    with db.write() as session:
        for visit_id in (changed, later, theirs):
            session.get(Visit, visit_id).check_at = late(25)
    wishes = {
        "cancel": {"verb": cancel_visit},
        "move": {"promised_from_at": late(120)},
        "hand over": {"technician_id": other_technician},
    }
    change(changed, **wishes[verb])
    with db.read() as session:
        due = set(due_technicians(session, late(0)))
    assert due == {world.technician, *([other_technician] if verb == "hand over" else [])}


def test_what_was_read_before_the_lock_is_read_again_under_it(db, world, clock):
    if db.is_sqlite:
        pytest.skip("SQLite has one writer at a time")
    visit_id = world.visit()
    with db.write() as session:
        seen = session.get_one(Visit, visit_id)
        with db.write() as other:
            cancel_visit(other, visit_id, now=clock.now(), actor="user:1")
        assert visit_for_change(session, visit_id).status == "cancelled"
        assert seen.status == "cancelled"
