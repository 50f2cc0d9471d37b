"""Is a price book the same after it was shown field by field and typed again, and does each fault find its field?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.rules.book_form import book_of, rows_typed, tidy, typed_of
from app.rules.book_reading import Unsound, read_book
from tests.rules.test_pricing import EURO

STANDARD = json.loads((Path(__file__).parents[2] / "app" / "price_book.json").read_text(encoding="utf-8"))
FULL = {
    **STANDARD,
    "parts": {"tea": {"price": 150, "tax_rate": "0.08", "name": {"ja": "お茶"}}, "cable.5": {"price": 800}},
    "bands": [
        {"code": "late", "from": "25:30", "to": "29:00", "per_hour": 1200, "name": {"en": "late"}},
        {"code": "noon", "from": "12:00", "to": "13:00", "flat": 500},
        {"code": "eve", "from": "18:00", "to": "22:00", "percent": 12.5},
    ],
}


def wrong(typed) -> dict[str, str]:
    book = book_of(tidy(typed))
    try:
        read_book(book.data, {"JP"})
    except Unsound as unsound:
        return dict(book.faults) | {book.place(one.field, one.code): one.code for one in unsound.faults}
    return dict(book.faults)


@pytest.mark.parametrize("data", [STANDARD, FULL, EURO], ids=["standard", "full", "euro"])
def test_a_book_that_is_shown_and_typed_again_is_the_same_book(data):
    assert read_book(book_of(tidy(typed_of(data))).data) == read_book(data)


def test_amounts_and_shares_are_typed_as_people_say_them():
    euro = typed_of({**EURO, "services": {"help": {"base": 6050}}})
    assert (euro["services[0].base"], typed_of(FULL)["parts[0].tax_rate"]) == ("60.50", "8")
    typed = {"currency": "EUR", "services[0].code": "help", "services[0].base": "1,060.5", "tax.rate": "5.5%"}
    assert book_of(typed).data["services"]["help"]["base"] == 106_050
    assert book_of(typed).data["tax"]["rate"] == "0.055"
    assert (
        book_of({"currency": "JPY", "parts[0].code": "x", "parts[0].price": "10.5"}).data["parts"]["x"]["price"]
        == "10.5"
    )


def test_rows_may_be_typed_last_and_full_width_and_stand_where_they_belong():
    typed = typed_of(STANDARD)
    typed |= {"travel[9].up_to_km": "３０", "travel[9].price": "４０００"}
    typed |= {"cancellation[7].at_least_hours_before": "72", "cancellation[7].percent": "0"}
    typed["cancellation[0].percent"] = "10"
    typed["holiday.company_holidays"] = "12/31、1/1 01-02"
    data = book_of(tidy(typed)).data
    assert [one["up_to_km"] for one in data["travel"]] == [10, 20, 30, 40, None]
    assert [one.get("at_least_hours_before") for one in data["cancellation"]] == [72, 48, 24, 0, None]
    assert data["holiday"]["company_holidays"] == ["12-31", "1-1", "01-02"]
    assert wrong(typed) == {"holiday.company_holidays": "month_day"}


def test_every_fault_stands_at_the_field_it_is_about():
    typed = typed_of(FULL)
    typed |= {
        "tax.rate": "many",
        "services[1].base": "",
        "services[2].code": "A B",
        "services[3].code": "pc-setup",
        "bands[1].surcharge": "x",
        "bands[2].from": "12:30",
        "bands[2].to": "99",
        "parts[1].price": "-1",
        "customer_classes[1].percent": "?",
        "discount_limits[0].code": "Ä",
        "travel[0].price": "",
        "return_taxi.cap": "",
        "no_access.percent": "101",
        "holiday.public_holidays": "ZZ",
    }
    assert wrong(typed) == {
        "tax.rate": "number",
        "services[1].base": "missing",
        "services[2].code": "code",
        "services[3].code": "repeated",
        "bands[1].surcharge": "whole",
        "bands[2].from": "overlaps_band",
        "bands[2].to": "clock",
        "parts[1].price": "range",
        "customer_classes[1].percent": "number",
        "discount_limits[0].code": "code",
        "travel[0].price": "missing",
        "return_taxi.cap": "missing",
        "no_access.percent": "range",
        "holiday.public_holidays": "country",
    }


def test_what_is_left_empty_is_not_in_the_book():
    typed = typed_of(STANDARD)
    for name in list(typed):
        if name.startswith(("holiday.", "return_taxi.")):
            typed[name] = ""
    typed["holiday.kind"] = "percent"
    book = read_book(book_of(tidy(typed)).data)
    assert (book.holiday, book.return_taxi) == (None, None)
    assert {"code": "missing", "services": "missing", "travel": "missing", "tax": "type"}.items() <= wrong({}).items()


def test_a_row_is_taken_away_and_the_others_close_up():
    typed = tidy(typed_of(STANDARD), without="bands[1]")
    assert [typed[f"bands[{n}].code"] for n in range(rows_typed(typed, "bands"))] == ["early", "night"]
    assert rows_typed(typed, "services") == 4


def test_data_that_are_no_book_are_shown_as_far_as_they_can_be():
    for data in ({}, {"services": 3, "bands": [4, None], "tax": "x", "holiday": [], "cancellation": {"a": 1}}):
        assert isinstance(tidy(typed_of(data)), dict)


def test_a_row_of_a_number_beyond_all_rows_is_no_row():
    assert rows_typed(tidy({f"travel[{'9' * 5000}].price": "1"}), "travel") == 0
