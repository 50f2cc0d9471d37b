"""What does each parameter of the policy count in, how far may it go, and under which heading does a manager find it?

One table for the dataclass's own check, for the office page and for what is refused there.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

GROUPS = ("speak", "quote", "correct", "caps", "silence", "quiet", "friendly", "before", "replies", "brake")
#: What a value counts in: a probability from 0 to 1, minutes, minutes before and after the promise ends, seconds, how
#: often, a factor, yes or no, a local time.
UNITS = ("share", "min", "lead", "past", "s", "times", "factor", "yes", "clock")


@dataclass(frozen=True, slots=True)
class Term:
    """One parameter: its `group` (one of GROUPS), `unit` (one of UNITS), and the `least` and `most` that make sense.

    `whole` values have no fraction. `fine` ones are for who knows why: the page keeps them below the others.
    """

    group: str
    unit: str
    least: float = 0.0
    most: float = 1.0
    whole: bool = False
    fine: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one parameter: `code` extra (there is no such), type, time, range, more_than, no_less_than."""

    field: str
    code: str
    facts: Mapping[str, Any]


def _fine(group: str, unit: str, least: float = 0.0, most: float = 1.0, *, whole: bool = False) -> Term:
    return Term(group, unit, least, most, whole, fine=True)


TERMS: Mapping[str, Term] = MappingProxyType(
    {
        "last_share": Term("speak", "share", 0.05, 0.99),
        "made_up_factor": _fine("speak", "factor", 0.0, 0.5),
        "likely_share": Term("speak", "share", 0.2, 0.99),
        "likely_lead_min": _fine("speak", "lead", 5, 60),
        "driving_share": Term("speak", "share", 0.2, 0.99),
        "driving_lead_min": _fine("speak", "lead", 5, 120),
        "working_share": Term("speak", "share", 0.2, 0.99),
        "working_lead_min": _fine("speak", "lead", 5, 120),
        "sure_share": Term("speak", "share", 0.5, 0.999),
        "sure_lead_min": Term("speak", "lead", 15, 480),
        "standing_share": _fine("speak", "share", 0.2, 0.99),
        "held_share": _fine("speak", "share", 0.2, 0.99),
        "persist_s": Term("speak", "s", 0, 300),
        "persist_early_s": Term("speak", "s", 0, 900),
        "act_lead_min": _fine("speak", "lead", 0, 60),
        "quote_share": Term("quote", "share", 0.5, 0.99),
        "quote_max_min": Term("quote", "min", 5, 120, whole=True),
        "quote_min_min": Term("quote", "min", 5, 60, whole=True),
        "quote_stretch": _fine("quote", "factor", 1.0, 2.0),
        "vague_share": _fine("quote", "share", 0.0, 0.99),
        "vague_lead_min": _fine("quote", "lead", 0, 60),
        "quote_wide_min": Term("quote", "min", 5, 120, whole=True),
        "guess_share": _fine("quote", "share", 0.0, 0.99),
        "far_lead_min": Term("quote", "lead", 20, 480),
        "far_share": Term("quote", "share", 0.5, 0.999),
        "far_quote_max_min": Term("quote", "min", 5, 180, whole=True),
        "update_share": Term("correct", "share", 0.3, 0.99),
        "update_gap_min": Term("correct", "min", 5, 120),
        "recover_share": _fine("correct", "share", 0.0, 0.5),
        "recover_s": _fine("correct", "s", 0, 1800),
        "update_least_min": Term("correct", "min", 5, 60),
        "most_late": Term("caps", "times", 1, 6, whole=True),
        "most_recovered": Term("caps", "times", 0, 3, whole=True),
        "most_holding": Term("caps", "times", 1, 4, whole=True),
        "unheard_lead_min": Term("silence", "lead", 0, 60),
        "silent_lead_min": Term("silence", "lead", 0, 60),
        "overdue_lead_min": _fine("silence", "lead", 0, 60),
        "overdue_min": _fine("silence", "min", 0, 60),
        "overdue_most_min": _fine("silence", "min", 0, 180),
        "parked_silent_min": _fine("silence", "min", 0, 60),
        "stale_min": _fine("silence", "min", 5, 180),
        "give_up_min": Term("silence", "past", 0, 240),
        "bell_min": _fine("friendly", "min", 0, 15),
        "bell_past_min": _fine("friendly", "min", 0, 60),
        "arriving_soon": Term("friendly", "yes"),
        "arriving_soon_min": Term("friendly", "min", 2, 60),
        "arriving_soon_early_min": Term("friendly", "min", 0, 60),
        "reminder_day": Term("before", "yes"),
        "reminder_day_at": Term("before", "clock"),
        "reminder_hours": Term("before", "yes"),
        "reminder_lead_min": Term("before", "lead", 30, 720),
        "on_the_way": Term("before", "yes"),
        "tell_changes": Term("before", "yes"),
        "quiet_from": Term("quiet", "clock"),
        "quiet_until": Term("quiet", "clock"),
        "quiet_near_min": Term("quiet", "min", 30, 480),
        "reply_near_min": Term("replies", "min", 1, 60),
        "reply_soon_min": Term("replies", "min", 15, 480),
        "reply_min": Term("replies", "min", 1, 480),
        "reply_climb_min": Term("replies", "min", 1, 240),
        "most_hour": Term("caps", "times", 2, 60, whole=True),
        "most_day": Term("caps", "times", 4, 200, whole=True),
        "most_visit": Term("caps", "times", 4, 100, whole=True),
        "brake_least": Term("brake", "times", 5, 100_000, whole=True),
        "brake_times": Term("brake", "factor", 1.0, 20.0),
        "brake_near": _fine("brake", "factor", 0.1, 5.0),
        "brake_most": _fine("brake", "factor", 0.2, 10.0),
        "brake_jump_min": _fine("brake", "min", 30, 1440),
    }
)
#: Pairs of which the first must be more than the second: one comes after the other.
_MORE_THAN = (
    ("driving_lead_min", "likely_lead_min"),
    ("working_lead_min", "likely_lead_min"),
    ("sure_lead_min", "driving_lead_min"),
    ("sure_lead_min", "working_lead_min"),
)
#: Pairs of which the first must not be less than the second: a threshold never rises as the promise comes nearer.
_NO_LESS_THAN = (
    ("quote_max_min", "quote_min_min"),
    ("far_quote_max_min", "quote_max_min"),
    ("most_day", "most_hour"),
    ("likely_share", "last_share"),
    ("driving_share", "likely_share"),
    ("working_share", "likely_share"),
    ("sure_share", "driving_share"),
    ("sure_share", "working_share"),
)
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


