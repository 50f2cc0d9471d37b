"""Which other days can be made of recorded drives, and of none? Each from a seed, always the same.

A drive of a `*-plain` day log is taken as recorded, turned round, or cut; then it gets another promise, a jam at the
door, a pause on the way, or a phone that falls silent. A fleet is simulated whole.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from app.rules.position import distance_m

#: Seconds after the start, degrees.
Point = tuple[float, float, float]
Line = Mapping[str, Any]
_M = 111_195.0
_DAY = datetime(2026, 11, 24, tzinfo=timezone(timedelta(hours=9)))


@dataclass(frozen=True)
class Drive:
    """One drive to one site: where the phone was, and when the technician was there (seconds after `start_at`)."""

    name: str
    start_at: datetime
    points: tuple[Point, ...]
    site: tuple[float, float]
    arrived_s: float


def write_days(recorded: Path, folder: Path, seed: int = 1, fleets: int = 2) -> None:
    """Write day logs into a folder: each kind out of the recorded `*-plain` days, and simulated fleets."""
    for path in sorted(recorded.glob("*-plain.jsonl")):
        city = path.stem.removesuffix("-plain")
        drives = [other for drive in _recorded(path) for other in _others(drive, seed)]
        for kind, make in _KINDS.items():
            lines = [line for drive in drives for line in make(drive, random.Random(f"{drive.name} {kind} {seed}"))]
            _write(folder / f"{city}-{kind}-{seed}.jsonl", lines)
    for number in range(1, fleets + 1):
        _write(folder / f"fleet-{number}.jsonl", [line for one in range(25) for line in technician_day(number, one)])


def technician_day(fleet: int, number: int, visits: int = 6) -> list[Line]:
    """Return the lines of one simulated technician's day: jams, tunnels, overruns, forgotten taps, dead phones."""
    chance = random.Random(f"fleet {fleet} {number}")
    name = f"f{fleet}t{number:02}"
    middle = (34.66 + chance.gauss(0, 0.02), 135.5 + chance.gauss(0, 0.03))
    reach = chance.choice([0.015, 0.03, 0.045])
    places = [(middle[0] + chance.gauss(0, reach), middle[1] + chance.gauss(0, reach)) for _ in range(visits + 1)]
    lines: list[tuple[float, Line]] = []
    plan: list[tuple[float, int]] = []
    begin_s = chance.choice([9.0, 9.0, 9.5]) * 3600
    for n in range(visits):
        minutes, width_s = chance.choice([30, 45, 60, 60, 90]), 60 * chance.choice([0, 0, 30, 60])
        plan.append((begin_s, minutes))
        promise = {"promised_from": _local(begin_s), "promised_until": _local(begin_s + width_s)}
        lat, lon = (round(degrees, 6) for degrees in places[n + 1])
        visit = {"kind": "visit", "visit": f"{name}-v{n + 1}", "technician": name, "lat": lat, "lon": lon, **promise}
        lines.append((0.0, {**visit, "duration_min": minutes}))
        if n + 1 < visits:
            way_s = distance_m(*places[n + 1], *places[n + 2]) * 1.35 / (24 / 3.6)
            begin_s += minutes * 60 + way_s + 60 * chance.choice([0, 10, 15, 25]) + 2700 * (n == 2)
            begin_s = math.ceil(begin_s / 900) * 900
    forgets, seen = chance.choice([0.05, 0.1, 0.3, 0.6]), list[Point]()
    speed_mps = chance.uniform(20, 32) / 3.6 * chance.lognormvariate(0, 0.15)
    now = plan[0][0] - distance_m(*places[0], *places[1]) * 1.35 / speed_mps * 1.2 - chance.uniform(-2, 15) * 60
    now += chance.uniform(10, 40) * 60 if chance.random() < 0.08 else 0.0

    def tap(at_s: float, visit: str, status: str) -> None:
        if chance.random() > forgets:
            lines.append((at_s, {"kind": "status", "technician": name, "visit": visit, "status": status}))

    for n, (begin_s, minutes) in enumerate(plan):
        visit, place = f"{name}-v{n + 1}", places[n + 1]
        way_s = distance_m(*places[n], *place) * 1.35 / speed_mps
        if n:
            now = max(now, begin_s - way_s - chance.uniform(0, 25) * 60)
        tap(now + chance.uniform(-60, 90), visit, "en_route")
        driven = _drive(places[n], place, speed_mps, chance)
        seen += [(now + s, lat, lon) for s, lat, lon in driven]
        now += driven[-1][0] + chance.uniform(10, 60)
        lines.append((now + 1, {"kind": "truth", "visit": visit, "arrived_at": _local(now)}))
        tap(now + chance.choice([5, 30, 60, 180]), visit, "arrived")
        work_s = minutes * 60 * chance.lognormvariate(-0.05, 0.28)
        work_s += chance.uniform(30, 90) * 60 if chance.random() < 0.08 else 0.0
        leaves_s = max(now, min(begin_s, now + 900)) + work_s
        seen += [(at_s, *place) for at_s in range(round(now) + 240, round(leaves_s), 300)]
        tap(leaves_s + chance.uniform(-60, 60), visit, "completed")
        now = leaves_s + chance.expovariate(1 / 240)
    dead_s = chance.uniform(9, 16) * 3600 if chance.random() < 0.12 else math.inf
    dead_until_s = dead_s + chance.uniform(1, 3) * 3600
    for at_s, lat, lon in seen:
        if not dead_s <= at_s <= dead_until_s:
            blunder = 0.03 * (chance.random() < 0.004)
            lat, lon = _shaken((lat, lon), 12, chance)
            lat, lon = round(lat + chance.gauss(0, 1) * blunder, 6), round(lon, 6)
            accuracy = {"accuracy_m": chance.randrange(5, 30)}
            lines.append((at_s, {"kind": "fix", "technician": name, "lat": lat, "lon": lon, **accuracy}))
    return [{"t": _local(at_s), **line} for at_s, line in sorted(lines, key=lambda one: one[0])]


