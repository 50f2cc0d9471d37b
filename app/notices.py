"""How is a notice worded? Fills the texts of `templates/notices`, and refuses to leave a hole in one.

A text in a customer's hands with a blank in it is worse than silence: whatever is missing, empty or impossible stops
the message and names the field, so that a person can mend it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from html import escape
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, nodes
from jinja2.meta import find_undeclared_variables

from app.i18n import LOCALES, day_words, spoken_clock, spoken_day, spoken_digits, spoken_window, t
from app.rules.messages import KINDS, Message, fits_one_sms

#: What is written where a value was forgotten.
_NOTHINGS = frozenset({"None", "null", "nan", "undefined", "NULL", "NaN"})

_ADDRESS = re.compile(r"https?://[^\s<>\"'、。()「」]+")
_FONT = "font:16px/1.7 -apple-system,'Hiragino Sans','Noto Sans JP','Yu Gothic UI',Meiryo,sans-serif"
_BUTTON = (
    "display:inline-block;padding:12px 20px;border-radius:6px;background:#0b6e4f;color:#ffffff;"
    "text-decoration:none;font-weight:bold"
)

Window = tuple[datetime, datetime]


class Hole(Exception):
    """A notice cannot be worded because a fact is missing or impossible; `field` names it."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


def render(kind: str, locale: str, facts: Mapping[str, object]) -> Message:
    """Return a notice in a language, filled and checked.

    `facts`: `brand`, `brand_short`, `phone`, `link`, `customer` (a name; `corporate` when it is a firm's) are texts;
    `promised`, `prev_promised`, `eta` and `prev_eta` are windows of two aware instants in the customer's zone,
    `next_at` is one; `tech`, `sender`, `phone_hours` and `overdue` may be left out where the wording asks for them with
    an "if". What a wording does not name is not looked at.

    Raises Hole naming the first fact that is missing, empty, unfilled or impossible; `short` when no variant fits
    into one SMS.
    """
    wording = _wording(kind, facts)
    template, fields = _template(locale, wording)
    words = {name: _words(name, locale, facts, optional=optional) for name, optional in fields.items()}
    aloud = {name: _aloud(name, locale, facts, word) for name, word in words.items()}
    read, heard = template.new_context(words), template.new_context(aloud)
    text = {
        name: "".join(block(heard if name == "spoken" else read)).strip() for name, block in template.blocks.items()
    }
    variants = [text[name] for name in sorted(text) if name.startswith("short_")]
    short = next((variant for variant in variants if fits_one_sms(variant)), None)
    if short is None:
        raise Hole("short")
    return Message(short, text["line"], text["subject"], text["body"], text["spoken"])


def html_of(message: Message, language: str) -> str:
    """Return a notice's e-mail as HTML: its text, and an address that stands alone on its line as a button.

    Needs neither images nor a style sheet, keeps its contrast in the dark, and holds nothing that the text does not.
    """
    paragraphs = "\n".join(_paragraph(part, language) for part in re.split(r"\n{2,}", message.body))
    return (
        f'<!doctype html>\n<html lang="{escape(language)}">\n<head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">'
        f"<title>{escape(message.subject)}</title></head>\n"
        f'<body style="margin:0;padding:24px 16px;{_FONT}">\n<div style="max-width:560px;margin:0 auto">\n'
        f"{paragraphs}\n</div>\n</body>\n</html>\n"
    )


def _paragraph(text: str, language: str) -> str:
    lines = []
    for line in text.split("\n"):
        linked = _ADDRESS.sub(lambda found: f'<a href="{found[0]}">{found[0]}</a>', escape(line))
        if _ADDRESS.fullmatch(line):
            button = f'<a href="{escape(line)}" style="{_BUTTON}">{escape(t("wording.mail_button", language))}</a>'
            linked = f'{button}<br><span style="font-size:13px">{linked}</span>'
        lines.append(linked)
    return f'<p style="margin:0 0 16px;overflow-wrap:anywhere">{"<br>".join(lines)}</p>'


def _wording(kind: str, facts: Mapping[str, object]) -> str:
    """Return which text suits the facts: a delay that grew is told differently from one that shrank."""
    if kind not in KINDS:
        raise ValueError(f"no such notice: {kind}")
    if kind == "holding":
        return "holding_unchanged" if facts.get("eta") else "holding_unknown"
    if kind != "late_update":
        return kind
    if not facts.get("prev_eta"):
        return "late"  # who was told of no time before is told of the delay, not of a change
    (from_at, until_at), (before_from_at, before_until_at) = _window("eta", facts), _window("prev_eta", facts)
    if (from_at, until_at) == (before_from_at, before_until_at):
        raise Hole("eta")
    return "late_growing" if (until_at, from_at) > (before_until_at, before_from_at) else "late_shrinking"


