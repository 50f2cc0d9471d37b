"""Is what a customer shall be told written down rightly, and given to a person when it cannot be?"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from app.errors import Conflict, NotFound
from app.models import Alarm, Company, Customer, Notice, Technician, Visit, VisitEvent
from app.operations.booking import change_visit
from app.operations.notice import News, Telling, add_notice, release_notice, settle_by_hand
from app.rules.lateness import Decision, Reason, Watch


@dataclass
class Post:
    """A channel that only says whom it reaches; nothing is sent in these tests."""

    name: str
    reaching: bool = True
    sent: list = field(default_factory=list)

    def reaches(self, recipient):
        return self.reaching


def telling(**channels):
    return Telling(
        "https://a.jp", ZoneInfo("Asia/Tokyo"), {name: Post(name, reaching) for name, reaching in channels.items()}
    )


BOTH = telling(sms=True, email=True)


@pytest.fixture
def told(db, clock, world):
    """Return a function that decides something about a visit and returns the notice's id."""

    def tell(visit_id, kind="late", window_min=(80, 100), reason="late_expected", by=BOTH):
        from_at, until_at = (clock.now() + timedelta(minutes=m) for m in window_min) if window_min else (None, None)
        decision = Decision(kind, from_at, until_at, Reason(reason, {"percent": 90}), None, Watch(), None)
        with db.write() as session:
            return add_notice(session, session.get_one(Visit, visit_id), decision, by, clock.now()).id

    return tell


@pytest.fixture
def row(db):
    def get(notice_id):
        with db.read() as session:
            return session.get_one(Notice, notice_id)

    return get


@pytest.fixture
def alarms(db):
    def standing():
        with db.read() as session:
            return {(a.kind, a.facts.get("reason")) for a in session.scalars(select(Alarm)) if a.cleared_at is None}

    return standing


def change(db, model, row_id, **changes):
    with db.write() as session:
        found = session.get_one(model, row_id)
        for name, value in changes.items():
            setattr(found, name, value)


def hand_over(db, notice_id, state="sent"):
    change(db, Notice, notice_id, state=state, next_attempt_at=None)


def test_a_decision_becomes_a_due_notice_in_the_customers_language(db, clock, world, told, row):
    visit_id = world.visit()
    notice = row(told(visit_id))
    assert (notice.state, notice.language, notice.channels) == ("due", "ja", ["sms", "email"])
    assert notice.next_attempt_at == clock.now()
    assert notice.expires_at == clock.now() + timedelta(minutes=60)
    assert notice.dedupe_key == f"{visit_id}:late:1"
    assert notice.reason_code == "late_expected"
    assert notice.technician_id == world.technician
    assert "17:20-17:40" in notice.short
    assert notice.short.startswith("【アオバPC】")
    with db.read() as session:
        assert notice.short.endswith(f" https://a.jp/v/{session.get_one(Visit, visit_id).link_token}")
    assert notice.body.startswith("山田 花子様\n")
    assert "03-1234-5678" in notice.body
    change(db, Customer, world.customer, language="en")
    assert row(told(world.visit(300))).body.startswith("Dear 山田 花子,\n")


@pytest.fixture
def said(db, clock):
    """Return a function that tells a customer of something that no lateness was, and returns the notice's id."""

    def say(visit_id, kind, by=BOTH, **news):
        with db.write() as session:
            visit = session.get_one(Visit, visit_id)
            return add_notice(session, visit, News(kind, f"by_{kind}", **news), by, clock.now()).id

    return say


def test_what_a_person_did_is_told_with_its_own_words(clock, world, said, row):
    before = clock.now() - timedelta(days=1)
    notice = row(said(world.visit(), "moved", words={"prev_promised": (before, before)}, facts={"by": "user:1"}))
    assert (notice.state, notice.kind, notice.reason_code) == ("due", "moved", "by_moved")
    assert notice.quoted_from_at is None
    assert "11/23(月) 16:00" in notice.body
    assert "11/24(火) 17:00" in notice.body
    assert notice.expires_at == notice.promised_until_at
    notice = row(said(world.visit(200), "reply", words={"words": "駐車場をお借りできます。"}))
    assert "駐車場をお借りできます。" in notice.short
    assert notice.expires_at == clock.now() + timedelta(hours=24)


