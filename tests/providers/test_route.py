"""Are ways asked of a router in tables it takes, kept, and not asked again while it is down or talks nonsense?"""

from __future__ import annotations

import math

import pytest

from app.config import Settings, read_settings
from app.providers import route, route_osrm, route_table, route_valhalla
from app.providers.route_table import TableRouter
from app.rules.roads import STRAIGHT, Roads
from tests.standins import RouterServer

HOME, SHOP, ISLAND = (34.7, 135.5), (34.71, 135.5), (34.75, 135.55)
THERE, BACK = (HOME, SHOP), (SHOP, HOME)


@pytest.fixture
def server():
    standin = RouterServer()
    yield standin
    standin.close()


@pytest.fixture
def steady():
    """A steady clock that a test moves."""
    return [1000.0]


@pytest.fixture(params=["osrm", "valhalla"])
def router(request, server, steady):
    kinds = {
        "osrm": lambda: route_osrm.tables(server.url, server.url),
        "valhalla": lambda: route_valhalla.tables(server.url),
    }
    return TableRouter(kinds[request.param](), lambda: steady[0])


def car(router, *legs, within_s=5.0):
    return router.roads({"car": set(legs)}, within_s)


def test_a_way_is_asked_once_and_remembered_for_a_day(router, server, steady):
    assert car(router, THERE, BACK) == Roads("router", {"car": {THERE: 111.2, BACK: 111.2}})
    assert len(server.taken) == 1
    assert car(router, THERE).known["car"] == {THERE: 111.2}
    assert len(server.taken) == 1
    steady[0] += 25 * 3600
    car(router, THERE)
    assert len(server.taken) == 2


def test_bicycles_are_asked_about_as_such_and_trains_not_at_all(router, server):
    roads = router.roads({"bicycle": {THERE}, "public_transport": {THERE}}, 5.0)
    assert set(roads.known) == {"bicycle"}
    assert {one[1] for one in server.taken} <= {"bicycle", "cycling"}


def test_an_osrm_server_for_cars_is_not_asked_about_bicycles(server):
    assert TableRouter(route_osrm.tables(server.url)).roads({"bicycle": {THERE}}, 5.0) == Roads("router")
    assert not server.taken


def test_where_no_way_leads_the_way_has_no_end(router, server):
    server.islands.add(ISLAND)
    known = car(router, (HOME, ISLAND), THERE).known["car"]
    assert known == {(HOME, ISLAND): math.inf, THERE: 111.2}


def test_large_tables_are_asked_for_in_parts(router, server):
    places = [(34.7 + n / 1000, 135.5) for n in range(route_table.MOST_PLACES + 5)]
    legs = {(a, b) for a in places for b in places}
    assert set(car(router, *legs).known["car"]) == legs
    assert len(server.taken) == 4
    assert all(len(sources) <= 50 and len(targets) <= 50 for _, _, sources, targets in server.taken)


@pytest.mark.parametrize("mode", [(500, 1), (429, 1), (400, 1), "close", "lost", "broken", "empty", "drip", "hang"])
def test_a_router_that_fails_is_left_alone_for_half_a_minute(router, server, steady, mode):
    server.mode = mode
    assert car(router, THERE, within_s=0.3).basis == "router_silent"
    server.mode = "ok"
    asked = len(server.requests)
    assert car(router, THERE) == Roads("router_silent")
    assert len(server.requests) == asked
    steady[0] += route_table.RESTS_S + 1
    assert car(router, THERE).basis == "router"


@pytest.mark.parametrize(
    "says",
    [
        {}, [], {"code": "NoTable"}, {"code": "Ok"}, {"code": "Ok", "durations": [[1]]}, {"sources_to_targets": [[{}]]},
        {"code": "Ok", "durations": [["1"], [1]], "sources_to_targets": [[{"time": "1"}], [{"time": 1}]]},
        {"code": "Ok", "durations": [[-1], [1]], "sources_to_targets": [[{"time": -1}], [{"time": 1}]]},
        {"code": "Ok", "durations": [[1e12], [1]], "sources_to_targets": [[{"time": True}], [{"time": 1}]]},
        {"code": "Ok", "durations": 7, "sources_to_targets": "no"},
    ],
)  # fmt: skip
def test_nonsense_is_no_answer(router, server, says):
    server.says = says
    assert car(router, THERE, (ISLAND, SHOP)) == Roads("router_silent")


def test_nobody_there_is_no_answer(steady):
    nobody = TableRouter(route_osrm.tables("http://127.0.0.1:9"), lambda: steady[0])
    assert car(nobody, THERE) == Roads("router_silent")


def test_the_settings_name_the_router(server):
    assert route.from_settings(Settings()) is None
    for kind in ("osrm", "valhalla"):
        ask = route.from_settings(Settings(routing_url=server.url + "/", routing_kind=kind))
        assert ask({"car": {THERE}}, 5.0).basis == "router"


def test_a_mistaken_setting_is_named(monkeypatch):
    for name, value in (("ROUTING_URL", "localhost"), ("ROUTING_KIND", "google"), ("ROUTING_BICYCLE_URL", "ftp://x")):
        monkeypatch.setenv(f"MAMONAKU_{name}", value)
        with pytest.raises(Exception, match=f"MAMONAKU_{name}"):
            read_settings()
        monkeypatch.delenv(f"MAMONAKU_{name}")


def test_streets_are_slower_when_they_are_full_for_cars():
    roads = Roads("router", {"car": {THERE: 600.0}, "bicycle": {THERE: 600.0}})
    assert round(roads.way_s("car", *THERE, 8.0)) == 692
    assert roads.way_s("bicycle", *THERE, 8.0) == 640.0
    assert roads.way_s("car", *BACK, 8.0) is None
    assert STRAIGHT.way_s("car", *THERE, 8.0) is None
