"""The REST API as another program meets it: bookings, and what every request has in common."""

from __future__ import annotations

import io
import threading
from datetime import UTC, datetime

import pytest
from sqlalchemy import event, select

from app.models import (
    Customer,
    IdempotentReply,
    Notice,
    NoticeAttempt,
    PositionFix,
    QuarantinedInput,
    Receipt,
    Visit,
    VisitEvent,
)
from app.web.limits import CLEARED_EVERY_S, Memory

AT = "2026-11-24T18:00:00+09:00"
LONG_AGO = "2026-11-20T18:00:00Z"


@pytest.fixture
def api(client, world):
    """Return a function that calls the API as a dispatcher's program."""

    def call(method, path, json=None, *, token=world.dispatcher_token, headers=None, **more):
        headers = {**({"Authorization": f"Bearer {token}"} if token else {}), **(headers or {})}
        return client.open(f"/api/v1{path}", method=method, json=json, headers=headers, **more)

    return call


@pytest.fixture
def wish(world):
    return {
        "customer": world.customer,
        "site": world.site,
        "service": world.service,
        "technician": world.technician,
        "promised_from": AT,
        "promised_until": AT,
        "duration_min": 60,
    }


def problem(reply, status):
    assert (reply.status_code, reply.content_type) == (status, "application/problem+json"), reply.text
    return {entry["field"]: entry["code"] for entry in reply.json.get("errors", [])}


# --- who may ask ------------------------------------------------------------------------------------------------------


def test_without_a_valid_token_nothing_is_told(api):
    for given in (None, "Bearer nobody", "Basic YTpi", "Basic \xff"):
        header = {"Authorization": given} if given else {}
        reply = api("GET", "/visits", token=None, headers=header)
        assert problem(reply, 401) == {}
        assert reply.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_browser_sign_in_is_no_token(signed_in, api):
    signed_in("admin")
    assert api("GET", "/visits", token=None).status_code == 401


def test_a_device_may_report_its_own_positions_and_nothing_else(api, world):
    device = api("POST", f"/technicians/{world.technician}/devices").json
    other = api("POST", "/technicians", {"name": "鈴木"}).json["id"]
    fix = {"fixed_at": "2026-11-24T16:00:00+09:00", "lat": 34.2, "lon": 135.1}
    secret = device["secret"]
    assert api("POST", f"/technicians/{world.technician}/fixes", fix, token=secret).json["new"] == 1
    assert problem(api("POST", f"/technicians/{other}/fixes", fix, token=secret), 403) == {}
    for method, path in (("GET", "/visits"), ("POST", "/visits"), ("GET", f"/technicians/{world.technician}")):
        assert api(method, path, token=secret).status_code == 403


# --- booking ----------------------------------------------------------------------------------------------------------


def test_a_visit_is_booked_and_read_back(api, wish, world, clock):
    booked = api("POST", "/visits", wish)
    assert booked.status_code == 201
    assert booked.headers["ETag"] == '"1"'
    visit = booked.json
    assert {name: visit[name] for name in wish} == wish
    assert (visit["status"], visit["forecast"], visit["planned_until"]) == ("booked", None, "2026-11-24T19:00:00+09:00")
    assert "/v/" in visit["customer_url"]
    assert api("GET", f"/visits/{visit['id']}").json == visit


def test_a_visit_carries_its_forecast(api, db, world):
    visit_id = world.visit()
    at = datetime(2026, 11, 24, 8, 10, tzinfo=UTC)
    with db.write() as session:
        visit = session.get(Visit, visit_id)
        visit.forecast_from_at = visit.forecast_until_at = visit.forecast_as_of_at = at
        visit.late_probability, visit.forecast_basis, visit.forecast_state = 0.25, "pace", "creeping"
    assert api("GET", f"/visits/{visit_id}").json["forecast"] == {
        "arrives_from": "2026-11-24T17:10:00+09:00",
        "arrives_until": "2026-11-24T17:10:00+09:00",
        "late_probability": 0.25,
        "as_of": "2026-11-24T17:10:00+09:00",
        "basis": "pace",
        "state": "creeping",
    }