def test_news_with_a_key_is_written_once(db, world, said):
    visit_id = world.visit()
    assert said(visit_id, "reminder_day", key="reminder:1") == said(visit_id, "reminder_day", key="reminder:1")
    assert said(visit_id, "reminder_day", key="reminder:2") != said(visit_id, "reminder_day", key="reminder:1")


def test_words_are_kept_for_the_moment_when_a_hole_is_mended(db, clock, world, said, row):
    change(db, Company, 1, phone="")
    before = clock.now() - timedelta(days=1)
    notice_id = said(world.visit(), "moved", words={"prev_promised": (before, before)})
    assert row(notice_id).state == "held"
    change(db, Company, 1, phone="+81312345678")
    with db.write() as session:
        release_notice(session, notice_id, clock.forward(minutes=5), "user:1", BOTH)
    assert "11/23(月) 16:00" in row(notice_id).body


def test_a_reminder_that_reaches_nobody_calls_nobody(world, said, row, alarms):
    assert row(said(world.visit(), "reminder_day", by=telling(sms=False))).state == "failed"
    assert alarms() == set()
    said(world.visit(200), "moved", by=telling(sms=False), words={"prev_promised": (row(1).created_at,) * 2})
    assert alarms() == {("call_customer", "unreachable")}


def test_only_channels_that_reach_the_customer_are_planned(world, told, row):
    assert row(told(world.visit(), by=telling(sms=False, email=True))).channels == ["email"]


def test_whom_no_channel_reaches_a_person_calls(world, told, row, alarms):
    notice = row(told(world.visit(), by=telling(sms=False)))
    assert (notice.state, notice.state_reason) == ("failed", "unreachable")
    assert notice.short
    assert alarms() == {("call_customer", "unreachable")}


def test_each_further_notice_of_a_kind_has_its_own_number(db, world, told, row):
    visit_id = world.visit()
    first = told(visit_id)
    hand_over(db, first, "dropped")
    assert row(told(visit_id)).dedupe_key == f"{visit_id}:late:2"


def test_a_hole_keeps_the_notice_for_a_person_and_calls_one(db, world, told, row, alarms):
    change(db, Company, 1, short_name="  ")
    notice = row(told(world.visit()))
    assert (notice.state, notice.state_reason) == ("held", "hole:brand_short")
    assert notice.short is None
    assert notice.next_attempt_at is None
    assert alarms() == {("notice_held", "hole:brand_short")}


def test_a_mended_notice_is_released_and_the_alarm_goes(db, clock, world, told, row, alarms):
    change(db, Company, 1, phone="")
    visit_id = world.visit()
    notice_id = told(visit_id)
    with pytest.raises(Conflict, match="notice_still_held"), db.write() as session:
        release_notice(session, notice_id, clock.now(), "user:1", BOTH)
    change(db, Company, 1, phone="+81312345678")
    with db.write() as session:
        release_notice(session, notice_id, clock.forward(minutes=5), "user:1", BOTH)
    notice = row(notice_id)
    assert (notice.state, notice.state_reason, notice.next_attempt_at) == ("due", None, clock.now())
    assert "17:20-17:40" in notice.short
    assert alarms() == set()
    with db.read() as session:
        event = session.scalars(select(VisitEvent).where(VisitEvent.kind == "notice_released")).one()
        assert (event.actor, event.facts) == ("user:1", {"notice": notice_id})


def test_old_news_is_not_released(db, clock, world, told):
    change(db, Company, 1, phone="")
    visit_id = world.visit()
    notice_id = told(visit_id)
    change(db, Company, 1, phone="+81312345678")
    with db.write() as session:
        change_visit(
            session, visit_id, promised_from_at=clock.now() + timedelta(hours=3), now=clock.now(), actor="user:1"
        )
    with pytest.raises(Conflict, match="notice_outdated"), db.write() as session:
        release_notice(session, notice_id, clock.now(), "user:1", BOTH)


