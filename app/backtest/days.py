"""Which days can be played again, and where do their lines come from? Day logs, and the company's own days.

A day of one's own can leave the house as a day log, behind a veil: without names, and not where it was.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

from app.operations.daylog import days_with_visits, fixes_between, own_day
from app.operations.learning import current_habits
from app.parts import Parts
from app.replay import read_day_log
from app.rules.daylog import Line, Truth, write_line
from app.rules.habits import PRIORS, Habits
from app.rules.lateness import Told

#: Positions are read in slices, so that no long question keeps the live database busy.
SLICE = timedelta(minutes=10)


class EmptyDay(Exception):
    """A day log without a line; the message is its name."""


@dataclass(frozen=True, slots=True)
class PlayDay:
    """One day to play: its lines as often as wanted, when they begin and end, what really happened, and (own days)
    what was really told. `own`: its visits and technicians are the company's rows."""

    name: str
    from_at: datetime
    until_at: datetime
    zone: tzinfo
    lines: Callable[[], Iterator[Line]]
    truth: Mapping[str, Truth]
    told: Mapping[str, Sequence[Told]] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)
    own: bool = False
    #: What the company has learned until today: the days themselves are among it.
    habits: Habits = PRIORS


def log_day(path: Path) -> PlayDay:
    """Return a recorded day. Raises DayLogError naming file, line and field."""
    promised: dict[str, tuple[datetime, datetime]] = {}
    arrived: dict[str, datetime] = {}
    first: Line | None = None
    last_at = None
    for line in read_day_log(path):
        if line.kind == "truth":
            arrived[line.fields["visit"]] = line.at
            continue
        first = first or line
        last_at = line.at
        if line.kind == "visit":
            promised[line.fields["visit"]] = line.fields["promised_from"], line.fields["promised_until"]
    truth = {visit: Truth(*window, arrived[visit]) for visit, window in promised.items() if visit in arrived}
    unknown = len(promised) - len(truth)
    if first is None or last_at is None or first.at.tzinfo is None:
        raise EmptyDay(path.name)
    return PlayDay(
        path.stem,
        first.at,
        last_at,
        first.at.tzinfo,
        lambda: read_day_log(path),
        truth,
        left_out={"unknown": unknown} if unknown else {},
    )


def own_days(parts: Parts, first_on: date, last_on: date, now: datetime) -> list[date]:
    """Return the days of one's own, both ends included, that have anything to play."""
    with parts.db.read() as session:
        return days_with_visits(session, first_on, last_on, parts.settings.zone, now)


def load_own_day(parts: Parts, on: date, now: datetime) -> PlayDay:
    """Load one of the company's own days."""
    with parts.db.read() as session:
        known = own_day(session, on, parts.settings.zone, now)
        habits = current_habits(session)

    def lines() -> Iterator[Line]:
        """Yield what became known, visits and taps before the positions of the same instant."""
        waiting = iter(known.lines)
        line = next(waiting, None)
        at = known.from_at
        while at < known.until_at:
            end_at = min(at + SLICE, known.until_at)
            with parts.db.read() as session:
                fixes = fixes_between(session, known.technicians, at, end_at)
            for fix in fixes:
                while line is not None and line.at <= fix.at:
                    yield line
                    line = next(waiting, None)
                yield fix
            at = end_at
        while line is not None:
            yield line
            line = next(waiting, None)

    return PlayDay(
        on.isoformat(),
        known.from_at,
        known.until_at,
        parts.settings.zone,
        lines,
        known.truth,
        known.told,
        known.left_out,
        own=True,
        habits=habits,
    )


class Veil:
    """Hides who and where in day logs that leave the house: numbers of its own, and every place moved along its circle
    of latitude by the same secret way, which changes no distance. Where technicians set out from is left out."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, str], str] = {}
        self._lon_to = secrets.SystemRandom().uniform(-30.0, 30.0)
        self._lon_by: float | None = None

    def lines(self, day: PlayDay) -> Iterator[str]:
        """Yield the lines of a day, and at its end what really happened."""
        for line in day.lines():
            if line.kind != "technician":
                yield write_line(Line(0, line.at.astimezone(day.zone), line.kind, self._veiled(line, day.zone)))
        for visit, truth in day.truth.items():
            if truth.arrived_at is not None:
                fields = {"visit": self._name("visit", visit), "arrived_at": truth.arrived_at.astimezone(day.zone)}
                yield write_line(Line(0, truth.arrived_at.astimezone(day.zone), "truth", fields))

    def _veiled(self, line: Line, zone: tzinfo) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        for name, value in line.fields.items():
            if name in ("visit", "technician") and value:
                fields[name] = self._name(name, value)
            elif name == "lon":
                fields[name] = self._moved(value)
            elif name != "service":
                fields[name] = value.astimezone(zone) if isinstance(value, datetime) else value
        return fields

    def _name(self, kind: str, row: str) -> str:
        return self._names.setdefault((kind, row), f"{kind[0]}{len(self._names) + 1}")

    def _moved(self, lon: float) -> float:
        if self._lon_by is None:
            self._lon_by = self._lon_to - lon
        return round((lon + self._lon_by + 540.0) % 360.0 - 180.0, 6)
