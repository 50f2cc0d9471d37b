"""Does the inbox show what customers wrote, let it be answered, and let nobody else read it?"""

from __future__ import annotations

import re
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from app.models import Alarm, Customer, Inbound, Letter, Notice
from app.operations.consent import opt_out, opted_out
from app.operations.inbound import receive
from app.operations.letter import post_letters
from app.operations.unread import call_for_unread
from app.providers.base import Refused
from app.providers.sms_twilio import TwilioSms

TOKYO = ZoneInfo("Asia/Tokyo")
HERS = "+819012345678"


class Refusing:
    """A channel that takes nothing."""

    repeats_safely = True

    def send(self, *_, **__):
        raise Refused("no such number")


@pytest.fixture
def parts(parts):
    return replace(parts, channels={"sms": TwilioSms("AC1", "s", "+15005550006", "http://127.0.0.1:9", "http://x/")})


@pytest.fixture
def hear(db, clock):
    def take(words, sender=HERS, channel="sms", **given):
        with db.write() as session:
            number = len(session.scalars(select(Inbound.id)).all())
            receive(session, channel, sender, words, clock.now(), provider_id=f"in-{number}", zone=TOKYO, **given)

    return take


@pytest.fixture
def desk(signed_in):
    return signed_in("dispatcher")


def csrf(page):
    return re.search(r'name="csrf_token" value="([^"]+)"', page.text)[1]


@pytest.fixture
def press(desk, app):
    """Return a function that posts a form of a conversation."""

    def post(key, what, **form):
        return desk.post(f"/inbox/{key}/{what}", data={"csrf_token": csrf(desk.get("/inbox")), **form})

    return post


def test_an_empty_inbox_says_what_will_be_there(desk):
    page = desk.get("/inbox").text
    assert "未読のメッセージはありません" in page
    assert "SMS・LINE・メール" in page


def test_unread_conversations_come_first_with_their_clock_and_the_count_stands_in_every_room(desk, hear, world):
    world.visit()
    hear("了解です")  # to nothing: a person reads it
    hear("駐車場はありますか", sender="+819099990000")
    page = desk.get("/inbox").text
    assert page.index("山田 花子") < page.index("090-9999-0000")  # about a visit soon
    assert "差出人不明" in page
    assert 'aria-label="未読2件"' in desk.get("/customers").text


def test_what_a_customer_wrote_is_escaped(desk, hear, world):
    hear("<script>alert(1)</script> & 'x'")
    page = desk.get(f"/inbox/c{world.customer}").text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &#39;x&#39;" in page
    assert "<script>alert" not in page + desk.get("/inbox").text


def test_an_answer_goes_through_the_outbox_by_the_way_she_wrote_and_ends_the_clock(desk, db, hear, press, world, clock):
    world.visit()
    hear("何時になりますか")
    clock.forward(minutes=6)
    with db.write() as session:
        assert call_for_unread(session, TOKYO, clock.now()) == 1
    answer = press(f"c{world.customer}", "answer", words="18時ごろの見込みです。お待たせしております。")
    assert answer.status_code == 303
    with db.read() as session:
        notice = session.scalars(select(Notice)).one()
        assert (notice.kind, notice.state, notice.channels) == ("reply", "due", ["sms"])
        assert "18時ごろの見込みです" in notice.short
        assert session.scalars(select(Inbound)).one().handled_by.startswith("user:")
        assert session.scalars(select(Alarm).where(Alarm.cleared_at.is_(None))).all() == []
    page = desk.get(f"/inbox/c{world.customer}").text
    assert "18時ごろの見込みです" in page
    assert "dispatcher" in page


def test_an_answer_that_is_sent_twice_leaves_once(desk, db, hear, press, world):
    world.visit()
    hear("何時になりますか")
    shown = re.search(r'name="once" value="(\w+)"', desk.get(f"/inbox/c{world.customer}").text)[1]
    for _ in range(2):
        assert press(f"c{world.customer}", "answer", words="18時ごろです。", once=shown).status_code == 303
    press(f"c{world.customer}", "answer", words="18時ごろです。", once="another")
    with db.read() as session:
        assert [notice.state for notice in session.scalars(select(Notice))] == ["due", "due"]


