"""Is another program told of everything that happens, at least once, signed, and without holding up anybody?"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest
from sqlalchemy import select
from standardwebhooks import Webhook as Verifier

from app.errors import Conflict, Invalid, NotFound
from app.lanes import Lanes
from app.models import Alarm, Notice, NoticeAttempt, Visit, Webhook, WebhookMessage
from app.operations.appointment import Message, cancel, change
from app.operations.attempt import accept
from app.operations.field import report_status
from app.operations.inbound import receive
from app.operations.notice import News, Telling, add_notice, call_person
from app.operations.purge import purge
from app.operations.receipt import note_receipt
from app.operations.webhook import (
    add_webhook,
    change_webhook,
    pause_webhook,
    remove_webhook,
    replace_secret,
    resume_webhook,
    send_again,
    send_test,
)
from app.operations.webhook_delivery import hand_over_messages
from app.providers.guarded import Guarded
from app.rules.webhook import EVENTS, again_at
from tests.conftest import STORY_DAY_AT
from tests.webhook_standin import program

OUTSIDE = Guarded(["127.0.0.1"])


@pytest.fixture
def server():
    with program() as running:
        yield running


@pytest.fixture
def listening(db, world, clock, server):
    """Have the stand-in told of everything; return a function that adds another one."""

    def add(url=f"{server.url}/hook", events=EVENTS, name="会計"):
        facts = {"name": name, "url": url, "events": events, "internal_hosts": ["127.0.0.1"]}
        with db.write() as session:
            return add_webhook(session, **facts, now=clock.now(), actor="user:1")

    return add


def messages(db, **wanted):
    with db.read() as session:
        return list(session.scalars(select(WebhookMessage).filter_by(**wanted).order_by(WebhookMessage.id)))


def told(server):
    return [json.loads(one.body)["type"] for one in server.told]


def test_the_signature_is_that_of_the_specification():
    at = datetime.fromtimestamp(1614265330, UTC)
    signer = Verifier("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signed = signer.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", at, '{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_program_is_told_of_a_visits_whole_life_in_numbers_and_times(db, world, clock, server, listening, parts):
    webhook = listening()
    visit_id = world.visit(60)
    telling = Message(Telling("https://a.jp", parts.settings.zone, parts.channels), "no")
    with db.write() as session:
        change(session, visit_id, telling, now=clock.now(), actor="user:1", duration_min=45)
        report_status(session, visit_id, "en_route", now=clock.now(), actor="technician:1")
    with db.write() as session:
        cancel(session, visit_id, telling, now=clock.now(), actor="user:1")
        receive(session, "sms", "+819012345678", "何時ですか", clock.now(), provider_id="SM1", zone=parts.settings.zone)
    assert hand_over_messages(db, OUTSIDE, clock) == 5
    assert told(server) == [
        "visit.created", "visit.changed", "visit.status_changed", "visit.cancelled", "message.received",
    ]  # fmt: skip
    first = server.told[0]
    data = json.loads(first.body)["data"]
    assert (data["visit"], data["technician"], data["status"]) == (visit_id, world.technician, "booked")
    everything = "".join(one.body for one in server.told)
    assert not [word for word in ("山田", "9012345678", "和歌山", "何時") if word in everything]
    assert first.headers["content-type"] == "application/json"
    assert first.headers["webhook-timestamp"] == str(int(clock.now().timestamp()))
    assert first.headers["webhook-signature"] == Verifier(webhook.secret).sign(
        first.headers["webhook-id"], clock.now(), first.body
    )
    assert {one.state for one in messages(db)} == {"sent"}
    assert hand_over_messages(db, OUTSIDE, clock) == 0


def test_a_program_is_told_what_became_of_notices(db, world, clock, server, listening, parts):
    listening(events=["visit.delay_told", "notice.delivered", "notice.failed"])
    visit_id, telling = world.visit(60), Telling("https://a.jp", parts.settings.zone, parts.channels)
    with db.write() as session:
        visit = session.get_one(Visit, visit_id)
        for kind in ("cancelled", "tech_changed"):
            add_notice(session, visit, News(kind, kind), telling, clock.now())
        late, other = session.scalars(select(Notice).order_by(Notice.id))
        late.kind = "late"
        late.quoted_from_at = late.quoted_until_at = clock.now()
        late.state, late.call_at = "sending", None
        attempt = NoticeAttempt(notice_id=late.id, channel="sms", started_at=clock.now())
        session.add(attempt)
        session.flush()
        accept(session, late, attempt, "SM9", clock.now())
        note_receipt(session, "SM9", "delivered", None, clock.now(), reference=None)
        call_person(session, other, "failed", "undelivered", clock.now())
    hand_over_messages(db, OUTSIDE, clock)
    data = [json.loads(one.body)["data"] for one in server.told]
    assert told(server) == ["visit.delay_told", "notice.delivered", "notice.failed"]
    assert [(one["kind"], one["state"]) for one in data] == [
        ("late", "sent"), ("late", "delivered"), ("tech_changed", "failed")
    ]  # fmt: skip
    assert data[0]["arrives_from"] == clock.now().isoformat()


def test_what_is_not_kept_is_told_to_nobody(db, world, clock, listening):
    listening()
    visit_id = world.visit(60)
    with db.open(writes=True) as session:  # and nobody commits
        report_status(session, visit_id, "en_route", now=clock.now(), actor="technician:1")
    assert [one.event for one in messages(db)] == ["visit.created"]


def test_only_what_was_asked_for_is_told(db, world, listening):
    listening(events=["visit.cancelled"])
    world.visit(60)
    assert messages(db) == []


def test_a_message_is_tried_again_under_the_same_id_and_as_late_as_the_program_wants(
    db, world, clock, server, listening
):
    listening()
    server.answers.extend([500, (503, {"Retry-After": "120"}, b""), 200])
    world.visit(60)
    hand_over_messages(db, OUTSIDE, clock)
    (waiting,) = messages(db)
    assert (waiting.state, waiting.status, waiting.tries) == ("due", 500, 1)
    assert 4 <= (waiting.next_attempt_at - clock.now()).total_seconds() <= 6
    hand_over_messages(db, OUTSIDE, clock)
    assert len(server.told) == 1
    clock.forward(seconds=6)
    hand_over_messages(db, OUTSIDE, clock)
    (waiting,) = messages(db)
    assert waiting.next_attempt_at - clock.now() == timedelta(seconds=120)
    clock.forward(seconds=121)
    hand_over_messages(db, OUTSIDE, clock)
    assert messages(db)[0].state == "sent"
    assert len({(one.headers["webhook-id"], one.body) for one in server.told}) == 1
    assert len({one.headers["webhook-timestamp"] for one in server.told}) == 3


def test_a_program_that_takes_nothing_calls_a_person_and_is_turned_off_after_three_days(
    db, world, clock, server, listening
):
    webhook = listening()
    server.answer = 500
    world.visit(60)
    called = []
    for _ in range(14):
        hand_over_messages(db, OUTSIDE, clock)
        with db.read() as session:
            called += session.scalars(select(Alarm.kind).where(Alarm.cleared_at.is_(None), Alarm.kind.not_in(called)))
        (message,) = messages(db)
        if message.next_attempt_at is None:
            break
        clock.at = message.next_attempt_at
    with db.read() as session:
        known = session.get_one(Webhook, webhook.id)
        standing = list(session.scalars(select(Alarm.kind).where(Alarm.cleared_at.is_(None))))
    assert (message.state, message.tries) == ("given_up", 11)
    assert (known.state, known.off_reason) == ("off", "failing")
    assert (called, standing) == (["webhook_failing", "webhook_off"], ["webhook_off"])
    world.visit(300)
    assert len(messages(db)) == 1
    server.answer = 204
    with db.write() as session:
        resume_webhook(session, webhook.id, clock.now(), "user:1")
    world.visit(500)
    hand_over_messages(db, OUTSIDE, clock)
    assert [one.state for one in messages(db)] == ["given_up", "sent"]
    with db.read() as session:
        assert session.scalar(select(Alarm.id).where(Alarm.cleared_at.is_(None))) is None


def test_who_says_that_it_is_gone_is_turned_off_at_once(db, world, clock, server, listening):
    webhook = listening()
    server.answer = 410
    world.visit(60)
    hand_over_messages(db, OUTSIDE, clock)
    with db.read() as session:
        assert session.get_one(Webhook, webhook.id).off_reason == "gone"


def test_what_works_again_calls_nobody_any_more(db, world, clock, server, listening):
    webhook = listening()
    server.answers.extend([500, 302])
    world.visit(60)
    hand_over_messages(db, OUTSIDE, clock)
    clock.forward(hours=2)
    hand_over_messages(db, OUTSIDE, clock)
    with db.read() as session:
        assert session.scalar(select(Alarm.kind).where(Alarm.cleared_at.is_(None))) == "webhook_failing"
    clock.forward(minutes=1)
    hand_over_messages(db, OUTSIDE, clock)
    with db.read() as session:
        assert session.scalar(select(Alarm.kind).where(Alarm.cleared_at.is_(None))) is None
        assert session.get_one(Webhook, webhook.id).failing_since_at is None


def test_an_address_that_leads_inside_is_not_asked(db, world, clock, listening, server):
    listening()
    world.visit(60)
    hand_over_messages(db, Guarded(), clock)
    assert (messages(db)[0].failure, server.told) == ("not_https", [])


def test_a_message_whose_sender_died_is_sent_again(db, world, clock, server, listening):
    listening()
    world.visit(60)

    class Dying(Guarded):
        def ask(self, *_, **__):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hand_over_messages(db, Dying(), clock)
    assert hand_over_messages(db, OUTSIDE, clock) == 0
    clock.forward(seconds=61)
    assert hand_over_messages(db, OUTSIDE, clock) == 1
    assert messages(db)[0].state == "sent"


def test_while_a_secret_is_replaced_both_sign(db, world, clock, server, listening):
    old = listening()
    with db.write() as session:
        new = replace_secret(session, old.id, clock.now()).secret
    assert new != old.secret
    for hours, count in ((0, 2), (25, 1)):
        clock.forward(hours=hours)
        world.visit(60)
        hand_over_messages(db, OUTSIDE, clock)
        last = server.told[-1]
        signs = [
            Verifier(secret).sign(last.headers["webhook-id"], clock.now(), last.body) for secret in (new, old.secret)
        ]
        assert last.headers["webhook-signature"].split() == signs[:count]


def test_what_happens_during_a_pause_is_told_after_it_unless_it_is_too_old(db, world, clock, server, listening):
    webhook = listening()
    with db.write() as session:
        pause_webhook(session, webhook.id)
    world.visit(60)
    clock.forward(days=3)
    world.visit(200)
    clock.forward(hours=20)
    assert hand_over_messages(db, OUTSIDE, clock) == 0
    with db.write() as session:
        with pytest.raises(Conflict):
            send_test(session, webhook.id, clock.now())
        resume_webhook(session, webhook.id, clock.now(), "user:1")
        send_test(session, webhook.id, clock.now())
    hand_over_messages(db, OUTSIDE, clock)
    assert [one.state for one in messages(db)] == ["given_up", "sent", "sent"]
    assert told(server) == ["visit.created", "test"]


def test_what_was_given_up_is_tried_again_when_somebody_wants_that(db, world, clock, server, listening):
    webhook = listening()
    server.answers.append(410)
    world.visit(60)
    hand_over_messages(db, OUTSIDE, clock)
    (message,) = messages(db)
    with db.write() as session:
        resume_webhook(session, webhook.id, clock.now(), "user:1")
        send_again(session, webhook.id, message.id, clock.now())
        with pytest.raises(Conflict):
            send_again(session, webhook.id, message.id, clock.now())
        with pytest.raises(NotFound):
            send_again(session, webhook.id, 4711, clock.now())
    hand_over_messages(db, OUTSIDE, clock)
    assert messages(db)[0].state == "sent"


def test_a_program_that_hangs_delays_no_other(db, world, clock, server, listening):
    slow = program()
    hanging, lanes, taken = slow.__enter__(), Lanes(width=1), Event()
    hanging.waits = Event()
    listening(url=f"{hanging.url}/slow")
    listening(url=f"{server.url}/quick")
    for n in range(4):
        world.visit(60 + 90 * n)
    hand_over_messages(db, OUTSIDE, clock, lanes)
    for _ in range(1000):
        if len(server.told) == 4:
            taken.set()
            break
        taken.wait(0.01)
    assert len(server.told) == 4
    assert len(hanging.told) == 1
    hanging.waits.set()
    lanes.close()
    slow.__exit__(None, None, None)
    assert {one.state for one in messages(db)} == {"sent"}


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", " "), ("name", "x" * 101), ("name", "a\x07"), ("url", ""), ("url", "http://example.jp/"), ("events", []),
     ("events", ["visit.sung"])],
)  # fmt: skip
def test_a_wrong_program_is_refused_by_name(db, clock, field, value):
    facts = {"name": "会計", "url": "https://example.jp/hook", "events": ["visit.created"], field: value}
    with db.write() as session, pytest.raises(Invalid) as refused:
        add_webhook(session, **facts, internal_hosts=[], now=clock.now(), actor="user:1")
    assert [problem.field for problem in refused.value.problems] == [field]


def test_a_program_that_was_removed_is_told_nothing_and_cannot_be_found(db, world, clock, listening):
    webhook = listening()
    with db.write() as session:
        remove_webhook(session, webhook.id, clock.now(), "user:1")
        with pytest.raises(NotFound):
            change_webhook(session, webhook.id, name="x", url="https://x.jp", events=EVENTS, internal_hosts=[])
    world.visit(60)
    assert messages(db) == []


def test_there_is_an_end_to_how_many_are_told(db, clock, listening):
    for _ in range(20):
        listening()
    with pytest.raises(Conflict):
        listening()


def test_what_was_told_is_forgotten_after_a_month(db, world, clock, listening):
    listening()
    world.visit(60)
    clock.forward(days=31)
    with db.write() as session:
        purge(session, clock.now(), timedelta(days=7), timedelta(days=7))
    assert messages(db) == []


def test_the_waits_grow_to_three_days_and_spread():
    waits = [(again_at(n, STORY_DAY_AT, after_s=None, jitter=0.5) - STORY_DAY_AT).total_seconds() for n in range(1, 11)]
    assert waits == sorted(waits)
    assert 72 <= sum(waits) / 3600 <= 80
    assert again_at(1, STORY_DAY_AT, after_s=None, jitter=0.0) < again_at(1, STORY_DAY_AT, after_s=None, jitter=1.0)
