"""Can another program keep customers, technicians, branches, services and prices, and not only add them?"""

from __future__ import annotations

import pytest

from app.operations.price_book import STANDARD
from tests.conftest import copied


@pytest.fixture
def db(empty_sqlite, tmp_path):
    """SQLite is enough for what is asked and answered; the operations are asked on both."""
    yield from copied(empty_sqlite, tmp_path / "test.sqlite")


@pytest.fixture
def call(client, world):
    def asked(method, path, json=None, role="manager"):
        token = {"Authorization": f"Bearer {getattr(world, f'{role}_token')}"}
        return client.open(f"/api/v1{path}", method=method, json=json, headers=token)

    return asked


def test_of_a_customer_only_what_is_sent_changes(call, world):
    before = call("GET", f"/customers/{world.customer}").json
    described = call("GET", "/openapi.json").json["components"]["schemas"]["CustomerOut"]
    assert {*described["properties"]} == {*described["required"]} == {*before}
    sent = {"mobile": "080-9999-8888", "email": None, "notices": "delays"}
    after = call("PATCH", f"/customers/{world.customer}", sent, role="dispatcher")
    assert after.json == {**before, "mobile": "+818099998888", "email": None, "notices": "delays"}
    assert call("PATCH", f"/customers/{world.customer}", {}).json == after.json
    assert call("PATCH", "/customers/4711", {}).status_code == 404
    for wrong, field in (({"name": None}, "name"), ({"mobile": "12"}, "mobile"), ({"sites": []}, "sites")):
        reply = call("PATCH", f"/customers/{world.customer}", wrong)
        assert (reply.status_code, [one["field"] for one in reply.json["errors"]]) == (422, [field])
    assert call("GET", f"/customers/{world.customer}").json == after.json


def test_a_place_that_gets_another_address_is_located_anew(call, world):
    added = call("POST", f"/customers/{world.customer}/sites", {"address": "橋本市東家1", "lat": 34.3, "lon": 135.6})
    assert (added.status_code, added.json["located_by"]) == (201, "given")
    site = f"/sites/{added.json['id']}"
    nearer = call("PATCH", site, {"lat": 34.31}).json
    assert (nearer["address"], nearer["lat"], nearer["lon"]) == ("橋本市東家1", 34.31, 135.6)
    moved = call("PATCH", site, {"address": "橋本市東家2"}).json
    assert (moved["address"], moved["lat"], moved["lon"], moved["located_by"]) == ("橋本市東家2", None, None, "")
    assert call("PATCH", site, {"address": "橋本市東家3", "lat": 34.32, "lon": 135.61}).json["lat"] == 34.32
    half = call("PATCH", site, {"lat": None})
    assert (half.status_code, [one["field"] for one in half.json["errors"]]) == (422, ["lat"])
    assert call("POST", "/customers/4711/sites", {"address": "どこか"}).status_code == 404
    assert call("PATCH", "/sites/4711", {}).status_code == 404


def test_a_technician_changes_goes_and_comes_back(call, world):
    path = f"/technicians/{world.technician}"
    before = call("GET", path).json
    hours = {"mon": [["10:00", "19:00"]]}
    after = call("PATCH", path, {"working_hours": hours, "base": None}).json
    assert after == {**before, "working_hours": hours, "base": None}
    assert call("PATCH", path, {"skills": ["lan"]}, role="dispatcher").status_code == 403
    assert call("PATCH", path, {"active": False}).json["active"] is False
    assert call("GET", path).status_code == 404
    assert call("PATCH", path, {"active": True}).json == after
    wrong = call("PATCH", path, {"starts_from": "branch"})
    assert [one["field"] for one in wrong.json["errors"]] == ["starts_from"]


def test_a_branch_is_given_up_when_nobody_belongs_to_it(call, world):
    made = call("POST", "/branches", {"name": "難波", "address": "大阪市", "lat": 34.66, "lon": 135.5}).json
    call("PATCH", f"/technicians/{world.technician}", {"branch": made["id"]})
    path = f"/branches/{made['id']}"
    assert call("PATCH", path, {"name": "難波営業所"}).json == {**made, "name": "難波営業所"}
    refused = call("PATCH", path, {"active": False})
    assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, "active")
    call("PATCH", f"/technicians/{world.technician}", {"branch": None})
    assert call("PATCH", path, {"active": False}).json["active"] is False
    assert call("GET", "/branches").json["items"] == []
    assert call("PATCH", "/branches/4711", {}).status_code == 404


def test_a_kind_of_work_is_added_changed_and_taken_off_the_list(call):
    sent = {"name_ja": "複合機の設置", "name_en": "Printer set-up", "duration_min": 60, "technicians": 2}
    made = call("POST", "/services", sent)
    assert made.status_code == 201
    assert made.json == {**sent, "id": made.json["id"], "skill": "", "price_code": "", "active": True}
    path = f"/services/{made.json['id']}"
    priced = next(iter(STANDARD["services"]))
    assert call("PATCH", path, {"price_code": priced, "active": False}).json["price_code"] == priced
    assert made.json["id"] not in [one["id"] for one in call("GET", "/services").json["items"]]
    assert call("GET", path).json["active"] is False
    assert call("PATCH", path, {"price_code": "of-no-book"}).json["errors"][0]["field"] == "price_code"
    assert call("POST", "/services", sent, role="dispatcher").status_code == 403
    assert call("GET", "/services/4711").status_code == 404


def test_prices_are_kept_in_versions(call):
    assert call("GET", "/price-books").json == {"items": [], "next": None}
    made = call("POST", "/price-books", STANDARD)
    assert (made.status_code, made.json["book"], made.json["code"]) == (201, STANDARD, STANDARD["code"])
    again = call("POST", "/price-books", STANDARD)
    assert (again.status_code, again.json["errors"][0]["field"]) == (422, "code")
    wrong = call("POST", "/price-books", {**STANDARD, "code": "next", "currency": "yen", "bonus": 5})
    assert {one["field"] for one in wrong.json["errors"]} == {"currency", "bonus"}
    later = call("POST", "/price-books", {**STANDARD, "code": "next", "valid_from": "2027-01-01"}).json
    listed = call("GET", "/price-books?limit=1").json
    assert [one["code"] for one in listed["items"]] == [STANDARD["code"]]
    assert "book" not in listed["items"][0]
    assert call("GET", f"/price-books?cursor={listed['next']}").json["items"][0]["valid_from"] == "2027-01-01"
    assert call("GET", f"/price-books/{later['id']}").json == later
    assert call("GET", "/price-books/4711").status_code == 404
    assert call("POST", "/price-books", {}).status_code == 422
    assert call("GET", "/price-books", role="dispatcher").status_code == 403
