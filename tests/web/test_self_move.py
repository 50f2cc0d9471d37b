"""Can a customer move her visit by herself, once, to a time that is free, and without learning of anybody else?"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import select, text

from app.db import Base
from app.models import Alarm, Company, Customer, Hold, Notice, PriceBookVersion, Reminder, Technician, Visit, VisitEvent
from app.operations.booking import change_visit
from app.operations.field import report_status
from app.operations.price_book import STANDARD
from app.operations.reminder import book_reminders
from app.providers import route_osrm
from app.providers.route_table import TableRouter
from tests.standins import RouterServer
from tests.web.test_customer import said

#: What a page says does not depend on the kind of database; the races are in tests/operations.
pytestmark = pytest.mark.parametrize("db", ["sqlite"], indirect=True)

TWO_DAYS = 2 * 24 * 60
#: No moment, too soon, at night, on no full five minutes, beyond all time.
NOT_OFFERED = (
    *("", "x", "2026-11-27", "2026-11-24T08:00:00+00:00", "2026-11-27T18:00:00+00:00", "2026-11-27T01:07:00+00:00"),
    *("9999-12-31T23:59:59+00:00", "0001-01-01T00:00+00:00"),
)


@pytest.fixture
def link(world, db, clock, settings):
    """A visit on Thursday at 16:00 with its reminders (the clock stands at Tuesday, 16:00)."""
    visit_id = world.visit(TWO_DAYS)
    with db.write() as session:
        visit = session.get_one(Visit, visit_id)
        book_reminders(session, visit, settings.zone, clock.now())
        return SimpleNamespace(id=visit_id, path=f"/v/{visit.link_token}")


def everything(db) -> dict[str, list[tuple]]:
    with db.read() as session:
        return {
            name: [tuple(map(str, row)) for row in session.execute(text(f'SELECT * FROM "{name}" ORDER BY 1'))]
            for name in Base.metadata.tables
        }


def rows(db, table, *where):
    with db.read() as session:
        return session.scalars(select(table).where(*where).order_by(table.id)).all()


def offered(client, path) -> list[str]:
    return re.findall(r'name="starts_at" value="([^"]+)"', client.get(path).text)


def chosen(client, link, at) -> str:
    """Choose a time and return the address of the page that asks once more."""
    reply = client.post(f"{link.path}/move", data={"starts_at": at})
    assert reply.status_code == 303
    return reply.location


def form_of(client, path) -> dict[str, str]:
    page = client.get(path).text
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]+)">', page))


def test_times_are_shown_by_day_and_looking_at_them_changes_nothing(client, link, db):
    before = everything(db)
    assert "日時を変えたい" in said(client.get(link.path))
    page = said(client.get(f"{link.path}/move"))
    assert "現在のお約束:11/26(木) 16:00" in page
    assert "11/27(金)" in page
    assert "11/24(火)" not in page  # no sooner than the company wants
    assert len(page.encode()) < 60_000
    assert everything(db) == before


def test_a_time_is_kept_confirmed_and_moved_to_with_one_notice_and_new_reminders(client, link, db, clock):
    at = offered(client, f"{link.path}/move")[-1]
    confirm = chosen(client, link, at)
    before = everything(db)
    page = said(client.get(confirm))
    assert "変更前" in page
    assert "11/26(木) 16:00" in page
    assert "いつもの担当(佐藤)がお伺いします" in page
    assert "この日時は16:10までお取り置きしています" in page
    assert everything(db) == before
    reply = client.post(confirm, data=form_of(client, confirm))
    assert (reply.status_code, reply.location) == (303, link.path)
    (visit,) = rows(db, Visit)
    assert visit.promised_from_at.isoformat() == at
    (moved,) = rows(db, VisitEvent, VisitEvent.kind == "changed")
    assert moved.actor == "customer"
    (notice,) = rows(db, Notice)
    assert (notice.kind, "弊社の都合" in notice.body, "お詫び" in notice.subject) == ("moved", False, False)
    states = {(one.state, one.promised_from_at == visit.promised_from_at) for one in rows(db, Reminder)}
    assert ("booked", False) not in states
    assert ("booked", True) in states
    assert rows(db, Hold) == []
    assert rows(db, Alarm) == []
    assert "変更前:11/26(木) 16:00" in said(client.get(link.path))


def test_the_same_press_twice_moves_once(client, link, db):
    confirm = chosen(client, link, offered(client, f"{link.path}/move")[0])
    form = form_of(client, confirm)
    assert [client.post(confirm, data=form).status_code for _ in range(2)] == [303, 303]
    assert len(rows(db, VisitEvent, VisitEvent.kind == "changed")) == 1
    assert len(rows(db, Notice)) == 1


def test_what_the_office_changed_meanwhile_stands(client, link, db, clock):
    confirm = chosen(client, link, offered(client, f"{link.path}/move")[0])
    form = form_of(client, confirm)
    with db.write() as session:
        change_visit(session, link.id, now=clock.now(), actor="user:1", note="鍵は管理人室")
    reply = client.post(confirm, data=form)
    assert reply.status_code == 409
    assert "ご利用いただけなくなりました" in said(reply)
    assert rows(db, Visit)[0].version == 2


def test_a_time_that_was_taken_meanwhile_is_said_so_and_others_are_shown(client, link, db, world, clock):
    at = offered(client, f"{link.path}/move")[0]
    world.visit((datetime.fromisoformat(at) - clock.now()) / timedelta(minutes=1))
    reply = client.post(f"{link.path}/move", data={"starts_at": at})
    assert reply.status_code == 409
    assert "あらためてお選びください" in said(reply)
    assert f'value="{at}"' not in reply.text
    assert 'name="starts_at"' in reply.text
    assert rows(db, Hold) == []


def test_a_kept_time_that_ran_out_is_taken_all_the_same_while_it_is_free(client, link, db, clock):
    at = offered(client, f"{link.path}/move")[0]
    confirm = chosen(client, link, at)
    form = form_of(client, confirm)
    clock.forward(minutes=11)
    assert "あらためてお選びください" in said(client.get(confirm))
    assert client.post(confirm, data=form).status_code == 303
    assert rows(db, Visit)[0].promised_from_at.isoformat() == at


def test_who_thinks_again_gives_the_time_back_and_choosing_another_keeps_only_that(client, link, db):
    first, second = offered(client, f"{link.path}/move")[:2]
    chosen(client, link, first)
    assert first not in offered(client, f"{link.path}/move")
    again = chosen(client, link, second)
    assert chosen(client, link, second) == again  # from the page before
    assert [one.from_at.isoformat() for one in rows(db, Hold)] == [second]
    assert client.post(f"{link.path}/move/back").location == f"{link.path}/move"
    assert rows(db, Hold) == []


def test_her_own_visit_does_not_stand_in_the_way_of_the_hour_beside_it(client, link, db, clock):
    half_past = (clock.now() + timedelta(minutes=TWO_DAYS - 30)).isoformat()
    confirm = chosen(client, link, half_past)
    assert client.post(confirm, data=form_of(client, confirm)).status_code == 303
    assert rows(db, Visit)[0].planned_from_at.isoformat() == half_past


@pytest.mark.parametrize("at", NOT_OFFERED)
def test_a_time_that_is_not_offered_cannot_be_taken(client, link, db, at):
    before = everything(db)
    assert client.post(f"{link.path}/move", data={"starts_at": at}).status_code == 409
    assert everything(db) == before


def test_what_is_kept_for_one_customer_says_nothing_to_another(client, link, world, db, clock):
    with db.read() as session:
        other = f"/v/{session.get_one(Visit, world.visit(TWO_DAYS + 180)).link_token}"
    confirm = chosen(client, link, offered(client, f"{link.path}/move")[0])
    stolen = confirm.replace(link.path, other)
    before = everything(db)
    assert "あらためてお選びください" in said(client.get(stolen))
    assert client.post(stolen, data=form_of(client, confirm)).status_code == 409
    assert client.get(f"{other}/move/{'%F0%9F%98%80'}").status_code == 200
    assert everything(db) == before


def test_nobody_is_named_but_the_technician_she_knows(client, link, db, clock):
    with db.write() as session:
        tanaka = Technician(name="田中はるか", base_lat=34.22, base_lon=135.16, created_at=clock.now())
        session.add(tanaka)
        session.flush()
        sato = session.get_one(Visit, link.id).technician
        sato.working_hours = {"fri": [["09:00", "11:00"]]}
        other = tanaka.id
    page = said(client.get(f"{link.path}/move"))
    assert "田中" not in page
    assert str(other) not in re.findall(r'value="([^"]+)"', page)
    assert page.count("いつもの担当") == 1
    monday = next(at for at in offered(client, f"{link.path}/move") if at.startswith("2026-11-30"))
    confirm = chosen(client, link, monday)
    page = said(client.get(confirm))
    assert "田中" not in page
    assert "別の担当者がお伺いする予定です" in page
    client.post(confirm, data=form_of(client, confirm))
    assert rows(db, Visit)[0].technician_id == other


@pytest.mark.parametrize(
    ("least_h", "status", "why"),
    [
        (0, "booked", "日時の変更は、お電話で承ります"),
        (72, "booked", "お約束の時間が近いため"),
        (24, "en_route", "変更できる段階を過ぎています"),
        (24, "completed", "変更できる段階を過ぎています"),
    ],
)
def test_where_it_cannot_be_moved_the_page_says_to_call(client, link, db, clock, least_h, status, why):
    times = offered(client, f"{link.path}/move")
    with db.write() as session:
        session.get_one(Company, 1).self_move_h = least_h
        if status != "booked":
            report_status(session, link.id, status, now=clock.now(), actor="technician:1")
    assert "日時を変えたい" not in said(client.get(link.path))
    page = said(client.get(f"{link.path}/move"))
    assert why in page
    assert "電話がほしい" in page
    assert client.post(f"{link.path}/move", data={"starts_at": times[0]}).status_code == 409
    assert rows(db, Hold) == []


def test_a_visit_that_was_moved_often_is_talked_about(client, link, db):
    for _ in range(3):
        confirm = chosen(client, link, offered(client, f"{link.path}/move")[0])
        client.post(confirm, data=form_of(client, confirm))
    assert "次の変更はお電話で承ります" in said(client.get(f"{link.path}/move"))


def test_where_nobody_can_come_the_call_is_offered_and_other_weeks_can_be_seen(client, link, db):
    with db.write() as session:
        session.scalars(select(Technician)).one().active = False
    page = said(client.get(f"{link.path}/move"))
    assert "ご案内できる日時がありません" in page
    assert 'button primary">電話がほしい' in page
    assert "from=2026-12-02" in page
    far = said(client.get(f"{link.path}/move?from=2099-01-01&lang=en"))
    assert "Earlier days" in far
    assert "Later days" not in far
    assert client.get(f"{link.path}/move?from=%00").status_code == 200


def test_a_move_shortly_before_the_visit_is_put_before_the_dispatcher(client, world, db, signed_in):
    with db.write() as session:
        session.get_one(Company, 1).self_move_h = 1
    with db.read() as session:
        link = SimpleNamespace(path=f"/v/{session.get_one(Visit, world.visit(180)).link_token}")
    confirm = chosen(client, link, offered(client, f"{link.path}/move")[-1])
    client.post(confirm, data=form_of(client, confirm))
    assert [one.kind for one in rows(db, Alarm)] == ["self_moved"]
    board = signed_in("dispatcher").get("/").text
    assert "ご自身で変更されました" in board


def test_an_english_customer_reads_it_in_english(client, link, db):
    with db.write() as session:
        session.scalars(select(Customer)).one().language = "en"
    page = said(client.get(f"{link.path}/move"))
    assert "Choose a time that suits you" in page
    assert "your technician" in page


def test_with_a_router_its_ways_count_from_the_first_look_to_the_choice(client, link, db, app):
    standin = RouterServer()
    app.extensions["mamonaku"].router = TableRouter(route_osrm.tables(standin.url)).roads
    try:
        plain = offered(client, f"{link.path}/move")
        confirm = chosen(client, link, plain[-1])
        assert client.post(confirm, data=form_of(client, confirm)).status_code == 303
        assert rows(db, Visit)[0].promised_from_at.isoformat() == plain[-1]
        standin.islands.add((34.2261, 135.1675))
        app.extensions["mamonaku"].router = TableRouter(route_osrm.tables(standin.url)).roads
        assert offered(client, f"{link.path}/move") == []
        assert client.post(f"{link.path}/move", data={"starts_at": plain[0]}).status_code == 409
    finally:
        standin.close()


def test_times_are_not_looked_up_without_end(client, link):
    replies = [client.get(f"{link.path}/move").status_code for _ in range(21)]
    assert (replies[19], replies[20]) == (200, 429)


def test_a_time_that_costs_more_says_so_first_and_the_dispatcher_is_asked_for_a_quote(client, link, db, world, clock):
    with db.write() as session:
        sato = session.get_one(Technician, world.technician)
        sato.working_hours = {"fri": [["18:30", "20:30"]]}
        session.get_one(Visit, link.id).service.price_code = "pc-setup"
        session.add(
            PriceBookVersion(valid_from=clock.now().date(), book=STANDARD, at=clock.now(), by="user:1", code="x")
        )
    at = next(one for one in offered(client, f"{link.path}/move") if one.startswith("2026-11-27"))
    confirm = chosen(client, link, at)
    assert "料金が1,650円(税込)高くなる見込みです" in said(client.get(confirm))
    client.post(confirm, data=form_of(client, confirm))
    assert [one.kind for one in rows(db, Alarm)] == ["self_moved_price"]


def test_what_calling_off_costs_is_kept_whatever_the_form_says_of_it(client, link, db, clock):
    with db.write() as session:
        session.get_one(Visit, link.id).service.price_code = "pc-setup"
        session.add(
            PriceBookVersion(valid_from=clock.now().date(), book=STANDARD, at=clock.now(), by="user:1", code="x")
        )
    clock.forward(minutes=20 * 60)  # 28 hours before: 30 percent
    confirm = chosen(client, link, offered(client, f"{link.path}/move")[-1])
    form = form_of(client, confirm)
    assert form["kept_percent"] == "30"
    reply = client.post(confirm, data={**form, "kept_percent": "0"})
    assert (reply.status_code, "日時はまだ変更されていません" in said(reply)) == (409, True)
    assert rows(db, VisitEvent, VisitEvent.kind == "fee_step_kept") == []
    assert client.post(confirm, data=form_of(client, confirm)).status_code == 303
    assert len(rows(db, VisitEvent, VisitEvent.kind == "fee_step_kept")) == 1
