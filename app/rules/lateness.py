"""Should this customer be told something now, and if so what?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from types import MappingProxyType
from typing import NamedTuple

from app.rules.forecast import GRACE_S, Forecast, Stop
from app.rules.messages import next_word_at
from app.rules.motion import SITE_M
from app.rules.policy import Policy
from app.rules.quoting import TOLD_LATE, Quote, quote

ALARMS = frozenset({"silent_near_promise", "late_unclear", "quote_broken"})
#: Why, in English, for a replay and for who asks on the command line; pages translate the code.
REASONS: Mapping[str, str] = MappingProxyType(
    {
        "arrived": "the technician is there",
        "perhaps_arrived": "the phone fell silent {distance_m} m before the door: probably arrived",
        "on_course": "{percent} % likely late, {lead_min} min before the promise ends ({basis}, {state})",
        "late_confirming": "{percent} % likely late; must hold a moment before it is said ({basis}, {state})",
        "late_too_vague": "{percent} % likely late, but no window would hold yet ({basis}, {state})",
        "late_expected": "expected {late_min} min after the promise, {percent} % likely late ({basis}, {state})",
        "late_unclear": "{percent} % likely late, but no window would hold: told that we are on it ({basis}, {state})",
        "silent": "no news for {silent_min} min, {lead_min} min before the promise ends",
        "nothing_known": "no sign of the technician {lead_min} min before the promise ends",
        "given_up": "no news since long before the promise: a dispatcher must ask",
        "told_already": "the customer knows; nothing material has changed ({percent} % likely late, {basis}, {state})",
        "told_enough": "the quoted window no longer holds, but the customer was told as often as allowed",
        "moved_later": "expected {late_min} min after the promise; the quoted window is broken ({basis}, {state})",
        "on_time_again": "{percent} % likely late: the delay has gone ({basis}, {state})",
        "mended": "the plan was changed for it: {percent} % likely late",
        "nearly_there": "about {left_min} min away ({basis})",
        "at_the_bell": "about {left_min} min away: the bell is the news",
        "quiet_hours": "quiet hours: waits until {until} and is then decided anew ({kind}, {percent} % likely late)",
        "wants_delays_only": "the customer wants to be told of delays only ({kind})",
        "wants_nothing": "the customer wants no notices ({kind}, {percent} % likely late)",
    }
)
#: Minutes before the promise ends in which what is not said is said too late.
LAST_WORD_MIN = 1.5
#: So little before customers can act no more it is looked at once more: a tick of the sweep.
LAST_LOOK_MIN = 0.25
_DRIVING = ("travelling", "creeping", "standing")
_UNHEARD = ("silent", "unknown")


@dataclass(frozen=True, slots=True)
class Told:
    """One notice the customer was given: `kind`, `at` when, and the window quoted in it (None for holding)."""

    kind: str
    at: datetime
    quoted_from_at: datetime | None
    quoted_until_at: datetime | None


@dataclass(frozen=True, slots=True)
class Watch:
    """What is remembered of a visit between two looks: since when it seems late, or fine after having been late."""

    late_since_at: datetime | None = None
    fine_since_at: datetime | None = None


#: Nothing is suspected, as most of the time.
UNSUSPECTED = Watch()


class Reason(NamedTuple):
    """Why: `code`, a key of REASONS, and the figures it rests on."""

    code: str
    facts: Mapping[str, str | int | float] = MappingProxyType({})

    def __str__(self) -> str:
        """Return the reason in English."""
        return REASONS[self.code].format(**self.facts)


class Decision(NamedTuple):
    """What to do: `kind` of notice or None; its window; why; when to look again although nothing new came (None: only
    new evidence can change the answer); what to remember; and a code of ALARMS when a dispatcher should act."""

    kind: str | None
    quoted_from_at: datetime | None
    quoted_until_at: datetime | None
    reason: Reason
    look_again_at: datetime | None
    watch: Watch
    alarm: str | None


class _Case(NamedTuple):
    """One customer at one moment; `lead_min` minutes before the promise ends, `left_min` before the arrival."""

    stop: Stop
    forecast: Forecast
    told: Sequence[Told]
    watch: Watch
    now: datetime
    policy: Policy
    lead_min: float
    left_min: float

    @property
    def at_the_bell(self) -> bool:
        near = self.left_min < self.policy.bell_min and self.forecast.state == "travelling"
        return near and self.forecast.next_stop

    @property
    def at_the_door(self) -> bool:
        """Whether the technician is just driving up: whoever stays is there, and who creeps does so a moment later."""
        distance_m = self.forecast.distance_m
        return self.forecast.state == "travelling" and distance_m is not None and distance_m <= SITE_M

    @property
    def held(self) -> bool:
        return any(told.kind == "holding" for told in self.told)

    @property
    def may_hold(self) -> bool:
        """Whether "we are on it" may be said (again): not too often, and not before the word promised with the last."""
        holdings = [told for told in self.told if told.kind == "holding"]
        return len(holdings) < self.policy.most_holding and (not holdings or self.now >= next_word_at(holdings[-1].at))

    def nothing(
        self, code: str, watch: Watch = UNSUSPECTED, alarm: str | None = None, again_at: datetime | None = None
    ) -> Decision:
        return Decision(None, None, None, self._reason(code), again_at, watch, alarm)

    def say(
        self, kind: str, code: str, quoted: Quote | None, watch: Watch = UNSUSPECTED, alarm: str | None = None
    ) -> Decision:  # fmt: skip
        low, high = quoted.window if quoted else (None, None)
        again_at = self.now + timedelta(minutes=self.policy.update_gap_min if kind in TOLD_LATE else 1)
        return Decision(kind, low, high, self._reason(code, quoted), again_at, watch, alarm)

    def _reason(self, code: str, quoted: Quote | None = None) -> Reason:
        forecast = self.forecast
        silent = self.now - forecast.as_of if forecast.as_of else timedelta(0)
        promised_until_at = self.stop.promised_until_at
        facts: dict[str, str | int | float] = {
            "percent": round(100 * forecast.late_probability),
            "lead_min": round(self.lead_min),
            "late_min": round((forecast.arrives_median_at - promised_until_at).total_seconds() / 60),
            "left_min": round(self.left_min),
            "silent_min": round(silent.total_seconds() / 60),
            "distance_m": round(forecast.distance_m or 0),
            "basis": forecast.basis,
            "state": forecast.state,
        }
        if quoted is not None:  # what the window claims, and how it was calibrated: one day it is learned from
            facts["holds_percent"] = round(100 * min(quoted.share, self.policy.quote_share))
            if quoted.told_as.n:
                facts |= {"shift": round(quoted.told_as.shift, 4), "widen": round(quoted.told_as.widen, 4)}
        return Reason(code, facts)


def decide(
    stop: Stop, forecast: Forecast, told: Sequence[Told], watch: Watch, now: datetime, policy: Policy = Policy()
) -> Decision:
    """Return the one decision for this customer now, with its reason and the next moment to look.

    `told` in the order of time; `watch` as the last decision returned it. Example: five o'clock promised, at twenty to
    five the technician creeps and is expected at half past: `late_confirming` now, and `late` with a window of 25
    minutes when that still holds 90 seconds later.
    """
    lead_min = (stop.promised_until_at - now).total_seconds() / 60
    left_min = (forecast.arrives_median_at - now).total_seconds() / 60
    case = _Case(stop, forecast, told, watch, now, policy, lead_min, left_min)
    if stop.completed_at is not None or (stop.arrived_at is not None and not forecast.reopened):
        return case.nothing("arrived")
    if forecast.next_stop and forecast.state == "at_site":
        return case.nothing("arrived", again_at=now + timedelta(minutes=10))
    if forecast.perhaps_there:
        return case.nothing("perhaps_arrived", again_at=now + timedelta(minutes=5))
    if forecast.as_of is None or forecast.silent_s > 60 * policy.stale_min:
        return _without_evidence(case)
    if any(one.kind in TOLD_LATE for one in told):
        return _after_late(case)
    return _before_late(case)


def _without_evidence(case: _Case) -> Decision:
    """Decide when nothing is known (any more): one holding notice near the promise, then it is a person's business."""
    lead_min, policy = case.lead_min, case.policy
    if not case.forecast.next_stop:
        return case.nothing("on_course")
    if lead_min > policy.unheard_lead_min:
        return case.nothing("on_course", again_at=case.now + timedelta(minutes=lead_min - policy.unheard_lead_min))
    if any(one.kind not in ("arriving_soon", "holding") for one in case.told) or not case.may_hold:
        return case.nothing("told_already", alarm="silent_near_promise")
    if lead_min < -policy.give_up_min:
        return case.nothing("given_up", alarm="silent_near_promise")
    code = "silent" if case.forecast.as_of else "nothing_known"
    return case.say("holding", code, None, alarm="silent_near_promise")


