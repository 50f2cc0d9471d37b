"""Is a text that cannot be used refused before it is kept, with the line and the fact at fault?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.notices.check import check
from app.notices.declared import Texts, all_notices, shipped

OWN = {
    "brand": "アオバPCサポート",
    "brand_short": "アオバPC",
    "phone": "03-1234-5678",
    "phone_hours": "",
    "sender": "",
    "link": "https://aoba.example/v/2345678923",
}


def found(name="late", locale="ja", own=OWN, **texts):
    return [(f.part, f.line, f.code) for f in check(name, locale, replace(shipped(name, locale), **texts), own)]


@pytest.mark.parametrize("locale", ["ja", "en"])
@pytest.mark.parametrize("name", sorted(all_notices()))
def test_the_words_the_product_comes_with_pass(name, locale):
    assert found(name, locale) == []
    assert found(name, locale, own={}) == []


@pytest.mark.parametrize(
    ("body", "line", "code"),
    [
        ("", 0, "empty"),
        (" \n\u3000\n", 0, "empty"),
        ("x" * 6001, 0, "too_long"),
        ("山田様\n{{ eta }", 2, "syntax"),
        ("{{ eta }}\n{% if tech %}担当 {{ tech }}", 2, "syntax"),
        ("{{ }}", 1, "syntax"),
        ("一行目\n{{ etta }}頃", 2, "unknown_fact"),
        ("{% if etta %}頃{% endif %}", 1, "unknown_fact"),
        ("{{ customer }}様", 1, "unknown_fact"),
        ("{{ prev_eta }}", 1, "unknown_fact"),
        ("{eta}頃に伺います", 1, "left_open"),
        ("到着は ○○ 頃です", 1, "left_open"),
        ("到着は\nXX:XX頃です", 2, "left_open"),
        ("担当は「」です", 1, "left_open"),
        ("本日、頃に伺います", 1, "left_open"),
        ("None", 1, "left_open"),
        ("一行目\n担当 {{ tech }}", 2, "may_be_missing"),
        ("担当{% if not tech %}{{ tech }}{% endif %}", 1, "may_be_missing"),
        ("{% if tech %}担当 {{ tech }}{% endif %}", 1, "left_open"),
        ("{{ eta.__class__ }}", 1, "not_allowed"),
        ("{{ eta['x'] }}", 1, "not_allowed"),
        ("{{ eta|upper }}", 1, "not_allowed"),
        ("{{ eta() }}", 1, "not_allowed"),
        ("{{ 'x' * 99999999 }}", 1, "not_allowed"),
        ("{{ eta ~ link }}", 1, "not_allowed"),
        ("{% set x = 1 %}", 1, "not_allowed"),
        ("{% include 'x' %}", 1, "not_allowed"),
        ("{% macro f() %}{% endmacro %}", 1, "not_allowed"),
        ("{% for x in range(9999999) %}x{% endfor %}", 1, "not_allowed"),
        ("{% for x in eta %}{{ x }}{% endfor %}", 1, "not_a_list"),
        ("{% if eta == 'x' %}x{% endif %}", 1, "not_allowed"),
        ("{% if tech %}" * 6 + "{{ tech }}" + "{% endif %}" * 6, 1, "too_deep"),
    ],
)
def test_a_text_that_cannot_be_used_is_refused_by_its_line(body, line, code):
    assert ("body", line, code) in found(body=body)


def test_a_list_goes_entry_by_entry_and_never_within_another():
    step = "{% for step in prevention %}・{{ step }}\n{% endfor %}"
    assert found("complaint_close", body=step) == []
    assert found("complaint_close", body="{{ prevention }}") == [("body", 1, "list_written")]
    twice = "{% for a in prevention %}{% for b in prevention %}{{ b }}{% endfor %}{% endfor %}"
    assert found("complaint_close", body=twice) == [("body", 1, "not_allowed")]


def test_a_flag_is_asked_for_and_never_written():
    assert found("holding_unknown", body="{{ overdue }}") == [("body", 1, "flag_written")]
    assert found("holding_unknown", body="{% if overdue %}遅れました{% else %}確認中です{% endif %}") == []


def test_the_subject_and_what_is_read_out_are_one_line_and_a_voice_reads_no_address():
    assert found(subject="一行目\n二行目") == [("subject", 2, "one_line")]
    assert found(spoken="一行目\n二行目") == [("spoken", 2, "one_line")]
    assert found(spoken="{{ link }}をご覧ください") == [("spoken", 1, "link_spoken")]


def test_an_sms_that_never_fits_is_refused_with_its_length_and_its_shortest_line():
    long = "【{{ brand_short }}】" + "あ" * 40 + "{{ link }}"
    (fault,) = check("late", "ja", replace(shipped("late", "ja"), short=f"{long}い\n{long}"), OWN)
    assert (fault.part, fault.line, fault.code) == ("short", 2, "sms_long")
    assert fault.facts == {"length": 7 + 40 + len(OWN["link"]), "most": 70, "odd": ""}


def test_one_character_outside_the_alphabet_of_sms_is_named():
    text = "{{ brand_short }}: We’re sorry, we are running late and expect to be with you {{ eta }}. {{ link }}"
    (fault,) = check("late", "en", replace(shipped("late", "en"), short=text), {**OWN, "brand_short": "AobaPC"})
    assert (fault.code, fault.facts["odd"]) == ("sms_odd", "’")


def test_an_sms_must_fit_with_the_longest_facts_too():
    fits_today = "【{{ brand_short }}】{{ tech }}が{{ eta }}頃に伺います {{ link }}。どうぞよろしくお願いします。"
    assert found("arriving_soon", short=fits_today) == [("short", 1, "sms_long")]
    assert found("arriving_soon", short=f"{fits_today}\n【{{{{ brand_short }}}}】{{{{ eta }}}}頃に伺います") == []


def test_the_company_that_is_meant_is_the_one_that_is_measured():
    tight = "【{{ brand_short }}】申し訳ございません。到着が遅れ{{ eta }}頃の見込みです {{ link }}"
    assert found(short=tight, own={**OWN, "link": "https://a.jp/v/2345678923"}) == [("short", 1, "sms_long")]
    on_the_day = tight.replace("{{ eta }}頃の見込みです", "ます")
    assert found(short=on_the_day, own={**OWN, "link": "https://a.jp/v/2345678923"}) == []


def test_what_is_only_ever_written_has_no_sms():
    assert check("service_refusal", "ja", shipped("service_refusal", "ja"), OWN) == []
    assert shipped("service_refusal", "ja").short == ""
    assert check("service_refusal", "ja", Texts(subject="件名", body="本文"), OWN) == []
