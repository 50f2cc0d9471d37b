"""What does a piece of work cost, line by line, and why?

Labour is counted in started units, surcharges minute by minute (docs/prices.md has every rule); each line is rounded
half up on its own, tax once per rate. Everything is counted in whole coins and exact fractions.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

from app.rules.price_book import DAY_MIN, Band, PriceBook, ReturnTaxi, ServicePrice, Surcharge, Tax, Tier

TRAVELS_BY = ("car", "public_transport", "bicycle")
HOUR_MIN = 60
#: What one document can come to, in coins: sums are kept in 32 bits.
MOST_TOTAL = 2**31 - 1
IsHoliday = Callable[[date], bool]


class CannotPrice(ValueError):
    """The book has no price for this: `field` of the job, `code` of the reason and its facts."""

    def __init__(self, field: str, code: str, **facts: Any) -> None:
        super().__init__(f"{field}: {code}")
        self.field, self.code, self.facts = field, code, facts


class DiscountOverLimit(CannotPrice):
    """More than this role may give."""


@dataclass(frozen=True, slots=True)
class PartUsed:
    """So many pieces of a part of the book."""

    code: str
    quantity: int = 1


@dataclass(frozen=True, slots=True)
class Job:
    """What is priced: planned minutes for a quote, those really worked for an invoice; `taxi` estimate or receipt."""

    service: str
    start_at: datetime
    minutes: int
    customer_class: str = "individual"
    distance_km: float = 0.0
    travels_by: str = "car"
    taxi: int = 0
    parts: tuple[PartUsed, ...] = ()
    #: Other services of the book, done on the same visit: the included minutes of each are its own.
    also: tuple[str, ...] = ()
    discount_percent: Fraction = Fraction(0)
    discount_by: str = ""
    discount_reason: str = ""
    #: Of an invoice: the end of the promise, so that our own delay costs the customer nothing.
    promised_until_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Stretch:
    """Billed minutes in a row, local wall clock: the day they begin on, and from when until when."""

    on: date
    from_min: int
    until_min: int


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a quote or an invoice: an amount before tax, and the facts that explain it."""

    code: str
    amount: int
    tax_rate: Fraction
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TaxLine:
    """The tax of one rate: of how much, and how much."""

    rate: Fraction
    base: int
    amount: int


@dataclass(frozen=True, slots=True)
class Price:
    """A whole quote or invoice. `total` = `subtotal` + `tax`, or `subtotal` alone where prices contain the tax."""

    lines: tuple[Line, ...]
    subtotal: int
    taxes: tuple[TaxLine, ...]
    total: int
    #: From when it was counted: the real start, or the end of the promise where that is cheaper.
    counted_from_at: datetime
    for_our_delay: bool
    #: Whether any billed minute lies in a band or on a holiday: not done before the customer has agreed.
    after_hours: bool

    @property
    def tax(self) -> int:
        """Return the tax of all rates."""
        return sum(one.amount for one in self.taxes)


def price(book: PriceBook, job: Job, is_holiday: IsHoliday) -> Price:
    """Return what a job costs; `is_holiday` knows the public holidays of the book's country.

    Late by our own doing, it is counted from the end of the promise when that is cheaper. Example: begun at 18:10
    instead of 17:30, one hour: the evening rate counts for the half hour from 18:00, not for the whole.
    Raises CannotPrice naming the field, DiscountOverLimit.
    """
    found = _price(book, job, job.start_at, is_holiday)
    if job.promised_until_at is not None and job.start_at > job.promised_until_at:
        as_promised = _price(book, job, job.promised_until_at, is_holiday)
        found = replace(as_promised, for_our_delay=True) if as_promised.total < found.total else found
    if found.total > MOST_TOTAL:
        dearest = max(found.lines, key=lambda line: line.amount)
        raise CannotPrice("parts" if dearest.code.startswith("part:") else "minutes", "too_dear")
    return found


def billed_minutes(service: ServicePrice, minutes: int) -> tuple[int, int]:
    """Return how many minutes are covered by the base, and how many are billed in started units beyond.

    >>> billed_minutes(ServicePrice(6000, 60, 15, 1500), 61)
    (60, 15)
    """
    units = math.ceil(Fraction(max(minutes - service.included_minutes, 0), service.unit_minutes))
    return service.included_minutes, units * service.unit_minutes


def half_up(value: Fraction) -> int:
    """Return the nearest whole number, the higher one from exactly between two.

    >>> half_up(Fraction(5, 2)), half_up(Fraction(-5, 2))
    (3, -2)
    """
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def tax_of(tax: Tax, rate: Fraction, base: int) -> int:
    """Return the tax on, or in, a sum of one rate, rounded once as the book says."""
    exact = base * rate / (1 + rate) if tax.included else base * rate
    if tax.rounding == "half_up":
        return half_up(exact)
    return math.ceil(exact) if tax.rounding == "ceiling" else math.floor(exact)


