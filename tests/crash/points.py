"""At which points can the product be killed? Found by reading its code, so that a new one cannot be forgotten."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.installation import ROOT

#: Whose every write and every call has a name: what ticks, hands over, and answers requests.
NAMED_THROUGHOUT = (
    "app/operations/brake.py",
    "app/operations/calendar_subscription.py",
    "app/operations/letter.py",
    "app/operations/outbox.py",
    "app/operations/webhook_delivery.py",
    "app/tick.py",
    "app/web/visitor.py",
    "jobs/schedule.py",
)
_PARTS = {"writing": ("before", "written", "committed"), "calling": ("before", "made")}


def points() -> tuple[str, ...]:
    """Return every point of the product that a scene has to come by, in the order of its files."""
    found: dict[str, None] = {}
    for file in sorted([*(ROOT / "app").rglob("*.py"), *(ROOT / "jobs").rglob("*.py")]):
        if file != ROOT / "app" / "crash.py":
            found |= dict.fromkeys(_points_in(file))
    return tuple(found)


def _points_in(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in (*_PARTS, "point"):
            label = node.args[-1]
            assert isinstance(label, ast.Constant), f"{file}:{node.lineno} has a name that nobody can read"
            assert isinstance(label.value, str)
            parts = _PARTS.get(node.func.id)
            yield from [f"{label.value}.{part}" for part in parts] if parts else [label.value]


def unnamed(file: str) -> Iterator[str]:
    """Return the places of a file that write, or call a provider, without a name."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    marked = set[int]()
    for node in ast.walk(tree):
        names = [item.context_expr for item in node.items] if isinstance(node, ast.With) else []
        if any(isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id == "calling" for n in names):
            marked |= {id(inner) for inner in ast.walk(node)}
    points_before = {node.lineno for node in ast.walk(tree) if _is_point(node)}
    for node in calls:
        assert isinstance(node.func, ast.Attribute)
        owner = ast.unparse(node.func.value)
        writes = node.func.attr in ("write", "begin") or (
            node.func.attr == "commit" and node.lineno - 1 not in points_before
        )
        out = node.func.attr in ("send", "look_up", "find", "ask") or owner.endswith(("mailbox", "calendars"))
        if writes or (out and id(node) not in marked):
            yield f"{file}:{node.lineno}"


def _is_point(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "point"
