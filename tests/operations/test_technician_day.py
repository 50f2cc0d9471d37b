"""Does a technician see the day as it is, and the customer as she was told?"""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event

from app.models import Notice, Technician, Visit, VisitEvent
from app.operations.booking import cancel_visit
from app.operations.field import report_eta, report_status, undo_status
from app.operations.technician_day import technician_day

TOKYO = ZoneInfo("Asia/Tokyo")


@pytest.fixture
def look(db, world, clock):
    """Return a function that reads the technician's day."""

    def read(technician_id=None):
        with db.read() as session:
            return technician_day(session, technician_id or world.technician, TOKYO, clock.now())

    return read


@pytest.fixture
def tell(db, clock):
    """Return a function that adds a notice of a visit; minutes are from now."""

    def add(visit_id, kind="late", state="sent", window=(80, 100), ago=10):
        at = clock.now() - timedelta(minutes=ago)
        quoted = [clock.now() + timedelta(minutes=m) for m in window] if window else [None, None]
        with db.write() as session:
            visit = session.get_one(Visit, visit_id)
            session.add(
                Notice(
                    visit_id=visit_id,
                    kind=kind,
                    language="ja",
                    dedupe_key=f"{visit_id}:{kind}:{ago}",
                    created_at=at,
                    quoted_from_at=quoted[0],
                    quoted_until_at=quoted[1],
                    reason_code="test",
                    state=state,
                    promised_from_at=visit.promised_from_at,
                    promised_until_at=visit.promised_until_at,
                    technician_id=visit.technician_id,
                    channels=["console"],
                    expires_at=at + timedelta(hours=2),
                    sent_at=at if state in ("sent", "delivered") else None,
                )
            )

    return add


def test_the_next_visit_is_the_one_under_way_and_else_the_first_open_one(look, world, db, clock):
    first, second = world.visit(60), world.visit(180)
    assert look().next_visit_id == first
    with db.write() as session:
        report_status(session, second, "en_route", now=clock.now(), actor="technician:1")
    assert look().next_visit_id == second
    with db.write() as session:
        report_status(session, second, "completed", now=clock.now(), actor="technician:1")
        report_status(session, first, "no_access", now=clock.now(), actor="technician:1")
    assert look().next_visit_id is None


def test_only_the_own_visits_of_today_are_shown(look, world, db, clock):
    mine = world.visit(60)
    world.visit(24 * 60)
    with db.write() as session:
        suzuki = Technician(name="鈴木", created_at=clock.now())
        session.add(suzuki)
        session.flush()
    theirs = world.visit(60, technician_id=suzuki.id)
    assert [visit.id for visit in look().visits] == [mine]
    assert [visit.id for visit in look(suzuki.id).visits] == [theirs]


def test_a_cancelled_visit_is_shown_as_such_and_is_not_the_next(look, world, db, clock):
    first, second = world.visit(60), world.visit(180)
    with db.write() as session:
        cancel_visit(session, first, now=clock.now(), actor="user:1")
    assert [visit.status for visit in look().visits] == ["cancelled", "booked"]
    assert look().next_visit_id == second


def test_a_night_call_out_stays_on_the_day_across_midnight(look, world, db, clock):
    clock.at = datetime(2026, 11, 24, 22, 30, tzinfo=TOKYO)
    over, night, after = world.visit(-30), world.visit(40), world.visit(180)
    with db.write() as session:
        report_status(session, over, "completed", now=clock.now(), actor="technician:1")
    assert [visit.id for visit in look().visits] == [over, night, after]
    clock.at = datetime(2026, 11, 25, 0, 15, tzinfo=TOKYO)
    assert [visit.id for visit in look().visits] == [night, after]


def test_a_window_told_replaces_the_promise_once_it_has_left(look, world, tell):
    visit = world.visit(60)
    tell(visit, state="due", ago=5)
    seen = look().visits[0]
    assert (seen.expected_from_at, seen.told[0].reach) == (seen.promised_from_at, "waiting")
    assert seen.openings[0].code == "as_promised"
    tell(visit, state="delivered", ago=1)
    seen = look().visits[0]
    assert seen.expected_until_at == seen.promised_until_at + timedelta(minutes=40)
    assert [line.reach for line in seen.told] == ["delivered", "waiting"]
    assert seen.openings[0].code == "late_told"