def tier_for(book: PriceBook, distance_km: float) -> Tier:
    """Return the first tier that reaches so far. Raises CannotPrice."""
    for tier in book.travel:
        if tier.up_to_km is None or tier.up_to_km >= distance_km:
            return tier
    raise CannotPrice("distance_km", "too_far_away", most=book.travel[-1].up_to_km)


def service_of(book: PriceBook, code: str) -> ServicePrice:
    """Return a service of the book. Raises CannotPrice."""
    if code not in book.services:
        raise CannotPrice("service", "choice", choices=", ".join(book.services))
    return book.services[code]


def needs_taxi(taxi: ReturnTaxi, ends_at: datetime) -> bool:
    """Return whether nobody gets home by train after work that ends then (local time).

    At the station exactly when the last train leaves, it is caught; when service resumes, nobody waits.
    """
    at_station = ends_at + timedelta(minutes=taxi.minutes_to_station)
    # From the last train on, round the clock: a last train before or after midnight is the same question.
    day_s = 60 * DAY_MIN
    since_s = (3600 * at_station.hour + 60 * at_station.minute + at_station.second - 60 * taxi.last_train_min) % day_s
    missed = since_s > 0 or at_station.microsecond > 0
    return missed and since_s < 60 * ((taxi.resumes_min - taxi.last_train_min) % DAY_MIN)


def document(book: PriceBook, lines: Sequence[Line], counted_from_at: datetime, *, after_hours: bool = False) -> Price:
    """Add lines up: tax once for each rate, the book's own first."""
    bases = {book.tax.rate: 0}
    for line in lines:
        bases[line.tax_rate] = bases.get(line.tax_rate, 0) + line.amount
    taxes = tuple(TaxLine(rate, base, tax_of(book.tax, rate, base)) for rate, base in bases.items())
    subtotal = sum(line.amount for line in lines)
    total = subtotal if book.tax.included else subtotal + sum(one.amount for one in taxes)
    return Price(tuple(lines), subtotal, taxes, total, counted_from_at, False, after_hours)


def _price(book: PriceBook, job: Job, start_at: datetime, is_holiday: IsHoliday) -> Price:
    """Return the price as if the work had begun at `start_at`."""
    service, rate = service_of(book, job.service), book.tax.rate
    if job.customer_class not in book.customer_classes:
        raise CannotPrice("customer_class", "choice", choices=", ".join(book.customer_classes))
    also = [(code, _also(book, number, code)) for number, code in enumerate(job.also)]
    included, extra = billed_minutes(service, max(job.minutes - sum(one.included_minutes for _, one in also), 0))
    units = extra // service.unit_minutes
    percent, tier = book.customer_classes[job.customer_class], tier_for(book, job.distance_km)
    labour = service.base + units * service.unit_price + sum(one.base for _, one in also)
    # What is billed follows each other without a gap: so many minutes, worth so much in all. What grows with the work
    # comes last, so that it moves nothing else out of a dear band: more minutes are never cheaper.
    spans = [(included, service.base), *((one.included_minutes, one.base) for _, one in also)]
    spans.append((extra, units * service.unit_price))
    facts = {"units": units, "unit_minutes": service.unit_minutes, "unit_price": service.unit_price}
    surcharged, after_hours = _surcharges(book, spans, start_at, is_holiday)
    lines = [
        Line("base", service.base, rate, {"minutes": included}),
        Line("extra_time", units * service.unit_price, rate, facts),
        *(
            Line(f"service:{code}", one.base, rate, {"minutes": one.included_minutes, "name": one.name})
            for code, one in also
        ),
        Line("class", half_up(labour * percent / 100), rate, {"class": job.customer_class, "percent": percent}),
        *surcharged,
        Line("travel", tier.price, rate, {"km": job.distance_km, "up_to_km": tier.up_to_km}),
        *_taxi(book, job, start_at),
    ]
    discount = _discount(book, job, sum(line.amount for line in lines))
    shown = [line for line in (*lines, *_parts(book, job), *discount) if line.amount or line.code == "base"]
    return document(book, shown, start_at, after_hours=after_hours)


