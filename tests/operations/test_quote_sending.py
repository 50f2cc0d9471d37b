"""Is a customer told of a price, an invoice and a document once, and asked again only while she has not answered?"""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.errors import Conflict
from app.models import Customer, Notice, Visit
from app.operations import quote_sending
from app.operations.added_work import works_of
from app.operations.bill import Told
from app.operations.invoice import credit, issue_invoice
from app.operations.invoice_sending import send_invoice, thank
from app.operations.notice import Telling, why_outdated
from app.operations.payment import take_payment
from app.operations.quote_sending import ask_again, send_quote, take_answer, unanswered_quotes
from app.operations.quoting import Wish, make_quote
from app.tick import remind
from tests.operations.test_invoice import TOKYO, desk, done, issued, only_sqlite, prices
from tests.operations.test_onsite import LONGER, SCRAWL, add, there

__all__ = ["add", "desk", "done", "prices", "there"]


@pytest.fixture
def telling(parts):
    return Telling(parts.settings.base_url, TOKYO, parts.channels)


@pytest.fixture
def quoted(db, world, clock, telling, prices):
    """Return a function that books a visit so many hours ahead, and sends its quote."""

    def make(hours):
        visit_id = world.visit(starts_in_min=60 * hours, window_min=30)
        with db.write() as session:
            quote = make_quote(session, visit_id, Wish(), role="manager", now=clock.now(), actor="user:1")
            for _ in range(2):
                send_quote(session, quote.id, telling, now=clock.now(), actor="user:1")
            return quote.id, quote.token

    return make


def notices(db):
    with db.read() as session:
        return session.scalars(select(Notice).order_by(Notice.id)).all()


def answer(db, clock, telling, token, said="accepted", **more):
    with db.write() as session:
        more = {"name": "山田", "language": "ja", "link": "x", **more}
        take_answer(session, token, said, telling, now=clock.now(), **more)


@only_sqlite
def test_a_quote_is_sent_once_in_words_of_its_own(db, quoted):
    quoted(48)
    [notice] = notices(db)
    assert (notice.kind, notice.reason_code, notice.state) == ("quote_sent", "quote_sent", "due")
    assert "7,700円" in notice.body
    assert "承諾・辞退" in notice.short


@only_sqlite
def test_who_has_not_answered_is_asked_again_once_before_the_visit(db, parts, clock, quoted, telling):
    quoted(48)
    clock.forward(minutes=23 * 60)
    assert remind(parts, clock.now()) == 0
    clock.forward(minutes=61)
    assert remind(parts, clock.now()) == 1
    assert remind(parts, clock.now()) == 0
    assert [one.kind for one in notices(db)] == ["quote_sent", "quote_reminder"]
    with db.read() as session:
        assert unanswered_quotes(session, clock.now()) == []


@only_sqlite
@pytest.mark.parametrize("how", ["accepted", "declined", "replaced", "cancelled"])
def test_who_has_answered_is_not_asked_again_nor_told_of_it_late(db, clock, quoted, telling, how):
    quote_id, token = quoted(48)
    if how in ("accepted", "declined"):
        answer(db, clock, telling, token, how)
    with db.write() as session:
        visit_id = notices(db)[0].visit_id
        if how == "replaced":
            make_quote(session, visit_id, Wish(), role="manager", now=clock.now(), actor="user:1")
        elif how == "cancelled":
            session.get_one(Visit, visit_id).status = "cancelled"
    clock.forward(minutes=25 * 60)
    with db.write() as session:
        assert unanswered_quotes(session, clock.now()) == []
        assert ask_again(session, quote_id, telling, clock.now()) is None
        notice = session.scalars(select(Notice)).one()
        why = why_outdated(session, notice, notice.visit, clock.now())
        assert why == {"replaced": "superseded", "cancelled": "superseded"}.get(how, "answered")


