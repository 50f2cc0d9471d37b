"""Does a month of a company's own days make its forecasts truer?"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.rules.experience import Past, experience
from app.rules.forecast import GRACE_S, Day, Stop, forecast_day
from app.rules.habits import PRIORS, Habits, Way, Work, learned
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
    """How good forecasts were: mean quantile loss in seconds, share inside 10–90 %, squared error of "late"."""

    loss_s: float = 0.0
    inside: float = 0.0
    brier: float = 0.0


def marks(days: list[tuple[int, list[Done]]], habits: Habits) -> Marks:
    """Look twenty minutes into each job, and mark what is forecast of the two stops after it."""
    losses, inside, brier = [], [], []
    for technician, done in days:
        for index in range(STOPS - 1):
            now = done[index].arrived_at + timedelta(minutes=20)
            if now >= done[index].completed_at:
                continue
            known = [
                replace(one.stop, arrived_at=one.arrived_at, completed_at=one.completed_at if n < index else None)
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
                brier.append((forecast.late_probability - late) ** 2)
    return Marks(*(sum(figures) / len(figures) for figures in (losses, inside, brier)))


def test_a_month_of_own_days_makes_forecasts_truer() -> None:
    chance = random.Random(7)
    taught = month(range(28), chance)
    habits = learned(experience((past for who, done in taught for past in past_of(who, done)), TOKYO), [])
    assert habits.work(1, 1).median == pytest.approx(SLOW, rel=0.1)
    assert habits.work(2, 2).median == pytest.approx(QUICK, rel=0.1)
    assert habits.travel(18.0, 34.7, 135.5).median / habits.travel(14.0, 34.7, 135.5).median > 1.2
    coming = month(range(28, 42), chance)
    before, after = marks(coming, PRIORS), marks(coming, habits)
    assert after.loss_s < 0.85 * before.loss_s
    assert after.brier < 0.75 * before.brier
    assert 0.75 <= after.inside <= 0.9
    slow = [day for day in coming if day[0] == 1]
    assert marks(slow, PRIORS).inside < 0.72
    assert 0.8 <= marks(slow, habits).inside <= 0.9


def test_even_two_days_do_no_harm() -> None:
    chance = random.Random(3)
    taught, coming = month(range(2), chance), month(range(2, 16), chance)
    habits = learned(experience((past for who, done in taught for past in past_of(who, done)), TOKYO), [])
    assert marks(coming, habits).loss_s <= marks(coming, PRIORS).loss_s


def test_a_day_is_read_as_drives_between_its_visits_and_its_jobs() -> None:
    done = day_of(2, 0, random.Random(1))
    seen = list(experience(past_of(2, done[:2]), TOKYO))
    assert [type(one) for one in seen] == [Work, Way, Work]
    stop = done[1].stop
    way_m = distance_m(done[0].stop.lat, done[0].stop.lon, stop.lat, stop.lon)
    way = next(one for one in seen if isinstance(one, Way))
    drove_s = (done[1].arrived_at - done[1].en_route_at).total_seconds()
    assert way.ratio == pytest.approx(drove_s / usual(way_m, way.hour).median_s)
    assert (way.lat, way.lon) == (stop.lat, stop.lon)


@pytest.mark.parametrize(
    "changes",
    [
        {"en_route_at": None},
        {"arrived_by": "silence"},
        {"lat": None, "lon": None},
        {"doubtful": True},
        {"technician": 9},
        {"en_route_at": FIRST_AT + timedelta(minutes=109)},  # the tap was forgotten until the door
        {"en_route_at": FIRST_AT - timedelta(hours=1)},  # before the visit before was over
    ],
    ids=str,
)
def test_a_drive_of_which_something_is_not_known_is_left_out(changes: dict[str, Any]) -> None:
    at = [FIRST_AT + timedelta(minutes=minutes) for minutes in (0, 60, 80, 110, 170)]
    first = Past(1, 1, 34.70, 135.50, at[0], 60, None, at[0], "tap", at[1], "tap")
    second = Past(1, 1, 34.70, 135.55, at[3], 60, at[2], at[3], "tap", at[4], "tap")
    assert any(isinstance(one, Way) for one in experience([first, second], TOKYO))
    assert not any(isinstance(one, Way) for one in experience([first, replace(second, **changes)], TOKYO))
