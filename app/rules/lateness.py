"""Should this customer be told something now, and if so what?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

from app.rules.forecast import Forecast, Stop

REASONS: Mapping[str, str] = MappingProxyType({
    "late_expected": "arrival expected {late_min} min after the promise, {percent} % likely late ({basis})",
    "on_course": "{percent} % likely late, not enough to say so ({basis})",
    "told_already": "the customer knows; nothing material has changed",
})


@dataclass(frozen=True, slots=True)
class Policy:
    late_share: float = 0.6


@dataclass(frozen=True, slots=True)
class Told:
    kind: str
    at: datetime
    quoted_from_at: datetime | None
    quoted_until_at: datetime | None


@dataclass(frozen=True, slots=True)
class Watch:
    late_since_at: datetime | None = None
    fine_since_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    code: str
    facts: Mapping[str, str | int | float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    kind: str | None
    quoted_from_at: datetime | None
    quoted_until_at: datetime | None
    reason: Reason
    look_again_at: datetime | None
    watch: Watch
    alarm: str | None


def decide(stop: Stop, forecast: Forecast, told: Sequence[Told], watch: Watch, now: datetime,
           policy: Policy = Policy()) -> Decision:
    again = now + timedelta(minutes=1)
    percent = round(100 * forecast.late_probability)
    if told:
        return Decision(None, None, None, Reason("told_already"), again, watch, None)
    if forecast.late_probability >= policy.late_share:
        late_min = round((forecast.arrives_median_at - stop.promised_until_at).total_seconds() / 60)
        return Decision("late", forecast.arrives_from_at, forecast.arrives_until_at,
                        Reason("late_expected", {"late_min": late_min, "percent": percent, "basis": forecast.basis}),
                        again, watch, None)
    return Decision(None, None, None, Reason("on_course", {"percent": percent, "basis": forecast.basis}), again, watch, None)
