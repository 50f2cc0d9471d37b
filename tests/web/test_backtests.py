"""Can a manager ask for past days, watch them being played, read what came out, and put tried values into force?"""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app.backtest.days import log_day
from app.backtest.play import run_backtest
from app.backtest.report import result_as_json
from app.models import Backtest
from app.operations.backtest import claim_backtest
from app.operations.field import report_status
from app.operations.policy import change_policy, current_policy
from app.rules.policy import Policy
from tests.backtest.test_play import DEAF, STORY
from tests.web.pages import post, token, values


@pytest.fixture(scope="module")
def outcome():
    return result_as_json(run_backtest([log_day(STORY)], 1, [Policy(), DEAF], lambda _: None))


@pytest.fixture
def manager(signed_in):
    return signed_in("manager")


def kept(db, clock, **facts):
    on = clock.now().date()
    with db.write() as session:
        row = Backtest(
            **{
                "created_at": clock.now(), "actor": "user:1", "first_on": on, "last_on": on, "policy_values": {},
                "state": "done", **facts,
            }
        )  # fmt: skip
        session.add(row)
        session.flush()
        return row.id


def test_a_new_company_is_told_what_to_expect_and_when(manager):
    page = manager.get("/backtest").text
    assert "再生できる日がまだありません" in page
    assert "mamonaku backtest" in page
    assert "今の基準で再生する" not in page
    english = manager.get("/backtest?lang=en").text
    assert "There is no day to play yet" in english
    assert "No visit with a known arrival yet" in english


def test_what_was_really_told_is_marked_without_playing_anything(manager, world, db, clock):
    visit_id = world.visit(0)
    with db.write() as session:
        report_status(session, visit_id, "arrived", now=clock.forward(minutes=20), actor="technician:1")
    page = manager.get("/backtest?lang=en").text
    assert "Late visits: 1. Told before the promised time ended: none." in page


def test_past_days_are_asked_for_and_awaited(manager, world, db, clock):
    world.visit(0)
    clock.forward(hours=3)
    page = manager.get("/backtest").text
    begun = post(manager, "/backtest", {name: values(page)[name] for name in ("from_day", "until_day")})
    assert begun.status_code == 303
    page = manager.get(begun.location + "&lang=en").text
    assert "waiting" in page
    assert "The jobs are not running" in page
    with db.read() as session:
        row = session.scalars(select(Backtest)).one()
        assert (row.actor.split(":")[0], row.policy_values) == ("user", {})


def test_the_last_month_is_offered_and_what_is_kept_for_it_is_said(signed_in, world, clock):
    world.visit(0)
    clock.forward(days=40)
    world.visit(0)
    clock.forward(hours=3)
    page = signed_in("manager").get("/backtest?lang=en").text
    offered = values(page)
    assert (offered["from_day"], offered["until_day"]) == ("2026-12-04", "2027-01-02")
    assert "kept for 35 days" in page
    assert "Of positions older than 7 days, only one in 30 seconds stays" in page


def test_days_that_cannot_be_played_are_refused_at_their_field(manager, world, clock):
    world.visit(0)
    clock.forward(hours=3)
    said = post(manager, "/backtest", {"from_day": "2020-01-01", "until_day": "2026-11-24"})
    assert said.status_code == 422
    assert "以降の日を指定してください" in said.text
    assert 'value="2020-01-01"' in said.text
    assert post(manager, "/backtest", {"from_day": "nonsense"}).status_code == 422


