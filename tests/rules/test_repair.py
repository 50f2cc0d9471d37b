"""Is a repair offered as soon as it pays, never at somebody else's cost, and does an overrun at ten reach three?"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.rules.booking import Taken
from app.rules.duty import Away, days_around, fits_shift, shifts_on
from app.rules.forecast import Day, Stop, forecast_day
from app.rules.helper import Worker, shortlist
from app.rules.lateness import Watch, decide
from app.rules.position import Fix
from app.rules.repair import SAFE_SHARE, Offer, Other, best_few, needs_repair, offers

#: Nine in the morning in Japan; minutes count from here.
NINE = datetime(2026, 11, 24, 0, 0, tzinfo=UTC)
TOKYO = ZoneInfo("Asia/Tokyo")
LAT, LON = 34.7, 135.5
HOUR = 60


def at(minutes: float) -> datetime:
    return NINE + timedelta(minutes=minutes)


def stop(
    visit: int, north_km: float, promised: float, window: float = 0, duration: int = 60, **known: datetime
) -> Stop:
    return Stop(str(visit), LAT + north_km / 111.195, LON, at(promised), at(promised + window), duration, **known)


def worker(
    technician: int,
    stops: list[Stop],
    here_km: float | None = None,
    now: float = 0,
    plan: Mapping[str, float] | None = None,
    **facts: object,
) -> Worker:
    """Return a technician who has stood at `here_km` for half an hour, every visit planned as its promise begins."""
    place = None if here_km is None else (LAT + here_km / 111.195, LON)
    fixes = () if place is None else tuple(Fix(at(now - ago), *place) for ago in (30, 25, 20, 15, 10, 5, 0.5))
    begins = {s.visit: at((plan or {})[s.visit]) if s.visit in (plan or {}) else s.promised_from_at for s in stops}
    taken = tuple(
        Taken(int(s.visit), begins[s.visit], begins[s.visit] + timedelta(minutes=s.duration_min), s.lat, s.lon)
        for s in sorted(stops, key=lambda s: begins[s.visit])
    )
    ordered = tuple(sorted(stops, key=lambda s: begins[s.visit]))
    return Worker(technician, Day(ordered, fixes, TOKYO), taken, place=place, **facts)  # type: ignore[arg-type]


def overrun(now: float = 110, **facts: object) -> Worker:
    """Return technician 1 at ten to eleven, still at the hour's work of nine, with five past eleven next."""
    begun = stop(1, 0, 0, duration=60, en_route_at=at(-20), arrived_at=at(0))
    return worker(1, [begun, stop(2, 6, 125), stop(3, 9, 300)], 0, now, **facts)


def search(target: int, own: Worker, others: list[Worker], now: float, skill: str = "") -> list[Offer]:
    wanted = next(s for s in own.day.stops if s.visit == str(target))
    helpers, _ = shortlist(wanted, skill, own, others, at(now))
    return offers(wanted, own, helpers, at(now))


def refused(target: int, own: Worker, others: list[Worker], now: float, skill: str = "") -> dict[str, int]:
    wanted = next(s for s in own.day.stops if s.visit == str(target))
    return dict(shortlist(wanted, skill, own, others, at(now))[1])


# The cascade: what happens at ten reaches three o'clock, less the slack in between.


def late_at_ten(still_there_at: float, promised: list[float]) -> list[float]:
    """Return how likely late each later visit is, when the hour's work begun at nine still goes on at an instant."""
    begun = stop(1, 0, 0, duration=60, en_route_at=at(-20), arrived_at=at(0))
    day = worker(1, [begun, *(stop(2 + n, 2 * (n + 1), p) for n, p in enumerate(promised))], 0, still_there_at).day
    return [forecast.late_probability for forecast in forecast_day(day, at(still_there_at)).forecasts]


TIGHT, LOOSE = [80, 155, 230, 305], [80, 185, 290, 395]


def test_an_overrun_at_ten_reaches_three_o_clock_when_there_is_no_slack() -> None:
    on_time, overrunning = late_at_ten(50, TIGHT), late_at_ten(95, TIGHT)
    assert all(late > fine for late, fine in zip(overrunning, on_time, strict=True))
    assert overrunning[-1] > max(0.5, on_time[-1] + 0.15)


