"""How is a price book typed, field by field? One description makes the form out of the data, and the data out of it.

A field of the book is named by its path; one of a table by its row: tax.rate, bands[0].from, services[2].base.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from app.rules.book_reading import ROUNDINGS, SURCHARGES, WEEKDAYS, decimal_of, exponent_of


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its path below its group or row, how it is typed, and what it can be chosen from.

    `kind`: `words` as they are; `code`, `clock`, `day` without blanks; `whole` a number; `percent` and `km` with
    decimals; `share` typed in per cent and kept as a share of one; `amount` typed in the currency and kept in its
    smallest coins; `surcharge` an amount, or a percent where the row's `kind` says so; `flag` ticked or not; `dates`
    month-day, many in one field; `choice` one of the choices.
    """

    name: str
    kind: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Fields that stand once; `at` is where they are kept (empty: in the book itself)."""

    name: str
    fields: tuple[Field, ...]
    at: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of fields: a list, or an object by their `code`; there, a lone `percent` is the code's own value."""

    name: str
    fields: tuple[Field, ...]
    keyed: bool = False
    #: The rows' order follows from this field: ascending, nothing last; `falls`: descending.
    sorted_by: str = ""
    falls: bool = False

    @property
    def plain(self) -> bool:
        """Whether each code has one number, and no object."""
        return self.keyed and len(self.fields) == 2


_CODE = Field("code", "code")
_NAMES = (Field("name.ja", "words"), Field("name.en", "words"))
_REASONS = (Field("reason.ja", "words"), Field("reason.en", "words"))
_SURCHARGE = (Field("kind", "choice", SURCHARGES), Field("surcharge", "surcharge"))
_PERCENT = Field("percent", "percent")

SECTIONS: tuple[Group | Table, ...] = (
    Group(
        "book",
        (
            _CODE,
            Field("valid_from", "day"),
            Field("currency", "code"),
            Field("exponent", "whole"),
            Field("timezone", "code"),
            Field("tax.rate", "share"),
            Field("tax.rounding", "choice", ROUNDINGS),
            Field("tax.included", "flag"),
            Field("overrun_without_new_consent_percent", "percent"),
        ),
    ),
    Table(
        "services",
        (
            *(_CODE, *_NAMES, Field("base", "amount"), Field("included_minutes", "whole")),
            *(Field("unit_minutes", "whole"), Field("unit_price", "amount")),
        ),
        keyed=True,
    ),
    Table("bands", (_CODE, *_NAMES, Field("from", "clock"), Field("to", "clock"), *_SURCHARGE)),
    Group(
        "holiday",
        (
            *_SURCHARGE,
            *(Field(f"weekdays.{day}", "flag") for day in WEEKDAYS),
            Field("public_holidays", "code"),
            Field("company_holidays", "dates"),
        ),
        at="holiday",
    ),
    Table("travel", (Field("up_to_km", "km"), Field("price", "amount")), sorted_by="up_to_km"),
    Group(
        "return_taxi",
        (
            *(Field("last_train", "clock"), Field("minutes_to_station", "whole"), Field("service_resumes", "clock")),
            Field("cap", "amount"),
        ),
        at="return_taxi",
    ),
    Table("customer_classes", (_CODE, _PERCENT), keyed=True),
    Table("discount_limits", (_CODE, _PERCENT), keyed=True),
    Table("parts", (_CODE, *_NAMES, Field("price", "amount"), Field("tax_rate", "share")), keyed=True),
    Table(
        "cancellation",
        (Field("at_least_hours_before", "whole"), _PERCENT, *_REASONS),
        sorted_by="at_least_hours_before",
        falls=True,
    ),
    Group("no_access", (_PERCENT, *_REASONS), at="no_access"),
)
TABLES = {section.name: section for section in SECTIONS if isinstance(section, Table)}
_NUMBER = re.compile(r"-?\d{1,12}(\.\d{1,6})?")
_FIRST = re.compile(r"([a-z_]+)\[(\d{1,4})\](?:\.(.*))?")


@dataclass(frozen=True, slots=True)
class TypedBook:
    """The data that were typed, as `read_book` takes them, and where in the form each of their fields stands."""

    data: Mapping[str, Any]
    #: The start of a path in the data → the start of the field's name.
    places: Mapping[str, str]
    #: Codes that are missing, or stand twice: field → code of the fault.
    faults: Mapping[str, str] = field(default_factory=dict)

    def place(self, path: str, fault: str) -> str:
        """Return the name of the form's field that a fault of the data is about; the path itself where it has none.

        >>> TypedBook({}, {"bands[1]": "bands[0]"}).place("bands[1].flat", "whole")
        'bands[0].surcharge'
        """
        path = re.sub(r"^holiday\.company_holidays\[\d+\]$", "holiday.company_holidays", path)
        start = max((one for one in self.places if path == one or path.startswith(f"{one}.")), key=len, default="")
        name = f"{self.places[start]}{path[len(start) :]}" if start else path
        table = TABLES.get(name.partition("[")[0])
        if start and name == self.places[start] and table is not None:
            name = f"{name}.{'percent' if table.plain and fault not in ('code', 'repeated') else 'code'}"
        head, _, last = name.rpartition(".")
        with_kind = name.startswith("bands[") or head == "holiday"
        return f"{head}.surcharge" if with_kind and last in SURCHARGES else name


