"""Does the technician's page let in the right person, take every tap once, and work without JavaScript?"""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from app import auth
from app.models import PhoneLink, PositionFix, QuarantinedInput, SignIn, Technician, Visit


@pytest.fixture
def link(db, world, clock):
    """Return a function that makes a one-time link."""

    def make(technician_id=None):
        with db.write() as session:
            token = auth.create_phone_link(session, technician_id=technician_id or world.technician, now=clock.now())
        return f"/t/in/{token}"

    return make


def csrf(page):
    return re.search(r'name="csrf_token" value="([^"]+)"', page.text).group(1)


def post(client, path, page=None, **fields):
    return client.post(path, data={"csrf_token": csrf(page or client.get(path)), **fields})


@pytest.fixture
def phone(signed_in, world, clock):
    """Return a function that sends a batch as the page does."""
    client = signed_in("technician")

    def send(path, *items, technician=None, sent_at=None, token=None):
        sent_at = sent_at or clock.now()
        return client.post(
            path,
            json={"technician": technician or world.technician, "sent_at": sent_at.isoformat(), "items": list(items)},
            headers={"X-CSRFToken": token or csrf(client.get("/t")), "Accept": "application/json"},
        )

    send.client = client
    return send


def tap(visit, key="key-00000001", status="en_route", kind="status", at=None, **more):
    return {"kind": kind, "visit": visit, "key": key, "at": at, "status": status, **more}


# ---- coming in


def test_opening_a_link_spends_nothing_and_pressing_its_button_does(client, link, db):
    path = link()
    for _ in range(3):
        assert client.get(path).status_code == 200
    with db.read() as session:
        assert session.scalar(select(PhoneLink.used_at)) is None
    reply = post(client, path)
    assert (reply.status_code, reply.location) == (303, "/t")
    assert "佐藤" in client.get("/t").text
    with db.read() as session:
        assert session.scalar(select(PhoneLink.used_at)) is not None


def test_the_phone_stays_signed_in_for_ninety_days(client, link, db, clock):
    reply = post(client, link())
    assert "Expires=" in reply.headers["Set-Cookie"]
    with db.read() as session:
        assert session.scalar(select(SignIn.expires_at)) == clock.now() + timedelta(days=90)


@pytest.mark.parametrize("why", ["spent", "expired", "unknown"])
def test_a_link_that_no_longer_works_says_whom_to_ask(client, link, clock, why):
    path = link()
    page = client.get(path)
    if why == "spent":
        post(client.application.test_client(), path)
    elif why == "expired":
        clock.forward(hours=25)
    else:
        path = "/t/in/nothing"
    reply = post(client, path, page)
    assert reply.status_code == 403
    assert "配車担当" in reply.text
    assert client.get("/t").status_code == 401


def test_links_cannot_be_guessed_at_speed(client):
    page = client.get("/t/in/a")
    replies = [post(client, f"/t/in/guess{n}", page).status_code for n in range(25)]
    assert replies[0] == 403
    assert replies[-1] == 429


def test_without_a_sign_in_the_page_explains_how_to_get_a_link(client, world):
    reply = client.get("/t")
    assert reply.status_code == 401
    assert "サインイン用リンク" in reply.text
    assert "password" not in reply.text


def test_the_office_has_no_business_on_the_phone_page(signed_in):
    assert signed_in("dispatcher").get("/t").status_code == 401


def test_a_program_is_told_that_the_sign_in_is_over(phone, db, world):
    token = csrf(phone.client.get("/t"))
    with db.write() as session:
        session.get_one(Technician, world.technician).active = False
    reply = phone("/t/taps", tap(1), token=token)
    assert (reply.status_code, reply.json["type"]) == (401, "urn:mamonaku:sign_in_needed")


def test_signing_out_ends_the_session_itself(phone, db):
    assert post(phone.client, "/t/out", phone.client.get("/t")).status_code == 303
    assert phone.client.get("/t").status_code == 401
    with db.read() as session:
        assert session.scalar(select(SignIn.revoked_at)) is not None


# ---- the page


def test_an_empty_day_says_so(phone):
    assert "本日の訪問はありません" in phone.client.get("/t").text


def test_the_page_speaks_the_technicians_language_until_the_switch_is_used(phone, db, world):
    with db.write() as session:
        session.get_one(Technician, world.technician).language = "en"
    assert "No visits today" in phone.client.get("/t").text
    assert "本日の訪問はありません" in phone.client.get("/t?lang=ja").text
    assert "本日の訪問はありません" in phone.client.get("/t").text


def test_what_people_wrote_cannot_become_part_of_the_page(phone, world):
    world.visit(note="<script>alert(1)</script>")
    page = phone.client.get("/t").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_the_big_button_works_without_javascript(phone, world, db):
    visit = world.visit()
    for status, text in (
        ("en_route", "移動中"),
        ("arrived", "訪問中"),
        ("completed", "本日の訪問はすべて終わりました"),
    ):
        page = phone.client.get("/t")
        key = re.search(r'name="key" value="([^"]+)"', page.text).group(1)
        reply = post(phone.client, "/t/tap", page, kind="status", visit=visit, status=status, key=key)
        assert (reply.status_code, reply.location) == (303, "/t")
        assert text in phone.client.get("/t").text
    with db.read() as session:
        assert session.get_one(Visit, visit).status == "completed"


