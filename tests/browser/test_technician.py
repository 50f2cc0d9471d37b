"""Does the phone page do its work in a real browser: without a signal, while moving, and with one thumb?"""

from __future__ import annotations

import re
from datetime import timedelta
from time import monotonic

import pytest
from playwright.sync_api import expect
from sqlalchemy import select, update

from app import auth
from app.models import Customer, Notice, PositionFix, SignIn, Site, Technician, Visit, VisitEvent
from app.operations.field import report_status

HERE = {"latitude": 34.2, "longitude": 135.1, "accuracy": 10}
LOCATED = {"geolocation": HERE, "permissions": ["geolocation"]}


@pytest.fixture
def phone(browse):
    """Return a function that opens the page as the technician, with the position allowed unless told otherwise."""

    def open_page(*, lang="ja", **context):
        page = browse("/t", as_role="technician", lang=lang, **{**LOCATED, **context})
        expect(page.locator("#sync")).to_be_visible()  # the script has begun
        return page

    return open_page


@pytest.fixture
def tell(db, clock):
    """Return a function that adds a notice that has left; minutes are from now."""

    def add(visit_id, kind="late", window=(80, 100), ago=10, state="sent"):
        at = clock.now() - timedelta(minutes=ago)
        with db.write() as session:
            visit = session.get_one(Visit, visit_id)
            session.add(
                Notice(
                    visit_id=visit_id,
                    kind=kind,
                    language="ja",
                    dedupe_key=f"{visit_id}:{kind}:{ago}",
                    created_at=at,
                    sent_at=at,
                    quoted_from_at=clock.now() + timedelta(minutes=window[0]),
                    quoted_until_at=clock.now() + timedelta(minutes=window[1]),
                    reason_code="test",
                    state=state,
                    promised_from_at=visit.promised_from_at,
                    promised_until_at=visit.promised_until_at,
                    technician_id=visit.technician_id,
                    channels=["console"],
                    expires_at=at + timedelta(hours=2),
                )
            )

    return add


def big(page):
    return page.locator("#next .big:visible")


def press(button):
    """Press as a person does, who reads before pressing again (a double tap counts once)."""
    page = button.page
    page.wait_for_timeout(max(0, 850 - 1000 * (monotonic() - getattr(page, "pressed_at_s", 0.0))))
    button.click()
    page.pressed_at_s = monotonic()


def sync(page, words):
    expect(page.locator("#sync")).to_contain_text(words)


def status(db, visit_id):
    with db.read() as session:
        return session.get_one(Visit, visit_id).status


def kinds(db, visit_id):
    with db.read() as session:
        rows = select(VisitEvent.kind).where(VisitEvent.visit_id == visit_id).order_by(VisitEvent.id)
        return session.scalars(rows).all()[1:]  # after the booking


def wait_for(page, look):
    """Return the first thing that `look` finds."""
    for _ in range(200):
        if found := look():
            return found
        page.wait_for_timeout(50)
    raise AssertionError("waited in vain")


def worker_ready(page):
    """Wait until the worker keeps the page."""
    wait_for(page, lambda: page.evaluate("caches.match('/t').then((kept) => kept !== undefined)"))


# ---- one thumb


def test_the_big_button_leads_through_the_day(phone, world, db):
    first, second = world.visit(60), world.visit(180)
    page = phone()
    for words, reached in (("出発する", "en_route"), ("到着した", "arrived"), ("完了した", "completed")):
        expect(big(page)).to_have_text(words)
        press(big(page))
        sync(page, "すべて送信済み")
        assert status(db, first) == reached
    expect(page.locator("#next .visit")).to_have_attribute("data-visit", str(second))
    expect(page.locator(f"#rest #visit-{first}")).to_contain_text("完了")


def test_a_double_tap_counts_once(phone, world, db):
    visit = world.visit(60)
    page = phone()
    big(page).dblclick()
    expect(big(page)).to_have_text("到着した")
    sync(page, "すべて送信済み")
    assert kinds(db, visit) == ["en_route"]


def test_the_last_tap_can_be_taken_back_without_being_asked(phone, world, db):
    visit = world.visit(60)
    page = phone()
    press(big(page))
    expect(page.locator("#undo")).to_contain_text("出発を記録")
    press(page.get_by_role("button", name="取り消す"))
    expect(big(page)).to_have_text("出発する")
    expect(page.locator("#undo")).to_be_hidden()
    sync(page, "すべて送信済み")
    assert kinds(db, visit) == ["en_route", "undone"]


