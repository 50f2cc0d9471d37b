"""Is a delay said to be knowable from the first moment that showed it, and not before?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from app.rules.daylog import Line
from app.rules.knowable import Knowable, arrivals_heard, knowable_since
from app.rules.position import Fix
from tests.rules.test_forecast import at, stop, way


def since(fixes: list[Fix], promised: float, arrived: float) -> Knowable | None:
    return knowable_since(stop("a", 0, promised), fixes, at(arrived), UTC)


def test_a_way_too_long_for_the_time_left_shows_when_even_a_fast_drive_is_too_slow() -> None:
    known = since(way(0, 40, -14_000, 0), 12, 40)
    assert known is not None
    assert (known.why, known.at <= at(8)) == ("too_far", True)


def test_a_jam_at_the_door_shows_in_its_pace() -> None:
    fixes = [*way(0, 15, -6000, -300), *way(15, 70, -300, 0)]
    known = since(fixes, 45, 70)
    assert known is not None
    assert known.why == "creeps"
    assert at(19) < known.at < at(35)


def test_who_stands_shows_it_after_ten_minutes_and_when_the_time_gets_short() -> None:
    known = since([*way(0, 10, -8000, -4000), *way(10, 45, -4000, -4000), *way(45, 60, -4000, 0)], 40, 60)
    assert known is not None
    assert known.why in ("stands", "too_far")
    assert at(20) <= known.at < at(40)


def test_a_dead_phone_shows_when_the_arrival_is_overdue() -> None:
    known = since(way(0, 10, -8000, -4000), 40, 70)
    assert known is not None
    assert known.why == "silent"
    assert at(20) <= known.at <= at(35)


def test_without_any_sign_a_person_could_have_asked() -> None:
    assert since([], 40, 70) == Knowable(at(30), "unheard", None, 15.0)


def test_a_delay_of_the_last_metres_shows_in_nothing_before() -> None:
    assert since([*way(0, 20, -8000, -150), *way(20, 27, -150, -150)], 21, 27) is None


def test_only_what_had_come_in_by_then_counts() -> None:
    fixes = [*way(0, 15, -6000, -300), *way(15, 70, -300, 0)]
    known = since(fixes, 45, 70)
    assert known is not None
    cut = [fix for fix in fixes if fix.fixed_at <= known.at + timedelta(minutes=4)]
    assert since(cut, 45, 70) == known


def test_a_red_light_is_no_sign() -> None:
    fixes = [*way(0, 8, -6000, -2500), *way(8, 10, -2500, -2500), *way(10, 16, -2500, 0)]
    assert since(fixes, 17, 23) is None


def heard(*lines: tuple[float, str, dict[str, object]]) -> datetime | None:
    visit = {"visit": "a", "technician": "t", "lat": 34.0, "lon": 135.0}
    other = {"visit": "b", "technician": "u", "lat": 34.0, "lon": 135.0}
    told = [(-60.0, "visit", visit), (-60.0, "visit", other), *lines]
    written = [Line(n, at(minute), kind, fields) for n, (minute, kind, fields) in enumerate(told)]
    return arrivals_heard(written, {"a": at(30)}).get("a")


def fix(lat: float, **more: object) -> dict[str, object]:
    return {"technician": "t", "lat": lat, "lon": 135.0, **more}


def test_an_arrival_that_no_tap_and_no_position_shows_cannot_be_known() -> None:
    tap = {"technician": "t", "visit": "a", "status": "en_route"}
    assert heard((10, "status", tap), (20, "fix", fix(34.01)), (25, "fix", fix(34.0)), (40, "fix", fix(34.01))) is None
    assert heard((35, "fix", {**fix(34.0), "technician": "u"})) is None


def test_an_arrival_is_known_when_the_tap_or_the_position_has_come_in_and_not_when_it_was_made() -> None:
    assert heard((33, "status", {"technician": "t", "visit": "a", "status": "arrived", "at": at(30)})) == at(33)
    assert heard((36, "fix", fix(34.0, fixed_at=at(31)))) == at(36)
    assert heard((29, "fix", fix(34.0005)), (31, "fix", fix(34.0))) == at(29)
    assert heard((31, "fix", fix(34.001, accuracy_m=50.0))) == at(31)
    assert heard((31, "fix", fix(34.001))) is None


def test_who_taps_at_the_next_visit_has_been_at_the_one_before() -> None:
    tap = {"technician": "t", "visit": "c", "status": "en_route"}
    assert heard((70, "status", tap)) == at(70)
    assert heard((20, "status", tap)) is None