def test_two_visits_at_one_time_are_refused_with_the_reason(api, wish):
    first = api("POST", "/visits", wish).json["id"]
    half_past = "2026-11-24T18:30:00+09:00"
    refused = api("POST", "/visits", {**wish, "promised_from": half_past, "promised_until": half_past})
    problem(refused, 409)
    assert (refused.json["type"], refused.json["reason"]) == ("urn:mamonaku:conflict", "overlap")
    assert refused.json["facts"]["visit"] == first


WRONG_WISHES = [
    ({"duration_min": False}, "duration_min", "type"),
    ({"duration_min": "60"}, "duration_min", "type"),
    ({"duration_min": 60.5}, "duration_min", "type"),
    ({"duration_min": 0}, "duration_min", "least"),
    ({"duration_min": 10**30}, "duration_min", "most"),
    ({"promised_from": "2026-11-24T18:00:00"}, "promised_from", "instant"),
    ({"promised_from": 1795512000}, "promised_from", "instant"),
    ({"promised_from": "9999-12-31T23:59:59Z"}, "promised_from", "instant"),
    ({"promised_from": "0001-01-01T00:00:00+09:00"}, "promised_from", "instant"),
    ({"promised_until": "2026-11-24T17:00:00+09:00"}, "promised_until", "before_start"),
    ({"promised_from": LONG_AGO, "promised_until": LONG_AGO}, "promised_from", "in_the_past"),
    ({"customer": None}, "customer", "type"),
    ({"customer": 999}, "customer", "unknown"),
    ({"site": 999}, "site", "unknown"),
    ({"service": 999}, "service", "unknown"),
    ({"technician": 999}, "technician", "unknown"),
    ({"technician": 2**31}, "technician", "most"),
    ({"note": "a\x00b"}, "note", "characters"),
    ({"note": "x" * 2001}, "note", "too_long"),
    ({"colour": "red"}, "colour", "extra"),
]


def test_wrong_input_names_its_field(api, wish):
    for change, field, code in WRONG_WISHES:
        assert problem(api("POST", "/visits", {**wish, **change}), 422) == {field: code}, change


def test_a_body_that_is_no_object_is_refused(api):
    for body in (b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b"[" * 100_000, b"1" * 5000):
        refused = api("POST", "/visits", data=body, content_type="application/json")
        assert list(problem(refused, 422)) == ["body"], body[:20]


def test_a_number_that_is_none_is_refused(api, world):
    for number in (b"NaN", b"1e999", b"-Infinity"):
        body = b'{"name": "x", "sites": [{"address": "a", "lat": %s, "lon": 1}]}' % number
        refused = api("POST", "/customers", data=body, content_type="application/json")
        assert problem(refused, 422) == {"sites[0].lat": "type"}


def test_a_body_that_is_too_large_is_refused(api):
    refused = api("POST", "/visits", data=b" " * (4 * 1024 * 1024 + 1), content_type="application/json")
    assert problem(refused, 413) == {}


def test_what_is_not_there_is_not_found(api):
    for path in ("/visits/999", "/visits/99999999999999999999", "/customers/0", "/technicians/999"):
        assert problem(api("GET", path), 404) == {}


def test_problems_speak_the_askers_language(api, wish):
    wrong = {**wish, "customer": 999}
    said = [
        api("POST", "/visits", wrong, headers={"Accept-Language": language}).json["errors"][0]["message"]
        for language in ("ja", "en")
    ]
    assert said == ["該当するものがありません", "is not known"]


# --- changing ---------------------------------------------------------------------------------------------------------


def test_a_visit_moves_when_nobody_changed_it_meanwhile(api, world):
    visit_id = world.visit()
    moved = api("PATCH", f"/visits/{visit_id}", {"promised_from": AT}, headers={"If-Match": '"1"'})
    assert (moved.status_code, moved.json["promised_until"], moved.headers["ETag"]) == (200, AT, '"2"')
    for stale in ('"1"', 'W/"1"', "1", '"abc"', '"1", "7"'):
        refused = api("PATCH", f"/visits/{visit_id}", {"note": "x"}, headers={"If-Match": stale})
        problem(refused, 412)
        assert refused.json["facts"] == {"version": 2}
    assert api("PATCH", f"/visits/{visit_id}", {"note": "x"}, headers={"If-Match": "*"}).status_code == 200