def test_a_notice_that_left_is_not_released_or_settled(db, clock, world, told):
    notice_id = told(world.visit())
    for act in (
        lambda session: release_notice(session, notice_id, clock.now(), "user:1", BOTH),
        lambda session: settle_by_hand(session, notice_id, True, clock.now(), "user:1"),
    ):
        with pytest.raises(Conflict, match="notice_settled"), db.write() as session:
            act(session)
    with pytest.raises(NotFound), db.write() as session:
        settle_by_hand(session, 999, True, clock.now(), "user:1")


@pytest.mark.parametrize("state", ["held", "failed", "unknown"])
@pytest.mark.parametrize(("said", "ends"), [(True, "delivered"), (False, "dropped")])
def test_a_person_settles_what_nobody_else_can(db, clock, world, told, row, alarms, state, said, ends):
    notice_id = told(world.visit(), by=telling(sms=False))
    hand_over(db, notice_id, state)
    with db.write() as session:
        settle_by_hand(session, notice_id, said, clock.now(), "user:1")
    notice = row(notice_id)
    assert notice.state == ends
    assert (notice.delivered_at is not None) is said
    assert alarms() == set()
    with db.read() as session:
        event = session.scalars(select(VisitEvent).where(VisitEvent.kind == "notice_settled")).one()
        assert event.facts == {"notice": notice_id, "told": said}


def test_an_alarm_stays_while_another_notice_of_the_visit_waits_for_a_person(db, clock, world, told, alarms):
    visit_id = world.visit()
    nobody = telling(sms=False)
    first, second = told(visit_id, by=nobody), told(visit_id, "late_update", (100, 120), by=nobody)
    with db.write() as session:
        settle_by_hand(session, first, True, clock.now(), "user:1")
    assert alarms() == {("call_customer", "unreachable")}
    with db.write() as session:
        settle_by_hand(session, second, True, clock.now(), "user:1")
    assert alarms() == set()


def test_a_growing_and_a_shrinking_delay_are_told_differently(db, world, told, row):
    visit_id = world.visit()
    hand_over(db, told(visit_id, window_min=(80, 100)))
    growing = told(visit_id, "late_update", (110, 130))
    assert "先ほど17:20〜17:40頃とお伝えいたしました" in row(growing).body
    hand_over(db, growing)
    assert "先ほどのご案内より早く" in row(told(visit_id, "late_update", (90, 110))).body


def test_a_change_is_not_told_to_who_never_got_the_first_notice(db, world, told, row):
    visit_id = world.visit()
    told(visit_id)
    update = row(told(visit_id, "late_update", (110, 130)))
    assert "先ほど" not in update.body
    assert "お約束に遅れる見込みとなりました" in update.body


def test_who_waits_without_a_time_is_told_when_to_hear_again(db, clock, world, told, row):
    notice = row(told(world.visit(), "holding", None, "silent"))
    assert "16:15までにご連絡します" in notice.short
    assert notice.reason_facts == {"percent": 90, "next_at": "2026-11-24T07:15:00+00:00"}
    assert notice.expires_at == clock.now() + timedelta(minutes=15)


def test_a_window_is_only_said_to_stand_by_who_knows_that(db, world, told, row):
    visit_id = world.visit()
    hand_over(db, told(visit_id))
    assert "のままです" in row(told(visit_id, "holding", None, "told_already")).short
    assert "確認中" in row(told(visit_id, "holding", None, "silent")).short


def test_a_missing_technician_stops_only_the_notice_that_names_one(db, clock, world, told, row):
    change(db, Technician, world.technician, name=" ")
    visit_id = world.visit()
    assert row(told(visit_id)).state == "due"
    assert row(told(visit_id, "arriving_soon", (50, 60), "nearly_there")).state_reason == "hole:tech"
