"""Is work that is added on site noted within what was agreed, asked for above it, and never billed without a yes?"""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError

from app.agreement import addressed, agreement_pdf
from app.errors import Conflict, Invalid, NotFound
from app.models import AddedWork, Company, Customer, Quote, QuoteAnswer, Visit
from app.operations.added_work import Added, works_of
from app.operations.agreement import offer_price
from app.operations.bill import Told, bill_of_visit
from app.operations.booking import change_visit
from app.operations.field import undo_status
from app.operations.notice import Telling
from app.operations.onsite import add_work, hand_over, not_agreed, state_of_work, weigh, withdraws_until
from app.operations.quote import accepted_answer, answer_quote, quote_of_link, quoted_job, why_not_dispatched
from app.operations.quoting import Wish, make_quote
from app.rules.pricing import PartUsed
from tests.operations.test_invoice import TOKYO, only_sqlite, prices

__all__ = ["prices"]
CLIP = Added(parts=(PartUsed("clip", 1),))
LONGER = Added(minutes=60, also=("diagnosis",))
SCRAWL = "M20 100L80 40L140 120L220 60"


@pytest.fixture
def there(db, world, clock, prices):
    """Return a visit of technician 1 at 17:00, accepted at 7,700 yen, where he has just arrived on time."""
    visit_id = world.visit(technician_id=world.technician)
    with db.write() as session:
        company = session.get_one(Company, 1)
        company.representative, company.pay_to = "青葉 太郎", "青葉銀行 1234567"
        quote = make_quote(session, visit_id, Wish(), role="manager", now=clock.now(), actor="user:1")
        answer_quote(session, quote.token, "accepted", name="山田", language="ja", link="x", now=clock.now())
        visit = session.get_one(Visit, visit_id)
        visit.status, visit.arrived_at = "arrived", visit.promised_from_at
        clock.at = visit.arrived_at
    return visit_id


@pytest.fixture
def add(db, world, clock):
    def added(visit_id, what, key="k" * 16, seen=None, country="JP", instead=False):
        with db.write() as session:
            visit, chosen = session.get_one(Visit, visit_id), {"instead": instead, "now": clock.now()}
            seen = weigh(session, visit, what, **chosen).price.total if seen is None else seen
            work = add_work(
                session, visit_id, what, key=key, seen=seen, sign=True, technician_id=world.technician,
                zone=TOKYO, country=country, **chosen,
            )  # fmt: skip
            return work.id, work.quote.token if work.quote else None

    return added


def accept(db, clock, token, **said):
    with db.write() as session:
        said = {"name": "山田 花子", "drawn": SCRAWL, "language": "ja", "link": f"https://x/q/{token}", **said}
        return answer_quote(session, token, "accepted", now=clock.now(), **said).id


def finish(db, clock, visit_id, minutes):
    with db.write() as session:
        visit = session.get_one(Visit, visit_id)
        visit.status, visit.completed_at = "completed", visit.arrived_at + timedelta(minutes=minutes)
        clock.at = visit.completed_at
        bill = bill_of_visit(session, visit, Told())
        return {line.code: line.amount for line in bill.price.lines}, bill.price.total, len(bill.left_out)


@only_sqlite
def test_what_stays_within_the_agreement_is_noted_once_and_billed(db, there, add, clock):
    assert add(there, CLIP) == add(there, CLIP)  # the same press twice
    with db.read() as session:
        [work] = works_of(session, there)
        assert (work.quote_id, work.agreed_total, work.total) == (None, 7_700, 7_920)
        assert (work.words["ja"], work.words["en"]) == ("留め具 × 1", "Clip × 1")
    lines, total, _ = finish(db, clock, there, 60)
    assert (lines["part:clip"], total) == (200, 7_920)


@only_sqlite
def test_what_goes_beyond_it_is_asked_for_at_once_and_billed_when_she_agrees(db, there, add, clock):
    _, token = add(there, LONGER)
    with db.read() as session:
        [work] = works_of(session, there)
        quote = work.quote
        said = quote.shown["ja"]["document"]
        assert dict(said["facts"])["契約の締結を担当した者"]
        assert "8日間" in said["cooling"]["items"][0]
        assert "7,700円" in said["cooling"]["outside"]
        assert quote.text_version.endswith("/2026-11")
    accept(db, clock, token)
    lines, total, left_out = finish(db, clock, there, 150)
    assert (lines["service:diagnosis"], lines["extra_time"], left_out) == (3_500, 6_000, 0)
    assert total == work.total


