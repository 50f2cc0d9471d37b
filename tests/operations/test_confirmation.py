"""Is a notice delivered only when somebody says so, and then for good?"""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app.models import Notice, Visit
from app.operations.confirmation import WAYS, confirm, confirm_told
from app.operations.customer_view import press
from app.providers.base import OutcomeUnknown, Refused, TryLater
from tests.operations.test_outbox import JAPAN, House


@pytest.fixture
def house(db, clock, world):
    return House(db, clock, world)


def confirmed(house, notice_id):
    notice = house.notice(notice_id)
    return notice.state, notice.confirmed_by, notice.delivered_at


@pytest.mark.parametrize("how", WAYS)
def test_what_was_handed_over_is_delivered_when_somebody_says_so(house, how):
    notice_id = house.tell(house.world.visit())
    house.deliver()
    at = house.clock.forward(seconds=40)
    with house.db.write() as session:
        assert confirm(session, [notice_id], how, at) == 1
    assert confirmed(house, notice_id) == ("delivered", how, at)
    house.clock.forward(seconds=40)
    with house.db.write() as session:
        assert confirm(session, [notice_id], "receipt", house.clock.now()) == 0
    assert confirmed(house, notice_id) == ("delivered", how, at)


def test_nobody_has_what_never_left(house):
    waiting = house.tell(house.world.visit())
    with house.db.write() as session:
        assert confirm(session, [waiting], "opened", house.clock.now()) == 0
    assert house.state(waiting)[0] == "due"


@pytest.mark.parametrize(("how", "left"), [("opened", "delivered"), ("replied", "sent")])
def test_a_link_may_be_opened_before_the_provider_has_answered(house, how, left):
    """An answer may be one to an earlier notice; the page shows this one."""
    visit_id = house.world.visit()
    notice_id = house.tell(visit_id)

    def opened_meanwhile(_reference):
        with house.db.write() as session:
            confirm_told(session, visit_id, how, house.clock.now())
        return "sms-1"

    house.sms.fates = [opened_meanwhile]
    house.deliver()
    assert house.state(notice_id) == (left, None)
    assert house.attempts(notice_id) == [("sms", "accepted")]


@pytest.mark.parametrize("answer", [OutcomeUnknown("hung"), Refused("no"), TryLater("busy")])
def test_who_has_opened_the_page_is_not_told_again_whatever_the_provider_answers(house, answer):
    visit_id = house.world.visit()
    notice_id = house.tell(visit_id)

    def opened_meanwhile(_reference):
        with house.db.write() as session:
            confirm_told(session, visit_id, "opened", house.clock.now())
        raise answer

    house.sms.fates, house.sms.seen = [opened_meanwhile], [None]
    house.deliver()
    house.later(minutes=40)
    assert confirmed(house, notice_id)[:2] == ("delivered", "opened")
    assert house.alarms() == set()
    assert (len(house.sms.sent), house.email.sent) == (1, [])


def test_there_is_no_other_way_to_know(house):
    with house.db.write() as session, pytest.raises(ValueError, match="accepted"):
        confirm(session, [1], "accepted", house.clock.now())


def test_who_presses_on_her_page_has_read_it(house):
    visit_id = house.world.visit()
    notice_id = house.tell(visit_id)
    house.deliver()
    with house.db.write() as session:
        token = session.scalar(select(Visit.link_token).where(Visit.id == visit_id))
        press(session, token, "acknowledged", now=house.clock.now(), zone=JAPAN)
    assert confirmed(house, notice_id)[:2] == ("delivered", "replied")


def test_a_confirmed_notice_calls_nobody(house):
    visit_id = house.world.visit()
    notice_id = house.tell(visit_id)
    house.deliver()
    house.receipt(house.provider_id(notice_id), "undelivered")
    house.email.fates = [Refused("no")]
    house.deliver()
    assert house.alarms() == {("call_customer", "refused")}
    with house.db.write() as session:
        assert confirm_told(session, visit_id, "opened", house.clock.now()) == 1
    assert house.alarms() == set()
    assert house.state(notice_id) == ("delivered", None)


def test_a_receipt_is_how_we_know(house):
    notice_id = house.tell(house.world.visit())
    house.deliver()
    house.receipt(house.provider_id(notice_id), "delivered")
    with house.db.read() as session:
        assert session.get_one(Notice, notice_id).confirmed_by == "receipt"