def test_no_access_asks_before_it_ends_the_visit(phone, world, db):
    visit = world.visit(60)
    page = phone()
    press(big(page))
    press(page.locator("#next .absent summary"))
    assert status(db, visit) != "no_access"
    press(page.get_by_role("button", name="不在として記録する"))
    sync(page, "すべて送信済み")
    assert status(db, visit) == "no_access"
    expect(page.locator("#over")).to_be_visible()


def test_a_delay_button_sends_the_time_that_it_shows(phone, world, db, clock):
    visit = world.visit(60)
    page = phone()
    button = page.locator("[data-delay='20']")
    expect(button).to_contain_text("17:20ごろ着")
    press(button)
    expect(page.locator(".reported")).to_contain_text("「17:20ごろ着」と報告しました")
    sync(page, "すべて送信済み")
    with db.read() as session:
        assert session.get_one(Visit, visit).eta_reported == clock.now() + timedelta(minutes=80)


def test_before_the_bell_it_shows_what_was_told_and_how_to_begin(phone, world, tell):
    tell(world.visit(60))
    page = phone()
    expect(page.locator(".big-time")).to_have_text("17:20–17:40")
    expect(page.locator("#next .begin")).to_contain_text("15:50に「17:20–17:40」とお伝え済みです。まずお詫びから")
    expect(page.locator("#next .told")).to_contain_text("送信済み・受信は未確認")


def test_what_the_office_changes_appears_by_itself(phone, world, db, clock):
    visit = world.visit(60)
    page = phone()
    with db.write() as session:
        report_status(session, visit, "arrived", now=clock.now(), actor="user:1", by="office")
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(big(page)).to_have_text("完了した")


# ---- without a signal


def test_taps_without_a_signal_count_at_once_survive_a_reload_and_are_sent_once(phone, world, db):
    visit = world.visit(60)
    page = phone()
    worker_ready(page)
    page.context.set_offline(True)
    press(big(page))
    press(page.locator("[data-delay='30']"))
    press(big(page))
    expect(big(page)).to_have_text("完了した")
    sync(page, "3件が未送信")
    page.reload()
    expect(big(page)).to_have_text("完了した")
    sync(page, "3件が未送信")
    expect(page.locator(".rest")).to_contain_text("16:00時点の予定")
    assert kinds(db, visit) == []
    page.context.set_offline(False)
    sync(page, "すべて送信済み")
    assert kinds(db, visit) == ["en_route", "eta", "arrived"]


def test_without_a_signal_the_page_opens_again_as_it_was(phone, world):
    world.visit(60)
    page = phone(lang="en")
    worker_ready(page)
    page.context.set_offline(True)
    page.reload()
    expect(page.locator("#next h2")).to_have_text("山田 花子")
    sync(page, "No connection. You see the day as of 16:00")


def test_an_answer_that_was_lost_does_not_count_a_tap_twice(phone, world, db):
    visit = world.visit(60)
    page = phone()
    lost = []

    def lose(route):
        lost.append(route.fetch())  # it reaches the server; the phone never hears of it
        route.abort()

    page.context.route("**/t/taps", lose)
    press(big(page))
    sync(page, "1件が未送信")
    page.context.unroute("**/t/taps")
    page.evaluate("dispatchEvent(new Event('online'))")
    sync(page, "すべて送信済み")
    assert lost
    assert kinds(db, visit) == ["en_route"]


def test_a_refused_tap_is_told_and_blocks_none_after_it(phone, world, db, clock):
    visit, other = world.visit(60), world.visit(180)
    page = phone()
    page.context.set_offline(True)
    press(big(page))
    press(page.locator("[data-delay='10']:visible"))
    press(page.locator(f"#visit-{other} > details > summary"))
    press(page.locator(f"#visit-{other} [data-delay='10']"))
    with db.write() as session:
        report_status(session, visit, "no_access", now=clock.now(), actor="user:1", by="office")
    page.context.set_offline(False)
    sync(page, "すべて送信済み")
    expect(page.locator("#refusals li")).to_have_count(1)
    expect(page.locator("#refusals")).to_contain_text("「到着見込み」(")
    expect(page.locator("#refusals")).to_contain_text("すでに「不在」になっています")
    assert kinds(db, other) == ["eta"]
    page.locator("#refusals button").click()
    expect(page.locator("#refusals li")).to_have_count(0)


def test_signed_out_keeps_what_was_tapped_and_sends_it_after_signing_in_again(phone, world, db, clock):
    visit = world.visit(60)
    page = phone()
    with db.write() as session:
        session.execute(update(SignIn).values(revoked_at=clock.now()))
        link = auth.create_phone_link(session, technician_id=world.technician, now=clock.now())
    press(big(page))
    sync(page, "サインインが切れました。未送信1件")
    page.goto("/t")
    expect(page.locator("h1")).to_have_text("この端末はサインインしていません")
    page.goto(f"/t/in/{link}")
    page.get_by_role("button", name="この端末でサインインする").click()
    sync(page, "すべて送信済み")
    assert status(db, visit) == "en_route"