@only_sqlite
@pytest.mark.parametrize("declined", [True, False])
def test_what_she_does_not_agree_to_is_left_out_and_said_so(db, there, add, clock, declined):
    _, token = add(there, LONGER)
    if declined:
        with db.write() as session:
            answer_quote(session, token, "declined", language="ja", link="x", now=clock.now())
    lines, total, left_out = finish(db, clock, there, 150)
    assert "service:diagnosis" not in lines
    assert (total, left_out) == (8_470, 1)


@only_sqlite
def test_without_a_quote_before_the_plan_is_what_was_known(db, world, add, clock, prices, there):
    other = world.visit(starts_in_min=600, technician_id=world.technician)
    with db.write() as session:
        visit = session.get_one(Visit, other)
        visit.status, visit.arrived_at = "arrived", visit.promised_from_at
        clock.at = visit.arrived_at
    add(other, LONGER)
    with db.read() as session:
        known = works_of(session, other)[0].agreed_total
    _, total, left_out = finish(db, clock, other, 200)
    assert (total <= known * 1.1, left_out) == (True, 1)


CABLES = Added(minutes=60, parts=(PartUsed("cable", 2),))


@only_sqlite
def test_a_second_addition_is_asked_for_together_with_one_that_has_no_answer_yet(db, there, add, clock):
    add(there, CLIP)  # within the agreement: no word of hers is needed
    add(there, LONGER, key="l" * 16)
    _, token = add(there, CABLES, key="m" * 16)
    with db.read() as session:
        works = works_of(session, there)
        assert [state_of_work(session, one, works, clock.now()) for one in works] == ["noted", "joined", "open"]
        quote = works[2].quote
        said = dict(quote.shown["ja"]["document"]["facts"])["役務の種類・内容"]
        # The price is that of all three, and so are the words.
        assert ("留め具 × 1" in said, "LANケーブル × 2" in said, "作業の延長 120分" in said) == (True, True, True)
        assert len(not_agreed(session, there)) == 1
    accept(db, clock, token)
    with db.read() as session:
        assert not_agreed(session, there) == []
    lines, total, _ = finish(db, clock, there, 180)
    assert (lines["part:clip"], lines["part:cable"], lines["service:diagnosis"]) == (200, 1_600, 3_500)
    assert total <= quote.total


@only_sqlite
def test_a_second_addition_comes_instead_of_the_first_where_the_technician_says_so(db, there, add, clock):
    add(there, LONGER)
    _, token = add(there, CABLES, key="l" * 16, instead=True)
    with db.read() as session:
        works = works_of(session, there)
        assert state_of_work(session, works[0], works, clock.now()) == "replaced"
        assert [one.id for one in not_agreed(session, there)] == [works[1].id]  # the other was the technician's slip
    accept(db, clock, token)
    with db.read() as session:
        assert not_agreed(session, there) == []
    lines, _, _ = finish(db, clock, there, 120)
    assert (lines["part:cable"], "service:diagnosis" in lines) == (1_600, False)


@only_sqlite
def test_what_was_declined_is_not_asked_for_again_with_the_next_addition(db, there, add, clock):
    _, token = add(there, LONGER)
    with db.write() as session:
        answer_quote(session, token, "declined", language="ja", link="x", now=clock.now())
    _, second = add(there, CABLES, key="l" * 16)
    with db.read() as session:
        assert quote_of_link(session, second).job["also"] == []


def at_desk(db, clock, visit_id, **wish):
    with db.write() as session:
        quote = make_quote(session, visit_id, Wish(**wish), role="manager", now=clock.now(), actor="user:1")
        return quote.id, quote.token, quote.total


