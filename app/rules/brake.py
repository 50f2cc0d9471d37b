"""Are far more notices about to leave than such a day has seen, and has one person had enough of them?

An upgrade or a clock that went wrong must not text a thousand people: before anything leaves that was not under way
already, what left in the last hour and what waits is compared with what such an hour has seen and with the visits that
are booked. The figures are parameters of rules.policy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from app.rules.messages import MONEY, REMINDERS
from app.rules.policy import Policy

#: What a person has written, for people that a person chose. It is never held, never counted: an answer to a customer,
#: and word of an incident, which its own rule keeps to one an hour.
BY_HAND = ("incident_update", "reply", *(kind for kind in MONEY if kind != "quote_reminder"))
#: What is compared by itself. Reminders come in a wave that the booked visits explain, the day before at one moment; in
#: that wave a flood of anything else would not show.
WAVES = ("booked", "other")
#: So long is an hour: what is counted, and what is compared with it.
HOUR = timedelta(hours=1)
#: So many weeks back the same hour of the same weekday is looked up.
WEEKS = 4
#: Who has sent notices for so long knows what is usual.
KNOWN_AFTER = timedelta(weeks=2)
#: Visits promised from so long ago until so far ahead are those that an hour's news can be about.
NEAR_BEFORE, NEAR_AFTER = timedelta(hours=1), timedelta(hours=3)
#: So long after the clock has jumped hardly anything leaves unasked.
CAREFUL = timedelta(minutes=30)
#: So many may, then: what a small company sends when its computer is switched on in the morning.
CAREFUL_LEAST = 10
#: What may be missed if it must, and is not counted against what may not: a delay is never crowded out by reminders.
_GENTLE = frozenset((*REMINDERS, "arriving_soon"))
#: What may be decided about notices that are held.
DECISIONS = ("all", "true", "none")
_BOOKED = frozenset(REMINDERS)
#: What is only true while the visit is likely late.
_OF_DELAY = frozenset({"late", "late_update", "holding"})


@dataclass(frozen=True, slots=True)
class Usual:
    """What is known beforehand of an hour like this one.

    `seen`: the most notices of the wave "other" in one hour, at about this time on this weekday, in the weeks before;
    `near`: visits promised about now; `days`: visits of today and tomorrow; `known`: there are weeks to compare with;
    `careful`: the clock has jumped.
    """

    seen: int
    near: int
    days: int
    known: bool = True
    careful: bool = False


@dataclass(frozen=True, slots=True)
class Stopped:
    """Why the brake holds: the `wave`, how many `left` within the hour and wait, the `limit`; if the clock `jumped`."""

    wave: str
    left: int
    waiting: int
    limit: int
    jumped: bool


def wave_of(kind: str) -> str | None:
    """Return with what a kind of notice is counted, one of WAVES; None for what is not counted.

    >>> wave_of("late"), wave_of("reminder_day"), wave_of("reply")
    ('other', 'booked', None)
    """
    if kind in BY_HAND:
        return None
    return "booked" if kind in _BOOKED else "other"


def limits(usual: Usual, policy: Policy) -> Mapping[str, int]:
    """Return how many notices of each wave may leave within an hour without anybody being asked.

    Reminders: one for each visit of today and tomorrow. Anything else: so many times what such an hour has seen, or so
    many for each visit that is near, whichever is more, but never more than so many for each visit of today and
    tomorrow. While there is nothing to compare with, the visits that are near explain as much as any visits ever do. A
    handful (`brake_least`) is never asked about.

    >>> dict(limits(Usual(seen=50, near=80, days=700), Policy()))
    {'booked': 700, 'other': 150}
    >>> dict(limits(Usual(seen=0, near=80, days=700), Policy()))
    {'booked': 700, 'other': 60}
    >>> dict(limits(Usual(seen=0, near=80, days=700, known=False), Policy()))
    {'booked': 700, 'other': 120}
    """
    if usual.careful:
        return MappingProxyType(dict.fromkeys(WAVES, min(CAREFUL_LEAST, policy.brake_least)))
    each = policy.brake_near if usual.known else max(policy.brake_near, policy.brake_most)
    explained = max(policy.brake_times * usual.seen, each * usual.near)
    other = min(explained, policy.brake_most * usual.days)
    return MappingProxyType(
        {"booked": max(policy.brake_least, usual.days), "other": max(policy.brake_least, int(other))}
    )


def strange(
    left: Mapping[str, int], waiting: Mapping[str, int], allowed: Mapping[str, int], *, careful: bool = False
) -> Stopped | None:
    """Return why nothing more may leave unasked, or None. All three count notices, by wave.

    >>> strange({"other": 30}, {"other": 1000}, {"booked": 40, "other": 60})
    Stopped(wave='other', left=30, waiting=1000, limit=60, jumped=False)
    """
    for wave in WAVES:
        gone, waits = left.get(wave, 0), waiting.get(wave, 0)
        if waits and gone + waits > allowed[wave]:
            return Stopped(wave, gone, waits, allowed[wave], careful)
    return None


def jumped(now: datetime, ticked_at: datetime, policy: Policy) -> bool:
    """Return whether the clock is far from where it was a moment ago: a clock error, or nothing ran for so long."""
    return abs(now - ticked_at) >= timedelta(minutes=policy.brake_jump_min)


def no_more(
    kind: str, *, late_probability: float | None, decided_at: datetime, policy: Policy, now: datetime
) -> str | None:
    """Return why a notice that was held is not true by what is known now, or None while it is.

    What makes any notice old news (arrived, moved, expired) is asked anyway, just before it leaves. Here it is what a
    fault decides and its mending shows: a delay that is none any more, or what a clock that was ahead decided.
    """
    if decided_at > now:
        return "wrong_clock"
    if kind in _OF_DELAY and late_probability is not None and late_probability < policy.last_share:
        return "not_late"
    return None


@dataclass(frozen=True, slots=True)
class Told:
    """One notice that was let go to a customer: its kind, when, and of which visit."""

    kind: str
    at: datetime
    visit_id: int


def over_cap(kind: str, visit_id: int, told: Iterable[Told], visits: int, policy: Policy, now: datetime) -> str | None:
    """Return which cap one more notice would break (cap_hour, cap_day, cap_visit), or None.

    `told` is what the customer was told lately and all of this visit; `visits` is how many visits she has in these
    days: the caps for a person hold for each of them. News counts only news: reminders crowd nothing out.

    >>> from datetime import UTC
    >>> now = datetime(2026, 11, 24, 7, tzinfo=UTC)
    >>> reminders = [Told("reminder_day", now, 1)] * 6
    >>> over_cap("on_the_way", 1, reminders, 1, Policy(), now), over_cap("late", 1, reminders, 1, Policy(), now)
    ('cap_hour', None)
    """
    if kind in BY_HAND:
        return None
    counted = [
        one for one in told if one.kind not in BY_HAND and (kind in _GENTLE or one.kind not in _GENTLE)
    ]  # fmt: skip
    share = max(visits, 1)
    if sum(one.at > now - HOUR for one in counted) >= policy.most_hour * share:
        return "cap_hour"
    if sum(one.at > now - timedelta(days=1) for one in counted) >= policy.most_day * share:
        return "cap_day"
    return "cap_visit" if sum(one.visit_id == visit_id for one in counted) >= policy.most_visit else None
