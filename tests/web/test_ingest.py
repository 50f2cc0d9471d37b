"""OwnTracks phones in the field: whatever they send, none may be stuck, and nothing wrong may be believed."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text

from app.auth import create_device
from app.models import CurrentPosition, Device, PositionFix, QuarantinedInput, Visit
from app.tick import sweep
from app.web import ingest

NOW = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)
TST = int(NOW.timestamp())


def basic(username, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()}


def location(tst=TST, **more):
    """A message as the Android app sends it."""
    return {"_type": "location", "BSSID": "a0:b1", "SSID": "x", "_id": "f3c1", "batt": 81, "bs": 1, "conn": "m",
            "created_at": TST + 2, "inregions": ["home"], "lat": 34.2243211, "lon": 135.1652, "m": 2, "acc": 12,
            "tid": "st", "topic": "owntracks/d1/phone", "tst": tst, "vac": 3, "vel": 36, **more}  # fmt: skip


@pytest.fixture
def phone(client, world, db, clock):
    """Return a function that posts as the technician's phone does."""
    with db.write() as session:
        username, secret = create_device(session, technician_id=world.technician, now=clock.now())

    def post(message, *, headers=None, query="", path="/ingest/owntracks"):
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        headers = basic(username, secret) if headers is None else headers
        headers = {"X-Limit-U": username, "X-Limit-D": "phone", "User-Agent": "Owntracks-Android/gms/42", **headers}
        return client.post(path + query, data=body, content_type="application/json; charset=utf-8", headers=headers)

    post.username, post.secret = username, secret
    return post


def taken(reply):
    return (reply.status_code, reply.content_type, reply.text.strip()) == (200, "application/json", "[]")


def rows(db, model):
    with db.read() as session:
        return session.scalars(select(model).order_by(*model.__mapper__.primary_key)).all()


def test_a_location_is_kept_and_answered_with_an_empty_array(phone, db, world):
    assert taken(phone(location()))
    (fix,) = rows(db, PositionFix)
    assert (fix.technician_id, fix.fixed_at, fix.lat, fix.lon) == (world.technician, NOW, 34.224321, 135.1652)
    assert (fix.accuracy_m, fix.speed_mps, fix.moved, fix.source) == (12.0, 10.0, True, "owntracks")
    assert rows(db, Device)[0].last_seen_at == NOW


def test_a_late_batch_after_a_tunnel_is_taken_in_any_order_and_once(phone, db):
    for tst in (TST - 60, TST - 600, TST - 30, TST - 60, TST - 300, TST - 600):
        assert taken(phone(location(tst, created_at=TST)))
    assert len(rows(db, PositionFix)) == 4
    assert rows(db, CurrentPosition)[0].fixed_at == NOW - timedelta(seconds=30)


def test_the_time_may_be_text_or_a_float(phone, db):
    for n, tst in enumerate((str(TST), float(TST), f"{TST}.0")):
        assert taken(phone(location(tst, lat=34.2 + n)))
    assert [fix.fixed_at for fix in rows(db, PositionFix)] == [NOW] * 3


def test_what_is_zero_is_left_out(phone, db):
    message = location()
    del message["acc"], message["vel"], message["vac"]
    assert taken(phone(message))
    (fix,) = rows(db, PositionFix)
    assert (fix.accuracy_m, fix.speed_mps) == (None, None)


def test_a_ping_is_a_sign_of_life_and_no_new_position(phone, db):
    phone(location(TST - 1800))
    assert taken(phone(location(TST, t="p")))
    assert rows(db, CurrentPosition)[0].fixed_at == NOW - timedelta(minutes=30)
    assert [fix.moved for fix in sorted(rows(db, PositionFix), key=lambda f: f.fixed_at)] == [True, False]


def test_pings_from_an_old_place_do_not_make_a_silent_technician_a_standing_one(phone, parts, db, world, clock):
    visit_id = world.visit(60)
    for minute in range(11):
        phone(location(TST - 2400 + 60 * minute, lat=34.1 + 0.002 * minute))
    for minute in range(29, -1, -5):
        phone(location(TST - 60 * minute, lat=34.12, t="p"))
    sweep(parts, clock.at)
    with db.read() as session:
        visit = session.get(Visit, visit_id)
    assert (visit.forecast_state, visit.forecast_as_of_at) == ("silent", NOW - timedelta(minutes=30))


OTHER_MESSAGES = [
    {"_type": "transition", "event": "enter", "tst": TST, "wtst": TST, "desc": "home", "acc": 5, "tid": "st"},
    {"_type": "waypoint", "desc": "home", "lat": 34.2, "lon": 135.1, "rad": 50, "tst": TST},
    {"_type": "waypoints", "waypoints": []},
    {"_type": "lwt", "tst": TST},
    {"_type": "status", "android": {}},
    {"_type": "dump", "configuration": {}},
    {"_type": "card", "name": "st"},
    {"_type": "steps", "steps": 3},
    {"_type": "encrypted", "data": "AAAA"},
    {"_type": "of the future"},
    {"_type": 7},
    {"_type": ["location"]},
    {},
    b"",
    b"\n",
]


