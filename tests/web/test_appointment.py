"""Does the office see that a customer will be told, and say otherwise where somebody has told her?"""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.models import Customer, Notice, Reminder, Visit
from app.operations.appointment import book
from tests.web.pages import post


@pytest.fixture
def visit(db, clock, world, parts):
    """A visit in three days with its reminders."""
    at = clock.now() + timedelta(days=3)
    with db.write() as session:
        return book(
            session, zone=parts.settings.zone, now=clock.now(), actor="user:1", customer_id=world.customer,
            site_id=world.site, service_id=world.service, technician_id=world.technician, promised_from_at=at,
            promised_until_at=at, duration_min=60,
        ).id  # fmt: skip


def notices(db):
    with db.read() as session:
        return [
            (n.kind, n.state, n.reason_facts.get("why")) for n in session.scalars(select(Notice).order_by(Notice.id))
        ]


def reminders(db, visit_id):
    with db.read() as session:
        rows = session.scalars(select(Reminder).where(Reminder.visit_id == visit_id).order_by(Reminder.id))
        return [(one.kind, one.state, one.state_reason) for one in rows]


def moved(**typed):
    return {
        "on": "2026-11-30",
        "promised_from": "10:00",
        "promised_until": "",
        "duration_min": "60",
        "version": "1",
        **typed,
    }


def test_the_page_shows_what_is_booked_and_what_became_of_it(signed_in, visit):
    page = signed_in("dispatcher").get(f"/visits/{visit}?lang=ja").text
    assert "ご案内の予約" in page
    assert page.count("予約中") == 3
    assert "担当が向かったとき" in page


def test_moving_a_visit_tells_the_customer_unless_somebody_has(signed_in, db, visit, world):
    client = signed_in("dispatcher")
    assert post(client, f"/visits/{visit}/move", moved(technician=world.technician)).status_code == 303
    assert notices(db) == [("moved", "due", None)]
    page = client.get(f"/visits/{visit}?lang=en").text
    assert page.count("taken back (moved)") == 3
    typed = moved(technician=world.technician, on="2026-12-01", version="2", tell="told", tell_why="told by phone")
    assert post(client, f"/visits/{visit}/move", typed).status_code == 303
    assert notices(db)[1:] == [("moved", "delivered", "told by phone")]
    assert "told by phone" in client.get(f"/visits/{visit}?lang=en").text


def test_who_is_not_told_is_not_told_for_a_reason(signed_in, db, visit):
    client = signed_in("dispatcher")
    refused = post(client, f"/visits/{visit}/cancel?lang=en", {"reason": "twice", "version": "1", "tell": "no"})
    assert refused.status_code == 422
    assert 'id="cancel-why-wrong"' in refused.text
    assert 'name="tell" value="no" checked' in refused.text
    with db.read() as session:
        assert session.get_one(Visit, visit).status == "booked"
    done = post(
        client, f"/visits/{visit}/cancel", {"reason": "twice", "version": "1", "tell": "no", "tell_why": "booked twice"}
    )
    assert done.status_code == 303
    assert notices(db) == [("cancelled", "dropped", "booked twice")]
    assert {state for _, state, _ in reminders(db, visit)} == {"taken_back"}


def test_the_customer_who_is_moved_by_us_reads_an_apology_and_the_reason(signed_in, db, visit, world):
    client = signed_in("dispatcher")
    page = client.get(f"/visits/{visit}?lang=ja").text
    assert page.count('name="side" value="us" checked') == 2
    assert '<option value="車両の故障">' in page
    typed = moved(technician=world.technician, side="us", told_reason="車両の故障")
    assert post(client, f"/visits/{visit}/move", typed).status_code == 303
    with db.read() as session:
        body = session.scalars(select(Notice.body)).one()
    assert "弊社の都合により" in body
    assert "車両の故障" in body


def test_a_customer_who_cannot_be_there_is_taken_for_who_asked(signed_in, client, db, visit):
    with db.read() as session:
        link = session.get_one(Visit, visit).link_token
    assert client.post(f"/v/{link}/cannot-be-there", data={"text": "木曜なら"}).status_code < 400
    page = signed_in("dispatcher").get(f"/visits/{visit}").text
    assert page.count('name="side" value="customer" checked') == 2


