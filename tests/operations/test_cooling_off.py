"""Is added work that a customer withdraws from off her bill, and given back where it was invoiced?"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from app.errors import Conflict, Invalid, NotAllowed, NotFound
from app.models import Visit, VisitEvent
from app.operations.bill import Told, bill_of_visit
from app.operations.cooling_off import contracts_of, withdraw
from app.operations.invoice import account_of, accounts_of, credit, issue_invoice
from app.operations.onsite import hand_over
from app.operations.payment import take_payment
from app.rules.pricing import PartUsed
from tests.operations.test_invoice import TOKYO, desk, only_sqlite, prices
from tests.operations.test_onsite import CABLES, CLIP, LONGER, accept, add, at_desk, finish, there

__all__ = ["add", "desk", "prices", "there"]
pytestmark = only_sqlite
SENT_ON = date(2026, 11, 26)


@pytest.fixture
def agreed(db, there, add, clock):
    """Return the quote of an hour more and a diagnosis that she accepted on site."""
    _, token = add(there, LONGER)
    return accept(db, clock, token)


@pytest.fixture
def go(db, there, desk, clock):
    """Return a function that takes down, days later, that she withdraws; it returns the number of the credit note."""

    def withdrawn(quote_id, way="letter", sent_on=SENT_ON, late="", role="dispatcher", visit_id=None):
        clock.at = max(clock.at, datetime(2026, 11, 27, 3, tzinfo=UTC))
        with db.write() as session:
            paper = withdraw(session, visit_id or there, quote_id, way, sent_on, late, role=role, desk=desk())
            return paper and paper.id

    return withdrawn


def billed(db, visit_id):
    with db.read() as session:
        bill = bill_of_visit(session, session.get_one(Visit, visit_id), Told())
        return {line.code: line.amount for line in bill.price.lines}, bill.price.total, bill


def test_what_she_withdraws_from_before_the_invoice_is_not_on_it(db, there, agreed, go, clock, desk):
    finish(db, clock, there, 170)  # longer than was agreed: in doubt it was the added work that took so long
    assert billed(db, there)[1] > 7_700
    assert go(agreed) is None
    lines, total, bill = billed(db, there)
    assert ("service:diagnosis" in lines, total, bill.left_out) == (False, 7_700, [])
    with db.write() as session:
        paper = issue_invoice(session, there, Told(), seen=7_700, desk=desk())
        [note, *_] = [one for one in paper.content["ja"]["notes"] if "クーリング・オフ" in one]
        assert "作業の延長 60分" in note
        [event] = session.scalars(select(VisitEvent).where(VisitEvent.kind == "work_withdrawn"))
        assert (event.facts["way"], event.facts["sent_on"]) == ("letter", "2026-11-26")


def test_what_was_invoiced_and_paid_is_given_back_to_the_yen_and_shown_as_owed_to_her(
    db, there, agreed, go, clock, desk
):
    finish(db, clock, there, 150)
    with db.write() as session:
        invoice = issue_invoice(session, there, Told(), seen=None, desk=desk())
        asked = invoice.total
        take_payment(session, invoice.id, "transfer", clock.now().date(), desk=desk())
    assert go(agreed) is not None
    with db.read() as session:
        [account] = accounts_of(session, there)
        [note] = [one for one in account.others if one.kind == "credit_note"]
        assert (account.invoice.total - account.given_back, account.due) == (7_700, 7_700 - asked)
        assert note.reason == "クーリング・オフ(訪問先での追加分)"


def test_only_the_addition_that_she_withdraws_from_is_given_back(db, there, agreed, add, go, clock, desk):
    _, token = add(there, CABLES, key="l" * 16)
    accept(db, clock, token)
    finish(db, clock, there, 200)
    with db.write() as session:
        issue_invoice(session, there, Told(parts=(PartUsed("cable", 1),)), seen=None, desk=desk())  # one was enough
    go(agreed)
    lines, _, _ = billed(db, there)
    assert ("service:diagnosis" in lines, lines["part:cable"]) == (False, 1_600)
    with db.read() as session:
        [account] = accounts_of(session, there)
        left = dict(
            zip((one["code"] for one in account.invoice.content["numbers"]["lines"]), account.left, strict=True)
        )
        assert (left["service:diagnosis"], left["part:cable"]) == (0, 800)
        assert 0 < account.invoice.total - account.given_back < account.invoice.total
        first, second = contracts_of(session, there, TOKYO)
        assert (first.withdrawn is not None, second.withdrawn) == (True, None)


def test_what_a_later_quote_of_the_desk_carries_can_be_withdrawn_from_too(db, there, agreed, add, go, clock):
    add(there, CLIP, key="l" * 16)
    _, token, total = at_desk(db, clock, there)
    accept(db, clock, token)
    go(agreed)
    lines, billed_total, _ = finish_again(db, clock, there)
    assert ("service:diagnosis" in lines, lines["part:clip"]) == (False, 200)
    assert billed_total == 7_920 < total


def finish_again(db, clock, visit_id):
    finish(db, clock, visit_id, 150)
    return billed(db, visit_id)


def test_after_eight_days_it_takes_a_reason_and_somebody_who_may(db, there, agreed, go, clock):
    with db.write() as session:
        hand_over(session, agreed, "paper", now=clock.now(), actor="technician:1")
    finish(db, clock, there, 150)
    handed_on = clock.now().date()
    clock.forward(minutes=60 * 24 * 9)
    last, after = handed_on + timedelta(days=7), handed_on + timedelta(days=8)
    for wish, field in (
        ({"sent_on": after}, "late"),
        ({"sent_on": after, "late": " "}, "late"),
        ({"sent_on": clock.now().date() + timedelta(days=2)}, "sent_on"),
        ({"sent_on": handed_on - timedelta(days=1)}, "sent_on"),
        ({"way": "pigeon", "sent_on": last}, "way"),
    ):
        with pytest.raises(Invalid) as refusal:
            go(agreed, **wish)
        assert [one.field for one in refusal.value.problems] == [field], wish
    with pytest.raises(NotAllowed):
        go(agreed, sent_on=after, late="ご説明が足りなかったため")
    go(agreed, sent_on=last)  # what counts is the day on which she sent it
    with pytest.raises(Conflict, match="already_withdrawn"):
        go(agreed, sent_on=after, late="x", role="manager")
    with db.read() as session:
        assert len(session.scalars(select(VisitEvent).where(VisitEvent.kind == "work_withdrawn")).all()) == 1


def test_what_is_no_such_contract_cannot_be_withdrawn_from(db, world, there, agreed, go):
    other = world.visit(starts_in_min=600)
    for visit_id, quote_id in ((there, 1), (other, agreed), (there, 99)):
        with pytest.raises(NotFound):
            go(quote_id, visit_id=visit_id)


def test_what_the_office_gave_back_already_is_not_given_back_again(db, there, agreed, go, clock, desk):
    finish(db, clock, there, 150)
    with db.write() as session:
        invoice = issue_invoice(session, there, Told(), seen=None, desk=desk())
        credit(session, invoice.id, [2_000, *account_of(session, invoice.id).left[1:]], "お詫び", desk=desk())
    assert go(agreed) is None
    with db.read() as session:
        [account] = accounts_of(session, there)
        assert (account.due, contracts_of(session, there, TOKYO)[0].withdrawn is not None) == (4_400, True)
