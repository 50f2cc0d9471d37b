"""Is the fee of a visit that is called off shown, billed with its reason, and waived only by who may and with a why?"""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction

import pytest
from sqlalchemy import select

from app.errors import Conflict, Invalid, NotAllowed
from app.models import Paper, Service, Visit, VisitEvent
from app.operations import called_off
from app.operations.appointment import Message, cancel, change
from app.operations.bill import Told
from app.operations.called_off import call_off_at_desk, fee_left, fees_to_bill, keep_step, owed_now, waive_fee
from app.operations.field import report_status, undo_status
from app.operations.invoice import issue_invoice
from app.operations.notice import Telling
from app.operations.quote import answer_quote
from app.operations.quoting import Wish, make_quote
from app.operations.self_cancel import agreed_fee
from tests.operations.test_invoice import TOKYO, desk, only_sqlite, prices

__all__ = ["desk", "prices"]
pytestmark = only_sqlite


@pytest.fixture
def telling(parts):
    return Telling(parts.settings.base_url, TOKYO, parts.channels)


@pytest.fixture
def call_off(db, clock, telling):
    def cancel(visit_id, side="customer", seen=None, role="manager", **wish):
        with db.write() as session:
            message = Message(telling, "no", "so", side)
            wish = {"reason": "都合", "now": clock.now(), "actor": "user:1", **wish}
            call_off_at_desk(session, visit_id, message, seen=seen, role=role, **wish)

    return cancel


def left(db, visit_id):
    with db.read() as session:
        fee = fee_left(session, session.get_one(Visit, visit_id))
        return fee and (fee.total, fee.waived)


@pytest.mark.parametrize(("hours", "total"), [(49, None), (30, 2_310), (3, 3_850)])
def test_the_desk_calls_off_by_the_steps_and_bills_it_with_the_reason(
    db, world, prices, clock, desk, call_off, hours, total
):
    visit_id = world.visit(starts_in_min=60 * hours)
    call_off(visit_id, seen=total or 0)
    assert left(db, visit_id) == (total and (total, ""))
    with db.write() as session:
        assert len(fees_to_bill(session, clock.now())) == (total is not None)
        if total is None:
            with pytest.raises(Conflict, match="nothing_owed"):
                issue_invoice(session, visit_id, Told(), seen=None, desk=desk())
            return
        paper = issue_invoice(session, visit_id, Told(), seen=total, desk=desk())
        assert dict(paper.content["ja"]["facts"])["理由"] == f"お客様のご都合による取り消し(お約束の{hours}時間前)"
        assert fees_to_bill(session, clock.now()) == []


def test_by_our_own_doing_or_delay_nothing_is_owed(db, world, prices, clock, call_off):
    ours, late = world.visit(starts_in_min=180), world.visit(starts_in_min=300)
    call_off(ours, side="us")
    clock.forward(minutes=331)
    call_off(late)
    assert left(db, ours) is left(db, late) is None
    with db.read() as session:
        events = session.scalars(select(VisitEvent).where(VisitEvent.kind == "cancelled").order_by(VisitEvent.id)).all()
        assert [event.facts["fee_why"] for event in events] == ["our_doing", "our_delay"]


def test_what_has_risen_since_it_was_looked_at_is_shown_again(db, world, prices, call_off):
    visit_id = world.visit(starts_in_min=60 * 3)
    with pytest.raises(Conflict, match="fee_changed"):
        call_off(visit_id, seen=2_310)
    with db.read() as session:
        assert session.get_one(Visit, visit_id).status == "booked"


def test_only_who_may_give_everything_waives_it_and_says_why(db, world, prices, clock, desk, call_off):
    visit_id = world.visit(starts_in_min=60 * 3)
    with pytest.raises(NotAllowed):
        call_off(visit_id, role="dispatcher", waive="常連のお客様")
    call_off(visit_id)
    with db.write() as session:
        wish = {"now": clock.now(), "actor": "user:1"}
        for role, reason, refusal in (("dispatcher", "x", NotAllowed), ("manager", " ", Invalid)):
            with pytest.raises(refusal):
                waive_fee(session, visit_id, reason, role=role, **wish)
        for _ in range(2):
            waive_fee(session, visit_id, "常連のお客様", role="admin", **wish)
        with pytest.raises(Conflict, match="fee_waived"):
            issue_invoice(session, visit_id, Told(), seen=None, desk=desk())
        assert fees_to_bill(session, clock.now()) == []
        assert len(session.scalars(select(VisitEvent).where(VisitEvent.kind == "fee_waived")).all()) == 1
    assert left(db, visit_id) == (3_850, "常連のお客様")


def test_a_fee_by_an_accepted_quote_is_waived_before_any_prices_are_in_force(db, world, clock, call_off):
    visit_id = world.visit(starts_in_min=180)
    with db.write() as session:
        session.get_one(Service, world.service).price_code = "pc-setup"
        quote = make_quote(session, visit_id, Wish(), role="dispatcher", now=clock.now(), actor="user:1")
        answer_quote(session, quote.token, "accepted", name="山田", language="ja", link="x", now=clock.now())
    call_off(visit_id, waive="お詫び")
    assert left(db, visit_id) == (3_850, "お詫び")


