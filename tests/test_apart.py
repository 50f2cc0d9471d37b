"""Is a list that was worked out on a copy taken in just as if it had been booked row by row, and does nobody wait?"""

from __future__ import annotations

import json
import threading
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, func, select, text

from app.apart import Changed, carried_over, touched_rows, tried, worked_out
from app.db import Base
from app.errors import Conflict, Invalid
from app.models import Absence, Service, Technician, Visit, VisitEvent, Webhook, WebhookMessage
from app.operations.appointment import book
from app.operations.hold import hold_time, let_go
from app.operations.intake import Imported, import_visits

ZONE = ZoneInfo("Asia/Tokyo")
ROWS = 30


@pytest.fixture
def lists(db, world, clock):
    """A list of thirty visits of two technicians on fifteen days, and what takes it in; from row 16 within a window."""
    with db.write() as session:
        other = Technician(name="鈴木", created_at=clock.now())
        session.add(other)
        session.add(
            Webhook(name="x", url="https://a.example", secret="whsec_x", events=["visit.created"], state="on",
                    created_at=clock.now(), created_by="user:1")
        )  # fmt: skip
        session.flush()
        world.other = other.id
    first = clock.now().astimezone(ZONE).replace(hour=10, minute=0) + timedelta(days=2)
    world.at = lambda row: first + timedelta(days=(row - 2) // 2)
    who = [world.technician, world.other]
    rows = [
        f"{world.customer},{world.service},{world.at(n):%Y-%m-%d %H:%M},{'13:00' if n >= 16 else ''},60,{who[n % 2]}"
        for n in range(2, ROWS + 2)
    ]
    file = "\n".join(["お客様,サービス,約束開始,約束終了,所要分,担当者", *rows]).encode()
    # Both visits of a day are at one site: two services make them two.
    file = _two_services(db, file)

    def take(session, only):
        return import_visits(session, file, now=clock.now(), zone=ZONE, actor="user:1", only=only)

    world.take = take
    return world


def _two_services(db, file):
    with db.write() as session:
        more = Service(name_ja="別の作業", name_en="Other", duration_min=60)
        session.add(more)
        session.flush()
        number = more.id
    lines = file.decode().split("\n")
    lines[2::2] = [",".join([cells[0], str(number), *cells[2:]]) for cells in (line.split(",") for line in lines[2::2])]
    return "\n".join(lines).encode()


def everything(session):
    """Return all rows of all tables, without what is random; on PostgreSQL a number is given once, be it in vain."""
    numbers = () if session.get_bind().dialect.name == "sqlite" else ("id", "visit_id", "beside_id", "body")
    found = {}
    for table in Base.metadata.sorted_tables:
        columns = [c for c in table.c if c.name not in ("link_token", "message_id", *numbers)]
        found[table.name] = sorted(map(repr, session.execute(select(*columns)).all()))
    return found


def visits(db):
    with db.read() as session:
        return session.scalar(select(func.count(Visit.id)))


def book_one(db, world, clock, row, technician, hour=14):
    with db.write() as session:
        at = world.at(row).replace(hour=int(hour), minute=int(hour % 1 * 60))
        return book(
            session, zone=ZONE, now=clock.now(), actor="user:2", customer_id=world.customer, site_id=world.site,
            service_id=world.service, promised_from_at=at, promised_until_at=at, duration_min=60,
            technician_id=technician, insist=True,
        ).id  # fmt: skip


def test_it_leaves_what_booking_row_by_row_leaves(db, lists, clock):
    assert tried(db, lists.take) == Imported(ROWS, 0)
    with db.open(writes=True) as session:
        assert lists.take(session, None) == Imported(ROWS, 0)
        session.flush()
        direct = everything(session)
    staged = worked_out(db, lists.take, clock.now(), ZONE)
    assert visits(db) == 0, "nothing is kept before it is carried over"
    with db.write() as session:
        assert carried_over(session, staged, lists.take, clock.now(), ZONE) == Imported(ROWS, 0)
        assert everything(session) == direct
    again = worked_out(db, lists.take, clock.now(), ZONE)
    assert again.done == Imported(0, ROWS)
    assert not (db.file and list(db.file.parent.glob(".list-*")))


def test_what_was_booked_meanwhile_moves_its_numbers_and_only_what_it_touches_is_booked_anew(db, lists, clock):
    staged = worked_out(db, lists.take, clock.now(), ZONE)
    mine = [book_one(db, lists, clock, row, lists.technician, hour) for row, hour in ((20, 10.5), (22, 15))]
    with db.read() as session:
        assert touched_rows(session, staged, clock.now(), ZONE) == {20}
    with db.write() as session:
        assert carried_over(session, staged, lists.take, clock.now(), ZONE) == Imported(ROWS, 0)
        assert session.scalar(select(func.count(Visit.id))) == ROWS + 2
        assert session.scalar(select(func.count(Visit.id)).where(Visit.id.in_(mine))) == 2
        noted = session.execute(select(VisitEvent.visit_id, VisitEvent.facts)).all()
        planned = {row.id: row.planned_from_at for row in session.execute(select(Visit.id, Visit.planned_from_at))}
        assert {visit: datetime.fromisoformat(facts["planned_from"]) for visit, facts in noted} == planned
        said = [json.loads(body)["data"] for body in session.scalars(select(WebhookMessage.body))]
        assert {one["visit"]: datetime.fromisoformat(one["planned_from"]) for one in said} == planned
        if db.is_sqlite:
            assert session.execute(text("PRAGMA foreign_key_check")).all() == []


def test_what_cannot_be_booked_any_more_keeps_all_of_it_out(db, lists, clock):
    staged = worked_out(db, lists.take, clock.now(), ZONE)
    book_one(db, lists, clock, 8, lists.technician, hour=10.5)
    with pytest.raises(Invalid) as refused, db.write() as session:
        carried_over(session, staged, lists.take, clock.now(), ZONE)
    assert [(one.field, one.code) for one in refused.value.problems] == [("row 8, promised_from", "overlap")]
    assert visits(db) == 1


def test_while_others_book_much_it_is_worked_out_on_further_copies(db, lists, clock, monkeypatch):
    monkeypatch.setattr("app.apart.MOST_AT_LAST", 0)
    calls = []

    def take(session, only):
        calls.append(only)
        if only is None or len(calls) == 2:
            mine.append(book_one(db, lists, clock, 10 + 8 * len(calls), lists.technician, hour=10.5))
        return lists.take(session, only)

    mine = []
    staged = worked_out(db, take, clock.now(), ZONE)
    with db.write() as session:
        assert carried_over(session, staged, lists.take, clock.now(), ZONE) == Imported(ROWS, 0)
        assert session.scalar(select(func.count(Visit.id))) == ROWS + len(mine)
    assert calls == [None, {18}, {26}]


def test_a_day_that_others_have_made_too_long_keeps_the_row_out(db, lists, clock):
    staged = worked_out(db, lists.take, clock.now(), ZONE)
    book_one(db, lists, clock, 8, lists.technician, hour=22.5)
    with pytest.raises(Invalid) as refused, db.write() as session:
        carried_over(session, staged, lists.take, clock.now(), ZONE)
    assert [(one.field, one.code) for one in refused.value.problems] == [("row 8, promised_from", "closed")]


def test_a_day_off_that_was_entered_meanwhile_has_it_worked_out_anew(db, lists, clock):
    staged = worked_out(db, lists.take, clock.now(), ZONE)
    with db.write() as session:
        at = lists.at(8).replace(hour=0)
        session.add(
            Absence(technician_id=None, from_at=at, until_at=at + timedelta(days=1), created_at=clock.now(),
                    created_by="user:1")
        )  # fmt: skip
    with pytest.raises(Changed), db.write() as session:
        carried_over(session, staged, lists.take, clock.now(), ZONE)
    with db.write() as session:
        session.execute(delete(Absence))
        assert carried_over(session, staged, lists.take, clock.now(), ZONE) == Imported(ROWS, 0)


def test_a_time_that_is_kept_meanwhile_under_the_number_of_another_is_not_booked(db, lists, clock):
    def keep(row, minute):
        with db.write() as session:
            return hold_time(
                session, technician_id=lists.technician, starts_at=lists.at(row) + timedelta(minutes=minute),
                duration_min=30, lat=None, lon=None, now=clock.now(), actor="user:2",
            )  # fmt: skip

    before = keep(8, 600)
    staged = worked_out(db, lists.take, clock.now(), ZONE)
    with db.write() as session:
        let_go(session, before.token)
    assert (keep(8, 15).id == before.id) == db.is_sqlite
    with pytest.raises(Invalid) as refused, db.write() as session:
        carried_over(session, staged, lists.take, clock.now(), ZONE)
    assert [(one.field, one.code) for one in refused.value.problems] == [("row 8, promised_from", "held")]


@pytest.mark.parametrize("db", ["postgresql"], indirect=True)
def test_who_books_while_a_list_is_worked_out_does_not_wait(db, lists, clock):
    def take(session, only):
        done = lists.take(session, only)
        session.flush()
        for row in (4, 5):  # the very times that the list is about, and beside the whole list
            mine.append(book_one(db, lists, clock, row, lists.technician, hour=10.5 if row == 4 else 13))
        return done

    mine = []
    assert tried(db, take) == Imported(ROWS, 0)
    assert visits(db) == len(mine) == 2
    with pytest.raises(Invalid):
        tried(db, lists.take)


@pytest.mark.parametrize("db", ["postgresql"], indirect=True)
def test_who_books_while_a_list_is_carried_over_waits_for_it_and_is_refused(db, lists, clock):
    staged, refused = worked_out(db, lists.take, clock.now(), ZONE), []

    def press():
        try:
            book_one(db, lists, clock, 8, lists.technician, hour=10)
        except Conflict as clash:
            refused.append(clash.code)

    with db.write() as session:
        carried_over(session, staged, lists.take, clock.now(), ZONE)
        session.flush()
        other = threading.Thread(target=press)
        other.start()
        other.join(0.2)
        assert other.is_alive()
    other.join()
    assert refused == ["overlap"]
    assert visits(db) == ROWS
