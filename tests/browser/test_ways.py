"""Can a customer have herself told on her own device and on LINE, and does the office see what is closed?"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from app.models import Notice, PushSubscription, Visit
from app.operations.consent import opt_out
from app.operations.notice import Telling, add_notice
from app.operations.outbox import deliver_due
from app.providers.line_messaging import LineMessages
from app.providers.push_web import WebPush, new_key
from app.rules.lateness import Decision, Reason, Watch
from tests.standins import LINE_TOKEN, push_server

TOKYO = ZoneInfo("Asia/Tokyo")
#: Chromium asks its maker's server for a subscription; here it gets one of a push service on this host.
SUBSCRIBES = """
PushManager.prototype.subscribe = async (wish) => ({
  toJSON: () => wish.userVisibleOnly && wish.applicationServerKey.length === 65 ? %s : {},
});
"""


@pytest.fixture
def settings(settings):
    return settings.model_copy(update={"line_account": "@aoba-pc", "push_services": "127.0.0.1"})


@pytest.fixture
def parts(parts):
    push = WebPush(new_key(), "mailto:desk@example.jp", ["127.0.0.1"])
    return replace(parts, channels={"line": LineMessages(LINE_TOKEN, "http://127.0.0.1:1"), "push": push})


@pytest.fixture
def link(world, db):
    visit_id = world.visit(60)
    with db.read() as session:
        return f"/v/{session.get_one(Visit, visit_id).link_token}"


@pytest.mark.parametrize(("lang", "dark"), [("ja", False), ("en", True)])
def test_the_pages_about_ways_are_readable_by_everybody(browse, axe, link, lang, dark):
    page = browse(f"{link}?lang={lang}", dark=dark)
    page.click("details.wishes:has([name=notices]) > summary")
    assert axe(page) == []
    page.click("form[action*='/line'] button")
    assert "@aoba-pc" in page.inner_text("main")
    assert axe(page) == []
    page.goto(f"{link}/no-mail?lang={lang}")
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == 360


IS_AT_WORK = """async () => {
  for (;;) {
    const registered = await navigator.serviceWorker.getRegistration("/static/");
    if (registered?.active?.state === "activated") return;
    await new Promise((done) => setTimeout(done, 20));
  }
}"""


def test_a_notification_is_shown_on_her_device_and_counts_as_delivered(browse, link, db, clock, world, parts):
    with push_server() as service:
        device = service.device()
        keys = {"endpoint": device.endpoint, "keys": {"p256dh": device.p256dh, "auth": device.auth}}
        page = browse(permissions=["notifications"])
        page.add_init_script(SUBSCRIBES % json.dumps(keys))
        page.goto(link)
        worker = page.context.new_cdp_session(page)
        registered = []
        worker.on("ServiceWorker.workerRegistrationUpdated", lambda event: registered.extend(event["registrations"]))
        worker.send("ServiceWorker.enable")
        page.click("details.wishes:has([name=notices]) > summary")
        page.click("text=この端末で通知を受け取る")
        expect(page.get_by_text("この端末に通知をお送りします。")).to_be_visible()
        with db.read() as session:
            assert session.scalars(select(PushSubscription.endpoint)).all() == [device.endpoint]

        window = clock.now() + timedelta(minutes=80), clock.now() + timedelta(minutes=100)
        decision = Decision("late", *window, Reason("late_expected", {}), None, Watch(), None)
        channels = {"push": parts.channels["push"]}
        with db.write() as session:
            visit = session.scalars(select(Visit)).one()
            add_notice(session, visit, decision, Telling("https://a.jp", TOKYO, channels), clock.now())
        deliver_due(db, channels, clock, TOKYO)
        (taken,) = service.taken
        payload = {name: taken[name] for name in ("text", "page", "reference")}
        page.evaluate(IS_AT_WORK)  # what is pushed to a worker that is still being set up is lost
        with page.expect_event("console", lambda said: said.text == "told", timeout=20_000):
            page.evaluate("""() => { const wait = async () => {
                const worker = await navigator.serviceWorker.getRegistration("/static/");
                const [shown] = await worker.getNotifications();
                if (shown) { window.shown = [shown.title, shown.body]; console.log("told"); }
                else setTimeout(wait, 50); }; wait(); }""")
            worker.send(
                "ServiceWorker.deliverPushMessage",
                {
                    "origin": page.evaluate("location.origin"),
                    "registrationId": registered[0]["registrationId"],
                    "data": json.dumps(payload),
                },
            )
        title, body = page.evaluate("window.shown")
        assert title == "アオバPC"
        assert "17:20-17:40頃" in body
        assert "http" not in body
        for _ in range(100):
            with db.read() as session:
                state = session.scalars(select(Notice.state)).one()
            if state == "delivered":
                break
            page.wait_for_timeout(50)
        assert state == "delivered"


@pytest.mark.parametrize(("width", "lang"), [(360, "en"), (1440, "ja")])
def test_the_office_sees_what_is_closed_and_opens_it_on_her_word(browse, axe, world, db, clock, width, lang):
    with db.write() as session:
        opt_out(session, world.customer, "sms", "stop", clock.now())
    page = browse(f"/customers/{world.customer}?lang={lang}", as_role="dispatcher", width=width, lang=lang)
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == width
    way = page.locator("#ways li").nth(1)
    way.locator("summary").click()
    way.locator("button").click()
    assert page.locator("#ways .wrong").is_visible()  # her word is missing
    page.locator("#words-sms").fill("11/24 お電話で、ご本人から")
    page.locator("#ways li").nth(1).locator("button").click()
    assert page.locator("#ways .state.risk").count() == 0
    assert axe(page) == []
