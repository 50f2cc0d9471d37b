"""What came out of playing past days again? The figures side by side, and the visits that went wrong.

A side is one policy: first the one in force, then perhaps an edited one. Times carry the offset of the day's own zone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.rules.knowable import Knowable
from app.rules.lateness import Told
from app.rules.score import COUNTED, EARLY_ENOUGH_MIN, Marked, Marks, total
from app.rules.visit import GRACE

#: Why a visit is shown, worst first; `warned` is a late one that was told in time: how it should be.
REASONS = ("missed", "false_alarm", "broken", "different", "warned")
#: The lead times that are counted together: up to so many minutes before the promise ends.
LEADS_MIN = (5, 10, 15, 20, 30, 45, 60)
#: So many messages or more are one group.
MANY = 4
#: Forecasts are held against what happened at these minutes before the promise ends.
JUDGED_MIN = (60, 30, 15)
#: Groups of forecast likelihood: up to each.
BINS = (0.05, 0.2, 0.4, 0.6, 0.8, 0.95, 1.0)
#: Two first words nearer than this are the same.
SAME = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Word:
    """One notice: what was said when, and why (a code of rules.lateness with its facts)."""

    kind: str
    at: datetime
    quoted_from_at: datetime | None
    quoted_until_at: datetime | None
    code: str
    facts: Mapping[str, str | int | float | None]


@dataclass(frozen=True, slots=True)
class Thought:
    """One decision: the notice it led to (or None), and why."""

    at: datetime
    kind: str | None
    code: str
    facts: Mapping[str, str | int | float | None]


@dataclass(frozen=True, slots=True)
class Point:
    """One forecast of an arrival: from, median, until are 10, 50 and 90 %."""

    at: datetime
    from_at: datetime
    median_at: datetime
    until_at: datetime
    late_probability: float
    basis: str
    state: str


@dataclass(frozen=True, slots=True)
class Side:
    """One visit under one policy: what went wrong (of REASONS), and everything that was said and thought."""

    wrong: tuple[str, ...]
    lead_min: float | None
    words: tuple[Word, ...]
    thoughts: tuple[Thought, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """One visit worth looking at: `why` of REASONS, over all sides; `row` its number where it is the company's own;
    `points` the forecasts, which are the same under every policy; `knowable` from when on a careful person could have
    known of the delay (None: it did not show before the promise ended, or there was none)."""

    day: str
    visit: str
    row: int | None
    why: tuple[str, ...]
    promised_from_at: datetime
    promised_until_at: datetime
    arrived_at: datetime
    points: tuple[Point, ...]
    sides: tuple[Side, ...]
    knowable: Knowable | None

    @property
    def late(self) -> bool:
        """Whether the promise was broken by more than the grace."""
        return self.arrived_at - self.promised_until_at > GRACE


@dataclass(frozen=True, slots=True)
class Showed:
    """Of how many late visits a careful person could have known: before the promise ended, and ten minutes before."""

    late: int
    before: int
    early: int


@dataclass(frozen=True, slots=True)
class Figures:
    """One side in sum: its marks, the late visits by lead time (not in time, then up to each of LEADS_MIN, then more)
    and by number of messages (0 to MANY)."""

    marks: Marks
    leads: tuple[int, ...]
    messages: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Reliable:
    """What was said with about the same likelihood: how often, how likely on average, and how often it came so."""

    n: int
    forecast: float
    came: float


@dataclass(frozen=True, slots=True)
class Cover:
    """Forecast ranges of so many minutes before the promise ends: arrivals before, within and after them (counted)."""

    lead_min: int
    before: int
    within: int
    after: int


@dataclass(frozen=True, slots=True)
class DayFigures:
    """One day: how many visits and technicians were played, the marks of each side, and what was left out, by why."""

    name: str
    visits: int
    technicians: int
    sides: tuple[Marks, ...]
    left_out: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Result:
    """Everything a page needs.

    `own`: the company's own days, else day logs; `policies` what each side changes of what the product comes with;
    `quote_shares` what each side's windows claim; `real` what was really told; `different` how many visits the second
    side tells otherwise; `reliable` the likelihoods of being late and `claims` those of the windows told, held against
    what came; `showed` what could be known; `hidden` how many cases are not shown, by why; `refused` what
    could not be played.
    """

    own: bool
    days: tuple[DayFigures, ...]
    policies: tuple[Mapping[str, bool | int | float | str], ...]
    quote_shares: tuple[float, ...]
    sides: tuple[Figures, ...]
    real: Figures | None
    different: int
    showed: Showed
    reliable: tuple[Reliable, ...]
    claims: tuple[Reliable, ...]
    covers: tuple[Cover, ...]
    cases: tuple[Case, ...]
    hidden: Mapping[str, int]
    refused: tuple[str, ...]

    @property
    def left_out(self) -> Mapping[str, int]:
        """Return how many visits could not be marked, by why."""
        counts: dict[str, int] = {}
        for day in self.days:
            for why, n in day.left_out.items():
                counts[why] = counts.get(why, 0) + n
        return counts


@dataclass(frozen=True, slots=True)
class Judged:
    """One forecast against what happened: made `lead_min` before the promise ended, likely late by so much; whether it
    was, and whether the arrival came before (-1), within (0) or after (1) the range."""

    lead_min: int
    late_probability: float
    late: bool
    beside: int


def figures(marked: Sequence[Marked]) -> Figures:
    """Return a side in sum."""
    leads, messages = [0] * (len(LEADS_MIN) + 2), [0] * (MANY + 1)
    for one in marked:
        if one.late:
            leads[_lead_group(one.lead_min)] += 1
            messages[min(len(one.told), MANY)] += 1
    return Figures(total(marked), tuple(leads), tuple(messages))


def wrong(marked: Marked) -> tuple[str, ...]:
    """Return what went wrong with a visit, of REASONS."""
    found = {"missed": marked.missed, "false_alarm": marked.false_alarm, "broken": marked.broken_quotes > 0}
    return tuple(why for why, so in found.items() if so)


def told_differently(one: Sequence[Told], other: Sequence[Told]) -> bool:
    """Return whether a customer would notice the difference: other words about a delay, times or windows."""

    def counted(told: Sequence[Told]) -> list[Told]:
        return [word for word in told if word.kind in COUNTED]

    mine, theirs = counted(one), counted(other)
    return len(mine) != len(theirs) or any(
        a.kind != b.kind
        or abs(a.at - b.at) >= SAME
        or (a.quoted_from_at, a.quoted_until_at) != (b.quoted_from_at, b.quoted_until_at)
        for a, b in zip(mine, theirs, strict=True)
    )


def showed(late: Sequence[tuple[Marked, Knowable | None]]) -> Showed:
    """Return of how many late visits the delay showed, and how early."""
    leads_min = [(marked.promised_until_at - sign.at).total_seconds() / 60 for marked, sign in late if sign is not None]
    return Showed(
        len(late),
        sum(lead_min >= 0 for lead_min in leads_min),
        sum(lead_min >= EARLY_ENOUGH_MIN for lead_min in leads_min),
    )


def judge(marked: Marked, points: Iterable[Point]) -> list[Judged]:
    """Return a visit's forecasts, in the order of time, as they stood at each of JUDGED_MIN, while it was awaited."""
    known = list(points)
    found = []
    for lead_min in JUDGED_MIN:
        at = marked.promised_until_at - timedelta(minutes=lead_min)
        stood = [point for point in known if point.at <= at]
        if stood and at < marked.arrived_at:
            last = stood[-1]
            beside = -1 if marked.arrived_at < last.from_at else 1 if marked.arrived_at > last.until_at else 0
            found.append(Judged(lead_min, last.late_probability, marked.late, beside))
    return found


