"""How is asked what every look asks? Statements made ready once, and rows without an object each.

SQLAlchemy works out anew for every execution which parameters and types there are, and makes an object of every row:
for the few statements that a fleet's positions run all day, that costs more than the question itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

from sqlalchemy import ClauseElement, ColumnElement, Connection, Insert, SelectBase, bindparam
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import ARRAY, JSON, BigInteger

from app.db import UTCDateTime

#: Which columns of the rows change on their way in or out, and how: a function from a whole column to a whole column.
_Changes = Sequence[tuple[int, Callable[[Sequence[Any]], Iterable[Any]]]]


class among(ColumnElement[bool]):  # noqa: N801 (it stands in statements, beside `and_` and `or_`)
    """Whether a column's number is one of a list given by name: one text of SQL, however long the list is.

    `column.in_()` writes a mark for each number, so that a statement could not be kept ready.
    """

    inherit_cache = False  # and no Boolean by type: SQLite would be asked whether it "= 1", and use no index for it

    def __init__(self, column: ColumnElement[Any], name: str) -> None:
        self.column = column
        self.numbers = bindparam(name, type_=JSON().with_variant(ARRAY(BigInteger), "postgresql"))


@compiles(among, "sqlite")
def _among_json(element: among, compiler: SQLCompiler, **words: Any) -> str:
    column, numbers = (compiler.process(one, **words) for one in (element.column, element.numbers))
    return f"{column} IN (SELECT value FROM json_each({numbers}))"


@compiles(among, "postgresql")
def _among_array(element: among, compiler: SQLCompiler, **words: Any) -> str:
    column, numbers = (compiler.process(one, **words) for one in (element.column, element.numbers))
    return f"{column} = ANY ({numbers})"


class Prepared:
    """A statement that every look runs, made ready once for each kind of database.

    Its text must not change with its values: `among` instead of `in_`. `takes` says in which order the values of a row
    come that is to be written: the columns of an INSERT, the parameters of anything else.
    """

    def __init__(self, statement: ClauseElement, takes: Sequence[str] = ()) -> None:
        self._statement, self._takes = statement, tuple(takes)
        self._made: dict[str, _Made] = {}

    def rows(self, connection: Connection, values: Mapping[str, Any] = MappingProxyType({})) -> list[tuple[Any, ...]]:
        """Ask once; return all rows, each a plain tuple in the order of the columns."""
        return list(zip(*self.columns(connection, values), strict=True))

    def columns(self, connection: Connection, values: Mapping[str, Any] = MappingProxyType({})) -> list[Iterable[Any]]:
        """Ask once; return all rows, column by column: nothing at all when there is no row."""
        made = self._for(connection)
        with _ran(connection, made.sql, made.given(tuple(values), [tuple(values.values())])) as cursor:
            found: list[tuple[Any, ...]] = cursor.fetchall()
            if made.results is None:
                made.results = self._results(connection.dialect, cursor.description)
        return _changed(found, made.results)

    def run(self, connection: Connection, rows: Sequence[Sequence[Any]]) -> None:
        """Write once for each of the rows, whose values come in the order of `takes`."""
        if rows:
            made = self._for(connection)
            with _ran(connection, made.sql, made.given(self._takes, rows)):
                pass

    def _for(self, connection: Connection) -> _Made:
        dialect = connection.dialect
        if dialect.name not in self._made:
            self._made[dialect.name] = _made(self._statement, dialect, self._takes)
        return self._made[dialect.name]

    def _results(self, dialect: Dialect, came: Sequence[Sequence[Any]]) -> _Changes:
        """Return what becomes of the columns of a result, as the driver describes them."""
        assert isinstance(self._statement, SelectBase | Insert)
        changes: list[tuple[int, Callable[[Sequence[Any]], Iterable[Any]]]] = []
        for index, column in enumerate(self._statement.exported_columns):
            processor = column.type.dialect_impl(dialect).result_processor(dialect, came[index][1])
            if isinstance(column.type, UTCDateTime):
                changes.append((index, partial(UTCDateTime.read, dialect=dialect)))
            elif processor is not None:
                changes.append((index, partial(map, processor)))
        return changes


@dataclass(slots=True)
class _Made:
    """A statement as a driver takes it: its text, its parameters in order, and those that have a value of their own.

    What becomes of its results is known once the driver has said of which kind they are.
    """

    sql: str
    names: Sequence[str]
    fixed: Mapping[str, Any]
    positional: bool
    binds: _Changes
    results: _Changes | None = None

    def given(self, takes: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[Any]:
        """Return rows of values, which come in the order of `takes`, as the driver takes them."""
        if not self.names:
            return [() for _ in rows]
        columns = dict(zip(takes, zip(*rows, strict=True), strict=True))
        asked: list[Iterable[Any]] = [
            columns[name] if name in columns else [self.fixed[name]] * len(rows) for name in self.names
        ]
        for index, change in self.binds:
            asked[index] = change(asked[index])  # type: ignore[arg-type]
        listed = zip(*asked, strict=True)
        return list(listed) if self.positional else [dict(zip(self.names, one, strict=True)) for one in listed]


@contextmanager
def _ran(connection: Connection, sql: str, given: Sequence[Any]) -> Iterator[Any]:
    """Run a statement once for each row of values and lend the driver's own cursor.

    What SQLAlchemy does around each statement takes longer than the statement. What it promises is kept: who listens to
    an engine's statements hears of this one, and what the driver raises comes as SQLAlchemy's error.
    """
    dialect, many = connection.dialect, len(given) > 1
    assert dialect.loaded_dbapi is not None
    cursor = connection.connection.cursor()
    values = given if many else given[0]  # one alone is not a batch, which the drivers take longer for
    try:
        for listen in connection.dispatch.before_cursor_execute:
            listen(connection, cursor, sql, values, None, many)
        cursor.executemany(sql, values) if many else cursor.execute(sql, values)
        yield cursor
    except dialect.loaded_dbapi.Error as error:
        raise DBAPIError.instance(sql, None, error, dialect.loaded_dbapi.Error, dialect=dialect) from error
    finally:
        cursor.close()


def _made(statement: ClauseElement, dialect: Dialect, takes: Sequence[str]) -> _Made:
    compiled = statement.compile(dialect=dialect, column_keys=takes if isinstance(statement, Insert) else None)
    assert isinstance(compiled, SQLCompiler)
    assert not compiled.post_compile_params, "only a statement whose text never changes can be kept ready"
    binds = {name: bind for bind, name in compiled.bind_names.items()}
    order = tuple(compiled.positiontup or ()) if compiled.positional else tuple(binds)
    processors = [binds[name].type.dialect_impl(dialect).bind_processor(dialect) for name in order]
    return _Made(
        compiled.string,
        order,
        {name: bind.value for name, bind in binds.items() if not bind.required},
        compiled.positional,
        [(index, partial(map, processor)) for index, processor in enumerate(processors) if processor is not None],
    )


def _changed(rows: Sequence[tuple[Any, ...]], changes: _Changes) -> list[Iterable[Any]]:
    """Return the columns of rows, some of them changed: without a step of Python for each value."""
    columns: list[Iterable[Any]] = list(zip(*rows, strict=True))
    if columns:
        for index, change in changes:
            columns[index] = change(columns[index])  # type: ignore[arg-type]
    return columns
