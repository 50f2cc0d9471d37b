from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, select

from app.models import Customer, Lesson, Notice, Service, Site, Technician, Visit
from app.operations.booking import add_event
from app.operations.field import report_status
from app.operations.learning import (
    begin_anew,
    current_habits,
    keep_habits,
    learn,
    learning_due,
    past_visits,
    take_back_anew,
)
from app.operations.position import ReportedFix, record_fixes
from app.rules.experience import experience
from app.rules.habits import DELAY, PRIORS, Way, Work, learned
from app.rules.position import Fix, distance_m
from app.rules.travel import usual
from app.tick import sweep

TOKYO = ZoneInfo("Asia/Tokyo")
#: Two sites 5 km apart, and a night a month after the first day.
HERE, THERE = (34.2261, 135.1675), (34.2261, 135.2218)
FIRST_AT = datetime(2026, 10, 1, 0, 0, tzinfo=UTC)
NIGHT_AT = datetime(2026, 11, 1, 18, 0, tzinfo=UTC)


class History:
    """Past days of one or more technicians, written as they would have been kept."""

    def __init__(self, session):
        customer = Customer(name="山田", created_at=FIRST_AT)
        self.session = session
        self.sites = [
            Site(customer=customer, address="x", lat=lat, lon=lon, located_by="given") for lat, lon in (HERE, THERE)
        ]
        self.service = Service(name_ja="設定", name_en="Setup", duration_min=60)
        self.technician = Technician(name="佐藤", created_at=FIRST_AT)
        session.add_all([customer, *self.sites, self.service, self.technician])
        session.flush()

    def visit(self, begin_at, site, *, drove=None, took, technician=None, **changes):
        """Add a visit begun at `begin_at`, after driving `drove` there, that took `took` of the planned hour."""
        values = {
            "en_route_at": begin_at - drove if drove else None,
            "en_route_by": "tap" if drove else None,
            "arrived_at": begin_at,
            "arrived_by": "tap",
            "completed_at": begin_at + took,
            "completed_by": "tap",
            "status": "completed",
            "promised_from_at": begin_at,
            "promised_until_at": begin_at,
        }
        visit = Visit(
            customer_id=self.sites[0].customer_id, site_id=self.sites[site].id, service_id=self.service.id,
            technician_id=technician or self.technician.id, link_token=f"{begin_at}{site}{technician}",
            created_at=FIRST_AT, planned_from_at=begin_at,
            planned_until_at=begin_at + timedelta(seconds=5), duration_min=60, watch={}, **{**values, **changes},
        )  # fmt: skip
        self.session.add(visit)
        self.session.flush()
        return visit

    def days(self, n, *, drive_ratio=1.0, took=timedelta(minutes=60), technician=None, **changes):
        """Add days of two visits each, the second 5 km from the first."""
        usual_s = usual(distance_m(*HERE, *THERE), 12.5).median_s
        drive = timedelta(seconds=drive_ratio * usual_s)
        for day in range(n):
            begin_at = FIRST_AT + timedelta(days=day, hours=2)
            self.visit(begin_at, 0, took=took, technician=technician, **changes)
            there_at = begin_at + took + drive
            self.visit(there_at, 1, drove=drive, took=took, technician=technician, **changes)


def night(db, now=NIGHT_AT):
    with db.read() as session:
        habits = learn(session, now, TOKYO)
    with db.write() as session:
        keep_habits(session, habits, now)
    with db.read() as session:
        return current_habits(session)


def test_a_new_company_starts_with_the_stated_priors(db):
    with db.read() as session:
        assert current_habits(session) is PRIORS
    assert night(db) == PRIORS


def test_roads_and_work_that_always_take_longer_are_learned(db):
    with db.write() as session:
        history = History(session)
        history.days(28, drive_ratio=1.5, took=timedelta(minutes=90))
        service, technician = history.service.id, history.technician.id
    habits = night(db)
    drive = habits.travel(12.5, *THERE)
    assert drive.n == 28
    assert drive.median == pytest.approx(1.5, rel=0.08)
    work = habits.work(service, technician)
    assert work.n == 56
    assert work.median == pytest.approx(1.5, rel=0.05)
    assert work.spread < 0.28