def test_a_visit_is_given_to_another_taken_from_all_and_cancelled(api, world):
    visit_id = world.visit()
    other = api("POST", "/technicians", {"name": "鈴木"}).json["id"]
    assert api("PATCH", f"/visits/{visit_id}", {"technician": other}).json["technician"] == other
    assert api("PATCH", f"/visits/{visit_id}", {"technician": None}).json["technician"] is None
    gone = api("PATCH", f"/visits/{visit_id}", {"status": "cancelled", "reason": "お客様のご都合"})
    assert gone.json["status"] == "cancelled"
    refused = api("PATCH", f"/visits/{visit_id}", {"note": "x"})
    problem(refused, 409)
    assert refused.json["reason"] == "visit_over"


SENSELESS_CHANGES = [
    ({}, {"body": "missing"}),
    ({"status": "completed"}, {"status": "choice"}),
    ({"status": "cancelled", "note": "x"}, {"note": "extra"}),
    ({"note": "x", "reason": "y"}, {"reason": "extra"}),
    ({"promised_from": None}, {"promised_from": "instant"}),
    ({"duration_min": None}, {"duration_min": "type"}),
]


def test_a_change_that_says_nothing_sensible_is_refused(api, world):
    visit_id = world.visit()
    for change, wrong in SENSELESS_CHANGES:
        assert problem(api("PATCH", f"/visits/{visit_id}", change), 422) == wrong


def test_status_and_eta_are_reported_by_the_office(api, world, db, clock):
    visit_id = world.visit()
    told = api("POST", f"/visits/{visit_id}/eta", {"eta": "2026-11-24T17:20:00+09:00"})
    assert told.json["eta_reported"] == "2026-11-24T17:20:00+09:00"
    there = api("POST", f"/visits/{visit_id}/status", {"status": "arrived", "at": "2026-11-24T15:58:00+09:00"})
    assert (there.json["status"], there.json["actual"]["arrived_by"]) == ("arrived", "office")
    assert there.json["actual"]["arrived_at"] == "2026-11-24T15:58:00+09:00"
    assert problem(api("POST", f"/visits/{visit_id}/status", {"status": "lost"}), 422) == {"status": "choice"}
    problem(api("POST", f"/visits/{visit_id}/eta", {"eta": "2026-11-24T17:20:00+09:00"}), 409)
    with db.read() as session:
        assert {e.actor for e in session.scalars(select(VisitEvent).where(VisitEvent.kind != "booked"))} == {"token:1"}


# --- lists ------------------------------------------------------------------------------------------------------------


