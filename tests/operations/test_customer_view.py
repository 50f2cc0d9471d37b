"""Does a customer's link show exactly the facts it may, and does a press made twice at once count once?"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from app.errors import Conflict, Invalid, NotFound
from app.models import Alarm, Customer, Site, Visit, VisitEvent
from app.operations.customer_view import customer_view, press

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
