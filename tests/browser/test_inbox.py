"""Is the inbox read and answered by everybody: on every screen, by keyboard, while new messages come in?"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from app.models import Inbound, Notice, NoticeAttempt, Receipt, Visit
from app.operations.customer_view import press_for
from app.operations.inbound import receive
from app.providers.sms_twilio import TwilioSms
from tests.browser.screens import SCREENS

TOKYO = ZoneInfo("Asia/Tokyo")
HERS = "+819012345678"
LATE = "【アオバPC】到着が17:20〜17:40に遅れます。申し訳ございません。 https://visits.example.jp/v/abcdefghij"


@pytest.fixture
def parts(parts):
    return replace(parts, channels={"sms": TwilioSms("AC1", "s", "+15005550006", "http://127.0.0.1:9", "http://x/")})


@pytest.fixture
def hear(db, clock):
    def take(words, sender=HERS, channel="sms", ago_min=0.0, **given):
        with db.write() as session:
            number = len(session.scalars(select(Inbound.id)).all())
            at = clock.now() - timedelta(minutes=ago_min)
            receive(session, channel, sender, words, at, provider_id=f"in-{number}", zone=TOKYO, **given)

    return take


@pytest.fixture
def tell(db, clock):
    """Return a function that records a notice of a visit, in any state."""

    def add(visit_id, short=LATE, kind="late", state="delivered", ago_min=20.0, channel="sms"):
        at = clock.now() - timedelta(minutes=ago_min)
        with db.write() as session:
            visit = session.get_one(Visit, visit_id)
            notice = Notice(
                visit_id=visit_id,
                kind=kind,
                language="ja",
                dedupe_key=f"{visit_id}:{kind}:{ago_min}",
                created_at=at,
                quoted_from_at=visit.promised_from_at + timedelta(minutes=20),
                quoted_until_at=visit.promised_from_at + timedelta(minutes=40),
                reason_code="late_expected",
                promised_from_at=visit.promised_from_at,
                promised_until_at=visit.promised_until_at,
                technician_id=visit.technician_id,
                short=short,
                subject="お知らせ",
                body=short,
                channels=[channel],
                state=state,
                sent_at=at,
                delivered_at=at if state == "delivered" else None,
                confirmed_by="receipt" if state == "delivered" else None,
                expires_at=at + timedelta(hours=1),
            )
            session.add(notice)
            session.flush()
            attempt = NoticeAttempt(
                notice_id=notice.id, channel=channel, started_at=at, outcome="accepted", provider_id=f"SM{notice.id}"
            )
            session.add(attempt)
            session.flush()
            if state == "delivered":
                session.add(Receipt(notice_id=notice.id, attempt_id=attempt.id, received_at=at, status="delivered"))

    return add


@pytest.fixture
def talk(world, tell, hear, db, clock):
    """One conversation with everything in it, beside others in every state."""
    visit_id = world.visit()
    tell(visit_id)
    hear("了解しました。", ago_min=18)
    with db.write() as session:
        press_for(session, visit_id, "call_me", now=clock.now() - timedelta(minutes=9), zone=TOKYO)
    tell(visit_id, kind="late_update", state="failed", ago_min=8)
    hear("まだでしょうか。18時には出かけます。\n\n> 到着が17:20〜17:40に遅れます", ago_min=7)
    hear("駐車場はありますか", sender="+819099990000", ago_min=3)
    hear("配信停止", sender="+819011112222", ago_min=40)
    return visit_id


@SCREENS
def test_the_inbox_is_read_by_everybody_on_every_screen(browse, world, talk, wrong_on, lang, screens):
    page = browse(as_role="dispatcher", lang=lang)
    for path in (
        "/inbox",
        f"/inbox/c{world.customer}",
        "/inbox/m4?who=%E5%B1%B1%E7%94%B0",
        "/inbox/m3",
        "/inbox?q=nobody",
    ):
        page.goto(path)
        assert wrong_on(page, screens) == []


def test_an_empty_inbox_is_read_too(browse, world, axe):
    for width in (360, 1440):
        assert axe(browse("/inbox", as_role="dispatcher", width=width)) == []


def test_a_new_message_appears_without_disturbing_who_writes(browse, world, talk, hear):
    page = browse(f"/inbox/c{world.customer}", as_role="dispatcher", width=1440, height=900)
    page.keyboard.press("r")
    page.keyboard.type("ただいま")
    hear("もう待てません")
    page.wait_for_selector("#talk >> text=もう待てません", timeout=3500)
    assert page.input_value("#words") == "ただいま"
    assert page.evaluate("document.activeElement.id") == "words"


def test_what_was_typed_survives_a_look_at_another_conversation(browse, world, talk):
    page = browse(f"/inbox/c{world.customer}", as_role="dispatcher", width=1440, height=900)
    page.fill("#words", "あと10分ほどで")
    page.goto("/inbox/m4")
    page.goto(f"/inbox/c{world.customer}")
    assert page.input_value("#words") == "あと10分ほどで"


def test_it_is_answered_and_put_aside_by_keyboard_alone(browse, world, talk, db):
    page = browse("/inbox", as_role="dispatcher", width=1440, height=900)
    page.keyboard.press("ArrowDown")  # the longest overdue
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/inbox/c*")
    page.keyboard.press("r")
    page.keyboard.type("18時までに必ず伺います。")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#talk >> text=18時までに必ず伺います。")
    page.goto("/inbox/m4")
    page.keyboard.press("e")
    page.wait_for_url("**/inbox")
    with db.read() as session:
        assert session.scalars(select(Inbound.id).where(Inbound.handled_at.is_(None))).all() == [3]
        assert session.scalars(select(Notice.kind).order_by(Notice.id.desc()).limit(1)).one() == "reply"


def test_the_number_of_unread_messages_is_said_in_words(browse, world, talk):
    page = browse("/customers", as_role="dispatcher", width=1440)
    assert page.get_by_label("未読").inner_text() == "3"
