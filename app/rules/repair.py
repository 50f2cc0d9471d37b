"""Which change of plan saves a visit that is likely late, and is worth what it costs?

A change is tried on the forecast itself: the same evidence, the stops of everybody it touches as they would be then.
What a visit costs is counted in minutes of waiting that somebody did not agree to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from app.rules.board import RISKY
from app.rules.booking import FASTEST_MPS
from app.rules.forecast import GRACE_S, Forecast, Stop
from app.rules.helper import SLOWER, SOONER, Helper, Worker, forecasts, is_near, whole_minute
from app.rules.position import distance_m
from app.rules.visit import GRACE

KINDS = ("begin", "reorder", "reassign", "move")
#: Being late at all weighs as much as so many minutes; beyond the other, a wait is no worse.
LATE_COSTS_MIN, MOST_LATE_MIN = 10.0, 120.0
#: What a change costs by itself: telling the technicians, and asking a customer for a favour, more so for a late one.
REORDER_COSTS_MIN, REASSIGN_COSTS_MIN, MOVE_COSTS_MIN, MOVE_COSTS_SHARE = 3.0, 5.0, 8.0, 0.2
#: Of two, one works alone until the other comes.
BEGIN_COSTS_MIN = 5.0
#: Of each minute that somebody drives who would not have.
DRIVE_COSTS_SHARE = 0.25
#: A change pays when it saves so much in all, and at least this share of what the late visit costs.
LEAST_GAIN_MIN, LEAST_SHARE = 10.0, 0.5
#: A promise is safe while it is no likelier missed than this; nobody else's may become unsafe, or worse by more.
SAFE_SHARE, WORSE_SHARE, WORSE_MIN = 0.20, 0.02, 2.0
#: Places further back in the order, and offers shown, in all and of one kind.
MOST_PUSHED, MOST_OFFERS, MOST_OF_A_KIND = 3, 4, 2
#: Who waits for so long already is a matter for a telephone.
TOO_OLD = timedelta(hours=1)
#: A customer is asked to agree to a later time no later than this before the promise begins.
ASKED_BEFORE = timedelta(minutes=20)
#: Less time than this is too short to arrange anything.
TO_ARRANGE = timedelta(minutes=2)
#: A window to propose ends when the arrival is so likely, and is so long.
PROPOSED_SHARE, PROPOSED_LEAST, PROPOSED_MOST = 0.88, timedelta(minutes=30), timedelta(minutes=60)
#: A customer who waits for today is not asked to wait for longer than this; that is another booking.
MOVED_MOST = timedelta(hours=4)
#: A change in the forecast that is worth showing.
SHOWN_SHARE, SHOWN_MIN = 0.05, 5.0


@dataclass(frozen=True, slots=True)
class Change:
    """One visit as it would be: whose, planned when, promised when."""

    visit: str
    technician: int
    planned_from_at: datetime
    promised_from_at: datetime
    promised_until_at: datetime


@dataclass(frozen=True, slots=True)
class Seen:
    """How a visit stands in one version of the day: the arrival as a range (10–90 %), and how likely it is late."""

    from_at: datetime
    until_at: datetime
    late_probability: float


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change does to one visit, with the promise and the technician as they would be."""

    visit: str
    technician: int
    promised_from_at: datetime
    promised_until_at: datetime
    before: Seen
    after: Seen


@dataclass(frozen=True, slots=True)
class Offer:
    """One repair of a visit that is likely late.

    `kind` begin (of two, the other one goes first) | reorder | reassign | move; `key` names it again when it is
    accepted; `technician` who would go; `behind` the visit after which `pushed` would be made (reorder, move);
    `changes` in the order in which they can be made, one after another; `effects` by promise; `gain_min` minutes of
    unagreed waiting saved, its own cost taken off; worth doing until `until_at`.
    """

    key: str
    kind: str
    technician: int
    changes: tuple[Change, ...]
    effects: tuple[Effect, ...]
    gain_min: float
    until_at: datetime
    way_m: float = 0.0
    travel_min: float = 0.0
    pushed: str | None = None
    behind: str | None = None

    @property
    def needs_consent(self) -> bool:
        """Whether a customer has to agree first."""
        return self.kind == "move"


@dataclass(frozen=True, slots=True)
class Other:
    """The other one of two who meet at the door: the own day, the own `visit` there, and whether it can go first."""

    worker: Worker
    visit: str
    can_begin: bool


