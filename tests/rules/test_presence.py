"""Are forgotten taps made up for, and taps for the wrong visit seen through?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from app.rules.position import Fix
from app.rules.presence import Stop, corrected, in_order, left_at

NOON = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
LAT, LON = 34.7, 135.5


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def stop(visit: str, north_m: float, promised: float = 60, **known: datetime) -> Stop:
    return Stop(visit, LAT + north_m / 111_195, LON, at(promised), at(promised), 60, **known)


def stay(begin: int, end: int, north_m: float) -> list[Fix]:
    return [Fix(at(minute), LAT + north_m / 111_195, LON) for minute in range(begin, end)]


def drive(begin: int, end: int, from_m: float, to_m: float) -> list[Fix]:
    step = (to_m - from_m) / (end - begin)
    return [Fix(at(m), LAT + (from_m + step * (m - begin)) / 111_195, LON) for m in range(begin, end)]


def test_leaving_the_last_site_without_a_tap_completes_it() -> None:
    here = stop("a", 0, arrived_at=at(-60))
    fixes = [*stay(-60, 0, 0), *drive(0, 5, 0, 3000)]
    known, found, _ = corrected([here, stop("b", 8000)], fixes, at(5))
    assert known[0].completed_at == fixes[60].fixed_at
    assert [(one.visit, one.kind, one.why) for one in found] == [("a", "completed", "left_site")]


def test_staying_at_the_next_site_without_a_tap_is_an_arrival() -> None:
    fixes = [*drive(0, 10, 0, 8000), *stay(10, 18, 8000)]
    known, found, _ = corrected([stop("a", 0, completed_at=at(-5), arrived_at=at(-60)), stop("b", 8000)], fixes, at(18))
    assert [(one.visit, one.kind) for one in found] == [("b", "arrived")]
    assert known[1].arrived_at is not None
    assert at(9) <= known[1].arrived_at <= at(11)


def test_being_at_the_next_site_completes_the_one_before() -> None:
    fixes = stay(10, 18, 8000)
    _, found, _ = corrected([stop("a", 0, arrived_at=at(-60)), stop("b", 8000)], fixes, at(18))
    assert {(one.visit, one.kind) for one in found} == {("b", "arrived"), ("a", "completed")}


def test_two_visits_in_one_building_are_not_mixed_up() -> None:
    fixes = stay(-20, 20, 0)
    known, found, _ = corrected([stop("a", 0, arrived_at=at(-20)), stop("b", 60)], fixes, at(20))
    assert found == []
    assert known[1].is_open


def test_standing_near_a_site_hours_before_its_visit_is_no_arrival() -> None:
    _, found, _ = corrected([stop("a", 0, promised=300)], stay(0, 20, 0), at(20))
    assert found == []


def test_an_arrival_tapped_at_another_stop_is_withdrawn() -> None:
    fixes = stay(0, 20, 0)
    stops = [stop("a", 0), stop("b", 8000, arrived_at=at(10))]
    known, found, withdrawn = corrected(stops, fixes, at(20))
    assert [(one.visit, one.why) for one in withdrawn] == [("b", "tapped_at_another_stop")]
    assert [(one.visit, one.kind) for one in found] == [("a", "arrived")]
    assert known[1].is_open


def test_an_arrival_tapped_where_no_stop_is_stands_for_the_map_may_be_wrong() -> None:
    stops = [stop("a", 0), stop("b", 8000, arrived_at=at(10))]
    _, _, withdrawn = corrected(stops, stay(0, 20, 5000), at(20))
    assert withdrawn == []


def test_passing_by_to_look_for_a_place_to_park_is_no_visit() -> None:
    here = stop("a", 0, arrived_at=at(0))
    fixes = [*stay(0, 4, 0), *drive(4, 8, 100, 900)]
    known, found, withdrawn = corrected([here], fixes, at(8))
    assert (known[0].is_open, found) == (True, [])
    assert withdrawn[0].why == "left_at_once"


def test_one_position_alone_takes_no_arrival_back() -> None:
    here = stop("a", 0, arrived_at=at(0))
    fixes = [*stay(0, 4, 0), *stay(9, 10, 550)[:1]]
    known, found, withdrawn = corrected([here], fixes, at(9))
    assert (known[0].is_at_work, found, withdrawn) == (True, [], [])


def test_who_is_still_there_has_not_left() -> None:
    assert left_at(stop("a", 0, arrived_at=at(0)), stay(0, 20, 90)) is None


def test_a_tap_for_a_later_visit_does_not_change_the_order_by_itself() -> None:
    near, far = stop("near", 2000), stop("far", -9000, en_route_at=at(0))
    assert in_order([near, far], drive(0, 5, 0, 1000)) == [near, far]


def test_a_tap_for_a_later_visit_and_heading_there_does() -> None:
    near, far = stop("near", 2000), stop("far", -9000, en_route_at=at(0))
    assert in_order([near, far], drive(0, 8, 0, -4000)) == [far, near]


def test_a_completed_visit_is_left_alone() -> None:
    done = stop("a", 0, arrived_at=at(-90), completed_at=at(-30))
    known, found, withdrawn = corrected([done], stay(-30, 0, 5000), at(0))
    assert (known, found, withdrawn) == ([done], [], [])
