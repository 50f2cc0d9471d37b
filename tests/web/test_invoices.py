"""Does the office issue, show, correct and print what is owed, and does the customer see it by the link alone?"""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from app.models import Company, Paper, PriceBookVersion, Service, Visit
from app.operations.added_work import Added
from app.operations.onsite import add_work, weigh
from app.operations.price_book import STANDARD
from tests.web.pages import post

pytestmark = pytest.mark.parametrize("db", ["sqlite"], indirect=True)


@pytest.fixture
def visit_id(db, world, clock):
    """A visit at 17:00 that took 95 minutes; prices are in force, and the company is registered."""
    visit_id = world.visit()
    book = {**STANDARD, "code": "shop-2026", "parts": {"cable": {"price": 800, "name": {"ja": "LANケーブル"}}}}
    with db.write() as session:
        session.add(
            PriceBookVersion(at=clock.now(), by="test", code="shop-2026", valid_from=date(2026, 10, 1), book=book)
        )
        session.get_one(Service, world.service).price_code = "pc-setup"
        session.get_one(Company, 1).registration_number = "T7000012050002"
        visit = session.get_one(Visit, visit_id)
        visit.status, visit.arrived_at = "completed", visit.promised_from_at
        visit.completed_at = clock.at = visit.arrived_at + timedelta(minutes=95)
    return visit_id


def papers(db):
    with db.read() as session:
        return session.scalars(select(Paper).order_by(Paper.id)).all()


def test_an_invoice_is_looked_at_issued_paid_in_cash_and_given_back(signed_in, db, visit_id):
    office = signed_in("manager")
    assert f"/visits/{visit_id}/invoice" in office.get("/invoices").text
    assert f"/visits/{visit_id}/invoice" in office.get(f"/visits/{visit_id}").text
    shown = office.get(f"/visits/{visit_id}/invoice").text
    assert "13,887円で発行する" in shown
    seen = re.search(r'name="seen" value="(\d+)"', shown)[1]
    reply = post(office, f"/visits/{visit_id}/invoice", {"seen": seen, "counted": "1"})
    invoice = papers(db)[0]
    assert reply.location == f"/invoices/{invoice.id}?saved=1"
    assert "I-2026-00001" in office.get("/invoices?q=山田").text
    assert "13,887円" in office.get(f"/invoices/{invoice.id}").text
    post(office, f"/invoices/{invoice.id}/payment", {"way": "cash", "paid_on": "2026-11-24"})
    assert "R-2026-00001" in office.get(f"/invoices/{invoice.id}").text
    refused = post(office, f"/invoices/{invoice.id}/credit", {"step": "some", "amount_0": "6001", "reason": "x"})
    assert refused.status_code == 422
    assert 'id="amount_0-wrong"' in refused.text
    post(office, f"/invoices/{invoice.id}/credit", {"step": "some", "amount_0": "1,000", "reason": "お詫び"})
    assert len(papers(db)) == 2
    post(office, f"/invoices/{invoice.id}/credit", {"step": "some", "amount_0": "1000", "reason": "お詫び"})
    page = office.get(f"/invoices/{invoice.id}").text
    assert "C-2026-00001" in page
    assert "1,100円の返金が必要です" in page
    file = office.get(f"/papers/{invoice.id}.pdf?in=en")
    assert (file.mimetype, file.data[:5]) == ("application/pdf", b"%PDF-")


def test_what_is_typed_is_counted_again_and_kept(signed_in, db, visit_id):
    office = signed_in("dispatcher")
    told = {"counted": "1", "minutes": "60", "minutes_reason": "待ち時間を除く", "part_0": "cable", "quantity_0": "2"}
    shown = office.get(f"/visits/{visit_id}/invoice", query_string=told).text
    assert "9,460円で発行する" in shown
    assert "待ち時間を除く" in shown
    wrong = office.get(f"/visits/{visit_id}/invoice", query_string={**told, "minutes_reason": ""})
    assert wrong.status_code == 422
    assert 'id="minutes_reason-wrong"' in wrong.text
    reply = post(office, f"/visits/{visit_id}/invoice", {**told, "seen": "9459"})
    assert reply.status_code == 409
    assert "もう一度ご確認ください" in reply.text
    assert papers(db) == []
    assert post(office, f"/visits/{visit_id}/invoice", {**told, "seen": "9460"}).status_code == 303
    assert post(office, f"/visits/{visit_id}/invoice", {**told, "seen": "9460"}).status_code == 409


def test_a_customer_sees_the_paper_by_its_link_alone(signed_in, client, db, visit_id):
    office = signed_in("dispatcher")
    post(office, f"/visits/{visit_id}/invoice", {"counted": "1", "seen": "13887"})
    token = papers(db)[0].token
    client.delete_cookie("session")
    page = client.get(f"/d/{token}")
    assert "13,887円" in page.text
    assert page.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert "Invoice" in client.get(f"/d/{token}?lang=en").text
    assert client.get(f"/d/{token}.pdf").data == client.get(f"/d/{token}.pdf").data
    for wrong in ("0" * 24, "%00", "x.pdf"):
        assert client.get(f"/d/{wrong}").status_code == 404


