"""Does a customer decide on her own page by which ways she is told, and does only what she says there count?"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update

from app.models import Customer, LineCode, Notice, PushSubscription, Visit
from app.operations.consent import closed
from app.operations.notice import Telling, add_notice
from app.operations.outbox import deliver_due
from app.operations.own_ways import MOST_DEVICES, forget_device
from app.providers.line_messaging import LineMessages
from app.providers.push_web import WebPush, new_key
from app.rules.lateness import Decision, Reason, Watch
from tests.standins import LINE_TOKEN, push_server

TOKYO = ZoneInfo("Asia/Tokyo")


@pytest.fixture
def settings(settings):
    return settings.model_copy(
        update={"line_account": "@aoba-pc", "push_contact": "desk@example.jp", "push_services": "127.0.0.1"}
    )


@pytest.fixture
def parts(parts):
    push = WebPush(new_key(), "mailto:desk@example.jp", ["127.0.0.1"])
    return replace(parts, channels={"line": LineMessages(LINE_TOKEN, "http://127.0.0.1:1"), "push": push})


@pytest.fixture
def service():
    with push_server() as server:
        yield server


@pytest.fixture
def link(db, world):
    visit_id = world.visit()
    with db.read() as session:
        return f"/v/{session.get_one(Visit, visit_id).link_token}"


@pytest.fixture
def shut(db, world):
    def ways():
        with db.read() as session:
            return {channel: entry.why for channel, entry in closed(session, world.customer).items()}

    return ways


@pytest.fixture
def devices(db):
    def known():
        with db.read() as session:
            return [d.endpoint for d in session.scalars(select(PushSubscription).order_by(PushSubscription.id))]

    return known


def as_form(device):
    return {"endpoint": device.endpoint, "p256dh": device.p256dh, "auth": device.auth}


def test_one_press_in_the_mail_program_ends_e_mails(client, link, shut):
    assert client.get(f"{link}/no-mail").status_code == 200
    assert shut() == {}  # whoever opens links presses nothing
    pressed = client.post(f"{link}/no-mail", data={"List-Unsubscribe": "One-Click"})
    assert pressed.status_code == 200
    assert "停止しました" in pressed.text
    assert shut() == {"email": "unsubscribed"}
    assert client.post(f"{link}/mail").status_code == 303
    assert shut() == {}
    assert "停止しますか" in client.get(f"{link}/no-mail").text


def test_an_old_link_still_ends_e_mails(client, link, clock, shut):
    clock.forward(days=400)
    assert client.get(link).status_code == 404
    assert client.post(f"{link}/no-mail").status_code == 200
    assert shut() == {"email": "unsubscribed"}
    assert client.post(f"{link}/mail").status_code == 404


@pytest.mark.parametrize("path", ["no-mail", "mail", "line", "push", "shown"])
def test_a_link_that_is_none_decides_nothing(client, world, path):
    assert client.post(f"/v/2222222222/{path}").status_code == 404
    assert client.post(f"/v/%00/{path}").status_code == 404


def test_her_page_says_how_to_be_told_on_line(client, link, db, world):
    assert "LINEで受け取る" in client.get(link).text
    page = client.post(f"{link}/line").text
    assert "https://line.me/R/ti/p/%40aoba-pc" in page
    assert "https://line.me/R/oaMessage/%40aoba-pc/?" in page
    with db.read() as session:
        assert len(session.scalars(select(LineCode)).all()) == 1
    with db.write() as session:
        session.execute(update(Customer).values(line_id="U1"))
    linked = client.get(link).text
    assert "LINEで受け取る" not in linked
    assert "LINEでもお知らせをお送りします" in linked


def test_without_an_account_line_is_not_offered(client, link, parts):
    parts.settings = parts.settings.model_copy(update={"line_account": ""})
    assert "LINEで受け取る" not in client.get(link).text
    assert client.post(f"{link}/line").status_code == 404


def test_a_device_that_asked_is_told_and_says_when_it_has_shown_it(client, link, db, clock, world, service, parts):
    assert client.post(f"{link}/push", data=as_form(service.device())).status_code == 204
    window = clock.now() + timedelta(minutes=80), clock.now() + timedelta(minutes=100)
    decision = Decision("late", *window, Reason("late_expected", {}), None, Watch(), None)
    channels = {"push": parts.channels["push"]}
    with db.write() as session:
        visit = session.scalars(select(Visit)).one()
        notice_id = add_notice(session, visit, decision, Telling("https://a.jp", TOKYO, channels), clock.now()).id
    deliver_due(db, channels, clock, TOKYO)
    (taken,) = service.taken
    assert taken["page"] == link

    def state():
        with db.read() as session:
            return session.get_one(Notice, notice_id).state

    assert state() == "sent"
    assert client.post(f"{link}/shown", data={"reference": "1-0"}).status_code == 409
    assert state() == "sent"
    for _ in range(2):
        assert client.post(f"{link}/shown", data={"reference": taken["reference"]}).status_code == 204
    assert state() == "delivered"


def test_another_visits_link_says_nothing_about_a_notice(client, link, world, db):
    other = world.visit(600)
    with db.read() as session:
        token = session.get_one(Visit, other).link_token
    assert client.post(f"/v/{token}/shown", data={"reference": "1-19"}).status_code == 409


def test_a_device_is_known_once_and_the_oldest_makes_room(client, link, devices, service):
    for name in ("a", "b", "a", "c", "d"):
        client.post(f"{link}/push", data=as_form(service.device(name)))
    assert devices() == [f"{service.url}/push/{name}" for name in ("a", "c", "d")]
    assert len(devices()) == MOST_DEVICES


@pytest.mark.parametrize(
    "changes",
    [
        {"endpoint": "https://evil.example/x"},
        {"endpoint": ""},
        {"p256dh": "x"},
        {"p256dh": "ああああああああああああああああああ"},
        {"auth": ""},
    ],
)
def test_a_device_that_nobody_could_write_to_is_refused(client, link, devices, service, changes):
    assert client.post(f"{link}/push", data={**as_form(service.device()), **changes}).status_code == 422
    assert devices() == []


def test_a_device_that_is_gone_is_forgotten_and_comes_back_when_it_asks(client, link, db, devices, service):
    client.post(f"{link}/push", data=as_form(service.device()))
    with db.write() as session:
        forget_device(session, service.device().endpoint)
    assert devices() == []
    client.post(f"{link}/push", data=as_form(service.device()))
    assert len(devices()) == 1


def test_the_page_offers_this_device_only_where_notifications_are_set_up(client, link, parts):
    assert f'data-key="{parts.channels["push"].public_key}"' in client.get(link).text
    parts.channels = {}
    assert "push.js" not in client.get(link).text
