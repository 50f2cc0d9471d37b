"""Can a customer write to the office from the own page, and read the answer there?"""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from sqlalchemy import select

from app.models import Alarm, Inbound, Notice, Visit


@pytest.fixture
def link(world, db):
    visit_id = world.visit(60)
    with db.read() as session:
        return SimpleNamespace(id=visit_id, path=f"/v/{session.get(Visit, visit_id).link_token}")


def heard(db):
    with db.read() as session:
        return session.scalars(select(Inbound).order_by(Inbound.id)).all()


def test_what_she_writes_lands_in_her_conversation_and_is_shown_again(client, link, db, world):
    answer = client.post(f"{link.path}/message", data={"words": "裏口からお願いします<b>", "key": "abc123"})
    assert (answer.status_code, answer.headers["Location"]) == (303, link.path)
    (message,) = heard(db)
    assert (message.channel, message.customer_id, message.visit_id) == ("page", world.customer, link.id)
    page = client.get(link.path).text
    assert "裏口からお願いします&lt;b&gt;" in page
    assert "メッセージをお預かりしました" in page


def test_the_same_form_twice_is_one_message_and_another_form_is_another(client, link, db):
    for key in ("abc123", "abc123", "def456", "", "ü"):
        client.post(f"{link.path}/message", data={"words": "もしもし", "key": key})
    assert len(heard(db)) == 4


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
@pytest.mark.parametrize("words", ["", "   ", "あ" * 1001])
def test_what_cannot_be_taken_is_kept_in_the_form(client, link, db, words):
    answer = client.post(f"{link.path}/message", data={"words": words, "key": "a1"})
    assert answer.status_code == 422
    assert words in answer.text
    assert heard(db) == []


def test_a_plain_wish_is_acted_on_at_once(client, link, db):
    client.post(f"{link.path}/message", data={"words": "電話ください", "key": "a1"})
    with db.read() as session:
        assert session.scalars(select(Alarm.kind)).all() == ["call_me"]
    assert "お電話のご希望を承りました" in client.get(link.path).text


def test_stop_on_the_page_is_read_by_a_person(client, link, db):
    client.post(f"{link.path}/message", data={"words": "停止", "key": "a1"})
    assert heard(db)[0].handled_at is None


def test_an_unknown_link_takes_nothing(client, db):
    assert client.post("/v/nosuchlink/message", data={"words": "a"}).status_code == 404
    assert heard(db) == []


def test_who_writes_without_end_is_slowed_down(client, link, db):
    answers = [client.post(f"{link.path}/message", data={"words": "a", "key": f"k{n}"}).status_code for n in range(12)]
    assert answers.count(429) == 2


def test_the_offices_answer_is_read_on_the_page_and_by_the_technician(client, link, db, clock, signed_in):
    client.post(f"{link.path}/message", data={"words": "駐車場はありますか", "key": "a1"})
    with db.write() as session:
        visit = session.get_one(Visit, link.id)
        session.add(
            Notice(
                visit_id=visit.id,
                kind="reply",
                language="ja",
                dedupe_key="reply:1",
                created_at=clock.now(),
                reason_code="answered",
                reason_facts={"by": "user:1", "words": {"words": "<建物の裏>にございます"}},
                promised_from_at=visit.promised_from_at,
                promised_until_at=visit.promised_until_at,
                technician_id=visit.technician_id,
                channels=["sms"],
                state="sent",
                sent_at=clock.now(),
                expires_at=clock.now(),
            )
        )
    page = client.get(link.path).text
    assert "お問い合わせへのご返信" in page
    assert "&lt;建物の裏&gt;にございます" in page
    day = signed_in("technician").get("/t").text
    assert day.count("駐車場はありますか") == 2  # before the bell, and in the list
    assert day.count("&lt;建物の裏&gt;にございます") == 2


def test_every_kind_of_notice_can_be_shown_to_customer_and_technician(client, link, db, clock, signed_in):
    from app.rules.messages import KINDS

    with db.write() as session:
        visit = session.get_one(Visit, link.id)
        for number, kind in enumerate(KINDS):
            session.add(
                Notice(
                    visit_id=visit.id,
                    kind=kind,
                    language="ja",
                    dedupe_key=f"x:{number}",
                    created_at=clock.now(),
                    quoted_from_at=clock.now(),
                    quoted_until_at=clock.now(),
                    reason_code="late_expected",
                    promised_from_at=visit.promised_from_at,
                    promised_until_at=visit.promised_until_at,
                    technician_id=visit.technician_id,
                    channels=["sms"],
                    state="sent",
                    sent_at=clock.now(),
                    expires_at=clock.now(),
                )
            )
    assert client.get(link.path).status_code == 200
    assert signed_in("technician").get("/t").status_code == 200
