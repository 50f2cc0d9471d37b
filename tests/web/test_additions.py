"""Do a customer's words, photos and other number reach whoever comes and the dispatcher, and nobody else?"""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from types import SimpleNamespace

import pytest
from PIL import Image
from sqlalchemy import select

from app.auth import create_phone_link, use_phone_link
from app.db import Database
from app.models import CustomerNote, CustomerPhoto, OtherPhone, Technician, Visit, VisitEvent
from app.operations.field import report_status
from app.operations.purge import forget_words
from app.web.limits import limiter
from app.web.visitor import SIGN_IN
from tests.web.test_customer import said
from tests.web.test_self_move import everything, rows

pytestmark = pytest.mark.parametrize("db", ["sqlite"], indirect=True)


@pytest.fixture
def link(world, db):
    visit_id = world.visit(60)
    with db.read() as session:
        return SimpleNamespace(id=visit_id, path=f"/v/{session.get_one(Visit, visit_id).link_token}")


def picture(colour="red", kind="JPEG", size=(40, 30)):
    out = BytesIO()
    Image.new("RGB", size, colour).save(out, kind)
    return out.getvalue()


def send(client, link, *pictures, name="photo.jpg"):
    limiter.reset()
    files = [(BytesIO(one), name) for one in pictures]
    return client.post(f"{link.path}/photos", data={"photos": files}, content_type="multipart/form-data")


def kinds(db):
    return [event.kind for event in rows(db, VisitEvent)][1:]


def test_a_note_reaches_the_technician_and_the_dispatcher_once(client, link, db, signed_in):
    for _ in range(2):
        reply = client.post(f"{link.path}/note", data={"note": " 車は3番に<b>\x00 ", "key": "abc"})
        assert (reply.status_code, reply.location) == (303, f"{link.path}?kept=added#added")
    assert [(note.words, note.about) for note in rows(db, CustomerNote)] == [("車は3番に<b>", "visit")]
    (event,) = rows(db, VisitEvent, VisitEvent.kind == "customer_note")
    assert (event.actor, event.facts) == ("customer", {})
    assert "車は3番に&lt;b&gt;" in said(client.get(link.path))
    assert "車は3番に&lt;b&gt;" in signed_in("technician").get("/t").text
    drawer = signed_in("dispatcher").get(f"/visits/{link.id}").text
    assert "車は3番に&lt;b&gt;" in drawer
    assert "お客様がメモを追加" in drawer


@pytest.mark.parametrize("note", ["", "  ", "あ" * 501])
def test_a_note_that_cannot_be_taken_is_said_and_kept(client, link, db, note):
    reply = client.post(f"{link.path}/note", data={"note": note, "key": "a"})
    assert (reply.status_code, rows(db, CustomerNote)) == (422, [])
    assert note in reply.text
    assert 'class="wishes add" open' in reply.text


def test_notes_are_not_without_end(client, link, db):
    for number in range(11):
        limiter.reset()
        reply = client.post(f"{link.path}/note", data={"note": str(number), "key": f"k{number}"})
    assert (reply.status_code, len(rows(db, CustomerNote))) == (422, 10)


def test_photos_reach_the_technician_and_the_dispatcher_as_pictures_only(client, link, db, signed_in, app):
    assert (
        send(client, link, picture(), picture("blue", "PNG"), name="../../x.html").location
        == f"{link.path}?kept=added#added"
    )
    assert send(client, link, picture()).status_code == 303  # the same again
    first, _ = rows(db, CustomerPhoto)
    assert (len(rows(db, CustomerPhoto)), kinds(db)) == (2, ["customer_photo"])
    page = said(client.get(link.path))
    assert "写真2枚" in page
    assert "<img" not in page
    for role, path, shown_on in (
        ("technician", f"/t/photos/{first.id}", "/t"),
        ("dispatcher", f"/visits/{link.id}/photos/{first.id}", f"/visits/{link.id}"),
    ):
        desk = signed_in(role)
        assert f'src="{path}"' in desk.get(shown_on).text
        reply = desk.get(path)
        assert Image.open(BytesIO(reply.data)).format == "JPEG"
        assert reply.headers["Content-Type"] == "image/jpeg"
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in reply.headers["Content-Security-Policy"]
        assert reply.headers["Cache-Control"].startswith("private")
    stranger = app.test_client()
    assert stranger.get(f"/visits/{link.id}/photos/{first.id}").status_code == 302
    assert stranger.get(f"/t/photos/{first.id}").status_code == 401
    assert stranger.get(f"{link.path}/photos/{first.id}").status_code == 404


def test_another_technician_sees_no_photo_and_no_visit_shows_another_one_s(client, link, db, world, clock, signed_in):
    send(client, link, picture())
    other_visit = world.visit(240)
    assert signed_in("dispatcher").get(f"/visits/{other_visit}/photos/1").status_code == 404
    with db.write() as session:
        other = Technician(name="田中", created_at=clock.now())
        session.add(other)
        session.flush()
        phone = create_phone_link(session, technician_id=other.id, now=clock.now())
        token = use_phone_link(session, token=phone, now=clock.now())
    with client.session_transaction() as cookie:
        cookie[SIGN_IN] = token
    assert client.get("/t/photos/1").status_code == 404


