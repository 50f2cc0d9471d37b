"""Does every notice read well in both languages, over every channel?

The files in `snapshots/notices` are for people to read: each notice with typical facts, with the longest, with every
flag up, and with nothing that may be missing, and its e-mail as HTML. After a change of wording `make snapshots` writes
them anew; read what changed before you commit it.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.notices import fill, html_of
from app.notices.declared import FOLDER, PARTS, all_facts, all_notices, parts_of, sample_facts, shipped
from app.notices.filling import compiled, lines_naming
from app.notices.words import Facts
from app.rules.messages import fits_one_sms, gsm7_septets, utf16_units

SNAPSHOTS = Path(__file__).parent.parent / "snapshots" / "notices"
TITLES = {"short": "SMS", "line": "LINE", "subject": "SUBJECT", "body": "E-MAIL", "spoken": "SPOKEN"}
NOTICES = sorted(all_notices())


def shapes(name, locale):
    notice = all_notices()[name]
    typical, now = sample_facts(notice, locale)
    longest, _ = sample_facts(notice, locale, longest=True)
    may = {all_facts()[fact].of or fact for fact in notice.may}
    flags = {fact: True for fact in may if all_facts()[fact].type == "flag"}
    yield "typical", typical, now
    yield "longest", longest, now
    if flags:
        yield f"with {', '.join(sorted(flags))}", {**typical, **flags}, now
    yield "what may be missing is missing", {**typical, **dict.fromkeys(may)}, now


def told(name, locale, facts, now):
    return fill(name, locale, shipped(name, locale), facts, now=now)


def shown(name, locale, facts, now):
    message = told(name, locale, facts, now)
    lines = []
    for part in parts_of(name):
        text = getattr(message, part)
        if part == "short":
            text = "\n".join(f"{mark_of(text, variant)} {variant}" for variant in variants(name, locale, facts, now))
        lines.append(f"{TITLES[part]}\n{text}\n")
    return "\n".join(lines)


def variants(name, locale, facts, now):
    """Every SMS of a notice, also those that do not fit."""
    said = Facts(all_notices()[name], locale, facts, now)
    template, names = compiled(shipped(name, locale).short)
    filled = template.render({fact: said.written(fact, "short") for fact in names})
    return [" ".join(variant.split()) for variant in filled.strip().split("\n")]


def mark_of(sent, variant):
    """Its length, and an arrow at the one that is sent."""
    return f"{'->' if variant == sent else '  '} {gsm7_septets(variant) or utf16_units(variant):3}"


def is_as_reviewed(file, text):
    if os.environ.get("UPDATE_SNAPSHOTS"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert file.exists(), f"{file.name} was never reviewed: make snapshots, then read it"
    assert text == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("locale", ["ja", "en"])
@pytest.mark.parametrize("name", NOTICES)
def test_every_notice_reads_as_reviewed(name, locale):
    parts = [f"=== {title}\n\n{shown(name, locale, facts, now)}" for title, facts, now in shapes(name, locale)]
    is_as_reviewed(SNAPSHOTS / locale / f"{name}.txt", "\n\n".join(parts))


@pytest.mark.parametrize("locale", ["ja", "en"])
@pytest.mark.parametrize("name", NOTICES)
def test_every_mail_looks_as_reviewed(name, locale):
    facts, now = sample_facts(all_notices()[name], locale)
    is_as_reviewed(SNAPSHOTS / locale / f"{name}.html", html_of(told(name, locale, facts, now), locale))


def test_no_snapshot_is_left_of_a_notice_that_is_gone():
    kept = {(f.parent.name, f.stem) for f in SNAPSHOTS.rglob("*.*")}
    assert kept == {(locale, name) for locale in ("ja", "en") for name in NOTICES}


@pytest.mark.parametrize("locale", ["ja", "en"])
@pytest.mark.parametrize("name", [name for name in NOTICES if "short" in parts_of(name)])
def test_the_typical_sms_carries_the_link_at_its_end(name, locale):
    facts, now = sample_facts(all_notices()[name], locale)
    short = told(name, locale, facts, now).short
    assert short.endswith(f" {facts['link']}")
    assert short.startswith({"ja": "【アオバPC】", "en": "AobaPC: "}[locale])
    assert fits_one_sms(short)
    assert "\n" not in short


@pytest.mark.parametrize("locale", ["ja", "en"])
@pytest.mark.parametrize("name", [name for name in NOTICES if "short" in parts_of(name)])
def test_sms_go_from_polite_to_compact_and_from_the_link_to_the_phone(name, locale):
    source = shipped(name, locale).short
    linked = [f"{{{{ {'link'} }}}}" in variant for variant in source.split("\n")]
    assert linked == sorted(linked, reverse=True)
    assert {True, False} == set(linked)
    assert len(lines_naming("short", source, "phone")) == linked.count(False)


def test_both_languages_have_the_same_notices_with_the_same_parts():
    for name in NOTICES:
        parts = [[part for part in PARTS if getattr(shipped(name, locale), part)] for locale in ("ja", "en")]
        assert parts[0] == parts[1], name
    for locale in ("ja", "en"):
        assert {file.stem for file in (FOLDER / locale).iterdir()} == set(NOTICES)


@pytest.mark.parametrize("name", [name for name, fact in all_facts().items() if fact.type not in ("flag",)])
def test_every_fact_has_a_sample_in_both_languages_or_is_written_from_one_that_has(name):
    fact = all_facts()[name]
    base = all_facts()[fact.of] if fact.of else fact
    assert set(base.samples) == {"ja", "en"}


def test_every_declared_fact_belongs_to_a_notice():
    named = {name for notice in all_notices().values() for name in notice.known}
    bases = {all_facts()[name].of for name in named}
    assert set(all_facts()) - named - bases == {"corporate"}
