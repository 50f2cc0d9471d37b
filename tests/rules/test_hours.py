"""How is a day drawn as hours?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from app.rules.duty import Away
from app.rules.hours import Stop, axis, legs, levels, shades

MIDNIGHT = datetime(2026, 11, 24, tzinfo=UTC)
DAY = (MIDNIGHT, MIDNIGHT + timedelta(days=1))


def at(hours: float) -> datetime:
    return MIDNIGHT + timedelta(hours=hours)


def test_a_day_is_drawn_in_whole_hours_around_what_is_in_it():
    assert axis(DAY, []) == (at(8), at(18))
    assert axis(DAY, [(at(6.5), at(7)), (at(17), at(18.5))]) == (at(6), at(20))
    assert axis(DAY, [(at(-3), at(1)), (at(23), at(29.5))]) == (at(0), at(30))
    assert axis(DAY, [(at(26), at(27))]) == (at(8), at(18))
    assert axis(DAY, [], "early") == (at(0), at(18))
    assert axis(DAY, [], "late") == (at(8), at(24))
    assert axis(DAY, [(at(20), at(25))], "all") == (at(0), at(26))


def test_what_is_not_free_is_shaded_with_its_reason():
    shifts = ((at(9), at(12)), (at(13), at(17)))
    away = [Away(at(15), at(26), "absent", "dentist")]
    found = shades((at(8), at(18)), shifts, away, [(at(10), at(11)), (at(20), at(21))])
    assert [(one.why, one.from_at.hour, one.until_at.hour) for one in found] == [
        ("off", 8, 9),
        ("break", 12, 13),
        ("off", 17, 18),
        ("absent", 15, 18),
        ("held", 10, 11),
    ]
    assert shades((at(8), at(18)), None, (), ()) == []
    assert [one.why for one in shades((at(8), at(18)), (), (), ())] == ["off"]


def test_the_way_is_as_long_as_it_usually_takes_and_tight_when_there_is_no_time_for_it():
    base, there, far = (34.70, 135.50), (34.70, 135.55), (34.70, 135.70)
    stops = [Stop(1, at(9), at(10), *there), Stop(2, at(10.25), at(11), *far), Stop(3, at(14), at(15))]
    found = legs(stops, base, "car", UTC)
    assert sorted(found) == [1, 2]
    assert not found[1].tight
    assert timedelta(minutes=10) < found[1].until_at - found[1].from_at < timedelta(minutes=25)
    assert (found[2].tight, found[2].from_at) == (True, at(10))


def test_a_way_that_was_begun_is_drawn_as_it_was():
    stop = Stop(1, at(9), at(10), 34.7, 135.5, en_route_at=at(8.5), arrives_at=at(9.4))
    leg = legs([stop], None, "car", UTC)[1]
    assert (leg.from_at, leg.until_at) == (at(8.5), at(9.4))


def test_bars_that_overlap_stand_above_each_other_and_levels_are_used_again():
    spans = [(at(9), at(12)), (at(9), at(10)), (at(10), at(11)), (at(11.5), at(13)), (at(12), at(13))]
    assert levels(spans) == [0, 1, 1, 1, 0]
