"""Print the product's figures as tables: `make bench`. Nothing is asserted here."""

from __future__ import annotations

import argparse
import io
import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import astuple, fields
from pathlib import Path

from app.replay import replay_day
from app.rules.score import Marks
from tests.bench import board, delivery, memory
from tests.bench.marks import mark


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a Markdown table."""
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for row in rows:
        print(f"| {' | '.join(map(_cell, row))} |", flush=True)
    print()


def _cell(value: object) -> str:
    return "–" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)


def days(folder: Path) -> Iterable[Sequence[object]]:
    """Replay every day log of a folder and mark its notices."""
    for day in sorted(folder.glob("*.jsonl")):
        out = io.StringIO()
        began_s = time.perf_counter()
        replay_day(day, out)
        took_s = round(time.perf_counter() - began_s, 1)
        yield day.stem, *astuple(mark(day, [json.loads(line) for line in out.getvalue().splitlines()])), took_s


def main() -> None:
    """Run the benchmarks that were asked for, or all."""
    parts = {
        "days": lambda: table(["day", *(field.name for field in fields(Marks)), "took_s"], days(wish.days)),
        "delivery": lambda: table(*delivery.measure()),
        "board": lambda: table(*board.measure()),
        "memory": lambda: table(*memory.measure()),
    }
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--days", type=Path, default=Path("tests/data/days"), help="folder of day logs")
    parser.add_argument("only", nargs="*", choices=[[], *parts], help="which tables; default all")
    wish = parser.parse_args()
    for name in wish.only or parts:
        print(f"## {name}\n")
        parts[name]()


if __name__ == "__main__":
    main()