def test_a_refused_tap_is_told_on_the_page_it_comes_back_to(phone, world):
    visit = world.visit()
    post(
        phone.client,
        "/t/tap",
        phone.client.get("/t"),
        kind="status",
        visit=visit,
        status="completed",
        key="key-00000001",
    )
    page = phone.client.get("/t")
    reply = post(phone.client, "/t/tap", page, kind="undo", visit=visit, status="arrived", key="key-00000002")
    assert reply.status_code == 303
    assert "「取り消し」(16:00・山田 花子様)は記録されませんでした。" in phone.client.get("/t").text


def test_a_form_that_makes_no_sense_is_refused_by_name(phone, world):
    page = phone.client.get("/t")
    reply = post(phone.client, "/t/tap", page, kind="fly", visit="x" * 50, key="k")
    assert reply.status_code == 422
    for field in ("kind", "visit", "key"):
        assert f"<strong>{field}</strong>" in reply.text


def test_the_worker_may_keep_the_page(client):
    reply = client.get("/t/sw.js")
    assert reply.headers["Service-Worker-Allowed"] == "/t"
    assert reply.content_type.startswith(("text/javascript", "application/javascript"))
    reply.close()


# ---- what a phone had kept


def test_each_tap_of_a_batch_gets_its_answer(phone, world, clock):
    visit, at = world.visit(), clock.now().isoformat()
    taps = [
        tap(visit, "key-00000001", "en_route", at=at),
        tap(visit, "key-00000001", "en_route", at=at),
        tap(visit, "key-00000002", "arrived", kind="undo", at=at),
        tap(visit, "key-00000003", "arrived", at=at),
        {"kind": "status", "key": "key-00000004", "visit": 10**30, "at": "noon"},
        tap(987, "key-00000005", at=at),
        tap(visit, "key-00000006", None, kind="eta", at=at, eta=at),
    ]
    results = phone("/t/taps", *taps).json["results"]
    assert [(r["key"][-1], r["outcome"]) for r in results] == [
        ("1", "done"), ("1", "already"), ("2", "refused"), ("3", "done"), ("4", "refused"), ("5", "refused"),
        ("6", "refused"),
    ]  # fmt: skip
    assert all(bool(r["message"]) == (r["outcome"] == "refused") for r in results)
    assert "訪問中" in results[-1]["message"]


def test_a_phone_with_a_wrong_clock_reports_the_right_times(phone, world, clock, db):
    visit, wrong = world.visit(), clock.now() - timedelta(days=20000)
    ago = (wrong - timedelta(minutes=7)).isoformat()
    assert phone("/t/taps", tap(visit, at=ago), sent_at=wrong).json["results"][0]["outcome"] == "done"
    phone("/t/fixes", {"fixed_at": ago, "lat": 34.2, "lon": 135.1}, sent_at=wrong)
    with db.read() as session:
        assert session.get_one(Visit, visit).en_route_at == clock.now() - timedelta(minutes=7)
        assert session.scalar(select(PositionFix.fixed_at)) == clock.now() - timedelta(minutes=7)


def test_what_was_kept_for_one_technician_is_not_taken_for_another(phone, world, clock, db):
    visit = world.visit()
    for path in ("/t/taps", "/t/fixes"):
        reply = phone(path, tap(visit, at=clock.now().isoformat()), technician=world.technician + 1)
        assert (reply.status_code, reply.json["reason"]) == (409, "other_technician")
    with db.read() as session:
        assert session.get_one(Visit, visit).status == "booked"


@pytest.mark.parametrize("body", [None, [], "x", {"technician": 1}, {"technician": 1, "sent_at": "now", "items": {}}])
@pytest.mark.parametrize("path", ["/t/taps", "/t/fixes"])
def test_a_batch_that_is_none_is_refused_by_name(phone, path, body):
    token = csrf(phone.client.get("/t"))
    reply = phone.client.post(path, json=body, headers={"X-CSRFToken": token, "Accept": "application/json"})
    assert reply.status_code == 422
    assert reply.json["errors"]


@pytest.mark.parametrize("path", ["/t/taps", "/t/fixes"])
def test_brackets_without_end_are_refused(phone, path):
    headers = {"X-CSRFToken": csrf(phone.client.get("/t")), "Accept": "application/json"}
    reply = phone.client.post(path, data="[" * 100_000, content_type="application/json", headers=headers)
    assert reply.status_code == 422


def test_a_phone_has_no_account_page(phone):
    assert phone.client.get("/account").location == "/t"


def test_nothing_is_taken_without_the_pages_token(phone, world, clock):
    assert phone("/t/taps", tap(world.visit(), at=clock.now().isoformat()), token="x").status_code == 400


def test_positions_are_kept_once_and_what_cannot_be_read_is_quarantined(phone, world, clock, db):
    good = {"fixed_at": clock.now().isoformat(), "lat": 34.2, "lon": 135.1, "accuracy_m": 12.5, "speed_mps": None}
    bad = [{"fixed_at": "never", "lat": 1, "lon": 2}, {"lat": "x"}, {**good, "lat": 95}, {**good, "lat": 0, "lon": 0}]
    for _ in range(2):
        assert phone("/t/fixes", good, *bad).status_code == 200
    with db.read() as session:
        fixes = session.scalars(select(PositionFix)).all()
        assert [(fix.source, fix.accuracy_m) for fix in fixes] == [("page", 12.5)]
        assert session.scalar(select(func.count()).select_from(QuarantinedInput)) == 8
