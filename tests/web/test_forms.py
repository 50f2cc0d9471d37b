"""Does text become typed values without guessing, and is what was typed kept?"""

from __future__ import annotations

from datetime import date, time
from zoneinfo import ZoneInfo

import pytest

from app.web.forms import Form

TOKYO, BERLIN = ZoneInfo("Asia/Tokyo"), ZoneInfo("Europe/Berlin")


def test_a_time_that_the_clocks_skip_or_show_twice_is_a_problem_and_not_a_guess():
    for on, code in ((date(2026, 3, 29), "no_such_time"), (date(2026, 10, 25), "ambiguous_time")):
        form = Form({"promised_from": "02:30"})
        assert form.instant("promised_from", on, BERLIN) is None
        assert form.problems["promised_from"].code == code


@pytest.mark.parametrize("typed", ["", " ", "x", "-1", "1.5", "0", "1441", "９９９９", "1e2", "²"])
def test_a_number_outside_its_limits_names_the_field(typed):
    form = Form({"minutes": typed})
    assert form.whole("minutes", least=1, most=1440) is None
    assert "minutes" in form.problems


def test_digits_of_full_width_are_digits():
    assert Form({"minutes": "６０"}).whole("minutes", least=1, most=1440) == 60


@pytest.mark.parametrize(
    ("lat", "lon", "wrong"),
    [
        ("91", "0", "lat"),
        ("x", "0", "lat"),
        ("nan", "0", "lat"),
        ("0", "inf", "lat"),
        ("1", "", "lon"),
        ("", "1", "lat"),
    ],
)
def test_a_position_that_is_none_names_the_field(lat, lon, wrong):
    form = Form({"lat": lat, "lon": lon})
    assert form.position() is None
    assert list(form.problems) == [wrong]


def test_an_empty_position_is_no_position_and_no_problem():
    form = Form({"lat": " ", "lon": ""})
    assert (form.position(), form.problems) == (None, {})


@pytest.mark.parametrize("typed", ["25:00", "9", "noon", "17:00+09:00", "17:00:30", "1７:00x"])
def test_a_time_that_is_none_names_the_field(typed):
    form = Form({"at": typed})
    assert form.clock("at") is None
    assert "at" in form.problems


def test_a_time_of_one_digit_is_a_time():
    assert Form({"at": "9:05"}).clock("at") == time(9, 5)
    assert Form({"at": "１７：００"}).clock("at") == time(17, 0)


def test_what_was_typed_is_shown_again_and_first_values_only_before():
    assert Form({"name": " 山田 "}, begins={"name": "x"}).value("name") == " 山田 "
    assert Form(begins={"name": "x"}).value("name") == "x"
    assert Form({}, begins={"name": "x"}).value("name") == ""
