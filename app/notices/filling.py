"""How do facts get into a text, and what may a text ask for? Names of declared facts, "if", and lists; nothing else.

Whoever words a notice writes a template. It runs in a sandbox, and its tree is looked through before: no calls, no
attributes, no filters, no arithmetic, no loop but over a declared list and none in another, so that nothing can be
read that was not declared and nothing runs long.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, nodes
from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import ImmutableSandboxedEnvironment

from app.notices.declared import Declared, all_facts, all_notices

#: The longest text of each part, in characters, and how deep an "if" may lie in another.
MOST = {"short": 1200, "line": 2000, "subject": 300, "body": 6000, "spoken": 2000}
MOST_VARIANTS = 8
DEEPEST = 5
#: A tag alone on its line leaves no line behind.
_OWN_LINE = re.compile(r"^[ \t]*(\{%[^%\n]*%\})[ \t]*\n", re.MULTILINE)
#: Parts that are one line: a header, and sentences for a voice.
ONE_LINE = frozenset({"subject", "spoken"})


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a text: in which part and line, as a code of the translations, with its facts."""

    part: str
    line: int
    code: str
    facts: Mapping[str, Any] = field(default_factory=dict)


# Plain text for SMS and mail: escaping for HTML would spoil it.
_environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
_environment.globals.clear()
_environment.filters.clear()
_environment.tests.clear()


@lru_cache(maxsize=1024)
def compiled(source: str) -> tuple[Template, frozenset[str]]:
    """Return a sound text ready to be filled, and the facts it names."""
    whole = _OWN_LINE.sub(r"\1", source + "\n")
    return _environment.from_string(whole), frozenset(find_undeclared_variables(_environment.parse(whole)))


@lru_cache(maxsize=1024)
def faults_in(part: str, source: str, notice: str) -> tuple[Fault, ...]:
    """Return what keeps a text from being used at all, by its tree alone; empty when it is sound."""
    if len(source) > MOST[part]:
        return (Fault(part, 0, "too_long", {"most": MOST[part], "length": len(source)}),)
    if not source.strip():
        return (Fault(part, 0, "empty"),)
    lines = source.split("\n")
    if part in ONE_LINE and len(lines) > 1:
        return (Fault(part, 2, "one_line"),)
    if part == "short" and len(lines) > MOST_VARIANTS:
        return (Fault(part, MOST_VARIANTS + 1, "too_many_variants", {"most": MOST_VARIANTS}),)
    trees: list[tuple[int, nodes.Template]] = []
    for number, text in enumerate(lines, 1) if part == "short" else [(1, source)]:
        try:
            trees.append((number, _environment.parse(text)))
        except TemplateSyntaxError as error:
            return (Fault(part, number + error.lineno - 1, "syntax"),)
        except RecursionError:
            return (Fault(part, number, "too_deep"),)
    declared = all_notices()[notice]
    return tuple(fault for number, tree in trees for fault in _Look(part, number, declared).at(tree.body))


def lines_naming(part: str, source: str, name: str) -> Sequence[int]:
    """Return the lines on which a sound text names a fact."""
    texts = enumerate(source.split("\n"), 1) if part == "short" else [(1, source)]
    return [
        number + node.lineno - 1
        for number, text in texts
        for node in _environment.parse(text).find_all(nodes.Name)
        if node.name == name
    ]


class _Look:
    """A look through the tree of one text."""

    def __init__(self, part: str, first_line: int, notice: Declared) -> None:
        self._part, self._first, self._notice = part, first_line, notice

    def at(self, body: Sequence[nodes.Node], depth: int = 0, entry: str | None = None) -> Iterator[Fault]:
        """Yield the faults of a body; `entry` is the name of one entry within a loop over a list."""
        if depth > DEEPEST:
            yield self._fault(body[0] if body else None, "too_deep")
            return
        for node in body:
            if isinstance(node, nodes.Output):
                for child in node.nodes:
                    yield from self._written(child, entry)
            elif isinstance(node, nodes.If):
                yield from self._asked(node.test)
                for part in (node.body, node.elif_, node.else_):
                    yield from self.at(part, depth + 1, entry)
            elif isinstance(node, nodes.For):
                yield from self._listed(node, depth, entry)
            else:
                yield self._fault(node, "not_allowed")

    def _written(self, node: nodes.Node, entry: str | None) -> Iterator[Fault]:
        if isinstance(node, nodes.TemplateData) or (isinstance(node, nodes.Name) and node.name == entry):
            return
        if isinstance(node, nodes.Or) and isinstance(node.right, nodes.Const) and isinstance(node.right.value, str):
            node = node.left
        if not isinstance(node, nodes.Name):
            yield self._fault(node, "not_allowed")
        elif node.name not in self._notice.known:
            yield self._unknown(node)
        elif all_facts()[node.name].type in ("flag", "list"):
            yield self._fault(node, f"{all_facts()[node.name].type}_written", name=node.name)
        elif self._part == "spoken" and node.name == "link":
            yield self._fault(node, "link_spoken")

    def _asked(self, node: nodes.Node) -> Iterator[Fault]:
        if isinstance(node, nodes.And | nodes.Or):
            yield from self._asked(node.left)
            yield from self._asked(node.right)
        elif isinstance(node, nodes.Not):
            yield from self._asked(node.node)
        elif not isinstance(node, nodes.Name):
            yield self._fault(node, "not_allowed")
        elif node.name not in self._notice.known:
            yield self._unknown(node)

    def _listed(self, node: nodes.For, depth: int, entry: str | None) -> Iterator[Fault]:
        plain = isinstance(node.target, nodes.Name) and isinstance(node.iter, nodes.Name)
        if not plain or node.else_ or node.test or node.recursive or entry is not None:
            yield self._fault(node, "not_allowed")
            return
        assert isinstance(node.target, nodes.Name)
        assert isinstance(node.iter, nodes.Name)
        if node.iter.name not in self._notice.known:
            yield self._unknown(node.iter)
        elif all_facts()[node.iter.name].type != "list" or node.target.name in all_facts():
            yield self._fault(node, "not_a_list", name=node.iter.name)
        else:
            yield from self.at(node.body, depth + 1, node.target.name)

    def _unknown(self, node: nodes.Name) -> Fault:
        return self._fault(node, "unknown_fact", name=node.name[:40])

    def _fault(self, node: nodes.Node | None, code: str, **facts: Any) -> Fault:
        return Fault(self._part, self._first + (node.lineno - 1 if node else 0), code, facts)
