"""How is a notice worded? Fills its texts with facts, and refuses to leave a hole in one.

A text in a customer's hands with a blank in it is worse than silence: whatever is missing, empty or impossible stops
the message and names the field, so that a person can mend it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from app.notices.declared import PARTS, Declared, Texts, all_notices, parts_of, shipped
from app.notices.filling import ONE_LINE, compiled, faults_in
from app.notices.html import html_of
from app.notices.words import NOTHINGS, Facts, Hole, visible, window
from app.rules.messages import Message, fits_one_sms

__all__ = ["Hole", "Texts", "fill", "html_of", "part_of", "render", "sms_variants", "wording_of"]

#: What no text may hold once it is filled: traces of a value that was forgotten, and places that somebody left to fill.
_LEFT_OPEN = re.compile(
    rf"[{{}}]|(?<![A-Za-z])(?:{'|'.join(sorted(NOTHINGS - {'null', 'NULL', 'nan'}))})(?![A-Za-z])"
    r"|[「『(\uff08【〔[]\s*[」』)\uff09】〕\]]|[○〇●◯]{2}|(?<!\w)[Xx]{2}:[Xx]{2}(?![A-Za-z:])"
    r"|(?:^|[\s:\uff1a〜、。がはにをへ-])頃(?![一-龠])|^(?:様|御中)\s*$|^(?:Dear|Hi) *[,:]",
    re.MULTILINE,
)
#: The longest part that leaves, characters: lists and a person's words may make much of a short text.
MOST_FILLED = 20_000


def render(
    kind: str,
    locale: str,
    facts: Mapping[str, object],
    wordings: Mapping[tuple[str, str], Texts] | None = None,
    *,
    now: datetime,
) -> Message:
    """Return a notice in a language, filled and checked.

    `kind` is one of rules.messages.KINDS or any notice of `templates/notices/notices.toml`, which with `facts.toml`
    says what facts it takes: texts, windows of two aware moments in the customer's zone, moments, dates, whole yen,
    lists (tuples), flags. What is not asked for is not looked at. `wordings` are the company's own texts, by notice and
    language. `now` is when it is written: what it says of the future must lie before us.

    Raises Hole naming the first fact that is missing, empty, unfilled, over or impossible; the part of the message when
    that has a hole; `short` when no variant fits into one SMS.
    """
    name = wording_of(kind, facts)
    texts = (wordings or {}).get((name, locale)) or shipped(name, locale)
    return fill(name, locale, texts, facts, now=now)


def fill(name: str, locale: str, texts: Texts, facts: Mapping[str, object], *, now: datetime) -> Message:
    """Return one notice filled from given texts. Raises Hole as `render` does."""
    notice = all_notices()[name]
    said = Facts(notice, locale, facts, now)
    filled = {part: part_of(notice, part, getattr(texts, part), said) for part in parts_of(name)}
    return Message(**{part: filled.get(part, "") for part in PARTS})


def part_of(notice: Declared, part: str, source: str, said: Facts) -> str:
    """Return one part of a notice, filled; of an SMS the first variant that fits. Raises Hole."""
    if part == "short":
        text = next((variant for variant in sms_variants(notice, source, said) if fits_one_sms(variant)), "")
    else:
        text = _filled(notice, part, source, said)
    if not 0 < len(text) <= MOST_FILLED or (part in ONE_LINE and "\n" in text) or _LEFT_OPEN.search(text):
        raise Hole(part)
    return text


def sms_variants(notice: Declared, source: str, said: Facts) -> list[str]:
    """Return every SMS of a notice, filled, whether it fits or not. Raises Hole."""
    return _filled(notice, "short", source, said).split("\n")


def _filled(notice: Declared, part: str, source: str, said: Facts) -> str:
    if faults_in(part, source, notice.name):
        raise Hole(part)
    template, names = compiled(source)
    return _tidy(template.render({name: said.written(name, part) for name in sorted(names & notice.known)}))


def wording_of(kind: str, facts: Mapping[str, object]) -> str:
    """Return which notice suits the facts: a delay that grew is told differently from one that shrank, and one that
    another technician shortens names him."""
    if kind == "holding":
        return "holding_unchanged" if facts.get("eta") else "holding_unknown"
    if kind in ("tech_changed", "late_update", "on_time_again") and facts.get("eta") and facts.get("prev_tech"):
        return "tech_swapped"
    if kind != "late_update":
        if kind not in all_notices():
            raise ValueError(f"no such notice: {kind}")
        return kind
    if not facts.get("prev_eta"):
        return "late"  # who was told of no time before is told of the delay, not of a change
    (from_at, until_at), (before_from_at, before_until_at) = (
        window(name, facts.get(name)) for name in ("eta", "prev_eta")
    )
    if (from_at, until_at) == (before_from_at, before_until_at):
        raise Hole("eta")
    return "late_growing" if (until_at, from_at) > (before_until_at, before_from_at) else "late_shrinking"


def _tidy(text: str) -> str:
    """Return a text without the gaps that a missing fact leaves, and without what cannot be seen."""
    lines = [visible(line, keep_width=True) for line in text.split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
