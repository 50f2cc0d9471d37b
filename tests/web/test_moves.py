"""Can a visit be put down somewhere else only by who may, knowing what follows, and as it stands now?"""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.models import Notice, Technician, Visit
from tests.web.pages import post


@pytest.fixture
def day(db, clock, world):
    with db.write() as session:
        session.add(Technician(name="鈴木", base_lat=34.22, base_lon=135.16, created_at=clock.now()))
        session.flush()
        world.suzuki = session.query(Technician).filter_by(name="鈴木").one().id
    world.wanted = world.visit(120, 60)
    return world


def aimed(day, clock, minutes, technician=None, version=1):
    at = (clock.now() + timedelta(minutes=minutes)).isoformat()
    return {"technician": technician or day.suzuki, "at": at, "version": version}


def test_the_panel_says_what_follows_and_changes_nothing(signed_in, day, db, clock):
    office = signed_in("dispatcher")
    page = office.get(f"/visits/{day.wanted}/place", query_string=aimed(day, clock, 200))
    assert page.status_code == 200
    assert "日時変更のお知らせ" in page.text
    assert "19:20–20:20" in page.text
    with db.read() as session:
        assert session.get(Visit, day.wanted).version == 1


def test_it_is_done_once_with_the_token_and_told(signed_in, day, db, clock):
    office = signed_in("dispatcher")
    wish = aimed(day, clock, 200)
    assert office.post(f"/visits/{day.wanted}/place", data=wish).status_code == 400  # forged
    assert post(office, f"/visits/{day.wanted}/place", wish).status_code == 303
    again = post(office, f"/visits/{day.wanted}/place", aimed(day, clock, 260))
    assert again.status_code == 412
    assert "ほかの方が先に変更しました" in again.text
    with db.read() as session:
        assert (session.get(Visit, day.wanted).technician_id, session.query(Notice).count()) == (day.suzuki, 1)


def test_a_board_that_is_out_of_date_is_told_before_anything_is_asked(signed_in, day, clock):
    stale = aimed(day, clock, 130, version=7)
    page = signed_in("dispatcher").get(f"/visits/{day.wanted}/place", query_string=stale)
    assert page.status_code == 412
    assert "<form" not in page.text


def test_what_is_refused_shows_the_panel_again_with_what_stands_in_the_way(signed_in, day, clock):
    other = day.visit(300, technician_id=day.suzuki)
    assert other
    reply = post(signed_in("dispatcher"), f"/visits/{day.wanted}/place", aimed(day, clock, 300))
    assert reply.status_code == 409
    assert "鈴木さんは21:00–22:00に山田 花子様の訪問が入っています" in reply.text
    assert "<form" not in reply.text


def test_a_risk_needs_a_word_before_it_is_saved_on_the_board_and_in_the_form(signed_in, day, db, clock):
    day.visit(185, technician_id=day.suzuki)
    office, wish = signed_in("dispatcher"), aimed(day, clock, 120)
    assert 'name="insist"' in office.get(f"/visits/{day.wanted}/place", query_string=wish).text
    assert post(office, f"/visits/{day.wanted}/place", wish).status_code == 409
    typed = {
        "on": "2026-11-24", "promised_from": "18:00", "promised_until": "19:00", "duration_min": "60",
        "technician": day.suzuki, "version": "1",
    }  # fmt: skip
    foreseen = office.get(f"/visits/{day.wanted}/foreseen", query_string=typed)
    assert "次のお客様が遅れる恐れが" in foreseen.text
    refused = post(office, f"/visits/{day.wanted}/move", typed)
    assert refused.status_code == 409
    assert 'name="insist"' in refused.text
    assert post(office, f"/visits/{day.wanted}/move", {**typed, "insist": "1"}).status_code == 303
    with db.read() as session:
        assert session.get(Visit, day.wanted).technician_id == day.suzuki


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
@pytest.mark.parametrize("at", ["", "yesterday", "2026-11-24T18:00:00", "0001-01-01T00:00:00+14:00"])
def test_nonsense_is_no_place(signed_in, day, at):
    reply = signed_in("dispatcher").get(f"/visits/{day.wanted}/place", query_string={"technician": "1", "at": at})
    assert reply.status_code == 422


def test_an_unfinished_form_foresees_nothing(signed_in, day):
    typed = {"on": "2026-11-24", "promised_from": "", "technician": "x", "duration_min": "60"}
    reply = signed_in("dispatcher").get(f"/visits/{day.wanted}/foreseen", query_string=typed)
    assert (reply.status_code, reply.text.strip()) == (200, "")


@pytest.mark.parametrize(("agent", "shown"), [("Mozilla/5.0 (iPhone) Mobile/15E148", "lane"), ("Mozilla/5.0", "hours")])
def test_a_phone_gets_the_lists_and_a_desk_the_hours(signed_in, day, agent, shown):
    page = signed_in("dispatcher").get("/board", headers={"User-Agent": agent}).text
    assert f'class="{shown}"' in page


def test_a_board_asks_cheaply_and_hears_of_every_kind_of_change(signed_in, day, db, clock):
    office = signed_in("dispatcher")
    known = office.get("/board").headers["ETag"]

    def asked():
        nonlocal known
        reply = office.get("/board", headers={"If-None-Match": known})
        known = reply.headers["ETag"]
        return reply.status_code

    assert asked() == 304
    clock.forward(seconds=6)  # the clock alone changes nothing here
    assert asked() == 304
    for change in (
        lambda session: setattr(session.get(Visit, day.wanted), "late_probability", 0.4),
        lambda session: setattr(session.get(Technician, day.suzuki), "name", "鈴木 二郎"),
        lambda session: setattr(session.get(Technician, day.suzuki), "working_hours", {"tue": [["09:00", "12:00"]]}),
    ):
        with db.write() as session:
            change(session)
        assert (asked(), asked()) == (200, 304)
