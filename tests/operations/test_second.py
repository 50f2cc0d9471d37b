"""Are two technicians taken together, or neither, and does the customer hear of the visit once?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import DBAPIError

from app.errors import Conflict, Invalid
from app.models import Alarm, Notice, Reminder, Technician, Visit, VisitEvent
from app.operations.appointment import Message, book, cancel, change
from app.operations.export import export_visits
from app.operations.field import report_eta, report_status
from app.operations.lateness import look_at_days
from app.operations.notice import Telling
from app.operations.optimise import read_day
from app.operations.technician_day import technician_day
from app.operations.time_off import NewAbsence, enter_absence
from app.operations.visit import visits_of

TOKYO = ZoneInfo("Asia/Tokyo")
TELLING = Telling("https://example.jp", TOKYO, {})


def local(hour, day=25):
    return datetime(2026, 11, day, tzinfo=TOKYO).astimezone(UTC) + timedelta(hours=hour)


@pytest.fixture
def crew(db, world, clock):
    """Three technicians: the world's, and two more next door."""
    with db.write() as session:
        more = [
            Technician(name=name, base_lat=34.22, base_lon=135.16, created_at=clock.now()) for name in ("鈴木", "高橋")
        ]
        session.add_all(more)
        session.flush()
        return [world.technician, *(one.id for one in more)]


@pytest.fixture
def booked(db, world, clock):
    """Return a function that books as the desk does."""

    def at(hour, technician, second=None, **changes):
        wish = {
            "customer_id": world.customer, "site_id": world.site, "service_id": world.service,
            "promised_from_at": local(hour), "promised_until_at": local(hour), "duration_min": 60,
            "technician_id": technician, "second_technician_id": second, **changes,
        }  # fmt: skip
        with db.write() as session:
            return book(session, zone=TOKYO, now=clock.now(), actor="user:1", **wish).id

    return at


@pytest.fixture
def changed(db, clock):
    def to(visit_id, **changes):
        with db.write() as session:
            return change(session, visit_id, Message(TELLING), now=clock.now(), actor="user:1", **changes).id

    return to


def stands(db, *columns):
    with db.read() as session:
        return session.execute(select(*columns).where(Visit.status != "cancelled").order_by(Visit.id)).all()


def plan(db):
    return [tuple(row) for row in stands(db, Visit.technician_id, Visit.planned_from_at, Visit.beside_id)]


def test_both_are_taken_or_neither(db, crew, booked):
    first = booked(10, crew[0], crew[1])
    assert plan(db) == [(crew[0], local(10), None), (crew[1], local(10), first)]
    booked(14, crew[1])
    for begins in (10.5, 14):
        with pytest.raises(Conflict) as refused:
            booked(begins, crew[2], crew[1])
        assert refused.value.code == "overlap"
    with pytest.raises(Conflict):
        booked(10, crew[1])
    assert len(plan(db)) == 3


def test_a_promised_window_is_used_at_the_first_time_at_which_both_can(db, crew, booked):
    booked(10, crew[0])
    booked(11, crew[1])
    first = booked(10, crew[0], crew[1], promised_until_at=local(15))
    assert [at for _, at, beside in plan(db) if beside == first] == [local(12)]


def test_the_database_itself_keeps_the_second_from_being_in_two_places(db, crew, booked):
    booked(10, crew[0], crew[1])
    booked(10, crew[2])
    with pytest.raises(DBAPIError, match="visit_no_overlap"), db.write() as session:
        session.execute(text("UPDATE visit SET technician_id = :second WHERE technician_id = :third"),
                        {"second": crew[1], "third": crew[2]})  # fmt: skip


def test_both_move_together_and_the_customer_is_told_once(db, crew, booked, changed):
    first = booked(10, crew[0], crew[1])
    changed(first, promised_from_at=local(15))
    assert plan(db) == [(crew[0], local(15), None), (crew[1], local(15), first)]
    with db.read() as session:
        assert session.scalars(select(Notice.kind)).all() == ["moved"]
        assert set(session.scalars(select(Reminder.visit_id))) == {first}
        assert [len(visits_of(session, 1)), export_visits(session, "ja", from_on=local(12).date(),
                until_on=local(12).date(), zone=TOKYO).count("山田")] == [1, 1]  # fmt: skip


def test_a_move_that_the_second_cannot_make_is_refused_whole(db, crew, booked, changed):
    first = booked(10, crew[0], crew[1])
    booked(15, crew[1])
    before = plan(db)
    with pytest.raises(Conflict) as refused:
        changed(first, promised_from_at=local(15))
    assert refused.value.code == "overlap"
    assert plan(db) == before


