"""Does no hole pass, whatever is done to texts and facts? `make fuzz-wording` renders 100,000."""

from __future__ import annotations

from dataclasses import replace

from app.notices import fill
from app.notices.declared import all_notices, sample_facts, shipped
from tests.notices.fuzz import holes, run


def test_nothing_that_is_broken_leaves_with_a_hole():
    counted, passed = run(2500, seed=20261124)
    assert passed == []
    assert counted["accepted"] > 300
    assert counted["refused when sent"] > 300
    assert counted["texts refused when saved"] > 5


def test_the_detector_sees_a_hole_that_is_there():
    facts, now = sample_facts(all_notices()["late"], "ja")
    message = fill("late", "ja", shipped("late", "ja"), facts, now=now)
    assert holes("late", message) == []
    for part, text in [
        ("short", "【アオバPC】〜頃 None"),
        ("short", "あ" * 71),
        ("line", "担当は「 」です"),
        ("subject", "一行目\n二行目"),
        ("body", "{{ eta }}"),
        ("body", "様\n\n到着の見込み"),
        ("spoken", "http://a.jp をご覧ください"),
        ("spoken", ""),
    ]:
        assert holes("late", replace(message, **{part: text})) != [], (part, text)