def _drive(begin: tuple[float, float], end: tuple[float, float], mps: float, chance: random.Random) -> list[Point]:
    """Return what the phone sees of a drive, first north and then east: lights, perhaps a jam or a tunnel."""
    corner = (end[0], begin[1])
    north_m, east_m = distance_m(*begin, *corner), max(distance_m(*corner, *end), 1.0)
    jam_m = chance.uniform(0.2, 0.95) * (north_m + east_m) if chance.random() < 0.14 else math.inf
    jam_s = chance.uniform(10, 50) * 60
    tunnel_m = chance.uniform(0.2, 0.8) * (north_m + east_m) if chance.random() < 0.12 else math.inf
    at_s = done_m = 0.0
    last_s = -math.inf
    seen: list[Point] = []
    while done_m < north_m + east_m:
        step_s, step_mps = 10.0, mps * chance.uniform(0.6, 1.3)
        if chance.random() < 0.035:
            step_s, step_mps = chance.uniform(20, 80), 0.0
        if done_m >= jam_m and jam_s > 0:
            jam_s -= step_s
            step_mps = chance.choice([0, 0.3, 0.8, 1.2])
        done_m, at_s = done_m + step_mps * step_s, at_s + step_s
        hidden = tunnel_m <= done_m <= tunnel_m + 0.15 * (north_m + east_m)
        if at_s - last_s >= 30 and not hidden and chance.random() < 0.92:
            north, east = min(done_m / max(north_m, 1.0), 1.0), min(max(done_m - north_m, 0.0) / east_m, 1.0)
            seen.append(
                (at_s, begin[0] + (corner[0] - begin[0]) * north, corner[1] + (end[1] - corner[1]) * east)
            )  # fmt: skip
            last_s = at_s
    return [*seen, (at_s, *end)]


