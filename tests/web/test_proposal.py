"""Does a customer see what is asked of her, answer with one press and no script, and see what came of it?"""

from __future__ import annotations

import re
from datetime import timedelta
from types import SimpleNamespace

import pytest

from app.models import Customer, Proposal, Technician, Visit
from app.operations.appointment import Message, change
from app.operations.booking import change_visit
from app.operations.notice import Telling
from app.operations.proposal import Question, Step, ask
from app.tick import sweep
from tests.late_day import overrun, read
from tests.web.pages import post
from tests.web.test_customer import everything, said

#: Nothing here minds the database: the operation is proved on both.
pytestmark = pytest.mark.parametrize("db", ["sqlite"], indirect=True)


@pytest.fixture
def telling(parts):
    return Telling(parts.settings.base_url, parts.settings.zone, parts.channels)


@pytest.fixture
def asked(world, db, clock, telling):
    """A visit at 19:00 that she is asked to have at 20:00 to 20:30, her page, and the question."""
    visit_id, start = world.visit(180), clock.at + timedelta(hours=4)
    question = Question(
        visit_id, start, start + timedelta(minutes=30), [Step(visit_id, world.technician, start)], "交通渋滞"
    )
    with db.write() as session:
        number = ask(session, question, now=clock.at, telling=telling, actor="user:1").id
        token = session.get_one(Visit, visit_id).link_token
    return SimpleNamespace(id=visit_id, path=f"/v/{token}", number=number, start=start)


def answer(client, asked, said, **changes):
    wish = {"proposal": asked.number, "answer": said, **changes}
    return client.post(f"{asked.path}/proposal", data=wish, follow_redirects=True)


def test_she_reads_what_is_asked_and_looking_changes_nothing(client, db, asked):
    before = everything(db)
    page = said(client.get(asked.path))
    assert everything(db) == before
    for words in ("日時の変更をお願いできないでしょうか", "交通渋滞のため", "19:00", "了解する(20:00〜20:30)"):
        assert words in page
    assert "元の時間のまま(19:00)" in page
    assert "18:40までにお答え" in page
    assert re.search(r"<button[^>]*>了解しました", page) is None  # an OK here could be taken for a yes
    assert "Yes, 20:00–20:30 is fine" in said(client.get(f"{asked.path}?lang=en"))


@pytest.mark.parametrize(
    ("press", "words", "moves"),
    [
        ("accepted", "20:00〜20:30に伺います", True),
        ("kept", "お約束は19:00のままです", False),
        ("call", "お電話を差し上げます", False),
    ],
)
def test_one_press_is_an_answer_and_a_second_none(client, db, asked, press, words, moves):
    page = said(answer(client, asked, press))
    assert words in page
    assert 'name="answer"' not in page
    assert (read(db, asked.id).promised_from_at == asked.start) == moves
    assert words in said(answer(client, asked, "kept" if press == "accepted" else "accepted"))


def test_nobody_answers_for_somebody_else_or_something_else(client, db, asked, world):
    other = world.visit(600)
    with db.read() as session:
        path = f"/v/{session.get_one(Visit, other).link_token}"
    wish = {"proposal": asked.number, "answer": "accepted"}
    assert client.post(f"{path}/proposal", data=wish).status_code == 404
    assert client.post("/v/2222222222/proposal", data=wish).status_code == 404
    for wrong in ({"proposal": "x"}, {"proposal": ""}, {"proposal": 999}):
        assert answer(client, asked, "accepted", **wrong).status_code == 404
    assert answer(client, asked, "perhaps").status_code >= 400
    with db.read() as session:
        assert session.get_one(Proposal, asked.number).answer is None


def test_after_the_deadline_and_after_the_office_s_own_change_she_reads_the_truth(
    client, db, clock, asked, telling, world
):
    clock.forward(hours=2, minutes=41)
    assert "お返事の期限を過ぎました" in said(client.get(asked.path))
    assert "お返事の期限を過ぎました" in said(answer(client, asked, "accepted"))
    clock.forward(hours=-2)
    with db.write() as session:
        suzuki = Technician(name="鈴木", created_at=clock.at)
        session.add(suzuki)
        session.flush()
        session.get_one(Proposal, asked.number).answer = None
        change(session, asked.id, Message(telling, "no"), now=clock.at, actor="user:1", technician_id=suzuki.id)
    assert "変更のお願いは取り下げました" in said(client.get(asked.path))
    later = clock.at + timedelta(hours=8)
    with db.write() as session:
        change(
            session, asked.id, Message(telling, "told"), now=clock.at, actor="user:1", promised_from_at=later,
            promised_until_at=later,
        )  # fmt: skip
    assert 'id="proposal"' not in said(client.get(asked.path))


def test_a_dispatcher_asks_by_link_sees_that_it_waits_and_takes_it_back(signed_in, world, db, clock, parts):
    late, how = overrun(world, db, clock, parts, helpers=0), {"now": clock.at, "actor": "user:1"}
    with db.write() as session:
        change_visit(session, late.next, promised_from_at=clock.at + timedelta(minutes=25), duration_min=90, **how)
        change_visit(session, late.later, promised_from_at=clock.at + timedelta(minutes=120), **how)
    sweep(parts, clock.at)
    office, path = signed_in("dispatcher"), f"/visits/{late.later}"
    key = re.search(r'name="offer" value="(move-[^"]+)"', office.get(path).text)[1]
    wish = {"version": read(db, late.later).version, "offer": key}
    wrong = post(office, f"{path}/ask", {**wish, "reason": "{x}"})
    assert wrong.status_code == 422
    assert "{x}" in wrong.text
    assert post(office, f"{path}/ask", {**wish, "reason": "前の作業の長引き"}).status_code == 303
    page = office.get(path).text
    assert "お客様のお返事待ち" in page
    assert "/ask" in page
    assert post(office, f"{path}/ask/back").status_code == 303
    assert "お客様のお返事待ち" not in office.get(path).text
    with db.read() as session:
        assert session.query(Proposal).one().answer == "withdrawn"


def test_a_program_asks_about_what_the_form_warns_of_only_when_it_insists(client, db, world, clock):
    visit_id, start = world.visit(180), (clock.at + timedelta(hours=4)).isoformat()
    with db.write() as session:
        other = Technician(name="鈴木", created_at=clock.at)
        session.add(other)
        session.flush()
        session.get_one(Customer, world.customer).avoids = [other.id]
        wish = {"tell": "ask", "promised_from": start, "technician": other.id}
    headers = {"Authorization": f"Bearer {world.dispatcher_token}"}
    refused = client.patch(f"/api/v1/visits/{visit_id}", json=wish, headers=headers)
    assert (refused.status_code, refused.json["reason"]) == (409, "unwanted")
    taken = client.patch(f"/api/v1/visits/{visit_id}", json={**wish, "insist": True}, headers=headers)
    assert taken.status_code == 200
    assert taken.json["technician"] == world.technician  # nothing moves before her yes
