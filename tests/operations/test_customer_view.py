"""Does a customer's link show exactly the facts it may, and does a press made twice at once count once?"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, update

from app.errors import Conflict, Invalid, NotFound
from app.models import Alarm, Customer, Site, Visit, VisitEvent
from app.operations.customer_view import choose_notices, customer_view, press

TOKYO = ZoneInfo("Asia/Tokyo")


def token(db, visit_id):
    with db.read() as session:
        return session.get(Visit, visit_id).link_token


def test_a_view_holds_nothing_about_the_customer_but_her_language(db, world, clock):
    link = token(db, world.visit(note="鍵はポストの中"))
    with db.read() as session:
        view = customer_view(session, link, clock.now())
        customer, site = session.scalar(select(Customer)), session.scalar(select(Site))
    shown = " ".join(str(getattr(view, field.name)) for field in fields(view))
    for private in (customer.name, customer.mobile, customer.email, site.address, str(site.lat), "鍵", link):
        assert private not in shown
    assert view.language == "ja"


def test_two_presses_at_once_are_one(db, world, clock):
    link = token(db, world.visit())

    def push(_):
        with db.write() as session:
            press(session, link, "call_me", now=clock.now(), zone=TOKYO)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(push, range(4)))
    with db.read() as session:
        assert session.scalar(select(func.count()).select_from(Alarm)) == 1
        assert session.scalar(select(func.count()).select_from(VisitEvent).where(VisitEvent.kind == "call_me")) == 1


def test_a_call_may_be_asked_for_when_the_visit_is_over_but_being_away_may_not(db, world, clock):
    visit_id = world.visit()
    link = token(db, visit_id)
    with db.write() as session:
        session.get(Visit, visit_id).status = "completed"
    clock.forward(days=1)
    with db.write() as session:
        press(session, link, "call_me", now=clock.now(), zone=TOKYO)
        with pytest.raises(Conflict, match="not_awaited"):
            press(session, link, "cannot_be_there", now=clock.now(), zone=TOKYO)


def test_an_unknown_press_or_link_is_refused(db, world, clock):
    link = token(db, world.visit())
    with db.write() as session:
        with pytest.raises(Invalid, match="kind: choice"):
            press(session, link, "booked", now=clock.now(), zone=TOKYO)
        with pytest.raises(NotFound):
            press(session, link.upper(), "call_me", now=clock.now(), zone=TOKYO)
        with pytest.raises(NotFound):
            press(session, link, "call_me", now=clock.now() + timedelta(days=8), zone=TOKYO)


@pytest.fixture
def choose(db, clock, world):
    """Return a function that says on the page of a visit how its customer wants to be told; and the visit's id."""
    visit_id = world.visit()

    def chosen(notices, first_channel=""):
        with db.write() as session:
            token = session.get_one(Visit, visit_id).link_token
            choose_notices(session, token, notices=notices, first_channel=first_channel, now=clock.now())
        with db.read() as session:
            customer = session.get_one(Visit, visit_id).customer
            events = session.scalars(
                select(VisitEvent).where(VisitEvent.kind == "wishes").order_by(VisitEvent.id)
            ).all()
            return (customer.notices, customer.first_channel), [(event.actor, event.facts) for event in events]

    return chosen


def test_a_customer_chooses_what_is_told_and_how_once_however_often_it_is_pressed(choose):
    said = ("customer", {"notices": "delays", "first_channel": "email"})
    assert choose("all") == (("all", None), [])
    assert choose("delays", "email") == (("delays", "email"), [said])
    assert choose("delays", "email") == (("delays", "email"), [said])
    assert choose("all")[0] == ("all", None)


@pytest.mark.parametrize("wish", [("none", ""), ("some", ""), ("all", "pigeon")])
def test_nobody_chooses_silence_or_a_way_that_does_not_reach_her(choose, wish):
    with pytest.raises(Invalid):
        choose(*wish)


def test_who_wants_nothing_may_say_so_again_or_change_it(choose, db):
    with db.write() as session:
        session.execute(update(Customer).values(notices="none", mobile=None, first_channel="sms"))
    assert choose("none", "sms")[0] == ("none", "sms")
    assert choose("delays")[0] == ("delays", None)
