"""Does the picture of a visit answer when we knew, when we said it and what happened, to the eye and in words?"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest

from app.explain.pictures import MOST_ROWS, forecast_picture
from app.rules.lateness import Told

TOKYO, BERLIN = ZoneInfo("Asia/Tokyo"), ZoneInfo("Europe/Berlin")


@dataclass(frozen=True)
class Point:
    at: datetime
    from_at: datetime
    median_at: datetime
    until_at: datetime
    late_probability: float
    basis: str = "observed_pace"
    state: str = "travelling"


def at(clock: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-24T{clock}:00+09:00")


def point(made: str, median: str, late: float, state: str = "travelling") -> Point:
    middle, spread = at(median), timedelta(minutes=12)
    return Point(at(made), middle - spread, middle, middle + spread, late, state=state)


FIVE = (at("17:00"), at("17:00"))
STORY = [
    point("15:30", "16:40", 0.05),
    point("16:36", "16:58", 0.4, "standing"),
    point("16:41", "17:20", 0.7, "creeping"),
]
TOLD = [Told("late", at("16:45"), at("17:15"), at("17:40"))]


def drawn(*asked, **named):
    """Return a figure as a tree, which proves that it is well-formed."""
    return ElementTree.fromstring(str(forecast_picture(*asked, **named)))


def words(tree, path):
    return ["".join(found.itertext()).strip() for found in tree.iterfind(path)]


def test_the_three_answers_stand_above_the_picture():
    tree = drawn(STORY, FIVE, TOLD, at("17:31"), TOKYO, "en")
    assert words(tree, "dl/div/dd") == [
        "16:41 (19 min before the promise)",
        "16:45 (15 min before the promise, Late)",
        "17:31 (31 min late)",
    ]


def test_who_was_in_time_was_in_time_and_nothing_said_is_said_to_be_nothing():
    tree = drawn(STORY[:1], FIVE, [], at("17:04"), TOKYO, "ja")
    assert words(tree, "dl/div/dd") == [
        "遅れは見込んでいませんでした", "お知らせはしていません", "17:04(お約束どおり)",
    ]  # fmt: skip


def test_a_visit_that_was_never_forecast_has_an_answer_and_no_picture():
    tree = drawn([], FIVE, [], None, TOKYO, "en")
    assert tree.find("svg") is None
    assert words(tree, "p") == ["There has been no forecast for this visit yet."]


def test_everything_drawn_is_also_said_in_words():
    tree = drawn(STORY, FIVE, TOLD, at("17:31"), TOKYO, "en")
    assert words(tree, "ol/li") == ["116:45 Late 17:15–17:40"]
    assert words(tree, ".//tbody/tr")[-1] == "16:4117:2017:08–17:3270 %observed pace · creeping"
    assert tree.find("svg/title").text
    assert tree.find("svg/desc").text


def test_a_quoted_window_is_drawn_from_the_moment_it_was_said_until_the_next():
    told = [*TOLD, Told("late_update", at("17:10"), at("17:30"), at("17:50"))]
    boxes = drawn(STORY, FIVE, told, at("17:31"), TOKYO, "en").findall("svg/svg/rect[@class='quoted']")
    (left, width), (following, _) = [(float(box.get("x")), float(box.get("width"))) for box in boxes]
    assert left + width == pytest.approx(following, abs=0.2)


def test_nothing_runs_or_styles_itself():
    figure = str(forecast_picture(STORY, FIVE, TOLD, None, TOKYO, "ja", now=at("16:50")))
    assert not re.search(r"<script|style=|\son\w+=|href=", figure)


def test_three_hundred_forecasts_stay_small_and_readable():
    many = [
        Point(
            at("09:00") + timedelta(minutes=n), *(at("16:50") + timedelta(minutes=n % 7 + k) for k in (0, 9, 20)), 0.3
        )
        for n in range(300)
    ]
    figure = forecast_picture(many, FIVE, [], at("16:55"), TOKYO, "ja")
    assert len(figure) < 40_000
    assert len(ElementTree.fromstring(str(figure)).findall(".//tbody/tr")) == MOST_ROWS


def test_hours_are_those_of_the_zone_also_when_the_clock_is_turned_back():
    begins = datetime.fromisoformat("2026-10-25T00:10:00+00:00")  # 02:10 in Berlin, for the first time
    held = [
        Point(begins, *(begins + timedelta(minutes=m) for m in (90, 100, 120)), 0.1),
        Point(begins + timedelta(minutes=70), *(begins + timedelta(minutes=m) for m in (95, 105, 115)), 0.1),
    ]
    promise = (begins + timedelta(minutes=100), begins + timedelta(minutes=100))
    tree = drawn(held, promise, [], begins + timedelta(minutes=104), BERLIN, "en")
    ticks = words(tree, "svg/text[@class='tick']")
    assert ticks.count("02:30") == 2
    assert "03:00" in ticks
