"""Is nothing lost and nothing said twice when the process is killed? `make crash` asks at every point, many times."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from app import crash
from tests.crash.matrix import POINTS, matrix

ROOT = Path(__file__).parents[2]


def test_a_process_that_is_killed_loses_nothing_and_says_nothing_twice(tmp_path):
    points = ("take.committed", "send.made", "settle.written")
    found = matrix({"sqlite": "sqlite"}, points, (0,), tmp_path, ("sms", "line"))
    assert sum(tally.killed for tally in found.values()) >= 5
    assert [detail for tally in found.values() for detail in tally.details] == []
    assert sum(tally.lost + tally.twice for tally in found.values()) == 0


@pytest.mark.parametrize("db", ["postgresql"], indirect=True)
def test_the_same_holds_on_postgresql(tmp_path, postgresql_url, db):
    found = matrix({"postgresql": postgresql_url}, ("send.made", "climb.written"), (0,), tmp_path, ("sms",))
    assert [detail for tally in found.values() for detail in tally.details] == []


def test_every_write_and_every_call_on_the_way_has_a_name():
    named = set()
    for file in ("app/operations/outbox.py", "app/tick.py"):
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        marked = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                assert node.func.attr not in ("write", "commit", "begin"), f"{file}:{node.lineno} writes without a name"
            if not isinstance(node, ast.With):
                continue
            for item in node.items:
                opened = item.context_expr
                if isinstance(opened, ast.Call) and isinstance(opened.func, ast.Name):
                    if opened.func.id in ("writing", "calling"):
                        label = opened.args[-1]
                        assert isinstance(label, ast.Constant)
                        named.add(label.value)
                    if opened.func.id == "calling":
                        marked |= {id(inner) for inner in ast.walk(node)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                out = node.func.attr in ("send", "look_up") or (node.func.attr, file) == ("find", "app/tick.py")
                assert not out or id(node) in marked, f"{file}:{node.lineno} calls without a name"
    assert named == set(crash.LABELS)
    assert {point.partition(".")[0] for point in POINTS} <= named
