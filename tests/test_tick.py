"""Does one day that cannot be looked at stop the others, and is a site found between transactions?"""

from __future__ import annotations

import gc
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import monotonic

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.event import listen

from app import tick
from app.models import Alarm, Notice, Site, Technician, Visit
from app.operations import reminder
from app.operations.appointment import book
from app.operations.turn import lock_technicians
from app.providers.geocode_nominatim import GeocoderSilent, Place
from app.tick import locate, remind, sweep


class Atlas:
    """A geocoder that knows one address, or falls silent."""

    def __init__(self, db, place=None, silent=False):
        self.db, self.place, self.silent, self.asked = db, place, silent, 0

    def find(self, address, *, language):
        self.asked += 1
        with self.db.write():  # would wait for ever, were a transaction open while it is asked
            pass
        if self.silent:
            raise GeocoderSilent("Timeout")
        return self.place


@pytest.fixture
def second(db, world, clock):
    """A second technician with a visit at the same hour."""
    with db.write() as session:
        technician = Technician(name="鈴木", created_at=clock.now())
        session.add(technician)
    return world.visit(technician_id=technician.id), technician.id


def test_a_day_that_fails_is_pushed_forward_and_stops_no_other(parts, db, world, clock, second):
    broken, (fine, _) = world.visit(), second
    with db.write() as session:
        # A watch that this version cannot read, as an older or newer one might leave behind.
        session.execute(
            update(Visit).where(Visit.id == broken).values(watch={"no_such_memory": clock.now().isoformat()})
        )
    sweep(parts, clock.now())
    with db.read() as session:
        pushed, looked_at = session.get_one(Visit, broken), session.get_one(Visit, fine)
        assert pushed.check_at == clock.now() + timedelta(minutes=5)
        assert looked_at.forecast_basis is not None
        alarm = session.scalars(select(Alarm)).one()
        assert (alarm.kind, alarm.technician_id, alarm.facts) == (
            "rule_failed",
            world.technician,
            {"error": "TypeError"},
        )
    with db.write() as session:
        session.execute(update(Visit).where(Visit.id == broken).values(watch={}))
    sweep(parts, clock.forward(minutes=6))
    with db.read() as session:
        assert session.scalars(select(Alarm.cleared_by)).one() == "system"


def test_many_days_need_no_more_statements_than_few(parts, db, world, clock, second):
    with db.write() as session:
        fleet = [Technician(name=f"担当{number}", created_at=clock.now()) for number in range(20)]
        session.add_all(fleet)
    world.visit()
    asked = []
    listen(db.engine, "before_cursor_execute", lambda *seen: asked.append(seen[2]))
    sweep(parts, clock.now())
    for_two = len(asked)
    for technician in fleet:
        world.visit(technician_id=technician.id)
    asked.clear()
    sweep(parts, clock.forward(seconds=1))
    assert len(asked) <= for_two
    with db.read() as session:
        assert session.scalar(select(func.count()).where(Visit.forecast_basis.is_(None))) == 0


@pytest.mark.parametrize("db", ["postgresql"], indirect=True)  # SQLite has one writer at a time
def test_a_day_that_is_being_changed_is_looked_at_afterwards_and_delays_no_other(parts, db, world, clock, second):
    busy, (fine, _) = world.visit(), second
    with db.write() as session:
        lock_technicians(session, world.technician)
        sweep(parts, clock.now())
        with db.read() as other:
            assert other.get_one(Visit, fine).forecast_basis is not None
            assert other.get_one(Visit, busy).forecast_basis is None
    sweep(parts, clock.now())
    with db.read() as session:
        assert session.get_one(Visit, busy).forecast_basis is not None


@pytest.mark.parametrize("db", ["postgresql"], indirect=True)  # SQLite has one writer at a time
def test_a_visit_that_a_stranger_holds_delays_no_other_and_is_looked_at_soon(parts, db, world, clock, second):
    """Not locked in the house's order: a person at the database's own prompt, or another program."""
    held, (fine, _) = world.visit(), second
    with db.write() as session:
        session.execute(update(Visit).where(Visit.id == held).values(note="by hand"))
        began_s = monotonic()
        sweep(parts, clock.now())
        assert monotonic() - began_s < 5  # the house's connections wait ten seconds for a lock
        with db.read() as other:
            assert other.get_one(Visit, fine).forecast_basis is not None
            assert other.get_one(Visit, held).check_at <= clock.now()
    sweep(parts, clock.forward(seconds=2))
    with db.read() as session:
        assert session.get_one(Visit, held).forecast_basis is not None
        assert session.scalars(select(Alarm)).all() == []