@dataclass(frozen=True, slots=True)
class _Case:
    """One late visit in its technician's day as it stands; `other` where two are needed."""

    target: Stop
    own: Worker
    now: datetime
    least_gain_min: float
    before: Mapping[str, Forecast]
    other: Other | None


def needs_repair(forecast: Forecast | None) -> bool:
    """Return whether a visit is so likely late that a repair is looked for."""
    return forecast is not None and forecast.late_probability >= RISKY


def offers(
    target: Stop,
    own: Worker,
    helpers: Sequence[Helper],
    now: datetime,
    *,
    key: str | None = None,
    other: Other | None = None,
) -> list[Offer]:
    """Return every repair that pays for a visit that is likely late, best first; with `key`, that one while it holds.

    A repair pays when it saves ten minutes of unagreed waiting more than it costs, and half of the late visit's own,
    without making any other promise unsafe. Who asks for one by its key has decided already, and a proposed window has
    been agreed on: then it only has to hold. Example: ten minutes away and free at three, somebody else is sent to who
    would have waited until four.

    Of two who meet (`other`) one can begin alone, or be another one at the same time: the time of both stays.
    """
    before = forecasts(own, own.day.stops, now) if target.promised_until_at > now - TOO_OLD else {}
    if not needs_repair(before.get(target.visit)):
        return []
    case = _Case(target, own, now, 0.0 if key else LEAST_GAIN_MIN, before, other)
    found = [offer for offer in _all(case, helpers, key) if offer is not None and key in (None, offer.key)]
    return sorted(found, key=lambda o: (-round(o.gain_min), len(o.changes), KINDS.index(o.kind), o.key))


def best_few(found: Sequence[Offer]) -> list[Offer]:
    """Return as many of the repairs, best first, as a person can weigh against each other."""
    counted: Counter[str] = Counter()
    shown = []
    for offer in found:
        counted[offer.kind] += 1
        if counted[offer.kind] <= MOST_OF_A_KIND:
            shown.append(offer)
    return shown[:MOST_OFFERS]


def five_minutes(at: datetime, *, up: bool = False) -> datetime:
    """Return the full five minutes before an instant, or with `up` those after it."""
    return at - timedelta(seconds=at.timestamp() % 300) if not up else at + timedelta(seconds=-at.timestamp() % 300)


def _all(case: _Case, helpers: Sequence[Helper], key: str | None) -> Iterator[Offer | None]:
    kind = (key or "").partition("-")[0]
    if kind in ("", "begin"):
        yield _begun(case)
    if kind in ("", "reassign"):
        yield from (_reassigned(case, helper) for helper in helpers)
    if kind in ("", "reorder"):
        yield from _reordered(case)
    if kind in ("", "move") and case.other is None:
        yield from _moved(case, key)


def _begun(case: _Case) -> Offer | None:
    """Return what it would bring if of two the other one, who is there in time, went first and began alone."""
    other, target, plan = case.other, case.target, case.own.planned.get(case.target.visit)
    if other is None or not other.can_begin or plan is None:
        return None
    theirs = forecasts(other.worker, other.worker.day.stops, case.now).get(other.visit)
    until_at = target.promised_until_at
    if theirs is None or until_at < case.now + TO_ARRANGE:
        return None
    promise = target.promised_from_at, target.promised_until_at
    change = Change(target.visit, other.worker.technician, plan.from_at, *promise)
    key = f"begin-{other.worker.technician}"
    offer = Offer(key, "begin", other.worker.technician, (change,), (), 0.0, until_at)
    return _judged(case, offer, case.before, {**case.before, target.visit: theirs}, BEGIN_COSTS_MIN)


