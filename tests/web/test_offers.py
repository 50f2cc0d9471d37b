"""Times offered in the booking form. The clock stands at four on a Tuesday afternoon."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select, update

from app.models import Customer, Hold, Site, Technician, Visit
from tests.web.pages import post
from tests.web.test_slots import NINE_TO_SIX, WEDNESDAY

__all__ = ["WEDNESDAY"]


@pytest.fixture
def office(signed_in, db):
    with db.write() as session:
        session.execute(update(Technician).values(working_hours=NINE_TO_SIX))
    return signed_in("dispatcher")


def typed(world, **more):
    who = {"who": f"{world.customer}:{world.site}", "service": world.service}
    return {**who, "on": "2026-11-25", "window": "0", "half": "", "span": "3", **more}


def offered(text):
    return re.findall(r'name="offer" value="([^"]+)"', text)


def test_times_are_found_for_the_customer_that_was_chosen(office, world):
    page = office.get("/visits/new/offers", query_string=typed(world)).text
    first = offered(page)[0].split("|")
    assert first[:2] == [str(world.technician), "2026-11-25"]
    assert first[3] == ""
    assert "佐藤" in page
    assert "遠回り" in page
    mornings = office.get("/visits/new/offers", query_string=typed(world, half="morning", window="120")).text
    assert {time.split("|")[2] < "12:00" for time in offered(mornings)} == {True}
    assert all(time.split("|")[3] for time in offered(mornings))


def test_without_a_place_or_a_service_nothing_is_searched_and_it_is_said(office, world, db):
    with db.write() as session:
        session.execute(update(Site).values(lat=None, lon=None))
    page = office.get("/visits/new/offers", query_string=typed(world)).text
    assert not offered(page)
    assert "位置" in page
    new = office.get("/visits/new/offers", query_string=typed(world, who="new", lat="34.2", lon="135.1")).text
    assert offered(new)


def test_where_nothing_can_be_promised_the_page_says_so(office, world, db):
    with db.write() as session:
        session.execute(update(Technician).values(working_hours={"sun": [["09:00", "10:00"]]}))
    assert "確実に伺える時間がありません" in office.get("/visits/new/offers", query_string=typed(world)).text


def test_without_scripts_the_buttons_of_the_form_do_the_same(office, world, db):
    page = post(office, "/visits/new", typed(world, step="find_offers", find="山田")).text
    chosen = offered(page)[0]
    filled = post(office, "/visits/new", typed(world, offer=chosen)).text
    _, on, begins, *_ = chosen.split("|")
    assert f'value="{on}"' in filled
    assert f'value="{begins}"' in filled
    booked = post(
        office, "/visits/new", typed(world, step="book", on=on, promised_from=begins, technician=world.technician)
    )
    assert booked.status_code == 303


def test_a_chosen_time_is_kept_and_booked_with_what_keeps_it(office, world, db):
    wish = typed(world, promised_from="10:00", technician=world.technician)
    kept = post(office, "/visits/new/holds", wish)
    assert kept.status_code == 200
    assert kept.json["until"] == "16:10"
    refused = post(office, "/visits/new", {**wish, "step": "book"})
    assert "仮押さえ" in refused.text
    again = post(office, "/visits/new/holds", {**wish, "promised_from": "14:00", "hold": kept.json["hold"]})
    with db.read() as session:
        assert session.scalars(select(Hold.token)).all() == [again.json["hold"]]
    booked = post(office, "/visits/new", {**wish, "promised_from": "14:00", "hold": again.json["hold"], "step": "book"})
    assert booked.status_code == 303
    with db.read() as session:
        assert session.scalars(select(Hold)).all() == []


def test_a_time_that_is_gone_is_said_to_be(office, world):
    world.visit(18 * 60)
    gone = post(office, "/visits/new/holds", typed(world, promised_from="10:00", technician=world.technician))
    assert (gone.status_code, gone.json["message"]) == (409, "この担当者には同じ時間に別の訪問が入っています")


def test_who_insists_on_a_time_sees_the_risk_first(office, world, db):
    world.visit(18 * 60, duration_min=120)
    with db.write() as session:
        session.execute(update(Site).values(lat=34.20, lon=135.30))
    wish = typed(
        world, who=f"{world.customer}:new", address="和歌山市2-2", lat="34.2261", lon="135.1675", promised_from="12:15",
        technician=world.technician, step="book",
    )  # fmt: skip
    warned = post(office, "/visits/new", wish)
    assert warned.status_code == 409
    assert re.search(r"到着が遅れる恐れが[3-9]\d%", warned.text)
    assert 'name="insist"' in warned.text
    with db.read() as session:
        assert len(session.scalars(select(Visit)).all()) == 1
    assert post(office, "/visits/new", {**wish, "insist": "1"}).status_code == 303


def test_what_the_customer_likes_stands_beside_her_name_and_whom_she_avoids_is_not_offered(office, world, db):
    with db.write() as session:
        session.execute(update(Customer).values(likes_time="evening", avoids=[world.technician]))
    found = office.get("/visits/new/customers", query_string={"find": "山田"}).text
    assert "夕方以降" in found
    assert "佐藤さんは不可" in found
    assert not offered(office.get("/visits/new/offers", query_string=typed(world)).text)
