"""Does a customer know what calling off costs before she does it, and is it then done once and seen?"""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest
from sqlalchemy import select

from app.models import Alarm, Company, CustomerNote, Notice, Proposal, Reminder, Service, Visit, VisitEvent
from app.operations.booking import change_visit
from app.operations.field import report_status
from app.operations.price_book import keeps_prices
from app.operations.price_book_versions import take_standard
from app.operations.reminder import book_reminders
from tests.web.pages import post
from tests.web.test_customer import said
from tests.web.test_self_move import everything, form_of, rows

pytestmark = pytest.mark.parametrize("db", ["sqlite"], indirect=True)


@pytest.fixture
def link(world, db, clock, settings):
    """Return a function that books a visit with its reminders, some hours ahead (the clock stands at 16:00)."""

    def book(hours, price_code="pc-setup", window_min=0):
        visit_id = world.visit(60 * hours, window_min)
        with db.write() as session:
            if not keeps_prices(session):
                take_standard(session, now=clock.now(), actor="test", zone=settings.zone)
            session.scalars(select(Service)).one().price_code = price_code
            visit = session.get_one(Visit, visit_id)
            book_reminders(session, visit, settings.zone, clock.now())
            return SimpleNamespace(id=visit_id, path=f"/v/{visit.link_token}")

    return book


def call_off(client, link, **more):
    path = f"{link.path}/cancel"
    return client.post(path, data={**form_of(client, path), **more})


@pytest.mark.parametrize(
    ("hours", "words", "total"),
    [
        (49, "いま取り消すと、料金はかかりません", 0),
        (30, "取り消しの料金:2,310円(税込)", 2310),
        (3, "取り消しの料金:3,850円(税込)", 3850),
    ],
)
def test_the_fee_is_shown_first_and_kept_with_the_cancellation(client, link, db, hours, words, total):
    one = link(hours)
    before = everything(db)
    page = said(client.get(f"{one.path}/cancel"))
    assert words in page
    assert everything(db) == before
    assert call_off(client, one, reason="solved", words="直りました").location == one.path
    (event,) = rows(db, VisitEvent, VisitEvent.kind == "cancelled")
    assert event.actor == "customer"
    assert (event.facts["fee"], event.facts["reason"]) == (total, "困っていたことが解決した")
    assert "直りました" not in str(event.facts)  # evidence is for ever, her words are not
    assert [note.words for note in rows(db, CustomerNote)] == ["直りました"]
    (notice,) = rows(db, Notice)
    assert (notice.kind, "中止" in notice.body, "申し訳" in notice.body) == ("cancelled", False, False)
    assert {one.state for one in rows(db, Reminder)} <= {"taken_back", "left_out"}
    page = said(client.get(one.path))
    assert "この訪問は取り消されました" in page
    assert (f"取り消しの料金:{total:,}円(税込)" in page) is (total > 0)
    assert "訪問を取り消す" not in page
    assert "担当者へのメモ" not in page


def test_the_same_press_twice_cancels_once(client, link, db):
    one = link(72)
    form = form_of(client, f"{one.path}/cancel")
    assert [client.post(f"{one.path}/cancel", data=form).status_code for _ in range(2)] == [303, 303]
    assert len(rows(db, VisitEvent, VisitEvent.kind == "cancelled")) == 1
    assert len(rows(db, Notice)) == 1


def test_a_fee_that_has_risen_since_is_asked_again(client, link, db, clock):
    one = link(49)
    form = form_of(client, f"{one.path}/cancel")
    clock.forward(hours=2)
    reply = client.post(f"{one.path}/cancel", data={**form, "reason": "no_time", "words": "出張です"})
    assert reply.status_code == 409
    page = said(reply)
    assert "取り消しの料金が変わりました" in page
    assert "2,310円(税込)に同意して取り消す" in page
    assert "出張です" in page
    assert re.search(r'value="no_time" checked', page)
    assert rows(db, Visit)[0].status == "booked"
    assert client.post(f"{one.path}/cancel", data={**form, "fee": "2310"}).status_code == 303


