"""What follows when a visit is given another place in the plan: promises, conflicts, and who is likelier late?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo

from app.rules.booking import Clash, Taken, first_free_start
from app.rules.gaps import Planned, Roster
from app.rules.slots import MOST_RISK, Wish, risk_of

Window = tuple[datetime, datetime]

#: Whose risk changes by less is not worth a line, unless the promise breaks.
SHOWN_SHARE = 0.05
#: Only who comes so soon after the work is touched by it.
AFFECTED = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Risk:
    """How likely a visit is later than its promise, as it stands and after the change; None: nobody can tell."""

    visit: int
    technician: int
    before: float | None
    after: float | None

    @property
    def breaks(self) -> bool:
        """Whether the change makes a promise one that is likelier broken than anybody would offer it."""
        return self.after is not None and self.after > MOST_RISK and self.after > (self.before or 0.0) + SHOWN_SHARE


def promise_after(promised: Window, starts_at: datetime) -> Window:
    """Return the promise of a visit that is planned to start at another moment.

    Within what was promised only the plan moves; outside of it the promise begins at that moment, as wide as it was.

    >>> from datetime import UTC
    >>> ten, eleven, one = (datetime(2026, 11, 24, hour, tzinfo=UTC) for hour in (10, 11, 13))
    >>> promise_after((ten, eleven), ten + timedelta(minutes=30)) == (ten, eleven)
    True
    >>> promise_after((ten, eleven), one)[1].hour
    14
    """
    from_at, until_at = promised
    return promised if from_at <= starts_at <= until_at else (starts_at, starts_at + (until_at - from_at))


def clashes(
    starts_at: datetime, duration_min: int, lat: float | None, lon: float | None, taken: Sequence[Taken]
) -> list[Clash]:
    """Return everything in a plan that work at a moment would overlap, or could not be reached from or left for."""
    each = (first_free_start(starts_at, starts_at, duration_min, lat, lon, [one]) for one in taken)
    return [clash for clash in each if isinstance(clash, Clash)]


def risks(
    work: Planned, rosters: Mapping[int, Roster], technician: int | None, moved: Planned, zone: tzinfo, now: datetime
) -> list[Risk]:
    """Return the risks that change: the visit's own first, then those of whoever the same technicians see afterwards.

    `work` is the visit as it stands in one of the `rosters` (or in none: nobody was sent), `moved` as it would be with
    `technician`. Example: a visit is taken out of a full morning: the one after it is less likely late.
    """
    after = {
        id: _with(roster, moved) if id == technician else _without(roster, work.visit) for id, roster in rosters.items()
    }
    found = []
    for id, roster in rosters.items():
        others = {one.visit: one for one in (*roster.plan, *after[id].plan)}
        for one in sorted(others.values(), key=lambda planned: planned.from_at):
            is_it = one.visit == work.visit
            if (is_it and id != technician) or not (is_it or _touched(one, work, moved, now)):
                continue
            own = next((r for r in rosters.values() if any(p.visit == one.visit for p in r.plan)), None)
            was = _late(own, one.visit, zone, now) if own is not None else None
            risk = Risk(one.visit, id, was, _late(after[id], one.visit, zone, now))
            if is_it or risk.breaks or abs((risk.after or 0.0) - (risk.before or 0.0)) >= SHOWN_SHARE:
                found.append(risk)
    return sorted(found, key=lambda risk: risk.visit != work.visit)


def _touched(one: Planned, work: Planned, moved: Planned, now: datetime) -> bool:
    """Return whether a visit comes soon enough after the old or the new place of the work to feel the change."""
    begins_at = min(work.from_at, moved.from_at)
    return one.visit > 0 and one.until_at > now and begins_at <= one.from_at <= begins_at + AFFECTED


def _late(roster: Roster, visit: int, zone: tzinfo, now: datetime) -> float | None:
    """Return how likely a visit of a plan comes later than promised; None without a position, or where others are."""
    one = next((planned for planned in roster.plan if planned.visit == visit), None)
    if one is None or one.lat is None or one.lon is None:
        return None
    minutes = int((one.until_at - one.from_at) / timedelta(minutes=1))
    window_min = max(int((one.promised_until_at - one.from_at) / timedelta(minutes=1)), 0)
    wish = Wish(one.lat, one.lon, minutes, one.from_at, one.from_at, window_min)
    slot = risk_of(wish, _without(roster, visit), one.from_at, zone, now)
    return None if slot is None else slot.late_probability


def _without(roster: Roster, visit: int) -> Roster:
    return replace(roster, plan=tuple(one for one in roster.plan if one.visit != visit))


def _with(roster: Roster, moved: Planned) -> Roster:
    plan = (*(one for one in roster.plan if one.visit != moved.visit), moved)
    return replace(roster, plan=tuple(sorted(plan, key=lambda one: one.from_at)))