def test_every_other_message_is_answered_and_passed_over(phone, db):
    for message in OTHER_MESSAGES:
        assert taken(phone(message)), message
    assert rows(db, PositionFix) == rows(db, QuarantinedInput) == []


NEVER_GOOD = [
    (b"garbage", "not_json"),
    (b"\xff\xfe\x00", "not_json"),
    (b"\x00\x00\x00", "not_json"),
    (b'{"_type": "location", "tid": "\\ud800\\u0000', "not_json"),
    (b"[" * 100_000, "not_json"),
    (b"1" * 5000, "not_json"),
    (b"[]", "not_a_message"),
    (b'"x"', "not_a_message"),
    ({"_type": "location", "lat": 1.0, "lon": 1.0}, "no_time"),
    (location("soon"), "no_time"),
    (location(None), "no_time"),
    (location(True), "no_time"),
    (location(1e300), "no_time"),
    (location(10**400), "no_time"),
    (location({}), "no_time"),
    (location(lat=None), "no_position"),
    (location(lon="east"), "no_position"),
    (location(lon=[1]), "no_position"),
    (location(lat=91), "off_the_globe"),
    (location(lat=0, lon=0), "null_island"),
    (location(0), "before_2010"),
    (location(TST - 978_307_200), "before_2010"),
    (location(TST + 3600), "in_the_future"),
    (location(TST * 1000), "no_time"),
    (location(lat=float("nan")), "not_a_number"),
    (location(lat=0, lon=0, tid="\ud800\x00", inregions=[[[["x"]]]]), "null_island"),
]


def test_what_will_never_become_good_is_quarantined_and_answered_as_taken(phone, db, world):
    for message, _ in NEVER_GOOD:
        assert taken(phone(message)), message
    assert rows(db, PositionFix) == []
    kept = sorted(rows(db, QuarantinedInput), key=lambda row: row.id)
    assert [row.reason for row in kept] == [reason for _, reason in NEVER_GOOD]
    assert {(row.source, row.technician_id) for row in kept} == {("owntracks", world.technician)}


def test_strange_extras_do_not_matter(phone, db):
    assert taken(phone(location(acc="near", vel=None, t=7, motionactivities=["automotive"], extra={"deep": [1]})))
    assert len(rows(db, PositionFix)) == 1


def test_bad_accuracy_is_kept_and_is_not_where_the_technician_is(phone, db):
    assert taken(phone(location(acc=3000)))
    assert len(rows(db, PositionFix)) == 1
    assert rows(db, CurrentPosition) == []


def test_the_user_name_may_come_in_the_apps_own_header_or_parameter(phone, db):
    assert taken(phone(location(), headers=basic("whoever", phone.secret)))
    without_header = {**basic("whoever", phone.secret), "X-Limit-U": ""}
    assert taken(phone(location(TST - 1), headers=without_header, query=f"?u={phone.username}&d=phone"))
    assert taken(phone(location(TST - 2), path="/ingest/owntracks/"))
    assert len(rows(db, PositionFix)) == 3


def test_bad_credentials_are_refused(phone, db, clock):
    strange = ({"Authorization": ""}, {"Authorization": "Basic !"}, {"Authorization": "Basic \xff"})
    for headers in (*strange, basic(phone.username, "wrong"), basic("", "")):
        reply = phone(location(), headers=headers)
        assert (reply.status_code, reply.json) == (401, [])
        assert reply.headers["WWW-Authenticate"].startswith("Basic")
    with db.write() as session:
        session.scalars(select(Device)).one().revoked_at = clock.now()
    assert phone(location()).status_code == 401
    assert rows(db, PositionFix) == []


def test_one_phones_secret_does_not_open_anothers_name(phone, db, world, clock):
    with db.write() as session:
        other, _ = create_device(session, technician_id=world.technician, now=clock.now())
    assert phone(location(), headers={**basic(other, phone.secret), "X-Limit-U": other}).status_code == 401


def test_a_user_name_that_no_database_keeps_is_unknown_and_no_reason_to_send_again(phone):
    nobody = {**basic("d1\x00", phone.secret), "X-Limit-U": ""}
    assert phone(location(), headers=nobody, query="?u=%00").status_code == 401


def test_too_large_is_refused_as_an_array_too(phone):
    reply = phone(b" " * (4 * 1024 * 1024 + 1))
    assert (reply.status_code, reply.json) == (413, [])


def test_hundreds_of_messages_after_a_tunnel_are_no_overload(phone):
    assert all(taken(phone(b"")) for _ in range(200))
    assert int(ingest.LIMIT.split()[0]) >= 1000


def test_while_the_database_fails_the_phone_keeps_its_message(phone, db, app):
    with db.engine.begin() as connection:
        connection.execute(text("ALTER TABLE position_fix RENAME TO away"))
    try:
        reply = phone(location())
    finally:
        with db.engine.begin() as connection:
            connection.execute(text("ALTER TABLE away RENAME TO position_fix"))
    assert (reply.status_code, reply.json, reply.headers["Retry-After"]) == (503, [], "30")
    assert taken(phone(location()))
