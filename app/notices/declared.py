"""What can customers be told, and which facts does each notice have? Read from `templates/notices`.

`facts.toml` declares every fact with its type and a sample, `notices.toml` every notice with its facts, and
`<locale>/<notice>.toml` holds the words the product comes with.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

FOLDER = Path(__file__).parent.parent / "templates" / "notices"
#: Facts that the company itself gives: the same in all of its notices.
OWN = ("brand", "brand_short", "phone", "phone_hours", "sender")
#: The visit that samples tell of begins here, unless a real one is taken: Tuesday 24 November 2026, 17:00 in Japan.
SAMPLE_AT = datetime(2026, 11, 24, 17, 0, tzinfo=ZoneInfo("Asia/Tokyo"))


@dataclass(frozen=True, slots=True)
class Texts:
    """The words of one notice in one language, with places for facts; empty where it does not go over that channel.

    `short` holds one SMS a line, from the most polite to the most compact: the first that fits is taken.
    """

    short: str = ""
    line: str = ""
    subject: str = ""
    body: str = ""
    spoken: str = ""


PARTS = tuple(field.name for field in fields(Texts))


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact: its type, the fact it is written from (`of`), whether it must lie before us, its samples a language."""

    name: str
    type: str
    of: str | None
    ahead: bool
    samples: Mapping[str, tuple[Any, Any]]


@dataclass(frozen=True, slots=True)
class Declared:
    """One notice: what it is about, its facts that are always there, those that `may` be missing, those still `ahead`.

    `now` says when its sample is written, from the start of the visit; `samples` are those that differ for it.
    `planned` ones can be worded, but nothing sends them by itself yet.
    """

    name: str
    group: str
    facts: frozenset[str]
    may: frozenset[str]
    ahead: frozenset[str]
    now: str
    samples: Mapping[str, Mapping[str, tuple[Any, Any]]]
    planned: bool

    @property
    def known(self) -> frozenset[str]:
        """Every fact that a text of this notice can name."""
        return self.facts | self.may


@cache
def all_facts() -> Mapping[str, Fact]:
    """Return every fact by its name."""
    return {
        name: Fact(name, given["type"], given.get("of"), given.get("ahead", False), _by_locale(given))
        for name, given in _read("facts.toml").items()
    }


@cache
def all_notices() -> Mapping[str, Declared]:
    """Return every notice by its name, in the order in which the office sees them."""
    listed = dict(_read("notices.toml"))
    every = listed.pop("all")
    return {
        name: Declared(
            name=name,
            group=given["group"],
            facts=frozenset([*every["facts"], *given["facts"]]),
            may=frozenset([*every["may"], *given.get("may", [])]),
            ahead=frozenset(given.get("ahead", [])),
            now=given.get("now", "-19"),
            samples={fact: _by_locale(_both(sample)) for fact, sample in given.get("sample", {}).items()},
            planned=given.get("planned", False),
        )
        for name, given in listed.items()
    }


@cache
def shipped(name: str, locale: str) -> Texts:
    """Return the words that the product comes with. Raises KeyError when there is no such notice or language."""
    file = FOLDER / locale / f"{name}.toml"
    if not file.is_file():
        raise KeyError(name, locale)
    texts = tomllib.loads(file.read_text(encoding="utf-8"))
    return Texts(**{part: text.strip("\n") for part, text in texts.items()})


def parts_of(name: str) -> tuple[str, ...]:
    """Return the parts that a notice has: one that is only ever written has no SMS and is not read out."""
    return tuple(part for part in PARTS if getattr(shipped(name, "ja"), part))


def sample_facts(
    notice: Declared, locale: str, *, longest: bool = False, starts_at: datetime = SAMPLE_AT
) -> tuple[dict[str, object], datetime]:
    """Return sample facts of a notice as `render` takes them, and the moment at which it is written.

    Everything is there that may be; flags are down, but the longest customer is a firm. `starts_at` is the promised
    moment, in the customer's zone.
    """
    facts: dict[str, object] = {"corporate": longest}
    for name in sorted(notice.known):
        fact = all_facts()[name]
        base = all_facts()[fact.of] if fact.of else fact
        if base.type == "flag":
            facts[base.name] = False
        else:
            pair = notice.samples.get(base.name, base.samples)[locale]
            facts[base.name] = _value(base.type, pair[longest], starts_at)
    return facts, _moment(notice.now, starts_at)


def _value(kind: str, given: Any, starts_at: datetime) -> object:
    if kind == "window":
        whole = given.split()
        middle = len(whole) // 2
        return _moment(" ".join(whole[:middle]), starts_at), _moment(" ".join(whole[middle:]), starts_at)
    if kind in ("moment", "dated"):
        return _moment(given, starts_at)
    if kind == "date":
        return _date(given, starts_at)
    return tuple(given) if kind == "list" else given


def _moment(said: str, starts_at: datetime) -> datetime:
    """Return a moment said from the start of a visit: +20 (minutes), -1d 18:00."""
    day, _, clock = said.partition(" ")
    if not clock:
        return starts_at + timedelta(minutes=int(said))
    return datetime.combine(_date(day, starts_at), time.fromisoformat(clock.zfill(5)), starts_at.tzinfo)


def _date(said: str, starts_at: datetime) -> date:
    return starts_at.date() + timedelta(days=int(said.removesuffix("d")))


def _both(sample: Any) -> Mapping[str, Any]:
    return sample if isinstance(sample, dict) else {"sample": sample}


def _by_locale(given: Mapping[str, Any]) -> Mapping[str, tuple[Any, Any]]:
    pairs = {locale: given.get(locale, given.get("sample")) for locale in ("ja", "en")}
    return {locale: (pair[0], pair[1]) for locale, pair in pairs.items() if pair}


def _read(name: str) -> Mapping[str, Any]:
    return tomllib.loads((FOLDER / name).read_text(encoding="utf-8"))
