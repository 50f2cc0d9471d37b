"""When will the technician be at each remaining stop, as a distribution?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from app.rules.motion import motion, still_since
from app.rules.position import Fix, believed, distance_m
from app.rules.travel import usual

GRACE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Stop:
    visit: str
    lat: float
    lon: float
    promised_from_at: datetime
    promised_until_at: datetime
    duration_min: int
    en_route_at: datetime | None = None
    arrived_at: datetime | None = None
    completed_at: datetime | None = None
    eta_reported: datetime | None = None
    eta_reported_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Day:
    stops: tuple[Stop, ...]
    fixes: tuple[Fix, ...]
    zone: tzinfo


@dataclass(frozen=True, slots=True)
class Forecast:
    visit: str
    arrives_from_at: datetime
    arrives_until_at: datetime
    arrives_median_at: datetime
    late_probability: float
    as_of: datetime | None
    basis: str
    state: str


@dataclass(frozen=True, slots=True)
class Inferred:
    visit: str
    kind: str
    at: datetime
    why: str


@dataclass(frozen=True, slots=True)
class DayForecast:
    state: str
    since: datetime | None
    current: Fix | None
    forecasts: tuple[Forecast, ...]
    inferred: tuple[Inferred, ...]


def forecast_day(day: Day, now: datetime) -> DayForecast:
    fixes = believed(day.fixes, now)
    moving = motion(fixes, now)
    forecasts = []
    at = now
    place = (moving.current.lat, moving.current.lon) if moving.current else None
    state = moving.state
    for index, stop in enumerate(day.stops):
        if stop.arrived_at or stop.completed_at:
            place = (stop.lat, stop.lon)
            if stop.completed_at is None and stop.arrived_at:
                at = max(now, stop.arrived_at + timedelta(minutes=stop.duration_min))
            continue
        if place is None:
            middle, spread, basis = max(at, stop.promised_from_at), 600.0, "plan"
        else:
            local = at.astimezone(day.zone)
            travel = usual(distance_m(*place, stop.lat, stop.lon), local.hour + local.minute / 60)
            middle, spread, basis = at + timedelta(seconds=travel.median_s), travel.median_s * 0.4, "usual_speed"
        edge = (stop.promised_until_at + GRACE - middle).total_seconds()
        late = 0.5 * math.erfc(edge / (spread + 60) / math.sqrt(2))
        off = timedelta(seconds=1.28 * spread)
        forecasts.append(Forecast(stop.visit, middle - off, middle + off, middle, late,
                                  moving.current.fixed_at if moving.current else None, basis, state))
        at = max(middle, stop.promised_from_at) + timedelta(minutes=stop.duration_min)
        place = (stop.lat, stop.lon)
    return DayForecast(moving.state, still_since(fixes), moving.current, tuple(forecasts), ())
