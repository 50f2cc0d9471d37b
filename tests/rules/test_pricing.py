"""Is every price right to the yen, and can nobody pay for what is not his doing?"""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.operations.price_book import STANDARD, kept_book, public_holidays_of
from app.rules.agreed import as_agreed, most_billed
from app.rules.book_reading import read_book
from app.rules.cancelling import cancellation_fee
from app.rules.price_book import PriceBook
from app.rules.pricing import CannotPrice, DiscountOverLimit, Job, PartUsed, needs_taxi, price

EXAMPLES = json.loads((Path(__file__).parent.parent / "data/pricing/examples.json").read_text(encoding="utf-8"))
EXAMPLES = EXAMPLES if isinstance(EXAMPLES, list) else EXAMPLES["examples"]
BOOK = kept_book(STANDARD)
IS_HOLIDAY = public_holidays_of(BOOK)


def book(**changes: Any) -> PriceBook:
    return read_book({**copy.deepcopy(dict(STANDARD)), **changes})


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+09:00")


def job(start: str, minutes: int, **changes: Any) -> Job:
    return Job(**{"service": "pc-setup", "start_at": at(start), "minutes": minutes, "distance_km": 4, **changes})


def amounts(found: Any) -> dict[str, int]:
    return {line.code: line.amount for line in found.lines}


def job_of(example: dict[str, Any]) -> Job:
    wish = dict(example)
    wish["start_at"] = datetime.fromisoformat(wish.pop("start"))
    if "promised_until" in wish:
        wish["promised_until_at"] = datetime.fromisoformat(wish.pop("promised_until"))
    return Job(**{**wish, "discount_percent": Fraction(wish.get("discount_percent", 0))})


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: one["name"])
def test_every_worked_example_is_priced_to_the_yen(example):
    expected = example["expect"]
    if "error" in expected:
        with pytest.raises(DiscountOverLimit):
            price(BOOK, job_of(example["given"]), IS_HOLIDAY)
        return
    found = price(BOOK, job_of(example["given"]), IS_HOLIDAY)
    assert [[line.code, line.amount] for line in found.lines] == expected["lines"]
    assert (found.subtotal, found.tax, found.total) == (expected["subtotal"], expected["tax"], expected["total"])


def test_a_minute_belongs_to_the_band_that_its_start_falls_in():
    # The base covers 17:01–18:01: one minute of it begins at 18:00.
    assert amounts(price(BOOK, job("2026-11-24T17:01", 60), IS_HOLIDAY))["band:evening"] == 25
    assert "band:evening" not in amounts(price(BOOK, job("2026-11-24T17:00", 60), IS_HOLIDAY))
    # Half a minute later nothing changes but where the minutes begin: 59 of them before 18:00, one after.
    half = job("2026-11-24T17:00:30", 60)
    assert amounts(price(BOOK, half, IS_HOLIDAY)) == {"base": 6000, "travel": 1000}


def test_the_whole_base_is_on_the_clock_however_short_the_work_was():
    assert amounts(price(BOOK, job("2026-11-24T17:30", 10), IS_HOLIDAY))["band:evening"] == 750


def test_the_night_is_one_line_over_midnight_and_the_holiday_begins_at_midnight():
    found = price(BOOK, job("2026-11-28T23:30", 60), IS_HOLIDAY)
    assert amounts(found) == {"base": 6000, "band:night": 3000, "holiday": 600, "travel": 1000}
    night, holiday = found.lines[1].facts["stretches"], found.lines[2].facts["stretches"]
    assert [(one.on, one.from_min, one.until_min) for one in night] == [(date(2026, 11, 28), 1410, 30)]
    assert [(one.on, one.from_min, one.until_min) for one in holiday] == [(date(2026, 11, 29), 0, 30)]


def test_a_substitute_holiday_is_a_holiday():
    # 2027-03-21, the equinox, is a Sunday: Monday the 22nd stands in for it.
    assert amounts(price(BOOK, job("2027-03-22T10:00", 60), IS_HOLIDAY))["holiday"] == 1200


def test_a_band_that_applies_twice_is_one_line_with_two_stretches():
    # Ten hours from 20:00: evening, night, early; with the evening again there would be a second stretch of it.
    found = price(BOOK, job("2026-11-24T21:00", 22 * 60), IS_HOLIDAY)
    evening = next(line for line in found.lines if line.code == "band:evening")
    assert [(one.from_min, one.until_min) for one in evening.facts["stretches"]] == [(1260, 1320), (1080, 1140)]