def faults(values: Mapping[str, Any]) -> list[Fault]:
    """Return what is wrong with parameters: unknown ones, values of the wrong kind, out of range, contradictions.

    Two parameters are compared where both are given and each alone is right.

    >>> [(fault.field, fault.code) for fault in faults({"persist_s": -1.0, "nobody": 1})]
    [('persist_s', 'range'), ('nobody', 'extra')]
    """
    found = [fault for name, value in values.items() if (fault := _fault(name, value)) is not None]
    wrong = {fault.field for fault in found}
    for pairs, code in ((_MORE_THAN, "more_than"), (_NO_LESS_THAN, "no_less_than")):
        for first, second in pairs:
            if first not in values or second not in values or wrong & {first, second}:
                continue
            if values[first] < values[second] or (code == "more_than" and values[first] == values[second]):
                found.append(Fault(first, code, {"other": second}))
    return found


def _fault(name: str, value: Any) -> Fault | None:
    term = TERMS.get(name)
    if term is None:
        return Fault(name, "extra", {})
    if term.unit == "yes":
        return None if isinstance(value, bool) else Fault(name, "type", {})
    if term.unit == "clock":
        right = isinstance(value, str) and _CLOCK.fullmatch(value) is not None
        return None if right else Fault(name, "time", {})
    if isinstance(value, bool) or not isinstance(value, int if term.whole else (int, float)):
        return Fault(name, "type", {})
    if not math.isfinite(value) or not term.least <= value <= term.most:
        return Fault(name, "range", {"least": term.least, "most": term.most})
    return None