@only_sqlite
def test_a_quote_made_at_the_desk_meanwhile_has_what_was_agreed_on_site_in_it_once(db, there, add, clock):
    _, token = add(there, CABLES)
    with pytest.raises(Conflict, match="asked_on_site"):
        at_desk(db, clock, there)  # she has that question before her
    accept(db, clock, token)
    add(there, CLIP, key="l" * 16)
    with db.write() as session:  # the desk makes the plan longer by what was agreed
        session.get_one(Visit, there).duration_min = 120
    _, second, total = at_desk(db, clock, there)
    assert total == 7_700 + 6_600 + 1_650 + 2 * 880 + 220  # an hour more, in the evening; two cables; a clip
    accept(db, clock, second)
    add(there, CLIP, key="m" * 16)
    lines, billed, left_out = finish(db, clock, there, 120)
    assert (lines["part:cable"], lines["part:clip"], lines["extra_time"], left_out) == (1_600, 400, 6_000, 0)
    assert billed == total + 220


@only_sqlite
def test_the_price_of_a_visit_that_is_moved_after_an_addition_is_asked_for_with_it(db, there, add, clock, parts):
    _, token = add(there, CABLES)
    accept(db, clock, token)
    add(there, CLIP, key="l" * 16)
    telling = Telling("https://x.example", TOKYO, parts.channels)
    with db.write() as session:  # nobody could go on: he leaves, and comes again at nine in the evening
        visit = undo_status(session, there, now=clock.now(), actor="user:1")
        assert (visit.status, visit.arrived_at) == ("booked", None)
        late = {"promised_from_at": visit.promised_from_at + timedelta(hours=4)}
        change_visit(session, there, now=clock.now(), actor="user:1", zone=TOKYO, **late)
        assert why_not_dispatched(session, visit) == "price_rose"
        ask = {"role": "dispatcher", "now": clock.now(), "actor": "user:1"}
        quote = offer_price(session, there, telling, **ask)
        job = quoted_job(quote)
        assert job.parts == (PartUsed("cable", 2), PartUsed("clip", 1))
        assert (job.minutes, job.start_at) == (120, visit.planned_from_at)


@only_sqlite
def test_a_signature_is_drawn_or_typed_and_a_file_needs_consent(db, there, add, clock):
    _, token = add(there, LONGER)
    for said, field in (
        ({"drawn": "M1 1L2 2"}, "signature"),
        ({"drawn": '"><script>'}, "signature"),
        ({"copy_way": "electronic"}, "consent"),
        ({"copy_way": "pigeon"}, "copy_way"),
    ):
        with pytest.raises(Invalid) as refusal:
            accept(db, clock, token, **said)
        assert [one.field for one in refusal.value.problems] == [field]
    accept(db, clock, token, copy_way="electronic", consent=True)
    with db.read() as session:
        said = accepted_answer(session.get_one(Quote, works_of(session, there)[0].quote_id))
        assert (said.drawn, said.signature, said.copy_way) == (SCRAWL, "", "electronic")


@only_sqlite
def test_the_days_to_withdraw_begin_when_she_has_the_document(db, there, add, clock):
    _, token = add(there, LONGER)
    quote_id = accept(db, clock, token)
    with db.write() as session:
        quote = session.get_one(Quote, quote_id)
        assert withdraws_until(session, quote, TOKYO) is None
        with pytest.raises(Conflict, match="no_consent"):
            hand_over(session, quote_id, "electronic", now=clock.now(), actor="technician:1")
        first = hand_over(session, quote_id, "paper", now=clock.now(), actor="technician:1").id
        clock.forward(minutes=60)
        assert hand_over(session, quote_id, "paper", now=clock.now(), actor="technician:1").id == first
        assert withdraws_until(session, quote, TOKYO) == date(2026, 12, 1)


@only_sqlite
def test_a_business_and_another_country_have_no_such_right(db, world, there, add, clock):
    with db.write() as session:
        session.get_one(Customer, world.customer).kind = "corporate"
        session.get_one(Company, 1).representative = ""
    add(there, LONGER)
    with db.read() as session:
        document = works_of(session, there)[0].quote.shown["ja"]["document"]
        assert (document["right"], document["cooling"]) == ("business", None)
        assert "第26条第1項第1号" in document["exempt"]
    with db.write() as session:
        session.get_one(Customer, world.customer).kind = "individual"
    add(there, LONGER, key="m" * 16, country="DE")
    with db.read() as session:
        assert works_of(session, there)[1].quote.shown["ja"]["document"] == {}