def _before_late(case: _Case) -> Decision:
    """Decide for a customer who was told of no delay yet."""
    forecast, policy, now, lead_min = case.forecast, case.policy, case.now, case.lead_min
    again_at = _look_again_at(case)
    likely = _likely_late(case)
    if likely > 0 and likely >= _threshold(case):
        if lead_min < 0 and (case.at_the_door or (-policy.bell_past_min < lead_min and case.at_the_bell)):
            return case.nothing("at_the_bell", again_at=again_at)
        since_at = case.watch.late_since_at or now
        watch = Watch(late_since_at=since_at)
        early = lead_min > policy.likely_lead_min
        persist = timedelta(seconds=policy.persist_early_s if early else policy.persist_s)
        # A phone that reports once a minute would confirm itself: the drive must have been heard of since, or twice as
        # long must pass.
        unconfirmed = forecast.state in _DRIVING and forecast.as_of is not None and forecast.as_of <= since_at
        settled_at = since_at + (2 * persist if unconfirmed else persist)
        act_until_at = case.stop.promised_until_at - timedelta(minutes=policy.act_lead_min)
        last_chance = now <= act_until_at < settled_at
        if now < settled_at and not last_chance:
            return case.nothing("late_confirming", watch, again_at=min(again_at, settled_at))
        quoted = _quote_delay(case)
        if quoted.share < policy.vague_share and lead_min > policy.vague_lead_min:
            return case.nothing("late_too_vague", watch, again_at=again_at)
        if quoted.share >= policy.guess_share:
            return case.say("late", "late_expected", quoted, watch)
        if case.may_hold:
            return case.say("holding", "late_unclear", None, watch, "late_unclear")
        return case.nothing("told_already", watch, "late_unclear", again_at)
    unheard = forecast.next_stop and forecast.state in _UNHEARD
    if unheard and (lead_min <= policy.silent_lead_min or (lead_min >= policy.act_lead_min and _overdue(case))):
        # Expected there just now: parked phones report every few minutes, and the next report may be the arrival. Only
        # a word before the promise ends is one.
        parked = case.left_min < 0 and forecast.silent_s < 60 * policy.parked_silent_min
        if parked and not 0.0 <= lead_min <= LAST_WORD_MIN:
            return case.nothing("on_course", again_at=again_at)
        if not case.may_hold:
            return case.nothing("told_already", alarm="silent_near_promise", again_at=again_at)
        return case.say("holding", "silent", None, alarm="silent_near_promise")
    soon = (
        forecast.state == "travelling"
        and forecast.basis == "observed_pace"
        and case.left_min <= policy.arriving_soon_min
    )
    too_early_at = case.stop.promised_from_at - timedelta(minutes=policy.arriving_soon_early_min)
    if (
        policy.arriving_soon
        and forecast.next_stop
        and soon
        and forecast.arrives_median_at >= too_early_at
        and not case.told
    ):
        return case.say("arriving_soon", "nearly_there", quote(forecast, policy))
    return case.nothing("told_already" if case.held else "on_course", again_at=again_at)


