"""Times to offer, as another program asks for them. The clock stands at four on a Tuesday afternoon."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import update

from app.models import CurrentPosition, Service, Technician, Visit
from app.providers import route_osrm
from app.providers.route_table import TableRouter
from tests.standins import RouterServer
from tests.web.test_api import api, problem

__all__ = ["api"]

WEDNESDAY = {"from": "2026-11-25T00:00:00+09:00", "until": "2026-11-26T00:00:00+09:00"}
TODAY = {"from": "2026-11-24T00:00:00+09:00", "until": "2026-11-25T00:00:00+09:00"}
HERE = {"lat": 34.2261, "lon": 135.1675}
NINE_TO_SIX = {day: [["09:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}


@pytest.fixture
def slots(api, world):
    def ask(**asked):
        return api("GET", "/slots", query_string={"service": world.service, **HERE, **WEDNESDAY, **asked})

    return ask


@pytest.fixture
def second(db, world, clock):
    """Hire a second technician, who lives next door and knows routers."""
    with db.write() as session:
        other = Technician(
            name="鈴木", base_lat=34.2262, base_lon=135.1676, working_hours=NINE_TO_SIX, skills=["router"],
            created_at=clock.now(),
        )  # fmt: skip
        session.add(other)
        session.flush()
        return other.id


def items(reply):
    assert reply.status_code == 200, reply.text
    return reply.json["items"]


def test_the_best_time_can_be_booked_as_it_stands(slots, api, world, second):
    best = items(slots())[0]
    assert best["technician"] == second
    assert best["added_travel_min"] <= 2
    assert best["starts_at"].startswith("2026-11-25T09:15")
    wish = {
        "customer": world.customer, "site": world.site, "service": world.service, "technician": best["technician"],
        "promised_from": best["starts_at"], "promised_until": best["promised_until_at"],
    }  # fmt: skip
    assert api("POST", "/visits", wish).status_code == 201
    assert best["starts_at"] not in [one["starts_at"] for one in items(slots(technician=second))]


def test_every_offer_lies_in_working_hours_and_in_the_span_that_was_asked_for(slots, second):
    for slot in items(slots(limit=100)):
        begin, end = (datetime.fromisoformat(slot[name]) for name in ("starts_at", "ends_at"))
        assert (begin.date(), end - begin) == (date(2026, 11, 25), timedelta(hours=1))
        assert 9 <= begin.hour < end.hour + end.minute / 60 <= 18
    mornings = items(slots(hour_until=12, window_min=120))
    assert mornings
    assert all(int(slot["starts_at"][11:13]) < 12 for slot in mornings)


def test_who_lacks_the_skill_is_not_offered(slots, db, world, second):
    assert {slot["technician"] for slot in items(slots())} == {world.technician, second}
    assert {slot["technician"] for slot in items(slots(skill="router"))} == {second}
    with db.write() as session:
        session.execute(update(Service).values(skill="router"))
    assert {slot["technician"] for slot in items(slots())} == {second}
    assert items(slots(skill="fax")) == []


def test_one_technician_is_wished_for_or_away_with(slots, world, second):
    assert {slot["technician"] for slot in items(slots(technician=world.technician))} == {world.technician}
    assert {slot["technician"] for slot in items(slots(without=world.technician))} == {second}


def test_a_visit_that_is_expected_to_run_late_pushes_what_is_offered_after_it(slots, db, world, clock):
    world.visit(15, duration_min=30)
    soonest = min(slot["starts_at"] for slot in items(slots(**TODAY)))
    with db.write() as session:
        session.execute(update(Visit).values(forecast_median_at=clock.now() + timedelta(minutes=45)))
    assert items(slots(**TODAY)) == [] or min(slot["starts_at"] for slot in items(slots(**TODAY))) > soonest


def test_today_the_way_begins_where_the_phone_is(slots, db, world, clock):
    far = min(slot["travel_before_min"] for slot in items(slots(**TODAY)))
    with db.write() as session:
        session.add(
            CurrentPosition(
                technician_id=world.technician, fixed_at=clock.now(), received_at=clock.now(), lat=HERE["lat"],
                lon=HERE["lon"],
            )
        )  # fmt: skip
    assert min(slot["travel_before_min"] for slot in items(slots(**TODAY))) < far


def test_wrong_questions_name_their_field(slots, world):
    assert problem(slots(service=999), 422) == {"service": "unknown"}
    assert problem(slots(until=WEDNESDAY["from"]), 422) == {"until": "before_start"}
    assert problem(slots(until="2027-11-25T00:00:00+09:00"), 422) == {"until": "span_too_long"}
    assert problem(slots(**{"from": "tomorrow"}), 422) == {"from": "instant"}
    assert problem(slots(lat=91, hour_until=25), 422) == {"lat": "most", "hour_until": "most"}


def test_only_a_dispatcher_asks(api, world, clock):
    assert api("GET", "/slots", token=None).status_code == 401


# --- held while the customer thinks -----------------------------------------------------------------------------------


@pytest.fixture
def router(app):
    """A router on this host, which the application asks."""
    standin = RouterServer()
    app.extensions["mamonaku"].router = TableRouter(route_osrm.tables(standin.url)).roads
    yield standin
    standin.close()


def test_with_a_router_its_ways_count(slots, router, second):
    plain = slots(technician=second, lat=34.25).json
    assert plain["ways"] == "router"
    assert plain["items"][0]["travel_before_min"] == pytest.approx(
        (34.25 - 34.2262) * 111_195 / 10 / 60 / 0.92 + 40 / 60, abs=0.1
    )
    router.mps = 1.0
    router.forget()
    later = slots(technician=second, lat=34.2501).json["items"]
    assert later[0]["starts_at"] > plain["items"][0]["starts_at"]
    assert len(router.taken) == 1


def test_nothing_is_offered_where_no_way_leads(slots, router, second):
    router.islands.add((34.25, 135.1675))
    assert slots(technician=second, lat=34.25).json == {"items": [], "ways": "router"}


def test_while_the_router_is_silent_the_straight_line_counts_and_it_is_said(slots, router, app, second):
    router.mode = "close"
    silent = slots().json
    app.extensions["mamonaku"].router = None
    straight = slots().json
    assert (silent["ways"], straight["ways"]) == ("router_silent", "straight_line")
    assert silent["items"] == straight["items"]


@pytest.fixture
def held(api, second):
    """Hold a time of the second technician, and return what that answered and the time."""
    at = "2026-11-25T10:00:00+09:00"
    wish = {"technician": second, "starts_at": at, "duration_min": 60, **HERE}
    return api("POST", "/holds", wish), {**wish}


@pytest.fixture
def book(api, world):
    def post(wish, **more):
        asked = {
            "customer": world.customer, "site": world.site, "service": world.service,
            "technician": wish["technician"], "promised_from": wish["starts_at"], "promised_until": wish["starts_at"],
            **more,
        }  # fmt: skip
        return api("POST", "/visits", asked)

    return post


def test_a_held_time_is_offered_to_nobody_and_booked_by_who_holds_it(held, slots, book, second):
    reply, wish = held
    assert reply.status_code == 201
    begins = [slot["starts_at"][11:16] for slot in items(slots(technician=second))]
    assert not any("09:00" < begin < "11:00" for begin in begins)
    refused = book(wish)
    assert (refused.status_code, refused.json["reason"]) == (409, "held")
    booked = book(wish, hold=reply.json["hold"])
    assert booked.status_code == 201
    assert book(wish, hold=reply.json["hold"]).json["reason"] == "overlap"


def test_a_held_time_cannot_be_held_again_until_it_is_free(held, api, clock):
    reply, wish = held
    assert api("POST", "/holds", wish).json["reason"] == "held"
    assert api("DELETE", f"/holds/{reply.json['hold']}").status_code == 204
    again = api("POST", "/holds", wish)
    assert again.status_code == 201
    clock.forward(minutes=9)
    assert api("POST", "/holds", wish).status_code == 409
    clock.forward(minutes=1)
    assert api("POST", "/holds", wish).status_code == 201


def test_a_hold_ends_by_itself_and_the_next_one_books(held, book, clock):
    clock.forward(minutes=10)
    assert book(held[1]).status_code == 201


def test_a_taken_or_impossible_time_cannot_be_held(held, api, world, second, book):
    _, wish = held
    assert api("POST", "/holds", {**wish, "starts_at": "2026-11-25T10:30:00+09:00"}).json["reason"] == "held"
    far = {**wish, "starts_at": "2026-11-25T11:05:00+09:00", "lat": 35.7}
    assert api("POST", "/holds", far).json["reason"] == "held"
    book({**wish, "technician": world.technician})
    assert api("POST", "/holds", {**wish, "technician": world.technician}).json["reason"] == "overlap"
    assert problem(api("POST", "/holds", {**wish, "starts_at": "2026-11-24T15:00:00+09:00"}), 422) == {
        "starts_at": "in_the_past"
    }
    assert problem(api("POST", "/holds", {**wish, "technician": 999}), 422) == {"technician": "unknown"}