@only_sqlite
def test_nobody_is_asked_on_a_document_that_is_incomplete(db, there, add):
    with db.write() as session:
        session.get_one(Company, 1).representative = ""
    with pytest.raises(Conflict, match="document_incomplete"):
        add(there, LONGER)
    add(there, CLIP)  # within the agreement no document is needed


@only_sqlite
def test_only_who_is_there_adds_and_only_what_was_looked_at(db, world, there, add, clock):
    with pytest.raises(Conflict, match="bill_changed"):
        add(there, CLIP, seen=1)
    with pytest.raises(Invalid):
        add(there, Added(), seen=7_700)
    with db.write() as session, pytest.raises(NotFound):
        add_work(
            session, there, CLIP, key="x" * 16, seen=1, sign=True, technician_id=99, zone=TOKYO, country="JP",
            now=clock.now(),
        )  # fmt: skip
    with db.write() as session:
        session.get_one(Visit, there).status = "en_route"
    with pytest.raises(Conflict, match="not_on_site"):
        add(there, CLIP)


def test_what_was_added_and_handed_over_is_never_changed(db, there, add, clock):
    _, token = add(there, LONGER)
    quote_id = accept(db, clock, token)
    with db.write() as session:
        hand_over(session, quote_id, "paper", now=clock.now(), actor="technician:1")
        assert session.get(AddedWork, 1) is not None
    for verb in ("UPDATE added_work SET total = 1", "DELETE FROM handover"):
        with pytest.raises(DBAPIError, match="evidence is only added to"), db.write() as session:
            session.execute(text(verb))


@only_sqlite
def test_the_document_is_the_same_file_whenever_it_is_asked_for(db, there, add, clock):
    _, token = add(there, LONGER)
    quote_id = accept(db, clock, token)
    with db.write() as session:
        quote = session.get_one(Quote, quote_id)
        files = [agreement_pdf(quote, accepted_answer(quote), locale, TOKYO) for locale in ("ja", "en", "ja")]
        session.get_one(Company, 1).name = "別の会社"
        assert agreement_pdf(quote, accepted_answer(quote), "ja", TOKYO) == files[0] == files[2]


@only_sqlite
def test_a_forms_key_leads_to_no_other_visits_work(db, world, there, add, clock):
    add(there, CLIP)
    other = world.visit(starts_in_min=600, technician_id=world.technician)
    with db.write() as session:
        visit = session.get_one(Visit, other)
        visit.status, visit.arrived_at = "arrived", visit.promised_from_at
    for key in ("k" * 16, ""):
        with pytest.raises(Conflict, match="bill_changed"):
            add(other, CLIP, key=key)


@only_sqlite
def test_who_answers_while_another_answer_is_taken_in_finds_it(db, there, add, clock):
    _, token = add(there, LONGER)
    with db.write() as session:
        quote = quote_of_link(session, token)
        assert quote.answers == []
        session.execute(
            insert(QuoteAnswer.__table__).values(
                quote_id=quote.id, at=clock.now(), answer="accepted", name="山田", signature="", drawn="", copy_way="",
                language="ja", link="x", text_version="x",
            )
        )  # fmt: skip
        assert answer_quote(session, token, "accepted", name="x", language="ja", link="x", now=clock.now()) is quote
        with pytest.raises(Conflict, match="quote_accepted"):
            answer_quote(session, token, "declined", language="ja", link="x", now=clock.now())


@only_sqlite
def test_the_document_of_a_business_is_addressed_as_one(db, world, there, add):
    with db.write() as session:
        session.get_one(Customer, world.customer).kind = "corporate"
    add(there, LONGER)
    with db.read() as session:
        assert addressed(works_of(session, there)[0].quote) == "corporate"


@only_sqlite
def test_a_typed_signature_stands_on_the_paper_too(db, there, add, clock):
    _, token = add(there, LONGER)
    quote_id = accept(db, clock, token, drawn="", signature="署名 花子")
    with db.write() as session:
        quote = session.get_one(Quote, quote_id)
        said = accepted_answer(quote)
        with_it = agreement_pdf(quote, said, "ja", TOKYO)
        session.expunge(said)
        said.signature = ""
        assert with_it != agreement_pdf(quote, said, "ja", TOKYO)
