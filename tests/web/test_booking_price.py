"""Is the price told while the customer is on the phone, and does the quote go out with the booking?"""

from __future__ import annotations

import re
from datetime import date

import pytest

from app.models import Notice, PriceBookVersion, Quote, Service, Visit
from app.operations.price_book import STANDARD
from tests.web.pages import post

pytestmark = pytest.mark.parametrize("db", ["sqlite"], indirect=True)


@pytest.fixture
def kept(db, world, clock):
    with db.write() as session:
        session.get_one(Service, world.service).price_code = "pc-setup"
        session.add(
            PriceBookVersion(
                at=clock.now(), by="test", code="standard-2026", valid_from=date(2026, 10, 1), book=dict(STANDARD)
            )
        )


@pytest.fixture
def desk(signed_in):
    return signed_in("dispatcher")


def typed(world, **changes):
    return {
        "who": f"{world.customer}:{world.site}",
        "service": str(world.service),
        "technician": str(world.technician),
        "on": "2026-11-24",
        "promised_from": "22:30",
        "duration_min": "60",
        "insist": "1",
        **changes,
    }


def said(reply) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", reply.text))


def test_the_price_is_shown_line_by_line_with_an_hour_earlier_and_the_nearest_cheaper_time(desk, world, kept):
    words = said(desk.get("/visits/new/price", query_string=typed(world)))
    assert "11,000円" in words
    assert "22:30–23:30 夜間 +50%" in words
    assert re.search("1時間早ければ .*21:30 10,175円 825円安い", words)
    assert re.search("近くでいちばん安い時間.*17:00 7,700円 3,300円安い", words)
    assert "承諾まで出発しません" in words


def test_what_is_missing_for_a_price_is_said_and_nothing_is_asked_twice(desk, world, db, kept):
    for left_out in ("service", "promised_from"):
        assert "ここに料金が出ます" in said(desk.get("/visits/new/price", query_string=typed(world, **{left_out: ""})))
    crooked = {"service": "9" * 30, "technician": "x", "who": "77:1", "promised_from": "99:99", "lat": "x"}
    for name, value in crooked.items():
        assert desk.get("/visits/new/price", query_string=typed(world, **{name: value})).status_code == 200
    somewhere = said(desk.get("/visits/new/price", query_string=typed(world, who="new", kind="corporate")))
    assert "+出張料" in somewhere
    assert "法人" in somewhere
    with db.write() as session:
        session.get_one(Service, world.service).price_code = ""
    assert "料金が決まっていません" in said(desk.get("/visits/new/price", query_string=typed(world)))


def test_every_time_that_is_offered_comes_with_its_price(desk, world, kept):
    asked = {"on": "2026-11-24", "span": "3", "half": "afternoon"}
    offered = desk.get("/visits/new/offers", query_string=typed(world, **asked)).text
    assert offered.count('class="offer-price"') == offered.count('class="offer"') > 0
    assert "7,700円" in offered
    with_class = desk.get("/visits/new/offers", query_string=typed(world, **asked, duration_min="75")).text
    assert "9,350円" in with_class


def test_without_a_price_book_one_line_says_so(desk, world):
    assert "料金表がまだ使われていない" in said(desk.get("/visits/new"))
    assert "book_and_quote" not in desk.get("/visits/new").text


def test_without_scripts_the_form_comes_back_with_the_price_and_with_what_was_typed(desk, world, kept):
    page = post(desk, "/visits/new", typed(world, step="show_price", note="犬がいます"))
    assert page.status_code == 200
    assert "11,000円" in page.text
    assert "犬がいます" in page.text


def test_one_press_books_the_visit_and_sends_the_quote_and_another_books_it_alone(desk, world, db, kept):
    assert post(desk, "/visits/new", typed(world, step="book_and_quote")).status_code == 303
    with db.read() as session:
        [quote], [notice] = session.query(Quote).all(), session.query(Notice).all()
        assert (quote.visit_id, quote.total, quote.created_by) == (notice.visit_id, 11_000, "user:1")
    drawer = said(desk.get("/visits/1?part=drawer"))
    assert "送付済み・ご返答待ち" in drawer
    assert "承諾されるまで出発できません" in drawer
    assert post(desk, "/visits/new", typed(world, step="book", promised_from="19:00")).status_code == 303
    assert "お見積り未送付" in said(desk.get("/visits/2"))
    assert post(desk, "/visits/2/price", {}).status_code == 303
    assert "送付済み・ご返答待ち" in said(desk.get("/visits/2"))
    with db.read() as session:
        assert session.query(Quote).count() == 2


def test_a_visit_without_a_price_is_not_booked_with_a_quote_and_the_form_says_why(desk, world, db, kept):
    with db.write() as session:
        session.get_one(Service, world.service).price_code = ""
    page = post(desk, "/visits/new", typed(world, step="book_and_quote"))
    assert (page.status_code, "お見積りを作れません" in page.text) == (422, True)
    with db.read() as session:
        assert session.query(Visit).count() == 0


def test_the_form_that_moves_a_visit_says_whether_she_is_asked_again(desk, client, world, db, kept):
    post(desk, "/visits/new", typed(world, step="book_and_quote"))
    with db.read() as session:
        token = session.query(Quote).one().token
    assert client.post(f"/q/{token}/opened").status_code == 204
    assert "お客様が確認済み" in said(desk.get("/visits/1"))
    client.post(f"/q/{token}", data={"answer": "accept", "name": "山田"})
    assert "承諾済み 11,000円" in said(desk.get("/visits/1"))
    aim = typed(world, promised_until="")
    earlier = said(desk.get("/visits/1/foreseen", query_string={**aim, "promised_from": "20:00"}))
    assert re.search("料金 11,000円 → 9,350円。 ?承諾はそのまま有効です", earlier)
    longer = said(desk.get("/visits/1/foreseen", query_string={**aim, "duration_min": "90"}))
    assert "新しいお見積りが承諾されるまで担当は出発しません" in longer
