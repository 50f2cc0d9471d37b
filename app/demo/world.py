"""What really happens on the road? The truth of a day, which the product never sees, and what phones make of it.

Everything is drawn from a seed, so that the same day always goes the same way.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta, tzinfo
from itertools import pairwise

from app.demo.company import Person, Stop
from app.rules.position import Fix, distance_m, metres_per_degree
from app.rules.travel import usual_mps

DRIVING_FIX = timedelta(seconds=30)
STAYING_FIX = timedelta(minutes=4)
PACKING_UP = timedelta(minutes=4)
RINGING_IN_VAIN = timedelta(minutes=9)
PHONE_ON = timedelta(minutes=20)
NOISE_M = 6.0
DAY_BEGINS = time(8, 30)


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that reaches the product, or would: `fixes` from a phone, a `tap`, or a reported `eta`."""

    at: datetime
    person: int
    kind: str
    stop: int = 0
    fixes: tuple[Fix, ...] = ()
    status: str = ""
    eta: datetime | None = None


@dataclass(frozen=True, slots=True)
class Phase:
    """What a technician truly does for a while: waiting, driving, creeping, standing, working or home."""

    from_at: datetime
    until_at: datetime
    kind: str
    stop: int


@dataclass(frozen=True, slots=True)
class Scene:
    """What is going on with one technician now: since when, how far from the next door, and whether the phone is heard.

    `signal` is ok, tunnel or dead.
    """

    person: int
    kind: str
    stop: int
    minutes: int
    metres: int
    signal: str


@dataclass(slots=True)
class _Way:
    """The knots of a path in time; between two of them a technician moves straight and evenly."""

    at: list[datetime] = field(default_factory=list)
    lat: list[float] = field(default_factory=list)
    lon: list[float] = field(default_factory=list)

    def add(self, at: datetime, lat: float, lon: float) -> None:
        self.at.append(at)
        self.lat.append(lat)
        self.lon.append(lon)

    def place(self, at: datetime) -> tuple[float, float]:
        if at <= self.at[0]:
            return self.lat[0], self.lon[0]
        for i in range(1, len(self.at)):
            if at <= self.at[i]:
                took = (self.at[i] - self.at[i - 1]).total_seconds()
                share = (at - self.at[i - 1]).total_seconds() / took if took else 1.0
                return (
                    self.lat[i - 1] + share * (self.lat[i] - self.lat[i - 1]),
                    self.lon[i - 1] + share * (self.lon[i] - self.lon[i - 1]),
                )
        return self.lat[-1], self.lon[-1]


class World:
    """One day of everybody. `step` goes on in time and returns what the phones send; `scene` tells the truth."""

    def __init__(self, people: Sequence[Person], day: date, zone: tzinfo, seed: int = 0) -> None:
        self.people = people
        self.day = day
        chances = (random.Random(f"{seed}/{day}/{number}") for number in range(len(people)))
        self.lives = [_Life(*one, day, zone) for one in zip(people, range(len(people)), chances, strict=True)]
        self._script = sorted(
            (h for life in self.lives for h in life.happenings()), key=lambda h: (h.at, h.person, h.kind)
        )
        self._next = 0
        self.ends_at = max(life.phases[-1].from_at for life in self.lives) + timedelta(minutes=20)

    def step(self, until_at: datetime) -> list[Happening]:
        """Return what the phones have sent since the last step, up to an instant, in order."""
        first = self._next
        while self._next < len(self._script) and self._script[self._next].at <= until_at:
            self._next += 1
        return self._script[first : self._next]

    def scene(self, person: int, now: datetime) -> Scene:
        """Return what is going on with a technician."""
        return self.lives[person].scene(now)


def batched(happenings: Sequence[Happening]) -> list[Happening]:
    """Return the same happenings with a phone's positions sent together, as far as nothing else of it lies between."""
    together: list[Happening] = []
    latest: dict[int, int] = {}
    for happening in happenings:
        last = latest.get(happening.person)
        if last is not None and happening.kind == "fixes" and together[last].kind == "fixes":
            together[last] = replace(happening, fixes=together[last].fixes + happening.fixes)
        else:
            latest[happening.person] = len(together)
            together.append(happening)
    return together


