"""Is a notice worded from its facts in every shape, and does none leave with a hole?"""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime, timedelta
from html import unescape
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.notices import Hole, html_of, render
from app.rules.messages import KINDS, fits_one_sms, utf16_units

JAPAN = ZoneInfo("Asia/Tokyo")
LINK = "http://127.0.0.1:8000/v/2345678923"


def at(hour, minute, day=24):
    return datetime(2026, 11, day, hour, minute, tzinfo=JAPAN)


NOW = at(16, 41)
COMPANY = {
    "ja": {
        "brand": "アオバPCサポート",
        "brand_short": "アオバPC",
        "sender": "配車担当の小林",
        "phone_hours": "8:00〜21:00",
        "customer": "山田 花子",
        "tech": "佐藤",
    },
    "en": {
        "brand": "Aoba PC Support",
        "brand_short": "AobaPC",
        "sender": "Kobayashi (dispatch)",
        "phone_hours": "8:00-21:00",
        "customer": "Hanako Yamada",
        "tech": "Sato",
    },
}
ALWAYS = {"phone": "03-1234-5678", "link": LINK, "promised": (at(17, 0), at(17, 0))}
TOLD, LATER = (at(17, 20), at(17, 40)), (at(17, 50), at(18, 10))
CASES = {
    "late": ("late", {"eta": TOLD}),
    "late_growing": ("late_update", {"eta": LATER, "prev_eta": TOLD}),
    "late_shrinking": ("late_update", {"eta": TOLD, "prev_eta": LATER}),
    "holding_unknown": ("holding", {"next_at": at(17, 5)}),
    "holding_unknown_overdue": ("holding", {"next_at": at(17, 25), "overdue": True}),
    "holding_unchanged": ("holding", {"next_at": at(17, 30), "eta": TOLD}),
    "on_time_again": ("on_time_again", {"eta": (at(16, 55), at(17, 5))}),
    "arriving_soon": ("arriving_soon", {"eta": (at(16, 50), at(17, 0))}),
    "reminder_day": ("reminder_day", {}),
    "reminder_hours": ("reminder_hours", {}),
    "on_the_way": ("on_the_way", {}),
    "tech_changed": ("tech_changed", {"prev_tech": "Suzuki"}),
    "moved": ("moved", {"prev_promised": (at(17, 0, 23), at(18, 0, 23))}),
    "cancelled": ("cancelled", {}),
    "incident_update": (
        "incident_update",
        {"incident": "台風による到着の遅れ", "words": "原因を調べております。", "next_at": at(17, 30)},
    ),
    "reply": ("reply", {"words": "駐車場をお借りできます。"}),
}


def facts_of(case, locale="ja", **changes):
    _, facts = CASES[case]
    return {**ALWAYS, **COMPANY[locale], **facts, **changes}


def message(case, locale="ja", **changes):
    return render(CASES[case][0], locale, facts_of(case, locale, **changes), now=NOW)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("brand_short", ["アオバPC", "AobaPC"])
def test_the_link_fits_into_a_japanese_sms_also_on_a_newcomers_own_machine(case, brand_short):
    short = message(case, brand_short=brand_short).short
    assert short.endswith(f" {LINK}")
    assert utf16_units(short) <= 70
    assert short.startswith(f"【{brand_short}】")


@pytest.mark.parametrize("locale", ["ja", "en"])
@pytest.mark.parametrize("case", CASES)
def test_a_long_address_gives_way_to_the_phone_number(case, locale):
    short = message(case, locale, link=f"https://{'x' * 150}.example/v/2345678923").short
    assert "03-1234-5678" in short
    assert "http" not in short
    assert fits_one_sms(short)


@pytest.mark.parametrize("locale", ["ja", "en"])
@pytest.mark.parametrize("case", CASES)
def test_a_shorter_address_leaves_room_for_politer_words(case, locale):
    long, short = message(case, locale).short, message(case, locale, link="https://a.jp/v/2345678923").short
    assert len(short.rpartition(" ")[0]) >= len(long.rpartition(" ")[0])


@pytest.mark.parametrize("locale", ["ja", "en"])
@pytest.mark.parametrize("case", CASES)
def test_what_is_read_aloud_has_no_address_no_brackets_and_no_clock_of_digits(case, locale):
    spoken = message(case, locale).spoken
    assert not re.search(r"http|[(){}\[\]【】■〜-]|\d:\d\d(?! [AP]M)", spoken)
    assert "03-1234" not in spoken
    assert {"ja": "アオバPCサポートでございます。", "en": "this is Aoba PC Support,"}[locale] in spoken


def test_the_mail_as_html_says_what_the_text_says_and_lets_nothing_of_a_name_become_markup():
    told = message("late", customer='<b onclick="x">& Co', tech="<script>")
    page = html_of(told, "ja")
    assert page.count(f'<a href="{LINK}"') == 2
    assert "<script>" not in page
    assert "<b " not in page
    assert "&lt;b onclick=&quot;x&quot;&gt;&amp; Co様" in page
    assert "<img" not in page
    text = re.sub(r"<br>|</p>", "\n", re.sub(r"<head>.*</head>|<a [^>]*style=.*?</a>", "", page))
    assert unescape(re.sub(r"<[^>]+>", "", text)).split() == told.body.split()