def test_slack_between_the_visits_swallows_an_overrun() -> None:
    loose = late_at_ten(95, LOOSE)
    assert loose[0] > 0.9
    assert loose[-1] < 0.3 < late_at_ten(95, TIGHT)[-1]


def test_a_later_visit_without_slack_is_likely_late_hours_ahead_and_a_repair_is_looked_for() -> None:
    begun = stop(1, 0, -40, duration=60, en_route_at=at(-60), arrived_at=at(-40))
    day = worker(1, [begun, *(stop(2 + n, 2.0 * n, 70.0 * n + 75) for n in range(4))], 0, 80).day
    three = forecast_day(day, at(80)).forecasts[-1]
    assert three.visit == "5"
    assert (at(285) - at(80)).total_seconds() / 3600 > 3
    assert needs_repair(three)


# Reassign


def test_who_is_near_and_free_is_sent_instead_and_everybody_is_in_time() -> None:
    own = overrun()
    (best, *_) = search(2, own, [worker(2, [stop(9, 8, 400)], 5, 110)], 110)
    assert (best.kind, best.technician, best.key) == ("reassign", 2, "reassign-2")
    (target, *others) = best.effects
    assert target.visit == "2"
    assert target.before.late_probability > 0.5
    assert target.after.late_probability <= SAFE_SHARE
    assert all(one.after.late_probability <= max(one.before.late_probability, SAFE_SHARE) for one in others)
    assert best.gain_min >= 10
    assert at(110) < best.until_at < at(130)
    assert not best.needs_consent


def test_nothing_is_offered_for_a_visit_that_is_in_time() -> None:
    own = worker(1, [stop(2, 3, 120)], 0, 60)
    assert search(2, own, [worker(2, [], 2, 60)], 60) == []


def test_a_delay_that_costs_less_than_the_change_is_left_alone() -> None:
    own = worker(1, [stop(2, 5, 17, en_route_at=at(-2))], 0.0, 0)
    share = forecast_day(own.day, at(0)).forecasts[0].late_probability
    assert share > 0.3
    found = search(2, own, [worker(2, [], 6, 0)], 0)
    assert [offer for offer in found if offer.gain_min < 10] == []


def test_who_would_be_late_for_an_own_promise_is_not_offered() -> None:
    busy_after = worker(2, [stop(9, 20, 195)], 5, 110)
    assert [o for o in search(2, overrun(), [busy_after], 110) if o.kind == "reassign"] == []


def test_no_offer_makes_another_promise_unsafe() -> None:
    chance = random.Random(5)
    seen = 0
    for _ in range(40):
        now = chance.uniform(80, 110)
        gaps = [now + n * 75 + chance.uniform(15, 45) for n in range(3)]
        windows = [chance.choice([0, 0, 30, 180]) for _ in gaps]
        begun = stop(1, 0, 0, en_route_at=at(-20), arrived_at=at(0))
        mine = [stop(2 + n, chance.uniform(-9, 9), g, w) for n, (g, w) in enumerate(zip(gaps, windows, strict=True))]
        own = worker(1, [begun, *mine], 0, now)
        others = [
            worker(10 + n, [stop(20 + n, chance.uniform(-9, 9), chance.uniform(260, 420))], chance.uniform(-9, 9), now)
            for n in range(4)
        ]
        for target in (2, 3, 4):
            for offer in search(target, own, others, now):
                seen += 1
                for effect in offer.effects:
                    if effect.visit == str(target):
                        assert effect.after.late_probability < effect.before.late_probability
                    else:
                        safe = max(SAFE_SHARE, effect.before.late_probability + 0.021)
                        assert effect.after.late_probability <= safe, offer
    assert seen > 30


def test_who_waits_already_is_not_made_to_wait_longer_for_somebody_else() -> None:
    waiting = worker(2, [stop(9, 8, 100)], 5, 110, plan={"9": 230})
    assert [o for o in search(2, overrun(), [waiting], 110) if o.kind == "reassign"] == []


