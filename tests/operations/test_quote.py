"""Is a price kept as it was shown, accepted once, and asked for again only when it rises?"""

from __future__ import annotations

import json
from datetime import timedelta
from fractions import Fraction

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from app.errors import Conflict, Invalid, NotFound, Refused
from app.models import Alarm, PriceBookVersion, Quote, Service, Technician, Visit
from app.operations.booking import change_visit
from app.operations.field import report_status
from app.operations.price_book import STANDARD
from app.operations.quote import answer_quote, quote_state, quotes_of, why_not_dispatched
from app.operations.quoting import Wish, make_quote

sqlite_alone = pytest.mark.parametrize("db", ["sqlite"], indirect=True)


@pytest.fixture
def visit_id(db, world):
    """A visit at 22:00 in Japan, six hours from now: 11,000 yen."""
    with db.write() as session:
        session.get_one(Service, world.service).price_code = "pc-setup"
    return world.visit(starts_in_min=360, window_min=30)


@pytest.fixture
def quoted(db, clock):
    """Return a function that makes a quote and returns its token."""

    def make(visit_id, **wish) -> str:
        with db.write() as session:
            made = make_quote(session, visit_id, Wish(**wish), role="dispatcher", now=clock.now(), actor="test")
            return made.token

    return make


@pytest.fixture
def press(db, clock):
    def pressed(token, answer="accepted", **said) -> str:
        with db.write() as session:
            said = {"name": "山田 花子", "language": "ja", "link": f"http://x/q/{token}", **said}
            quote = answer_quote(session, token, answer, now=clock.now(), **said)
            return quote_state(session, quote, clock.now())

    return pressed


def dispatched(db, clock, visit_id) -> str | None:
    with db.write() as session:
        try:
            report_status(session, visit_id, "en_route", now=clock.now(), actor="technician:1")
        except Conflict as refusal:
            return refusal.code
    return None


def test_nobody_sets_out_at_night_before_the_customer_has_agreed(db, clock, visit_id, quoted, press):
    token = quoted(visit_id)
    assert dispatched(db, clock, visit_id) == "not_agreed"
    assert press(token, "declined") == "declined"
    assert dispatched(db, clock, visit_id) == "not_agreed"
    with db.read() as session:
        assert session.scalars(select(Alarm.kind).where(Alarm.cleared_at.is_(None))).all() == ["price_declined"]
    assert press(token) == "accepted"
    with db.read() as session:
        assert session.scalars(select(Alarm.kind).where(Alarm.cleared_at.is_(None))).all() == []
    assert dispatched(db, clock, visit_id) is None


def test_an_acceptance_keeps_who_when_where_and_which_text_and_counts_once(db, clock, visit_id, quoted, press):
    token = quoted(visit_id, sign=True)
    with pytest.raises(Invalid) as refusal:
        press(token, name="  ")
    assert [one.field for one in refusal.value.problems] == ["name", "signature"]
    press(token, signature="山田 花子")
    clock.forward(minutes=5)
    press(token, name="somebody else", signature="x")
    with db.write() as session:
        [quote] = quotes_of(session, visit_id)
        [said] = quote.answers
        assert (said.name, said.signature, said.link) == ("山田 花子", "山田 花子", f"http://x/q/{token}")
        assert (said.language, said.text_version, said.at) == (
            "ja",
            quote.text_version,
            clock.now() - timedelta(minutes=5),
        )
        assert quote.shown["ja"]["total"] == "11,000円"
        assert [line["why"] for line in quote.shown["ja"]["lines"]][1] == "22:00–23:00 夜間 +50%"
        with pytest.raises(Conflict):
            answer_quote(session, token, "declined", language="ja", link="", now=clock.now())


def test_neither_a_quote_nor_an_answer_can_be_changed_afterwards(db, visit_id, quoted, press):
    press(quoted(visit_id))
    for change in ("UPDATE quote SET total = 1", "DELETE FROM quote_answer"):
        with pytest.raises(DBAPIError), db.engine.begin() as connection:
            connection.execute(text(change))