def _recorded(path: Path) -> list[Drive]:
    """Return the drives of a day log with one visit for each technician."""
    visits: dict[str, Line] = {}
    fixes: dict[str, list[tuple[datetime, float, float]]] = {}
    arrived: dict[str, datetime] = {}
    for text in path.read_text(encoding="utf-8").splitlines():
        line = json.loads(text)
        if line["kind"] == "visit":
            visits[line["visit"]] = line
        elif line["kind"] == "fix":
            at = datetime.fromisoformat(line["t"])
            fixes.setdefault(line["technician"], []).append((at, line["lat"], line["lon"]))
        elif line["kind"] == "truth":
            arrived[line["visit"]] = datetime.fromisoformat(line["arrived_at"])
    drives = []
    for name, visit in visits.items():
        seen = fixes[visit["technician"]]
        start_at = seen[0][0]
        points = tuple(((at - start_at).total_seconds(), lat, lon) for at, lat, lon in seen)
        arrived_s = (arrived[name] - start_at).total_seconds()
        drives.append(Drive(name, start_at, points, (visit["lat"], visit["lon"]), arrived_s))
    return drives


def _others(drive: Drive, seed: int) -> Iterator[Drive]:
    """Yield the drive, the way back, and a part of each: other drives through the same streets."""
    chance = random.Random(f"{drive.name} {seed}")
    end_s = drive.points[-1][0]
    back = tuple((end_s - s, lat, lon) for s, lat, lon in reversed(drive.points))
    back_at = drive.start_at + timedelta(hours=chance.randrange(3))
    yield drive
    turned = Drive(f"{drive.name}~back", back_at, back, back[-1][1:], end_s + chance.uniform(5, 30))
    yield turned
    for whole in (drive, turned):
        first_s, last_s = chance.uniform(0, 0.45) * end_s, chance.uniform(0.6, 1) * end_s
        part = [point for point in whole.points if first_s <= point[0] <= last_s]
        if len(part) < 6 or part[-1][0] - part[0][0] < 480 or distance_m(*part[0][1:], *part[-1][1:]) < 2000:
            continue
        points = tuple((s - part[0][0], lat, lon) for s, lat, lon in part)
        start_at = whole.start_at + timedelta(seconds=part[0][0])
        arrived_s = points[-1][0] + chance.uniform(5, 30)
        yield Drive(f"{whole.name}~part", start_at, points, points[-1][1:], arrived_s)


def _plain(drive: Drive, chance: random.Random) -> list[Line]:
    """Promise by the distance, tight or loose."""
    usual_s = distance_m(*drive.points[0][1:], *drive.site) * 1.35 / (28 / 3.6)
    until_s = max(usual_s * chance.choice([0.8, 1.0, 1.3, 1.8, chance.uniform(0.7, 2.0)]), 300.0)
    return _lines(drive, until_s, chance, taps=0.72)


def _jam(drive: Drive, chance: random.Random) -> list[Line]:
    """Let the last 150 to 400 metres take 35 to 60 minutes, sometimes unevenly, sometimes with a standstill."""
    at_m = chance.uniform(150, 400)
    near = (n for n, point in enumerate(drive.points) if n and distance_m(*point[1:], *drive.site) < at_m)
    first = next(near, None)
    if first is None:
        return []
    before, after = drive.points[first - 1], drive.points[first]
    outside, inside = 0.0, 1.0
    for _ in range(30):
        half = (outside + inside) / 2
        place = (before[1] + (after[1] - before[1]) * half, before[2] + (after[2] - before[2]) * half)
        outside, inside = (half, inside) if distance_m(*place, *drive.site) > at_m else (outside, half)
    begin = (before[1] + (after[1] - before[1]) * inside, before[2] + (after[2] - before[2]) * inside)
    begin_s = before[0] + (after[0] - before[0]) * inside
    steps = round(chance.uniform(35, 60) * 2)
    uneven = chance.random() < 0.5
    paces = [chance.expovariate(1) if uneven else 1.0 for _ in range(steps)]
    if chance.random() < 0.25:
        stands = chance.randrange(steps - 12)
        paces[stands : stands + 8] = [0.0] * 8
    points, done = [*drive.points[:first], (begin_s, *begin)], 0.0
    for n, pace in enumerate(paces):
        done += pace / sum(paces)
        place = (begin[0] + (drive.site[0] - begin[0]) * done, begin[1] + (drive.site[1] - begin[1]) * done)
        points.append((begin_s + 30 * (n + 1), *_shaken(place, 6, chance)))
    arrived_s = begin_s + 30 * steps + 30
    late_s = min(60.0 * chance.choice([6, 10, 15, 20, 25, 30, 35, 40]), 30 * steps - chance.uniform(10, 28) * 60)
    jammed = replace(drive, points=tuple(points), arrived_s=arrived_s)
    return _lines(jammed, arrived_s - max(late_s, chance.uniform(310, 420)), chance, taps=0.65)