def test_visits_are_listed_page_by_page_by_local_day_and_technician(api, world):
    tonight = [world.visit(60 * n) for n in (1, 3, 5)]  # 17:00, 19:00, 21:00
    after_midnight = world.visit(60 * 8.5)  # 00:30
    assert after_midnight not in tonight
    seen, cursor = [], None
    while True:
        page = api("GET", "/visits?date=2026-11-24&limit=2" + (f"&cursor={cursor}" if cursor else "")).json
        seen += [visit["id"] for visit in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == tonight
    assert [v["id"] for v in api("GET", "/visits?date=2026-11-25").json["items"]] == [after_midnight]
    assert api("GET", f"/visits?technician={world.technician}").json["next"] is None
    assert api("GET", "/visits?technician=999").json == {"items": [], "next": None}


WRONG_QUERIES = [
    ("date=2026-13-01", {"date": "date"}),
    ("date=9999-12-31", {"date": "date"}),
    ("limit=0", {"limit": "least"}),
    ("limit=201", {"limit": "most"}),
    ("limit=x", {"limit": "type"}),
    ("cursor=x", {"cursor": "cursor"}),
    ("cursor=20261124T000000.0-99999999999", {"cursor": "cursor"}),
    ("technician=99999999999", {"technician": "most"}),
    ("color=red", {"color": "extra"}),
]


def test_a_wrong_query_names_its_parameter(api):
    for query, wrong in WRONG_QUERIES:
        assert problem(api("GET", f"/visits?{query}"), 422) == wrong, query


def test_the_number_of_queries_does_not_grow_with_the_list(api, world, db):
    def queries(path):
        statements = []
        listen = lambda *args: statements.append(args[2])  # noqa: E731
        event.listen(db.engine, "before_cursor_execute", listen)
        assert api("GET", path).status_code == 200
        event.remove(db.engine, "before_cursor_execute", listen)
        return len(statements)

    visit_id = world.visit()
    _add_notice(db, visit_id, 1)
    paths = ("/visits", f"/visits/{visit_id}/notices")
    few = [queries(path) for path in paths]
    for n in range(2, 25):
        world.visit(n * 60)
        _add_notice(db, visit_id, n)
    assert [queries(path) for path in paths] == few


def _add_notice(db, visit_id, number):
    at = datetime(2026, 11, 24, 7, number, tzinfo=UTC)
    with db.write() as session:
        notice = Notice(
            visit_id=visit_id, kind="late", language="ja", dedupe_key=f"{visit_id}-{number}", created_at=at,
            quoted_from_at=at, quoted_until_at=at, reason_code="stuck", reason_facts={"min": 30},
            promised_from_at=at, promised_until_at=at,
            short="遅れます", subject="お知らせ", body="遅れます。", channels=["sms"], state="delivered", expires_at=at,
        )  # fmt: skip
        attempt = NoticeAttempt(channel="sms", started_at=at, finished_at=at, outcome="accepted", provider_id="SM1")
        notice.attempts = [attempt]
        session.add(notice)
        session.flush()
        session.add(Receipt(notice_id=notice.id, attempt_id=attempt.id, received_at=at, status="delivered"))


def test_notices_tell_what_was_said_why_how_and_what_came_of_it(api, world, db):
    visit_id = world.visit()
    _add_notice(db, visit_id, 1)
    (told,) = api("GET", f"/visits/{visit_id}/notices").json["items"]
    assert (told["kind"], told["text"], told["reason"]) == ("late", "遅れます", {"code": "stuck", "facts": {"min": 30}})
    assert told["attempts"][0]["outcome"] == "accepted"
    assert told["receipts"][0]["status"] == "delivered"
    assert problem(api("GET", "/visits/999/notices"), 404) == {}


# --- positions ----------------------------------------------------------------------------------------------------


def _fixes(api, world, sent):
    return api("POST", f"/technicians/{world.technician}/fixes", sent)


def _fix(minute, **more):
    return {"fixed_at": f"2026-11-24T15:{minute:02}:00+09:00", "lat": 34.2, "lon": 135.1, **more}


def test_fixes_come_alone_as_a_list_or_as_a_batch(api, world):
    assert _fixes(api, world, _fix(1)).json == {"new": 1, "known": 0, "quarantined": []}
    assert _fixes(api, world, [_fix(1), _fix(2)]).json == {"new": 1, "known": 1, "quarantined": []}
    assert _fixes(api, world, {"fixes": [_fix(3, accuracy_m=5, speed_mps=1.5)]}).json["new"] == 1


def test_a_malformed_fix_is_named_and_nothing_of_its_batch_is_kept(api, world, db):
    wrong = {
        "fixes[1].lat": ({"lat": "34"}, "type"),
        "fixes[1].lon": ({"lon": False}, "type"),
        "fixes[1].fixed_at": ({"fixed_at": "2026-11-24T15:00:00"}, "instant"),
        "fixes[1].accuracy_m": ({"accuracy_m": [1]}, "type"),
        "fixes[1].speed": ({"speed": 1}, "extra"),
    }
    for field, (change, code) in wrong.items():
        assert problem(_fixes(api, world, [_fix(1), _fix(2, **change)]), 422) == {field: code}
    assert problem(_fixes(api, world, _fix(1, lat=None)), 422) == {"lat": "type"}
    assert problem(_fixes(api, world, {"lat": 1.0, "lon": 1.0}), 422) == {"fixed_at": "missing"}
    assert problem(_fixes(api, world, []), 422) == {"fixes": "missing"}
    assert problem(_fixes(api, world, 7), 422) == {"body": "type"}
    assert problem(_fixes(api, world, [7]), 422) == {"fixes[0]": "type"}
    assert problem(_fixes(api, world, [_fix(1)] * 1001), 422) == {"fixes": "too_many"}
    with db.read() as session:
        assert session.scalars(select(PositionFix)).all() == []


def test_a_fix_that_cannot_be_right_is_kept_apart_and_reported(api, world, db):
    batch = [_fix(1), _fix(2, lat=0, lon=0), _fix(3, lat=95), {**_fix(4), "fixed_at": "1970-01-01T00:00:00Z"}, _fix(5)]
    batch += [{**_fix(6), "fixed_at": "9999-12-31T23:59:59Z"}]
    assert _fixes(api, world, batch).json == {
        "new": 2,
        "known": 0,
        "quarantined": [
            {"index": 1, "reason": "null_island"},
            {"index": 2, "reason": "off_the_globe"},
            {"index": 3, "reason": "before_2010"},
            {"index": 5, "reason": "in_the_future"},
        ],
    }
    with db.read() as session:
        kept = session.scalars(select(QuarantinedInput)).all()
        assert {row.payload["lat"] for row in kept} == {0.0, 95.0, 34.2}


def test_a_thousand_fixes_are_one_insert(api, world, db):
    statements = []
    event.listen(db.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    batch = [_fix(n % 60, lat=34 + n / 10_000) for n in range(1000)]
    assert _fixes(api, world, batch).json["new"] == 1000
    assert sum("INSERT INTO position_fix" in statement for statement in statements) == 1
    assert len(statements) < 15


def test_fixes_of_nobody_are_not_found(api):
    assert problem(api("POST", "/technicians/999/fixes", _fix(1)), 404) == {}


# --- people and places ------------------------------------------------------------------------------------------------


def test_a_customer_is_added_with_numbers_in_one_form(api):
    made = api(
        "POST",
        "/customers",
        {"name": "株式会社アオイ", "kind": "corporate", "language": "ja", "mobile": "090-1234-5678",
         "phone": "03-1234-5678", "sites": [{"address": "大阪市1-1"}], "notices": "delays", "first_channel": "email"},
    )  # fmt: skip
    assert made.status_code == 201
    assert (made.json["notices"], made.json["first_channel"]) == ("delays", "email")
    assert (made.json["mobile"], made.json["phone"]) == ("+819012345678", "+81312345678")
    assert made.json["sites"][0]["lat"] is None
    assert api("GET", f"/customers/{made.json['id']}").json == made.json


def test_a_wish_about_notices_that_nobody_has_is_refused(api):
    refused = api("POST", "/customers", {"name": "x", "notices": "some", "first_channel": "pigeon", "sites": []})
    assert problem(refused, 422) == {"notices": "choice", "first_channel": "choice"}


def test_a_landline_given_as_mobile_is_refused(api, db):
    refused = api("POST", "/customers", {"name": "x", "mobile": "03-1234-5678", "sites": []})
    assert problem(refused, 422) == {"mobile": "not_mobile"}
    with db.read() as session:
        assert session.scalar(select(Customer.id).where(Customer.name == "x")) is None


def test_a_technician_comes_with_a_device_whose_secret_is_shown_once(api, db):
    wish = {"name": "鈴木", "base": {"lat": 34.7, "lon": 135.5}, "working_hours": {"mon": [["09:00", "18:00"]]}}
    first, again = (api("POST", "/technicians", wish, headers={"Idempotency-Key": "t1"}) for _ in range(2))
    assert first.status_code == again.status_code == 201
    device = first.json["device"]
    assert device["owntracks_url"] == f"http://{device['username']}:{device['secret']}@127.0.0.1:8000/ingest/owntracks"
    assert again.json["id"] == first.json["id"]
    assert again.json["device"]["secret"] is None
    with db.read() as session:
        assert device["secret"] not in session.scalars(select(IdempotentReply.body)).one()
    shown = api("GET", f"/technicians/{first.json['id']}").json
    assert (shown["base"], "device" in shown) == ({"lat": 34.7, "lon": 135.5}, False)


def test_services_are_listed(api, world):
    assert [s["id"] for s in api("GET", "/services").json["items"]] == [world.service]


# --- repetitions ------------------------------------------------------------------------------------------------------


def test_a_repeated_post_is_done_once_and_answered_the_same(api, wish):
    first, again = (api("POST", "/visits", wish, headers={"Idempotency-Key": "k1"}) for _ in range(2))
    assert (first.status_code, first.json) == (again.status_code, again.json) == (201, first.json)
    assert again.headers["ETag"] == first.headers["ETag"]
    assert api("GET", "/visits").json["items"] == [first.json]


def test_a_key_used_for_another_request_is_refused(api, wish):
    api("POST", "/visits", wish, headers={"Idempotency-Key": "k1"})
    refused = api("POST", "/visits", {**wish, "note": "x"}, headers={"Idempotency-Key": "k1"})
    assert problem(refused, 422) == {"Idempotency-Key": "idempotency_key_reused"}
    assert refused.json["type"] == "urn:mamonaku:idempotency_key_reused"


def test_a_refused_request_leaves_its_key_free(api, wish, world):
    headers = {"Idempotency-Key": "k1"}
    taken = world.visit(120)
    assert api("POST", "/visits", wish, headers=headers).status_code == 409
    api("PATCH", f"/visits/{taken}", {"status": "cancelled"})
    assert api("POST", "/visits", wish, headers=headers).status_code == 201


def test_keys_of_two_programs_are_apart(api, wish, world):
    headers = {"Idempotency-Key": "k1"}
    assert api("POST", "/visits", wish, headers=headers).status_code == 201
    assert api("POST", "/visits", wish, headers=headers, token=world.manager_token).status_code == 409


def test_a_key_of_a_strange_form_is_refused(api, wish):
    for key in ("", "x" * 256, "鍵".encode().decode("latin-1")):
        refused = api("POST", "/visits", wish, headers={"Idempotency-Key": key})
        assert problem(refused, 422) == {"Idempotency-Key": "key"}


def test_of_two_repetitions_at_once_one_is_done(app, world, wish):
    headers = {"Authorization": f"Bearer {world.dispatcher_token}", "Idempotency-Key": "k1"}
    start, replies = threading.Barrier(8), []

    def post():
        start.wait()
        replies.append(app.test_client().post("/api/v1/visits", json=wish, headers=headers))

    threads = [threading.Thread(target=post) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {reply.status_code for reply in replies} == {201}
    assert len({reply.json["id"] for reply in replies}) == 1


# --- the description --------------------------------------------------------------------------------------------------


def test_the_api_describes_itself_and_nothing_else(client):
    spec = client.get("/api/v1/openapi.json").json
    assert spec["openapi"].startswith("3.1")
    assert all(path.startswith("/api/v1/") for path in spec["paths"])
    assert spec["components"]["securitySchemes"] == {"bearer": {"type": "http", "scheme": "bearer"}}
    for path, operations in spec["paths"].items():
        for method, operation in operations.items():
            assert operation["security"] == [{"bearer": []}]
            assert operation["tags"], path
            assert ("Idempotency-Key" in str(operation["parameters"])) == (method == "post")


def test_counting_requests_starts_no_thread_for_each(client, world, monkeypatch):
    headers = {"Authorization": f"Bearer {world.dispatcher_token}"}
    client.get("/api/v1/services", headers=headers)
    started = []
    monkeypatch.setattr(threading.Thread, "start", lambda thread: started.append(thread))
    for _ in range(5):
        assert client.get("/api/v1/services", headers=headers).status_code == 200
    assert started == []


def test_counts_that_are_over_are_forgotten(monkeypatch):
    at_s = [0.0]
    monkeypatch.setattr("app.web.limits.time.monotonic", lambda: at_s[0])
    counts = Memory()
    assert counts.acquire_entry("somebody", 5, 0)
    at_s[0] = CLEARED_EVERY_S
    assert counts.acquire_entry("another", 5, 60)
    assert not counts.events.get("somebody")


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)  # which has one turn to write
def test_who_sends_slowly_keeps_nobody_from_writing(app, world):
    headers = {"Authorization": f"Bearer {world.dispatcher_token}", "Content-Type": "application/json"}
    sending, sent = threading.Event(), threading.Event()
    body = b'{"name": "Slow", "kind": "individual", "language": "ja", "sites": [{"address": "Osaka"}]}'

    class Slow(io.RawIOBase):
        left = body

        def readable(self):
            return True

        def readinto(self, buffer):
            sending.set()
            sent.wait(30)
            taken, self.left = self.left[: len(buffer)], self.left[len(buffer) :]
            buffer[: len(taken)] = taken
            return len(taken)

    replies = {}

    def post(name, **given):
        replies[name] = app.test_client().post("/api/v1/customers", headers=headers, **given).status_code

    given = {"wsgi.input": Slow(), "CONTENT_LENGTH": str(len(body))}
    slow = threading.Thread(target=post, args=("slow",), kwargs={"environ_overrides": given})
    quick = threading.Thread(target=post, args=("quick",), kwargs={"data": body})
    slow.start()
    sending.wait(30)
    quick.start()
    quick.join(10)
    waited = "quick" not in replies
    sent.set()
    slow.join()
    quick.join()
    assert not waited
    assert replies == {"slow": 201, "quick": 201}
