"""What does a list from a spreadsheet say, and how is one written? CSV, headed in Japanese or English, row by row.

Read are UTF-8 and Shift_JIS. Written is UTF-8 with the mark by which spreadsheets know it; what a spreadsheet would
take for a formula is written behind an apostrophe, and read without it.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO

from app.errors import Invalid, Problem

#: What Python's cp932 makes of bytes that no Japanese text has: the file is something else, often UTF-16.
_NO_SHIFT_JIS = re.compile("[\uf8f0-\uf8f3]")


#: What a spreadsheet takes for the beginning of a formula, or skips before it looks for one.
_FORMULA = re.compile(r"^\s*[=+\-@＝＋－＠]|^[\t\r\n]")
_HARMLESS = re.compile(r"-?\d+(\.\d+)?")


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its number as a spreadsheet shows it (the header is 1), and its texts by our column names."""

    number: int
    cells: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")

    def field(self, column: str) -> str:
        """Return how a problem names a cell of this row."""
        return f"row {self.number}, {column}"


def read_rows(file: bytes, columns: Mapping[str, Sequence[str]], needed: Sequence[str]) -> Iterator[Row]:
    """Yield a file's rows, blank ones left out; `columns` are our names with all the ways of heading them.

    Raises Invalid when the file is none, or a column is repeated, unknown, or `needed` and not there.
    """
    reader = csv.reader(StringIO(_text(file), newline=""), strict=True)
    names: list[str] | None = None
    number = 0
    while True:
        number += 1
        try:
            cells = next(reader, None)
        except csv.Error:
            raise Invalid.one(f"row {number}", "csv") from None
        if cells is None:
            break
        if names is None:
            names = _header(cells, columns, needed)
            continue
        if not any(cell.strip() for cell in cells):
            continue
        if any(cell.strip() for cell in cells[len(names) :]):
            raise Invalid.one(f"row {number}", "csv")
        yield Row(number, {name: _bare(cell.strip()) for name, cell in zip(names, cells, strict=False)})
    if names is None:
        raise Invalid.one("row 1", "missing")


def write_rows(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a list that spreadsheets read and none of whose cells they calculate.

    >>> write_rows(["a"], [["=1+1"], ["-5"]])
    "\\ufeffa\\r\\n'=1+1\\r\\n-5\\r\\n"
    """
    out = StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(head)
    writer.writerows([_safe(cell) for cell in row] for row in rows)
    return f"\ufeff{out.getvalue()}"


def _safe(cell: str) -> str:
    """Return a cell that is only text: the apostrophe says so to the spreadsheet."""
    return f"'{cell}" if _FORMULA.search(cell) and not _HARMLESS.fullmatch(cell) else cell


def _bare(cell: str) -> str:
    """Return a cell without the apostrophe before what would be a formula."""
    return cell[1:] if cell.startswith("'") and _FORMULA.search(cell[1:]) else cell


def key(text: str) -> str:
    """Return what is the same however it was typed: width, case and blanks do not count."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text)).casefold()


def _text(file: bytes) -> str:
    for encoding in ("utf-8-sig", "cp932"):
        try:
            text = file.decode(encoding)
        except UnicodeDecodeError:
            continue
        if not _NO_SHIFT_JIS.search(text):
            return text
    raise Invalid.one("file", "encoding")


def _header(cells: Sequence[str], columns: Mapping[str, Sequence[str]], needed: Sequence[str]) -> list[str]:
    meant = {key(alias): name for name, aliases in columns.items() for alias in aliases}
    names = [meant.get(key(cell), "") for cell in cells]
    problems = [
        Problem(f"row 1, {cell.strip()[:50]}", "repeated" if name else "extra")
        for index, (cell, name) in enumerate(zip(cells, names, strict=True))
        if cell.strip() and (not name or name in names[:index])
    ]
    problems += [Problem(f"row 1, {name}", "missing") for name in needed if name not in names]
    if problems:
        raise Invalid(problems)
    return names