def test_five_photos_are_enough_and_one_can_be_taken_back(client, link, db, world):
    for number in range(5):
        assert send(client, link, picture((number, 0, 0), size=(8 + number, 8))).status_code == 303
    reply = send(client, link, picture("blue"))
    assert (reply.status_code, len(rows(db, CustomerPhoto))) == (422, 5)
    with db.read() as session:
        other = f"/v/{session.get_one(Visit, world.visit(240)).link_token}"
    client.post(f"{other}/photos/3/remove")
    assert len(rows(db, CustomerPhoto)) == 5
    for _ in range(2):
        assert client.post(f"{link.path}/photos/3/remove").status_code == 303
    assert [photo.id for photo in rows(db, CustomerPhoto)] == [1, 2, 4, 5]
    assert kinds(db).count("customer_photo_removed") == 1


@pytest.mark.parametrize("sent", [b"<html><script>", b"", b"\xff\xd8\xff" + bytes(400)])
def test_what_is_no_photo_is_refused_by_what_is_in_it(client, link, db, sent):
    reply = send(client, link, sent)
    assert (reply.status_code, rows(db, CustomerPhoto)) == (422, [])
    assert 'id="photos-wrong"' in reply.text


def test_a_form_that_is_far_too_large_is_not_read(client, link, db):
    limiter.reset()
    reply = client.post(
        f"{link.path}/photos",
        input_stream=BytesIO(b""),
        headers={"Content-Type": "multipart/form-data; boundary=x", "Content-Length": str(100 * 1024 * 1024)},
    )
    assert reply.status_code == 422
    assert client.post(f"{link.path}/photos").status_code == 422
    assert send(client, SimpleNamespace(path="/v/bcdfghjkmn"), picture()).status_code == 404


def test_another_number_is_checked_shown_to_whoever_comes_and_taken_back(client, link, db, signed_in):
    name = f"{link.path}/other-phone"
    for typed, kept in (
        ("０３－１１１１－２２２２", ("+81311112222", False)),
        ("090 8765 4321", ("+819087654321", True)),
    ):
        assert client.post(name, data={"other_phone": typed}).status_code == 303
        with db.read() as session:
            phone = session.scalars(select(OtherPhone)).one()
        assert (phone.number, phone.is_mobile) == kept
    client.post(name, data={"other_phone": "09087654321"})
    assert kinds(db) == ["other_phone", "other_phone"]
    assert "090-8765-4321" in said(client.get(link.path))
    page = signed_in("technician").get("/t").text
    assert page.count('href="tel:+819087654321"') == 2  # before the bell, and where nobody opens
    assert "携帯電話・お客様のご指定" in signed_in("dispatcher").get(f"/visits/{link.id}").text
    client.post(f"{link.path}/call-me")
    assert 'href="tel:+819087654321"' in signed_in("dispatcher").get("/").text
    assert client.post(name, data={"other_phone": ""}).status_code == 303
    with db.read() as session:
        assert session.scalars(select(OtherPhone)).all() == []
    assert kinds(db)[-1] == "other_phone"
    assert 'href="tel:+819012345678"' in signed_in("dispatcher").get("/").text


@pytest.mark.parametrize("typed", ["110番", "12345", "09012345678;ext=5", "090-1234-567x"])
def test_what_is_no_number_is_said_and_kept(client, link, db, typed):
    reply = client.post(f"{link.path}/other-phone", data={"other_phone": typed})
    assert (reply.status_code, kinds(db)) == (422, [])
    assert typed in reply.text


def test_nothing_is_added_to_a_visit_that_is_over_and_looking_changes_nothing(client, link, db, clock):
    client.post(f"{link.path}/note", data={"note": "犬がいます", "key": "a"})
    with db.write() as session:
        report_status(session, link.id, "completed", now=clock.now(), actor="technician:1")
    before = everything(db)
    page = said(client.get(link.path))
    assert "担当者へのメモ" not in page
    assert client.post(f"{link.path}/note", data={"note": "x", "key": "b"}).status_code == 409
    assert client.post(f"{link.path}/other-phone", data={"other_phone": "0311112222"}).status_code == 409
    assert send(client, link, picture()).status_code == 409
    for path in ("/note", "/photos", "/other-phone", "/photos/1/remove", "/move/back"):
        assert client.get(link.path + path).status_code in (200, 404, 405)
    assert everything(db) == before


def test_all_of_it_is_forgotten_some_time_after_the_visit(client, link, db: Database, clock, settings):
    client.post(f"{link.path}/note", data={"note": "犬がいます", "key": "a"})
    client.post(f"{link.path}/other-phone", data={"other_phone": "0311112222"})
    send(client, link, picture())
    clock.forward(days=30)
    gone = []
    for days in (0, 2):
        clock.forward(days=days)
        with db.write() as session:
            gone.append(forget_words(session, clock.now(), timedelta(days=30)))
    assert gone == [0, 3]
    assert len(kinds(db)) == 3