def _reassigned(case: _Case, helper: Helper) -> Offer | None:
    """Return what it would bring if another technician went."""
    target, own, worker, now = case.target, case.own, helper.worker, case.now
    if case.other is not None and helper.start_at != own.planned[target.visit].from_at:
        return None
    if any(stop.visit == target.visit for stop in worker.day.stops) or helper.latest_at < now + TO_ARRANGE:
        return None
    planned = worker.planned
    ahead = [s for s in worker.day.stops if s.visit in planned and planned[s.visit].from_at < helper.start_at]
    rest = [stop for stop in worker.day.stops if stop not in ahead]
    fresh = target._replace(en_route_at=None, arrived_at=None, eta_reported=None, eta_reported_at=None)
    before = forecasts(worker, worker.day.stops, now, at_base=True)
    after = _eased(case.before, forecasts(own, [s for s in own.day.stops if s.visit != target.visit], now))
    theirs = forecasts(worker, [*ahead, fresh, *rest], now, at_base=True)
    # The forecast thinks of cars; who comes otherwise is later by what that takes more.
    extra = timedelta(minutes=helper.travel_min * (1 - 1 / SLOWER[worker.travels_by]))
    behind = {target.visit, *(stop.visit for stop in rest)}
    theirs = {visit: _delayed(one, extra) if visit in behind else one for visit, one in theirs.items()}
    before, after = {**before, **case.before}, {**_eased(before, theirs), **after}
    change = Change(target.visit, worker.technician, helper.start_at, target.promised_from_at, target.promised_until_at)
    offer = Offer(
        f"reassign-{worker.technician}", "reassign", worker.technician, (change,), (), 0.0, helper.latest_at,
        way_m=helper.way_m, travel_min=helper.travel_min,
    )  # fmt: skip
    price_min = REASSIGN_COSTS_MIN + DRIVE_COSTS_SHARE * helper.travel_min
    return _judged(case, offer, before, after, price_min, worker)


def _reordered(case: _Case) -> Iterator[Offer | None]:
    """Yield what it would bring to make a visit before the late one after it instead."""
    order = list(case.before)
    at = order.index(case.target.visit)
    for pushed in order[max(at - MOST_PUSHED, 0) : at]:
        for behind in order[at : at + 2]:
            until_at = _leaves_for(case, pushed)
            if until_at is None:
                continue
            new_order = _behind(order, pushed, behind)
            stops = _stops(case, new_order)
            changes = _plan(case, stops)
            if changes is None:
                continue
            offer = Offer(
                f"reorder-{pushed}-{behind}", "reorder", case.own.technician, changes, (), 0.0, until_at,
                pushed=pushed, behind=behind,
            )  # fmt: skip
            yield _judged(case, offer, case.before, _then(case, stops), REORDER_COSTS_MIN)


def _moved(case: _Case, key: str | None) -> Iterator[Offer | None]:
    """Yield later windows that would hold for the late visit: in its place of the day, or further back."""
    target, order = case.target, list(case.before)
    until_at = target.promised_from_at - ASKED_BEFORE
    if until_at < case.now + TO_ARRANGE:
        return
    at = order.index(target.visit)
    for behind in (None, *order[at + 1 : at + 1 + MOST_PUSHED]):
        if behind is None and target.visit in case.own.told:
            continue  # told already, and what was told is a promise
        leaves_at = _leaves_for(case, target.visit) if behind else until_at
        if leaves_at is None:
            continue
        new_order = _behind(order, target.visit, behind) if behind else order
        window = _agreed(key, behind) if key else None
        if window is None:
            if key:
                continue
            asap = forecasts(case.own, _stops(case, new_order), case.now) if behind else case.before
            window = window_to_hold(asap[target.visit], target.promised_from_at)
        from_at, promised_until_at = window
        later = promised_until_at - target.promised_until_at
        if not timedelta() < later <= MOVED_MOST or from_at < target.promised_from_at:
            continue
        moved = target._replace(promised_from_at=from_at, promised_until_at=promised_until_at)
        stops = _stops(case, new_order, moved)
        changes = _plan(case, stops)
        if changes is None:
            continue
        offer = Offer(
            f"move-{behind or 0}-{_epoch_min(from_at)}-{_epoch_min(promised_until_at)}", "move", case.own.technician,
            changes, (), 0.0, min(until_at, leaves_at), pushed=target.visit, behind=behind,
        )  # fmt: skip
        price_min = MOVE_COSTS_MIN + MOVE_COSTS_SHARE * later.total_seconds() / 60
        yield _judged(case, offer, case.before, _then(case, stops), price_min)


