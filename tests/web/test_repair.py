"""What are a dispatcher and another program told of what would save a late visit, and what do they do with it?"""

from __future__ import annotations

import html
import re

import pytest

from app.models import Technician
from tests.late_day import overrun, read
from tests.web.pages import post


@pytest.fixture
def late(world, db, clock, parts):
    return overrun(world, db, clock, parts)


@pytest.fixture
def office(signed_in):
    return signed_in("dispatcher")


@pytest.fixture
def api(client, world):
    def call(method, path, json=None, *, token=world.dispatcher_token, **headers):
        headers = {"Authorization": f"Bearer {token}", **headers}
        return client.open(f"/api/v1{path}", method=method, json=json, headers=headers)

    return call


def words(reply):
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", reply.text)))


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        (
            "ja",
            (
                "できる手当て",
                "鈴木さんに替える",
                r"16:15の予定が空いており、約\d+分の距離\(1\.0km\)",
                r"16:\d\dまでに決めれば有効",
            ),
        ),
        (
            "en",
            (
                "What can be done",
                "鈴木 goes instead",
                r"Free at 16:15, about \d+ min away \(1\.0 km\)",
                r"until 16:\d\d",
            ),
        ),
    ],
)
def test_a_late_visit_shows_what_can_be_done_before_and_after(office, late, lang, said):
    page = words(office.get(f"/visits/{late.next}?lang={lang}"))
    for text in said:
        assert re.search(text, page), text
    assert len(re.findall(r"\d\d:\d\d–\d\d:\d\d", page.split(said[1])[1])) >= 2


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        ("ja", ("割に合う手当てはありません", "ほかの担当2人の内訳: 技能「wifi」がない 2人")),
        ("en", ("Nothing pays just now", "Of 2 other technicians: 2 without the skill wifi")),
    ],
)
def test_nothing_to_offer_is_said_with_the_reason(office, world, db, clock, parts, lang, said):
    late = overrun(world, db, clock, parts, helpers=2, skills=["printer"])
    page = words(office.get(f"/visits/{late.next}?lang={lang}"))
    for text in said:
        assert text in page


def test_a_visit_in_time_shows_no_repairs(office, late):
    assert 'id="repairs"' not in office.get(f"/visits/{late.later}").text


def test_one_press_sends_the_other_and_a_second_press_is_told_that_it_is_done(office, late, db):
    form = {"offer": f"reassign-{late.helper}", "version": "1"}
    assert post(office, f"/visits/{late.next}/repair", form).status_code == 303
    assert read(db, late.next).technician_id == late.helper
    again = post(office, f"/visits/{late.next}/repair", form)
    assert again.status_code == 412
    assert "ほかの方がこの訪問を変更しました" in again.text


def test_an_offer_that_has_gone_is_refused_in_words_and_the_present_ones_are_shown(office, late, world):
    world.visit(15, technician_id=late.helper)
    refused = post(office, f"/visits/{late.next}/repair", {"offer": f"reassign-{late.helper}", "version": "1"})
    assert refused.status_code == 409
    assert "この手当てはもうできません" in refused.text
    assert "その時間に訪問があるか、移動中 1人" in words(refused)


@pytest.mark.parametrize(
    "form", [{}, {"offer": "x"}, {"offer": "x", "version": "0"}, {"offer": "\x00", "version": "1"}]
)
def test_a_crafted_form_changes_nothing(office, late, db, world, form):
    assert post(office, f"/visits/{late.next}/repair", form).status_code in (409, 412, 422)
    assert read(db, late.next).technician_id == world.technician


def test_a_program_reads_the_offers_and_accepts_one(api, late, db):
    reply = api("GET", f"/visits/{late.next}/repairs")
    assert reply.status_code == 200
    (offer,) = reply.json["items"]
    assert (offer["offer"], offer["kind"], offer["needs_consent"]) == (f"reassign-{late.helper}", "reassign", False)
    assert re.fullmatch(r"2026-11-24T16:[01]\d:00\+09:00", offer["worth_until"])
    (effect, *_) = offer["visits"]
    assert (effect["visit"], effect["technician"]) == (late.next, late.helper)
    assert effect["before"]["late_probability"] > 0.5 > effect["after"]["late_probability"]
    accepted = api("POST", f"/visits/{late.next}/repairs", {"offer": offer["offer"]}, **{"If-Match": '"1"'})
    assert (accepted.status_code, accepted.json["technician"]) == (200, late.helper)
    assert accepted.headers["ETag"] == f'"{read(db, late.next).version}"'


def test_a_program_is_told_why_an_offer_cannot_be_accepted(api, late):
    path = f"/visits/{late.next}/repairs"
    stale = api("POST", path, {"offer": f"reassign-{late.helper}"}, **{"If-Match": '"9"'})
    assert stale.status_code == 412
    gone = api("POST", path, {"offer": "reorder-1-2"})
    assert (gone.status_code, gone.json["reason"]) == (409, "repair_gone")
    wrong = api("POST", path, {"offer": 7, "agreed": "yes"})
    assert {one["field"] for one in wrong.json["errors"]} == {"offer", "agreed"}
    assert api("GET", "/visits/99999/repairs").status_code == 404


def test_the_reasons_are_told_to_a_program_too(api, world, db, clock, parts):
    late = overrun(world, db, clock, parts, travels_by="bicycle")
    found = api("GET", f"/visits/{late.later}/repairs").json
    assert (found["items"], found["refused"]) == ([], {})
    found = api("GET", f"/visits/{late.next}/repairs").json
    assert (found["technicians"], found["refused"]) == (1, {})
    with db.write() as session:
        session.get_one(Technician, late.helper).skills = []
    assert api("GET", f"/visits/{late.next}/repairs").json["refused"] == {"skill": 1}


def test_the_skill_that_a_service_takes_is_chosen_among_those_there_are(signed_in, late, db, world, api):
    office, address = signed_in("admin"), f"/services/{world.service}"
    assert '<option value="wifi" selected>' in office.get(address).text
    form = {"name_ja": "Wi-Fi設定", "name_en": "Wi-Fi setup", "duration_min": "60", "active": "1", "skill": ""}
    assert post(office, address, form).status_code == 303
    assert api("GET", "/services").json["items"][0]["skill"] == ""
    assert post(office, address, {**form, "skill": "x" * 51}).status_code == 422
    with db.write() as session:
        session.get_one(Technician, late.helper).skills = []
    assert api("GET", f"/visits/{late.next}/repairs").json["items"][0]["kind"] == "reassign"
