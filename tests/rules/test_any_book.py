"""Do the promises about prices hold for every book that an office may write, not only for ours?"""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.operations.price_book import public_holidays_of
from app.rules.agreed import as_agreed, most_billed
from app.rules.book_reading import read_book
from app.rules.price_book import DAY_MIN, Band, PriceBook, Surcharge
from app.rules.pricing import Job, PartUsed, Price, price

quick = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
AMOUNTS = st.sampled_from([0, 1, 99, 333, 1500, 8990]) | st.integers(0, 30_000)
PERCENTS = st.sampled_from([0, 7.5, "33.3", 50, 200])
RATES = st.sampled_from(["0", "0.077", "0.08", "0.10", "0.19", "1"])
SURCHARGES = st.one_of(
    st.fixed_dictionaries({"percent": PERCENTS}),
    st.fixed_dictionaries({"flat": AMOUNTS}),
    st.fixed_dictionaries({"per_hour": AMOUNTS}),
)
SERVICE = st.fixed_dictionaries(
    {
        "base": AMOUNTS,
        "included_minutes": st.sampled_from([0, 1, 7, 30, 60, 480]),
        "unit_minutes": st.sampled_from([1, 7, 15, 60]),
        "unit_price": AMOUNTS,
    }
)


def clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


@st.composite
def books(draw: Any, surcharges: Any = SURCHARGES) -> PriceBook:
    """Draw a book: bands that may cross midnight or leave gaps, some of them on the 30-hour clock."""
    ends = sorted(draw(st.sets(st.integers(0, DAY_MIN - 1), min_size=2, max_size=5)))
    ends.append(ends[0] + draw(st.sampled_from([0, DAY_MIN])))
    bands = [
        {"code": f"b{n}", "from": clock(begin), "to": clock(end if end <= 30 * 60 else end - DAY_MIN)}
        for n, (begin, end) in enumerate(pairwise(ends))
        if begin < end
    ]
    holiday = {
        "weekdays": draw(st.lists(st.sampled_from(["sunday", "wednesday"]), max_size=2)),
        "public_holidays": draw(st.sampled_from(["JP", "DE", None])),
        "company_holidays": draw(st.lists(st.sampled_from(["12-31", "03-29", "10-25"]), max_size=2)),
    }
    data = {
        "code": "any",
        "valid_from": "2026-01-01",
        "currency": draw(st.sampled_from(["JPY", "EUR", "KWD"])),
        "timezone": draw(st.sampled_from(["Asia/Tokyo", "Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns"])),
        "tax": {
            "rate": draw(RATES),
            "rounding": draw(st.sampled_from(["floor", "half_up", "ceiling"])),
            "included": draw(st.booleans()),
        },
        "services": {code: draw(SERVICE) for code in ("one", "two")},
        "travel": [{"up_to_km": 10, "price": draw(AMOUNTS)}, {"up_to_km": None, "price": draw(AMOUNTS)}],
        "bands": [{**band, **draw(surcharges)} for band in draw(st.permutations(bands))],
        "holiday": {**holiday, **draw(surcharges)},
        "customer_classes": {"individual": 0, "corporate": draw(PERCENTS)},
        "return_taxi": {"last_train": "24:20", "minutes_to_station": 15, "service_resumes": "05:00", "cap": 15000},
        "cancellation": [{"at_least_hours_before": 0, "percent": 50}, {"no_access": True, "percent": 100}],
        "discount_limits": {"manager": 100},
        "overrun_without_new_consent_percent": draw(PERCENTS),
        "parts": {"cable": {"price": draw(AMOUNTS)}, "water": {"price": draw(AMOUNTS), "tax_rate": draw(RATES)}},
    }
    return read_book(data)


#: Whole years, with the nights on which clocks are changed.
STARTS = st.integers(0, 500 * DAY_MIN).map(lambda n: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=n))
JOBS = st.builds(
    Job,
    service=st.just("one"),
    start_at=STARTS | st.integers(-300, 300).map(lambda n: datetime(2026, 3, 29, 1, tzinfo=UTC) + timedelta(minutes=n)),
    minutes=st.integers(0, 900),
    customer_class=st.sampled_from(["individual", "corporate"]),
    distance_km=st.sampled_from([0.0, 10.0, 10.1]),
    travels_by=st.sampled_from(["car", "public_transport"]),
    taxi=st.integers(0, 30_000),
    parts=st.lists(st.builds(PartUsed, st.sampled_from(["cable", "water"]), st.integers(1, 9)), max_size=2).map(tuple),
    also=st.sampled_from([(), ("two",), ("one", "two")]),
    discount_percent=st.sampled_from([Fraction(0), Fraction("7.5"), Fraction(100)]),
    discount_by=st.just("manager"),
    promised_until_at=st.none() | STARTS,
)