def test_a_visit_that_the_office_changed_meanwhile_is_asked_again(client, link, db, clock):
    one = link(72)
    form = form_of(client, f"{one.path}/cancel")
    with db.write() as session:
        change_visit(session, one.id, now=clock.now(), actor="user:1", note="x")
    reply = client.post(f"{one.path}/cancel", data=form)
    assert (reply.status_code, rows(db, Visit)[0].status) == (409, "booked")
    assert "訪問の内容が変わりました" in said(reply)


def test_when_we_are_more_than_half_an_hour_late_it_is_free_and_says_so(client, link, db, clock):
    one = link(1)
    clock.forward(minutes=60)
    with db.write() as session:
        report_status(session, one.id, "en_route", now=clock.now(), actor="technician:1")
    clock.forward(minutes=30)
    assert "担当者がすでに向かっております" in said(client.get(f"{one.path}/cancel"))
    assert call_off(client, one).status_code == 409
    clock.forward(seconds=1)
    page = said(client.get(f"{one.path}/cancel"))
    assert "取り消しの料金はかかりません。申し訳" in page
    assert call_off(client, one).status_code == 303
    (event,) = rows(db, VisitEvent, VisitEvent.kind == "cancelled")
    assert (event.facts["fee"], event.facts["fee_why"]) == (0, "our_delay")


def test_when_it_is_we_who_cannot_come_it_is_free_and_says_so(client, link, db, clock):
    one = link(3)
    with db.write() as session:
        visit = session.get_one(Visit, one.id)
        session.add(
            Proposal(
                visit_id=one.id, kind="reschedule", made_at=clock.now(), made_by="user:1",
                former_from_at=visit.promised_from_at, former_until_at=visit.promised_until_at,
                expires_at=visit.promised_from_at,
            )
        )  # fmt: skip
    assert "弊社の都合でお伺いできなくなったため" in said(client.get(f"{one.path}/cancel"))
    assert call_off(client, one).status_code == 303
    assert rows(db, VisitEvent, VisitEvent.kind == "cancelled")[0].facts["fee"] == 0


def test_without_a_price_nothing_is_said_of_a_fee(client, link, db):
    one = link(3, price_code="")
    assert "料金" not in said(client.get(f"{one.path}/cancel"))
    assert call_off(client, one).status_code == 303
    assert "fee" not in rows(db, VisitEvent, VisitEvent.kind == "cancelled")[0].facts


@pytest.mark.parametrize("status", ["arrived", "completed"])
def test_a_visit_that_has_begun_is_not_called_off_here(client, link, db, clock, status):
    one = link(1)
    form = form_of(client, f"{one.path}/cancel")
    with db.write() as session:
        report_status(session, one.id, status, now=clock.now(), actor="technician:1")
    assert "取り消せる段階を過ぎています" in said(client.get(f"{one.path}/cancel"))
    assert client.post(f"{one.path}/cancel", data=form).status_code == 409
    assert rows(db, Visit)[0].status == status


def test_a_company_that_takes_no_cancellations_here_says_to_call(client, link, db):
    one = link(72)
    with db.write() as session:
        session.get_one(Company, 1).self_cancel = False
    assert "訪問を取り消す" not in said(client.get(one.path))
    assert "お電話で承ります" in said(client.get(f"{one.path}/cancel"))
    assert call_off(client, one).status_code == 409


@pytest.mark.parametrize(("typed", "kept"), [({"reason": "bribe"}, ""), ({"words": "あ" * 301}, "あ" * 301)])
def test_what_cannot_be_taken_is_said_and_kept(client, link, db, typed, kept):
    one = link(72)
    reply = call_off(client, one, **typed)
    assert (reply.status_code, kept in said(reply), rows(db, Visit)[0].status) == (422, True, "booked")


