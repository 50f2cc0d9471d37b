"""Print the product's figures as tables: `make bench`. Nothing is asserted here."""

from __future__ import annotations

import argparse
import io
import json
import logging
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import structlog

from app.rules.score import Marked, total
from tests.bench import (
    api,
    board,
    delivery,
    faults,
    intake,
    learning,
    length,
    load,
    memory,
    optimise,
    paper,
    pricing,
    races,
    slots,
    sweep,
    taking,
)
from tests.bench.made import write_days
from tests.bench.marks import LEAST, TARGETS, is_tuning, kind_of, marked
from tests.played import replay_day


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a Markdown table."""
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for row in rows:
        print(f"| {' | '.join(map(_cell, row))} |", flush=True)
    print()


def _cell(value: object) -> str:
    return "–" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)


#: What a table of days shows of the marks.
SHOWN = ("warned", "warned_10_min", "false_alarms", "messages", "kept", "width_min", "after_arrival", "after_known")


def days(folder: Path) -> Iterable[Sequence[object]]:
    """Replay every day log of a folder: its marks, and then those of each kind, the part that thresholds may be chosen
    with and the part held out, with what must be reached beside."""
    of_kind: dict[str, list[tuple[str, Marked]]] = defaultdict(list)
    for day in sorted(folder.glob("*.jsonl")):
        out = io.StringIO()
        began_s = time.perf_counter()
        replay_day(day, out)
        took_s = round(time.perf_counter() - began_s, 1)
        visits = marked(day, [json.loads(line) for line in out.getvalue().splitlines()])
        of_kind[kind_of(day.stem) or "other"] += visits
        yield _row(day.stem, "all", [one for _, one in visits], None, took_s)
    for kind, visits in of_kind.items():
        for part, wanted in (("tuning", True), ("held out", False)):
            chosen = [one for track, one in visits if is_tuning(track) is wanted]
            if chosen:
                yield _row(f"all {kind}", part, chosen, TARGETS.get(kind), None)


def _row(
    name: str, part: str, visits: Sequence[Marked], targets: Mapping[str, float] | None, took_s: float | None
) -> Sequence[object]:
    marks = total(visits)
    cells = []
    for shown in SHOWN:
        text, target = _cell(getattr(marks, shown)), (targets or {}).get(shown)
        cells.append(text if target is None else f"{text} ({'≥' if shown in LEAST else '≤'} {_cell(target)})")
    return name, part, marks.visits, marks.late, marks.on_time, *cells, took_s


def more(folder: Path) -> None:
    """Make other days of the same kinds, out of the drives recorded in a folder and out of seeds, and replay them."""
    with tempfile.TemporaryDirectory() as made:
        write_days(folder, Path(made))
        table(["day", "part", "visits", "late", "on_time", *SHOWN, "took_s"], days(Path(made)))


def main() -> None:
    """Run the benchmarks that were asked for, or all."""
    parts = {
        "days": lambda: table(["day", "part", "visits", "late", "on_time", *SHOWN, "took_s"], days(wish.days)),
        "more": lambda: more(wish.days),
        "delivery": lambda: table(*delivery.measure()),
        "faults": lambda: table(*faults.measure()),
        "load": lambda: table(*load.measure()),
        "board": lambda: table(*board.measure()),
        "learning": lambda: table(*learning.measure()),
        "sweep": lambda: table(*sweep.measure()),
        "look": lambda: table(*sweep.measure_one()),
        "length": lambda: table(*length.measure(wish.days)),
        "slots": lambda: table(*slots.measure()),
        "intake": lambda: table(*intake.measure()),
        "taking": lambda: table(*taking.measure()),
        "api": lambda: table(*api.measure()),
        "races": lambda: table(*races.measure(wish.rounds, wish.seed)),
        "pricing": lambda: table(*pricing.measure()),
        "paper": lambda: table(*paper.measure()),
        "optimise": lambda: table(*optimise.measure()),
        "memory": lambda: table(*memory.measure()),
    }
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--days", type=Path, default=Path("tests/data/days"), help="folder of day logs")
    parser.add_argument("--rounds", type=int, default=races.ROUNDS, help="rounds of races, on each database")
    parser.add_argument("--seed", type=int, default=1, help="of the races' wishes")
    parser.add_argument("only", nargs="*", choices=[[], *parts], help="which tables; default all")
    wish = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    for name in wish.only or parts:
        print(f"## {name}\n")
        parts[name]()


if __name__ == "__main__":
    main()