def _surcharges(
    book: PriceBook, spans: Sequence[tuple[int, int]], start_at: datetime, is_holiday: IsHoliday
) -> tuple[list[Line], bool]:
    """Return the lines of bands (in the book's order) and of holidays, and whether any minute lies in one.

    `spans`: minutes that follow each other from the start, and what each of them is worth together.
    """
    begin_at = start_at.astimezone(UTC)
    billed = sum(long for long, _ in spans)
    locals_at = [(begin_at + timedelta(minutes=n)).astimezone(book.timezone) for n in range(billed)]
    bands = [book.band_of[DAY_MIN // 24 * at.hour + at.minute] for at in locals_at]
    free = {on: _is_free(book, on, is_holiday) for on in {at.date() for at in locals_at}}
    lines = []
    for number, band in enumerate(book.bands):
        within = [n for n, its in enumerate(bands) if its == number]
        if within:
            lines.append(_surcharge(book, f"band:{band.code}", band.surcharge, spans, within, locals_at, band))
    within = [n for n, at in enumerate(locals_at) if free[at.date()]]
    if within and book.holiday is not None:
        lines.append(_surcharge(book, "holiday", book.holiday.surcharge, spans, within, locals_at))
    return lines, bool(lines)


def _surcharge(
    book: PriceBook,
    code: str,
    surcharge: Surcharge,
    spans: Sequence[tuple[int, int]],
    within: Sequence[int],
    locals_at: Sequence[datetime],
    band: Band | None = None,
) -> Line:
    """Return the surcharge on these billed minutes (numbers in a row from the start)."""
    value, begins = Fraction(0), 0
    for long, worth in spans:
        inside = bisect_left(within, begins + long) - bisect_left(within, begins)
        begins += long
        if inside:
            value += Fraction(worth * inside, long)
    hours = -(-len(within) // HOUR_MIN)
    amount = half_up(value * surcharge.percent / 100) + surcharge.flat + surcharge.per_hour * hours
    facts: dict[str, Any] = {"stretches": _stretches(within, locals_at), "surcharge": surcharge, "hours": hours}
    return Line(code, amount, book.tax.rate, facts if band is None else {**facts, "name": band.name})


def _stretches(within: Sequence[int], locals_at: Sequence[datetime]) -> tuple[Stretch, ...]:
    """Return runs of minutes as wall-clock times; a new one where minutes are missing."""
    breaks = [0, *(k + 1 for k, (one, after) in enumerate(pairwise(within)) if after != one + 1), len(within)]
    found = []
    for begin, end in pairwise(breaks):
        first, last = locals_at[within[begin]], locals_at[within[end - 1]] + timedelta(minutes=1)
        found.append(Stretch(first.date(), 60 * first.hour + first.minute, 60 * last.hour + last.minute))
    return tuple(found)


def _is_free(book: PriceBook, on: date, is_holiday: IsHoliday) -> bool:
    free = book.holiday
    if free is None:
        return False
    if on.weekday() in free.weekdays or (on.month, on.day) in free.company:
        return True
    return free.public_of is not None and is_holiday(on)


def _taxi(book: PriceBook, job: Job, start_at: datetime) -> list[Line]:
    if book.return_taxi is None or job.travels_by != "public_transport":
        return []
    ends_at = (start_at.astimezone(UTC) + timedelta(minutes=job.minutes)).astimezone(book.timezone)
    if not needs_taxi(book.return_taxi, ends_at):
        return []
    cap = book.return_taxi.cap
    facts = {"cap": cap, "capped": job.taxi > cap, "last_train_min": book.return_taxi.last_train_min}
    return [Line("return_taxi", min(job.taxi, cap), book.tax.rate, facts)]


def _also(book: PriceBook, number: int, code: str) -> ServicePrice:
    if code not in book.services:
        raise CannotPrice(f"also[{number}]", "choice", choices=", ".join(book.services))
    return book.services[code]


def _parts(book: PriceBook, job: Job) -> list[Line]:
    lines = []
    for number, used in enumerate(job.parts):
        if used.code not in book.parts:
            field, code = f"parts[{number}].code", "choice" if book.parts else "no_parts"
            raise CannotPrice(field, code, choices=", ".join(book.parts))
        part = book.parts[used.code]
        facts = {"quantity": used.quantity, "unit_price": part.price, "name": part.name}
        lines.append(Line(f"part:{used.code}", used.quantity * part.price, part.tax_rate, facts))
    return lines


def _discount(book: PriceBook, job: Job, sum_before: int) -> list[Line]:
    if not job.discount_percent:
        return []
    if job.discount_by not in book.discount_limits:
        raise CannotPrice("discount_by", "choice", choices=", ".join(book.discount_limits))
    most = book.discount_limits[job.discount_by]
    if job.discount_percent > most:
        raise DiscountOverLimit("discount_percent", "over_limit", most=_plain(most), role=job.discount_by)
    facts = {"percent": job.discount_percent, "by": job.discount_by, "reason": job.discount_reason}
    return [Line("discount", -half_up(sum_before * job.discount_percent / 100), book.tax.rate, facts)]


def _plain(number: Fraction) -> str:
    return f"{float(number):g}"