@sqlite_alone
def test_a_changed_visit_asks_again_only_when_the_price_rises(db, clock, world, visit_id, quoted, press):
    press(quoted(visit_id))

    def moved(hours: float, **changes) -> str | None:
        with db.write() as session:
            visit = session.get_one(Visit, visit_id)
            at = visit.promised_from_at + timedelta(hours=hours)
            change_visit(session, visit_id, promised_from_at=at, now=clock.now(), actor="test", **changes)
            return why_not_dispatched(session, visit)

    assert moved(-1) is None  # 21:00: cheaper
    assert moved(-3.5) is None  # 17:30
    assert moved(3.5) is None  # 21:00 again
    with db.write() as session:
        change_visit(session, visit_id, duration_min=90, now=clock.now(), actor="test")
        assert why_not_dispatched(session, session.get_one(Visit, visit_id)) == "price_rose"
    assert dispatched(db, clock, visit_id) == "price_rose"


@sqlite_alone
def test_a_quote_that_became_too_cheap_cannot_be_accepted_and_a_new_one_replaces_it(db, clock, visit_id, quoted, press):
    token = quoted(visit_id)
    with db.write() as session:
        change_visit(session, visit_id, duration_min=120, now=clock.now(), actor="test")
    with pytest.raises(Conflict, match="quote_outdated"):
        press(token)
    newer = quoted(visit_id)
    with pytest.raises(Conflict, match="quote_replaced"):
        press(token)
    assert press(newer) == "accepted"


@sqlite_alone
def test_a_quote_expires_with_the_promise(db, clock, visit_id, quoted, press):
    token = quoted(visit_id)
    clock.forward(minutes=391)
    with pytest.raises(Conflict, match="quote_expired"):
        press(token)
    with pytest.raises(NotFound):
        press("no-such-token")


@sqlite_alone
def test_by_day_and_without_prices_of_its_own_nobody_is_kept_from_setting_out(db, clock, world, visit_id, quoted):
    # The office has never touched prices: nothing changes for it.
    with db.read() as session:
        assert why_not_dispatched(session, session.get_one(Visit, visit_id)) is None
    with db.write() as session:
        book = {**json.loads(json.dumps(STANDARD)), "code": "own"}
        version = PriceBookVersion(at=clock.now(), by="test", code="own", valid_from=clock.now().date(), book=book)
        session.add(version)
    with db.read() as session:
        assert why_not_dispatched(session, session.get_one(Visit, visit_id)) == "not_agreed"
    by_day = world.visit(starts_in_min=30)
    quoted(by_day)
    assert dispatched(db, clock, by_day) is None


@sqlite_alone
def test_a_quote_carries_the_most_that_a_taxi_can_cost_and_a_discount_its_reason(db, clock, world, visit_id, quoted):
    with db.write() as session:
        session.get_one(Technician, world.technician).travels_by = "public_transport"
        change_visit(session, visit_id, duration_min=120, now=clock.now(), actor="test")
    quoted(visit_id, discount_percent=Fraction(10), discount_reason="前回の遅れのお詫び")
    with db.read() as session:
        [quote] = quotes_of(session, visit_id)
        lines = {line["code"]: line["amount"] for line in quote.shown["ja"]["lines"]}
        assert (lines["return_taxi"], lines["discount"]) == ("15,000円", "-3,400円")
        assert any("領収書" in term for term in quote.shown["ja"]["terms"])
    with pytest.raises(Refused, match="discount_over_limit"):
        quoted(visit_id, discount_percent=Fraction(11), discount_reason="x")
    little = {"role": "caller", "now": clock.now(), "actor": "test"}  # a book need not name every role
    with pytest.raises(Refused, match="discount_over_limit"), db.write() as session:
        make_quote(session, visit_id, Wish(discount_percent=Fraction(1), discount_reason="x"), **little)
    with pytest.raises(Invalid, match="discount_reason"):
        quoted(visit_id, discount_percent=Fraction(5))


@sqlite_alone
def test_editing_the_book_leaves_old_quotes_byte_for_byte_the_same(db, clock, visit_id, quoted):
    quoted(visit_id)

    def kept() -> str:
        with db.engine.connect() as connection:
            return str(connection.execute(select(Quote.__table__)).all())

    before = kept()
    with db.write() as session:
        book = json.loads(json.dumps(STANDARD)) | {"code": "dear"}
        book["services"]["pc-setup"]["base"] = 99_000
        session.add(PriceBookVersion(at=clock.now(), by="x", code="dear", valid_from=clock.now().date(), book=book))
    assert kept() == before
    quoted(visit_id)
    with db.read() as session:
        newest, first = quotes_of(session, visit_id)
        assert (first.total, newest.book_code) == (11_000, "dear")
