"""How is a fact written in a notice, and which facts are a hole? As it is read, within an SMS, and as it is heard."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime

from app.i18n import day_words, long_day_words, spoken_clock, spoken_day, spoken_digits, spoken_text, spoken_window
from app.notices.declared import Declared, Fact, all_facts

#: What is written where a value was forgotten.
NOTHINGS = frozenset({"None", "null", "nan", "undefined", "NULL", "NaN"})
#: A web address within a text.
ADDRESS = re.compile(r"https?://[^\s<>\"'、。()\uff08\uff09「」]+")
#: The longest list, and the longest words of a person, that go into a notice.
MOST_ENTRIES = 20
MOST_PROSE = 2000

Window = tuple[datetime, datetime]


class Hole(Exception):
    """A notice cannot be worded because a fact is missing or impossible, or a part has a hole; `field` names it."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


class Missing:
    """A fact that is not there: a text may ask for it, but not write it."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __bool__(self) -> bool:
        return False

    def __str__(self) -> str:
        raise Hole(self.name)


Said = str | bool | tuple[str, ...] | Missing


class Facts:
    """The facts of one notice in one language at one moment, each checked when a text first needs it."""

    def __init__(self, notice: Declared, locale: str, given: Mapping[str, object], now: datetime) -> None:
        self._notice, self._locale, self._given, self._now = notice, locale, given, now

    def written(self, name: str, how: str) -> Said:
        """Return a fact in words: `how` is the part of the message it stands in. Raises Hole."""
        fact = all_facts()[name]
        base = all_facts()[fact.of] if fact.of else fact
        value = self._given.get(base.name)
        if base.type == "flag":
            return value is True
        if name in self._notice.may and _absent(value):
            return Missing(name)
        words = self._words(fact, base, value, how)
        if (fact.ahead or name in self._notice.ahead) and self._over(value):
            raise Hole(name)
        return words

    def _words(self, fact: Fact, base: Fact, value: object, how: str) -> Said:
        spoken, locale = how == "spoken", self._locale
        match fact.type:
            case "text":
                text = _text(base.name, value)
                if not spoken:
                    return text
                return spoken_digits(text, locale) if base.name == "phone" else spoken_text(text, locale)
            case "prose":
                return _prose(base.name, value, how, locale)
            case "addressee":
                name = addressee(_text(base.name, value), locale, corporate=self._given.get("corporate") is True)
                return spoken_text(name, locale) if spoken else name
            case "window":
                return self._window_words(base.name, window(base.name, value), how)
            case "day":
                on = window(base.name, value)[0].date()
                return spoken_day(on, locale) if spoken else day_words(on, locale)
            case "moment" | "dated":
                return self._moment_words(_moment(base.name, value), spoken=spoken, dated=fact.type == "dated")
            case "date":
                return (spoken_day if spoken else day_words)(_date(base.name, value), locale)
            case "long_day":
                return long_day_words(_date(base.name, value), locale)
            case "list":
                return _entries(base.name, value)
            case _:
                return _number(base, value, locale, spoken=spoken)

    def _window_words(self, name: str, given: Window, how: str) -> str:
        """Return 17:20〜17:40, or with its day when that is not the day of the promise."""
        from_at, until_at = given
        promised = self._given.get("promised")
        home = (
            from_at.date()
            if name.endswith(("promised", "proposed")) or not promised
            else window("promised", promised)[0].date()
        )
        day = None if from_at.date() == home else from_at.date()
        if how == "spoken":
            return spoken_window(from_at, until_at, self._locale, day)
        first, last = f"{from_at:%H:%M}", f"{until_at:%H:%M}"
        dash = "〜" if self._locale == "ja" and how != "short" else "-"
        words = first if first == last else f"{first}{dash}{last}"
        return f"{day_words(day, self._locale)} {words}" if day else words

    def _moment_words(self, at: datetime, *, spoken: bool, dated: bool) -> str:
        clock = spoken_clock(at, self._locale) if spoken else f"{at:%H:%M}"
        if not dated and at.date() == self._now.astimezone(at.tzinfo).date():
            return clock
        day = (spoken_day if spoken else day_words)(at.date(), self._locale)
        if self._locale == "en":
            return f"{clock} on {day}"
        return f"{day}、{clock}" if spoken else f"{day} {clock}"

    def _over(self, value: object) -> bool:
        """Return whether what must lie before us has passed; a window is over when its end is."""
        if isinstance(value, tuple):
            return bool(value[1] < self._now)
        if isinstance(value, datetime):
            return value <= self._now
        return isinstance(value, date) and value < self._now.date()


def window(name: str, value: object) -> Window:
    """Return a window of two aware moments in their order. Raises Hole naming the fact."""
    if not isinstance(value, tuple) or len(value) != 2:
        raise Hole(name)
    from_at, until_at = _moment(name, value[0]), _moment(name, value[1])
    if until_at < from_at:
        raise Hole(name)
    return from_at, until_at


def addressee(name: str, locale: str, *, corporate: bool) -> str:
    """Return a customer's name as a letter begins: 山田 花子様, 青葉商事 御中.

    >>> addressee("山田様", "ja", corporate=False), addressee("Hanako Yamada", "en", corporate=False)
    ('山田様', 'Hanako Yamada')
    """
    if locale != "ja":
        return name
    for ending in ("様", "さま", "御中"):
        name = name.removesuffix(ending).rstrip() or name
    return f"{name} 御中" if corporate else f"{name}様"


def _absent(value: object) -> bool:
    return value in (None, False, 0, ()) or (isinstance(value, str) and not visible(value))


def visible(text: str, *, keep_width: bool = False) -> str:
    """Return a line without what cannot be seen: one such character doubles the price of an SMS, or breaks a header.

    Blanks become one; a wide one within the line (U+3000) is left to who wrote a text where `keep_width` says so.
    """
    wide = "\u3000" if keep_width else ""
    shown = text
    if not text.isprintable():
        shown = "".join(
            " " if c.isspace() and c != wide else c for c in text if c.isspace() or unicodedata.category(c)[0] != "C"
        )
    return re.sub(r" {2,}", " ", shown).strip()


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise Hole(name)
    text = visible(value)
    if not text or text in NOTHINGS or "{" in text or "}" in text:
        raise Hole(name)
    return text


def _prose(name: str, value: object, how: str, locale: str) -> str:
    """Return a person's words; within an SMS or a subject in one line, and read out without addresses."""
    whole = _text(name, value)
    if len(whole) > MOST_PROSE:
        raise Hole(name)
    if how == "spoken":
        return spoken_text(_text(name, ADDRESS.sub(" ", whole)), locale)
    if how in ("short", "subject"):
        return whole
    lines = [visible(line) for line in str(value).splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")


def _entries(name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, tuple) or not 0 < len(value) <= MOST_ENTRIES:
        raise Hole(name)
    return tuple(_text(name, entry) for entry in value)


def _moment(name: str, value: object) -> datetime:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise Hole(name)
    return value


def _date(name: str, value: object) -> date:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise Hole(name)
    return value


def _number(fact: Fact, value: object, locale: str, *, spoken: bool) -> str:
    """Return whole yen, a count, or a rate; none of them can be nothing."""
    whole = isinstance(value, int) or fact.type == "rate"
    if isinstance(value, bool) or not isinstance(value, int | float) or not whole or not math.isfinite(value):
        raise Hole(fact.name)
    if value <= 0:
        raise Hole(fact.name)
    if fact.type == "rate":
        return f"{value:g}%"
    if fact.type == "count":
        return str(value)
    if spoken:
        return f"{value}円" if locale == "ja" else f"{value} yen"
    return f"{value:,}円" if locale == "ja" else f"JPY {value:,}"