def test_the_second_is_exchanged_sent_along_and_sent_home(db, crew, booked, changed):
    first = booked(10, crew[0])
    changed(first, second_technician_id=crew[1])
    changed(first, second_technician_id=crew[2])
    assert plan(db) == [(crew[0], local(10), None), (crew[2], local(10), first)]
    changed(first, alone=True)
    assert plan(db) == [(crew[0], local(10), None)]
    booked(10, crew[1])
    booked(10, crew[2])
    changed(first, promised_from_at=local(13), second_technician_id=crew[1])
    changed(first, unassign=True)
    assert [row[0] for row in plan(db)] == [None, crew[1], crew[2]]


def test_both_are_called_off_together(db, clock, crew, booked):
    first = booked(10, crew[0], crew[1])
    with db.write() as session:
        cancel(session, first, Message(TELLING), now=clock.now(), actor="user:1", reason="")
    assert plan(db) == []
    with db.read() as session:
        kinds = session.execute(select(VisitEvent.visit_id, VisitEvent.kind).order_by(VisitEvent.id)).all()
        assert [kind for _, kind in kinds] == ["booked", "booked", "cancelled", "cancelled"]
        assert session.scalars(select(Notice.kind)).all() == ["cancelled"]
    booked(10, crew[1], crew[0])


def test_what_stands_beside_a_visit_is_changed_with_it_only(db, clock, crew, booked, changed):
    first = booked(10, crew[0], crew[1])
    with db.read() as session:
        own = session.scalar(select(Visit.id).where(Visit.beside_id == first))
    with pytest.raises(Conflict) as refused:
        changed(own, promised_from_at=local(12))
    assert (refused.value.code, refused.value.facts) == ("beside", {"visit": first})
    with pytest.raises(Conflict), db.write() as session:
        cancel(session, own, Message(TELLING), now=clock.now(), actor="user:1", reason="")
    with db.write() as session:
        report_status(session, own, "arrived", now=clock.now(), actor="user:1", by="office", at=None)
        assert session.get_one(Visit, first).status == "booked"
    changed(first, promised_from_at=local(12))
    assert plan(db)[1] == (crew[1], local(10), first), "who is there already stays as is"


def test_nobody_goes_along_with_nobody_or_twice(crew, booked, changed):
    with pytest.raises(Invalid) as twice:
        booked(10, crew[0], crew[0])
    assert twice.value.problems[0].field == "second_technician"
    with pytest.raises(Invalid):
        booked(10, None, crew[0])
    first = booked(10, crew[0], crew[1])
    with pytest.raises(Invalid):
        changed(first, technician_id=crew[1])


def test_a_day_off_of_the_second_is_asked_as_well(db, clock, crew, booked):
    with db.write() as session:
        off = NewAbsence(crew[1], local(9), local(12))
        enter_absence(session, off, zone=TOKYO, now=clock.now(), actor="user:1")
    with pytest.raises(Conflict) as refused:
        booked(10, crew[0], crew[1])
    assert refused.value.facts["why"] == "absent"
    booked(10, crew[0], crew[1], insist=True)
    assert len(plan(db)) == 2


def test_the_second_sees_it_on_the_phone_and_a_solver_moves_neither(db, clock, crew, booked):
    booked(10, crew[0], crew[1])
    with db.read() as session:
        seen = technician_day(session, crew[1], TOKYO, local(8))
        assert [visit.customer for visit in seen.visits] == ["山田 花子"]
        day = read_day(session, local(12).date(), now=clock.now(), zone=TOKYO)
        assert len(day.for_two) == 2
        assert all(work.fixed for work in day.problem.works)


def test_a_late_second_alarms_and_tells_the_customer_nothing(db, clock, crew, booked):
    first = booked(10, crew[0], crew[1])
    with db.write() as session:
        own = session.scalar(select(Visit.id).where(Visit.beside_id == first))
        report_eta(session, own, local(10.5), at=local(9.7), now=local(9.7), actor="user:1")
    for hour in (9.7, 9.75, 9.8):
        with db.write() as session:
            session.execute(update(Visit).values(check_at=local(9)))
            look_at_days(session, [crew[1]], TELLING, local(hour))
    with db.read() as session:
        assert session.scalars(select(Alarm.kind)).all() == ["second_late"]
        assert session.scalar(select(func.count(Notice.id))) == 0


def test_of_many_who_book_the_same_two_at_once_in_either_order_one_does(db, crew, booked):
    barrier, outcomes = Barrier(12), []

    def go(number):
        pair = (crew[0], crew[1]) if number % 2 else (crew[1], crew[0])
        barrier.wait()
        try:
            booked(10, *pair)
            outcomes.append("booked")
        except Conflict as refused:
            outcomes.append(refused.code)

    threads = [Thread(target=go, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["booked", *["overlap"] * 11]
    assert len(plan(db)) == 2