def typed_of(data: Mapping[str, Any]) -> dict[str, str]:
    """Return what the form shows of a book; what is not of its kind is shown as it is.

    >>> [(name, text) for name, text in typed_of({"tax": {"rate": "0.10"}}).items() if text]
    [('tax.rate', '10')]
    """
    exponent = _exponent(data.get("exponent"), data.get("currency"))
    typed: dict[str, str] = {}
    for section in SECTIONS:
        if isinstance(section, Group):
            source = _no_access(data) if section.at == "no_access" else data.get(section.at) if section.at else data
            typed |= _show(section.fields, source, f"{section.at}." if section.at else "", exponent)
            continue
        for number, row in enumerate(_rows_of(section, data.get(section.name))):
            typed |= _show(section.fields, row, f"{section.name}[{number}].", exponent)
    return typed


def tidy(typed: Mapping[str, str], *, without: str = "") -> dict[str, str]:
    """Return what was typed with the rows of tables in a row again: empty ones, and the one `without`, left out.

    >>> tidy({"travel[0].price": "", "travel[4].price": "900", "code": "x"})
    {'code': 'x', 'travel[0].price': '900'}
    """
    kept = {name: text for name, text in typed.items() if _FIRST.fullmatch(name) is None}
    for table in TABLES.values():
        numbers = sorted(
            {int(found[2]) for name in typed if (found := _FIRST.fullmatch(name)) and found[1] == table.name}
        )
        rows = [n for n in numbers if f"{table.name}[{n}]" != without and not _is_blank(table, typed, n)]
        for to, n in enumerate(rows):
            for one in table.fields:
                name = f"{table.name}[{n}].{one.name}"
                if name in typed:
                    kept[f"{table.name}[{to}].{one.name}"] = typed[name]
    return kept


def rows_typed(typed: Mapping[str, str], table: str) -> int:
    """Return how many rows of a tidy form a table has."""
    found = (_FIRST.fullmatch(name) for name in typed)
    return max((int(one[2]) + 1 for one in found if one is not None and one[1] == table), default=0)


def book_of(typed: Mapping[str, str]) -> TypedBook:
    """Return the data that a tidy form means, as far as they can be read: `read_book` says what is wrong with them."""
    exponent = _exponent(_whole(_plain(typed.get("exponent", ""))), _plain(typed.get("currency", "")))
    data: dict[str, Any] = {}
    places: dict[str, str] = {}
    faults: dict[str, str] = {}
    for section in SECTIONS:
        if isinstance(section, Group):
            read = _read(section.fields, typed, f"{section.at}." if section.at else "", exponent)
            if not section.at:
                data |= read
            elif section.at == "no_access":
                if read:
                    data["cancellation"].append({"no_access": True, **read})
                    places[f"cancellation[{len(data['cancellation']) - 1}]"] = "no_access"
            elif read:
                data[section.at] = read
            continue
        rows = [
            _read(section.fields, typed, f"{section.name}[{n}].", exponent)
            for n in range(rows_typed(typed, section.name))
        ]
        data[section.name] = (_by_code if section.keyed else _in_order)(section, rows, places, faults)
    if not data["parts"]:
        del data["parts"]
    return TypedBook(data, places, faults)


def _in_order(table: Table, rows: Sequence[dict[str, Any]], places: dict[str, str], _: dict[str, str]) -> list[Any]:
    """Return rows in the order that the book wants, so that a new one may be typed last."""
    numbers = list(range(len(rows)))
    by = table.sorted_by
    if by and all(isinstance(row.get(by), int | float | None) for row in rows):
        last = float("inf")
        numbers.sort(key=lambda n: last if rows[n].get(by) is None else rows[n][by], reverse=table.falls)
    for to, n in enumerate(numbers):
        places[f"{table.name}[{to}]"] = f"{table.name}[{n}]"
    return [rows[n] for n in numbers]


def _by_code(
    table: Table, rows: Sequence[dict[str, Any]], places: dict[str, str], faults: dict[str, str]
) -> dict[str, Any]:
    """Return rows by their codes; one without, or with that of another, is kept under its number, and told."""
    found: dict[str, Any] = {}
    for number, row in enumerate(rows):
        code = row.pop("code", "")
        if not code or code in found:
            faults[f"{table.name}[{number}].code"] = "repeated" if code else "missing"
            code = f"row-{number}"
        found[code] = row.get("percent") if table.plain else row
        places[f"{table.name}.{code}"] = f"{table.name}[{number}]"
    return found