def test_a_side_that_there_is_not_is_refused_and_what_was_typed_is_kept(signed_in, db, visit):
    page = post(signed_in("dispatcher"), f"/visits/{visit}/move", moved(side="them", told_reason="車両の故障"))
    assert page.status_code == 422
    assert 'value="車両の故障"' in page.text
    assert notices(db) == []


def test_a_way_that_there_is_not_is_refused(signed_in, db, visit):
    page = post(signed_in("dispatcher"), f"/visits/{visit}/move", moved(tell="perhaps"))
    assert page.status_code == 422
    assert notices(db) == []


def test_the_office_is_reminded_of_a_customer_who_wants_no_notices(signed_in, db, world, visit):
    with db.write() as session:
        session.get_one(Customer, world.customer).notices = "none"
    assert "Please phone instead." in signed_in("dispatcher").get(f"/visits/{visit}?lang=en").text


def test_a_visit_is_booked_with_reminders_or_without(signed_in, db, world):
    client = signed_in("dispatcher")
    page = client.get("/visits/new?lang=en").text
    assert 'name="remind" value="1" checked' in page
    assert "the day before at 17:00, 2 h before, when the technician sets out" in page
    typed = {
        "step": "book", "who": f"{world.customer}:{world.site}", "service": world.service, "on": "2026-11-30",
        "promised_from": "10:00", "technician": "",
    }  # fmt: skip
    assert post(client, "/visits/new", typed).status_code == 303
    assert post(client, "/visits/new", {**typed, "remind": "1"}).status_code == 303
    assert {why for _, _, why in reminders(db, 1)} == {"not_wanted"}
    assert {state for _, state, _ in reminders(db, 2)} == {"booked"}


def called(client, world, method, path, **body):
    headers = {"Authorization": f"Bearer {world.dispatcher_token}"}
    return getattr(client, method)(f"/api/v1{path}", json=body, headers=headers)


def test_a_program_may_say_how_the_customer_learns_of_it(client, db, world, visit):
    move = {"promised_from": "2026-11-30T10:00:00+09:00"}
    assert called(client, world, "patch", f"/visits/{visit}", **move).status_code == 200
    assert notices(db) == [("moved", "due", None)]
    told = {"status": "cancelled", "tell": "told", "tell_why": "by phone"}
    assert called(client, world, "patch", f"/visits/{visit}", **told).status_code == 200
    assert notices(db) == [("moved", "dropped", None), ("cancelled", "delivered", "by phone")]
    wrong = called(client, world, "patch", f"/visits/{visit}", promised_from="2026-12-01T10:00:00+09:00", tell="x")
    assert wrong.status_code == 422


def test_a_program_may_say_whose_doing_it_is(client, db, world, visit):
    ours = {"status": "cancelled", "side": "us", "told_reason": "担当者の急な体調不良"}
    assert called(client, world, "patch", f"/visits/{visit}", **ours).status_code == 200
    with db.read() as session:
        body = session.scalars(select(Notice.body)).one()
    assert "誠に申し訳ございません" in body
    assert "担当者の急な体調不良" in body
    assert called(client, world, "patch", f"/visits/{visit}", side="us").status_code == 422
    assert called(client, world, "patch", f"/visits/{visit}", status="cancelled", side="them").status_code == 422


def test_only_saying_how_to_tell_changes_nothing(client, world, visit):
    assert called(client, world, "patch", f"/visits/{visit}", tell="no").status_code == 422


def test_a_program_that_reports_a_visit_as_cancelled_cancels_it_like_everybody(client, db, world, visit):
    assert called(client, world, "post", f"/visits/{visit}/status", status="cancelled").status_code == 200
    assert notices(db) == [("cancelled", "due", None)]


def test_a_program_books_with_reminders_unless_it_says_otherwise(client, db, world):
    booking = {
        "customer": world.customer, "site": world.site, "service": world.service,
        "promised_from": "2026-11-30T10:00:00+09:00", "promised_until": "2026-11-30T10:00:00+09:00",
    }  # fmt: skip
    assert called(client, world, "post", "/visits", **booking).status_code == 201
    assert called(client, world, "post", "/visits", **booking, remind=False).status_code == 201
    assert {state for _, state, _ in reminders(db, 1)} == {"booked"}
    assert {why for _, _, why in reminders(db, 2)} == {"not_wanted"}
