"""Is a day planned anew booked as it was shown, whole or not at all, and does the former plan come back?"""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event, select

from app.errors import Conflict, Invalid, Stale
from app.models import Hold, Notice, Service, Technician, Visit
from app.operations.booking import change_visit
from app.operations.field import report_status
from app.operations.notice import Telling
from app.operations.optimise import book_proposal, plan_day, read_day, take_back
from app.providers.solver_vroom import solve
from app.rules.optimise import Stop, faults, standing, timed
from tests.planned_days import NINE, ON, solve_here

TOKYO = ZoneInfo("Asia/Tokyo")


@pytest.fixture
def telling(parts):
    return Telling(parts.settings.base_url, TOKYO, parts.channels)


@pytest.fixture
def propose(db, clock):
    def call(solver=solve, **how):
        with db.read() as session:
            read = read_day(session, ON, now=clock.at, zone=TOKYO, **how)
        return plan_day(read, solver, 2.0)

    return call


@pytest.fixture
def book(db, clock, telling):
    def call(proposal):
        with db.write() as session:
            return book_proposal(session, proposal, now=clock.at, telling=telling, actor="system")

    return call


@pytest.fixture
def undo(db, clock, telling):
    def call():
        with db.write() as session:
            return take_back(session, ON, now=clock.at, zone=TOKYO, telling=telling, actor="system")

    return call


def plan(db):
    with db.read() as session:
        found = session.scalars(select(Visit).order_by(Visit.id))
        return {visit.id: (visit.technician_id, visit.planned_from_at) for visit in found}


def test_who_is_near_goes_the_promise_stays_and_the_former_plan_comes_back(db, day, propose, book, undo):
    before = plan(db)
    with db.read() as session:
        promised = session.execute(select(Visit.promised_from_at, Visit.promised_until_at).order_by(Visit.id)).all()
    proposal = propose()
    assert proposal.after.road_km < proposal.before.road_km / 2
    assert faults(proposal.day.problem, standing(proposal.day.problem) | {s.visit: s for s in proposal.changes}) == []
    assert book(proposal) == 4
    assert [plan(db)[day[n]][0] for n in range(4)] == [day["tanaka"], day["sato"], day["tanaka"], day["sato"]]
    assert plan(db) == before | {stop.visit: (stop.technician, stop.start_at) for stop in proposal.changes}
    with db.read() as session:
        now = session.execute(select(Visit.promised_from_at, Visit.promised_until_at).order_by(Visit.id)).all()
    assert now == promised
    assert undo() == 4
    assert plan(db) == before
    with pytest.raises(Conflict, match="nothing_to_take_back"):
        undo()


def test_a_day_that_is_good_is_left_alone(propose, book, day):
    book(propose())
    again = propose()
    assert again.changes == ()
    assert again.before == again.after


def test_what_was_changed_meanwhile_is_not_overwritten(db, day, clock, propose, book):
    proposal, before = propose(), plan(db)
    with db.write() as session:
        change_visit(session, day[0], now=clock.at, actor="user:1", note="the bell is broken")
    with pytest.raises(Stale, match="day_changed"):
        book(proposal)
    assert plan(db) == before


def test_a_visit_booked_or_held_meanwhile_makes_the_proposal_old(db, day, clock, world, propose, book):
    proposal = propose()
    with db.write() as session:
        session.add(
            Hold(
                token="h", technician_id=day["sato"], from_at=NINE, until_at=NINE + timedelta(minutes=30), held_by="x",
                created_at=clock.at, expires_at=clock.at + timedelta(minutes=5),
            )
        )  # fmt: skip
    with pytest.raises(Stale, match="day_changed"):
        book(proposal)
    clock.forward(minutes=6)
    world.visit((NINE - clock.now()) / timedelta(minutes=1) + 420, technician_id=day["tanaka"])
    with pytest.raises(Stale, match="day_changed"):
        book(proposal)


def test_a_plan_is_not_taken_back_once_one_of_its_visits_was_changed(db, day, clock, propose, book, undo):
    book(propose())
    with db.write() as session:
        change_visit(session, day[3], now=clock.at, actor="user:1", note="the bell is broken")
    after = plan(db)
    with pytest.raises(Stale, match="day_changed"):
        undo()
    assert plan(db) == after


