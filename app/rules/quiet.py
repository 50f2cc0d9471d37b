"""May this customer be told now, or does it wait for the end of quiet hours, or is it not wanted at all?"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta, tzinfo

from app.rules.forecast import Forecast, Stop
from app.rules.lateness import Decision, Reason
from app.rules.messages import CHANGES, REMINDERS
from app.rules.policy import Policy

#: What a customer may wish to be told: everything, only what concerns a delay, nothing.
WISHES = ("all", "delays", "none")
#: Reasons for which a customer is not told what was decided.
HUSHED = ("quiet_hours", "wants_delays_only", "wants_nothing")
#: What is no news about a delay, nor about another time or person.
_FRIENDLY = frozenset({"arriving_soon", *REMINDERS})
#: What a person writes to a person is nothing that could be unwanted, at whatever hour: it was asked for.
_ASKED_FOR = frozenset({"reply"})
#: What a customer who wishes to be told nothing is told all the same: she is asked, or owes.
_NEEDED = frozenset({"quote_sent", "quote_reminder", "addon_consent", "agreement_copy", "invoice_issued"})
#: What is about no hour to come, and waits for the morning however the visit lies.
_NO_HURRY = frozenset({"invoice_issued", "payment_received"})
#: What changes a customer's plans for a day.
_OF_PLANS = frozenset(CHANGES)
#: So long after the quiet hours have begun most people are still up.
STILL_UP = timedelta(hours=2)


def quiet_ends_at(policy: Policy, zone: tzinfo, now: datetime) -> datetime | None:
    """Return when the quiet hours end that lie around now, in UTC; None outside of them.

    The hours are local: they are as long as the clocks of the zone make them on the night they are changed.

    >>> from zoneinfo import ZoneInfo
    >>> late = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
    >>> quiet_ends_at(Policy(), ZoneInfo("Asia/Tokyo"), late).isoformat()
    '2026-11-24T23:00:00+00:00'
    """
    night = quiet_around(policy, zone, now)
    return None if night is None else night[1]


def quiet_around(policy: Policy, zone: tzinfo, now: datetime) -> tuple[datetime, datetime] | None:
    """Return when the quiet hours that lie around now begin and end, in UTC; None outside of them."""
    begins, ends = time.fromisoformat(policy.quiet_from), time.fromisoformat(policy.quiet_until)
    if begins == ends:
        return None
    today = now.astimezone(zone).date()
    for night in (today - timedelta(days=1), today):
        begins_at = datetime.combine(night, begins, zone).astimezone(UTC)
        morning = night if ends > begins else night + timedelta(days=1)
        # A time that comes twice ends the quiet the second time.
        ends_at = datetime.combine(morning, ends, zone).replace(fold=1).astimezone(UTC)
        if begins_at <= now < ends_at:
            return begins_at, ends_at
    return None


def waits_until(
    policy: Policy, zone: tzinfo, begins_at: datetime, now: datetime, kind: str | None = None
) -> datetime | None:
    """Return until when news of a kind about a visit waits, or None when it may go out now.

    `begins_at` is the first moment at which somebody may ring, or might have rung: the beginning of the promise, of
    what is expected, or of a promise that was moved, whichever is first. A visit in the quiet hours, or soon, is why
    the customer is awake.

    Another time, another technician, no visit at all: for a visit so early that little of the morning would be left,
    this is told in the evening while people are still up. Who takes the morning off decides that in the evening.
    """
    ends_at = quiet_ends_at(policy, zone, now)
    if ends_at is not None and kind in _NO_HURRY:
        return ends_at
    if ends_at is None or begins_at < ends_at or kind in _ASKED_FOR:
        return None
    soon_at = begins_at - timedelta(minutes=policy.quiet_near_min)
    if kind in _OF_PLANS and soon_at <= ends_at and quiet_ends_at(policy, zone, now - STILL_UP) is None:
        return None
    return None if soon_at <= now else min(ends_at, soon_at)


def unwanted(kind: str, wish: str) -> str | None:
    """Return why a customer with this wish (one of WISHES) is not told this kind of news; None when it is welcome.

    >>> unwanted("late", "delays"), unwanted("arriving_soon", "delays"), unwanted("late", "none")
    (None, 'wants_delays_only', 'wants_nothing')
    """
    if kind in _ASKED_FOR or kind in _NEEDED:
        return None
    if wish == "none":
        return "wants_nothing"
    return "wants_delays_only" if wish == "delays" and kind in _FRIENDLY else None


def hushed(
    decision: Decision, stop: Stop, forecast: Forecast, wish: str, zone: tzinfo, now: datetime, policy: Policy
) -> Decision:
    """Return a decision as this customer's wish (one of WISHES) and the hour allow it.

    What has to wait is not kept: when the quiet hours are over it is decided anew, from what is known then. What is
    remembered of the visit stays, so that a delay which held all night need not show once more that it holds.
    """
    if decision.kind is None:
        return decision
    code = unwanted(decision.kind, wish)
    if code is not None:
        return _silenced(decision, code, {}, decision.look_again_at)
    begins_at = min(stop.promised_from_at, forecast.arrives_median_at)
    until_at = waits_until(policy, zone, begins_at, now)
    if until_at is None:
        return decision
    return _silenced(decision, "quiet_hours", {"until": f"{until_at.astimezone(zone):%H:%M}"}, until_at)


def _silenced(decision: Decision, code: str, facts: dict[str, str], again_at: datetime | None) -> Decision:
    reason = Reason(code, {**decision.reason.facts, **facts, "kind": decision.kind or ""})
    return decision._replace(
        kind=None, quoted_from_at=None, quoted_until_at=None, reason=reason, look_again_at=again_at
    )