@pytest.mark.parametrize("what", ["answer", "handled"])
def test_a_message_that_came_while_the_page_was_read_stays_unread(desk, db, hear, press, world, what):
    world.visit()
    hear("何時になりますか")
    page = desk.get(f"/inbox/c{world.customer}").text
    seen = re.findall(r'name="seen" value="(\d+)" form="([\w-]+)"', page)
    assert seen == [("1", "answer-form"), ("1", "handled-form")]
    assert all(f'id="{form}"' in page for _, form in seen)
    hear("やっぱり別の日にできませんか、それから駐車場は")
    press(f"c{world.customer}", what, words="18時ごろです。", seen="1")
    with db.read() as session:
        handled = session.scalars(select(Inbound.handled_by).order_by(Inbound.id)).all()
    assert handled[0].startswith("user:")
    assert handled[1] is None


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
@pytest.mark.parametrize("words", ["", "   ", "{customer}様、{eta}です", "あ" * 501])
def test_an_answer_with_a_hole_or_too_long_is_refused_and_kept_in_the_box(db, hear, press, world, words):
    world.visit()
    hear("何時になりますか")
    answer = press(f"c{world.customer}", "answer", words=words)
    assert answer.status_code == 422
    assert words.strip() in answer.text
    with db.read() as session:
        assert session.scalars(select(Notice)).all() == []
        assert session.scalars(select(Inbound)).one().handled_at is None


def test_who_has_closed_the_only_way_is_called_instead(db, desk, hear, press, world):
    world.visit()
    hear("STOP")
    assert "お電話でお伝えください" in desk.get(f"/inbox/c{world.customer}").text
    assert press(f"c{world.customer}", "answer", words="はい").status_code == 409
    with db.read() as session:
        assert session.scalars(select(Notice)).all() == []


def test_a_customer_without_a_visit_is_answered_by_the_way_she_wrote(db, desk, hear, press, world, clock):
    hear("先日の件ですが、まだつながりません")
    clock.forward(hours=12)
    with db.write() as session:
        call_for_unread(session, TOKYO, clock.now())
    assert "山田 花子様からのメッセージ" in desk.get("/").text
    page = desk.get(f"/inbox/c{world.customer}").text
    assert "この連絡手段だけでお送りします" in page
    assert press(f"c{world.customer}", "answer", words="明日の朝にお電話します。").status_code == 303
    with db.read() as session:
        letter = session.scalars(select(Letter)).one()
        assert (letter.channel, letter.address, letter.state) == ("sms", HERS, "due")
        assert letter.short == "【アオバPC】明日の朝にお電話します。"
        assert letter.body.startswith("山田 花子様\n\n明日の朝に")
        assert "03-1234-5678" in letter.body
        assert session.scalars(select(Inbound.handled_by)).one() == "user:1"
        assert session.scalars(select(Alarm).where(Alarm.cleared_at.is_(None))).all() == []
    assert "明日の朝にお電話します。" in desk.get(f"/inbox/c{world.customer}").text


def test_an_unknown_sender_is_answered_in_the_language_of_the_message(db, desk, hear, press):
    hear("Do you repair printers?", sender="+819099990000")
    assert "090-9999-0000 へのお返事" in desk.get("/inbox/m1").text
    assert press("m1", "answer", words="Yes, we do.").status_code == 303
    with db.read() as session:
        letter = session.scalars(select(Letter)).one()
        assert (letter.address, letter.customer_id, letter.about) == ("+819099990000", None, "sms:+819099990000")
        assert letter.short.endswith("Yes, we do.")
        assert "You can also call us" in letter.body
    assert "Yes, we do." in desk.get("/inbox/m1").text


def test_what_was_written_to_an_unknown_sender_goes_along_when_it_is_known_who_that_was(desk, hear, press, world):
    hear("プリンターも見てもらえますか", sender="+819099990000")
    press("m1", "answer", words="はい、拝見します。")
    press("m1", "assign", customer=world.customer)
    assert "はい、拝見します。" in desk.get(f"/inbox/c{world.customer}").text


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
@pytest.mark.parametrize("words", ["", " ", "{{ name }}", "あ" * 501])
def test_an_answer_about_no_visit_is_checked_like_any_other(db, hear, press, world, words):
    hear("こんにちは")
    assert press(f"c{world.customer}", "answer", words=words).status_code == 422
    with db.read() as session:
        assert session.scalars(select(Letter)).all() == []


