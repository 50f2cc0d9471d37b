"""Can a dispatcher see the day, act on a visit and book one while the customer is on the phone?"""

from __future__ import annotations

import ast
import json
import re
import threading
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import func, select

import app as product
from app import i18n
from app.models import Absence, Alarm, Customer, Notice, Site, Technician, Visit, VisitEvent
from app.operations.alarm import ABOUT_WAITING, raise_alarm
from app.operations.booking import change_visit
from app.operations.customer_view import PRESSES
from app.providers.geocode_nominatim import NominatimGeocoder
from app.rules.board import STANDINGS
from app.rules.lateness import ALARMS, REASONS
from app.rules.visit import STATUSES
from tests.web.pages import post, values


@pytest.fixture
def nominatim(db):
    """A stand-in for the address service: it knows 梅田, and writes to our database while it answers."""
    said = SimpleNamespace(asked=[], silent=False)

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            wanted = parse_qs(urlsplit(self.path).query)["q"][0]
            said.asked.append(wanted)
            with db.write() as session:  # blocks for ever when the asker still holds its transaction
                session.add(Technician(name="written meanwhile", created_at=said.now))
            known = (
                [{"lat": "34.7025", "lon": "135.4959", "display_name": "大阪市北区梅田"}] if "梅田" in wanted else []
            )
            body = b"broken" if said.silent else json.dumps(known).encode()
            self.send_response(503 if said.silent else 200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    said.url = f"http://127.0.0.1:{server.server_port}"
    yield said
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def app(parts, nominatim, clock, applications):
    nominatim.now = clock.now()
    return applications(replace(parts, geocoder=NominatimGeocoder(nominatim.url, "JP", timeout_s=3)))


@pytest.fixture
def office(signed_in):
    return signed_in("dispatcher")


def loaded(db, visit_id):
    with db.read() as session:
        return session.get(Visit, visit_id)


def begun(db, visit_id):
    with db.read() as session:
        return session.scalars(
            select(VisitEvent.kind).where(VisitEvent.visit_id == visit_id).order_by(VisitEvent.id)
        ).all()


# The board


def test_the_board_shows_the_day_and_its_neighbours(office, world):
    world.visit(60, 30)
    page = office.get("/").text
    assert "11/24(火)" in page
    assert "17:00–17:30" in page
    assert "山田 花子" in page
    assert "山田 花子" not in office.get("/?on=2026-11-25").text


@pytest.mark.parametrize(
    "asked",
    [
        "on=nonsense",
        "on=9999-12-31",
        "on=0001-01-01",
        "technician=x",
        "only=x",
        "q=%00%FF",
        "technician=99999999999999999999",
    ],
)
def test_nonsense_in_the_address_shows_a_board(office, world, asked):
    world.visit()
    assert office.get(f"/?{asked}").status_code == 200


def test_the_board_says_that_nobody_watches_when_the_jobs_are_dead(office, world):
    assert "見守りが止まっています" in office.get("/").text


def test_the_fragment_is_sent_again_only_when_something_changed(office, world, clock):
    world.visit(120)
    first = office.get("/board")
    assert "<html" not in first.text
    assert first.headers["X-Now"] == clock.now().isoformat()
    again = {"If-None-Match": first.headers["ETag"]}
    clock.forward(seconds=5)
    assert office.get("/board", headers=again).status_code == 304
    world.visit(240)
    changed = office.get("/board", headers=again)
    assert changed.status_code == 200
    assert "20:00" in changed.text


def test_names_from_outside_are_text_and_never_markup(office, world, db):
    with db.write() as session:
        session.get(Customer, world.customer).name = "<script>alert(1)</script>"
    visit_id = world.visit()
    for path in ("/", f"/visits/{visit_id}", "/customers", f"/customers/{world.customer}"):
        assert "<script>alert" not in office.get(path).text


def alarm_kinds():
    """Every kind of alarm the code can raise: the engine's, those of notices and presses, and whatever a call names."""
    place = {"raise_alarm": 1, "alarm": 2, "Call": 0}
    kinds = set()
    for file in Path(product.__file__).parent.rglob("*.py"):
        nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
        texts = {
            node.targets[0].id: node.value.value
            for node in nodes
            if isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and isinstance(node.value, ast.Constant)
        }
        for node in nodes:
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in place:
                kind = node.args[place[node.func.id]]
                kinds.add(kind.value if isinstance(kind, ast.Constant) else texts.get(getattr(kind, "id", "")))
    return sorted({*kinds, *ALARMS, *ABOUT_WAITING, *PRESSES} - {"acknowledged", None})


def test_the_alarms_named_in_the_code_are_found():
    assert {"rule_failed", "visit_left_open", "word_promised", "call_me", "notice_held"} <= set(alarm_kinds())


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
@pytest.mark.parametrize("locale", i18n.LOCALES)
@pytest.mark.parametrize("kind", alarm_kinds())
def test_every_alarm_is_a_sentence_with_one_thing_to_do(office, world, db, clock, kind, locale):
    assert i18n.has(f"dispatch.alarm_{kind}", locale)
    visit_id = world.visit()
    with db.write() as session:
        raise_alarm(session, kind, f"visit:{visit_id}", clock.now(), visit_id=visit_id)
    page = office.get(f"/board?lang={locale}").text
    assert page.count('class="alarm-line"') == 1
    assert len(re.findall(r'class="button primary"', page.split('class="lanes"')[0])) == 1
    assert kind not in re.sub(r"<[^>]*>", "", page)


def test_an_alarm_nobody_has_words_for_can_still_be_opened(office, world, db, clock):
    visit_id = world.visit()
    with db.write() as session:
        raise_alarm(session, "a_newer_kind", f"visit:{visit_id}", clock.now(), visit_id=visit_id)
    assert f'class="button primary" href="/visits/{visit_id}' in office.get("/board").text


def test_the_deadline_of_a_call_is_the_time_the_customer_was_told_and_her_own_words_are_shown(office, world, db, clock):
    soon, later = world.visit(30), world.visit(300)
    by_at = clock.now() + timedelta(minutes=10)
    with db.write() as session:
        raise_alarm(session, "silent_near_promise", f"visit:{soon}", clock.now(), visit_id=soon)
        facts = {"deadline_at": by_at.isoformat(), "text": "After six, please"}
        raise_alarm(session, "call_me", f"visit:{later}", clock.now(), visit_id=later, facts=facts)
    attention = office.get("/board").text.split('class="lanes"')[0]
    assert "<q>After six, please</q>" in attention
    deadlines = re.findall(r'<time datetime="([^"]+)" data-due', attention)
    assert deadlines[0] == by_at.isoformat()
    assert len(deadlines) == 2


def test_an_alarm_that_was_dealt_with_is_gone_and_keeps_who_did_it(office, world, db, clock):
    visit_id = world.visit()
    with db.write() as session:
        raise_alarm(session, "call_me", f"visit:{visit_id}", clock.now(), visit_id=visit_id)
        alarm_id = session.scalars(select(Alarm.id)).one()
    assert post(office, f"/alarms/{alarm_id}/clear").status_code == 302
    assert "alarm-line" not in office.get("/board").text
    with db.read() as session:
        assert session.get(Alarm, alarm_id).cleared_by == "user:1"
    assert post(office, f"/alarms/{alarm_id}/clear").status_code == 302


# Every code has its words


@pytest.mark.parametrize("locale", i18n.LOCALES)
def test_every_code_of_the_rules_has_words_in_both_languages(locale):
    keys = [f"reason.{code}" for code in REASONS]
    for kind in (*ALARMS, *ABOUT_WAITING, "call_me", "rule_failed", "visit_left_open"):
        keys += [f"dispatch.alarm_{kind}", f"visit.alarm_{kind}"]
    keys += [f"dispatch.standing_{name}" for name in STANDINGS]
    keys += [f"history.event_{status}" for status in STATUSES if status != "booked"] + ["history.event_booked"]
    keys += [
        f"forecast.basis_{basis}"
        for basis in ("plan", "usual_speed", "observed_pace", "reported_eta", "work_left", "cascade", "silence")
    ]
    keys += [
        f"forecast.state_{state}"
        for state in ("travelling", "creeping", "standing", "at_site", "waiting", "silent", "unknown", "later")
    ]
    keys += [f"notice_kind.{kind}" for kind in ("late", "late_update", "holding", "on_time_again", "arriving_soon")]
    keys += [
        f"notice_state.{state}"
        for state in ("due", "sending", "sent", "delivered", "failed", "unknown", "dropped", "held")
    ]
    assert [key for key in keys if not i18n.has(key, locale)] == []


def test_a_reason_in_words_uses_only_figures_that_the_rule_gives():
    for code, english in REASONS.items():
        blanks = set(re.findall(r"{(\w+)}", english)) | {
            "percent",
            "lead_min",
            "late_min",
            "left_min",
            "silent_min",
            "distance_m",
            "basis",
            "state",
        }
        for locale in i18n.LOCALES:
            assert set(re.findall(r"{(\w+)}", i18n.catalogue(locale)[f"reason.{code}"])) <= blanks


# The visit


def move_form(db, visit_id, **changes):
    visit = loaded(db, visit_id)
    form = {
        "on": "2026-11-24",
        "promised_from": "17:00",
        "promised_until": "",
        "technician": str(visit.technician_id or ""),
        "duration_min": "60",
        "note": "",
        "version": str(visit.version),
    }
    return {**form, **changes}


def test_a_visit_shows_its_history_in_words(office, world, db):
    visit_id = world.visit(actor="user:2")
    page = office.get(f"/visits/{visit_id}").text
    assert "訪問を受け付けました" in page
    assert "manager" in page
    assert "090-1234-5678" in page
    assert office.get("/visits/999").status_code == 404


def test_a_visit_is_moved_and_reassigned(office, world, db):
    visit_id = world.visit(60)
    reply = post(
        office,
        f"/visits/{visit_id}/move",
        move_form(db, visit_id, promised_from="18:30", promised_until="19:00", technician=""),
    )
    assert (reply.status_code, reply.location) == (303, f"/visits/{visit_id}")
    visit = loaded(db, visit_id)
    assert (visit.promised_from_at.hour, visit.promised_from_at.minute, visit.technician_id) == (9, 30, None)
    assert visit.promised_until_at - visit.promised_from_at == timedelta(minutes=30)
    assert begun(db, visit_id) == ["booked", "changed"]


def test_a_note_changed_alone_leaves_the_forecast(office, world, db, clock):
    visit_id = world.visit(60)
    with db.write() as session:
        visit = session.get(Visit, visit_id)
        visit.forecast_basis = "observed_pace"
    post(office, f"/visits/{visit_id}/move", move_form(db, visit_id, note="2階"))
    visit = loaded(db, visit_id)
    assert (visit.note, visit.forecast_basis) == ("2階", "observed_pace")


def test_a_change_by_somebody_else_meanwhile_is_said_and_what_was_typed_is_kept(office, world, db, clock):
    visit_id = world.visit(60)
    form = move_form(db, visit_id, promised_from="18:30", note="typed")
    with db.write() as session:
        change_visit(session, visit_id, now=clock.now(), actor="user:2", note="theirs")
    reply = post(office, f"/visits/{visit_id}/move", form)
    assert reply.status_code == 412
    assert "ほかの方がこの訪問を変更しました" in reply.text
    shown = values(reply.text)
    assert (shown["promised_from"], shown["note"]) == ("18:30", "typed")
    assert "theirs" in reply.text
    assert loaded(db, visit_id).note == "theirs"
    assert post(office, f"/visits/{visit_id}/move", {**form, "version": shown["version"]}).status_code == 303
    assert loaded(db, visit_id).note == "typed"


def test_a_clash_is_told_at_the_time_with_who_and_when_stands_in_the_way(office, world, db):
    world.visit(60)
    visit_id = world.visit(180)
    reply = post(office, f"/visits/{visit_id}/move", move_form(db, visit_id, promised_from="17:30"))
    assert reply.status_code == 409
    assert "佐藤さんは17:00–18:00に山田 花子様の訪問が入っています" in reply.text
    assert values(reply.text)["promised_from"] == "17:30"


def test_a_cancellation_asks_for_the_reason_and_keeps_it(office, world, db):
    visit_id = world.visit()
    form = {"version": "1", "reason": ""}
    reply = post(office, f"/visits/{visit_id}/cancel", form)
    assert reply.status_code == 422
    assert 'id="reason-wrong"' in reply.text
    assert loaded(db, visit_id).status == "booked"
    assert post(office, f"/visits/{visit_id}/cancel", {**form, "reason": "お客様のご都合"}).status_code == 303
    assert loaded(db, visit_id).status == "cancelled"
    assert "お客様のご都合" in office.get(f"/visits/{visit_id}").text


def test_the_office_says_what_the_technician_says_and_takes_it_back(office, world, db):
    visit_id = world.visit()
    assert post(office, f"/visits/{visit_id}/status", {"status": "arrived"}).status_code == 303
    visit = loaded(db, visit_id)
    assert (visit.status, visit.arrived_by) == ("arrived", "office")
    assert post(office, f"/visits/{visit_id}/undo").status_code == 303
    assert loaded(db, visit_id).status == "booked"
    for nonsense in ({"status": "flown"}, {}, {"status": "cancelled"}):
        assert post(office, f"/visits/{visit_id}/status", nonsense).status_code == 422
    assert post(office, f"/visits/{visit_id}/undo").status_code == 409


def test_an_arrival_told_by_phone_is_recorded(office, world, db):
    visit_id = world.visit()
    assert post(office, f"/visits/{visit_id}/eta", {"eta": "17:25"}).status_code == 303
    assert loaded(db, visit_id).eta_reported.isoformat() == "2026-11-24T08:25:00+00:00"
    for nonsense in ("", "25:00", "08:00"):
        reply = post(office, f"/visits/{visit_id}/eta", {"eta": nonsense})
        assert reply.status_code == 422
        assert 'id="eta-wrong"' in reply.text


def test_a_notice_that_failed_is_settled_by_a_call(office, world, db, clock):
    visit_id = world.visit()
    with db.write() as session:
        visit = session.get(Visit, visit_id)
        session.add(
            Notice(
                visit_id=visit_id, kind="late", language="ja", dedupe_key="k", created_at=clock.now(),
                reason_code="late_expected",
                promised_from_at=visit.promised_from_at, promised_until_at=visit.promised_until_at, channels=["sms"],
                state="failed", state_reason="refused", expires_at=clock.now() + timedelta(hours=1),
            )
        )  # fmt: skip
        raise_alarm(session, "call_customer", f"visit:{visit_id}", clock.now(), visit_id=visit_id)
        session.flush()
        notice_id = session.scalars(select(Notice.id)).one()
    page = office.get(f"/visits/{visit_id}").text
    assert "電話で伝えた" in page
    assert post(office, f"/visits/{visit_id}/notices/{notice_id}/settle", {"told": "yes"}).status_code == 303
    with db.read() as session:
        assert session.get(Notice, notice_id).state == "delivered"
        assert session.scalars(select(Alarm.cleared_by)).one() == "user:1"
    assert post(office, f"/visits/{visit_id}/notices/{notice_id}/settle", {"told": "yes"}).status_code == 409
    assert post(office, f"/visits/{visit_id}/notices/{notice_id}/release").status_code == 409


def test_the_drawer_is_the_same_page_without_its_frame_and_stays_so_after_an_action(office, world):
    visit_id = world.visit()
    page = office.get(f"/visits/{visit_id}?part=drawer").text
    assert "<html" not in page
    action = re.search(r'action="([^"]*/status[^"]*)"', page)[1]
    reply = post(office, action, {"status": "arrived"})
    assert reply.location == f"/visits/{visit_id}?part=drawer"


# The booking


def booking(world, **changes):
    form = {
        "step": "book",
        "find": "",
        "who": f"{world.customer}:{world.site}",
        "service": str(world.service),
        "duration_min": "",
        "on": "2026-11-24",
        "promised_from": "17:00",
        "promised_until": "",
        "technician": str(world.technician),
        "note": "インターホンなし",
        "name": "",
        "mobile": "",
        "phone": "",
        "email": "",
        "language": "ja",
        "kind": "individual",
        "address": "",
        "lat": "",
        "lon": "",
    }
    return {**form, **changes}


NEW = {
    "who": "new",
    "name": "高橋 恵",
    "mobile": "090-8765-4321",
    "address": "大阪市北区梅田1-1",
    "lat": "34.7",
    "lon": "135.5",
}


def count(db, table):
    with db.read() as session:
        return session.scalar(select(func.count()).select_from(table))


def test_a_visit_is_booked_for_a_known_customer(office, world, db):
    reply = post(office, "/visits/new", booking(world))
    visit = loaded(db, 1)
    assert (reply.status_code, reply.location) == (303, "/?on=2026-11-24&visit=1")
    assert visit.promised_from_at == visit.promised_until_at
    assert visit.promised_from_at.isoformat() == "2026-11-24T08:00:00+00:00"
    assert (visit.duration_min, visit.technician_id, visit.note) == (60, world.technician, "インターホンなし")


def test_a_visit_is_booked_with_a_new_customer_in_one_go(office, world, db):
    assert post(office, "/visits/new", booking(world, **NEW, insist="1")).status_code == 303
    with db.read() as session:
        customer = session.scalars(select(Customer).order_by(Customer.id.desc())).first()
        assert (customer.name, customer.mobile) == ("高橋 恵", "+819087654321")
        assert (customer.sites[0].lat, customer.sites[0].located_by) == (34.7, "given")


def test_a_known_customer_can_be_visited_at_a_new_address(office, world, db):
    form = booking(world, who=f"{world.customer}:new", address="和歌山市2-2")
    assert post(office, "/visits/new", form).status_code == 303
    with db.read() as session:
        site = session.get(Site, session.get(Visit, 1).site_id)
        assert (site.customer_id, site.address, site.lat) == (world.customer, "和歌山市2-2", None)


def test_a_window_may_end_after_midnight(office, world, db):
    assert post(office, "/visits/new", booking(world, promised_from="23:30", promised_until="00:30")).status_code == 303
    visit = loaded(db, 1)
    assert visit.promised_until_at - visit.promised_from_at == timedelta(hours=1)


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"who": ""}, "who"),
        ({"who": "x:y"}, "who"),
        ({"who": "99999999999999999999:1"}, "who"),
        ({"service": ""}, "service"),
        ({"service": "99"}, "service"),
        ({"promised_from": ""}, "promised_from"),
        ({"promised_from": "25:99"}, "promised_from"),
        ({"on": "2026-13-01"}, "on"),
        ({"on": "2020-01-01"}, "promised_from"),
        ({"duration_min": "x"}, "duration_min"),
        ({"technician": "99"}, "technician"),
        ({"note": "x" * 2001}, "note"),
        ({**NEW, "name": ""}, "name"),
        ({**NEW, "mobile": "123"}, "mobile"),
        ({**NEW, "mobile": "03-1234-5678"}, "mobile"),
        ({**NEW, "email": "x"}, "email"),
        ({**NEW, "address": ""}, "address"),
        ({**NEW, "lat": "91"}, "lat"),
        ({**NEW, "lon": ""}, "lon"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_typed_is_lost_or_kept(office, world, db, changes, field):
    form = booking(world, **changes)
    reply = post(office, "/visits/new", form)
    assert reply.status_code == 422
    assert f'id="{field}-wrong"' in reply.text
    shown = values(reply.text)
    for name in ("on", "promised_from", "duration_min", "name", "mobile", "email", "address", "lat", "lon"):
        assert shown[name] == form[name], name
    assert "x" * 2001 in reply.text or "インターホンなし" in reply.text
    assert (count(db, Visit), count(db, Customer), count(db, Site)) == (0, 1, 1)


def test_who_stands_in_the_way_is_told_at_the_time_and_a_new_customer_is_not_half_kept(office, world, db):
    world.visit(60)
    reply = post(office, "/visits/new", booking(world, **NEW, promised_from="17:30"))
    assert reply.status_code == 409
    assert "佐藤さんは17:00–18:00に山田 花子様の訪問が入っています" in reply.text
    assert values(reply.text)["mobile"] == "090-8765-4321"
    assert count(db, Customer) == 1


def test_a_way_that_cannot_be_driven_is_told_with_the_minutes_missing(office, world, db):
    world.visit(60)
    reply = post(office, "/visits/new", booking(world, **NEW, promised_from="18:05"))
    assert reply.status_code == 409
    assert re.search(r"佐藤さんの17:00–18:00の訪問\(山田 花子様\)からの移動時間が\d+分足りません", reply.text)


@pytest.mark.parametrize("typed", ["山田花子", "ﾔﾏﾀﾞ", "090-1234", "1234-5678", "和歌山市", "HANAKO@"])
def test_customers_are_found_by_name_number_address_and_mail(office, world, typed):
    found = office.get("/visits/new/customers", query_string={"find": typed}).text
    assert (f'value="{world.customer}:{world.site}"' in found) == (typed != "ﾔﾏﾀﾞ")


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
@pytest.mark.parametrize("typed", ["%", "_", "'", "\\", "\x00"])
def test_signs_of_the_query_language_find_nobody(office, world, typed):
    reply = office.get("/visits/new/customers", query_string={"find": typed})
    assert reply.status_code == 200
    assert "山田" not in reply.text


def test_without_scripts_the_form_finds_customers_and_keeps_what_was_typed(office, world):
    reply = post(
        office, "/visits/new", booking(world, step="find_customer", find="山田", who="", promised_from="17:40")
    )
    assert reply.status_code == 200
    assert f'value="{world.customer}:{world.site}"' in reply.text
    assert values(reply.text)["promised_from"] == "17:40"


# Where is this address?


def test_an_address_is_looked_up_with_no_transaction_open(office, nominatim):
    reply = office.get("/geocode?q=梅田1-1")
    assert reply.json == {"lat": 34.7025, "lon": 135.4959, "name": "大阪市北区梅田"}
    assert nominatim.asked == ["梅田1-1"]


def test_an_unknown_address_and_a_silent_service_are_told_apart(office, nominatim):
    unknown = office.get("/geocode?q=どこでもない")
    assert (unknown.status_code, unknown.json["code"]) == (404, "address_unknown")
    nominatim.silent = True
    silent = office.get("/geocode?q=梅田")
    assert (silent.status_code, silent.json["code"]) == (503, "geocoder_silent")
    assert "地図" in silent.json["message"]
    assert office.get("/geocode?q=").status_code == 422


def test_without_scripts_the_form_looks_the_address_up_too(office, world, nominatim):
    reply = post(office, "/visits/new", booking(world, **NEW, step="find_place"))
    assert values(reply.text)["lat"] == "34.7025"
    nominatim.silent = True
    reply = post(office, "/visits/new", booking(world, **NEW, step="find_place"))
    assert "住所検索が応答しません" in reply.text
    assert (values(reply.text)["lat"], values(reply.text)["name"]) == ("34.7", "高橋 恵")


def test_a_time_off_is_named_at_the_time_and_booked_for_who_insists(office, world, db, clock):
    with db.write() as session:
        session.add(
            Absence(
                technician_id=world.technician, from_at=clock.now(), until_at=clock.now() + timedelta(hours=3),
                reason="通院", created_at=clock.now(), created_by="user:1",
            )
        )  # fmt: skip
    reply = post(office, "/visits/new", booking(world))
    assert reply.status_code == 409
    assert "担当者が休みです(通院)" in reply.text
    assert 'name="outside"' in reply.text
    assert post(office, "/visits/new", booking(world, outside="1")).status_code == 303
    reply = post(office, "/visits/1/move", move_form(db, 1, promised_from="17:30"))
    assert (reply.status_code, 'name="outside"' in reply.text) == (409, True)
    assert post(office, "/visits/1/move", move_form(db, 1, promised_from="17:30", outside="1")).status_code == 303
    assert office.get("/visits/1").text.count("担当者の休みと承知のうえで登録") == 2
