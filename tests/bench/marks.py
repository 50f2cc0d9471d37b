"""How good were a replayed day's notices? Marked against the truth lines that the replay itself never sees.

Late: arrived more than five minutes after the promise. On time: arrived by it. In between counts neither way.
"""

from __future__ import annotations

import json
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

GRACE = timedelta(minutes=5)
COUNTED = {"late", "late_update", "holding", "on_time_again"}


@dataclass(frozen=True, slots=True)
class Marks:
    """Shares are None where there was nothing to count."""

    late: int
    on_time: int
    warned: float | None
    warned_10_min: float | None
    false_alarms: float | None
    messages: float | None
    kept: float | None
    width_min: float | None
    after_arrival: int


def mark(day: Path, notices: Sequence[Mapping[str, Any]]) -> Marks:
    """Return the marks of a day's notices (lines as `replay` writes them)."""
    promised_until, arrived = {}, {}
    for text in day.read_text(encoding="utf-8").splitlines():
        line = json.loads(text)
        if line["kind"] == "visit":
            promised_until[line["visit"]] = datetime.fromisoformat(line["promised_until"])
        elif line["kind"] == "truth":
            arrived[line["visit"]] = datetime.fromisoformat(line["arrived_at"])
    of_visit = defaultdict(list)
    for notice in notices:
        if notice["message"] in COUNTED:
            of_visit[notice["visit"]].append((datetime.fromisoformat(notice["t"]), notice))

    leads_min: list[float | None] = []
    in_vain, counts, widths_min, kept = [], [], [], []
    after_arrival = 0
    for visit, arrived_at in arrived.items():
        told = [(at, notice) for at, notice in of_visit[visit] if at <= arrived_at]
        after_arrival += len(of_visit[visit]) - len(told)
        if arrived_at - promised_until[visit] > GRACE:
            counts.append(len(told))
            lead = (promised_until[visit] - told[0][0]).total_seconds() / 60 if told else None
            leads_min.append(lead if lead is not None and lead >= 0 else None)
        elif arrived_at <= promised_until[visit]:
            in_vain.append(bool(told))
        for _, notice in told:
            if notice["quoted_from"]:
                first, last = (datetime.fromisoformat(notice[f"quoted_{end}"]) for end in ("from", "until"))
                widths_min.append((last - first).total_seconds() / 60)
                kept.append(first - GRACE <= arrived_at <= last + GRACE)
    return Marks(
        late=len(leads_min),
        on_time=len(in_vain),
        warned=_share([lead is not None for lead in leads_min]),
        warned_10_min=_share([lead is not None and lead >= 10 for lead in leads_min]),
        false_alarms=_share(in_vain),
        messages=round(statistics.mean(counts), 2) if counts else None,
        kept=_share(kept),
        width_min=statistics.median(widths_min) if widths_min else None,
        after_arrival=after_arrival,
    )


def _share(hits: Sequence[bool]) -> float | None:
    return round(sum(hits) / len(hits), 3) if hits else None