def test_work_that_nobody_agreed_to_is_shown_and_left_out_where_no_quote_was_made_before(
    signed_in, db, visit_id, world, clock, settings
):
    added = Added(minutes=60, also=("diagnosis",))
    with db.write() as session:
        visit = session.get_one(Visit, visit_id)
        visit.status, visit.technician_id = "working", world.technician
        session.get_one(Company, 1).representative = "青葉 太郎"
        seen = weigh(session, visit, added, now=clock.now()).price.total
        add_work(
            session, visit_id, added, key="k", seen=seen, sign=False,
            technician_id=world.technician, zone=settings.zone, country="DE", now=clock.now(),
        )  # fmt: skip
        visit.status, visit.completed_at = "completed", visit.arrived_at + timedelta(minutes=200)
    page = signed_in("dispatcher").get(f"/visits/{visit_id}/invoice")
    assert page.status_code == 200
    assert "お客様が追加を承諾していないため、予定の金額(7,700円)" in page.text
    assert "8,470円で発行する" in page.text


def test_a_part_that_is_sent_twice_is_refused_the_second_time(signed_in, db, visit_id):
    office = signed_in("manager")
    post(office, f"/visits/{visit_id}/invoice", {"counted": "1", "seen": "13887"})
    path = f"/invoices/{papers(db)[0].id}"
    assert office.get(path).text.count('name="due" value="13887"') == 2
    part = {"way": "cash", "paid_on": "2026-11-24", "amount": "3000", "due": "13887"}
    assert [post(office, f"{path}/payment", part).status_code for _ in range(2)] == [303, 409]
    back = {"step": "some", "amount_0": "1000", "reason": "お詫び", "due": "10887"}
    assert [post(office, f"{path}/credit", back).status_code for _ in range(2)] == [303, 409]
    assert len(papers(db)) == 3


def test_only_a_manager_gives_back(signed_in, db, visit_id):
    office = signed_in("dispatcher")
    post(office, f"/visits/{visit_id}/invoice", {"counted": "1", "seen": "13887"})
    paper = papers(db)[0]
    assert "/credit" not in office.get(f"/invoices/{paper.id}").text
    assert post(office, f"/invoices/{paper.id}/credit", {"step": "all", "reason": "x"}).status_code == 403


def test_the_company_says_what_stands_on_its_invoices(signed_in, db, world):
    office = signed_in("manager")
    company = {
        "name": "アオバ",
        "short_name": "アオバ",
        "phone": "03-1234-5678",
        "self_move_h": "24",
        "most_day_h": "13",
    }
    for number in ("T1", "T1000012050002"):
        reply = post(office, "/company", {**company, "registration_number": number})
        assert reply.status_code == 422
        assert 'id="registration_number-wrong"' in reply.text
    told = {"registration_number": "T1000012050002", "sole_proprietor": "1", "address": "東京都", "pay_to": "青葉銀行"}
    assert post(office, "/company", {**company, **told}).status_code == 303
    with db.read() as session:
        known = session.get_one(Company, 1)
        assert (known.registration_number, known.sole_proprietor) == ("T1000012050002", True)
    assert "青葉銀行" in office.get("/company").text


def test_programs_issue_pay_in_parts_and_give_back_once_however_often_they_ask(client, db, visit_id, world):
    def call(method, path, json=None, key=None, token=world.manager_token):
        headers = {"Authorization": f"Bearer {token}"} | ({"Idempotency-Key": key} if key else {})
        return client.open(f"/api/v1{path}", method=method, json=json, headers=headers)

    assert call("POST", f"/visits/{visit_id}/invoice", {"total": 1}).json["reason"] == "bill_changed"
    made = [call("POST", f"/visits/{visit_id}/invoice", {"total": 13887}, "one") for _ in range(2)]
    assert [reply.status_code for reply in made] == [201, 201]
    assert made[0].json == made[1].json
    path = f"/invoices/{made[0].json['id']}"
    some = {"way": "cash", "paid_on": "2026-11-24", "amount": 10_000}
    paid = [call("POST", f"{path}/payments", some, "two").json for _ in range(2)][1]
    assert (paid["due"], [one["kind"] for one in paid["papers"]]) == (3_887, ["receipt"])
    assert call("POST", f"{path}/payments", {**some, "amount": 3_888}).json["errors"][0]["field"] == "amount"
    notes = f"{path}/credit-notes"
    assert call("POST", notes, {"reason": "x"}, token=world.dispatcher_token).status_code == 403
    assert call("POST", notes, {"reason": "x", "amounts": [1]}).json["errors"][0]["field"] == "amounts"
    given = call("POST", notes, {"reason": "お詫び", "amounts": [6000, 0, 0, 0]}, "three").json
    assert (given["given_back"], given["due"], given["lines"][0]["left"]) == (6_600, -2_713, 0)
    back = {"way": "transfer", "paid_on": "2026-11-24", "back": True}
    assert call("POST", f"{path}/payments", back).json["due"] == 0
    assert call("GET", path).json["state"] == "paid"
    assert [one["id"] for one in call("GET", f"/invoices?visit={visit_id}&limit=1").json["items"]] == [given["id"]]
    assert call("GET", f"/invoices?cursor={given['id']}").json == {"items": [], "next": None}
