"""Would we have suspected this delay earlier, had the positions come in when they were measured?

A suspicion must hold a moment before it is told, so that noise is not. Positions that come in late, in one batch after
a tunnel, carry that moment in themselves: their own times show that the suspicion has held.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from app.rules.forecast import Day, Stop, forecast_day
from app.rules.lateness import Told, Watch, decide
from app.rules.policy import Policy

#: The decision to look again before a suspicion is told.
CONFIRMING = "late_confirming"
_SUSPECTING = (CONFIRMING, "late_too_vague", "late_expected", "late_unclear")


def suspected_since(day: Day, stop: Stop, told: Sequence[Told], now: datetime, policy: Policy) -> datetime | None:
    """Return the instant from which today's positions already showed the delay, or None when they show it only now.

    Asked while a suspicion is to be confirmed; the answer is `now` less the longest time it must hold, or None.
    Example: a jam of twenty minutes that arrives as one batch was suspect 90 seconds ago, so it is told at once.
    """
    then = now - timedelta(seconds=policy.persist_early_s)
    known_then = replace(day, fixes=tuple(fix for fix in day.fixes if fix.fixed_at <= then))
    if not known_then.fixes or known_then.fixes[-1].fixed_at < then - timedelta(seconds=policy.persist_early_s):
        return None
    for forecast in forecast_day(known_then, then).forecasts:
        if forecast.visit == stop.visit:
            decision = decide(stop, forecast, told, Watch(), then, policy)
            return then if decision.reason.code in _SUSPECTING else None
    return None
