"""Is what is owed issued once, numbered without gaps, kept as it was, and put right only by another paper?"""

from __future__ import annotations

import json
from datetime import date, timedelta
from threading import Barrier, Thread
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.errors import Conflict, Invalid
from app.models import Company, Customer, Paper, PriceBookVersion, Service, Visit
from app.operations.bill import Told
from app.operations.booking import add_event
from app.operations.invoice import (
    Desk,
    account_of,
    credit,
    issue_invoice,
    next_number,
    not_invoiced,
    preview,
    stamp_of,
)
from app.operations.payment import issue_receipt, take_payment
from app.operations.price_book import STANDARD
from app.operations.quote import answer_quote
from app.operations.quoting import Wish, make_quote
from app.paper import paper_pdf

TOKYO = ZoneInfo("Asia/Tokyo")
only_sqlite = pytest.mark.parametrize("db", ["sqlite"], indirect=True)
PARTS = {
    "cable": {"price": 800, "name": {"ja": "LANケーブル", "en": "LAN cable"}},
    "clip": {"price": 200, "name": {"ja": "留め具", "en": "Clip"}},
    "tea": {"price": 1000, "tax_rate": "0.08", "name": {"ja": "お茶", "en": "Tea"}},
}


@pytest.fixture
def desk(clock):
    return lambda: Desk(TOKYO, "JP", clock.now(), "user:1")


@pytest.fixture
def prices(db, clock, world):
    """The office has put the standard prices in force, with two parts, and registered as an issuer."""
    book = json.loads(json.dumps(STANDARD)) | {"code": "shop-2026", "parts": PARTS}
    with db.write() as session:
        session.add(
            PriceBookVersion(at=clock.now(), by="test", code="shop-2026", valid_from=date(2026, 10, 1), book=book)
        )
        session.get_one(Service, world.service).price_code = "pc-setup"
        company = session.get_one(Company, 1)
        company.registration_number, company.address = "T7000012050002", "東京都千代田区1-1"
    return book


@pytest.fixture
def done(db, world, clock, prices):
    """Return a function that has a visit at 17:00 worked on, so many minutes late and long; it returns its number."""

    def work(late_min=0, long_min=60, visit_id=None):
        visit_id = visit_id or world.visit()
        with db.write() as session:
            visit = session.get_one(Visit, visit_id)
            visit.arrived_at = visit.promised_until_at + timedelta(minutes=late_min)
            visit.completed_at = visit.arrived_at + timedelta(minutes=long_min, seconds=40)
            visit.status = "completed"
            clock.at = max(clock.at, visit.completed_at)
        return visit_id

    return work


def issued(db, visit_id, desk, **told):
    with db.write() as session:
        return issue_invoice(session, visit_id, Told(**told), seen=None, desk=desk()).id


def codes(paper):
    return [(line["code"], line["amount"]) for line in paper.content["numbers"]["lines"]]


@only_sqlite
def test_an_invoice_counts_the_minutes_that_were_worked(db, done, desk):
    paper_id = issued(db, done(long_min=95), desk)
    with db.read() as session:
        paper = session.get_one(Paper, paper_id)
        # Three units from 18:00 to 18:35 and on: 35 minutes after an hour are three units, in the evening.
        assert codes(paper) == [("base", 6000), ("extra_time", 4500), ("band:evening", 1125), ("travel", 1000)]
        assert (paper.code, paper.total, paper.language) == ("I-2026-00001", 13_887, "ja")
        words = paper.content["ja"]
        assert words["to"] == "山田 花子 様"
        assert words["qualified"] == "適格請求書"
        assert "登録番号 T7000012050002" in words["from"]
        assert ["作業時間", "17:00〜18:35(95分)"] in words["facts"]
        assert ["10%対象", "12,625円"] in words["sums"]
        assert ["消費税(10%)", "1,262円"] in words["sums"]
        assert words["total"] == "13,887円"
        assert paper.content["en"]["total"] == "JPY 13,887"


@only_sqlite
def test_our_own_delay_costs_the_customer_nothing(db, done, desk):
    paper_id = issued(db, done(late_min=70), desk)
    with db.read() as session:
        paper = session.get_one(Paper, paper_id)
        assert codes(paper) == [("base", 6000), ("travel", 1000)]
        assert any("17:00開始" in note for note in paper.content["ja"]["notes"])