def _judged(
    case: _Case,
    offer: Offer,
    before: Mapping[str, Forecast],
    after: Mapping[str, Forecast],
    price_min: float,
    helper: Worker | None = None,
) -> Offer | None:
    """Return the offer with what it does and saves, or None when it does not pay or only shifts the pain."""
    target, helped = case.target.visit, helper.day.stops if helper else ()
    promised = {s.visit: (s.promised_from_at, s.promised_until_at) for s in (*case.own.day.stops, *helped)}
    agreed = promised | {c.visit: (c.promised_from_at, c.promised_until_at) for c in offer.changes}
    theirs = {stop.visit for stop in helped}
    changed = {change.visit for change in offer.changes}
    gain_min, effects = -price_min, []
    for visit, old in before.items():
        new = after.get(visit)
        if new is None:
            return None
        old_min, new_min = _cost_min(old, promised[visit][1]), _cost_min(new, agreed[visit][1])
        if visit == target:
            if new_min > (1 - LEAST_SHARE) * old_min or not _saved(case, offer, old, new, agreed[visit][1]):
                return None
        elif _unsafe(old, new, promised[visit][1]) or new_min > old_min + WORSE_MIN:
            return None
        gain_min += old_min - new_min
        seen = Seen(old.arrives_from_at, old.arrives_until_at, _late(old, promised[visit][1]))
        then = Seen(new.arrives_from_at, new.arrives_until_at, _late(new, agreed[visit][1]))
        shift_min = abs((new.arrives_median_at - old.arrives_median_at).total_seconds()) / 60
        if visit in changed or abs(then.late_probability - seen.late_probability) >= SHOWN_SHARE or (
            shift_min >= SHOWN_MIN and max(then.late_probability, seen.late_probability) >= SHOWN_SHARE
        ):  # fmt: skip
            whose = offer.technician if visit == target or visit in theirs else case.own.technician
            effects.append(Effect(visit, whose, *agreed[visit], seen, then))
    if gain_min < case.least_gain_min:
        return None
    effects.sort(key=lambda effect: (effect.visit != target, effect.promised_from_at, effect.visit))
    return replace(offer, effects=tuple(effects), gain_min=gain_min)


def _saved(case: _Case, offer: Offer, old: Forecast, new: Forecast, promised_until_at: datetime) -> bool:
    """Return whether the late visit itself is helped: in time, or where hardly anybody can be any more, much sooner."""
    if _late(new, promised_until_at) <= SAFE_SHARE:
        return True
    sooner = new.arrives_median_at <= old.arrives_median_at - SOONER
    return sooner and offer.kind != "move" and is_near(case.target, case.now)


def _unsafe(old: Forecast, new: Forecast, due_at: datetime) -> bool:
    return _late(new, due_at) > max(SAFE_SHARE, _late(old, due_at) + WORSE_SHARE)


def _late(forecast: Forecast, due_at: datetime) -> float:
    return forecast.share_after(due_at + GRACE)


def _cost_min(forecast: Forecast, due_at: datetime) -> float:
    """Return the expected minutes of waiting past a promise, being late at all weighed in."""
    due_s = (due_at - forecast.made_at).total_seconds()
    late_min = [(sample - due_s) / 60 for sample in forecast.arrivals_s if sample > due_s + GRACE_S]
    return sum(min(minutes, MOST_LATE_MIN) + LATE_COSTS_MIN for minutes in late_min) / len(forecast.arrivals_s)


def _then(case: _Case, stops: Sequence[Stop]) -> dict[str, Forecast]:
    return _eased(case.before, forecasts(case.own, stops, case.now))


def _eased(before: Mapping[str, Forecast], after: Mapping[str, Forecast]) -> dict[str, Forecast]:
    """Return the forecasts of one technician's day with the old ones for who waits for fewer others and seems later.

    Whoever has time to spare is forecast to set off just in time, and a longer way is then a greater risk; but nobody
    is later for having less to do before.
    """
    then, now, kept = list(before), list(after), dict(after)
    for visit, new in after.items():
        old = before.get(visit)
        if old is not None and {*now[: now.index(visit)]} <= {*then[: then.index(visit)]}:
            kept[visit] = min(old, new, key=lambda one: one.arrivals_s[int(0.9 * len(one.arrivals_s))])
    return kept


def _delayed(forecast: Forecast, extra: timedelta) -> Forecast:
    """Return a forecast whose every sample is so much later."""
    return forecast._replace(
        arrivals_s=tuple(sample + extra.total_seconds() for sample in forecast.arrivals_s),
        arrives_from_at=forecast.arrives_from_at + extra,
        arrives_median_at=forecast.arrives_median_at + extra,
        arrives_until_at=forecast.arrives_until_at + extra,
    )


def _stops(case: _Case, order: Sequence[str], moved: Stop | None = None) -> list[Stop]:
    """Return the stops of the day with the open ones in another order, `moved` instead of its old self."""
    known = {stop.visit: stop for stop in case.own.day.stops}
    if moved is not None:
        known[moved.visit] = moved
    return [*(s for s in case.own.day.stops if s.visit not in case.before), *(known[visit] for visit in order)]