def _after_late(case: _Case) -> Decision:
    """Decide for a customer who was told of a delay: correct the window when it is broken, or take the delay back."""
    forecast, policy, now = case.forecast, case.policy, case.now
    words = [one for one in case.told if one.kind in TOLD_LATE]
    recoveries = [one for one in case.told if one.kind == "on_time_again"]
    recovered = len(recoveries) >= policy.most_recovered or case.told[-1].kind == "on_time_again"
    if case.at_the_bell:
        return case.nothing("at_the_bell", again_at=now + timedelta(minutes=policy.update_gap_min))
    if not recovered and forecast.late_probability <= policy.recover_share and forecast.state == "travelling":
        since_at = case.watch.fine_since_at or now
        firm_at = since_at + timedelta(seconds=policy.recover_s)
        watch = Watch(fine_since_at=since_at)
        if forecast.next_stop and now >= firm_at:
            return case.say("on_time_again", "on_time_again", quote(forecast, policy), watch)
        return case.nothing("told_already", watch, again_at=max(firm_at, now + timedelta(minutes=1)))
    last = next(one for one in reversed(words))
    again_at = max(last.at + timedelta(minutes=policy.update_gap_min), now + timedelta(minutes=2))
    if last.quoted_until_at is None or forecast.late_probability < policy.last_share:
        return case.nothing("told_already", again_at=again_at)
    broken = forecast.share_after(last.quoted_until_at + timedelta(seconds=GRACE_S)) >= policy.update_share
    if not broken or now < last.at + timedelta(minutes=policy.update_gap_min):
        return case.nothing("told_already", again_at=again_at)
    if len(words) >= policy.most_late:
        return case.nothing("told_enough", alarm="quote_broken", again_at=again_at)
    quoted = quote(forecast, policy, "late_update", policy.quote_wide_min)
    least = timedelta(minutes=policy.update_least_min)
    if quoted.share < policy.guess_share or quoted.window[1] < last.quoted_until_at + least:
        return case.nothing("told_already", again_at=again_at)
    return case.say("late_update", "moved_later", quoted)