@pytest.mark.parametrize(
    ("ends", "taxi"),
    [
        ("23:34", False),
        ("23:35", False),  # at the station at 23:50, as the last train leaves
        ("23:36", True),
        ("00:30", True),
        ("04:44", True),
        ("04:45", False),  # service resumes as one gets there
        ("12:00", False),
    ],
)
def test_a_taxi_is_paid_only_between_the_last_train_and_the_first(ends, taxi):
    assert BOOK.return_taxi is not None
    assert needs_taxi(BOOK.return_taxi, at(f"2026-11-25T{ends}")) is taxi


def test_a_last_train_after_midnight_is_written_on_the_long_clock():
    late = book(return_taxi={**STANDARD["return_taxi"], "last_train": "24:30"})
    assert late.return_taxi is not None
    found = [needs_taxi(late.return_taxi, at(f"2026-11-25T{ends}")) for ends in ("23:50", "00:15", "00:16", "04:45")]
    assert found == [False, False, True, False]


def test_surcharges_may_be_flat_or_for_each_started_hour():
    own = book(
        bands=[
            {"code": "evening", "from": "18:00", "to": "22:00", "flat": 3000},
            {"code": "night", "from": "22:00", "to": "29:00", "per_hour": 2000},
        ]
    )
    found = amounts(price(own, job("2026-11-24T21:30", 105), IS_HOLIDAY))
    assert (found["band:evening"], found["band:night"]) == (3000, 4000)


def test_without_included_minutes_only_started_units_are_on_the_clock():
    own = book(services={"call": {"base": 2000, "included_minutes": 0, "unit_minutes": 30, "unit_price": 3000}})
    found = amounts(price(own, job("2026-11-24T18:00", 31, service="call"), IS_HOLIDAY))
    assert found == {"base": 2000, "extra_time": 6000, "band:evening": 1500, "travel": 1000}
    assert amounts(price(own, job("2026-11-24T18:00", 0, service="call"), IS_HOLIDAY)) == {"base": 2000, "travel": 1000}


def test_more_minutes_push_no_other_service_out_of_the_night():
    own = {
        "look": {"base": 0, "included_minutes": 0, "unit_minutes": 15, "unit_price": 100},
        "repair": {"base": 9000, "included_minutes": 60, "unit_minutes": 15, "unit_price": 1800},
    }
    work = job("2026-11-25T04:00", 60, service="look", also=("repair",))
    longer = replace(work, minutes=240)
    found = [amounts(price(book(services=own), one, IS_HOLIDAY)) for one in (work, longer)]
    assert [one["band:night"] for one in found] == [4500, 4500]  # the repair from four to five
    assert (found[1]["extra_time"], found[1]["band:early"]) == (1200, 300)


def test_a_discount_is_rounded_like_every_amount_and_stops_at_the_roles_limit():
    work = job("2026-12-31T17:30", 60, service="pc-repair", distance_km=41)
    ten = replace(work, discount_percent=Fraction(10), discount_by="dispatcher")
    assert amounts(price(BOOK, ten, IS_HOLIDAY))["discount"] == -2093  # of 20,925
    everything = replace(work, discount_percent=Fraction(100), discount_by="manager")
    assert price(BOOK, everything, IS_HOLIDAY).total == 0
    with pytest.raises(DiscountOverLimit):
        price(BOOK, replace(ten, discount_percent=Fraction("10.01")), IS_HOLIDAY)


def test_what_the_book_does_not_know_is_named():
    for wrong, field in (
        ({"service": "x"}, "service"),
        ({"customer_class": "x"}, "customer_class"),
        ({"parts": (PartUsed("x"),)}, "parts[0].code"),
        ({"discount_percent": Fraction(1), "discount_by": "x"}, "discount_by"),
    ):
        with pytest.raises(CannotPrice) as refusal:
            price(BOOK, job("2026-11-24T10:00", 60, **wrong), IS_HOLIDAY)
        assert refusal.value.field == field
    near = book(travel=[{"up_to_km": 10, "price": 1000}])
    with pytest.raises(CannotPrice, match="distance_km"):
        price(near, job("2026-11-24T10:00", 60, distance_km=10.5), IS_HOLIDAY)


