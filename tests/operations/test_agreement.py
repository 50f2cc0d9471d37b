"""Does the desk see what a visit will cost, how far that was agreed, and when it is asked for again?"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from types import SimpleNamespace

import pytest
from sqlalchemy import select

from app.errors import Conflict, Invalid
from app.models import Alarm, Customer, Notice, PriceBookVersion, Service, Technician, Visit
from app.operations.agreement import (
    agreed_by_visit,
    agreement_of,
    call_about_price,
    note_seen,
    offer_price,
    offer_when_booked,
    price_change,
)
from app.operations.alarm import clear_alarms
from app.operations.appointment import Message
from app.operations.booking import change_visit
from app.operations.consequences import Aim, carry_out
from app.operations.estimate import Plan, estimate
from app.operations.notice import Telling
from app.operations.price_book import STANDARD
from app.operations.quote import answer_quote, quoted_job, quotes_of, shown_state, why_not_dispatched
from app.operations.quoting import Wish, make_quote
from app.operations.self_move import keep_time, move_to
from app.operations.self_times import find_times
from app.tick import remind
from tests.conftest import STORY_DAY_AT

pytestmark = pytest.mark.parametrize("db", ["sqlite"], indirect=True)
HERE = {"lat": 34.2261, "lon": 135.1675}


@pytest.fixture
def kept(db, world, clock):
    """The office keeps prices: the standard ones."""
    with db.write() as session:
        session.get_one(Service, world.service).price_code = "pc-setup"
        session.add(
            PriceBookVersion(
                at=clock.now(), by="test", code="standard-2026", valid_from=date(2026, 10, 1), book=dict(STANDARD)
            )
        )


@pytest.fixture
def telling(parts):
    return Telling(
        "https://x.example", parts.settings.zone, {"sms": SimpleNamespace(reaches=lambda who: bool(who.mobile))}
    )


@pytest.fixture
def stands(db, clock):
    """Return a function that says how far the price of a visit is agreed, and what holds its technician back."""

    def read(visit_id):
        with db.read() as session:
            deal = agreement_of(session, session.get_one(Visit, visit_id), clock.now())
            return deal and (deal.state, deal.held_back)

    return read


def accept(db, clock, token, answer="accepted"):
    with db.write() as session:
        answer_quote(session, token, answer, name="山田", language="ja", link="x", now=clock.now())


def at(db, world, clock, **plan):
    with db.read() as session:
        return estimate(session, Plan(**{"service_id": world.service, **HERE, **plan}), clock.now())


def test_half_past_ten_at_night_says_what_an_hour_earlier_costs_and_when_it_costs_least(db, world, clock, kept):
    night = clock.now() + timedelta(hours=6.5)
    told = at(db, world, clock, start_at=night, technician_id=world.technician)
    assert (told.price.total, told.price.after_hours, told.without_travel) == (11_000, True, False)
    assert (told.earlier.start_at, told.earlier.total) == (night - timedelta(hours=1), 10_175)
    assert (told.cheaper.start_at, told.cheaper.total) == (night - timedelta(hours=5.5), 7_700)
    noon = at(db, world, clock, start_at=clock.now() + timedelta(hours=20))
    assert (noon.price.total, noon.earlier.total, noon.cheaper) == (7_700, 7_700, None)
    soon = at(db, world, clock, start_at=clock.now())
    assert soon.earlier is None


def test_a_company_pays_its_class_and_what_is_not_known_yet_is_said(db, world, clock, kept):
    noon = clock.now() + timedelta(hours=20)
    assert at(db, world, clock, start_at=noon, customer_class="corporate", minutes=75).price.total == 11_825
    nowhere = at(db, world, clock, start_at=noon, lat=None, lon=None)
    assert (nowhere.price.total, nowhere.without_travel) == (6_600, True)
    with db.write() as session:
        session.get_one(Service, world.service).price_code = ""
    with pytest.raises(Invalid, match="service"):
        at(db, world, clock, start_at=noon)


def test_the_state_of_the_agreement_goes_from_nothing_to_accepted_and_back_when_the_price_rises(
    db, world, clock, kept, telling, stands
):
    visit_id = world.visit(starts_in_min=330, window_min=30)  # half past nine in the evening
    ask = {"role": "dispatcher", "now": clock.now(), "actor": "user:1"}
    assert stands(visit_id) == ("none", "not_agreed")
    with db.write() as session:
        token = offer_price(session, visit_id, telling, **ask).token
    assert stands(visit_id) == ("sent", "not_agreed")
    with db.write() as session:
        offer_price(session, visit_id, telling, **ask)  # pressed twice
        note_seen(session, token, clock.now())
        note_seen(session, token, clock.now())
        assert len(quotes_of(session, visit_id)) == session.query(Notice).filter_by(dedupe_key="quote:1").count() == 1
    assert stands(visit_id) == ("seen", "not_agreed")
    accept(db, clock, token, "declined")
    assert stands(visit_id) == ("declined", "not_agreed")
    accept(db, clock, token)
    assert stands(visit_id) == ("accepted", None)
    with db.write() as session, pytest.raises(Conflict, match="quote_accepted"):
        offer_price(session, visit_id, telling, **ask)  # from a page that was older than her answer
    with db.read() as session:
        visit = session.get_one(Visit, visit_id)
        then = {"minutes": 60, "technician_id": visit.technician_id}
        earlier = price_change(session, visit, start_at=STORY_DAY_AT + timedelta(hours=1), **then)
        later = price_change(session, visit, start_at=STORY_DAY_AT + timedelta(hours=6), **then)
    assert (earlier.before, earlier.after, earlier.asks_again) == (10_175, 7_700, False)
    assert (later.after, later.accepted, later.asks_again, later.after_hours) == (11_000, 10_175, True, True)
    with db.write() as session:
        moved = {"promised_from_at": STORY_DAY_AT + timedelta(hours=6)}
        change_visit(session, visit_id, now=clock.now(), actor="user:1", zone=telling.zone, **moved)
    assert stands(visit_id) == ("price_rose", "price_rose")
    with db.write() as session:
        second = offer_price(session, visit_id, telling, **ask)
        assert second.total == 11_000
    assert stands(visit_id) == ("sent", "price_rose")
    accept(db, clock, second.token)
    assert stands(visit_id) == ("accepted", None)


def test_whom_no_channel_reaches_is_booked_all_the_same_and_her_quote_waits_to_be_read_out(
    db, world, clock, kept, telling, stands
):
    visit_id = world.visit()
    with db.write() as session:
        customer = session.get_one(Customer, world.customer)
        customer.mobile = customer.email = None
        visit = session.get_one(Visit, visit_id)
        offer_when_booked(session, visit, telling, role="dispatcher", now=clock.now(), actor="user:1")
    assert stands(visit_id) == ("made", None)
    with pytest.raises(Conflict, match="answer_unreachable"), db.write() as session:
        offer_price(session, visit_id, telling, role="dispatcher", now=clock.now(), actor="user:1")


def test_prices_that_bind_nobody_are_not_spoken_of(db, world, clock, stands):
    visit_id = world.visit(starts_in_min=390)
    assert stands(visit_id) is None
    with db.write() as session:
        session.get_one(Service, world.service).price_code = "pc-setup"
        make_quote(session, visit_id, Wish(), role="manager", now=clock.now(), actor="user:1")
    assert stands(visit_id) == ("made", "not_agreed")


def test_who_goes_along_sets_out_once_the_first_ones_price_is_agreed(db, world, clock, kept, telling):
    with db.write() as session:
        other = Technician(name="鈴木", base_lat=34.18, base_lon=135.10, created_at=clock.now())
        session.add(other)
        session.flush()
        other_id = other.id
    visit_id = world.visit(starts_in_min=390, second_technician_id=other_id)
    with db.read() as session:
        beside_id = session.query(Visit.id).filter_by(beside_id=visit_id).scalar()
    ask = {"role": "dispatcher", "now": clock.now(), "actor": "user:1"}
    with db.write() as session:
        assert why_not_dispatched(session, session.get_one(Visit, beside_id)) == "not_agreed"
        token = offer_price(session, visit_id, telling, **ask).token
    accept(db, clock, token)
    with db.read() as session:
        both = [session.get_one(Visit, one) for one in (visit_id, beside_id)]
        assert why_not_dispatched(session, both[1]) is None
        assert {one.quote.total for one in agreed_by_visit(session, both).values()} == {11_000}
        assert agreement_of(session, both[1], clock.now()) is None


def test_the_desk_is_called_once_when_nobody_can_set_out_soon_and_no_more_when_she_accepts(
    parts, db, world, clock, kept, telling
):
    def open_alarms():
        with db.read() as session:
            return session.scalars(select(Alarm.kind).where(Alarm.cleared_at.is_(None)).order_by(Alarm.id)).all()

    at_night, by_day = world.visit(starts_in_min=390), world.visit(starts_in_min=20)
    ask = {"role": "dispatcher", "now": clock.now(), "actor": "user:1"}
    with db.write() as session:
        token = offer_price(session, at_night, telling, **ask).token
    remind(parts, clock.now())
    assert open_alarms() == []
    remind(parts, clock.forward(minutes=280))
    assert open_alarms() == ["price_open"]
    with db.write() as session:
        clear_alarms(session, f"visit:{at_night}", ("price_open",), clock.now())
    remind(parts, clock.forward(minutes=1))
    assert open_alarms() == []  # somebody has dealt with it
    with db.write() as session:
        assert call_about_price(session, at_night, clock.now())
        assert not call_about_price(session, by_day, clock.now())
    accept(db, clock, token)
    assert open_alarms() == []


def test_where_new_prices_begin_at_midnight_each_side_of_it_is_told_by_its_own(db, world, clock, kept):
    dearer = {**STANDARD, "code": "dearer", "valid_from": "2026-11-25"}
    dearer["services"] = {code: {**one, "base": 2 * one["base"]} for code, one in STANDARD["services"].items()}
    with db.write() as session:
        session.add(
            PriceBookVersion(at=clock.now(), by="test", code="dearer", valid_from=date(2026, 11, 25), book=dearer)
        )
        session.flush()
        plan = Plan(world.service, datetime(2026, 11, 24, 15, 30, tzinfo=UTC), 60, **HERE)  # half past midnight
        found = estimate(session, plan, clock.now())
        before = estimate(session, replace(plan, start_at=plan.start_at - timedelta(hours=1)), clock.now())
        assert (found.book.code, found.earlier.total) == ("dearer", before.price.total)


@pytest.mark.parametrize(
    ("way", "hours", "asks", "asked"),
    [("send", 6, True, 11_000), ("send", 6, False, None), ("told", 6, True, None), ("send", 1, True, None)],
)
def test_who_is_told_of_a_move_that_costs_more_is_asked_in_the_same_breath(
    db, world, clock, kept, telling, stands, way, hours, asks, asked
):
    visit_id = world.visit(starts_in_min=330, window_min=30)
    ask = {"role": "dispatcher", "now": clock.now(), "actor": "user:1"}
    with db.write() as session:
        token = offer_price(session, visit_id, telling, **ask).token
    accept(db, clock, token)
    from_at = STORY_DAY_AT + timedelta(hours=hours)
    with db.write() as session:
        aim = Aim(session.get_one(Visit, visit_id).technician_id, (from_at, from_at + timedelta(minutes=30)), 60)
        message, by = (
            Message(telling, way, "電話", asks_price=asks),
            {"now": clock.now(), "actor": "user:1", "version": None},
        )
        carry_out(session, visit_id, aim, message, outside=True, insist=True, **by)
        carry_out(session, visit_id, aim, message, outside=True, insist=True, note="裏口から", **by)
    with db.read() as session:
        newer = [quote for quote in quotes_of(session, visit_id) if quote.token != token]
        assert [quote.total for quote in newer] == ([asked] if asked else [])
        told = session.scalars(select(Notice.kind).order_by(Notice.id)).all()
        assert told == ["quote_sent", "moved", *(["quote_sent"] if asked else [])]
    state = ("sent", "price_rose") if asked else ("price_rose", "price_rose") if hours == 6 else ("accepted", None)
    assert stands(visit_id) == state


def test_who_moves_herself_to_a_dearer_time_gets_its_price_and_cannot_take_the_old_one(
    db, world, clock, kept, telling, stands
):
    visit_id = world.visit(starts_in_min=48 * 60, window_min=30)
    ask = {"role": "dispatcher", "now": clock.now(), "actor": "user:1"}
    with db.write() as session:
        token = offer_price(session, visit_id, telling, **ask).token
    accept(db, clock, token)
    with db.write() as session:
        visit, zone = session.get_one(Visit, visit_id), telling.zone
        visit.technician.working_hours = {day: [["15:00", "22:00"]] for day in ("tue", "wed", "thu", "fri")}
        link, version = visit.link_token, visit.version
        days = find_times(session, link, None, zone, clock.now()).times(None).days
        at = max((one.starts_at for _, day in days for one in day), key=lambda at: at.astimezone(zone).hour)
        hold = keep_time(session, link, at, zone, clock.now())
        move_to(session, link, hold, at, version=version, telling=telling, now=clock.now(), kept_percent=Fraction(100))
    assert stands(visit_id) == ("sent", "price_rose")
    with db.read() as session:
        newer, older = quotes_of(session, visit_id)
        assert newer.total > older.total
        assert session.scalars(select(Alarm.kind)).all() == []


def test_a_price_that_is_no_longer_that_of_the_visit_does_not_offer_itself(db, world, clock, kept, telling):
    visit_id = world.visit(starts_in_min=30, window_min=30)
    with db.write() as session:
        quote = offer_price(session, visit_id, telling, role="dispatcher", now=clock.now(), actor="user:1")
        assert shown_state(session, quote, clock.now()) == "open"
        at = STORY_DAY_AT + timedelta(hours=6)
        change_visit(
            session,
            visit_id,
            now=clock.now(),
            actor="user:1",
            planned_from_at=at,
            promised_from_at=at,
            promised_until_at=at,
        )
        assert shown_state(session, quote, clock.now()) == "outdated"


def test_whom_no_channel_reaches_is_moved_all_the_same(db, world, clock, kept, telling, stands):
    visit_id = world.visit(starts_in_min=330, window_min=30)
    ask = {"role": "dispatcher", "now": clock.now(), "actor": "user:1"}
    with db.write() as session:
        token = offer_price(session, visit_id, telling, **ask).token
    accept(db, clock, token)
    from_at = STORY_DAY_AT + timedelta(hours=6)
    with db.write() as session:
        session.get_one(Customer, world.customer).mobile = None
        aim = Aim(session.get_one(Visit, visit_id).technician_id, (from_at, from_at + timedelta(minutes=30)), 60)
        message, by = (
            Message(telling, "send", asks_price=True),
            {"now": clock.now(), "actor": "user:1", "version": None},
        )
        carry_out(session, visit_id, aim, message, outside=True, insist=True, **by)
        assert session.get_one(Visit, visit_id).promised_from_at == from_at
    assert stands(visit_id) == ("price_rose", "price_rose")


def test_the_discount_that_she_accepted_stays_when_the_price_is_asked_for_again(db, world, clock, kept, telling):
    visit_id = world.visit(starts_in_min=330, window_min=30)
    by = {"now": clock.now(), "actor": "user:1"}
    with db.write() as session:
        wish = Wish(discount_percent=Fraction(30), discount_reason="常連のお客様")
        token = make_quote(session, visit_id, wish, role="manager", **by).token
    accept(db, clock, token)
    with db.write() as session:
        from_at = STORY_DAY_AT + timedelta(hours=6)
        change_visit(session, visit_id, zone=telling.zone, promised_from_at=from_at, **by)
        again = offer_price(session, visit_id, telling, role="dispatcher", **by)
        assert (again.total, quoted_job(again).discount_percent) == (7_700, 30)  # of 11,000
