"""Is it seen on every page that sending has stopped, and who may decide what about it?"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from app.brake import Brake
from app.models import Alarm, Notice, Visit, VisitEvent
from app.operations.alarm import raise_alarm
from app.operations.brake import is_holding
from app.operations.notice import News, Telling, add_notice
from app.operations.outbox import deliver_due
from app.operations.policy import change_policy
from app.providers.sms_twilio import TwilioSms
from tests.web.pages import post, values

TOKYO = ZoneInfo("Asia/Tokyo")


@pytest.fixture
def parts(parts):
    return replace(parts, channels={"sms": TwilioSms("AC1", "s", "+15005550006", "http://127.0.0.1:9", "http://x/")})


@pytest.fixture
def flood(parts, db, clock, world):
    """Six delays at once in a firm where five an hour are never too many."""
    with db.write() as session:
        change_policy(session, {"brake_least": 5, "brake_near": 0.1, "brake_most": 0.2}, actor="test", now=clock.now())
    telling = Telling("https://a.jp", TOKYO, parts.channels)
    for number in range(6):
        visit_id = world.visit(starts_in_min=300 + 90 * number)
        with db.write() as session:
            now = clock.now()
            quoted = now + timedelta(minutes=70), now + timedelta(minutes=90)
            add_notice(
                session, session.get_one(Visit, visit_id), News("late", "late_expected", quoted=quoted), telling, now
            )
    deliver_due(db, parts.channels, clock, TOKYO, None, Brake())
    with db.read() as session:
        assert is_holding(session)


@pytest.fixture
def states(db):
    def read():
        with db.read() as session:
            return [*session.execute(select(Notice.state, Notice.state_reason, Notice.let_go_at.is_not(None)))]

    return read


def test_while_nothing_is_stopped_no_page_speaks_of_it(signed_in, world):
    desk = signed_in("dispatcher")
    assert "送信を止めています" not in desk.get("/").text
    assert "送信は止まっていません" in desk.get("/brake").text


def test_the_board_says_how_many_wait_of_which_kind_since_when_with_examples(signed_in, flood):
    page = signed_in("dispatcher").get("/").text
    assert "6件を止めています" in page
    assert "遅れ" in page
    assert "16:00から" in page
    assert page.count("アオバPC】") >= 3
    assert "直近1時間に0件を送信済みで、さらに6件" in page
    assert "送るかどうかを決めてください" in page  # on the attention list, too


def test_every_other_room_says_it_in_a_line(signed_in, flood):
    desk = signed_in("dispatcher")
    for room in ("/customers", "/inbox", "/account"):
        assert "お知らせの送信を止めています" in desk.get(room).text


def test_a_dispatcher_sends_what_is_still_true_after_being_asked_once_more(signed_in, flood, states, db):
    desk = signed_in("dispatcher")
    asked = desk.get("/brake?do=true").text
    assert "6件のうち、いまも当てはまるものだけ" in asked
    assert {state for state, _, _ in states()} == {"due"}  # looking changes nothing
    field = values(asked)
    assert post(desk, "/brake", {"decision": field["decision"], "up_to": field["up_to"]}).status_code == 303
    assert states() == [("due", None, True)] * 6
    with db.read() as session:
        alarm = session.scalars(select(Alarm).where(Alarm.kind == "brake")).one()
        assert alarm.cleared_by.startswith("user:")
        assert alarm.facts["decisions"][0]["let_go"] == 6
        assert len(session.scalars(select(VisitEvent).where(VisitEvent.kind == "notice_released")).all()) == 6
    assert "送信を止めています" not in desk.get("/").text


def test_only_a_manager_sends_all(signed_in, flood, states):
    desk = signed_in("dispatcher")
    assert "do=all" not in desk.get("/").text
    assert "管理者のみの操作です" in desk.get("/brake?do=all").text
    assert post(desk, "/brake", {"decision": "all", "up_to": "999"}).status_code == 403
    assert not any(let_go for _, _, let_go in states())
    manager = signed_in("manager")
    assert "do=all" in manager.get("/").text
    assert post(manager, "/brake", {"decision": "all", "up_to": "999"}).status_code == 303
    assert all(let_go for _, _, let_go in states())


def test_cancelled_they_stay_on_record_and_sending_stays_stopped(signed_in, flood, states):
    desk = signed_in("dispatcher")
    assert post(desk, "/brake", {"decision": "none", "up_to": "999"}).status_code == 303
    assert states() == [("dropped", "stopped_by_hand", False)] * 6
    page = desk.get("/brake").text
    assert "いま止めているお知らせはありません" in page
    assert "6件を取り消し" in page
    field = values(desk.get("/brake?do=true").text)
    post(desk, "/brake", {"decision": "true", "up_to": field["up_to"]})
    assert "送信は止まっていません" in desk.get("/brake").text


def test_who_comes_second_is_told_that_it_is_decided(signed_in, flood):
    desk = signed_in("dispatcher")
    post(desk, "/brake", {"decision": "true", "up_to": "999"})
    late = post(desk, "/brake", {"decision": "none", "up_to": "999"})
    assert (late.status_code, "すでに別の担当者が" in late.text) == (409, True)


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "wish", [{"decision": "now", "up_to": "9"}, {"decision": "all"}, {"decision": "true", "up_to": "x"}]
)
def test_a_crafted_decision_changes_nothing(signed_in, flood, states, wish):
    assert post(signed_in("manager"), "/brake", wish).status_code == 422
    assert not any(let_go for _, _, let_go in states())


def test_without_the_pages_own_token_nothing_is_decided(signed_in, flood, states):
    assert signed_in("manager").post("/brake", data={"decision": "all", "up_to": "999"}).status_code == 400
    assert not any(let_go for _, _, let_go in states())


def test_nobody_else_sees_or_decides(signed_in, flood, client):
    assert client.get("/brake").status_code == 302
    assert signed_in("technician").get("/brake").status_code == 403


def test_the_line_of_the_attention_list_cannot_be_clicked_away(signed_in, flood, db):
    desk = signed_in("dispatcher")
    with db.read() as session:
        alarm_id = session.scalars(select(Alarm.id).where(Alarm.kind == "brake")).one()
    post(desk, f"/alarms/{alarm_id}/clear")
    assert "送信を止めています" in desk.get("/").text


def test_the_metrics_tell_of_the_brake_and_of_each_channel(client, parts, flood, db, clock):
    text = client.get("/metrics").text
    assert "mamonaku_brake_holding 1.0" in text
    assert "mamonaku_brake_held_notices 6.0" in text
    assert "mamonaku_notices_waiting 6.0" in text
    assert 'mamonaku_channel_closed{channel="sms"} 0.0' in text
    assert "mamonaku_dry_run 0.0" in text
    with db.write() as session:
        raise_alarm(session, "channel_down", "channel:sms", clock.now(), facts={"channel": "sms"})
    assert 'mamonaku_channel_closed{channel="sms"} 1.0' in client.get("/metrics").text


def test_a_capped_notice_is_on_the_list_with_what_stopped_it(signed_in, parts, db, clock, world):
    visit_id = world.visit()
    with db.write() as session:
        change_policy(session, {"most_hour": 2}, actor="test", now=clock.now())
        visit = session.get_one(Visit, visit_id)
        for number in range(2):
            notice = add_notice(session, visit, News("moved", "moved"), Telling("https://a.jp", TOKYO, {}), clock.now())
            notice.state, notice.let_go_at, notice.dedupe_key = "delivered", clock.now(), f"m{number}"
        telling = Telling("https://a.jp", TOKYO, parts.channels)
        add_notice(session, visit, News("moved", "moved", key="third"), telling, clock.now())
    deliver_due(db, parts.channels, clock, TOKYO)
    desk = signed_in("dispatcher")
    assert "へのお知らせが上限に達したため" in desk.get("/").text
    assert "1時間の上限に達しました" in desk.get(f"/visits/{visit_id}").text