def test_one_at_a_time_and_a_running_one_can_be_cancelled(manager, db, clock, world):
    world.visit(0)
    running = kept(db, clock, state="waiting")
    with db.write() as session:
        claim_backtest(session, clock.now())
    assert post(manager, "/backtest").status_code == 409
    page = manager.get(f"/backtest/{running}").text
    assert 'id="progress"' in page
    assert "backtest.js" in page
    assert post(manager, f"/backtest/{running}/cancel").status_code == 303
    assert "取り消されました" in manager.get(f"/backtest/{running}").text
    refused = post(manager, f"/backtest/{running}/cancel")
    assert refused.status_code == 409
    assert f'href="/backtest/{running}"' in refused.text


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("ja", ["見逃し", "遅れた1件のどのお客様にも", "今の基準", "変更後の基準", "到着 17:30"]),
        ("en", ["Not told in time", "With the changes", "Arrived 17:30", "Late visits by lead time"]),
    ],
)
def test_a_result_is_read_in_both_languages(manager, db, clock, outcome, language, words):
    swapped = {**outcome, "sides": outcome["sides"][::-1]}  # the policy in force is the deaf one
    number = kept(db, clock, result=swapped, policy_values={"last_share": 0.9})
    page = manager.get(f"/backtest/{number}?lang={language}").text
    assert [word for word in words if word not in page] == []
    assert page.count("<svg") >= 5


def test_a_result_can_be_taken_along_as_one_file(manager, db, clock, outcome):
    number = kept(db, clock, result=outcome)
    given = manager.get(f"/backtest/{number}/file")
    assert given.headers["Content-Disposition"] == 'attachment; filename="mamonaku-2026-11-24-2026-11-24.html"'
    assert "<style>" in given.text
    assert "http" not in given.text.split("</style>")[1]


def test_a_result_of_another_release_is_said_to_be_one(manager, db, clock):
    number = kept(db, clock, result={"of": "old"})
    assert "以前の版" in manager.get(f"/backtest/{number}").text
    assert manager.get(f"/backtest/{number}/file").status_code == 303


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
@pytest.mark.parametrize("reason", ["broken", "too_long", "lost", "nothing"])
def test_a_failure_says_why(manager, db, clock, reason):
    number = kept(db, clock, state="failed", state_reason=reason)
    assert "note alarm" in manager.get(f"/backtest/{number}").text


def test_tried_values_are_put_into_force_after_asking(manager, db, clock, outcome):
    number = kept(db, clock, result=outcome, policy_values={"quote_max_min": 40})
    page = manager.get(f"/backtest/{number}").text
    assert "この値を使う" in page
    assert post(manager, f"/backtest/{number}/use").status_code == 303
    with db.read() as session:
        assert current_policy(session).quote_max_min == 40


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
@pytest.mark.parametrize("state", ["waiting", "running", "failed", "cancelled"])
def test_values_without_a_result_are_not_put_into_force(manager, db, clock, state):
    number = kept(db, clock, state=state, policy_values={"quote_max_min": 40})
    assert post(manager, f"/backtest/{number}/use").status_code == 409
    with db.read() as session:
        assert current_policy(session) == Policy()


def test_values_that_were_tried_beside_an_earlier_policy_are_not_put_into_force(manager, db, clock, outcome):
    number = kept(db, clock, result=outcome, policy_values={"quote_max_min": 40})
    with db.write() as session:
        change_policy(session, {"last_share": 0.4}, actor="user:3", now=clock.forward(minutes=1))
    assert "もう一度お試しください" in manager.get(f"/backtest/{number}").text
    assert post(manager, f"/backtest/{number}/use").status_code == 409
    with db.read() as session:
        assert current_policy(session) == Policy(last_share=0.4)


def test_what_is_typed_on_the_policys_page_is_tried_without_being_kept(manager, db, clock, world):
    world.visit(0)
    clock.forward(hours=3)
    typed = {**values(manager.get("/policy").text), "quote_max_min": "40", "csrf_token": token(manager)}
    begun = manager.post("/policy/preview", data=typed)
    assert begun.status_code == 303
    with db.read() as session:
        assert session.scalars(select(Backtest.policy_values)).one() == {"quote_max_min": 40}
        assert current_policy(session).quote_max_min == 25
    again = manager.post("/policy/preview", data={**typed, "quote_max_min": "4000"})
    assert again.status_code == 422
    assert 'value="4000"' in again.text


def test_a_number_that_no_backtest_has_is_no_page(manager):
    assert manager.get("/backtest/99").status_code == 404
