"""What follows when a visit is given another place in the plan?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from app.rules.booking import Taken
from app.rules.consequences import clashes, promise_after, risks
from app.rules.gaps import Planned, Roster

TEN = datetime(2026, 11, 24, 10, tzinfo=UTC)
NOW = TEN - timedelta(hours=2)
SHIFT = ((TEN - timedelta(hours=1), TEN + timedelta(hours=9)),)
HERE, FAR = (34.70, 135.50), (34.70, 135.65)  # 14 km apart: some 45 minutes by car


def at(hours: float) -> datetime:
    return TEN + timedelta(hours=hours)


def planned(visit: int, hours: float, place: tuple[float, float] = HERE) -> Planned:
    return Planned(visit, at(hours), at(hours + 1), at(hours), *place)


def roster(technician: int, *plan: Planned) -> Roster:
    return Roster(technician, plan, SHIFT, HERE)


def test_within_the_promise_only_the_plan_moves_and_outside_the_promise_keeps_its_width():
    promised = (TEN, at(2))
    assert promise_after(promised, at(2)) == promised
    assert promise_after(promised, at(2.25)) == (at(2.25), at(4.25))
    assert promise_after((TEN, TEN), at(-1)) == (at(-1), at(-1))


def test_every_visit_in_the_way_is_named_not_only_the_first():
    taken = [Taken(1, at(0), at(1), *HERE), Taken(2, at(0.5), at(1.5), *HERE), Taken(3, at(2.05), at(3), *FAR)]
    found = clashes(at(0.75), 75, *HERE, taken)
    assert [(clash.reason, clash.visit_id) for clash in found] == [("overlap", 1), ("overlap", 2), ("unreachable", 3)]


def test_who_comes_right_before_a_far_visit_makes_it_late():
    free, busy = roster(1, planned(7, 0)), roster(2, planned(8, 2.25, FAR))
    moved = Planned(7, at(1), at(2), at(1), *HERE)
    found = risks(planned(7, 0), {1: free, 2: busy}, 2, moved, UTC, NOW)
    assert [(risk.visit, risk.technician, risk.breaks) for risk in found] == [(7, 2, False), (8, 2, True)]
    assert found[1].before < 0.1 < 0.5 < found[1].after


def test_who_is_relieved_of_a_visit_is_likelier_in_time_for_the_next():
    full = roster(1, planned(7, 0, FAR), planned(8, 1.5))
    moved = Planned(7, at(4), at(5), at(4), *FAR)
    found = risks(planned(7, 0, FAR), {1: full, 2: roster(2)}, 2, moved, UTC, NOW)
    relieved = next(risk for risk in found if risk.visit == 8)
    assert relieved.after < relieved.before
    assert not any(risk.breaks for risk in found)


def test_nobody_can_tell_the_risk_of_a_visit_without_a_place_or_on_top_of_another():
    lost = Planned(7, at(0), at(1), at(0))
    assert [(r.before, r.after) for r in risks(lost, {1: roster(1, lost)}, 1, lost, UTC, NOW)] == [(None, None)]
    above = Planned(7, at(2.5), at(3.5), at(2.5), *HERE)
    found = risks(planned(7, 0), {1: roster(1, planned(7, 0), planned(8, 2))}, 1, above, UTC, NOW)
    assert found[0].after is None


def test_a_visit_of_nobody_has_no_risk_before_and_none_when_it_is_put_aside():
    found = risks(planned(7, 0), {1: roster(1)}, 1, planned(7, 0), UTC, NOW)
    assert [(risk.visit, risk.before) for risk in found] == [(7, None)]
    assert risks(planned(7, 0), {1: roster(1, planned(7, 0))}, None, planned(7, 0), UTC, NOW) == []