@only_sqlite
def test_minutes_are_corrected_only_with_a_reason_that_the_invoice_says(db, done, desk):
    visit_id = done(long_min=95)
    with db.write() as session, pytest.raises(Invalid) as refusal:
        issue_invoice(session, visit_id, Told(minutes=60), seen=None, desk=desk())
    assert refusal.value.problems[0].field == "minutes_reason"
    paper_id = issued(db, visit_id, desk, minutes=60, minutes_reason="部材の待ち時間を除く")
    with db.read() as session:
        paper = session.get_one(Paper, paper_id)
        assert paper.total == 7_700
        assert "17:00〜18:35のうち60分をご請求(部材の待ち時間を除く)" in dict(paper.content["ja"]["facts"]).values()


@only_sqlite
def test_what_exceeds_the_accepted_quote_is_not_charged_and_said_so(db, done, world, clock, desk):
    visit_id = world.visit()
    with db.write() as session:
        quote = make_quote(session, visit_id, Wish(), role="manager", now=clock.now(), actor="user:1")
        answer_quote(
            session, quote.token, "accepted", name="山田", language="ja", link="https://x.example", now=clock.now()
        )
        assert quote.total == 7_700
    done(long_min=120, visit_id=visit_id)
    paper_id = issued(db, visit_id, desk)
    with db.read() as session:
        paper = session.get_one(Paper, paper_id)
        assert paper.total == 8_470  # 7,700 and ten per cent
        assert paper.content["numbers"]["taken_off"] == 7_480  # of 15,950
        assert any("超える分" in note for note in paper.content["ja"]["notes"])
        assert paper.book_code == "shop-2026"


@only_sqlite
def test_two_rates_are_rounded_once_each_and_the_lower_one_bears_a_mark(db, done, desk):
    from app.rules.pricing import PartUsed

    paper_id = issued(db, done(), desk, parts=(PartUsed("cable", 2), PartUsed("tea", 3)))
    with db.read() as session:
        words = session.get_one(Paper, paper_id).content["ja"]
    assert ["10%対象", "8,600円"] in words["sums"]
    assert ["8%対象※", "3,000円"] in words["sums"]
    assert ["消費税(8%)", "240円"] in words["sums"]
    assert [line["name"] for line in words["lines"]][-1] == "部材 お茶※"
    assert words["notes"][-1].startswith("※")


@only_sqlite
def test_a_closed_door_is_invoiced_as_its_own_fee(db, world, clock, prices, desk):
    visit_id = world.visit()
    with db.write() as session:
        visit = session.get_one(Visit, visit_id)
        clock.at = visit.arrived_at = visit.promised_from_at
        visit.status = "no_access"
        add_event(session, visit, "no_access", "user:1", clock.now())
    paper_id = issued(db, visit_id, desk)
    with db.read() as session:
        paper = session.get_one(Paper, paper_id)
        assert codes(paper) == [("cancellation", 7000)]
        assert paper.total == 7_700


def test_a_visit_is_invoiced_once_and_again_only_when_that_was_given_back(db, done, desk):
    visit_id = done()
    first = issued(db, visit_id, desk)
    with pytest.raises(Conflict, match="already_invoiced"), db.write() as session:
        issue_invoice(session, visit_id, Told(), seen=None, desk=desk())
    with db.write() as session:
        back = credit(session, first, None, "宛名の誤り", desk=desk())
        assert (back.code, back.total) == ("C-2026-00001", -7_700)
        assert back.content["ja"]["total"] == "7,700円"
        assert account_of(session, first).state == "credited"
    with db.write() as session, pytest.raises(Conflict, match="nothing_to_credit"):
        credit(session, first, None, "もう一度", desk=desk())
    second = issued(db, visit_id, desk)
    with db.read() as session:
        assert session.get_one(Paper, second).code == "I-2026-00002"


@only_sqlite
def test_part_of_an_invoice_is_given_back_and_the_rest_paid_in_cash(db, done, desk, clock):
    paper_id = issued(db, done(), desk)
    with db.write() as session:
        back = credit(session, paper_id, [1000, 0], "遅れのお詫び", desk=desk())
        assert back.total == -1_100
        assert dict(back.content["ja"]["facts"])["理由"] == "遅れのお詫び"
        with pytest.raises(Invalid) as refusal:
            credit(session, paper_id, [5001, 0], "もっと", desk=desk())
        assert refusal.value.problems[0].field == "amount_0"
        receipt = take_payment(session, paper_id, "cash", clock.now().astimezone(TOKYO).date(), desk=desk())
        assert (receipt.code, receipt.total) == ("R-2026-00001", 6_600)
        account = account_of(session, paper_id)
        assert (account.state, account.due) == ("paid", 0)
        with pytest.raises(Conflict, match="nothing_owed"):
            take_payment(session, paper_id, "transfer", clock.now().date(), desk=desk())
        with pytest.raises(Conflict, match="receipt_exists"):
            issue_receipt(session, paper_id, desk=desk())
        credit(session, paper_id, None, "全額", desk=desk())
        assert account_of(session, paper_id).due == -6_600


