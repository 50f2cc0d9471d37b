"""How would a text look to a customer? Filled with a sample or with a real visit, with its length and its price."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import ndiff

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from app.errors import NotFound
from app.models import Visit, Wording
from app.notices import Hole, Texts, part_of, sms_variants
from app.notices.check import check
from app.notices.declared import PARTS, all_notices, parts_of, sample_facts, shipped
from app.notices.filling import Fault
from app.notices.words import Facts
from app.operations.notice import Telling, visit_facts
from app.operations.wording import current_texts, own_facts, texts_of, tidied, wording_versions
from app.rules.messages import gsm7_septets, sms_length, sms_segments

#: So many of the visits that were booked last can be chosen.
OFFERED = 12


@dataclass(frozen=True, slots=True)
class Variant:
    """One SMS of a notice: its text, its length and what fits, its segments, and whether it is the one that is sent."""

    text: str
    length: int
    most: int
    segments: int
    used: bool


@dataclass(frozen=True, slots=True)
class Preview:
    """A notice as a customer would get it: each part, or None where it has a fault; its SMS; all that is wrong.

    `odd` is the character because of which an SMS in Latin letters holds 70 characters instead of 160.
    """

    parts: Mapping[str, str | None]
    variants: Sequence[Variant]
    faults: Sequence[Fault]
    odd: str


@dataclass(frozen=True, slots=True)
class Change:
    """What one version changed: per part the lines that came ('+') and went ('-'), with those beside them (' ').

    Where more lines stayed, one marked '…' stands for them.
    """

    number: int
    at: datetime
    by: str
    is_shipped: bool
    parts: Mapping[str, Sequence[tuple[str, str]]]


def preview_wording(
    session: Session, name: str, language: str, texts: Texts, telling: Telling, seen_with: str
) -> Preview:
    """Return a notice filled with a sample ("sample", "longest") or a visit ("visit:42"), and what keeps it from use.

    What a visit does not say, such as a delay it never had, is told as in the sample, reckoned from its promise.
    Raises NotFound when there is no such notice or visit.
    """
    current_texts(session, name, language)
    notice = all_notices()[name]
    texts, own = tidied(texts), own_facts(session, language, telling.base_url)
    if seen_with.startswith("visit:"):
        number = seen_with[6:]
        visit = session.get(Visit, int(number)) if number.isdecimal() and len(number) < 10 else None
        if visit is None:
            raise NotFound("visit")
        real = visit_facts(visit, language, telling)
        starts_at = visit.promised_from_at.astimezone(telling.zone)
        facts, now = sample_facts(notice, language, starts_at=starts_at)
        facts = {**facts, **own, **real}
    else:
        facts, now = sample_facts(notice, language, longest=seen_with == "longest")
        facts = {**facts, **own}
    faults = check(name, language, texts, own)
    said = Facts(notice, language, facts, now)
    parts: dict[str, str | None] = {}
    for part in parts_of(name):
        try:
            parts[part] = part_of(notice, part, getattr(texts, part), said)
        except Hole:
            parts[part] = None
    variants = _variants(name, texts, said, parts.get("short"))
    odd = [c for one in variants for c in one.text if gsm7_septets(c) is None] if language == "en" else []
    return Preview(parts, variants, faults, odd[0] if odd else "")


def recent_visits(session: Session) -> Sequence[Visit]:
    """Return the visits that were booked last, with their customers."""
    asked = select(Visit).options(joinedload(Visit.customer)).order_by(Visit.id.desc()).limit(OFFERED)
    return session.scalars(asked).all()


def wording_changes(session: Session, name: str, language: str, limit: int) -> Sequence[Change]:
    """Return what the newest versions of a notice's texts changed, newest first."""
    versions = wording_versions(session, name, language, limit + 1)
    delivered = shipped(name, language)
    texts = [texts_of(version) or delivered for version in versions]
    if len(versions) <= limit:
        texts.append(delivered)
    return [
        _change(version, after, before)
        for version, after, before in zip(versions, texts[:limit], texts[1:], strict=False)
    ]


def _change(version: Wording, after: Texts, before: Texts) -> Change:
    parts = {
        part: _beside([(line[0], line[2:]) for line in ndiff(old.split("\n"), new.split("\n")) if line[0] != "?"])
        for part in PARTS
        if (old := getattr(before, part)) != (new := getattr(after, part))
    }
    return Change(version.id, version.at, version.by, texts_of(version) is None, parts)


def _beside(lines: Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
    """Return the lines of a comparison that changed, and those next to them."""
    near = {at + by for at, (sign, _) in enumerate(lines) if sign != " " for by in (-1, 0, 1)}
    kept: list[tuple[str, str]] = []
    for at, line in enumerate(lines):
        if at in near:
            kept.append(line)
        elif not kept or kept[-1][0] != "…":
            kept.append(("…", ""))
    return kept


def _variants(name: str, texts: Texts, said: Facts, sent: str | None) -> Sequence[Variant]:
    if "short" not in parts_of(name):
        return ()
    try:
        written = sms_variants(all_notices()[name], texts.short, said)
    except Hole:
        return ()
    return [Variant(text, *sms_length(text), sms_segments(text), sent is not None and text == sent) for text in written]
