"""How good were a replayed day's notices? Its truth lines, which the replay never sees, against what was told."""

from __future__ import annotations

import json
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from app.rules import score
from app.rules.daylog import Line, parse_line
from app.rules.knowable import arrivals_heard
from app.rules.lateness import Told

#: Figures a day of one kind must reach: the names are those of Marks, least ones first.
LEAST = ("warned", "warned_10_min", "kept")
TARGETS: Mapping[str, Mapping[str, float]] = {
    "jam": {"warned": 0.98, "warned_10_min": 0.75, "messages": 1.6, "kept": 0.8, "width_min": 25},
    "plain": {
        "warned": 0.95, "warned_10_min": 0.6, "false_alarms": 0.04, "messages": 1.6, "kept": 0.8, "width_min": 25,
    },
    "silent": {"warned": 0.95, "warned_10_min": 0.3, "false_alarms": 0.15, "messages": 1.5},
    "parked": {"false_alarms": 0.12},
    "fleet": {
        "warned": 0.93, "warned_10_min": 0.85, "false_alarms": 0.05, "messages": 1.6, "kept": 0.8, "width_min": 30,
    },
}  # fmt: skip


def kind_of(day: str) -> str | None:
    """Return which kind of day (of TARGETS) a day log's name says it is."""
    return next((kind for kind in TARGETS if kind in day), None)


def is_tuning(track: str) -> bool:
    """Tell whether thresholds may be chosen with a track (a drive, or a technician's day): three of five may.

    What was made of one track stays in one part: `beijing-008-14-jam` goes where `beijing-008-14` goes.
    """
    base = track.split("~")[0]
    for made in ("-jam", "-silent", "-parked"):
        base = base.removesuffix(made)
    return zlib.crc32(f"part:{base}".encode()) % 5 < 3


def marked(day: Path, notices: Sequence[Mapping[str, Any]]) -> list[tuple[str, score.Marked]]:
    """Return each visit's track and marks, from a day's notices (lines as `replay` writes them)."""
    promised_until, arrived, track = {}, {}, {}
    for text in day.read_text(encoding="utf-8").splitlines():
        line = json.loads(text)
        if line["kind"] == "visit":
            promised_until[line["visit"]] = datetime.fromisoformat(line["promised_until"])
            track[line["visit"]] = line["technician"]
        elif line["kind"] == "truth":
            arrived[line["visit"]] = datetime.fromisoformat(line["arrived_at"])
    # In a fleet the same technician has another day in each file.
    fleet = len(set(track.values())) < len(track)
    told = defaultdict(list)
    for notice in notices:
        at, begin, end = (_instant(notice[name]) for name in ("t", "quoted_from", "quoted_until"))
        assert at is not None
        told[notice["visit"]].append(Told(notice["message"], at, begin, end))
    heard = arrivals_heard(_lines(day), arrived)
    return [
        (
            day.stem + track[visit] if fleet else track[visit],
            replace(score.mark(visit, promised_until[visit], at, told[visit]), heard=True, heard_at=heard.get(visit)),
        )
        for visit, at in arrived.items()
    ]


def _lines(day: Path) -> Iterator[Line]:
    for number, text in enumerate(day.read_text(encoding="utf-8").splitlines(), 1):
        yield parse_line(number, text)


def mark(day: Path, notices: Sequence[Mapping[str, Any]]) -> score.Marks:
    """Return the marks of a whole day's notices."""
    return score.total([one for _, one in marked(day, notices)])


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