def test_what_is_kept_is_what_was_learned(db):
    with db.write() as session:
        History(session).days(10, drive_ratio=1.3)
    with db.read() as session:
        habits = learn(session, NIGHT_AT, TOKYO)
    kept = night(db)
    assert kept.ways.keys() == habits.ways.keys()
    for key, ratios in habits.ways.items():
        assert kept.ways[key].quantiles == pytest.approx(ratios.quantiles, abs=1e-4)


def test_another_night_replaces_and_old_visits_are_forgotten(db):
    with db.write() as session:
        History(session).days(5, took=timedelta(minutes=90))
    assert night(db).works
    assert night(db, NIGHT_AT + timedelta(days=120)) == PRIORS
    with db.read() as session:
        assert session.scalars(select(Lesson)).all() == []


@pytest.mark.parametrize(
    "changes",
    [
        {"arrived_by": "silence"},
        {"completed_at": None, "completed_by": None},
        {"completed_by": "silence"},
        {"took": timedelta(seconds=10)},
        {"took": timedelta(minutes=5)},
        {"took": timedelta(hours=9)},
    ],
    ids=str,
)
def test_forgotten_taps_are_no_work(db, changes):
    with db.write() as session:
        History(session).days(8, **changes)
    assert night(db).works == {}


def test_leaving_is_the_end_of_the_work_only_at_the_last_visit_of_the_day(db):
    with db.write() as session:
        History(session).days(8, completed_by="position")
    assert night(db).works[()].n == 8


@pytest.mark.parametrize("kind", ["undone", "reopened"])
def test_a_step_that_was_taken_back_is_no_observation(db, kind):
    with db.write() as session:
        history = History(session)
        visit = history.visit(FIRST_AT, 0, took=timedelta(minutes=60))
        add_event(session, visit, kind, "system", FIRST_AT)
    assert night(db) == PRIORS


def test_a_drive_is_over_when_the_phone_has_come_to_rest_not_when_it_was_tapped(db):
    with db.write() as session:
        history = History(session)
        history.visit(FIRST_AT, 0, took=timedelta(minutes=60))
        there_at = FIRST_AT + timedelta(minutes=90)
        visit = history.visit(there_at, 1, drove=timedelta(minutes=28), took=timedelta(minutes=60))
        add_event(session, visit, "arrived", "position", there_at, at=there_at - timedelta(minutes=9))
        add_event(session, visit, "arrived", "technician:1", there_at)
    usual_s = usual(distance_m(*HERE, *THERE), 10.5).median_s
    assert night(db).ways[()].n == 1
    with db.read() as session:
        (drive,) = [one for one in experience(past_visits(session, FIRST_AT, NIGHT_AT), TOKYO) if isinstance(one, Way)]
    assert drive.ratio == pytest.approx(19 * 60 / usual_s)


def test_a_tick_does_not_read_the_lessons_again(db):
    with db.write() as session:
        History(session).days(5, took=timedelta(minutes=90))
    known = night(db)
    with db.write() as session:
        session.execute(delete(Lesson))
    with db.read() as session:
        assert current_habits(session) is known


def test_who_set_off_hours_later_did_not_come_from_there(db):
    with db.write() as session:
        history = History(session)
        history.visit(FIRST_AT, 0, took=timedelta(minutes=60))
        history.visit(FIRST_AT + timedelta(hours=4), 1, drove=timedelta(minutes=20), took=timedelta(minutes=60))
    assert night(db).ways == {}


def test_a_tap_made_elsewhere_is_no_observation(db, world, clock):
    visit_id = world.visit(0)
    with db.write() as session:
        far_off = ReportedFix(Fix(clock.now() - timedelta(minutes=1), 34.30, 135.30), {})
        record_fixes(session, world.technician, [far_off], source="api", now=clock.now())
    for status, minutes in (("arrived", 0), ("completed", 60)):
        with db.write() as session:
            report_status(session, visit_id, status, now=clock.forward(minutes=minutes), actor="technician:1")
    with db.read() as session:
        away_m = [event.facts.get("away_m") for event in session.get_one(Visit, visit_id).events]
    assert away_m == [None, 14690, None]  # an hour later, nobody knows where the phone is
    assert night(db, clock.forward(hours=12)).works == {}


