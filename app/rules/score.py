"""How good were the words about delays? Marked against when the technician really arrived.

Late: arrived more than the grace after the end of the promise. On time: arrived by it. In between counts neither way.
Words after the arrival are counted apart: they help nobody.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.rules.lateness import Told
from app.rules.visit import GRACE

#: The kinds of notices that speak of a delay; others (nearly there, reminders) are no alarm.
COUNTED = frozenset({"late", "late_update", "holding", "on_time_again"})
#: Told so long before the end of the promise, a customer can still do something about it.
EARLY_ENOUGH_MIN = 10.0


@dataclass(frozen=True, slots=True)
class Marked:
    """One visit whose arrival is known: the words about a delay until then (`told`, oldest first), and when others came
    `after` it; `heard` says whether it was asked for, and `heard_at` from when on the arrival could be known at all
    (None: nothing showed it)."""

    visit: str
    promised_until_at: datetime
    arrived_at: datetime
    told: tuple[Told, ...]
    after: tuple[datetime, ...]
    heard: bool = False
    heard_at: datetime | None = None

    @property
    def after_arrival(self) -> int:
        """How many words about a delay came after the arrival."""
        return len(self.after)

    @property
    def after_known(self) -> int | None:
        """How many of them came although the arrival could be known; None where that was not asked for."""
        if not self.heard and self.after:
            return None
        return sum(self.heard_at is not None and at > self.heard_at for at in self.after)

    @property
    def delay_min(self) -> float:
        """Minutes from the end of the promise to the arrival; negative: earlier."""
        return _min(self.arrived_at - self.promised_until_at)

    @property
    def late(self) -> bool:
        """Whether the promise was broken by more than the grace."""
        return self.arrived_at - self.promised_until_at > GRACE

    @property
    def on_time(self) -> bool:
        """Whether the promise was kept to the minute."""
        return self.arrived_at <= self.promised_until_at

    @property
    def lead_min(self) -> float | None:
        """Minutes from the first word to the end of the promise; None when there was none by then."""
        lead = _min(self.promised_until_at - self.told[0].at) if self.told else -1.0
        return lead if lead >= 0 else None

    @property
    def false_alarm(self) -> bool:
        """Whether the customer was told of a delay, and the technician came in time."""
        return self.on_time and bool(self.told)

    @property
    def missed(self) -> bool:
        """Whether the technician was late, and the customer had no word by the end of the promise."""
        return self.late and self.lead_min is None

    @property
    def quotes(self) -> tuple[tuple[float, bool], ...]:
        """The windows that were told: minutes wide, and whether the arrival fell into it, give or take the grace."""
        return tuple(
            (_min(until_at - from_at), from_at - GRACE <= self.arrived_at <= until_at + GRACE)
            for from_at, until_at in ((told.quoted_from_at, told.quoted_until_at) for told in self.told)
            if from_at is not None and until_at is not None
        )

    @property
    def broken_quotes(self) -> int:
        """How many windows that were told did not hold."""
        return sum(not kept for _, kept in self.quotes)


@dataclass(frozen=True, slots=True)
class Marks:
    """Many visits together. Shares of `late` (warned, warned ten minutes before), of `on_time` (false alarms) and of
    the windows told (`kept`); medians in minutes; `messages` to a late customer on average. None: nothing to count."""

    visits: int
    late: int
    on_time: int
    delay_min: float | None
    warned: float | None
    warned_10_min: float | None
    lead_min: float | None
    lead_p10_min: float | None
    false_alarms: float | None
    messages: float | None
    quotes: int
    kept: float | None
    width_min: float | None
    after_arrival: int
    #: Of them, those sent although the arrival could be known; None where that was not asked for.
    after_known: int | None


def mark(visit: str, promised_until_at: datetime, arrived_at: datetime, told: Iterable[Told]) -> Marked:
    """Return one visit's marks. Example: five o'clock promised, told at 16:45, arrived at 17:30: late, lead 15 min."""
    words = sorted((one for one in told if one.kind in COUNTED), key=lambda one: one.at)
    before = tuple(one for one in words if one.at <= arrived_at)
    return Marked(visit, promised_until_at, arrived_at, before, tuple(one.at for one in words[len(before) :]))


def total(marked: Sequence[Marked]) -> Marks:
    """Return the marks of many visits together."""
    late = [one for one in marked if one.late]
    on_time = [one for one in marked if one.on_time]
    leads_min = sorted(one.lead_min for one in late if one.lead_min is not None)
    quotes = [quote for one in marked for quote in one.quotes]
    return Marks(
        visits=len(marked),
        late=len(late),
        on_time=len(on_time),
        delay_min=statistics.median(one.delay_min for one in late) if late else None,
        warned=_share(len(leads_min), len(late)),
        warned_10_min=_share(sum(lead_min >= EARLY_ENOUGH_MIN for lead_min in leads_min), len(late)),
        lead_min=statistics.median(leads_min) if leads_min else None,
        lead_p10_min=leads_min[int(0.1 * len(leads_min))] if leads_min else None,
        false_alarms=_share(sum(one.false_alarm for one in on_time), len(on_time)),
        messages=sum(len(one.told) for one in late) / len(late) if late else None,
        quotes=len(quotes),
        kept=_share(sum(kept for _, kept in quotes), len(quotes)),
        width_min=statistics.median(width_min for width_min, _ in quotes) if quotes else None,
        after_arrival=sum(one.after_arrival for one in marked),
        after_known=_sum(one.after_known for one in marked),
    )


def _sum(counts: Iterable[int | None]) -> int | None:
    known = list(counts)
    return None if None in known else sum(count or 0 for count in known)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _min(span: timedelta) -> float:
    return span.total_seconds() / 60
