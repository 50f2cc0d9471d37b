"""Do sites without a position get one, without anybody's work being overwritten?"""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.models import Alarm, Site, Visit
from app.operations.alarm import raise_alarm
from app.operations.locating import note_place, sites_to_locate
from app.providers.geocode_nominatim import Place

PLACE = Place(34.7, 135.5, "大阪市北区")


@pytest.fixture
def lost(db, world):
    """A second site of the customer, without a position."""
    with db.write() as session:
        site = Site(customer_id=world.customer, address="大阪市北区1-1")
        session.add(site)
        session.flush()
        return site.id


def wanted(db, clock):
    with db.read() as session:
        return [site.site_id for site in sites_to_locate(session, clock.now())]


def test_only_sites_without_a_position_are_looked_up(db, clock, lost):
    assert wanted(db, clock) == [lost]


def test_sites_somebody_is_awaited_at_come_first(db, clock, world, lost):
    with db.write() as session:
        session.add(Site(customer_id=world.customer, address="newer, no visit"))
    world.visit(site_id=lost)
    assert wanted(db, clock)[0] == lost


def test_a_found_place_is_kept_and_not_looked_up_again(db, clock, lost):
    with db.write() as session:
        assert note_place(session, lost, PLACE, clock.now())
    with db.read() as session:
        site = session.get(Site, lost)
        assert (site.lat, site.lon, site.located_by) == (34.7, 135.5, "geocoder")
    assert wanted(db, clock) == []


def test_an_unknown_address_rests_for_hours_and_is_then_asked_for_again(db, clock, lost):
    with db.write() as session:
        assert not note_place(session, lost, None, clock.now())
    assert wanted(db, clock) == []
    clock.forward(hours=6)
    assert wanted(db, clock) == [lost]


def test_a_position_given_by_a_person_meanwhile_stays(db, clock, lost):
    with db.write() as session:
        site = session.get(Site, lost)
        site.lat, site.lon, site.located_by = 34.0, 135.0, "given"
    with db.write() as session:
        assert not note_place(session, lost, PLACE, clock.now())
        assert session.get(Site, lost).lat == 34.0


def test_a_located_site_has_its_visits_looked_at_again_and_calls_nobody_any_more(db, clock, world, lost):
    visit_id = world.visit(24 * 60, site_id=lost)
    with db.write() as session:
        raise_alarm(session, "site_not_located", f"visit:{visit_id}", clock.now(), visit_id=visit_id)
        assert session.get(Visit, visit_id).check_at > clock.now()
    clock.forward(minutes=1)
    with db.write() as session:
        note_place(session, lost, PLACE, clock.now())
    with db.read() as session:
        assert session.get(Visit, visit_id).check_at == clock.now()
        assert session.query(Alarm).one().cleared_at == clock.now()


def test_a_site_that_is_gone_is_no_fault(db, clock, world):
    with db.write() as session:
        assert not note_place(session, 999, PLACE, clock.now() + timedelta(hours=1))
