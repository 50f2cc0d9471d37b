"""Should this customer be told something now, and if so what?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from types import MappingProxyType

from app.rules.forecast import GRACE_S, Forecast, Stop, share_after

DRIVING = frozenset({"travelling", "creeping", "standing"})
LATE_KINDS = frozenset({"late", "late_update"})
REASONS: Mapping[str, str] = MappingProxyType({
    "arrived": "the technician is there",
    "perhaps_arrived": "the phone fell silent {distance_m} m before the door: probably arrived",
    "on_course": "{percent} % likely late, {lead_min} min before the promise ({basis}, {state})",
    "late_confirming": "{percent} % likely late; looking again before saying so ({basis}, {state})",
    "late_too_vague": "{percent} % likely late, but no window would hold yet ({basis}, {state})",
    "late_expected": "expected {late_min} min after the promise, {percent} % likely late ({basis}, {state})",
    "late_unclear": "{percent} % likely late, but no window would hold: told that we are on it ({basis}, {state})",
    "silent": "no news for {silent_min} min, {lead_min} min before the promise",
    "nothing_known": "no sign of the technician {lead_min} min before the promise",
    "at_the_bell": "about {left_min} min away: the bell is the news",
    "given_up": "no news since long before the promise: a dispatcher must ask",
    "told_already": "the customer knows; nothing material has changed ({basis}, {state})",
    "told_enough": "the quoted window no longer holds, but the customer was told as often as allowed",
    "moved_later": "expected {late_min} min after the promise; the quoted window no longer holds ({basis}, {state})",
    "moved_earlier": "expected {earlier_min} min before the quoted window ({basis}, {state})",
    "on_time_again": "{percent} % likely late: the delay has gone ({basis}, {state})",
    "nearly_there": "about {left_min} min away ({basis})",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Policy:
    """When to speak, what to quote, when to correct. Shares are probabilities, ``_min`` minutes, ``_s`` seconds."""

    sure_share: float = 0.92  # tell when so likely late, however early
    sure_lead_min: float = 60.0  # so long before the promise
    likely_share: float = 0.62  # near the promise this is enough
    likely_lead_min: float = 11.0
    early_share: float = 0.78  # earlier there is time to look again
    early_lead_min: float = 22.0
    driving_share: float = 0.80  # and on the road every minute tells more than one of work does
    driving_lead_min: float = 14.0
    last_share: float = 0.50  # at the promise itself
    persist_s: float = 45.0  # must hold so long before it is told
    persist_early_s: float = 90.0  # while there is still time
    quote_max_min: int = 25
    quote_share: float = 0.80  # the window is as narrow as this allows
    quote_least_share: float = 0.60  # a window less likely to hold waits ...
    wait_until_lead_min: float = 12.5  # ... but not beyond this long before the promise
    holding_least_share: float = 0.35  # below this even the best window is a guess: holding
    stale_min: float = 45.0  # silence after which an old position says nothing any more
    standing_share: float = 0.80  # who stands still will mostly go on: wait for more than a likely delay
    held_share: float = 0.75  # who was told "we are on it" gets a time when it is a better one than that
    give_up_min: float = 60.0  # so long after the promise, without evidence, only a person can say something useful
    silent_lead_min: float = 8.0
    overdue_lead_min: float = 11.0
    unheard_lead_min: float = 10.5
    update_share: float = 0.75
    update_gap_min: float = 15.0
    most_late: int = 2
    most_recovery: int = 1
    recover_share: float = 0.05
    bell_min: float = 4.0  # nearer than this the bell is the news
    recover_s: float = 300.0
    arriving_soon: bool = True
    arriving_soon_min: float = 10.0


@dataclass(frozen=True, slots=True)
class Told:
    """One notice the customer was given: ``kind``, ``at`` when, the window quoted (None for holding)."""

    kind: str
    at: datetime
    quoted_from_at: datetime | None
    quoted_until_at: datetime | None


@dataclass(frozen=True, slots=True)
class Watch:
    """What is remembered of a visit between looks: since when it seems late, or fine after having been late."""

    late_since_at: datetime | None = None
    fine_since_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why: ``code`` (a key of REASONS) and the figures it rests on."""

    code: str
    facts: Mapping[str, str | int | float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do: ``kind`` None is nothing; ``look_again_at`` when the answer can change without new evidence."""

    kind: str | None
    quoted_from_at: datetime | None
    quoted_until_at: datetime | None
    reason: Reason
    look_again_at: datetime | None
    watch: Watch
    alarm: str | None


def decide(
    stop: Stop, forecast: Forecast, told: Sequence[Told], watch: Watch, now: datetime, policy: Policy = Policy()
) -> Decision:
    """Return the one decision for this customer now, with its reason."""
    lead_min = (stop.promised_until_at - now).total_seconds() / 60
    p = forecast.late_probability
    facts: dict[str, str | int | float] = {
        "percent": round(100 * p), "lead_min": round(lead_min), "basis": forecast.basis, "state": forecast.state,
        "late_min": round((forecast.arrives_median_at - stop.promised_until_at).total_seconds() / 60),
        "silent_min": round((now - forecast.as_of).total_seconds() / 60) if forecast.as_of else 0,
        "distance_m": round(forecast.distance_m or 0), "left_min": round((forecast.arrives_median_at - now).total_seconds() / 60),
        "earlier_min": 0,
    }  # fmt: skip
    again = _look_again(stop, forecast, told, now, lead_min, policy)

    def nothing(code: str, seen: Watch = watch, alarm: str | None = None, at: datetime | None = again) -> Decision:
        return Decision(None, None, None, Reason(code, facts), at, seen, alarm)

    def say(kind: str, code: str, window: tuple[datetime, datetime] | None, seen: Watch = watch, alarm: str | None = None) -> Decision:
        low, high = window or (None, None)
        return Decision(kind, low, high, Reason(code, facts), again, seen, alarm)

    there = stop.arrived_at is not None and not forecast.reopened
    if there or stop.completed_at or (forecast.next_stop and forecast.state == "at_site"):
        return nothing("arrived", Watch(), at=None)
    if forecast.perhaps_there:
        return nothing("perhaps_arrived", alarm="silent_near_site" if lead_min < 0 else None)

    late_told = [t for t in told if t.kind in LATE_KINDS]
    held = any(t.kind == "holding" for t in told)
    blind = forecast.as_of is None or forecast.silent_s > 60 * policy.stale_min
    if blind:
        return _blind(forecast, told, lead_min, policy, nothing, say)
    if late_told:
        return _after_late(stop, forecast, late_told, told, watch, now, policy, facts, nothing, say)

    threshold = _threshold(forecast, lead_min, policy)
    if forecast.state == "standing":
        threshold = max(threshold, policy.standing_share)
    if held:
        threshold = max(threshold, policy.held_share)
    if p >= threshold and lead_min < 0 and forecast.next_stop and _soon(forecast, now, policy):
        return nothing("at_the_bell")
    if p >= threshold:
        since = watch.late_since_at or now
        seen = Watch(late_since_at=since)
        patience = policy.persist_s if lead_min <= policy.likely_lead_min else policy.persist_early_s
        settled = (now - since).total_seconds() >= patience
        if not settled:
            return nothing("late_confirming", seen, at=min(again, since + timedelta(seconds=patience)))
        window, share = quote(forecast, stop, now, policy)
        if share >= policy.quote_least_share:
            return say("late", "late_expected", window, seen)
        if lead_min > policy.wait_until_lead_min:
            return nothing("late_too_vague", seen)
        if share >= policy.holding_least_share:
            return say("late", "late_expected", window, seen)
        if not held:
            return say("holding", "late_unclear", None, seen, "late_unclear")
        return nothing("told_already", seen)
    seen = Watch()
    if forecast.next_stop and not held:
        overdue = forecast.arrives_median_at < now - timedelta(seconds=60)  # expected there by now, and no word of it
        border = policy.overdue_lead_min if overdue else policy.silent_lead_min
        if forecast.state in ("silent", "unknown") and lead_min <= border:
            return say("holding", "silent", None, seen, "silent_near_promise")
    if (
        policy.arriving_soon and forecast.next_stop and forecast.state == "travelling" and not told
        and forecast.basis == "observed_pace"
        and (forecast.arrives_median_at - now).total_seconds() <= 60 * policy.arriving_soon_min
    ):  # fmt: skip
        return say("arriving_soon", "nearly_there", (_down(forecast.arrives_from_at), _up(forecast.arrives_until_at)), seen)
    return nothing("told_already" if held else "on_course", seen)


def _blind(forecast, told, lead_min, policy, nothing, say):  # type: ignore[no-untyped-def]
    """Decide without evidence: one holding notice near the promise, an alarm, and then a person's business."""
    if not forecast.next_stop:
        return nothing("on_course", Watch())
    if lead_min > policy.unheard_lead_min:
        return nothing("on_course", Watch())
    if told or lead_min < -policy.give_up_min:
        return nothing("told_already" if told else "given_up", Watch(), "silent_near_promise", None)
    return say("holding", "silent" if forecast.as_of else "nothing_known", None, Watch(), "silent_near_promise")


def _after_late(stop, forecast, late_told, told, watch, now, policy, facts, nothing, say):  # type: ignore[no-untyped-def]
    quoted = next((t for t in reversed(late_told) if t.quoted_until_at is not None), None)
    if any(t.kind == "on_time_again" for t in told):
        return nothing("told_already")
    p = forecast.late_probability
    soon = _soon(forecast, now, policy)
    if p <= policy.recover_share and forecast.next_stop and forecast.state == "travelling" and not soon:
        since = watch.fine_since_at or now
        if (now - since).total_seconds() >= policy.recover_s:
            return say("on_time_again", "on_time_again", quote(forecast, stop, now, policy)[0], Watch(fine_since_at=since))
        return nothing("told_already", Watch(fine_since_at=since), at=since + timedelta(seconds=policy.recover_s))
    if quoted is None:
        return nothing("told_already", Watch())
    beyond = forecast.share_after(quoted.quoted_until_at + timedelta(seconds=GRACE_S))
    if beyond >= policy.update_share and (now - quoted.at).total_seconds() >= 60 * policy.update_gap_min:
        if len(late_told) >= policy.most_late:
            return nothing("told_enough", Watch(), "quote_broken")
        window, share = quote(forecast, stop, now, policy)
        if window[1] > quoted.quoted_until_at + timedelta(minutes=5) and share >= policy.holding_least_share:
            return say("late_update", "moved_later", window, Watch())
    return nothing("told_already", Watch())


def quote(forecast: Forecast, stop: Stop, now: datetime, policy: Policy) -> tuple[tuple[datetime, datetime], float]:
    """Return the window to tell, rounded to 5 minutes, and how likely it holds (± the 5 minutes' grace)."""
    samples = forecast.arrivals_s
    n = len(samples)
    best: tuple[float, float, float] | None = None
    most = policy.quote_max_min * 60.0
    need = max(int(policy.quote_share * n), 1)
    k = 0
    for i in range(n):  # the narrowest that is likely enough
        j = i + need - 1
        if j < n and samples[j] - samples[i] <= most and (best is None or samples[j] - samples[i] < best[1] - best[0]):
            best = (samples[i], samples[j], 1.0)
    if best is None:  # else the likeliest of the widest allowed
        count = 0
        for i in range(n):
            while k < n and samples[k] - samples[i] <= most:
                k += 1
            if k - i > count:
                count = k - i
                best = (samples[i], samples[i] + most, 1.0)
    assert best is not None
    base = forecast.made_at
    low, high = _down(base + timedelta(seconds=max(best[0], 0.0))), _up(base + timedelta(seconds=max(best[1], 0.0)))
    if high - low > timedelta(minutes=policy.quote_max_min):
        low, high = _near(base + timedelta(seconds=best[0])), _near(base + timedelta(seconds=best[1]))
        if high - low > timedelta(minutes=policy.quote_max_min):
            high = low + timedelta(minutes=policy.quote_max_min)
    if high - low < timedelta(minutes=10):
        high = low + timedelta(minutes=10)
    share = share_after(samples, (low - base).total_seconds() - GRACE_S) - share_after(samples, (high - base).total_seconds() + GRACE_S)
    return (low, high), share


def _soon(forecast: Forecast, now: datetime, policy: Policy) -> bool:
    return forecast.state == "travelling" and (forecast.arrives_median_at - now).total_seconds() < 60 * policy.bell_min


def _threshold(forecast: Forecast, lead_min: float, policy: Policy) -> float:
    """Return how likely late a visit must be to be told ``lead_min`` before the end of its promise."""
    if lead_min <= 0:
        return policy.last_share
    driving = forecast.state in DRIVING
    early = (policy.driving_lead_min, policy.driving_share) if driving else (policy.early_lead_min, policy.early_share)
    points = (
        (0.0, policy.last_share), (policy.likely_lead_min, policy.likely_share), early, (policy.sure_lead_min, policy.sure_share),
    )  # fmt: skip
    for (x0, y0), (x1, y1) in pairwise(points):
        if lead_min <= x1:
            return y0 + (y1 - y0) * (lead_min - x0) / (x1 - x0)
    return policy.sure_share


def _look_again(
    stop: Stop, forecast: Forecast, told: Sequence[Told], now: datetime, lead_min: float, policy: Policy
) -> datetime:
    """Return the next moment worth looking: half the time in which the clock alone could make the visit late."""
    last_late = next((t for t in reversed(told) if t.kind in LATE_KINDS), None)
    if last_late is not None:
        return max(last_late.at + timedelta(minutes=policy.update_gap_min), now + timedelta(seconds=120))
    deadline = (stop.promised_until_at - now).total_seconds() + GRACE_S
    slack = deadline - forecast.arrivals_s[int(0.6 * len(forecast.arrivals_s))]
    least = min(max(2.0 * lead_min, 30.0), 600.0) if lead_min > 0 else 60.0
    wait = min(max(0.5 * slack, least), 1800.0)
    for border in (policy.silent_lead_min, policy.overdue_lead_min, policy.unheard_lead_min):
        to_border = (lead_min - border) * 60
        if to_border > 0:
            wait = min(wait, max(to_border, 15.0))
    return now + timedelta(seconds=wait)


def _down(at: datetime) -> datetime:
    return at - timedelta(seconds=at.timestamp() % 300)


def _up(at: datetime) -> datetime:
    return at + timedelta(seconds=-at.timestamp() % 300)


def _near(at: datetime) -> datetime:
    return _down(at + timedelta(seconds=150))