def _words(name: str, locale: str, facts: Mapping[str, object], *, optional: bool) -> str | bool:
    """Return one fact as it is written in a text. Raises Hole."""
    if optional and (_absent(facts.get(name)) or facts.get(name) is True):
        return facts.get(name) is True
    if name == "addressee":
        return _addressee(_text("customer", facts), locale, corporate=facts.get("corporate") is True)
    if name == "promised_on":
        return day_words(_window("promised", facts)[0].date(), locale)
    if name in ("eta", "prev_eta", "promised", "prev_promised"):
        return _window_words(name, locale, facts)
    if name == "next_at":
        return f"{_instant(name, facts.get(name)):%H:%M}"
    return _text(name, facts)


def _aloud(name: str, locale: str, facts: Mapping[str, object], words: str | bool) -> str | bool:
    """Return one fact as it is read out: a voice says "17:20" or a phone number wrongly unless it is spelled for it."""
    if isinstance(words, bool):
        return words
    if name in ("eta", "prev_eta", "promised", "prev_promised"):
        from_at, until_at = _window(name, facts)
        day = None if name == "promised" or from_at.date() == _window("promised", facts)[0].date() else from_at.date()
        return spoken_window(from_at, until_at, locale, day)
    if name == "promised_on":
        return spoken_day(_window("promised", facts)[0].date(), locale)
    if name == "next_at":
        return spoken_clock(_instant(name, facts.get(name)), locale)
    return spoken_digits(words, locale) if name == "phone" else words


def _text(name: str, facts: Mapping[str, object]) -> str:
    value = facts.get(name)
    if not isinstance(value, str):
        raise Hole(name)
    text = _visible(value)
    if not text or text in _NOTHINGS or "{" in text or "}" in text:
        raise Hole(name)
    return text


def _absent(value: object) -> bool:
    return value is None or value is False or (isinstance(value, str) and not _visible(value))


def _visible(text: str) -> str:
    """Return a text without what cannot be seen: one such character doubles the price of an SMS, or breaks a header."""
    shown = "".join(" " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c)[0] != "C")
    return " ".join(shown.split())


def _window(name: str, facts: Mapping[str, object]) -> Window:
    value = facts.get(name)
    if not isinstance(value, tuple) or len(value) != 2:
        raise Hole(name)
    from_at, until_at = _instant(name, value[0]), _instant(name, value[1])
    if until_at < from_at:
        raise Hole(name)
    return from_at, until_at


def _instant(name: str, value: object) -> datetime:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise Hole(name)
    return value


def _window_words(name: str, locale: str, facts: Mapping[str, object]) -> str:
    """Return 17:20〜17:40, or with its day when that is not the day of the promise."""
    from_at, until_at = _window(name, facts)
    first, last = f"{from_at:%H:%M}", f"{until_at:%H:%M}"
    words = first if first == last else f"{first}{'〜' if locale == 'ja' else '-'}{last}"
    another_day = from_at.date() != _window("promised", facts)[0].date()
    return f"{day_words(from_at.date(), locale)} {words}" if another_day else words


def _addressee(name: str, locale: str, *, corporate: bool) -> str:
    if locale != "ja":
        return name
    for ending in ("様", "さま", "御中"):
        name = name.removesuffix(ending).rstrip() or name
    return f"{name} 御中" if corporate else f"{name}様"


@cache
def _environment() -> Environment:
    # Plain text for SMS and mail: escaping for HTML would spoil it.
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates" / "notices"),
        undefined=StrictUndefined,
        autoescape=False,
    )
    environment.filters["ascii_dash"] = lambda words: words.replace("〜", "-")
    return environment


@cache
def _template(locale: str, wording: str) -> tuple[Template, Mapping[str, bool]]:
    """Return a wording and the facts it names, each with whether it can do without: it asks for those with an "if"."""
    if locale not in LOCALES:
        raise ValueError(f"no such language: {locale}")
    environment = _environment()
    name = f"{locale}/{wording}.txt"
    assert environment.loader is not None
    source, _, _ = environment.loader.get_source(environment, name)
    tree = environment.parse(source)
    asked = [test.test for test in tree.find_all(nodes.If)] + [either.left for either in tree.find_all(nodes.Or)]
    optional = {test.name for test in asked if isinstance(test, nodes.Name)}
    named = sorted(find_undeclared_variables(tree))
    return environment.get_template(name), {field: field in optional for field in named}
