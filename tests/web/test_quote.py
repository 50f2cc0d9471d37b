"""Can a customer read, accept and decline a price by its link alone?"""

from __future__ import annotations

import re

import pytest

from app.models import Service
from app.operations.bill import Told
from app.operations.invoice import Desk, issue_invoice
from app.operations.onsite import hand_over
from tests.operations.test_invoice import TOKYO, prices
from tests.operations.test_onsite import LONGER, accept, add, finish, there
from tests.web.pages import post

__all__ = ["add", "prices", "there"]

pytestmark = pytest.mark.parametrize("db", ["sqlite"], indirect=True)


@pytest.fixture
def api(client, world, db):
    with db.write() as session:
        session.get_one(Service, world.service).price_code = "pc-setup"

    def call(method, path, json=None):
        headers = {"Authorization": f"Bearer {world.dispatcher_token}"}
        return client.open(f"/api/v1{path}", method=method, json=json, headers=headers)

    return call


@pytest.fixture
def visit_id(world, api):
    return world.visit(starts_in_min=360, window_min=30)


def link(api, visit_id, **wish) -> str:
    reply = api("POST", f"/visits/{visit_id}/quote", wish)
    assert reply.status_code == 201, reply.json
    assert (reply.json["total"], reply.json["state"]) == (11_000, "open")
    return reply.json["url"].removeprefix("http://127.0.0.1:8000")


def test_the_customer_reads_and_accepts_without_script_or_account(api, client, visit_id):
    path = link(api, visit_id)
    page = client.get(path)
    assert page.status_code == 200
    text = page.get_data(as_text=True)
    for words in ("11,000円", "22:00–23:00 夜間 +50%", "消費税(10%)", "11/24(火) 22:00", "Wi-Fi設定", "山田 花子"):
        assert words in text
    assert re.findall("<script[^>]*>", text) == [
        '<script src="/static/customer-opened.js" defer>'
    ]  # a page without it works
    assert len(page.data) < 60_000
    assert api("GET", f"/visits/{visit_id}/quote").json["items"][0]["answers"] == []  # opening changes nothing
    refused = api("POST", f"/visits/{visit_id}/status", {"status": "en_route"})
    assert (refused.status_code, refused.json["reason"]) == (409, "not_agreed")
    reply = client.post(path, data={"answer": "accept", "name": ""})
    assert (reply.status_code, "入力してください" in reply.get_data(as_text=True)) == (422, True)
    assert client.post(path, data={"answer": "accept", "name": "山田 花子"}).status_code == 303
    assert "ご承諾いただきました" in client.get(path).get_data(as_text=True)
    [kept] = api("GET", f"/visits/{visit_id}/quote").json["items"]
    assert (kept["state"], kept["answers"][0]["name"]) == ("accepted", "山田 花子")
    assert kept["answers"][0]["link"].endswith(path)
    assert api("POST", f"/visits/{visit_id}/status", {"status": "en_route"}).status_code == 200


def test_declining_and_thinking_again_in_english(api, client, visit_id):
    path = link(api, visit_id, sign=True) + "?lang=en"
    assert "22:00–23:00, night +50%" in client.get(path).get_data(as_text=True)
    assert client.post(path, data={"answer": "decline"}).status_code == 303
    page = client.get(path).get_data(as_text=True)
    assert "You have declined" in page
    assert "Accept JPY 11,000" in page
    assert client.post(path, data={"answer": "accept", "name": "Hanako"}).status_code == 422  # unsigned
    assert client.post(path, data={"answer": "accept", "name": "Hanako", "signature": "Hanako"}).status_code == 303
    assert "You have accepted" in client.get(path).get_data(as_text=True)


def test_a_link_that_leads_nowhere_says_nothing(client, world):
    for path in ("/q/ffffffffffffffffffffffff", "/q/%00"):
        assert client.get(path).status_code == 404
        assert client.post(path, data={"answer": "accept", "name": "x"}).status_code == 404


def test_a_visit_that_is_over_or_unknown_or_unpriced_is_told(api, world, visit_id, db):
    assert api("POST", "/visits/999/quote", {}).status_code == 404
    with db.write() as session:
        session.get_one(Service, world.service).price_code = ""
    reply = api("POST", f"/visits/{visit_id}/quote", {})
    assert [(one["field"], one["code"]) for one in reply.json["errors"]] == [("service", "no_price")]
    assert api("POST", f"/visits/{visit_id}/quote", {"service": "pc-repair", "distance_km": 3}).json["total"] == 15_950
    api("POST", f"/visits/{visit_id}/status", {"status": "cancelled"})
    assert api("POST", f"/visits/{visit_id}/quote", {}).json["reason"] == "visit_over"


def test_who_declines_what_is_added_reads_that_the_rest_is_done(client, there, add):
    _, token = add(there, LONGER)
    client.post(f"/q/{token}", data={"answer": "decline"})
    page = client.get(f"/q/{token}").text
    assert "追加の作業は行わず" in page
    assert "この金額では伺いません" not in page


def test_the_desk_takes_down_that_she_withdraws_from_added_work(db, signed_in, client, clock, there, add):
    _, token = add(there, LONGER)
    quote_id = accept(db, clock, token)
    finish(db, clock, there, 150)
    with db.write() as session:
        hand_over(session, quote_id, "paper", now=clock.now(), actor="user:1")
        desk = Desk(TOKYO, "JP", clock.now(), "user:1")
        paper_id = issue_invoice(session, there, Told(), seen=None, desk=desk).id
    office, path = signed_in("manager"), f"/visits/{there}/quote/{quote_id}/withdrawal"
    for page in (f"/invoices/{paper_id}", f"/visits/{there}/quote", f"/visits/{there}/invoice"):
        assert path in office.get(page).text
    shown = office.get(path).text
    assert ("作業の延長 60分" in shown, 'name="late"' in shown) == (True, False)
    clock.forward(minutes=60 * 24 * 9)
    office = signed_in("manager")
    refused = post(office, path, {"sent_on": "2026-12-02", "way": "letter"})
    assert (refused.status_code, 'id="late-wrong"' in refused.text) == (422, True)
    done = post(office, path, {"sent_on": "2026-12-01", "way": "letter"})
    assert done.location == f"/invoices/{paper_id}?saved=1"
    for page in (f"/invoices/{paper_id}", f"/visits/{there}/quote", path, f"/q/{token}?lang=ja"):
        assert "クーリング・オフを受け付けました" in office.get(page).text, page
    visit = office.get(f"/visits/{there}").text
    assert ("書面(はがき・封書・FAX)・12/1(火)発信" in visit, "クーリング・オフを受け付けました" in visit) == (
        True,
        True,
    )
