"""How is a long list searched, and read piece by piece? Numbered pages for people, a cursor for programs."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy import ColumnElement, Select, String, func
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.errors import Invalid

R = TypeVar("R")

#: Rows of a numbered page.
PAGE = 50


@dataclass(frozen=True, slots=True)
class Listed(Generic[R]):
    """One page of a list; `before` and `after` are the neighbouring pages' numbers, where there are any."""

    rows: Sequence[R]
    before: int | None
    after: int | None


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """Some rows of a list, and where the next ones begin."""

    items: Sequence[R]
    next: str | None


def listed(session: Session, wanted: Select[R], page: int) -> Listed[R]:
    """Return a numbered page of what is selected."""
    page = max(page, 1)
    rows = session.scalars(wanted.offset((page - 1) * PAGE).limit(PAGE + 1)).all()
    return Listed(rows[:PAGE], page - 1 if page > 1 else None, page + 1 if len(rows) > PAGE else None)


def page_of(rows: Sequence[R], limit: int, cursor: Callable[[R], str]) -> Page[R]:
    """Return the first `limit` of rows that were asked for with one more, to know whether there are any."""
    return Page(rows[:limit], cursor(rows[limit - 1]) if len(rows) > limit else None)


def id_of(cursor: str | None) -> int:
    """Return the row number after which a page begins, 0 for the first. Raises Invalid."""
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 10 and int(cursor) < 2**31):
        raise Invalid.one("cursor", "cursor")
    return int(cursor)


def contains(column: InstrumentedAttribute[str] | InstrumentedAttribute[str | None], text: str) -> ColumnElement[bool]:
    """Match a text within a column, whatever its case, width and blanks: 山田花子 finds 山田 花子."""
    wanted = "".join(unicodedata.normalize("NFKC", text).split())
    bare = func.replace(func.replace(column, " ", ""), "\u3000", "", type_=String)
    return bare.icontains(wanted, autoescape=True)