def test_pinned_visits_and_those_under_way_stay(db, day, clock, propose, book):
    with db.write() as session:
        report_status(session, day[1], "en_route", now=clock.at, actor="user:1", by="office")
    proposal = propose(pinned=[day[0]])
    assert {stop.visit for stop in proposal.changes} <= {day[2], day[3]}
    book(proposal)
    assert [plan(db)[day[n]][0] for n in (0, 1)] == [day["sato"], day["tanaka"]]


def test_a_visit_that_nobody_has_is_given_to_who_knows_the_work(db, day, clock, world, propose, book, undo):
    with db.write() as session:
        session.get_one(Service, world.service).skill = "net"
    minutes = (NINE - clock.now()) / timedelta(minutes=1) + 420
    open_one = world.visit(minutes, 60, technician_id=None, site_id=day["west"])
    proposal = propose()
    assert (proposal.before.unassigned, proposal.after.unassigned) == (1, 0)
    book(proposal)
    assert plan(db)[open_one][0] == day["tanaka"]
    undo()
    assert plan(db)[open_one][0] is None


def test_only_those_who_were_asked_for_are_planned(day, propose):
    assert propose(only=[day["sato"]]).changes == ()
    with pytest.raises(Invalid, match="technicians"):
        propose(only=[9999])
    with pytest.raises(Invalid, match="pin"):
        propose(pinned=[9999])


def test_who_was_told_of_another_technician_is_told_anew(db, day, clock, world, propose, book):
    with db.write() as session:
        visit = session.get_one(Visit, day[0])
        session.add(
            Notice(
                visit_id=visit.id, technician_id=day["sato"], kind="reminder_day", language="ja", dedupe_key="d",
                state="delivered", channels=["sms"], reason_code="reminder", created_at=clock.at, expires_at=NINE,
                promised_from_at=visit.promised_from_at, promised_until_at=visit.promised_until_at,
            )
        )  # fmt: skip
    proposal = propose()
    assert proposal.told() == [day[0]]
    book(proposal)
    with db.read() as session:
        assert session.scalars(select(Notice.kind).where(Notice.kind == "tech_changed")).all() == ["tech_changed"]


def test_a_solver_that_drops_somebodys_visits_takes_nobody_from_them(day, propose):
    def lazy(problem, *_):
        return {work.technician: [work.visit] for work in problem.works if work.fixed}

    assert propose(lazy).changes == ()


def test_where_the_whole_day_loses_somebodys_visits_neighbours_are_planned_among_themselves(
    db, day, propose, clock, monkeypatch
):
    monkeypatch.setattr("app.rules.optimise.GROUP", 2)
    with db.write() as session:
        far = {"base_lat": 35.7, "base_lon": 139.7, "working_hours": {"wed": [["09:00", "18:00"]]}}
        session.add(Technician(name="鈴木", created_at=clock.at, **far))

    def overbooked(problem, seconds, progress):
        return {} if len(problem.drivers) > 2 else solve_here(problem, seconds, progress)

    proposal = propose(overbooked)
    assert len(proposal.changes) == 4
    assert proposal.after.road_km < proposal.before.road_km / 2
    assert faults(proposal.day.problem, standing(proposal.day.problem) | {s.visit: s for s in proposal.changes}) == []


def test_a_plan_that_cannot_be_driven_is_put_aside(day, propose, monkeypatch):
    def hurried(problem, orders):
        plan = timed(problem, orders)
        return plan | {day[2]: Stop(day[2], day["sato"], plan[day[0]].start_at + timedelta(hours=3, minutes=10))}

    monkeypatch.setattr("app.operations.optimise.timed", hurried)
    assert propose().changes == ()


def test_a_day_is_read_with_few_statements(db, day, clock):
    asked = []
    event.listen(db.engine, "before_cursor_execute", lambda *a: asked.append(a[2]))
    with db.read() as session:
        read_day(session, ON, now=clock.at, zone=TOKYO)
    assert len([one for one in asked if one.lstrip().upper().startswith("SELECT")]) <= 6