class _Life:
    """One technician's day: where, doing what, and what the phone says of it."""

    def __init__(self, person: Person, number: int, chance: random.Random, day: date, zone: tzinfo) -> None:
        self._person, self._number, self._chance = person, number, chance
        self._zone = zone
        self.way = _Way()
        self.phases: list[Phase] = []
        self._taps: list[Happening] = []
        self._deaf: list[tuple[str, datetime, datetime]] = []
        self._live_through(day)

    def scene(self, now: datetime) -> Scene:
        phase = next((p for p in self.phases if p.from_at <= now < p.until_at), self.phases[-1])
        lat, lon = self.way.place(now)
        stop = self._person.stops[phase.stop]
        return Scene(
            person=self._number,
            kind=phase.kind,
            stop=phase.stop,
            minutes=max(int((now - phase.from_at).total_seconds() // 60), 0),
            metres=round(distance_m(lat, lon, stop.lat, stop.lon)),
            signal=next((kind for kind, a, b in self._deaf if a <= now < b), "ok"),
        )

    def happenings(self) -> Iterator[Happening]:
        """Yield what this phone sends: positions (in a batch after a tunnel, none while it is dead) and taps."""
        held: dict[datetime, list[Fix]] = {}
        for fix in self._fixes():
            deaf = next(((kind, b) for kind, a, b in self._deaf if a <= fix.fixed_at < b), None)
            if deaf is None:
                yield Happening(fix.fixed_at + timedelta(seconds=1), self._number, "fixes", fixes=(fix,))
            elif deaf[0] == "tunnel":
                held.setdefault(deaf[1], []).append(fix)
        for at, fixes in held.items():
            yield Happening(at, self._number, "fixes", fixes=tuple(fixes))
        for tap in self._taps:
            back_at = next((b for _, a, b in self._deaf if a <= tap.at < b), None)
            if back_at is None or tap.kind == "eta":
                yield tap
            elif tap.status == "arrived":  # said as soon as the phone is back
                yield replace(tap, at=back_at)

    def _live_through(self, day: date) -> None:
        def local(clock: str) -> datetime:
            return datetime.combine(day, time.fromisoformat(clock), self._zone)

        self._idle_at = free_at = datetime.combine(day, DAY_BEGINS, self._zone)
        lat, lon = self._person.base_lat, self._person.base_lon
        self.way.add(free_at, lat, lon)
        for number, stop in enumerate(self._person.stops):
            due_at = local(stop.promised_from)
            leave_at, arrive_at = self._drive(number, stop, (lat, lon), free_at, due_at)
            begin_at = max(arrive_at, due_at - timedelta(minutes=5))
            works = stop.takes_min or round(stop.plan_min * self._chance.uniform(0.86, 1.02))
            done_at = begin_at + (RINGING_IN_VAIN if stop.nobody_in else timedelta(minutes=works))
            self._phase(arrive_at, done_at, "working", number)
            self._idle_at = done_at
            lat, lon, free_at = stop.lat, stop.lon, done_at + PACKING_UP
            self.way.add(free_at, lat, lon)
            self._tap(number, "en_route", leave_at + self._seconds(5, 50))
            self._tap(number, "arrived", arrive_at + self._seconds(15, 100))
            self._tap(number, "no_access" if stop.nobody_in else "completed", done_at + self._seconds(10, 90))
            if stop.reports:
                before, later = (timedelta(minutes=m) for m in stop.reports)
                self._taps.append(Happening(due_at - before, self._number, "eta", stop=number, eta=due_at + later))
        self._phase(self._idle_at, free_at + timedelta(days=1), "home", len(self._person.stops) - 1)

    def _drive(
        self, number: int, stop: Stop, start: tuple[float, float], free_at: datetime, due_at: datetime
    ) -> tuple[datetime, datetime]:
        """Drive to a stop, through whatever goes wrong; return when it began and when the door was reached."""
        trouble = stop.trouble
        end = (stop.lat, stop.lon)
        crawl = trouble if trouble is not None and trouble.kind == "creep" else None
        if crawl:
            north, east = metres_per_degree(stop.lat)
            # The last metres lead straight to the door, along the avenue from the north-west.
            end = (stop.lat + crawl.metres * 0.8 / north, stop.lon - crawl.metres * 0.6 / east)
        corners = self._corners(start, end)
        lengths = [distance_m(*a, *b) for a, b in pairwise(corners)]
        hour = due_at.hour + due_at.minute / 60
        mps = usual_mps(distance_m(*start, *end), hour) * self._person.pace * self._chance.uniform(0.97, 1.08)
        drive = timedelta(seconds=sum(lengths) / mps)
        leave_at = max(free_at, due_at - timedelta(minutes=stop.early_min) - drive)
        self._phase(self._idle_at, leave_at, "waiting", number)
        self.way.add(leave_at, *start)
        at, driven, jammed = leave_at, 0.0, trouble is None or trouble.kind != "jam"
        begun_at = leave_at
        for corner, length in zip(corners[1:], lengths, strict=True):
            at += timedelta(seconds=length / mps)
            driven += length
            self.way.add(at, *corner)
            if not jammed and trouble is not None and driven >= 0.45 * sum(lengths):
                jammed = True
                self._phase(begun_at, at, "driving", number)
                begun_at = at + timedelta(minutes=trouble.minutes)
                self._phase(at, begun_at, "standing", number)
                at = begun_at
                self.way.add(at, *corner)
        self._phase(begun_at, at, "driving", number)
        if crawl:
            begun_at, steps = at, 24
            shares = sorted(self._chance.uniform(0.35, 0.65) + step for step in range(steps - 1))
            for share in shares:
                moved = share / (steps - 1)
                self.way.add(
                    begun_at + timedelta(minutes=crawl.minutes) * moved,
                    end[0] + (stop.lat - end[0]) * min(moved * self._chance.uniform(0.97, 1.03), 1.0),
                    end[1] + (stop.lon - end[1]) * min(moved * self._chance.uniform(0.97, 1.03), 1.0),
                )
            at = begun_at + timedelta(minutes=crawl.minutes)
            self.way.add(at, stop.lat, stop.lon)
            self._phase(begun_at, at, "creeping", number)
        if trouble is not None and trouble.kind in ("tunnel", "dead"):
            from_at = leave_at + (at - leave_at) * 0.3
            self._deaf.append((trouble.kind, from_at, from_at + timedelta(minutes=trouble.minutes)))
        return leave_at, at

    def _corners(self, start: tuple[float, float], end: tuple[float, float]) -> list[tuple[float, float]]:
        """Return a way through Osaka's grid: along the streets north–south and east–west, with a few turns."""
        turns = self._chance.randint(2, 4)
        cuts_lat = [0.0, *sorted(self._chance.random() for _ in range(turns - 1)), 1.0]
        cuts_lon = [0.0, *sorted(self._chance.random() for _ in range(turns - 1)), 1.0]
        corners = [start]
        for lat_share, lon_share in zip(cuts_lat[1:], cuts_lon[1:], strict=True):
            lat = start[0] + lat_share * (end[0] - start[0])
            corners.append((lat, corners[-1][1]))
            corners.append((lat, start[1] + lon_share * (end[1] - start[1])))
        return corners

    def _phase(self, from_at: datetime, until_at: datetime, kind: str, stop: int) -> None:
        if until_at > from_at:
            self.phases.append(Phase(from_at, until_at, kind, stop))

    def _tap(self, stop: int, status: str, at: datetime) -> None:
        if self._chance.random() >= self._person.forgets:
            self._taps.append(Happening(at, self._number, "tap", stop=stop, status=status))

    def _seconds(self, least: float, most: float) -> timedelta:
        return timedelta(seconds=round(self._chance.uniform(least, most)))

    def _fixes(self) -> Iterator[Fix]:
        """Yield what the phone measures: often on the way, rarely where it lies still."""
        first_at = self.phases[0].until_at - PHONE_ON
        last_at = self.phases[-1].from_at + timedelta(minutes=10)
        for phase in self.phases:
            moves = phase.kind in ("driving", "creeping", "standing")
            at = max(phase.from_at, first_at)
            while at < min(phase.until_at, last_at):
                yield self._fix(at)
                at += DRIVING_FIX if moves else STAYING_FIX

    def _fix(self, at: datetime) -> Fix:
        lat, lon = self.way.place(at)
        north, east = metres_per_degree(lat)
        away, turn = abs(self._chance.gauss(0, NOISE_M)), self._chance.uniform(0, 2 * math.pi)
        return Fix(
            fixed_at=at,
            lat=round(lat + away * math.sin(turn) / north, 6),
            lon=round(lon + away * math.cos(turn) / east, 6),
            accuracy_m=float(round(self._chance.uniform(4, 16))),
        )