@pytest.mark.parametrize("locale", ["ja", "en"])
@pytest.mark.parametrize("bad", [None, "", " ", "\u3000\n", "None", "{{ name }}", "\u200b", 7])
@pytest.mark.parametrize("name", ["brand", "brand_short", "phone", "customer", "link"])
def test_a_hole_stops_the_message_and_is_named(locale, name, bad):
    with pytest.raises(Hole) as hole:
        message("late", locale, **{name: bad})
    assert hole.value.field == name


@pytest.mark.parametrize("name", ["brand", "link", "eta", "promised"])
def test_a_fact_that_was_forgotten_is_named(name):
    facts = facts_of("late")
    del facts[name]
    with pytest.raises(Hole) as hole:
        render("late", "ja", facts, now=NOW)
    assert hole.value.field == name


@pytest.mark.parametrize(
    ("case", "changes", "field"),
    [
        ("late", {"eta": (at(17, 40), at(17, 20))}, "eta"),
        ("late", {"eta": (at(17, 40), None)}, "eta"),
        ("late", {"eta": (datetime(2026, 11, 24, 17, 0), at(17, 20))}, "eta"),  # noqa: DTZ001
        ("late", {"eta": "17:20-17:40"}, "eta"),
        ("late", {"promised": (at(18, 0), at(17, 0))}, "promised"),
        ("late_growing", {"prev_eta": (at(18, 0), at(17, 0))}, "prev_eta"),
        ("late_growing", {"prev_eta": LATER}, "eta"),
        ("holding_unknown", {"next_at": None}, "next_at"),
        ("holding_unchanged", {"eta": (at(18, 0), at(17, 0))}, "eta"),
        ("arriving_soon", {"tech": " "}, "tech"),
        ("late", {"brand_short": "あ" * 60}, "short"),
    ],
)
def test_an_impossible_fact_is_named(case, changes, field):
    with pytest.raises(Hole) as hole:
        message(case, **changes)
    assert hole.value.field == field


@pytest.mark.parametrize("locale", ["ja", "en"])
@pytest.mark.parametrize(
    "case", [case for case in CASES if case not in ("arriving_soon", "on_the_way", "tech_changed")]
)
def test_what_can_be_left_out_leaves_no_trace(case, locale):
    told = message(case, locale, tech=None, sender="", phone_hours="  ")
    assert "()" not in told.body + told.subject
    assert "  " not in told.body
    assert "\n\n\n" not in told.body
    assert "担当の\n" not in told.body


def test_a_firm_and_a_name_entered_with_its_title_are_addressed_properly():
    assert message("late", customer="青葉商事", corporate=True).body.startswith("青葉商事 御中\n")
    assert message("late", customer="山田様").body.startswith("山田様\n")
    assert message("late", customer="山田 花子").body.startswith("山田 花子様\n")


def test_a_promise_that_is_a_window_is_told_as_one():
    assert "17:00〜17:30" in message("late", promised=(at(17, 0), at(17, 30))).body
    assert "17:00-17:30" in message("late", "en", promised=(at(17, 0), at(17, 30))).body


def test_an_arrival_on_another_day_says_which():
    told = message("late", promised=(at(23, 30), at(23, 30)), eta=(at(0, 10, 25), at(0, 30, 25)))
    assert "11/25(水) 0:10-0:30頃" in told.short.replace("00:", "0:")


def test_who_was_told_no_time_before_is_told_of_the_delay_and_not_of_a_change():
    assert render("late_update", "ja", facts_of("late"), now=NOW) == message("late")


def test_the_words_of_a_newline_or_an_invisible_character_never_reach_a_header():
    told = message("late", brand="アオバ\r\nBcc: x@example.jp\u200b")
    assert "\n" not in told.subject
    assert "\u200b" not in told.subject


values = st.one_of(
    st.none(),
    st.sampled_from(["", " ", "None", "{{ eta }}", "{% x %}", "\u200b", "\u3000", "nan", "山田\u00a0花子", "<b>"]),
    st.text(max_size=30),
    st.integers(),
    st.booleans(),
)
moments = st.one_of(
    st.none(), st.integers(0, 2000).map(lambda minutes: at(0, 0) + timedelta(minutes=minutes)), st.just("17:00")
)
windows = st.one_of(st.none(), st.tuples(moments, moments), st.text(max_size=5))
fields = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("brand", "brand_short", "phone", "customer", "link", "tech", "sender"), values),
        **dict.fromkeys(("phone_hours", "corporate", "overdue"), values),
        **dict.fromkeys(("eta", "prev_eta", "promised"), windows),
        "next_at": moments,
    },
)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(sorted(CASES)), st.sampled_from(["ja", "en"]), fields, st.booleans())
def test_whatever_the_facts_no_hole_passes(case, locale, given_facts, complete):
    kind, _ = CASES[case]
    assert kind in KINDS
    facts = {**facts_of(case, locale), **given_facts} if complete else given_facts
    try:
        told = render(kind, locale, facts, now=NOW)
    except Hole:
        return
    assert fits_one_sms(told.short)
    for text in (told.short, told.line, told.subject, told.body, told.spoken):
        assert text == text.strip()
        assert text
        assert "{" not in text
        assert "}" not in text
        assert "None" not in text.split()
        assert not [c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co") and c != "\n"]
        assert "\u00a0" not in text
        assert not re.search(r"】[頃はが]|[は約] *$|: *\.", text)
    assert "\n" not in told.short + told.subject + told.spoken
    times = re.findall(r"(\d\d:\d\d)[-〜](\d\d:\d\d)", told.short)
    assert all(first != last for first, last in times)