def cost(book: PriceBook, job: Job) -> Price:
    return price(book, job, public_holidays_of(book))


@quick
@given(books(), JOBS)
def test_surcharges_are_what_counting_minute_by_minute_gives(book, job):
    job = replace(job, also=(), promised_until_at=None)
    service, is_holiday = book.services["one"], public_holidays_of(book)
    units = max(0, -(-(job.minutes - service.included_minutes) // service.unit_minutes))
    worth = [Fraction(service.base, service.included_minutes or 1)] * service.included_minutes
    worth += [Fraction(service.unit_price, service.unit_minutes)] * (units * service.unit_minutes)
    local = [(job.start_at + timedelta(minutes=n)).astimezone(book.timezone) for n in range(len(worth))]

    def amount(surcharge: Surcharge, falls: list[bool]) -> int:
        value = sum((w for w, inside in zip(worth, falls, strict=True) if inside), Fraction(0))
        often = sum(falls)
        return (
            math.floor(value * surcharge.percent / 100 + Fraction(1, 2))
            + (surcharge.flat if often else 0)
            + surcharge.per_hour * math.ceil(often / 60)
        )

    def within(band: Band, at: datetime) -> bool:
        return (60 * at.hour + at.minute - band.from_min) % DAY_MIN < band.until_min - band.from_min

    expected = {f"band:{one.code}": amount(one.surcharge, [within(one, at) for at in local]) for one in book.bands}
    assert book.holiday is not None
    free = [
        at.weekday() in book.holiday.weekdays or (at.month, at.day) in book.holiday.company or is_holiday(at.date())
        for at in local
    ]
    expected["holiday"] = amount(book.holiday.surcharge, free)
    found = {line.code: line.amount for line in cost(book, job).lines}
    assert {code: found.get(code, 0) for code in expected} == expected
    assert (found["base"], found.get("extra_time", 0)) == (service.base, units * service.unit_price)


@quick
@given(books(), JOBS, st.integers(0, 180))
def test_no_price_is_negative_and_more_minutes_are_never_cheaper(book, job, more):
    by_car = replace(job, travels_by="car", promised_until_at=None)
    found = cost(book, job)
    assert found.subtotal == sum(line.amount for line in found.lines)
    assert found.total == found.subtotal + (0 if book.tax.included else found.tax)
    assert found.total >= 0
    assert all(line.amount >= 0 for line in found.lines if line.code != "discount")
    assert cost(book, replace(by_car, minutes=job.minutes + more)).total >= cost(book, by_car).total


@quick
@given(books(), JOBS, st.integers(1, 900))
def test_our_own_delay_is_never_dearer(book, job, late_min):
    in_time = replace(job, promised_until_at=None)
    late = replace(in_time, start_at=job.start_at + timedelta(minutes=late_min))
    found = cost(book, replace(late, promised_until_at=job.start_at))
    assert found.total == min(cost(book, in_time).total, cost(book, late).total)


@quick
@given(
    books(st.fixed_dictionaries({"percent": PERCENTS})), st.integers(0, 500), st.integers(1, 400), st.integers(1, 400)
)
def test_work_cut_at_midnight_costs_the_same_but_for_what_is_owed_once_and_for_rounding(book, day, before, after):
    by_minute = replace(book.services["one"], base=0, included_minutes=0, unit_minutes=1)
    book = replace(book, services={"one": by_minute})
    on = date(2026, 1, 1) + timedelta(days=day)
    midnight = datetime.combine(on, time(), book.timezone).astimezone(UTC)
    whole = Job("one", midnight - timedelta(minutes=before), before + after, "corporate")
    halves = [replace(whole, minutes=before), replace(whole, start_at=midnight, minutes=after)]
    first, second = ({line.code: line.amount for line in cost(book, half).lines} for half in halves)
    for line in cost(book, whole).lines:
        apart = first.pop(line.code, 0) + second.pop(line.code, 0)
        if line.code == "travel":
            assert apart == 2 * line.amount
        else:
            assert abs(apart - line.amount) <= (1 if line.code.startswith(("band", "holiday", "class")) else 0)
    assert all(amount <= 1 for amount in [*first.values(), *second.values()])


@quick
@given(books(), JOBS, st.integers(0, 60_000))
def test_no_invoice_exceeds_what_was_agreed_by_more_than_the_books_share(book, job, accepted):
    found, most = cost(book, job), most_billed(book, accepted)
    billed = as_agreed(book, found, accepted)
    assert billed.total == found.total if found.total <= most else most - 1 <= billed.total <= most
    assert billed.subtotal == sum(line.amount for line in billed.lines)
