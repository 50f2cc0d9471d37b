"""Is money noted as it comes, in parts too, and does every payment have a receipt of its own?"""

from __future__ import annotations

import pytest

from app.errors import Conflict, Invalid
from app.models import Company
from app.operations.invoice import account_of, credit, stamp_of
from app.operations.payment import issue_receipt, pay_back, take_payment
from tests.operations.test_invoice import TOKYO, desk, done, issued, only_sqlite, prices

__all__ = ["desk", "done", "prices"]


@pytest.fixture
def today(clock):
    return lambda: clock.now().astimezone(TOKYO).date()


@only_sqlite
def test_an_invoice_is_paid_in_two_parts_with_a_receipt_for_each(db, done, desk, today):
    paper_id = issued(db, done(), desk)
    with db.write() as session:
        first = take_payment(session, paper_id, "cash", today(), 3_000, desk=desk())
        account = account_of(session, paper_id)
        assert (account.paid, account.due, account.state) == (3_000, 4_700, "open")
        assert (first.total, first.content["ja"]["qualified"]) == (3_000, "")
        assert first.content["ja"]["sums"] == [["合計(税込)", "3,000円"]]
        assert "I-2026-00001(一部のお支払い)" in dict(first.content["ja"]["facts"]).values()
        with pytest.raises(Invalid) as refusal:
            take_payment(session, paper_id, "transfer", today(), 4_701, desk=desk())
        assert refusal.value.problems[0].field == "amount"
        assert take_payment(session, paper_id, "transfer", today(), desk=desk()) is None
        assert account_of(session, paper_id).state == "paid"
        assert issue_receipt(session, paper_id, desk=desk()).total == 4_700
        with pytest.raises(Conflict, match="receipt_exists"):
            issue_receipt(session, paper_id, desk=desk())


@only_sqlite
def test_what_a_credit_note_left_overpaid_is_paid_back_and_noted(db, done, desk, today):
    paper_id = issued(db, done(), desk)
    with db.write() as session:
        with pytest.raises(Conflict, match="nothing_to_pay_back"):
            pay_back(session, paper_id, "transfer", today(), desk=desk())
        take_payment(session, paper_id, "transfer", today(), desk=desk())
        credit(session, paper_id, [1000, 0], "お詫び", desk=desk())
        pay_back(session, paper_id, "transfer", today(), 100, desk=desk())
        assert account_of(session, paper_id).due == -1_000
        pay_back(session, paper_id, "cash", today(), desk=desk())
        account = account_of(session, paper_id)
        assert (account.due, account.paid, account.state) == (0, 6_600, "paid")


@only_sqlite
def test_the_stamp_is_judged_before_tax_only_where_the_firm_owes_that_tax(db, done, desk, today):
    with db.write() as session:
        session.get_one(Company, 1).registration_number = ""
    paper_id = issued(db, done(long_min=375), desk)
    with db.write() as session:
        receipt = take_payment(session, paper_id, "cash", today(), desk=desk())
        net, total = receipt.content["numbers"]["net"], receipt.content["numbers"]["total"]
        assert net < 50_000 <= total
        assert stamp_of(receipt) == 200


@only_sqlite
def test_a_part_that_is_sent_twice_is_noted_once(db, done, desk, today):
    paper_id = issued(db, done(), desk)
    with db.write() as session:
        take_payment(session, paper_id, "cash", today(), 3_000, seen=7_700, desk=desk())
        with pytest.raises(Conflict, match="bill_changed"):
            take_payment(session, paper_id, "cash", today(), 3_000, seen=7_700, desk=desk())
        take_payment(session, paper_id, "transfer", today(), seen=4_700, desk=desk())
        credit(session, paper_id, [1_000, 0], "お詫び", seen=0, desk=desk())
        with pytest.raises(Conflict, match="bill_changed"):
            credit(session, paper_id, [1_000, 0], "お詫び", seen=0, desk=desk())
        pay_back(session, paper_id, "transfer", today(), 100, seen=1_100, desk=desk())
        with pytest.raises(Conflict, match="bill_changed"):
            pay_back(session, paper_id, "transfer", today(), 100, seen=1_100, desk=desk())


@only_sqlite
def test_no_two_receipts_say_the_tax_of_the_whole(db, done, desk, today):
    paper_id = issued(db, done(), desk)
    with db.write() as session:
        for _ in range(2):
            take_payment(session, paper_id, "transfer", today(), 3_850, desk=desk())
        credit(session, paper_id, [3_500, 0], "お詫び", desk=desk())
        receipts = [issue_receipt(session, paper_id, desk=desk()) for _ in range(2)]
        assert [one.content["numbers"]["taxes"] for one in receipts] == [[], []]