def test_who_wants_no_more_messages_is_not_answered(db, desk, hear, press):
    hear("STOP", sender="+819099990000")
    assert "この差出人には返信できません" in desk.get("/inbox/m1").text
    assert press("m1", "answer", words="はい").status_code == 409


def test_an_answer_that_did_not_go_out_stands_in_the_conversation_until_somebody_deals_with_it(
    db, desk, hear, press, world, clock
):
    hear("まだつながりません")
    press(f"c{world.customer}", "answer", words="お電話します。")
    post_letters(db, {"sms": Refusing()}, clock)
    assert "お返事を送信できませんでした" in desk.get(f"/inbox/c{world.customer}").text
    board = desk.get("/").text
    assert "メッセージへのお返事を送信できませんでした" in board
    assert 'href="/inbox/m1"' in board
    press(f"c{world.customer}", "handled")
    assert "送信できませんでした" not in desk.get("/").text + desk.get(f"/inbox/c{world.customer}").text


def test_dealt_with_takes_it_off_every_list(db, desk, hear, press, world, clock):
    world.visit()
    hear("何時になりますか")
    clock.forward(minutes=30)
    with db.write() as session:
        call_for_unread(session, TOKYO, clock.now())
    assert "期限切れあり" in desk.get("/customers").text
    assert press(f"c{world.customer}", "handled").status_code == 303
    assert "未読" not in desk.get("/customers").text
    with db.read() as session:
        assert session.scalars(select(Alarm).where(Alarm.cleared_at.is_(None))).all() == []


def test_an_unknown_sender_is_found_and_assigned_with_the_own_number(db, desk, hear, press, world, clock):
    hear("駐車場はありますか", sender="+819099990000")
    hear("STOP", sender="+819099990000")
    with db.write() as session:
        other = Customer(name="鈴木 一郎", created_at=clock.now())
        session.add(other)
        session.flush()
        other_id = other.id
    found = desk.get("/inbox/m1?who=鈴木").text
    assert "鈴木 一郎" in found
    assert press("m1", "assign", customer=str(other_id), keep_address="1").headers["Location"] == f"/inbox/c{other_id}"
    with db.read() as session:
        assert set(session.scalars(select(Inbound.customer_id))) == {other_id}
        assert session.get_one(Customer, other_id).mobile == "+819099990000"
        assert opted_out(session, other_id) == {"sms"}
    assert press("m1", "assign", customer=str(other_id)).status_code == 409
    assert "鈴木 一郎" in desk.get("/inbox/m1").text


@pytest.mark.parametrize(
    ("channel", "sender", "kept"),
    [("sms", "+819099990000", True), ("sms", "BANK", False), ("sms", "+81312345678", False), ("email", "a b@", False)],
)
def test_only_an_address_that_can_be_written_to_is_kept_and_it_opens_what_led_nowhere(
    db, desk, hear, press, world, clock, channel, sender, kept
):
    hear("駐車場はありますか", sender=sender, channel=channel)
    with db.write() as session:
        other = Customer(name="鈴木 一郎", created_at=clock.now())
        session.add(other)
        session.flush()
        other_id = other.id
        opt_out(session, other_id, channel, "unknown_number", clock.now(), actor="system")
    assert press("m1", "assign", customer=str(other_id), keep_address="1").status_code == 303
    with db.read() as session:
        customer = session.get_one(Customer, other_id)
        assert (customer.mobile or customer.email) == (sender if kept else None)
        assert opted_out(session, other_id) == (frozenset() if kept else {channel})


@pytest.mark.parametrize("key", ["c999", "m999", "x1", "c", "c-1", "c99999999999", "cあ", "now"])
def test_a_conversation_that_is_not_there_is_not_found(desk, key):
    assert desk.get(f"/inbox/{key}").status_code == 404


def test_the_parts_are_not_sent_again_while_nothing_changes(desk, hear, world):
    hear("何時になりますか")
    for path in ("/inbox/list", f"/inbox/c{world.customer}/now"):
        first = desk.get(path)
        assert "<html" not in first.text
        assert desk.get(path, headers={"If-None-Match": first.headers["ETag"]}).status_code == 304