def test_one_technicians_taps_are_never_sent_as_anothers(phone, world, db, clock):
    visit = world.visit(60)
    page = phone()
    page.context.set_offline(True)
    press(big(page))
    sync(page, "1件が未送信")
    with db.write() as session:
        suzuki = Technician(name="鈴木", created_at=clock.now())
        session.add(suzuki)
        session.flush()
        links = [
            auth.create_phone_link(session, technician_id=t, now=clock.now()) for t in (suzuki.id, world.technician)
        ]
    page.goto("about:blank")
    page.context.set_offline(False)
    for link, name, reached in ((links[0], "鈴木", "booked"), (links[1], "佐藤", "en_route")):
        page.goto(f"/t/in/{link}")
        page.locator("form button").click()
        expect(page.locator("header")).to_contain_text(name)
        sync(page, "すべて送信済み")
        assert status(db, visit) == reached
        page.goto("about:blank")  # what the page still asks for must not bring its cookie back
        page.context.clear_cookies()


# ---- where it is


def test_the_position_is_shared_while_the_page_is_open(phone, world, db):
    world.visit(60)
    page = phone()
    expect(page.locator("#place")).to_contain_text("位置を共有中")

    def kept():
        with db.read() as session:
            return session.scalars(select(PositionFix)).all()

    (fix,) = wait_for(page, kept)
    assert (fix.lat, fix.lon, fix.accuracy_m, fix.source) == (34.2, 135.1, 10, "page")


def test_without_visits_nothing_is_shared(phone, db):
    page = phone()
    expect(page.locator("#over")).to_be_visible()
    expect(page.locator("#place")).to_be_hidden()
    with db.read() as session:
        assert session.scalars(select(PositionFix)).all() == []


def test_before_sharing_the_page_says_why_and_waits_for_a_press(phone, world):
    world.visit(60)
    page = phone(permissions=[])
    # A headless browser answers "denied" for us; what counts is that the page says so and what to do.
    expect(page.locator("#place")).to_contain_text(re.compile("位置はまだ共有していません|位置情報を許可してください"))


def test_a_connection_that_is_not_secure_says_so_and_the_buttons_work(phone, world, db, live):
    visit = world.visit(60)
    page = phone(base_url=live.insecure_url)
    expect(page.locator("#place")).to_contain_text("(http)では位置を共有できません")
    press(big(page))
    sync(page, "すべて送信済み")
    assert status(db, visit) == "en_route"


def test_a_closed_page_says_afterwards_from_when_to_when_it_did_not_share(phone, world):
    world.visit(60)
    page = phone()
    expect(page.locator("#place")).to_contain_text("位置を共有中")
    page.add_init_script("localStorage.setItem('mamonaku.shared_until', Date.now() - 8 * 60_000)")
    page.reload()
    expect(page.locator("#paused")).to_contain_text(re.compile("15:5[12]〜(15:59|16:00) は画面を閉じていたため"))
    page.locator("#paused button").click()
    expect(page.locator("#paused")).to_be_hidden()


def test_silence_of_the_phone_itself_is_said_after_a_while(browse, world):
    world.visit(60)
    page = browse(None, as_role="technician", **LOCATED)
    page.clock.install()
    page.add_init_script(
        """navigator.geolocation.watchPosition = (take) => {
             setTimeout(() => take({ timestamp: Date.now(), coords: { latitude: 34, longitude: 135, accuracy: 9 } }));
             return 1;
           };
           navigator.geolocation.getCurrentPosition = () => {};"""
    )
    page.goto("/t")
    expect(page.locator("#sync")).to_be_visible()
    page.clock.run_for(1_000)
    expect(page.locator("#place")).to_contain_text("位置を共有中")
    page.clock.run_for(100_000)
    expect(page.locator("#place")).to_contain_text("から測位できていません")


# ---- moving


def test_while_moving_there_is_nothing_to_press(phone, world, tell):
    tell(world.visit(60))
    page = phone()
    expect(page.locator("#place")).to_contain_text("位置を共有中")
    for step in range(1, 4):
        page.context.set_geolocation({**HERE, "latitude": 34.2 + step * 0.002})
        page.wait_for_timeout(150)  # the way between two fixes takes its time, or it is no speed
    driving = page.locator("#driving")
    expect(driving).to_be_visible()
    expect(driving).to_contain_text("17:20–17:40")
    expect(driving).to_contain_text("お伝え済み")
    expect(page.locator("button:visible, a:visible, summary:visible, input:visible")).to_have_count(0)


