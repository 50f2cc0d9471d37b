"""How do the time and the memory of a replay grow with the length of its log?"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

DAYS = (1, 5, 20)


def measure(folder: Path) -> tuple[Sequence[str], Iterator[Sequence[object]]]:
    """Return the table: the shortest day log of a folder, played once and several days on end."""
    shortest = min(folder.glob("*.jsonl"), key=lambda log: log.stat().st_size)
    return ("log", "days", "lines", "cpu_s", "peak_mb"), (_played(shortest, days) for days in DAYS)


def _played(log: Path, days: int) -> Sequence[object]:
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as long:
        lines = log.read_text(encoding="utf-8").splitlines()
        for day in range(days):
            long.writelines(json.dumps(_later(json.loads(line), day)) + "\n" for line in lines)
        long.flush()
        words = [sys.executable, "-m", "app.cli", "replay", long.name]
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, _, used = os.wait4(process.pid, 0)
        process.returncode = 0  # it was waited for here
    return log.stem, days, days * len(lines), round(used.ru_utime + used.ru_stime, 1), round(used.ru_maxrss / 1024)


def _later(line: dict[str, Any], days: int) -> dict[str, Any]:
    """Return a line as it would stand in the log of a later day, with visits of its own."""
    return {name: _moved(value, days) if name != "visit" else f"{value}-{days}" for name, value in line.items()}


def _moved(value: Any, days: int) -> Any:
    try:
        return (datetime.fromisoformat(value) + timedelta(days=days)).isoformat()
    except (TypeError, ValueError):
        return value
