"""Can anything make a notice leave with a hole? Texts and facts broken at random, judged by a detector of its own.

`python -m tests.notices.fuzz --renders 100000 --seed 1` prints what was refused, what was accepted, and every hole.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import time
import unicodedata
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from app.notices import Hole, Texts, fill
from app.notices.check import check
from app.notices.declared import all_facts, all_notices, parts_of, sample_facts, shipped

#: What stands where a value was forgotten, mistyped, or came from somewhere else.
NOTHING = [
    None, "", " ", "\n", "\t ", "\u3000", "\u200b", "\u00ad\u200d", "\ufeff", "None", "nan", "NaN", "null", "undefined",
    "{{ eta }}", "{customer}", "{% if x %}", "}", 0, -5, 3.5, float("nan"), float("inf"), True, False, (), [], {}, b"x",
    ("", "ok"), ("ok", None), ("{{ x }}",), (None, None), date(2020, 1, 1), "a\nb", "<b>x</b>",
    datetime(2026, 11, 24, 17),  # noqa: DTZ001
    "山田\u00a0花子", "🚗 to you", "x" * 400, "様", "()", "〇〇",
]  # fmt: skip
#: What a hurried hand makes of a text.
SLIPS = [
    ("{{", "{"), ("}}", "}"), ("{{ ", "{{"), ("{%", "{"), ("%}", "}"), ("{% endif %}", ""), ("{% if", "{% for"),
    ("{{ link }}", "{{ lnik }}"), ("{{ brand_short }}", "{{ None }}"), ("{{ eta }}", ""), ("{{ eta }}", "{{ eta.x }}"),
    ("{{ eta }}", "{{ eta|upper }}"), ("{{ addressee }}", ""), ("{{ addressee }}", "{{ customer }}"),
    ("{{ tech }}", "{{ tech() }}"), ("{% if tech %}", ""), ("{% if sender %}", "{% if sender.x %}"),
    ("{{ phone }}", "{{ phone }}{{ phone_hours }}"), ("{{ brand }}", "「」"), ("{{ brand }}", "○○"),
    ("{{ link }}", "{{ link }} {{ overdue }}"), ("。", "。{{ '' }}"), ("\n", "\n\n\n\n"), (" ", "   "),
    ("{{ promised }}", "{{ prev_promised }}"), ("{{ promised }}", "{{ self }}"), ("{{ link }}", "{{ link * 900 }}"),
]  # fmt: skip
#: Zones in which the same moment has another day and clock.
CLOCKS = [timedelta(0), timedelta(hours=9), timedelta(days=1), timedelta(days=-400), timedelta(minutes=-1)]

_NOTHINGS = re.compile(r"(?<![A-Za-z])(None|undefined|NaN)(?![A-Za-z])")
_EMPTY = re.compile(r"「\s*」|『\s*』|【\s*】|\uff08\s*\uff09|\(\s*\)|\[\s*\]|〔\s*〕")
_WINDOW = re.compile(r"(\d\d:\d\d)[-〜](\d\d:\d\d)")
_NO_TIME = re.compile(r"(?:^|[\s、。:\uff1a〜■がはにをへ-])頃", re.MULTILINE)
_NOBODY = re.compile(r"^(?:様|御中|Dear\s*,)\s*$", re.MULTILINE)


def holes(name: str, message: object) -> list[str]:
    """Return every hole in a notice, by looking at nothing but its words."""
    found = []
    for part in parts_of(name):
        text = getattr(message, part)
        bad = {
            "is empty": not text.strip(),
            "has a word for nothing": _NOTHINGS.search(text),
            "has a brace": set("{}") & set(text),
            "has doubled blanks": "  " in text or re.search(r"[ \t]$", text, re.MULTILINE),
            "has a gap of lines": "\n\n\n" in text,
            "has empty brackets": _EMPTY.search(text),
            "has no time": _NO_TIME.search(text),
            "addresses nobody": _NOBODY.search(text),
            "is left to be filled": "○○" in text or "〇〇" in text,
            "holds what cannot be seen": [c for c in text if unicodedata.category(c)[0] == "C" and c != "\n"],
            "has an odd blank": "\u00a0" in text,
            "has lines where one belongs": part in ("short", "subject", "spoken") and "\n" in text,
            "reads out an address": part == "spoken" and "http" in text,
            "tells of a window that is a moment": [a for a, b in _WINDOW.findall(text) if a == b],
        }  # fmt: skip
        found += [f"{name}.{part} {what}: {text[:160]!r}" for what, is_so in bad.items() if is_so]
    if "short" in parts_of(name):
        units = len(message.short.encode("utf-16-le")) // 2
        if units > (70 if re.search(r"[^\x00-\x7f]", message.short) else 160):
            found.append(f"{name}.short is too long: {units}")
    return found


def told_too_late(name: str, source: str, facts: dict[str, object], now: datetime) -> list[str]:
    """Return the facts that a text tells as ahead although they are over."""
    late = []
    for fact in ("eta", "next_at", "report_by", "reply_by", "quote_until"):
        value = facts.get(fact)
        until = value[-1] if isinstance(value, tuple) and value else value
        if f"{{{{ {fact} }}}}" in source and isinstance(until, datetime) and until < now:
            late.append(f"{name} tells {fact} of {until} at {now}")
    return late


def broken_facts(chance: random.Random, facts: dict[str, object], now: datetime) -> tuple[dict[str, object], datetime]:
    """Return facts with some of them broken, and perhaps another moment at which they are told."""
    broken = dict(facts)
    for fact in chance.sample(sorted(facts), k=min(len(facts), chance.choice([0, 1, 1, 1, 2, 3, 8]))):
        value = broken[fact]
        if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], datetime) and chance.random() < 0.6:
            by = chance.choice([*CLOCKS, timedelta(minutes=chance.randint(-900, 900))])
            broken[fact] = chance.choice([(value[1] + by, value[0]), (value[0] + by, value[1] + by), (value[0], None)])
        elif isinstance(value, datetime) and chance.random() < 0.6:
            broken[fact] = value + chance.choice(CLOCKS)
        else:
            broken[fact] = chance.choice(NOTHING)
        if chance.random() < 0.1:
            del broken[fact]
    moved = chance.choice([timedelta(0)] * 6 + [timedelta(minutes=chance.randint(-300, 300)), *CLOCKS])
    return broken, (now + moved).astimezone(chance.choice([UTC, now.tzinfo]))


def slipped(chance: random.Random, texts: Texts, parts: tuple[str, ...]) -> Texts:
    """Return texts after a hurried hand was at one of them."""
    part = chance.choice(parts)
    text = getattr(texts, part)
    here = [slip for slip in SLIPS if slip[0] in text]
    if not here or chance.random() < 0.15:
        at = chance.randrange(len(text))
        return replace(
            texts, **{part: text[:at] + chance.choice(["", "{", "}}", "{{ }}", "\u200b", "None"]) + text[at + 1 :]}
        )
    old, new = chance.choice(here)
    return replace(texts, **{part: text.replace(old, new, chance.choice([1, -1]))})


def run(renders: int, seed: int) -> tuple[Counter[str], list[str]]:
    """Return how many texts and messages were refused and accepted, and the holes that passed."""
    chance, counted, passed = random.Random(seed), Counter(), []
    names = sorted(all_notices())
    while counted["renders"] < renders:
        name, locale = chance.choice(names), chance.choice(["ja", "en"])
        notice, texts = all_notices()[name], shipped(name, locale)
        if chance.random() < 0.3:
            texts = slipped(chance, texts, parts_of(name))
            counted["texts"] += 1
            if check(name, locale, texts, {}):
                counted["texts refused when saved"] += 1
                # What nobody may save is sent all the same: the check at send time has to hold by itself.
                if chance.random() < 0.8:
                    continue
        given = [sample_facts(notice, locale, longest=longest) for longest in (False, True)]
        for _ in range(25):
            facts, now = broken_facts(chance, *chance.choice([*given, *_few(notice, locale, chance)]))
            counted["renders"] += 1
            try:
                message = fill(name, locale, texts, facts, now=now)
            except Hole:
                counted["refused when sent"] += 1
                continue
            counted["accepted"] += 1
            source = "\n".join(getattr(texts, part) for part in parts_of(name))
            passed += holes(name, message) + told_too_late(name, source, facts, now)
    return counted, passed


def _few(notice, locale, chance):
    """One more shape: something that may be missing is."""
    may = sorted({all_facts()[fact].of or fact for fact in notice.may})
    facts, now = sample_facts(notice, locale)
    return [({**facts, chance.choice(may): None}, now)] if may else []


def main() -> None:
    """Print what a run found; exit with 1 when a hole passed."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--renders", type=int, default=100_000)
    asked.add_argument("--seed", type=int, default=1)
    given = asked.parse_args()
    began = time.perf_counter()
    counted, passed = run(given.renders, given.seed)
    for what, count in sorted(counted.items()):
        print(f"{count:9,}  {what}")
    print(f"{len(passed):9,}  holes that passed (seed {given.seed}, {time.perf_counter() - began:.0f} s)")
    for hole in passed[:20]:
        print("  ", hole)
    sys.exit(1 if passed else 0)


if __name__ == "__main__":
    main()