@pytest.mark.parametrize(
    ("why", "facts"),
    [
        ("skill", {"skills": frozenset({"printer"})}),
        ("off_duty", {"shifts": ((at(-60), at(100)),)}),
        ("off_duty", {"shifts": ()}),
        ("off_duty", {"away": (Away(at(0), at(600), "absent"),)}),
        ("off_duty", {"shifts": ((at(0), at(160)),)}),
        ("far", {"travels_by": "bicycle", "here_km": 14}),
        ("far", {"here_km": 55}),
        ("unplaced", {"here_km": None}),
        ("too_late", {"here_km": 38}),
    ],
)
def test_who_cannot_help_is_counted_with_the_reason(why, facts) -> None:
    known = {"here_km": 5, "skills": frozenset({"wifi"}), **facts}
    helper = worker(2, [], known.pop("here_km"), 110, **known)
    assert refused(2, overrun(), [helper], 110, "wifi") == {why: 1}
    assert [o for o in search(2, overrun(), [helper], 110, "wifi") if o.kind == "reassign"] == []


def test_who_has_no_free_time_or_is_at_the_wheel_is_busy() -> None:
    booked = worker(2, [stop(9, 5, 130)], 5, 110)
    driving = worker(3, [stop(9, 8, 160, window=60, en_route_at=at(105))], 5, 110, plan={"9": 190}, heading="9")
    assert refused(2, overrun(), [booked, driving], 110) == {"busy": 2}


def test_a_skill_that_is_not_needed_is_not_asked_for() -> None:
    assert refused(2, overrun(), [worker(2, [], 5, 110)], 110, "") == {}


def test_a_bicycle_takes_longer_than_a_car() -> None:
    car, bicycle = (worker(2, [], 4, 110, travels_by=by) for by in ("car", "bicycle"))
    (by_car,), (by_bicycle,) = (shortlist(stop(2, 6, 125), "", overrun(), [one], at(110))[0] for one in (car, bicycle))
    assert by_bicycle.travel_min > 1.3 * by_car.travel_min
    assert by_bicycle.latest_at < by_car.latest_at


def test_who_is_at_the_base_without_a_phone_can_still_be_asked() -> None:
    resting = replace(worker(2, [], 5, 110), day=Day((), (), TOKYO))
    (best, *_) = search(2, overrun(), [resting], 110)
    assert (best.kind, best.technician) == ("reassign", 2)


# Reorder


def roundabout() -> Worker:
    """Return technician 1, who is to see a customer with all afternoon before one with an exact time."""
    begun = stop(1, 0, 0, duration=60, en_route_at=at(-20), arrived_at=at(0))
    return worker(1, [begun, stop(2, 2, 90, window=300), stop(3, 4, 165), stop(4, 5, 420)], 0, 85, plan={"2": 95})


def test_who_has_time_all_afternoon_waits_for_who_has_not() -> None:
    (best, *_) = search(3, roundabout(), [], 85)
    assert (best.kind, best.pushed, best.behind) == ("reorder", "2", "3")
    effects = {effect.visit: effect for effect in best.effects}
    assert effects["3"].before.late_probability > 0.3
    assert effects["3"].after.late_probability <= SAFE_SHARE
    assert effects["2"].after.late_probability <= SAFE_SHARE
    (change,) = best.changes
    assert change.visit == "2"
    assert at(225) <= change.planned_from_at <= at(390)
    assert (change.promised_from_at, change.promised_until_at) == (at(90), at(390))


def test_the_order_stays_when_somebody_is_under_way() -> None:
    own = roundabout()
    stops = tuple(s._replace(en_route_at=at(84)) if s.visit == "2" else s for s in own.day.stops)
    assert [o for o in search(3, replace(own, day=replace(own.day, stops=stops)), [], 85) if o.kind == "reorder"] == []


def test_the_plan_of_a_changed_order_never_overlaps_on_the_way() -> None:
    for offer in search(3, roundabout(), [], 85):
        plan = {str(t.visit_id): (t.from_at, t.until_at) for t in roundabout().taken}
        for change in offer.changes:
            before, until = plan.pop(change.visit)
            end = change.planned_from_at + (until - before)
            assert all(end <= a or b <= change.planned_from_at for a, b in plan.values())
            plan[change.visit] = (change.planned_from_at, end)