def test_a_sum_that_cannot_be_kept_is_refused_with_what_makes_it_so_high():
    labour = {**STANDARD["services"]["pc-setup"], "unit_price": 9 * 10**7}
    dear = book(services={"pc-setup": labour}, parts={"server": {"price": 10**9}})
    assert price(dear, job("2026-11-24T10:00", 360), IS_HOLIDAY).total == 1_980_007_700
    for work, field in (
        (job("2026-11-24T10:00", 480, parts=(PartUsed("server"),)), "minutes"),
        (job("2026-11-24T10:00", 60, parts=(PartUsed("server", 2),)), "parts"),
    ):
        with pytest.raises(CannotPrice, match="too_dear") as refusal:
            price(dear, work, IS_HOLIDAY)
        assert refusal.value.field == field


def test_tax_is_rounded_once_for_each_rate():
    own = book(
        parts={
            "water": {"price": 99, "tax_rate": "0.08"},
            "cable": {"price": 105},
        }
    )
    found = price(own, job("2026-11-24T10:00", 60, parts=(PartUsed("water"), PartUsed("cable", 3))), IS_HOLIDAY)
    assert amounts(found)["part:cable"] == 315
    assert [(one.rate, one.base, one.amount) for one in found.taxes] == [
        (Fraction(1, 10), 7315, 731),
        (Fraction(8, 100), 99, 7),
    ]
    assert found.total == 7414 + 738


EURO: dict[str, Any] = {
    "code": "berlin-2026",
    "valid_from": "2026-01-01",
    "currency": "EUR",
    "timezone": "Europe/Berlin",
    "tax": {"rate": "0.19", "rounding": "half_up", "included": True},
    "services": {"repair": {"base": 8990, "included_minutes": 60, "unit_minutes": 20, "unit_price": 2450}},
    "travel": [{"up_to_km": 15, "price": 1990}, {"up_to_km": None, "price": 3990}],
    "bands": [{"code": "night", "from": "22:00", "to": "06:00", "percent": "37.5"}],
    "holiday": {"percent": 50, "weekdays": ["sunday"], "public_holidays": "DE", "company_holidays": ["12-24"]},
    "customer_classes": {"individual": 0, "corporate": 12.5},
    "cancellation": [{"at_least_hours_before": 0, "percent": 50}, {"no_access": True, "percent": 100}],
    "discount_limits": {"dispatcher": 5},
    "overrun_without_new_consent_percent": 10,
    "parts": {"book": {"price": 2999, "tax_rate": "0.07"}},
}


def test_a_book_in_euros_with_tax_included_is_exact_to_the_cent():
    own = read_book(EURO)
    assert own.exponent == 2
    # Friday, 3 December 2027, 21:40 in Berlin: 20 minutes of the evening, 40 of the base and 20 more at night.
    work = Job("repair", datetime(2027, 12, 3, 20, 40, tzinfo=UTC), 75, "corporate", 15.0, parts=(PartUsed("book"),))
    found = price(own, work, public_holidays_of(own))
    assert amounts(found) == {
        "base": 8990,
        "extra_time": 2450,
        "class": 1430,
        "band:night": 3166,  # (8990 × 40/60 + 2450) × 37.5 % = 3166.25
        "travel": 1990,
        "part:book": 2999,
    }
    assert found.total == found.subtotal == 21025
    # 19 % in 180.26 and 7 % in 29.99.
    assert [one.amount for one in found.taxes] == [2878, 196]


def test_where_clocks_are_changed_minutes_are_counted_as_they_pass():
    own = read_book(
        {**EURO, "bands": [{"code": "two", "from": "02:00", "to": "03:00", "flat": 100, "name": {"en": "two"}}]}
    )
    # 29 March 2026: 02:00–03:00 does not exist. 25 October: it comes twice.
    gone = price(own, Job("repair", datetime(2026, 3, 29, 0, 30, tzinfo=UTC), 60), lambda on: False)
    assert "band:two" not in amounts(gone)
    per_hour = read_book({**EURO, "bands": [{"code": "two", "from": "02:00", "to": "03:00", "per_hour": 100}]})
    twice = price(per_hour, Job("repair", datetime(2026, 10, 24, 23, 30, tzinfo=UTC), 180), lambda on: False)
    assert amounts(twice)["band:two"] == 200


