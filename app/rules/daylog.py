"""What is written down of a working day, so that it can be played again? One JSON object a line, in time order.

A line holds what became known at `t`, not what happened then: a tap of ten o'clock that a phone without a signal
delivers at eleven stands at eleven, with its own time in `at`. So nobody who replays a day can know too early.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.rules.calendar import YEARS

#: What each kind of line must have (a visit's technician is empty while it has none), ...
NEEDED: Mapping[str, Mapping[str, type | tuple[type, ...]]] = {
    "technician": {"technician": str},
    "visit": {
        "visit": str,
        "technician": str,
        "lat": (int, float),
        "lon": (int, float),
        "promised_from": datetime,
        "promised_until": datetime,
        "duration_min": int,
    },
    "fix": {"technician": str, "lat": (int, float), "lon": (int, float)},
    "status": {"technician": str, "visit": str, "status": str},
    "eta": {"technician": str, "visit": str, "eta": datetime},
    "truth": {"visit": str, "arrived_at": datetime},
}
#: ... and what else it may have: `at` and `fixed_at` when that was before `t`, `moved` false for a ping, `by` who
#: tapped, `undone` the state that a tap took back, `lat` and `lon` of a technician where the day begins, `wish` which
#: notices the customer wants (rules.quiet), `service` the kind of work.
OPTIONAL: Mapping[str, Mapping[str, type | tuple[type, ...]]] = {
    "technician": {"lat": (int, float), "lon": (int, float)},
    "visit": {"planned_from": datetime, "service": str, "wish": str},
    "fix": {"fixed_at": datetime, "accuracy_m": (int, float), "speed_mps": (int, float), "moved": bool},
    "status": {"at": datetime, "by": str, "undone": str},
    "eta": {"at": datetime},
    "truth": {},
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a day log: its number, when it became known, its kind, and its fields (times as instants)."""

    number: int
    at: datetime
    kind: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Truth:
    """What was promised to a visit in the end, and when the technician really arrived (None: nobody knows)."""

    promised_from_at: datetime
    promised_until_at: datetime
    arrived_at: datetime | None


def parse_line(number: int, text: bytes | str) -> Line:
    """Return a line. Raises ValueError naming the field.

    A truth line needs no `t`: it was known from its `arrived_at` on.
    """
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from None
    if not isinstance(raw, dict):
        raise ValueError("not a JSON object")
    kind = str(raw.get("kind"))
    if kind not in NEEDED:
        raise ValueError(f"kind: {kind!r} is none of {', '.join(NEEDED)}")
    if kind == "truth":
        raw = {**raw, "t": raw.get("arrived_at")}
    fields = dict(raw)
    for name, wanted in {"t": datetime, **NEEDED[kind]}.items():
        fields[name] = _read(name, fields.get(name), wanted)
        if fields[name] == "" and (name == "visit" or kind in ("technician", "fix")):
            raise ValueError(f"{name}: is empty")
    for name, wanted in OPTIONAL[kind].items():
        if fields.get(name) is not None:
            fields[name] = _read(name, fields[name], wanted)
    return Line(number, fields["t"], kind, fields)


def write_line(line: Line) -> str:
    """Return a line as JSON; what is None is left out.

    >>> write_line(parse_line(1, '{"t":"2026-11-24T17:00:00+09:00","kind":"fix","technician":"a","lat":1,"lon":2}'))
    '{"t": "2026-11-24T17:00:00+09:00", "kind": "fix", "technician": "a", "lat": 1, "lon": 2}'
    """
    fields = {"t": line.at, "kind": line.kind, **line.fields}
    return json.dumps(
        {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in fields.items()
            if value is not None
        },
        ensure_ascii=False,
    )


def _read(name: str, value: Any, wanted: type | tuple[type, ...]) -> Any:
    if wanted is datetime:
        try:
            at = datetime.fromisoformat(str(value))
        except ValueError:
            raise ValueError(f"{name}: {value!r} is not a time") from None
        if at.tzinfo is None:
            raise ValueError(f"{name}: a time without an offset")
        if at.year not in YEARS:
            raise ValueError(f"{name}: {value!r} is not in the years {YEARS.start} to {YEARS.stop - 1}")
        return at
    if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
        raise ValueError(f"{name}: {value!r} is missing or of the wrong kind")
    if isinstance(value, str) and any("\ud800" <= one <= "\udfff" for one in value):
        raise ValueError(f"{name}: {value!r} holds half a character")
    return value