def test_what_is_invoiced_is_not_waived_but_credited(db, world, prices, clock, desk, call_off):
    visit_id = world.visit(starts_in_min=60 * 3)
    call_off(visit_id)
    with db.write() as session:
        issue_invoice(session, visit_id, Told(), seen=None, desk=desk())
        with pytest.raises(Conflict, match="already_invoiced"):
            waive_fee(session, visit_id, "x", role="manager", now=clock.now(), actor="user:1")
        assert session.scalars(select(Paper)).one().total == 3_850


def test_a_closed_door_waits_for_its_invoice_too(db, world, prices, clock):
    visit_id = world.visit()
    clock.forward(minutes=60)
    with db.write() as session:
        report_status(session, visit_id, "no_access", now=clock.now(), actor="technician:1")
        [(visit, fee)] = fees_to_bill(session, clock.now())
        assert (visit.id, fee.total) == (visit_id, 7_700)


@pytest.mark.parametrize("moved_by", ["customer", "user:1"])
def test_who_moves_a_visit_does_not_make_calling_it_off_cheaper_until_we_move_it(
    db, world, prices, clock, telling, call_off, moved_by
):
    visit_id = world.visit(starts_in_min=60 * 30)
    with db.write() as session:
        visit = session.get_one(Visit, visit_id)
        owed = owed_now(session, visit, clock.now())
        assert (owed.percent, owed.why) == (30, "hours")
        later = visit.promised_from_at + timedelta(days=10)
        change(
            session, visit_id, Message(telling, "no"), now=clock.now(), actor="customer",
            promised_from_at=later, promised_until_at=later, planned_from_at=later,
        )  # fmt: skip
        keep_step(session, visit, Fraction(30), owed, clock.now())
        assert owed_now(session, visit, clock.now()).why == "moved"
        later += timedelta(days=1)
        change(
            session, visit_id, Message(telling, "no"), now=clock.now(), actor=moved_by,
            promised_from_at=later, promised_until_at=later, planned_from_at=later,
        )  # fmt: skip
    call_off(visit_id)
    assert left(db, visit_id) == ((2_310, "") if moved_by == "customer" else None)


def test_what_she_was_not_shown_is_not_kept(db, world, prices, clock):
    visit_id = world.visit(starts_in_min=60 * 30)
    with db.write() as session:
        visit = session.get_one(Visit, visit_id)
        keep_step(session, visit, Fraction(0), owed_now(session, visit, clock.now()), clock.now())
        assert session.scalars(select(VisitEvent).where(VisitEvent.kind == "fee_step_kept")).all() == []


def test_what_was_called_off_for_nothing_hides_no_fee_that_is_still_to_be_billed(
    db, world, prices, clock, call_off, monkeypatch
):
    monkeypatch.setattr(called_off, "MOST_LOOKED_AT", 1)
    owed, ours = world.visit(starts_in_min=180), world.visit(starts_in_min=600)
    call_off(owed)
    call_off(ours, side="us")
    with db.read() as session:
        assert [visit.id for visit, _ in fees_to_bill(session, clock.now())] == [owed]


def test_a_fee_that_nobody_was_shown_is_not_told_of(db, world, prices, clock, telling):
    visit_id = world.visit(starts_in_min=180)
    with db.write() as session:
        cancel(session, visit_id, Message(telling, "no"), now=clock.now(), actor="user:1")
    assert left(db, visit_id) is None


def test_who_was_let_off_her_fee_reads_nothing_of_it_any_more(db, world, prices, clock, telling):
    visit_id = world.visit(starts_in_min=180)
    with db.write() as session:
        visit = session.get_one(Visit, visit_id)
        facts = owed_now(session, visit, clock.now()).facts
        cancel(session, visit_id, Message(telling, "no"), now=clock.now(), actor="customer", agreed=facts)
        assert agreed_fee(session, visit).total == 3_850
        waive_fee(session, visit_id, "お詫び", role="manager", now=clock.now(), actor="user:1")
        assert agreed_fee(session, visit) is None


def test_no_bill_says_nought_hours_before(db, world, prices, clock, desk, call_off):
    visit_id = world.visit(starts_in_min=30)
    call_off(visit_id)
    with db.write() as session:
        paper = issue_invoice(session, visit_id, Told(), seen=None, desk=desk())
        assert "お約束の直前" in dict(paper.content["ja"]["facts"])["理由"]
        assert "less than an hour" in dict(paper.content["en"]["facts"])["Reason"]


def test_a_waiver_falls_with_the_closed_door_that_it_was_for(db, world, prices, clock, desk):
    visit_id = world.visit(starts_in_min=60)
    clock.forward(minutes=60)
    with db.write() as session:
        report_status(session, visit_id, "no_access", now=clock.now(), actor="user:1", by="office")
        waive_fee(session, visit_id, "張り紙を見落とした", role="manager", now=clock.now(), actor="user:1")
        assert fees_to_bill(session, clock.now()) == []
        undo_status(session, visit_id, now=clock.now(), actor="user:1")  # she was there after all
        report_status(session, visit_id, "no_access", now=clock.now(), actor="user:1", by="office")
    with db.write() as session:
        [(_, fee)] = fees_to_bill(session, clock.now())
        assert left(db, visit_id) == (fee.total, "")
        assert issue_invoice(session, visit_id, Told(), seen=None, desk=desk()).total == fee.total