@pytest.mark.parametrize("state", ["failed", "unknown", "held"])
def test_what_did_not_arrive_is_not_shown_as_told(look, world, tell, state):
    tell(world.visit(60), state=state)
    seen = look().visits[0]
    assert seen.told[0].reach == "failed"
    assert seen.openings[0].code == "as_promised"


def test_dropped_and_outdated_notices_are_not_shown(look, world, tell, db):
    visit = world.visit(60)
    tell(visit, state="dropped", ago=9)
    tell(visit, state="delivered", ago=8)
    with db.write() as session:
        session.get_one(Visit, visit).promised_from_at -= timedelta(minutes=10)
    assert look().visits[0].told == ()


def test_at_the_door_the_opening_is_the_one_of_the_arrival(look, world, db, clock):
    visit = world.visit(60)
    arrived_at = clock.forward(minutes=55)
    with db.write() as session:
        report_status(session, visit, "arrived", now=arrived_at, actor="technician:1")
    clock.forward(minutes=30)
    assert [opening.code for opening in look().visits[0].openings] == ["as_promised"]


def test_what_the_customer_answered_is_shown_newest_first(look, world, db, clock):
    visit = world.visit(60)
    with db.write() as session:
        for kind, text in (("acknowledged", None), ("call_me", "門は開いています")):
            facts = {"text": text} if text else {}
            session.add(VisitEvent(visit_id=visit, at=clock.now(), recorded_at=clock.now(), kind=kind,
                                   actor="customer", facts=facts))  # fmt: skip
    assert [(line.kind, line.text) for line in look().visits[0].answers] == [
        ("call_me", "門は開いています"),
        ("acknowledged", ""),
    ]


def test_the_delay_buttons_count_from_what_the_customer_expects_and_then_from_now(look, world, tell, clock):
    visit = world.visit(60, 20)
    until_at = clock.now() + timedelta(minutes=80)
    assert [d.eta - until_at for d in look().visits[0].delays] == [timedelta(minutes=m) for m in (10, 20, 30)]
    tell(visit, window=(85, 105))
    assert look().visits[0].delays[0].eta == clock.now() + timedelta(minutes=115)
    clock.forward(minutes=120, seconds=10)
    assert look().visits[0].delays[0].eta == clock.now() + timedelta(minutes=10, seconds=50)


def test_the_last_tap_can_be_taken_back_for_a_few_minutes(look, world, db, clock):
    visit = world.visit(60)
    assert look().undo is None
    with db.write() as session:
        report_status(session, visit, "en_route", now=clock.now(), actor="technician:1")
        report_status(session, visit, "arrived", now=clock.now(), actor="technician:1")
    assert (look().undo.status, look().undo.before) == ("arrived", "en_route")
    with db.write() as session:
        undo_status(session, visit, now=clock.now(), actor="technician:1")
    assert look().undo is None
    with db.write() as session:
        report_status(session, visit, "no_access", now=clock.now(), actor="technician:1")
    assert look().undo.before == "en_route"
    clock.forward(minutes=6)
    assert look().undo is None


def test_what_positions_or_the_office_recorded_is_not_offered_for_undo(look, world, db, clock):
    visit = world.visit(60)
    with db.write() as session:
        report_status(session, visit, "en_route", now=clock.now(), actor="technician:1")
        report_status(session, visit, "arrived", now=clock.now(), actor="user:1", by="office")
    assert look().undo is None


def test_a_reported_arrival_is_shown_until_the_arrival(look, world, db, clock):
    visit = world.visit(60)
    eta = clock.now() + timedelta(minutes=80)
    with db.write() as session:
        report_eta(session, visit, eta, now=clock.now(), actor="technician:1")
    assert look().visits[0].eta_reported == eta
    with db.write() as session:
        report_status(session, visit, "arrived", now=clock.now(), actor="technician:1")
    assert look().visits[0].eta_reported is None


def test_more_visits_need_no_more_queries(look, world, tell, db):
    asked = []
    event.listen(db.engine, "before_cursor_execute", lambda *a: asked.append(a[2]))
    tell(world.visit(60))
    counts = []
    for start in (180, 300):
        asked.clear()
        look()
        counts.append(len([sql for sql in asked if sql.startswith("SELECT")]))
        tell(world.visit(start))
    assert counts == [11, 11]