def _quote_delay(case: _Case) -> Quote:
    """Return the window for the first word about a delay.

    Where the next hours are still uncertain but the delay is not, a wide window now serves better than a narrow one
    when it is too late to plan anew: an overrun at ten is told to the customer of three o'clock before noon. So does a
    wide one that holds when there is no more time to wait for a narrow one.
    """
    forecast, policy = case.forecast, case.policy
    quoted = quote(forecast, policy, "late")
    if quoted.share >= policy.vague_share:
        return quoted
    if case.lead_min <= policy.vague_lead_min:
        return quote(forecast, policy, "late", policy.quote_wide_min)
    if case.lead_min >= policy.far_lead_min and forecast.late_probability >= policy.far_share:
        return quote(forecast, policy, "late", policy.far_quote_max_min)
    return quoted


def _likely_late(case: _Case) -> float:
    """Return how likely the visit is late by enough to say it now: a drive that goes well may make up a few minutes."""
    forecast, policy = case.forecast, case.policy
    if forecast.state != "travelling" or case.lead_min <= 0:
        return forecast.late_probability
    made_up = timedelta(minutes=policy.made_up_factor * case.lead_min)
    return forecast.share_after(case.stop.promised_until_at + timedelta(seconds=GRACE_S) + made_up)


def _overdue(case: _Case) -> bool:
    """Tell whether a silent phone should just have come to its site, at the last moment at which a customer can act.

    Not when that was long ago: it has been there since, unseen, or the drive was never what it seemed.
    """
    policy, due_at = case.policy, case.forecast.due_at
    if due_at is None or case.lead_min > policy.overdue_lead_min:
        return False
    return policy.overdue_min <= (case.now - due_at).total_seconds() / 60 <= policy.overdue_most_min


def _threshold(case: _Case) -> float:
    """Return how likely late the visit must be to be told now."""
    forecast, policy, lead_min = case.forecast, case.policy, case.lead_min
    driving = forecast.state in _DRIVING
    early = (
        (policy.driving_lead_min, policy.driving_share) if driving else (policy.working_lead_min, policy.working_share)
    )
    share = policy.sure_share
    points = (
        (0.0, policy.last_share), (policy.likely_lead_min, policy.likely_share), early,
        (policy.sure_lead_min, policy.sure_share),
    )  # fmt: skip
    for (x0, y0), (x1, y1) in pairwise(points):
        if lead_min <= x1:
            share = y0 + (y1 - y0) * (max(lead_min, 0.0) - x0) / (x1 - x0)
            break
    if forecast.state == "standing":
        share = max(share, policy.standing_share)
    if forecast.state in _UNHEARD:
        share = max(share, policy.sure_share)
    return max(share, policy.held_share) if case.held else share


def _look_again_at(case: _Case) -> datetime:
    """Return the next moment worth looking: half the time in which the clock alone could make the visit late.

    The clock pushes an arrival by no more than the time that passes; far from the promise a rough look will do.
    """
    policy, lead_min, samples = case.policy, case.lead_min, case.forecast.arrivals_s
    slack_s = 60 * lead_min + GRACE_S - samples[int(0.6 * len(samples))]
    least_s = min(max(2.0 * lead_min, 30.0), 600.0) if lead_min > 0 else 60.0
    wait_s = min(max(0.5 * slack_s, least_s), 1800.0)
    borders_min = (LAST_WORD_MIN, policy.silent_lead_min, policy.act_lead_min + LAST_LOOK_MIN, policy.overdue_lead_min,
                   policy.unheard_lead_min)  # fmt: skip
    if wait_s <= 60 * (lead_min - max(borders_min)):  # as mostly: none of them is reached meanwhile
        return case.now + timedelta(seconds=wait_s)
    for border_min in borders_min:
        if lead_min > border_min:
            wait_s = min(wait_s, max(60 * (lead_min - border_min), 15.0))
    return case.now + timedelta(seconds=wait_s)
