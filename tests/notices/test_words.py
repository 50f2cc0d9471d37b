"""Is every fact written as a native would write it and a voice would say it, and is one that cannot be true refused?"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from app.notices import Hole, fill
from app.notices.declared import all_notices, sample_facts, shipped
from app.notices.words import Facts, Missing


def said(fact, notice, how="body", locale="ja", **changes):
    facts, now = sample_facts(all_notices()[notice], locale)
    return Facts(all_notices()[notice], locale, {**facts, **changes}, now).written(fact, how)


@pytest.mark.parametrize(
    ("fact", "notice", "locale", "how", "words"),
    [
        ("eta", "late", "ja", "body", "17:20〜17:40"),
        ("eta", "late", "ja", "short", "17:20-17:40"),
        ("eta", "late", "en", "body", "17:20-17:40"),
        ("eta", "late", "ja", "spoken", "17時20分から17時40分"),
        ("eta", "late", "en", "spoken", "between 5:20 PM and 5:40 PM"),
        ("promised_on", "late", "en", "spoken", "Tuesday 24 November"),
        ("next_at", "holding_unknown", "ja", "body", "17:05"),
        ("reply_by", "complaint_ack", "ja", "body", "11/25(水) 18:00"),
        ("reply_by", "complaint_ack", "en", "body", "18:00 on Wed 25 Nov"),
        ("reply_by", "complaint_ack", "ja", "spoken", "11月25日水曜日、18時"),
        ("checked_at", "pay_remind_1", "ja", "body", "12/3(木) 09:00"),
        ("pay_by", "pay_remind_1", "en", "body", "Thu 10 Dec"),
        ("pay_by_long", "pay_remind_4", "ja", "body", "2026年12月10日"),
        ("pay_by_long", "pay_remind_4", "en", "body", "10 December 2026"),
        ("amount", "pay_remind_1", "ja", "body", "21,975円"),
        ("amount", "pay_remind_1", "en", "body", "JPY 21,975"),
        ("amount", "pay_remind_1", "ja", "spoken", "21975円"),
        ("rate", "pay_remind_4", "ja", "body", "3%"),
        ("overdue_days", "pay_remind_2", "ja", "body", "21"),
        ("manager", "complaint_ack", "en", "spoken", "Tanaka, service manager"),
        ("phone", "late", "ja", "spoken", "0 3、1 2 3 4、5 6 7 8"),
    ],
)
def test_a_fact_in_words(fact, notice, locale, how, words):
    assert said(fact, notice, how, locale) == words


@pytest.mark.parametrize(
    ("notice", "fact", "value"),
    [
        ("pay_remind_1", "amount", 0),
        ("pay_remind_1", "amount", -1),
        ("pay_remind_1", "amount", 21975.5),
        ("pay_remind_1", "amount", True),
        ("pay_remind_1", "amount", "21975"),
        ("pay_remind_1", "pay_by", datetime(2026, 12, 10, tzinfo=UTC)),
        ("pay_remind_4", "rate", float("nan")),
        ("pay_remind_4", "rate", float("inf")),
        ("final_report", "prevention", ()),
        ("final_report", "prevention", ("", "x")),
        ("final_report", "prevention", ["x"]),
        ("final_report", "prevention", ("x",) * 21),
        ("reply", "words", "x" * 2001),
        ("reply", "words", "\u200b\n\n"),
    ],
)
def test_what_cannot_be_is_a_hole_by_its_name(notice, fact, value):
    with pytest.raises(Hole) as hole:
        said(fact, notice, **{fact: value})
    assert hole.value.field == fact


@pytest.mark.parametrize(
    ("notice", "fact", "value"),
    [
        ("late", "eta", lambda now: (now - timedelta(minutes=30), now - timedelta(minutes=1))),
        ("late", "eta", lambda now: (now - timedelta(days=400), now - timedelta(days=399))),
        ("holding_unknown", "next_at", lambda now: now),
        ("complaint_ack", "reply_by", lambda now: now - timedelta(seconds=1)),
        ("pay_remind_1", "pay_by", lambda now: now.date() - timedelta(days=1)),
        ("reminder_day", "promised", lambda now: (now - timedelta(hours=2), now - timedelta(hours=1))),
    ],
)
def test_a_time_that_is_over_is_not_told_as_one_to_come(notice, fact, value):
    facts, now = sample_facts(all_notices()[notice], "ja")
    with pytest.raises(Hole) as hole:
        fill(notice, "ja", shipped(notice, "ja"), {**facts, fact: value(now)}, now=now)
    assert hole.value.field == fact


def test_what_has_passed_may_be_told_where_it_is_the_past():
    facts, now = sample_facts(all_notices()["late"], "ja")
    over = (now - timedelta(hours=2), now - timedelta(hours=1))
    assert fill("late", "ja", shipped("late", "ja"), {**facts, "promised": over}, now=now)
    assert said("due_date", "pay_remind_1", due_date=date(2020, 1, 6)) == "1/6(月)"


def test_what_may_be_missing_can_be_asked_for_and_never_written():
    missing = said("tech", "late", tech=" ")
    assert isinstance(missing, Missing)
    assert not missing
    with pytest.raises(Hole) as hole:
        str(missing)
    assert hole.value.field == "tech"


def test_no_part_that_leaves_is_longer_than_a_letter():
    facts, now = sample_facts(all_notices()["reply"], "ja")
    long = replace(shipped("reply", "ja"), body="{{ words }}" * 11)
    with pytest.raises(Hole) as hole:
        fill("reply", "ja", long, {**facts, "words": "あ" * 2000}, now=now)
    assert hole.value.field == "body"


def test_a_persons_words_keep_their_lines_where_there_are_lines_and_lose_addresses_where_they_are_heard():
    words = "17時に伺います。\r\n\r\n\r\n\r\n詳しくは https://a.jp/x を\u200bご覧ください。"
    assert said("words", "reply", words=words) == "17時に伺います。\n\n詳しくは https://a.jp/x をご覧ください。"
    assert said("words", "reply", "short", words=words) == "17時に伺います。 詳しくは https://a.jp/x をご覧ください。"
    assert "http" not in said("words", "reply", "spoken", words=words)