def _behind(order: Sequence[str], pushed: str, behind: str) -> list[str]:
    rest = [visit for visit in order if visit != pushed]
    place = rest.index(behind) + 1
    return [*rest[:place], pushed, *rest[place:]]


def _leaves_for(case: _Case, visit: str) -> datetime | None:
    """Return until when the technician has not set off for a visit, None when that is over: nobody is turned round."""
    forecast = case.before[visit]
    stop = next(stop for stop in case.own.day.stops if stop.visit == visit)
    if stop.en_route_at is not None or (forecast.next_stop and forecast.state in ("travelling", "creeping")):
        return None
    order = list(case.before)
    at = order.index(visit)
    stops = {s.visit: s for s in case.own.day.stops}
    begun = [s for s in case.own.day.stops if not s.is_open]
    origin = stops[order[at - 1]] if at else (begun[-1] if begun else None)
    place = (origin.lat, origin.lon) if origin else case.own.place
    way_m = distance_m(*place, stop.lat, stop.lon) if place else 0.0
    travel_s = case.own.travel(way_m, forecast.arrives_median_at).median_s
    leaves_at = whole_minute(forecast.arrives_median_at - timedelta(seconds=travel_s))
    return leaves_at if leaves_at >= case.now + TO_ARRANGE else None


def _plan(case: _Case, stops: Sequence[Stop]) -> tuple[Change, ...] | None:
    """Return what changes in the plan when stops are made in this order, last first; None when it does not fit.

    Nothing is planned sooner than it was, so that the changes can be made one after another without ever overlapping.
    """
    planned = case.own.planned
    open_visits = {stop.visit for stop in stops if stop.visit in case.before}
    elsewhere = [taken for taken in case.own.taken if str(taken.visit_id) not in open_visits]
    promised = {s.visit: (s.promised_from_at, s.promised_until_at) for s in case.own.day.stops}
    changes: list[Change] = []
    last: tuple[datetime, Stop] | None = None
    for stop in stops:
        taken = planned.get(stop.visit)
        if stop.visit not in open_visits:
            continue
        if taken is None:
            return None
        start = max(taken.from_at, stop.promised_from_at)
        if last is not None:
            drive_s = distance_m(last[1].lat, last[1].lon, stop.lat, stop.lon) / FASTEST_MPS
            start = max(start, whole_minute(last[0] + timedelta(seconds=drive_s), up=True))
        end = start + timedelta(minutes=stop.duration_min)
        if start > stop.promised_until_at or any(t.from_at < end and t.until_at > start for t in elsewhere):
            return None
        if start > taken.from_at and not case.own.works(start, end):
            return None
        promise = (stop.promised_from_at, stop.promised_until_at)
        if start != taken.from_at or promise != promised[stop.visit]:
            changes.append(Change(stop.visit, case.own.technician, start, *promise))
        last = (end, stop)
    return tuple(reversed(changes)) or None


def window_to_hold(forecast: Forecast, soonest_at: datetime) -> tuple[datetime, datetime]:
    """Return the window that would hold, in steps of five minutes: nobody is asked to agree twice.

    It ends late enough, and begins no earlier than the technician could be there, nor than `soonest_at`: coming early,
    one waits.
    """
    samples = forecast.arrivals_s
    early_s, late_s = (samples[int(share * (len(samples) - 1))] for share in (0.1, PROPOSED_SHARE))
    until_at = five_minutes(forecast.made_at + timedelta(seconds=late_s), up=True)
    from_at = five_minutes(forecast.made_at + timedelta(seconds=early_s))
    from_at = max(min(from_at, until_at - PROPOSED_LEAST), until_at - PROPOSED_MOST, soonest_at)
    return from_at, until_at


def _agreed(key: str, behind: str | None) -> tuple[datetime, datetime] | None:
    """Return the window that a key names, when it is for this place in the order."""
    parts = key.split("-")
    if len(parts) != 4 or parts[1] != (behind or "0") or not all(p.isdecimal() and len(p) <= 9 for p in parts[2:]):
        return None
    from_min, until_min = int(parts[2]), int(parts[3])
    if not 0 <= until_min - from_min <= 24 * 60:
        return None
    return datetime.fromtimestamp(60 * from_min, UTC), datetime.fromtimestamp(60 * until_min, UTC)


def _epoch_min(at: datetime) -> int:
    return int(at.timestamp() // 60)
