"""Is a price book that contradicts itself refused, with the field named?"""

from __future__ import annotations

import copy
from typing import Any

import pytest

from app.operations.price_book import STANDARD
from app.rules.book_reading import Unsound, read_book


def faults(path: str, value: Any) -> list[tuple[str, str]]:
    """Read the standard book with one place changed; return what is wrong."""
    data: Any = copy.deepcopy(dict(STANDARD))
    *steps, last = (int(step) if step.isdecimal() else step for step in path.split("/"))
    place = data
    for step in steps:
        place = place[step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    try:
        read_book(data, {"JP"})
    except Unsound as unsound:
        return [(fault.field, fault.code) for fault in unsound.faults]
    return []


def test_the_standard_book_is_sound():
    assert faults("code", "standard-2026") == []


@pytest.mark.parametrize(
    ("path", "value", "field", "code"),
    [
        ("code", "Standard 2026", "code", "code"),
        ("valid_from", "2026-02-30", "valid_from", "date"),
        ("timezone", "Asia/Nowhere", "timezone", "timezone"),
        ("currency", "yen", "currency", "code"),
        ("tax/rate", "ten", "tax.rate", "number"),
        ("tax/rounding", "up", "tax.rounding", "choice"),
        ("services", {}, "services", "missing"),
        ("services/pc-setup/base", None, "services.pc-setup.base", "missing"),
        ("services/pc-setup/base", 6000.5, "services.pc-setup.base", "whole"),
        ("services/pc-setup/base", True, "services.pc-setup.base", "whole"),
        ("services/pc-setup/base", -1, "services.pc-setup.base", "range"),
        ("services/pc-setup/unit_minutes", 0, "services.pc-setup.unit_minutes", "range"),
        ("services/pc-setup/colour", "red", "services.pc-setup.colour", "extra"),
        ("travel", [], "travel", "missing"),
        ("travel/1/up_to_km", 5, "travel[1].up_to_km", "order"),
        ("travel/1/up_to_km", "far", "travel[1].up_to_km", "number"),
        ("bands/0/from", "5 Uhr", "bands[0].from", "clock"),
        ("bands/0/from", "30:30", "bands[0].from", "clock"),
        ("bands/0/to", "05:00", "bands[0].to", "no_time"),
        ("bands/2/code", "early", "bands[2].code", "repeated"),
        ("bands/1/from", "07:00", "bands[1].from", "overlaps_band"),
        ("bands/1/flat", 500, "bands[1].flat", "one_of"),
        ("bands/1/percent", None, "bands[1].percent", "missing"),
        ("holiday/weekdays", ["funday"], "holiday.weekdays", "choice"),
        ("holiday/public_holidays", "XX", "holiday.public_holidays", "country"),
        ("holiday/company_holidays", ["13-01"], "holiday.company_holidays[0]", "month_day"),
        ("return_taxi/service_resumes", "23:50", "return_taxi.service_resumes", "no_time"),
        ("cancellation/1/at_least_hours_before", 48, "cancellation[1].at_least_hours_before", "order"),
        ("cancellation/0/percent", 101, "cancellation[0].percent", "range"),
        ("cancellation", [{"no_access": True, "percent": 100}], "cancellation", "no_last_step"),
        ("cancellation", [{"at_least_hours_before": 0, "percent": 50}], "cancellation", "no_access_step"),
        ("discount_limits/manager", 101, "discount_limits.manager", "range"),
        ("surprise", 1, "surprise", "extra"),
    ],
)
def test_what_contradicts_itself_is_refused_with_the_field_named(path, value, field, code):
    assert (field, code) in faults(path, value)


def test_a_band_on_the_long_clock_is_the_same_night():
    data = copy.deepcopy(dict(STANDARD))
    data["bands"] = [{"code": "night", "from": "25:30", "to": "29:00", "percent": 50}]
    band = read_book(data).bands[0]
    assert (band.from_min, band.until_min) == (90, 300)


def test_nothing_that_is_no_object_is_a_book():
    for data in (None, [], "x", 3, {}):
        with pytest.raises(Unsound):
            read_book(data)
