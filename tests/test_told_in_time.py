"""Do simulated working days keep the bounds that the product promises, whatever the order of positions and the clocks?

The rules alone, minute by minute; `make bench` has the figures of whole days through everything.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from app.rules.forecast import Day, Stop, forecast_day
from app.rules.lateness import REASONS, Decision, Told, Watch, decide
from app.rules.policy import Policy
from app.rules.position import Fix
from app.rules.score import mark, total
from tests.bench.made import Line, technician_day

TOKYO = ZoneInfo("Asia/Tokyo")
#: Clocks change there by an hour or by half of one, at different times of the year, or twice in Ramadan.
ZONES = ("Europe/Berlin", "America/Santiago", "Australia/Lord_Howe", "Africa/Casablanca")


@dataclass
class Rehearsal:
    """One technician's day, known line by line; `told` is what each customer was told."""

    zone: ZoneInfo
    mixed: random.Random | None = None
    stops: dict[str, Stop] = field(default_factory=dict)
    fixes: list[Fix] = field(default_factory=list)
    told: dict[str, list[Told]] = field(default_factory=dict)
    watches: dict[str, Watch] = field(default_factory=dict)

    def play(self, lines: Sequence[Line], step: timedelta) -> Iterator[Decision]:
        """Yield every decision of the day, looked at in steps."""
        look_at = _at(lines[0], "t") + timedelta(hours=8)
        for line in lines:
            while look_at < _at(line, "t"):
                yield from self.look(look_at)
                look_at += step
            self.take_in(line)

    def take_in(self, line: Line) -> None:
        at = _at(line, "t")
        if line["kind"] == "visit":
            name, minutes = line["visit"], line["duration_min"]
            promise = _at(line, "promised_from"), _at(line, "promised_until")
            self.stops[name] = Stop(name, line["lat"], line["lon"], *promise, minutes)
        elif line["kind"] == "fix":
            self.fixes.append(Fix(at, line["lat"], line["lon"], line["accuracy_m"]))
        elif line["kind"] == "status":
            self.note(line["visit"], line["status"], at)

    def note(self, visit: str, kind: str, at: datetime) -> None:
        name = f"{kind}_at"
        if getattr(self.stops[visit], name) is None:
            self.stops[visit] = self.stops[visit]._replace(**{name: at})  # type: ignore[arg-type]

    def look(self, now: datetime) -> Iterator[Decision]:
        seen = [fix for fix in self.fixes if fix.fixed_at > now - timedelta(hours=3)]
        if self.mixed is not None:
            seen += seen[::3]
            self.mixed.shuffle(seen)
        outlook = forecast_day(Day(tuple(self.stops.values()), tuple(seen), self.zone), now)
        for wrong in outlook.withdrawn:
            self.stops[wrong.visit] = self.stops[wrong.visit]._replace(arrived_at=None)
        for one in outlook.inferred:
            self.note(one.visit, one.kind, one.at)
        for forecast in outlook.forecasts:
            name = forecast.visit
            told, watch = self.told.setdefault(name, []), self.watches.get(name, Watch())
            decision = decide(self.stops[name], forecast, told, watch, now, Policy())
            assert decision == decide(self.stops[name], forecast, told, watch, now, Policy())
            self.watches[name] = decision.watch
            if decision.kind:
                told.append(Told(decision.kind, now, decision.quoted_from_at, decision.quoted_until_at))
            yield decision


def _at(line: Line, name: str) -> datetime:
    return datetime.fromisoformat(line[name]).astimezone(UTC)


def test_small_fleets_are_told_in_time_rarely_in_vain_and_once() -> None:
    visits = []
    for number in range(8):
        lines = technician_day(72, number)
        rehearsal = Rehearsal(TOKYO)
        for _ in rehearsal.play(lines, timedelta(minutes=1)):
            pass
        for line in lines:
            if line["kind"] == "truth":
                name = line["visit"]
                until_at = rehearsal.stops[name].promised_until_at
                visits.append(mark(name, until_at, _at(line, "arrived_at"), rehearsal.told.get(name, ())))
    marks = total(visits)
    assert marks.late >= 10
    assert marks.warned is not None
    assert marks.warned >= 0.9
    assert marks.warned_10_min is not None
    assert marks.warned_10_min >= 0.8
    assert marks.false_alarms is not None
    assert marks.false_alarms <= 0.08
    assert marks.messages is not None
    assert marks.messages <= 1.7
    assert marks.width_min is not None
    assert marks.width_min <= 35


@pytest.mark.parametrize("number", [0, 1])
def test_the_order_and_repetition_of_positions_change_no_decision_and_each_has_its_reason(number: int) -> None:
    lines, step = technician_day(73, number), timedelta(minutes=5)
    once = list(Rehearsal(TOKYO).play(lines, step))
    assert once == list(Rehearsal(TOKYO, random.Random(number)).play(lines, step))
    assert any(decision.kind for decision in once)
    assert all(decision.reason.code in REASONS and str(decision.reason) for decision in once)


@pytest.mark.parametrize("zone", ZONES)
def test_no_change_of_the_clocks_anywhere_stops_a_decision(zone: str) -> None:
    """The same day, moved to the days of the year on which the clocks of a place change."""
    there, lines = ZoneInfo(zone), technician_day(74, 0)
    days = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=n) for n in range(366)]
    changes = [a for a, b in pairwise(days) if a.astimezone(there).utcoffset() != b.astimezone(there).utcoffset()]
    assert changes
    for day in changes[:2]:
        shift = day - _at(lines[0], "t")
        times = ("t", "promised_from", "promised_until", "arrived_at")
        moved = [
            {**line, **{name: (_at(line, name) + shift).isoformat() for name in times if name in line}}
            for line in lines
        ]
        for decision in Rehearsal(there).play(moved, timedelta(minutes=10)):
            if decision.quoted_from_at is not None and decision.quoted_until_at is not None:
                assert decision.quoted_from_at < decision.quoted_until_at