def test_what_changes_is_sent_at_once(desk, hear, world, press, db):
    world.visit()
    key = f"c{world.customer}"

    def changed(does):
        paths = ("/inbox/list", f"/inbox/{key}/now")
        before = [(path, {"If-None-Match": desk.get(path).headers["ETag"]}) for path in paths]
        does()
        return [desk.get(path, headers=known).status_code == 200 for path, known in before]

    assert changed(lambda: hear("何時になりますか")) == [True, True]
    assert changed(lambda: press(key, "answer", words="17時です")) == [True, True]

    def arrive():
        with db.write() as session:
            session.scalars(select(Notice)).one().state = "delivered"

    assert changed(arrive) == [False, True]
    assert changed(lambda: hear("駐車場は?", sender="+819099990000")) == [True, False]
    assert changed(lambda: press("m2", "handled")) == [True, False]


def test_a_long_list_comes_in_pages_and_is_searched(desk, hear, world):
    for number in range(55):
        hear("もしもし", sender=f"+8190000000{number:02}")
    assert desk.get("/inbox").text.count('class="letter ') == 50
    assert desk.get("/inbox?page=2").text.count('class="letter ') == 5
    assert desk.get("/inbox?q=0000000054").text.count('class="letter ') == 1
    assert "見つかりませんでした" in desk.get("/inbox?q=だれか").text


def test_each_conversation_stands_once_with_what_is_unread_or_else_its_last_words(desk, hear, press, world):
    world.visit()
    for sender in (HERS, "+819099990000", "+819099990001"):
        hear("最初の質問です", sender=sender)
        hear("次の質問です", sender=sender)
    press("m3", "handled")
    hear("電話ください")  # understood, so that it is read
    page = desk.get("/inbox").text
    assert page.count('<li id="l') == page.count("次の質問です") == 3
    assert "最初の質問です" not in page
    assert page.index("090-9999-0001") < page.index("090-9999-0000")  # read, so last
    press(f"c{world.customer}", "handled")
    assert "電話ください" in desk.get("/inbox").text


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
@pytest.mark.parametrize("path", ["/inbox", "/inbox/list", "/inbox/c1", "/inbox/c1/now"])
def test_a_technician_reads_nobodys_letters(signed_in, path):
    assert signed_in("technician").get(path).status_code == 403


def test_without_the_forms_secret_nothing_is_sent(desk, world, app):
    for what in ("answer", "handled", "assign"):
        assert desk.post(f"/inbox/c{world.customer}/{what}", data={"words": "x"}).status_code == 400


def test_in_english_too(desk, hear, world):
    world.visit()
    hear("When will you come?")
    page = desk.get(f"/inbox/c{world.customer}?lang=en").text
    assert "Answer to 山田 花子" in page
    assert "Dealt with" in page


def test_an_unread_message_on_the_attention_list_leads_to_its_conversation(desk, db, hear, world, clock):
    world.visit()
    hear("何時になりますか")
    clock.forward(minutes=6)
    with db.write() as session:
        call_for_unread(session, TOKYO, clock.now())
    board = desk.get("/").text
    assert "山田 花子様からのメッセージが未読です" in board
    assert 'href="/inbox/m1"' in board
    assert desk.get("/inbox/m1").status_code == 200


def test_a_manager_is_called_in_every_room_once_it_is_overdue(signed_in, db, hear, world, clock):
    world.visit()
    hear("何時になりますか")
    clock.forward(minutes=16)
    with db.write() as session:
        call_for_unread(session, TOKYO, clock.now())
    assert "お客様への返信が遅れています" in signed_in("manager").get("/customers").text
    assert "お客様への返信が遅れています" not in signed_in("dispatcher").get("/customers").text


def test_the_visit_leads_to_the_conversation(desk, db, hear, world, clock):
    visit_id = world.visit()
    hear("何時になりますか")
    clock.forward(minutes=6)
    with db.write() as session:
        call_for_unread(session, TOKYO, clock.now())
    page = desk.get(f"/visits/{visit_id}").text
    assert f'href="/inbox/c{world.customer}"' in page
    assert 'href="/inbox/m1"' in page


def test_a_customer_who_never_wrote_has_an_empty_conversation(desk, world):
    assert "まだやり取りはありません" in desk.get(f"/inbox/c{world.customer}").text


def test_a_number_longer_than_any_is_nobodys_conversation(desk):
    assert desk.get(f"/inbox/c{'9' * 5000}/now").status_code == 404