def test_windows_that_hold_too_seldom_are_told_wider(db):
    with db.write() as session:
        history = History(session)
        for day in range(40):
            promised_at = FIRST_AT + timedelta(hours=9 * day)
            told_at = promised_at - timedelta(minutes=20)
            late = timedelta(minutes=30 + (day % 4 - 1.5) * 16)
            visit = history.visit(
                promised_at + late, 0, took=timedelta(minutes=60), promised_from_at=promised_at,
                promised_until_at=promised_at,
            )  # fmt: skip
            session.add(
                Notice(
                    visit_id=visit.id, kind="late", language="ja", dedupe_key=f"{day}", created_at=told_at,
                    quoted_from_at=promised_at + timedelta(minutes=20),
                    quoted_until_at=promised_at + timedelta(minutes=40), reason_code="late_expected",
                    reason_facts={"holds_percent": 80}, promised_from_at=promised_at, promised_until_at=promised_at,
                    technician_id=visit.technician_id, channels=["sms"], state="sent", expires_at=promised_at,
                )
            )  # fmt: skip
    window = night(db).windows[DELAY]
    assert (window.n, window.claimed, window.kept) == (40, 0.8, 0.5)
    assert window.widen > 1.4
    assert window.shift == pytest.approx(1.0, abs=0.05)


def test_beginning_anew_forecasts_as_in_the_beginning_and_can_be_taken_back(db):
    with db.write() as session:
        History(session).days(10, took=timedelta(minutes=90))
    known = night(db)
    with db.write() as session:
        begin_anew(session, actor="user:1", now=NIGHT_AT)
    with db.read() as session:
        assert current_habits(session) is PRIORS
    with db.write() as session:
        take_back_anew(session, now=NIGHT_AT)
    with db.read() as session:
        assert current_habits(session) == known
    with db.write() as session:
        begin_anew(session, actor="user:1", now=NIGHT_AT)
    assert night(db, NIGHT_AT + timedelta(days=1)) == PRIORS


def test_one_night_learns_once(db):
    with db.read() as session:
        assert learning_due(session, NIGHT_AT, TOKYO)
    night(db)
    with db.read() as session:
        assert not learning_due(session, NIGHT_AT + timedelta(hours=23, minutes=59), TOKYO)
        assert learning_due(session, NIGHT_AT + timedelta(hours=24), TOKYO)
        assert not learning_due(session, NIGHT_AT - timedelta(hours=1), TOKYO)


def test_the_next_sweep_forecasts_with_what_was_learned(db, parts, world, clock):
    """Both visits are an hour's work, and the technician has just begun the first."""
    first, second = world.visit(0), world.visit(75)
    with db.write() as session:
        report_status(session, first, "arrived", now=clock.now(), actor="technician:1")

    def expected_in_min():
        sweep(parts, clock.now())
        with db.read() as session:
            return (session.get_one(Visit, second).forecast_median_at - clock.now()).total_seconds() / 60

    clock.forward(minutes=10)
    before = expected_in_min()
    slow = [Work(world.service, world.technician, 1.5)] * 200
    with db.write() as session:
        keep_habits(session, learned(slow, []), clock.now())
    assert 15 < expected_in_min() - before < 35
    with db.write() as session:
        begin_anew(session, actor="user:1", now=clock.now())
    assert expected_in_min() == pytest.approx(before)
    with db.write() as session:
        take_back_anew(session, now=clock.now())
    assert expected_in_min() - before > 15


def test_a_night_that_taught_nothing_new_has_no_day_looked_at_again(db, parts, world, clock):
    visit_id = world.visit(60)
    known = learned([Work(world.service, world.technician, 1.5)] * 200, [])
    for _ in range(2):
        with db.write() as session:
            keep_habits(session, known, clock.now())
        with db.read() as session:
            due = session.get_one(Visit, visit_id).check_at <= clock.now()
        sweep(parts, clock.now())
        clock.forward(seconds=5)
    assert not due
