"""How good were a replayed day's notices? Its truth lines, which the replay never sees, against what was told."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from app.rules import score
from app.rules.lateness import Told


def mark(day: Path, notices: Sequence[Mapping[str, Any]]) -> score.Marks:
    """Return the marks of a day's notices (lines as `replay` writes them)."""
    promised_until, arrived = {}, {}
    for text in day.read_text(encoding="utf-8").splitlines():
        line = json.loads(text)
        if line["kind"] == "visit":
            promised_until[line["visit"]] = datetime.fromisoformat(line["promised_until"])
        elif line["kind"] == "truth":
            arrived[line["visit"]] = datetime.fromisoformat(line["arrived_at"])
    told = defaultdict(list)
    for notice in notices:
        at, begin, end = (_instant(notice[name]) for name in ("t", "quoted_from", "quoted_until"))
        assert at is not None
        told[notice["visit"]].append(Told(notice["message"], at, begin, end))
    return score.total([score.mark(visit, promised_until[visit], at, told[visit]) for visit, at in arrived.items()])


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
