"""Can the desk tell the many whom one incident concerns, and does everybody read only what is for everybody?"""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app.models import Incident, IncidentEntry, Notice, Visit
from tests.web.pages import post

TITLE, SORRY = "台風による到着の遅れ", "台風のため到着が遅れます。申し訳ございません。"


@pytest.fixture
def office(signed_in):
    return signed_in("dispatcher")


@pytest.fixture
def storm(office, world, db):
    """Return an open incident about a visit: its page at the desk, and its public one."""
    visit_id = world.visit(120)
    reply = post(
        office,
        "/incidents/new",
        {"visits": visit_id, "title_ja": TITLE, "words_ja": SORRY, "answered_by": "小林", "phone": ""},
    )
    assert reply.status_code == 303
    with db.read() as session:
        token = session.scalars(select(Incident.token)).one()
        link = session.get_one(Visit, visit_id).link_token
    return reply.location, f"/i/{token}", f"/v/{link}"


def test_the_empty_list_says_what_to_do(office):
    page = office.get("/incidents").text
    assert "いま対応中の障害・遅延はありません" in page
    assert 'href="/incidents/new"' in page


def test_the_form_offers_the_days_open_visits_and_keeps_what_was_typed(office, world):
    visit_id = world.visit(120)
    page = office.get("/incidents/new").text
    assert f'name="visits" value="{visit_id}" checked' in page
    assert f'<option value="{world.technician}">佐藤</option>' in page
    reply = post(office, "/incidents/new", {"title_ja": TITLE, "words_ja": "", "answered_by": "小林"})
    assert reply.status_code == 422
    assert TITLE in reply.text
    assert f'name="visits" value="{visit_id}">' in reply.text
    assert reply.text.count('class="wrong"') == 2
    assert "この条件に合う" in office.get("/incidents/new?on=2026-11-30").text
    assert office.get("/incidents/new?on=x&from=99:99&technician=abc").status_code == 200


def test_everybody_reads_the_page_and_nobody_is_named_on_it(storm, client):
    _, public, own = storm
    page = client.get(public)
    assert page.status_code == 200
    for words in (TITLE, SORRY, "小林", "03-1234-5678", "次のご連絡は17:05まで"):
        assert words in page.text
    for secret in ("山田", "和歌山", "佐藤", own.removeprefix("/v/")):
        assert secret not in page.text
    assert page.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert TITLE in client.get(own).text
    assert "You will hear from us again by 17:05" in client.get(f"{public}?lang=en").text
    assert client.get("/i/abc").status_code == 404
    assert client.get("/i/%00").status_code == 404


def test_the_page_grows_in_time_order_to_its_report(storm, office, client, clock):
    desk, public, _ = storm
    clock.forward(minutes=61)
    assert post(office, f"{desk}/update", {"words_ja": "<b>道路が開通</b>しました。"}).status_code == 303
    assert "&lt;b&gt;道路が開通" in office.get(desk).text
    clock.forward(minutes=5)
    assert post(office, f"{desk}/close", {"words_ja": "解消しました。"}).status_code == 303
    assert post(office, f"{desk}/update", {"words_ja": "遅れた続報"}).status_code == 409
    parts = ("apology", "happened", "cause", "done", "changed", "prevention")
    refused = post(office, f"{desk}/report", {f"{part}_ja": f"{part}でした。" for part in parts[1:]})
    assert refused.status_code == 422
    assert "causeでした。" in refused.text
    assert (
        post(office, f"{desk}/report", {f"{part}_ja": f"{part}でした。\n以上。" for part in parts}).status_code == 303
    )
    page = client.get(public).text
    assert "<b>道路" not in page
    found = [page.index(words, page.index('class="told"')) for words in (SORRY, "道路が開通", "解消しました。")]
    assert found == sorted(found)
    assert page.index("apologyでした。") < page.index("preventionでした。")
    assert post(office, f"{desk}/reopen", {"words_ja": "再び発生しました。"}).status_code == 303


def test_only_the_desk_opens_incidents(client, signed_in, world, storm):
    desk, _, _ = storm
    technician = signed_in("technician")
    assert technician.get(desk).status_code == 403
    assert technician.get("/incidents").status_code == 403


def test_a_forged_form_changes_nothing(storm, office, db):
    desk, _, _ = storm
    assert office.post(f"{desk}/close", data={"words_ja": "x"}).status_code == 400
    assert office.post(f"{desk}/visits/1/leave-out").status_code == 400
    with db.read() as session:
        assert [entry.kind for entry in session.scalars(select(IncidentEntry))] == ["opened"]
        assert len(session.scalars(select(Notice)).all()) == 1


def test_an_unknown_incident_is_not_found(office):
    assert office.get("/incidents/99").status_code == 404
    assert post(office, "/incidents/99/update", {"words_ja": "x"}).status_code == 404