def _read(fields: Sequence[Field], typed: Mapping[str, str], prefix: str, exponent: int) -> dict[str, Any]:
    """Return what a row or group means; what was left empty is left out, and so is a group that was."""
    read: dict[str, Any] = {}
    for one in fields:
        text = typed.get(f"{prefix}{one.name}", "")
        text = text.strip() if one.kind == "words" else _plain(text)
        if not text or one.name == "kind":
            continue
        place, _, last = one.name.rpartition(".")
        if place == "weekdays":
            read.setdefault(place, []).append(last)
        elif one.kind == "surcharge":
            kind = _plain(typed.get(f"{prefix}kind", "")) or SURCHARGES[0]
            read[kind if kind in SURCHARGES else SURCHARGES[0]] = (
                _number(text) if kind == "percent" else _coins(text, exponent)
            )
        elif place:
            read.setdefault(place, {})[last] = _READS[one.kind](text, exponent)
        else:
            read[last] = _READS[one.kind](text, exponent)
    if prefix.startswith("travel["):
        read.setdefault("up_to_km", None)
    return read


def _show(fields: Sequence[Field], source: Any, prefix: str, exponent: int) -> dict[str, str]:
    row: Mapping[str, Any] = source if isinstance(source, dict) else {}
    said = next((name for name in SURCHARGES if row.get(name) is not None), SURCHARGES[0])
    shown = {}
    for one in fields:
        place, _, last = one.name.rpartition(".")
        if place == "weekdays":
            listed = row.get(place)
            value: Any = isinstance(listed, list) and last in listed
        elif place:
            inner = row.get(place)
            value = inner.get(last) if isinstance(inner, dict) else None
        elif one.name == "kind":
            value = said
        else:
            value = row.get(said if one.kind == "surcharge" else one.name)
        kind = one.kind
        if kind == "surcharge":
            kind = "percent" if said == "percent" else "amount"
        shown[f"{prefix}{one.name}"] = _shown(kind, value, exponent)
    return shown


def _shown(kind: str, value: Any, exponent: int) -> str:
    if value is None or value is False:
        return ""
    if kind == "flag":
        return "1"
    if kind == "dates" and isinstance(value, list):
        return " ".join(str(day) for day in value)
    number = decimal_of(value) if kind in ("share", "amount") else None
    if number is not None:
        if kind == "share":
            return f"{(number * 100).normalize():f}"
        return f"{number.scaleb(-exponent):.{exponent}f}" if number == number.to_integral_value() else str(value)
    return str(value)


def _rows_of(table: Table, found: Any) -> list[Any]:
    if table.keyed:
        rows = found.items() if isinstance(found, dict) else ()
        return [
            {"code": code, "percent": row} if table.plain else {**(row if isinstance(row, dict) else {}), "code": code}
            for code, row in rows
        ]
    return (
        [row for row in found if not (isinstance(row, dict) and row.get("no_access"))]
        if isinstance(found, list)
        else []
    )


def _no_access(data: Mapping[str, Any]) -> Any:
    found = data.get("cancellation")
    rows = found if isinstance(found, list) else []
    return next((row for row in rows if isinstance(row, dict) and row.get("no_access")), None)


def _is_blank(table: Table, typed: Mapping[str, str], number: int) -> bool:
    names = [f"{table.name}[{number}].{one.name}" for one in table.fields if one.kind != "choice"]
    return not any(typed.get(name, "").strip() for name in names)


def _plain(text: str) -> str:
    """Return text as a program reads it: digits of full width too."""
    return unicodedata.normalize("NFKC", text).strip()


def _exponent(value: Any, currency: Any) -> int:
    known = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 4
    return value if known else exponent_of(str(currency))


def _whole(text: str, _: int = 0) -> Any:
    bare = text.replace(",", "")
    return int(bare) if re.fullmatch(r"-?\d{1,12}", bare) else text


def _number(text: str, _: int = 0) -> Any:
    bare = text.removesuffix("%").strip()
    if _NUMBER.fullmatch(bare) is None:
        return text
    return int(bare) if bare.lstrip("-").isdecimal() else float(bare)


def _share(text: str, _: int = 0) -> Any:
    bare = text.removesuffix("%").strip()
    return f"{(Decimal(bare) / 100).normalize():f}" if _NUMBER.fullmatch(bare) else text


def _coins(text: str, exponent: int) -> Any:
    bare = text.replace(",", "")
    coins = Decimal(bare).scaleb(exponent) if _NUMBER.fullmatch(bare) else None
    return int(coins) if coins is not None and coins == coins.to_integral_value() else text


def _dates(text: str, _: int = 0) -> list[str]:
    return [day.replace("/", "-") for day in re.split(r"[\s,、]+", text) if day]


def _same(text: str, _: int = 0) -> str:
    return text


_READS: Mapping[str, Callable[[str, int], Any]] = {
    "words": _same,
    "code": _same,
    "clock": _same,
    "day": _same,
    "choice": _same,
    "whole": _whole,
    "percent": _number,
    "km": _number,
    "share": _share,
    "amount": _coins,
    "dates": _dates,
    "flag": lambda text, _: bool(text),
}
