"""How is it said in Japanese and in English? Texts, dates, windows and durations as a native of the trade writes them.

Texts live in `translations/<locale>/<area>.json` as flat keys; `t("board.title", "ja")` finds `title` of `board.json`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date, datetime, time, tzinfo
from functools import cache
from pathlib import Path
from typing import Any

import phonenumbers

LOCALES = ("ja", "en")

_FOLDER = Path(__file__).parent / "translations"
_DAYS_JA = "月火水木金土日"
_DAYS_EN = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAYS_EN_WHOLE = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS_EN_WHOLE = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_MONTHS_EN = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@cache
def catalogue(locale: str) -> Mapping[str, str]:
    """Return every text of a language, keyed `area.name`.

    Raises ValueError when an area defines a key twice.
    """
    texts: dict[str, str] = {}
    for file in sorted((_FOLDER / locale).glob("*.json")):
        pairs = json.loads(file.read_text(encoding="utf-8"), object_pairs_hook=_refuse_repeats)
        texts.update({f"{file.stem}.{name}": value for name, value in pairs.items()})
    return texts


def _refuse_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise ValueError(f"a text is defined twice: {sorted({n for n in names if names.count(n) > 1})}")
    return dict(pairs)


def t(key: str, locale: str, /, **facts: Any) -> str:
    """Return a text in a language with its placeholders filled.

    Raises KeyError for an unknown key or a missing fact: a page with a hole is a fault to be seen in tests.
    """
    text = catalogue(locale)[key]
    return text.format(**facts) if facts else text


def has(key: str, locale: str) -> bool:
    """Return whether a text exists."""
    return key in catalogue(locale)


def pick_locale(wanted: str | None, header: str | None, otherwise: str) -> str:
    """Return the language to speak: the one asked for, else the browser's first that we know, else the given one.

    >>> pick_locale(None, "fr;q=0.9, en-GB;q=0.8, ja;q=0.5", "ja")
    'en'
    """
    if wanted in LOCALES:
        return str(wanted)
    ranked = []
    for position, part in enumerate((header or "").split(",")):
        tag, _, quality = part.strip().partition(";q=")
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            weight = 0.0
        ranked.append((-weight, position, tag[:2].lower()))
    for weight, _, language in sorted(ranked):
        if language in LOCALES and weight < 0:
            return language
    return otherwise


def time_words(at: datetime, zone: tzinfo) -> str:
    """Return the local time of day: 17:20."""
    return f"{at.astimezone(zone):%H:%M}"


def day_words(on: date, locale: str) -> str:
    """Return a short date with its weekday: 11/24(火), Tue 24 Nov."""
    if locale == "ja":
        return f"{on.month}/{on.day}({_DAYS_JA[on.weekday()]})"
    return f"{_DAYS_EN[on.weekday()]} {on.day} {_MONTHS_EN[on.month - 1]}"


def long_day_words(on: date, locale: str) -> str:
    """Return a date as a letter carries it: 2026年11月24日, 24 November 2026."""
    if locale == "ja":
        return f"{on.year}年{on.month}月{on.day}日"
    return f"{on.day} {_MONTHS_EN_WHOLE[on.month - 1]} {on.year}"


def spoken_clock(at: datetime | time, locale: str) -> str:
    """Return a local time of day as it is said: 17時20分, 5:20 PM.

    >>> spoken_clock(datetime(2026, 11, 24, 17, 0), "ja"), spoken_clock(datetime(2026, 11, 24, 0, 5), "en")
    ('17時', '12:05 AM')
    """
    if locale == "ja":
        return f"{at.hour}時{at.minute}分" if at.minute else f"{at.hour}時"
    minutes = f":{at:%M}" if at.minute else ""
    return f"{at.hour % 12 or 12}{minutes} {'AM' if at.hour < 12 else 'PM'}"


def spoken_day(on: date, locale: str) -> str:
    """Return a date as it is said: 11月24日火曜日, Tuesday 24 November."""
    if locale == "ja":
        return f"{on.month}月{on.day}日{_DAYS_JA[on.weekday()]}曜日"
    return f"{_DAYS_EN_WHOLE[on.weekday()]} {on.day} {_MONTHS_EN_WHOLE[on.month - 1]}"


def spoken_window(from_at: datetime, until_at: datetime, locale: str, on: date | None) -> str:
    """Return a local window as it is said, with its day `on` where that is needed.

    >>> at = datetime(2026, 11, 24, 17, 20)
    >>> spoken_window(at, at.replace(minute=40), "en", None), spoken_window(at, at, "ja", at.date())
    ('between 5:20 PM and 5:40 PM', '11月24日火曜日、17時20分')
    """
    first, last = spoken_clock(from_at, locale), spoken_clock(until_at, locale)
    if locale == "ja":
        day = f"{spoken_day(on, locale)}、" if on else ""
        return f"{day}{first}" if first == last else f"{day}{first}から{last}"
    day = f"on {spoken_day(on, locale)}, " if on else ""
    return f"{day}at {first}" if first == last else f"{day}between {first} and {last}"


def spoken_text(text: str, locale: str) -> str:
    """Return a text so that a voice reads it well: times said, and what stands in brackets set between commas.

    >>> spoken_text("夜間割増(22:00以降の作業分)", "ja"), spoken_text("Tanaka (service manager)", "en")
    ('夜間割増、22時以降の作業分', 'Tanaka, service manager')
    """
    comma = "、" if locale == "ja" else ", "
    said = re.sub(
        r"(?<![\d:])([01]?\d|2[0-3]):([0-5]\d)(?![\d:])",
        lambda found: spoken_clock(time(int(found[1]), int(found[2])), locale),
        text,
    )
    said = re.sub(r"\s*[(\uff08【「『\[]([^(\uff08【「『\[]*)[)\uff09】」』\]]", rf"{comma}\1{comma}", said)
    said = re.sub(r"(?:[、,]\s*)+(?=[、。,.!?\uff01\uff1f]|$)", "", said).replace(",  ", ", ")
    return said.strip("、, ").replace("〜", "から" if locale == "ja" else " to ")


def spoken_digits(number: str, locale: str) -> str:
    """Return a telephone number so that a voice says each digit, with a breath where it is written with a dash.

    >>> spoken_digits("03-1234-5678", "en")
    '0 3, 1 2 3 4, 5 6 7 8'
    """
    return ("、" if locale == "ja" else ", ").join(" ".join(group) for group in re.findall(r"\+?\d+", number))


def window_words(from_at: datetime, until_at: datetime, zone: tzinfo) -> str:
    """Return a window as a departure board shows it: 17:20–17:40, or 17:00 when it is a single moment."""
    first, last = time_words(from_at, zone), time_words(until_at, zone)
    return first if from_at == until_at else f"{first}–{last}"


def as_of_words(at: datetime, zone: tzinfo, locale: str) -> str:
    """Return the freshness mark beside an estimate: 16:41現在, as of 16:41."""
    clock = time_words(at, zone)
    return f"{clock}現在" if locale == "ja" else f"as of {clock}"


def money_words(amount: int, currency: str, exponent: int, locale: str) -> str:
    """Return an amount of a currency's smallest coins: 21,975円, JPY 21,975, EUR 60.00.

    >>> money_words(-850, "JPY", 0, "ja"), money_words(6005, "EUR", 2, "en")
    ('-850円', 'EUR 60.05')
    """
    sign, whole = "-" if amount < 0 else "", abs(amount)
    said = f"{whole // 10**exponent:,}" + (f".{whole % 10**exponent:0{exponent}}" if exponent else "")
    return f"{sign}{said}円" if (currency, locale) == ("JPY", "ja") else f"{sign}{currency} {said}"


def phone_words(number: str, country: str) -> str:
    """Return a stored number (E.164) as people in a country write it: 090-1234-5678; a foreign one with its code."""
    try:
        parsed = phonenumbers.parse(number, country)
    except phonenumbers.NumberParseException:
        return number
    home = phonenumbers.region_code_for_number(parsed) == country
    style = phonenumbers.PhoneNumberFormat.NATIONAL if home else phonenumbers.PhoneNumberFormat.INTERNATIONAL
    return phonenumbers.format_number(parsed, style)


def word(prefix: str, code: str | None, locale: str) -> str:
    """Return the words for one of our codes; a code that is newer than the words speaks for itself.

    >>> word("notice_kind.", "late", "en"), word("notice_kind.", "brand_new", "en")
    ('Late', 'brand_new')
    """
    key = f"{prefix}{code}"
    return t(key, locale) if has(key, locale) else code or ""


def span_words(minutes: float, locale: str) -> str:
    """Return a span of time as it is said: in minutes, from two hours on in hours and minutes."""
    whole = round(minutes)
    if whole < 120:
        return t("visit.minutes_alone", locale, minutes=whole)
    return t("visit.hours_and_minutes", locale, hours=whole // 60, minutes=whole % 60)


def reason_words(code: str, facts: Mapping[str, Any], locale: str) -> str:
    """Return why something was decided (a code of rules.lateness.REASONS) as a sentence with its figures."""
    said = {**facts, **{name: word(f"forecast.{name}_", facts.get(name), locale) for name in ("basis", "state")}}
    said["kind"] = word("notice_kind.", facts.get("kind"), locale)
    if isinstance(facts.get("lead_min"), (int, float)):
        said["lead_min"] = span_words(facts["lead_min"], locale)
    try:
        return t(f"reason.{code}", locale, **said)
    except KeyError:
        return code