def test_the_decision_about_moving(phone):
    page = phone()
    seen = page.evaluate(
        """async () => {
          const { UNKNOWN, observe, isMoving } = await import("/static/technician-motion.js");
          const fix = (s, more) => ({ at: s * 1000, lat: 34, lon: 135, accuracy: 10, speed: null, ...more });
          const play = (...fixes) => fixes.reduce((all, f) => [...all, observe(all.at(-1), f)], [UNKNOWN]).slice(1);
          const moving = (...fixes) => play(...fixes).map((memory) => memory.moving);
          const drive = [fix(0, { speed: 9 }), fix(1, { speed: 9 })];
          const north = (m) => 34 + m / 111195;
          return {
            one_fast_fix_may_be_noise: moving(fix(0, { speed: 9 }), fix(1, { speed: 0 })),
            two_are_driving: moving(...drive),
            walking: moving(...[0, 1, 2, 3].map((s) => fix(s, { speed: 1.5 }))),
            a_light_of_20_s: moving(...drive, fix(10, { speed: 0 }), fix(20, { speed: 0 }), fix(21, { speed: 9 })),
            standing: moving(...drive, fix(25, { speed: 0 }), fix(26, { speed: 0 })),
            from_the_way: moving(fix(0), fix(10, { lat: north(60) }), fix(20, { lat: north(120) })),
            noise: moving(fix(0), fix(1, { lat: north(9) }), fix(2, { lat: north(0) }), fix(3, { lat: north(9) })),
            an_old_fix: moving(...drive, fix(0.5, { speed: 0 })),
            in_a_tunnel: [60, 100].map((s) => isMoving(play(...drive).at(-1), s * 1000)),
          };
        }"""
    )
    assert seen == {
        "one_fast_fix_may_be_noise": [False, False],
        "two_are_driving": [False, True],
        "walking": [False] * 4,
        "a_light_of_20_s": [False, True, True, True, True],
        "standing": [False, True, True, False],
        "from_the_way": [False, False, True],
        "noise": [False] * 4,
        "an_old_fix": [False, True, True],
        "in_a_tunnel": [True, False],
    }


def test_a_fix_is_shared_every_twelve_seconds_or_twenty_five_metres(phone):
    page = phone()
    shared = page.evaluate(
        """async () => {
          const { worthSharing } = await import("/static/technician-place.js");
          const fix = (s, m) => ({ at: s * 1000, lat: 34 + m / 111195, lon: 135 });
          return [[1, 0], [11, 20], [12, 0], [4, 60], [5, 26]].map(([s, m]) => worthSharing(fix(0, 0), fix(s, m)));
        }"""
    )
    assert shared == [False, False, True, False, True]


# ---- how it looks


@pytest.mark.parametrize(("lang", "dark"), [("ja", False), ("en", True)])
def test_the_page_is_clean_and_large_enough_for_a_thumb(phone, world, tell, db, clock, axe, lang, dark):
    with db.write() as session:
        long = Customer(name="Bartholomew Featherstonehaugh-Cholmondel", created_at=clock.now())
        site = Site(
            customer=long, address="大阪府大阪市北区梅田一丁目2番3号 大阪駅前第四ビルディング 地下二階 1234号室"
        )
        session.add_all([long, site])
        session.flush()
    for hour in range(1, 9):
        visit = world.visit(hour * 60, customer_id=long.id, site_id=site.id, duration_min=40)
        tell(visit, window=(hour * 60 + 20, hour * 60 + 40), state="failed" if hour % 2 else "delivered")
    page = phone(lang=lang, dark=dark)
    page.locator("#rest > li > details > summary").first.click()
    press(big(page))
    expect(page.locator("#undo")).to_be_visible()
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    width, height = page.evaluate(
        """[...document.querySelectorAll("#next .big")].filter((e) => e.checkVisibility())
             .map((e) => e.getBoundingClientRect()).map((box) => [box.width, box.height])[0]"""
    )
    assert height >= 64
    assert width >= 360 - 2 * 16
    small = page.evaluate(
        """[...document.querySelectorAll("button, a, summary")]
             .filter((e) => e.checkVisibility() && !e.matches(".skip"))
             .map((e) => [e.textContent.trim(), e.getBoundingClientRect()])
             .filter(([, box]) => box.height < 44 || box.width < 44).map(([words]) => words)"""
    )
    assert small == []


@pytest.mark.parametrize("path", ["/t", "/t/in/token"])
def test_the_pages_before_signing_in_are_clean(browse, axe, path):
    assert axe(browse(path)) == []
