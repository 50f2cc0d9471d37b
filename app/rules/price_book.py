"""What does work cost, as the office wrote it down?

Amounts are whole numbers of the currency's smallest coin (yen, cents); shares are exact fractions, never floats.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from zoneinfo import ZoneInfo

DAY_MIN = 24 * 60


@dataclass(frozen=True, slots=True)
class Words:
    """What something is called for readers; empty: as the product calls it, or by its code."""

    ja: str = ""
    en: str = ""


@dataclass(frozen=True, slots=True)
class ServicePrice:
    """`base` covers `included_minutes`; each started `unit_minutes` beyond costs `unit_price`."""

    base: int
    included_minutes: int
    unit_minutes: int
    unit_price: int
    name: Words = Words()


@dataclass(frozen=True, slots=True)
class Tier:
    """Travel up to so many kilometres (None: however far)."""

    up_to_km: float | None
    price: int


@dataclass(frozen=True, slots=True)
class Surcharge:
    """Exactly one of: percent of the labour that falls in it, once (`flat`), or for each started hour in it."""

    percent: Fraction = Fraction(0)
    flat: int = 0
    per_hour: int = 0


@dataclass(frozen=True, slots=True)
class Band:
    """Local time of day from `from_min` until `until_min` (after 1440: over midnight), in which labour costs more."""

    code: str
    from_min: int
    until_min: int
    surcharge: Surcharge
    name: Words = Words()


@dataclass(frozen=True, slots=True)
class Holidays:
    """On which local dates labour costs more: weekdays (0 Monday), a country's holidays, the company's (month, day)."""

    surcharge: Surcharge
    weekdays: frozenset[int]
    public_of: str | None
    company: frozenset[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class ReturnTaxi:
    """When nobody gets home by train: local times as minutes of the day, and the most that a customer pays."""

    last_train_min: int
    minutes_to_station: int
    resumes_min: int
    cap: int


@dataclass(frozen=True, slots=True)
class CancelStep:
    """The share of base and travel that is owed so many whole hours before the promise, and what it rests on."""

    at_least_hours: int
    percent: Fraction
    reason: Words = Words()


@dataclass(frozen=True, slots=True)
class Tax:
    """How tax is counted: once per rate and document; `included`: the book's prices contain it."""

    rate: Fraction
    rounding: str
    included: bool = False


@dataclass(frozen=True, slots=True)
class PartPrice:
    """One piece, with a tax rate of its own where that is not the book's."""

    price: int
    tax_rate: Fraction
    name: Words = Words()


@dataclass(frozen=True, slots=True)
class PriceBook:
    """Everything that a price is made of, valid for work from a local date on."""

    code: str
    valid_from: date
    currency: str
    exponent: int
    timezone: ZoneInfo
    tax: Tax
    services: Mapping[str, ServicePrice]
    travel: tuple[Tier, ...]
    bands: tuple[Band, ...]
    holiday: Holidays | None
    customer_classes: Mapping[str, Fraction]
    return_taxi: ReturnTaxi | None
    cancellation: tuple[CancelStep, ...]
    no_access: CancelStep
    discount_limits: Mapping[str, Fraction]
    overrun_percent: Fraction
    parts: Mapping[str, PartPrice] = field(default_factory=dict)
    #: For each minute of the day the number of its band, or None.
    band_of: tuple[int | None, ...] = field(default=(None,) * DAY_MIN, repr=False)
