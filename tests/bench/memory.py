"""How much memory does an idle installation hold?"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from threading import Event

import requests

from tests.installation import Installation


def measure() -> tuple[Sequence[str], list[Sequence[object]]]:
    """Return the table: resident memory of `serve` and its worker, after first pages and a few ticks of the jobs."""
    with tempfile.TemporaryDirectory() as folder:
        company = Installation(Path(folder))
        company.found()
        with company.serving() as process:
            for page in ("/healthz", "/setup", "/account/sign-in"):
                requests.get(company.url + page, timeout=10)
            Event().wait(5)
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            rows = [(number, *_memory_mb(number)) for number in (str(process.pid), *children)]
    total = ("sum", round(sum(row[1] for row in rows), 1), round(sum(row[2] for row in rows), 1))
    named = [("master", *rows[0][1:]), *(("worker with jobs", *row[1:]) for row in rows[1:]), total]
    return ("process", "resident_mb", "of which its own (PSS) _mb"), named


def _memory_mb(pid: str) -> tuple[float, float]:
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    rss, pss = (int(re.search(rf"^{name}:\s+(\d+)", rollup, re.M)[1]) / 1024 for name in ("Rss", "Pss"))  # type: ignore[index]
    return round(rss, 1), round(pss, 1)
