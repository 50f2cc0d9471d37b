"""Is what must not be kept forgotten, and everything else kept?"""

from __future__ import annotations

from datetime import UTC, timedelta

from sqlalchemy import func, select

from app.models import Backtest, CurrentPosition, ForecastEntry, Inbound, PositionFix, VisitEvent
from app.operations.inbound import receive
from app.operations.line import make_code, take_in
from app.operations.position import ReportedFix, record_fixes
from app.operations.purge import FORECASTS_KEPT, forget_words, purge
from app.rules.line_events import LineEvent
from app.rules.position import Fix


def test_positions_are_forgotten_after_their_days_and_nothing_else(db, world, clock):
    world.visit()

    def count(table):
        with db.read() as session:
            return session.scalar(select(func.count()).select_from(table))

    for _ in range(10):
        with db.write() as session:
            fix = Fix(clock.now(), 34.2, 135.1, 10)
            record_fixes(session, world.technician, [ReportedFix(fix, {})], source="api", now=clock.now())
        clock.forward(days=1)
    with db.write() as session:
        assert purge(session, clock.now(), timedelta(days=7), timedelta(days=7)) == 3
    assert (count(PositionFix), count(CurrentPosition), count(VisitEvent)) == (7, 1, 1)


def test_much_is_forgotten_in_portions_however_many_tables_it_lies_in(db, world, clock):
    visit_id, at = world.visit(), clock.now()
    entry = {"visit_id": visit_id, "from_at": at, "median_at": at, "until_at": at, "late_probability": 0.5}
    with db.write() as session:
        fixes = [ReportedFix(Fix(at - timedelta(seconds=n), 34.2, 135.1, 10), {}) for n in range(5)]
        record_fixes(session, world.technician, fixes, source="api", now=at)
        session.add_all(ForecastEntry(at=at, basis="plan", state="unknown", **entry) for _ in range(5))
    clock.forward(days=100)
    gone = []
    for _ in range(4):
        with db.write() as session:
            gone.append(purge(session, clock.now(), timedelta(days=7), timedelta(days=7), most=4))
    assert gone == [4, 4, 2, 0]
    with db.read() as session:
        assert session.scalar(select(func.count()).select_from(PositionFix)) == 0
        assert session.scalar(select(func.count()).select_from(ForecastEntry)) == 0


def test_the_course_of_a_forecast_is_forgotten_after_some_months(db, world, clock):
    visit_id, at = world.visit(), clock.now()
    entry = {"visit_id": visit_id, "from_at": at, "median_at": at, "until_at": at, "late_probability": 0.5}
    with db.write() as session:
        for days in (0, 1):
            session.add(ForecastEntry(at=at + timedelta(days=days), basis="plan", state="unknown", **entry))
    with db.write() as session:
        purge(session, at + FORECASTS_KEPT + timedelta(hours=1), timedelta(days=7), timedelta(days=7))
    with db.read() as session:
        assert session.scalars(select(ForecastEntry.at)).all() == [at + timedelta(days=1)]


def test_a_day_that_was_played_again_is_kept_no_longer_than_its_forecasts(db, clock):
    at = clock.now()
    with db.write() as session:
        for days in (0, 1):
            made_at = at + timedelta(days=days)
            session.add(Backtest(created_at=made_at, actor="user:1", first_on=at.date(), last_on=at.date(),
                                 policy_values={}))  # fmt: skip
    with db.write() as session:
        purge(session, at + FORECASTS_KEPT + timedelta(hours=1), timedelta(days=7), timedelta(days=7))
    with db.read() as session:
        assert session.scalars(select(Backtest.created_at)).all() == [at + timedelta(days=1)]


def test_what_customers_wrote_is_forgotten_after_its_days_and_that_they_wrote_is_not(db, world, clock):
    for number in range(3):
        with db.write() as session:
            receive(session, "sms", "+819012345678", "鍵は", clock.now(), provider_id=str(number), zone=UTC)
        clock.forward(days=1)
    with db.write() as session:
        assert [forget_words(session, clock.now(), timedelta(days=1), most=1) for _ in range(3)] == [1, 1, 0]
    with db.read() as session:
        kept = session.scalars(select(Inbound).order_by(Inbound.id)).all()
        assert [(one.words, one.sender) for one in kept] == [(None, ""), (None, ""), ("鍵は", "+819012345678")]
        assert [one.handled_by for one in kept] == ["system", "system", None]


def test_codes_and_calls_of_line_are_forgotten(db, world, clock):
    with db.write() as session:
        make_code(session, world.customer, clock.now())
        take_in(session, [LineEvent("01H", "follow", "U1", clock.now())], clock.now(), UTC)
    gone = []
    for days in (0, 2, 40):
        clock.forward(days=days)
        with db.write() as session:
            gone.append(purge(session, clock.now(), timedelta(days=7), timedelta(days=7)))
    assert gone == [0, 1, 1]
