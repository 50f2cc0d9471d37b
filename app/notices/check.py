"""Can this text be used? Looked through, and filled with samples of every shape, before it is kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from app.notices import part_of, sms_variants
from app.notices.declared import SAMPLE_AT, Declared, Texts, all_facts, all_notices, parts_of, sample_facts
from app.notices.filling import Fault, faults_in, lines_naming
from app.notices.words import Facts, Hole
from app.rules.messages import gsm7_septets, sms_length

Sample = tuple[Mapping[str, object], datetime]


def check(name: str, locale: str, texts: Texts, own: Mapping[str, object]) -> Sequence[Fault]:
    """Return what is wrong with a notice's texts, in the order of their parts; empty when they can be used.

    `own` are the company's facts (declared.OWN) and a `link` as long as its links are. Each part is filled with typical
    and with the longest facts, with everything that may be missing there, each of it missing, and all of it missing.
    """
    notice = all_notices()[name]
    found: list[Fault] = []
    for part in parts_of(name):
        source = getattr(texts, part)
        faults = list(faults_in(part, source, name))
        found += faults or _filled(notice, locale, part, source, own)
    return found


def samples(notice: Declared, locale: str, own: Mapping[str, object]) -> Iterator[Sample]:
    """Yield facts of every shape that a notice can meet, each with its moment."""
    for longest in (False, True):
        facts, now = sample_facts(notice, locale, longest=longest, starts_at=SAMPLE_AT)
        facts = {**facts, **{fact: value for fact, value in own.items() if fact in facts}}
        may = sorted({all_facts()[fact].of or fact for fact in notice.may})
        flags = {fact: True for fact in may if all_facts()[fact].type == "flag"}
        yield facts, now
        yield {**facts, **flags}, now
        for fact in may:
            yield {**facts, fact: None}, now
            yield {**facts, **flags, fact: None}, now
        yield {**facts, **dict.fromkeys(may)}, now
        yield {**facts, **dict.fromkeys(may), **flags}, now


def _filled(notice: Declared, locale: str, part: str, source: str, own: Mapping[str, object]) -> list[Fault]:
    """Return the first fault that shows when a sound part is filled."""
    for facts, now in samples(notice, locale, own):
        said = Facts(notice, locale, facts, now)
        try:
            part_of(notice, part, source, said)
        except Hole as hole:
            return [_fault(notice, part, source, said, hole.field)]
    return []


def _fault(notice: Declared, part: str, source: str, said: Facts, field: str) -> Fault:
    if field != part:
        lines = lines_naming(part, source, field)
        return Fault(part, lines[0] if lines else 1, "may_be_missing", {"name": field})
    if part != "short":
        return Fault(part, _open_line(notice, part, source, said), "left_open")
    # An SMS has two ways to fail: nothing fits, or what fits is blank or has a hole in it.
    lengths = []
    for number, variant in enumerate(sms_variants(notice, source, said), 1):
        length, most = sms_length(variant)
        if 0 < length <= most:
            return Fault(part, number, "left_open")
        lengths.append((length - most, number, length, most, variant))
    _, number, length, most, variant = min(lengths)
    odd = _odd_one(variant)
    return Fault(part, number, "sms_odd" if odd else "sms_long", {"length": length, "most": most, "odd": odd})


def _odd_one(text: str) -> str:
    """Return the character that costs a text in Latin letters more than half its room; empty where that is not why."""
    odd = [character for character in text if gsm7_septets(character) is None]
    return odd[0] if 0 < len(odd) <= len(text) // 10 else ""


def _open_line(notice: Declared, part: str, source: str, said: Facts) -> int:
    """Return the line of a text on which something is left open: the first that does so by itself."""
    for number, line in enumerate(source.split("\n"), 1):
        if line.strip() and not faults_in(part, line, notice.name):
            try:
                part_of(notice, part, line, said)
            except Hole as hole:
                if hole.field == part and "{%" not in line:
                    return number
    return 1