@only_sqlite
def test_a_receipt_on_paper_says_when_it_needs_a_stamp(db, done, desk, clock):
    paper_id = issued(db, done(long_min=560), desk)
    with db.write() as session:
        receipt = take_payment(session, paper_id, "cash", clock.now().astimezone(TOKYO).date(), desk=desk())
        assert receipt.content["numbers"]["net"] >= 50_000
        assert stamp_of(receipt) == 200
        assert stamp_of(session.get_one(Paper, paper_id)) == 0


@only_sqlite
def test_what_was_issued_stays_the_same_byte_for_byte(db, done, desk, clock, world, prices):
    paper_id = issued(db, done(long_min=95), desk)
    with db.read() as session:
        content = session.get_one(Paper, paper_id).content
        before, pdf = json.dumps(content), paper_pdf(content, "ja")
    with db.write() as session:
        dearer = json.loads(json.dumps(prices)) | {"code": "dearer"}
        dearer["services"]["pc-setup"]["base"] = 9900
        session.add(
            PriceBookVersion(at=clock.now(), by="test", code="dearer", valid_from=date(2026, 10, 1), book=dearer)
        )
        session.get_one(Company, 1).name = "別の会社"
        session.get_one(Customer, world.customer).name = "別の客"
        session.get_one(Service, world.service).name_ja = "別の作業"
    with db.read() as session:
        content = session.get_one(Paper, paper_id).content
        assert json.dumps(content) == before
        assert paper_pdf(content, "ja") == pdf
    assert pdf.startswith(b"%PDF")
    assert b"NotoSansJP" in pdf


def test_the_database_refuses_to_change_what_was_issued(db, done, desk):
    issued(db, done(), desk)
    for verb in ("UPDATE paper SET total = 1", "DELETE FROM paper"):
        with pytest.raises(DBAPIError, match="evidence is only added to"), db.write() as session:
            session.execute(text(verb))


def test_twenty_at_once_leave_no_gap_and_no_number_twice(db):
    given, at_once = [], Barrier(20)

    def take():
        at_once.wait()
        for number in range(3):
            try:
                with db.write() as session:
                    code, _ = next_number(session, "invoice", 2026)
                    if number == 1:
                        raise RuntimeError("nothing is kept of this one")
                given.append(code)
            except RuntimeError:
                pass

    threads = [Thread(target=take) for _ in range(20)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(given) == [f"I-2026-{number:05}" for number in range(1, 41)]
    with db.write() as session:
        assert next_number(session, "invoice", 2027)[0] == "I-2027-00001"
        assert next_number(session, "receipt", 2026)[0] == "R-2026-00001"


@only_sqlite
def test_nothing_is_invoiced_before_it_is_over_or_without_prices(db, world, clock, desk):
    visit_id = world.visit()
    with db.read() as session, pytest.raises(Conflict, match="visit_not_over"):
        preview(session, session.get_one(Visit, visit_id), Told(), desk())
    with db.write() as session:
        visit = session.get_one(Visit, visit_id)
        visit.status, visit.arrived_at, visit.completed_at = "completed", clock.now(), clock.now()
        with pytest.raises(Conflict, match="no_prices_yet"):
            preview(session, visit, Told(), desk())


@only_sqlite
def test_what_changed_since_it_was_looked_at_is_not_issued(db, done, desk):
    visit_id = done()
    with db.write() as session, pytest.raises(Conflict, match="bill_changed"):
        issue_invoice(session, visit_id, Told(), seen=7_699, desk=desk())


@only_sqlite
def test_the_second_technicians_time_is_no_bill_of_its_own(db, done, world, desk):
    first, second = done(), done(visit_id=world.visit(starts_in_min=200))
    with db.write() as session:
        session.get_one(Visit, second).beside_id = first
    with db.read() as session:
        assert [visit.id for visit in not_invoiced(session)] == [first]
        with pytest.raises(Conflict, match="beside"):
            preview(session, session.get_one(Visit, second), Told(), desk())
