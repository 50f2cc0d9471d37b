"""Does a calendar program get a technician's visits, as every calendar program reads them, and nobody else?"""

from __future__ import annotations

from datetime import timedelta

import pytest
from icalendar import Calendar
from sqlalchemy import select

from app.models import CalendarSubscription, Technician, Visit
from app.operations.appointment import Message, cancel, change
from app.operations.calendar_feed import replace_feed
from app.operations.notice import Telling
from tests.web.pages import post


@pytest.fixture
def db(empty_sqlite, tmp_path):
    """SQLite is enough for pages."""
    import shutil

    from app.db import Database

    file = tmp_path / "test.sqlite"
    shutil.copy(empty_sqlite, file)
    database = Database(f"sqlite:///{file}")
    yield database
    database.close()


@pytest.fixture
def address(db, world):
    with db.write() as session:
        return f"/calendar/{replace_feed(session, world.technician, names=False)}.ics"


def events(client, address):
    reply = client.get(address)
    assert (reply.status_code, reply.content_type) == (200, "text/calendar; charset=utf-8")
    assert all(len(line) <= 75 for line in reply.data.split(b"\r\n"))
    return {str(one["UID"]): one for one in Calendar.from_ical(reply.data).walk("VEVENT")}


def test_a_visit_keeps_its_name_and_counts_its_changes(client, db, world, clock, address, parts):
    soon, later = world.visit(60), world.visit(300, window_min=120)
    for days in (-29, -31, 89, 91):
        clock.forward(days=days)
        world.visit(0)
        clock.forward(days=-days)
    shown = events(client, address)
    assert len(shown) == 4
    first = shown[f"visit-{soon}@127.0.0.1"]
    assert first["DTSTART"].dt == clock.now() + timedelta(hours=1)
    assert first["DTEND"].dt == clock.now() + timedelta(hours=2)
    assert (first["SEQUENCE"], first["STATUS"], str(first["LOCATION"])) == (1, "CONFIRMED", "和歌山市1-1")
    assert str(first["SUMMARY"]) == "訪問:Wi-Fi設定"
    assert "21:00–23:00" in str(shown[f"visit-{later}@127.0.0.1"]["DESCRIPTION"])
    assert "山田" not in client.get(address).text
    message = Message(Telling("https://a.jp", parts.settings.zone, parts.channels), "no")
    clock.forward(minutes=5)
    with db.write() as session:
        at = clock.now() + timedelta(hours=3)
        change(session, soon, message, now=clock.now(), actor="user:1", promised_from_at=at, promised_until_at=at)
        cancel(session, later, message, now=clock.now(), actor="user:1")
    shown = events(client, address)
    moved, gone = shown[f"visit-{soon}@127.0.0.1"], shown[f"visit-{later}@127.0.0.1"]
    assert (moved["SEQUENCE"], moved["DTSTART"].dt, moved["LAST-MODIFIED"].dt) == (2, at, clock.now())
    assert (gone["SEQUENCE"], gone["STATUS"], gone["TRANSP"]) == (2, "CANCELLED", "TRANSPARENT")


def test_a_program_that_has_it_already_is_told_so(client, world, address):
    world.visit()
    first = client.get(address)
    assert first.headers["Cache-Control"] == "private, no-cache"
    same = client.get(address, headers={"If-None-Match": first.headers["ETag"]})
    assert (same.status_code, same.data) == (304, b"")
    world.visit(300)
    assert client.get(address, headers={"If-None-Match": first.headers["ETag"]}).status_code == 200


def test_an_address_that_was_replaced_or_guessed_leads_nowhere(client, db, world, address):
    assert client.get("/calendar/guess.ics").status_code == 404
    with db.write() as session:
        replace_feed(session, world.technician, names=True)
    assert client.get(address).status_code == 404
    with db.write() as session:
        technician = session.get_one(Technician, world.technician)
        technician.active, token = False, technician.calendar_token
    assert client.get(f"/calendar/{token}.ics").status_code == 404


def test_the_office_makes_replaces_and_ends_the_address(signed_in, db, world):
    office, page = signed_in("dispatcher"), f"/technicians/{world.technician}"
    world.visit()
    post(office, f"{page}/feed", {"names": "1"})
    with db.read() as session:
        token = session.get_one(Technician, world.technician).calendar_token
    assert f"/calendar/{token}.ics" in office.get(page).text
    assert "山田 花子" in Calendar.from_ical(office.get(f"/calendar/{token}.ics").data).walk("VEVENT")[0]["SUMMARY"]
    post(office, f"{page}/feed/end")
    assert office.get(f"/calendar/{token}.ics").status_code == 404
    assert "/calendar/" not in office.get(page).text.replace("/calendar/end", "")
    assert post(office, "/technicians/4711/feed").status_code == 404


def test_the_office_has_a_calendar_read_and_stops_it(signed_in, db, world, clock):
    office, page = signed_in("dispatcher"), f"/technicians/{world.technician}"
    wrong = post(office, f"{page}/calendar", {"calendar_url": "http://intra/secret.ics"})
    assert wrong.status_code == 422
    assert "http://intra/secret.ics" in wrong.text
    post(office, f"{page}/calendar", {"calendar_url": "webcal://calendar.example.jp/secret-1234.ics"})
    shown = office.get(page).text
    assert "calendar.example.jp/…" in shown
    assert "secret-1234" not in shown
    assert "まもなく読み取ります" in shown
    with db.write() as session:
        one = session.scalars(select(CalendarSubscription)).one()
        one.failure, one.failing_since_at = "http_404", clock.now()
    assert "応答 404" in office.get(page).text
    post(office, f"{page}/calendar/end")
    with db.read() as session:
        assert session.scalars(select(CalendarSubscription)).all() == []


def test_a_technician_has_an_address_of_the_own(signed_in, db, world):
    phone = signed_in("technician")
    assert "/t/calendar" in phone.get("/t").text
    assert "webcal:" not in phone.get("/t/calendar").text
    assert post(phone, "/t/calendar").status_code == 303
    with db.read() as session:
        token = session.get_one(Technician, world.technician).calendar_token
    assert f"webcal://127.0.0.1:8000/calendar/{token}.ics" in phone.get("/t/calendar").text
    world.visit()
    assert len(events(phone, f"/calendar/{token}.ics")) == 1
    with db.read() as session:
        assert session.scalar(select(Visit.version)) == 1


def test_nobody_else_may_ask_for_it(client, world):
    assert client.get("/t/calendar").status_code == 401