def reliability(judged: Sequence[Judged]) -> tuple[Reliable, ...]:
    """Return, for each group of likelihood that was forecast, how often it came so."""
    return grouped([(one.late_probability, one.late) for one in judged])


def grouped(said: Sequence[tuple[float, bool]]) -> tuple[Reliable, ...]:
    """Return what was said with a likelihood, and came or not, in groups of about the same likelihood."""
    groups: list[list[tuple[float, bool]]] = [[] for _ in BINS]
    for one in said:
        groups[next(i for i, high in enumerate(BINS) if one[0] <= high)].append(one)
    return tuple(
        Reliable(
            len(group),
            sum(likely for likely, _ in group) / len(group),
            sum(came for _, came in group) / len(group),
        )
        for group in groups
        if group
    )


def coverage(judged: Sequence[Judged]) -> tuple[Cover, ...]:
    """Return how the forecast ranges held, by how long before the promise they were made."""
    counts = {lead_min: {-1: 0, 0: 0, 1: 0} for lead_min in JUDGED_MIN}
    for one in judged:
        counts[one.lead_min][one.beside] += 1
    return tuple(Cover(lead_min, n[-1], n[0], n[1]) for lead_min, n in counts.items() if sum(n.values()))


def severity(case: Case) -> tuple[int, float]:
    """Return how bad a case is, to put the worst first: smaller is worse."""
    delay = abs(case.arrived_at - case.promised_until_at)
    return REASONS.index(case.why[0]), -delay.total_seconds()


def _lead_group(lead_min: float | None) -> int:
    if lead_min is None:
        return 0
    return 1 + next((i for i, most in enumerate(LEADS_MIN) if lead_min < most), len(LEADS_MIN))