@pytest.mark.parametrize("hours", [3, 72])
def test_the_dispatcher_is_called_when_it_is_near_and_reads_why(client, link, db, signed_in, hours):
    one = link(hours)
    call_off(client, one, reason="other", words="急な出張<b>")
    assert [alarm.kind for alarm in rows(db, Alarm)] == (["self_cancelled"] if hours == 3 else [])
    drawer = signed_in("dispatcher").get(f"/visits/{one.id}").text
    assert "急な出張&lt;b&gt;" in drawer
    assert "その他" in drawer
    if hours == 3:
        assert "ご自身で取り消されました" in signed_in("dispatcher").get("/").text
        assert "同意された料金 3,850円" in drawer


def test_the_offer_to_move_instead_stands_where_that_can_be_done(client, link):
    assert "取り消さずに日時を変える" in said(client.get(f"{link(72).path}/cancel"))
    assert "取り消さずに日時を変える" not in said(client.get(f"{link(3).path}/cancel"))


def test_the_desk_sees_the_fee_before_it_calls_off_and_who_may_waives_it(link, db, signed_in, client):
    one = link(3)
    office = signed_in("manager")
    page = office.get(f"/visits/{one.id}").text
    assert "お客様のご都合の場合のキャンセル料:3,850円(税込)" in page
    fields = {"version": "1", "reason": "都合", "side": "customer", "tell": "no", "tell_why": "電話で"}
    assert post(office, f"/visits/{one.id}/cancel", {**fields, "fee": "0"}).status_code == 409
    assert post(office, f"/visits/{one.id}/cancel", {**fields, "fee": "3850"}).status_code == 303
    assert "3,850円" in office.get("/invoices").text
    assert "キャンセル料 3,850円(税込)" in office.get(f"/visits/{one.id}").text
    assert "fee/waive" not in signed_in("dispatcher").get(f"/visits/{one.id}").text
    office = signed_in("manager")
    assert post(office, f"/visits/{one.id}/fee/waive", {"waive": ""}).status_code == 422
    assert post(office, f"/visits/{one.id}/fee/waive", {"waive": "長年のお客様"}).status_code == 303
    page = office.get(f"/visits/{one.id}").text
    assert "キャンセル料は請求しません" in page
    assert "長年のお客様" in page
    assert f"/visits/{one.id}/invoice" not in page


def test_programs_ask_what_it_costs_call_off_and_let_off(link, world, client):
    def call(method, path, json=None, role="manager"):
        headers = {"Authorization": f"Bearer {getattr(world, f'{role}_token')}"}
        return client.open(f"/api/v1/visits/{one.id}{path}", method=method, json=json, headers=headers)

    one = link(30)
    asked = call("GET", "/cancellation").json
    assert (asked["known"], asked["total"], asked["why"], asked["percent"]) == (True, 2_310, "hours", 30)
    assert call("PATCH", "", {"status": "cancelled", "reason": "x", "side": "customer"}).status_code == 200
    assert call("GET", "/cancellation").json["known"] is False
    assert call("POST", "/cancellation/waiver", {"reason": "y"}, "dispatcher").status_code == 403
    assert call("POST", "/cancellation/waiver", {"reason": "y"}).status_code == 204
    assert call("POST", "/invoice", {}).json["reason"] == "fee_waived"


@pytest.mark.parametrize(("side", "fee"), [("us", 0), ("customer", 2_310), (None, 2_310)])
def test_a_program_that_reports_a_visit_cancelled_says_whose_doing_it_is(link, world, client, db, side, fee):
    one = link(30)
    said = {"status": "cancelled", "reason": "車両の故障"} | ({"side": side} if side else {})
    headers = {"Authorization": f"Bearer {world.dispatcher_token}"}
    address = f"/api/v1/visits/{one.id}/status"
    assert client.post(address, json={"status": "en_route", "side": "us"}, headers=headers).status_code == 422
    assert client.post(address, json=said, headers=headers).status_code == 200
    with db.read() as session:
        facts = session.scalars(select(VisitEvent.facts).where(VisitEvent.kind == "cancelled")).one()
    assert (facts["fee"], facts["reason"]) == (fee, "車両の故障")