@only_sqlite
def test_what_is_added_is_sent_by_link_and_its_document_only_with_consent(db, clock, telling, there, add):
    _, token = add(there, LONGER)
    with db.write() as session:
        [work] = works_of(session, there)
        send_quote(session, work.quote_id, telling, now=clock.now(), actor="technician:1")
    [asked] = notices(db)
    assert (asked.kind, f"/q/{token}" in asked.line, asked.call_at) == ("addon_consent", True, None)
    assert "診断、作業の延長 60分" in asked.line
    answer(db, clock, telling, token, drawn=SCRAWL, copy_way="electronic", consent=True)
    copy = notices(db)[-1]
    assert (copy.kind, f"/q/{token}/document" in copy.body) == ("agreement_copy", True)


@only_sqlite
def test_nothing_is_sent_to_who_wants_paper(db, clock, telling, there, add):
    _, token = add(there, LONGER)
    answer(db, clock, telling, token, drawn=SCRAWL)
    assert notices(db) == []


@only_sqlite
def test_an_invoice_is_told_once_and_its_payment_thanked_for_with_the_receipt(db, clock, telling, done, desk):
    visit_id = done()
    with db.write() as session:
        paper = issue_invoice(session, visit_id, Told(), seen=None, desk=desk())
        for _ in range(2):
            send_invoice(session, paper.id, telling, now=clock.now(), actor="user:1")
        assert thank(session, paper.id, telling, desk=desk()) is None  # nothing was paid yet
        take_payment(session, paper.id, "transfer", clock.now().astimezone(TOKYO).date(), desk=desk())
        for _ in range(2):
            thank(session, paper.id, telling, desk=desk())
        token, code = paper.token, paper.code
    told, thanks = notices(db)
    assert (told.kind, f"/d/{token}" in told.body, code in told.body, "円" in told.short) == (
        "invoice_issued", True, True, False,
    )  # fmt: skip
    assert (thanks.kind, "7,700円" in thanks.body) == ("payment_received", True)
    assert told.expires_at - told.created_at == timedelta(hours=72)


@only_sqlite
def test_an_invoice_of_which_a_part_was_paid_says_what_is_still_open(db, clock, telling, done, desk):
    first, second = issued(db, done(), desk), issued(db, done(), desk)
    with db.write() as session:
        take_payment(session, first, "transfer", clock.now().astimezone(TOKYO).date(), 3_000, desk=desk())
        partly, whole = (
            send_invoice(session, paper_id, telling, now=clock.now(), actor="user:1") for paper_id in (first, second)
        )
        assert "ご請求額:7,700円(税込)\nお支払い残額:4,700円" in partly.body
        assert ("ご請求額:" in whole.body, "残額" in whole.body) == (True, False)


@only_sqlite
def test_an_invoice_that_reaches_nobody_is_not_called_sent(db, world, clock, telling, done, desk):
    visit_id = done()
    with db.write() as session:
        customer = session.get_one(Customer, world.customer)
        customer.mobile = customer.phone = customer.email = customer.line_id = None
        paper = issue_invoice(session, visit_id, Told(), seen=None, desk=desk())
        nobody = Telling(telling.base_url, telling.zone, {})
        with pytest.raises(Conflict, match="answer_unreachable"):
            send_invoice(session, paper.id, nobody, now=clock.now(), actor="user:1")


@only_sqlite
def test_who_is_to_be_asked_later_takes_nobodys_place(db, clock, quoted, monkeypatch):
    monkeypatch.setattr(quote_sending, "MOST_ASKED", 1)
    quoted(25)  # sent too late to be asked a day before: three hours before, then
    due, _ = quoted(30)
    clock.forward(minutes=6 * 60 + 1)
    with db.read() as session:
        assert unanswered_quotes(session, clock.now()) == [due]


@only_sqlite
def test_nobody_is_told_of_an_invoice_that_was_given_back_meanwhile(db, done, desk, telling, clock):
    paper_id = issued(db, done(), desk)
    with db.write() as session:
        notice = send_invoice(session, paper_id, telling, now=clock.now(), actor="user:1")
        assert why_outdated(session, notice, notice.visit, clock.now()) is None
        credit(session, paper_id, None, "二重", desk=desk())
        assert why_outdated(session, notice, notice.visit, clock.now()) == "superseded"
