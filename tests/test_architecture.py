"""Does every import follow the arrows of the house?"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

#: What each room may import of our own code and of libraries. `*` stands for any library.
MAY_IMPORT: dict[str, set[str]] = {
    "app.rules": {"app.rules"},
    "app.models": {"app.models", "app.rules", "app.db", "sqlalchemy"},
    "app.providers": {
        "app.providers", "app.rules.messages", "app.rules.reach", "app.voice", "app.push", "app.notices.html_of",
        "app.config", "app.rules.helper", "app.rules.optimise", "app.rules.roads", "requests", "geopy", "structlog",
        "urllib3", "http_ece", "py_vapid", "cryptography", "vroom", "numpy", "app.outside",
        "icalendar", "recurring_ical_events",
    },
    "app.operations": {
        "app.operations", "app.models", "app.rules", "app.errors", "app.notices", "app.auth", "app.i18n", "app.db",
        "app.prepared", "app.clock", "app.crash", "app.lanes", "app.brake", "app.sealing", "app.providers.base",
        "app.providers.geocode_nominatim", "app.providers.guarded", "app.providers.calendar_ical",
        "app.outside", "standardwebhooks", "icalendar",
        "sqlalchemy", "structlog", "phonenumbers", "app.push",
        "dateutil", "holidays", "PIL",
    },
    "app.web": {
        "app.web", "app.operations", "app.models", "app.rules", "app.errors", "app.i18n", "app.auth", "app.parts",
        "app.config", "app.explain", "app.notices", "app.voice", "app.backtest.report", "app.clock", "app.crash.point",
        "app.db.SILENT", "app.providers.geocode_nominatim", "app.demo", "app.outside", "app.agreement", "app.paper",
        "flask", "apiflask",
        "flask_wtf", "flask_limiter", "limits", "werkzeug", "markupsafe", "sqlalchemy", "structlog", "pydantic",
        "pydantic_core", "prometheus_client", "segno",
    },
    "jobs": {"jobs", "app", "apscheduler", "structlog"},
}  # fmt: skip
RULES_NEVER = {"os", "random", "time", "socket", "pathlib", "subprocess", "urllib", "http", "sqlite3", "logging"}


def rooms() -> Iterator[tuple[str, Path]]:
    for room in MAY_IMPORT:
        for file in sorted((ROOT / room.replace(".", "/")).rglob("*.py")):
            yield room, file


def imports(file: Path) -> Iterator[str]:
    package = ".".join(file.relative_to(ROOT).with_suffix("").parts)
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = ".".join([*package.split(".")[: -node.level], *([base] if base else [])])
            for alias in node.names:
                yield f"{base}.{alias.name}"


def allowed(room: str, name: str) -> bool:
    if any(name == ok or name.startswith(ok + ".") for ok in MAY_IMPORT[room]):
        return True
    top = name.split(".")[0]
    if top in sys.stdlib_module_names:
        return room != "app.rules" or top not in RULES_NEVER
    return False


@pytest.mark.parametrize(("room", "file"), list(rooms()), ids=lambda value: str(value).removeprefix(f"{ROOT}/"))
def test_imports_follow_the_arrows(room, file):
    wrong = [name for name in imports(file) if not allowed(room, name)]
    assert not wrong, f"{file.relative_to(ROOT)} may not import {wrong}"


def test_nothing_in_app_imports_the_jobs():
    for file in (ROOT / "app").rglob("*.py"):
        assert not [name for name in imports(file) if name.split(".")[0] == "jobs"], file


@pytest.mark.parametrize("file", sorted((ROOT / "app").rglob("*.py")), ids=lambda f: str(f.relative_to(ROOT)))
def test_only_the_clock_reads_the_wall_clock(file):
    if file.name == "clock.py":
        return
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            called = node.func.attr
            owner = node.func.value.id if isinstance(node.func.value, ast.Name) else ""
            assert (owner, called) not in {
                ("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today"),
                ("time", "time"), ("time", "sleep"),
            }, f"{file.relative_to(ROOT)}:{node.lineno} reads the wall clock"  # fmt: skip


def test_operations_leave_the_commit_to_the_edges():
    for file in (ROOT / "app/operations").rglob("*.py"):
        if file.name == "outbox.py":
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in ("commit", "rollback"):
                raise AssertionError(f"{file.relative_to(ROOT)}:{node.lineno}")