# Move


def test_hours_ahead_a_later_time_that_holds_is_proposed() -> None:
    begun = stop(1, 0, -60, duration=60, en_route_at=at(-90), arrived_at=at(-60))
    own = worker(1, [begun, stop(2, 4, 20, duration=100), stop(3, 6, 140)], 0, 45)
    moves = [offer for offer in search(3, own, [], 45) if offer.kind == "move"]
    assert moves
    best = moves[0]
    assert best.needs_consent
    (effect,) = [effect for effect in best.effects if effect.visit == "3"]
    assert effect.promised_until_at > at(140)
    assert effect.promised_until_at - effect.promised_from_at <= timedelta(minutes=60)
    assert effect.after.late_probability <= SAFE_SHARE
    assert at(45) < best.until_at <= at(120)


def test_nobody_is_asked_to_move_when_the_promise_is_near_or_the_delay_was_told() -> None:
    own = overrun()
    assert [o for o in search(2, own, [], 110) if o.kind == "move"] == []
    begun = stop(1, 0, -60, duration=60, en_route_at=at(-90), arrived_at=at(-60))
    own = worker(1, [begun, stop(2, 4, 20, duration=100), stop(3, 6, 140)], 0, 45, told=frozenset({"3"}))
    assert [o for o in search(3, own, [], 45) if o.kind == "move" and o.behind is None] == []


def test_an_agreed_window_holds_as_long_as_it_can_be_kept_whatever_would_be_proposed_now() -> None:
    begun = stop(1, 0, -60, duration=60, en_route_at=at(-90), arrived_at=at(-60))
    own = worker(1, [begun, stop(2, 4, 20, duration=100), stop(3, 6, 140)], 0, 45)
    target = own.day.stops[-1]
    (offer, *_) = [o for o in search(3, own, [], 45) if o.kind == "move"]
    later = replace(own, day=replace(own.day, fixes=(*own.day.fixes, Fix(at(49), LAT, LON))))
    (again,) = offers(target, later, [], at(49), key=offer.key)
    assert again.changes[-1].promised_until_at == offer.changes[-1].promised_until_at
    assert offers(target, later, [], at(49), key="move-0-29000000-1") == []
    for nonsense in ("move", "move-x-y-z", "reassign-", "move-0-999999999-999999999", "nonsense", "move-0-²-³"):
        assert offers(target, later, [], at(49), key=nonsense) == []


# All


def test_the_same_offers_in_the_same_order_however_the_input_is_shuffled() -> None:
    others = [worker(2 + n, [stop(20 + n, 3 + n, 400)], 4 + n % 3, 110) for n in range(6)]
    first = search(2, overrun(), others, 110)
    assert [offer.kind for offer in best_few(first)] == ["reassign", "reassign"]
    assert best_few(first) == first[:2]
    for seed in range(5):
        shuffled = others[:]
        random.Random(seed).shuffle(shuffled)
        own = overrun()
        fixes = list(own.day.fixes)
        random.Random(seed).shuffle(fixes)
        assert search(2, replace(own, day=replace(own.day, fixes=tuple(fixes))), shuffled, 110) == first


def test_nothing_is_offered_that_there_is_no_time_to_arrange() -> None:
    for minutes in range(100, 200, 5):
        own = worker(1, [stop(1, 0, 0, en_route_at=at(-20), arrived_at=at(0)), stop(2, 6, 125)], 0, minutes)
        for offer in search(2, own, [worker(2, [], 5, minutes)], minutes):
            assert offer.until_at >= at(minutes + 2)


def test_a_customer_who_was_saved_is_not_told_of_a_delay() -> None:
    own = overrun()
    (best, *_) = search(2, own, [worker(2, [], 5, 110)], 110)
    assert best.kind == "reassign"
    target = next(s for s in own.day.stops if s.visit == "2")
    day = replace(worker(2, [], 5, 110).day, stops=(target,))
    (after,) = forecast_day(day, at(110)).forecasts
    assert decide(target, after, [], Watch(), at(110)).kind is None


# Working hours


