"""A simulated company with its own ways: what its days really take, and how well they are forecast."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from app.rules.experience import Past, experience
from app.rules.forecast import GRACE_S, Day, Stop, forecast_day
from app.rules.habits import Habits, learned
from app.rules.position import distance_m
from app.rules.travel import usual

TOKYO = ZoneInfo("Asia/Tokyo")
FIRST_AT = datetime(2026, 10, 1, 4, 0, tzinfo=UTC)  # one in the afternoon in Japan
TECHNICIANS, STOPS = range(1, 7), 5
#: The company: drives after five take 40 % longer, technician 1 takes half as long again, service 2 a fifth less.
EVENING, SLOW, QUICK = 1.4, 1.5, 0.8


@dataclass(frozen=True)
class Done:
    """What really happened at one stop of a simulated day, and what was promised."""

    stop: Stop
    en_route_at: datetime
    arrived_at: datetime
    completed_at: datetime


def day_of(technician: int, number: int, chance: random.Random) -> list[Done]:
    """Return one day: promises 95 minutes apart, drives and jobs as this company's are."""
    at = FIRST_AT + timedelta(days=number)
    place, done = (34.70, 135.50), []
    for index in range(STOPS):
        there = (34.70 + chance.uniform(-0.03, 0.03), 135.50 + chance.uniform(-0.04, 0.04))
        service = chance.choice((1, 2))
        promised_at = FIRST_AT + timedelta(days=number, minutes=30 + 95 * index)
        hour = at.astimezone(TOKYO).hour + at.minute / 60
        drive_s = usual(distance_m(*place, *there), hour).median_s * (EVENING if hour >= 17 else 1.0)
        needed_at = promised_at - timedelta(seconds=drive_s)
        leave_at = max(at, needed_at - timedelta(minutes=chance.uniform(5, 30)))
        arrived_at = leave_at + timedelta(seconds=drive_s * math.exp(chance.gauss(0, 0.3)))
        ratio = (SLOW if technician == 1 else 1.0) * (QUICK if service == 2 else 1.0) * math.exp(chance.gauss(0, 0.2))
        at = max(arrived_at, min(promised_at, arrived_at + timedelta(minutes=15))) + timedelta(minutes=60 * ratio)
        stop = Stop(f"{number}-{technician}-{index}", *there, promised_at, promised_at, 60, service=service)
        done.append(Done(stop, leave_at, arrived_at, at))
        place = there
    return done


def past_of(technician: int, done: list[Done]) -> Iterator[Past]:
    for one in done:
        stop = one.stop
        yield Past(
            technician, stop.service, stop.lat, stop.lon, stop.promised_from_at, 60, one.en_route_at, one.arrived_at,
            "tap", one.completed_at, "tap",
        )  # fmt: skip


def month(days: range, chance: random.Random) -> list[tuple[int, list[Done]]]:
    return [(technician, day_of(technician, number, chance)) for technician in TECHNICIANS for number in days]


@dataclass
class Marks:
    """How good forecasts were.

    Mean loss of the 10, 50 and 90 % quantiles in seconds; share of arrivals inside 10–90 %; Brier score of "late", and
    by how much its probability was off: said minus happened, in fifths.
    """

    loss_s: float
    inside: float
    brier: float
    off: float


def marks(days: list[tuple[int, list[Done]]], habits: Habits) -> Marks:
    """Look twenty minutes into each job, and mark what is forecast of the two stops after it."""
    losses: list[float] = []
    inside: list[bool] = []
    lates: list[tuple[float, bool]] = []
    for technician, done in days:
        for index in range(STOPS - 1):
            now = done[index].arrived_at + timedelta(minutes=20)
            if now >= done[index].completed_at:
                continue
            known = [
                one.stop._replace(arrived_at=one.arrived_at, completed_at=one.completed_at if n < index else None)
                if n <= index
                else one.stop
                for n, one in enumerate(done)
            ]
            outlook = forecast_day(Day(tuple(known), (), TOKYO, None, habits, technician), now)
            for forecast, one in zip(outlook.forecasts[:2], done[index + 1 :], strict=False):
                came_s = (one.arrived_at - now).total_seconds()
                late = one.arrived_at > one.stop.promised_until_at + timedelta(seconds=GRACE_S)
                samples = forecast.arrivals_s
                for share in (0.1, 0.5, 0.9):
                    off_s = came_s - samples[int(share * len(samples))]
                    losses.append(max(share * off_s, (share - 1) * off_s))
                inside.append(forecast.arrives_from_at <= one.arrived_at <= forecast.arrives_until_at)
                lates.append((forecast.late_probability, late))
    n = len(lates)
    fifths = [[one for one in lates if min(int(5 * one[0]), 4) == k] for k in range(5)]
    off = sum(abs(sum(said - late for said, late in one)) for one in fifths) / n
    brier = sum((said - late) ** 2 for said, late in lates) / n
    return Marks(sum(losses) / len(losses), sum(inside) / n, brier, off)


def taught_by(days: list[tuple[int, list[Done]]]) -> Habits:
    """Return what the nights after these days teach."""
    return learned(experience((past for who, done in days for past in past_of(who, done)), TOKYO), [])
