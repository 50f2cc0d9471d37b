"""Are two offered when both can be there, and know between them what is needed?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from app.rules.gaps import Planned, Roster
from app.rules.pairs import together
from app.rules.slots import MOST_RISK, Wish, search

TOKYO = ZoneInfo("Asia/Tokyo")
HERE = (34.70, 135.50)
NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)


def at(hour, day=25):
    return datetime(2026, 11, day, tzinfo=TOKYO).astimezone(UTC) + timedelta(hours=hour)


def wish(**changes):
    return Wish(*HERE, **{"duration_min": 60, "from_at": at(0), "until_at": at(24), **changes})


def one(technician, *spans, plan=(), km=1.0):
    shifts = tuple((at(a), at(b)) for a, b in spans or [(9, 18)])
    return Roster(technician, tuple(plan), shifts, (HERE[0] + km / 111, HERE[1]))


def busy(from_hour, until_hour, number=9):
    return Planned(number, at(from_hour), at(until_hour), at(from_hour), *HERE)


def test_two_are_offered_from_when_the_later_of_them_is_free():
    found = together(wish(), [one(1), one(2, plan=[busy(9, 11)])], TOKYO, NOW, 9)
    assert found
    assert {(slot.technician, slot.second_technician) for slot in found} <= {(1, 2), (2, 1)}
    assert min(slot.starts_at for slot in found) >= at(11)
    assert max(slot.ends_at for slot in found) <= at(18)


def test_nothing_is_offered_where_both_are_never_free_at_once():
    assert together(wish(), [one(1, (9, 12)), one(2, (13, 18))], TOKYO, NOW, 9) == []
    assert together(wish(), [one(1)], TOKYO, NOW, 9) == []


def test_between_them_two_know_what_is_needed_and_who_knows_more_goes_first():
    people = [one(1), one(2, km=2), one(3, km=3)]
    knows = {2: frozenset({"gas"}), 3: frozenset({"gas", "lan"})}
    gas = together(wish(), people, TOKYO, NOW, 20, frozenset({"gas"}), knows)
    assert {frozenset((slot.technician, slot.second_technician)) for slot in gas} >= {frozenset((1, 2))}
    assert all(slot.technician in knows for slot in gas)
    both = together(wish(), people, TOKYO, NOW, 20, frozenset({"gas", "lan"}), knows)
    assert {slot.technician for slot in both} == {3}
    assert together(wish(), people, TOKYO, NOW, 20, frozenset({"fax"}), knows) == []


def test_two_are_in_time_as_surely_as_one_would_be():
    far = [one(n, plan=[busy(9, 12, n)], km=20) for n in (1, 2)]
    for slot in together(wish(), far, TOKYO, NOW, 20):
        assert slot.late_probability <= MOST_RISK + 1e-9
        assert slot.next_late_probability <= MOST_RISK + 1e-9


def test_the_added_way_is_that_of_both():
    pair = together(wish(), [one(1, km=4), one(2, km=8)], TOKYO, NOW, 1)[0]
    alone = [search(wish(), [person], TOKYO, NOW, 1)[0].added_travel_min for person in (one(1, km=4), one(2, km=8))]
    assert abs(pair.added_travel_min - sum(alone)) < 0.5
    assert pair.technician == 1


def test_one_who_works_at_night_goes_along_with_who_begins_in_the_morning():
    from app.rules.pairs import Pairs

    night, day = one(1, (-2, 7)), one(2, (5, 14))
    found = Pairs(wish(), TOKYO, NOW, 9)
    found.look([night, day], (at(-24), at(0)))
    found.look([night, day], (at(0), at(24)))
    assert [slot.starts_at for slot in found.slots()]
    assert all(at(5) <= slot.starts_at <= at(6) for slot in found.slots())


def test_what_a_customer_likes_comes_first_where_it_costs_little():
    people = [one(1), one(2, km=3)]
    evening = search(wish(liked_hours=(17.0, 24.0)), [one(1, (9, 20))], TOKYO, NOW, 9)
    assert evening[0].starts_at == at(17)
    assert {slot.starts_at.astimezone(TOKYO).hour for slot in evening} > {9}
    assert search(wish(), people, TOKYO, NOW, 9)[0].technician == 1
    assert search(wish(liked=2), people, TOKYO, NOW, 9)[0].technician == 2
    far = [one(1), one(2, km=35)]
    assert search(wish(liked=2), far, TOKYO, NOW, 9)[0].technician == 1
    three = [one(1), one(2, km=2), one(3, km=3)]
    assert together(wish(liked=3), three, TOKYO, NOW, 1)[0].second_technician in (1, 3)