def test_working_hours_are_local_and_a_day_off_is_off() -> None:
    week = {"tue": [["09:00", "12:00"], ["13:00", "24:00"]]}
    shifts = shifts_on(week, days_around(at(0), TOKYO), TOKYO)
    assert shifts is not None
    assert [(a.astimezone(UTC), b.astimezone(UTC)) for a, b in shifts] == [(at(0), at(180)), (at(240), at(900))]
    assert shifts_on(week, days_around(at(0) + timedelta(days=3), TOKYO), TOKYO) == ()
    assert shifts_on({}, days_around(at(0), TOKYO), TOKYO) is None
    assert fits_shift(shifts, at(170), at(250))
    assert not fits_shift(shifts, at(200), at(250))
    assert not fits_shift(shifts, at(880), at(910))


def test_near_the_promise_who_is_much_sooner_is_better_than_nobody_and_before_it_is_not() -> None:
    near, far = (
        worker(1, [stop(1, 0, 0, en_route_at=at(-20), arrived_at=at(0)), stop(2, 16, 125)], 0, now)
        for now in (118, 100)
    )
    (best, *_) = search(2, near, [worker(2, [], 10, 118)], 118)
    assert best.kind == "reassign"
    assert best.effects[0].after.late_probability > SAFE_SHARE
    assert (best.effects[0].before.from_at - best.effects[0].after.from_at) >= timedelta(minutes=5)
    assert [o for o in search(2, far, [worker(2, [], -3, 100)], 100) if o.kind == "reassign"] == []


@pytest.mark.parametrize(("helpers", "kind"), [(0, "move"), (1, "reassign")])
def test_an_overrun_at_ten_has_the_repair_of_three_o_clock_offered_while_everybody_can_still_re_plan(
    helpers, kind
) -> None:
    promised = [77.0 * n for n in range(1, 5)]
    first: dict[str, float] = {}
    for now in range(60, 115, 5):  # the hour's work of nine goes on and on
        begun = stop(1, 0, 0, en_route_at=at(-20), arrived_at=at(0))
        own = worker(1, [begun, *(stop(2 + n, 3 * (n + 1), p) for n, p in enumerate(promised))], 0, now)
        for offer in search(5, own, [worker(2, [], 5, now)][:helpers], now):
            first.setdefault(offer.kind, promised[-1] - now)
    assert first[kind] > 180


def of_two(helpers: list[Worker], *, there: float = 5, can_begin: bool = True) -> list[Offer]:
    """Return what is offered where somebody else waits for technician 1 at five past eleven, so far north."""
    own, other = overrun(), worker(2, [stop(9, 6, 125)], there, 110)
    wanted = own.day.stops[1]
    found, _ = shortlist(wanted, "", own, helpers, at(110))
    return offers(wanted, own, found, at(110), other=Other(other, "9", can_begin))


def test_of_two_the_one_who_is_in_time_can_begin_alone_and_nobody_is_asked_to_move() -> None:
    (offer,) = of_two([])
    assert (offer.key, offer.technician, offer.needs_consent) == ("begin-2", 2, False)
    assert [(change.visit, change.planned_from_at) for change in offer.changes] == [("2", at(125))]
    assert offer.effects[0].before.late_probability > 0.5 > SAFE_SHARE >= offer.effects[0].after.late_probability
    assert of_two([], can_begin=False) == []
    assert of_two([], there=60) == []  # both are late


def test_another_comes_to_who_waits_at_the_planned_time_or_not_at_all() -> None:
    assert [one.key for one in of_two([worker(3, [], 5, 110)], can_begin=False)] == ["reassign-3"]
    own = overrun(plan={"2": 125})
    late = own.day.stops[1]._replace(promised_from_at=at(105))
    own = replace(own, day=replace(own.day, stops=(own.day.stops[0], late, own.day.stops[2])))
    helpers, _ = shortlist(late, "", own, [worker(3, [], 5, 100)], at(100))
    other = Other(worker(2, [stop(9, 6, 125)], 5, 100), "9", False)
    assert [one.kind for one in offers(late, own, helpers, at(100))][:1] == ["reassign"]
    assert offers(late, own, helpers, at(100), other=other) == []