@pytest.mark.parametrize("db", ["postgresql"], indirect=True)
@pytest.mark.parametrize("fails", [False, True])
def test_a_visit_of_another_day_that_a_stranger_holds_delays_nothing(parts, db, world, clock, second, fails):
    today, left_open, (fine, _) = world.visit(), world.visit(24 * 60), second
    with db.write() as session:
        session.execute(update(Visit).where(Visit.id == left_open).values(check_at=clock.now()))
        if fails:
            session.execute(
                update(Visit).where(Visit.id == today).values(watch={"no_such_memory": clock.now().isoformat()})
            )
        else:
            session.execute(update(Visit).where(Visit.id == today).values(check_at=clock.forward(minutes=1)))
            clock.forward(minutes=-1)
    with db.write() as session:
        session.execute(update(Visit).where(Visit.id == left_open).values(note="by hand"))
        began_s = monotonic()
        sweep(parts, clock.now())
        assert monotonic() - began_s < 5
        with db.read() as other:
            assert other.get_one(Visit, fine).forecast_basis is not None
            assert other.get_one(Visit, today).check_at > clock.now()


def test_a_visit_that_nobody_closed_is_handed_to_a_person_and_not_looked_at_for_ever(parts, db, world, clock):
    world.visit()
    clock.forward(hours=15)
    for _ in range(2):
        sweep(parts, clock.now())
    with db.read() as session:
        assert session.scalars(select(Alarm.kind)).all() == ["visit_left_open"]
        assert session.scalars(select(Visit.check_at)).one() is None


def test_a_site_with_only_an_address_is_found_between_transactions(parts, db, world, clock):
    with db.write() as session:
        session.execute(update(Site).values(lat=None, lon=None, located_by=""))
    atlas = Atlas(db, Place(34.2, 135.1, "和歌山"))
    assert locate(replace(parts, geocoder=atlas), clock.now())
    assert locate(replace(parts, geocoder=atlas), clock.now())
    with db.read() as session:
        site = session.scalars(select(Site)).one()
        assert (site.lat, site.lon, site.located_by, atlas.asked) == (34.2, 135.1, "geocoder", 1)


def test_a_geocoder_that_does_not_answer_is_told_apart_from_an_unknown_address(parts, db, world, clock):
    with db.write() as session:
        session.execute(update(Site).values(lat=None, lon=None))
    assert not locate(replace(parts, geocoder=Atlas(db, silent=True)), clock.now())
    unknown = Atlas(db)
    assert locate(replace(parts, geocoder=unknown), clock.now())
    assert locate(replace(parts, geocoder=unknown), clock.forward(minutes=1))
    assert unknown.asked == 1
    locate(replace(parts, geocoder=unknown), clock.forward(hours=7))
    assert unknown.asked == 2


def test_reminders_that_are_due_become_notices_and_one_that_fails_waits_alone(db, clock, world, parts, monkeypatch):
    at = clock.now() + timedelta(days=3)
    ids = {"customer_id": world.customer, "site_id": world.site, "service_id": world.service, "duration_min": 60}
    with db.write() as session:
        for hours in (0, 2):
            begins_at = at + timedelta(hours=hours)
            promise = {"promised_from_at": begins_at, "promised_until_at": begins_at, "technician_id": None}
            book(session, zone=parts.settings.zone, now=clock.now(), actor="user:1", **ids, **promise)
    clock.at = datetime(2026, 11, 26, 8, 0, tzinfo=UTC)
    tell = reminder.add_notice

    def refuse(session, visit, *rest):
        if visit.id == 1:
            raise RuntimeError("no such luck")
        return tell(session, visit, *rest)

    monkeypatch.setattr(reminder, "add_notice", refuse)
    assert remind(parts, clock.now()) == 1
    assert remind(parts, clock.now()) == 0
    monkeypatch.undo()
    assert remind(parts, clock.forward(minutes=5)) == 1
    assert remind(parts, clock.now()) == 0
    with db.read() as session:
        assert session.scalars(select(Notice.kind)).all() == ["reminder_day", "reminder_day"]


def test_a_sweep_leaves_the_collector_as_it_was(parts, world, clock, monkeypatch):
    seen = []
    monkeypatch.setattr(tick, "_look", lambda *_: seen.append(gc.isenabled()) or 0)
    world.visit(60)
    sweep(parts, clock.now())
    assert (seen, gc.isenabled()) == ([False], True)
    monkeypatch.setattr(tick, "_look", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        sweep(parts, clock.now())
    assert gc.isenabled()