def _parked(drive: Drive, chance: random.Random) -> list[Line]:
    """Stand for 8 to 18 minutes on the way and arrive in time."""
    n = max(round(len(drive.points) * chance.uniform(0.25, 0.8)), 1)
    if n >= len(drive.points) - 1:
        return []
    pause_s, (at_s, *place) = 60.0 * chance.choice([8, 12, 18, chance.uniform(8, 18)]), drive.points[n]
    stood = [(at_s + 60 * (k + 1), *_shaken((place[0], place[1]), 6, chance)) for k in range(int(pause_s // 60))]
    later = [(s + pause_s, lat, lon) for s, lat, lon in drive.points[n + 1 :]]
    paused = replace(drive, points=(*drive.points[: n + 1], *stood, *later), arrived_s=drive.arrived_s + pause_s)
    return _lines(paused, paused.arrived_s + 60 * chance.choice([2, 6, 12, 20]), chance, taps=0.68)


def _silent(drive: Drive, chance: random.Random) -> list[Line]:
    """Let the phone fall silent on the way; half of them then lose half an hour."""
    heard_s = drive.arrived_s * chance.choice([0.35, 0.55, 0.55, 0.7])
    points = tuple(point for point in drive.points if point[0] <= heard_s)
    if len(points) < 3:
        return []
    until_s = drive.arrived_s + 60 * chance.choice([5, 10, 15])
    lost_s = 60 * chance.choice([25, 45]) if chance.random() < 0.55 else 0
    silent = replace(drive, points=points, arrived_s=drive.arrived_s + lost_s)
    return _lines(silent, until_s, chance, taps=0.85, arrival=False)


_KINDS: Mapping[str, Callable[[Drive, random.Random], list[Line]]] = {
    "plain": _plain,
    "jam-at-the-door": _jam,
    "parked-on-the-way": _parked,
    "silent-phone": _silent,
}


def _lines(drive: Drive, until_s: float, chance: random.Random, *, taps: float, arrival: bool = True) -> list[Line]:
    """Return a drive's lines: known two hours before, tapped by a share of the technicians."""

    def at(seconds: float) -> str:
        return (drive.start_at + timedelta(seconds=round(seconds))).isoformat()

    who = {"visit": drive.name, "technician": drive.name}
    promise = {"promised_from": at(until_s - 60 * chance.choice([0, 30, 60])), "promised_until": at(until_s)}
    place = {"lat": drive.site[0], "lon": drive.site[1]}
    lines: list[Line] = [{"t": at(-7200), "kind": "visit", **who, **place, **promise, "duration_min": 60}]
    tapped = chance.random() < taps
    if tapped:
        lines.append({"t": at(0), "kind": "status", **who, "status": "en_route"})
    for s, lat, lon in drive.points:
        lines.append({"t": at(s), "kind": "fix", "technician": drive.name, "lat": round(lat, 6), "lon": round(lon, 6)})
    if tapped and arrival:
        lines.append({"t": at(drive.arrived_s), "kind": "status", **who, "status": "arrived"})
    truth = {"kind": "truth", "visit": drive.name, "arrived_at": at(drive.arrived_s)}
    return [*lines, {"t": at(drive.arrived_s + 1), **truth}]


def _shaken(place: tuple[float, float], metres: float, chance: random.Random) -> tuple[float, float]:
    lat, lon = place
    return lat + chance.gauss(0, metres) / _M, lon + chance.gauss(0, metres) / (_M * math.cos(math.radians(lat)))


def _local(seconds: float) -> str:
    return (_DAY + timedelta(seconds=round(seconds))).isoformat()


def _write(path: Path, lines: Sequence[Line]) -> None:
    ordered = sorted(lines, key=lambda line: datetime.fromisoformat(line["t"]))
    path.write_text("".join(f"{json.dumps(line)}\n" for line in ordered), encoding="utf-8")
