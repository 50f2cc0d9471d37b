"""Does every text exist in both languages, with the same blanks?"""

from __future__ import annotations

import re
import string
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from app import i18n

ROOT = Path(__file__).parent.parent / "app"
TOKYO = ZoneInfo("Asia/Tokyo")


def blanks(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_have_the_same_texts():
    ja, en = i18n.catalogue("ja"), i18n.catalogue("en")
    assert set(ja) ^ set(en) == set()


@pytest.mark.parametrize("key", sorted(i18n.catalogue("ja")))
def test_a_text_has_the_same_blanks_in_both_languages(key):
    assert blanks(i18n.catalogue("ja")[key]) == blanks(i18n.catalogue("en")[key])


@pytest.mark.parametrize("locale", i18n.LOCALES)
def test_no_text_is_empty(locale):
    assert [key for key, text in i18n.catalogue(locale).items() if not text.strip()] == []


def test_every_text_a_template_names_exists():
    missing = []
    for file in ROOT.rglob("*.html"):
        for key in re.findall(
            r"""\bt\(\s*["']([a-z_]+\.[A-Za-z0-9_.]+)["']\s*[,)]""", file.read_text(encoding="utf-8")
        ):
            if not i18n.has(key, "ja"):
                missing.append(f"{file.name}: {key}")
    assert missing == []


def test_dates_and_windows_read_as_a_native_writes_them():
    at = datetime(2026, 11, 24, 8, 20, tzinfo=UTC)
    assert i18n.day_words(date(2026, 11, 24), "ja") == "11/24(火)"
    assert i18n.day_words(date(2026, 11, 24), "en") == "Tue 24 Nov"
    assert i18n.window_words(at, at.replace(minute=40), TOKYO) == "17:20–17:40"
    assert i18n.window_words(at, at, TOKYO) == "17:20"
    assert i18n.as_of_words(at, TOKYO, "ja") == "17:20現在"


@pytest.mark.parametrize(
    ("wanted", "header", "language"),
    [
        ("en", "ja", "en"),
        (None, "en-GB,en;q=0.9,ja;q=0.8", "en"),
        (None, "fr;q=0.9, en-GB;q=0.8, ja;q=0.5", "en"),
        (None, "ja;q=0, en;q=0.1", "en"),
        (None, "fr", "ja"),
        (None, ";;q=x,,", "ja"),
        ("xx", None, "ja"),
    ],
)
def test_the_visitors_language_is_picked(wanted, header, language):
    assert i18n.pick_locale(wanted, header, "ja") == language


def test_a_promise_that_is_half_a_day_away_is_told_in_hours():
    facts = {"percent": 28, "lead_min": 588, "basis": "observed_pace", "state": "travelling"}
    assert "お約束まで9時間48分(" in i18n.reason_words("on_course", facts, "ja")
    assert "9 h 48 min before" in i18n.reason_words("on_course", facts, "en")
    assert "お約束まで86分(" in i18n.reason_words("on_course", {**facts, "lead_min": 86}, "ja")