STARTS = st.integers(0, 51 * 24 * 60).map(lambda n: datetime(2026, 11, 20, tzinfo=UTC) + timedelta(minutes=n))
JOBS = st.builds(
    Job,
    service=st.sampled_from(sorted(BOOK.services)),
    start_at=STARTS,
    minutes=st.integers(0, 600),
    customer_class=st.sampled_from(["individual", "corporate"]),
    distance_km=st.floats(0, 100),
    travels_by=st.sampled_from(["car", "public_transport"]),
    taxi=st.integers(0, 30_000),
    discount_percent=st.integers(0, 100).map(Fraction),
    discount_by=st.just("manager"),
    promised_until_at=st.none() | STARTS,
)


@settings(max_examples=150, deadline=None)
@given(JOBS, st.integers(0, 180))
def test_no_price_is_negative_and_more_minutes_are_never_cheaper(work, more):
    found = price(BOOK, work, IS_HOLIDAY)
    assert found.subtotal == sum(line.amount for line in found.lines)
    assert 0 <= found.subtotal <= found.total == found.subtotal + found.tax
    # A longer night may end after the first train, and saves the taxi: the only thing that more work makes cheaper.
    by_car = replace(work, travels_by="car")
    longer = replace(by_car, minutes=work.minutes + more)
    assert price(BOOK, longer, IS_HOLIDAY).total >= price(BOOK, by_car, IS_HOLIDAY).total


@settings(max_examples=100, deadline=None)
@given(JOBS, st.integers(1, 900))
def test_our_own_delay_is_never_dearer(work, late_min):
    in_time = replace(work, promised_until_at=None)
    late = replace(work, start_at=work.start_at + timedelta(minutes=late_min), promised_until_at=work.start_at)
    found = price(BOOK, late, IS_HOLIDAY)
    assert found.total <= price(BOOK, in_time, IS_HOLIDAY).total
    assert found.total <= price(BOOK, replace(late, promised_until_at=None), IS_HOLIDAY).total


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 39), st.integers(1, 179), st.integers(1, 179))
def test_work_cut_at_midnight_costs_the_same_on_both_days_together(day, before, after):
    own = book(services={"by-minute": {"base": 0, "included_minutes": 0, "unit_minutes": 1, "unit_price": 200}})
    midnight = at("2026-11-25T00:00") + timedelta(days=day)
    whole = Job("by-minute", midnight - timedelta(minutes=before), before + after)
    first, second = replace(whole, minutes=before), replace(whole, start_at=midnight, minutes=after)
    parts = [amounts(price(own, one, IS_HOLIDAY)) for one in (first, second)]
    for code, amount in amounts(price(own, whole, IS_HOLIDAY)).items():
        assert amount == sum(part.get(code, 0) for part in parts) or code == "travel"


@settings(max_examples=100, deadline=None)
@given(JOBS, st.integers(0, 60_000))
def test_no_invoice_exceeds_what_was_agreed_by_more_than_the_books_share(work, accepted):
    found = price(BOOK, work, IS_HOLIDAY)
    billed = as_agreed(BOOK, found, accepted)
    most = most_billed(BOOK, accepted)
    assert billed.total == found.total if found.total <= most else most - 1 <= billed.total <= most


def fee(cancelled: str, **changes: Any) -> tuple[str, int]:
    wish: dict[str, Any] = {
        "service": "pc-repair",
        "distance_km": 12,
        "cancelled_at": at(cancelled),
        "promised_from_at": at("2026-11-24T17:00"),
        "promised_until_at": at("2026-11-24T18:00"),
    }
    found = cancellation_fee(BOOK, **{**wish, **changes})
    return found.why, found.price.total


def test_the_fee_for_cancelling_follows_the_steps_by_whole_hours():
    assert fee("2026-11-22T17:00") == ("hours", 0)
    assert fee("2026-11-22T17:01") == ("hours", 3795)  # 30 % of 11,500 = 3,450, and tax
    assert fee("2026-11-23T17:00") == ("hours", 3795)
    assert fee("2026-11-23T17:00:01") == ("hours", 6325)
    assert fee("2026-11-24T17:00") == ("hours", 6325)
    assert fee("2026-11-24T18:30") == ("hours", 6325)


def test_nobody_pays_for_cancelling_when_we_are_more_than_half_an_hour_late():
    assert fee("2026-11-24T18:30:01") == ("our_delay", 0)
    assert fee("2026-11-24T19:30", no_access=True, arrived_at=at("2026-11-24T18:20")) == ("no_access", 12650)
    assert fee("2026-11-24T19:30", no_access=True, arrived_at=at("2026-11-24T18:40")) == ("our_delay", 0)
