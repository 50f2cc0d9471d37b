"""Which reminders belong to a visit, when are they due, and are they still worth sending?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

from app.rules.messages import REMINDERS
from app.rules.policy import Policy
from app.rules.quiet import quiet_around, unwanted

STATES = ("booked", "told", "taken_back", "left_out")
#: Who has just agreed on a time needs no reminder so soon after it.
SETTLED = timedelta(hours=2)
#: Two reminders closer together than this are one too many.
APART = timedelta(hours=6)
#: A reminder that waited for the end of the quiet hours leaves at least so much until the visit.
LEAST_LEFT = timedelta(hours=1)
#: What cannot wait for the morning comes this long before the night.
BEFORE_NIGHT = timedelta(minutes=15)
#: A reminder that could not be sent in time (nothing ran) is left out when it is so late, or so near the visit.
TOO_LATE = {
    "reminder_day": timedelta(hours=4),
    "reminder_hours": timedelta(hours=1),
    "on_the_way": timedelta(minutes=15),
}
TOO_NEAR = timedelta(minutes=30)
#: A tap that was a mistake is taken back within this.
TAP_STANDS = timedelta(seconds=60)
#: Who is told that the technician is nearly there soon after is not told just before that he has set out.
NEARLY_THERE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Planned:
    """One reminder of a visit: its kind and the instant at which it is due (None: when the technician sets out).

    `left_out` says why there is none: too_near, just_reminded, quiet_hours.
    """

    kind: str
    due_at: datetime | None
    left_out: str | None = None


def planned(promised_from_at: datetime, policy: Policy, zone: tzinfo, now: datetime) -> tuple[Planned, ...]:
    """Return the reminders of a visit that is booked or moved now.

    The day before at a local time, however long the night between is; some hours before, counted in hours that pass.
    Neither comes in the quiet hours, nor soon after the booking.

    >>> from zoneinfo import ZoneInfo
    >>> visit = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)
    >>> found = planned(visit, Policy(), ZoneInfo("Asia/Tokyo"), visit - timedelta(days=3))
    >>> [(one.kind, one.due_at and one.due_at.isoformat()[5:16]) for one in found]
    [('reminder_day', '11-24T08:00'), ('reminder_hours', '11-24T23:00'), ('on_the_way', None)]
    """
    found: list[Planned] = []
    if policy.reminder_day:
        at = local_at(promised_from_at, -1, time.fromisoformat(policy.reminder_day_at), zone)
        found.append(_sensible("reminder_day", at, promised_from_at, policy, zone, now))
    if policy.reminder_hours:
        at = promised_from_at - timedelta(minutes=policy.reminder_lead_min)
        one = _sensible("reminder_hours", at, promised_from_at, policy, zone, now)
        before = next((other.due_at for other in found if other.left_out is None), None)
        if before is not None and one.due_at is not None and one.left_out is None and one.due_at - before < APART:
            one = Planned(one.kind, one.due_at, "just_reminded")
        found.append(one)
    if policy.on_the_way:
        found.append(Planned("on_the_way", None))
    return tuple(found)


def local_at(day_of: datetime, days: int, at: time, zone: tzinfo) -> datetime:
    """Return a local time so many days after the local day of an instant; one that the clocks skip comes after the gap.

    >>> from zoneinfo import ZoneInfo
    >>> monday = datetime(2026, 3, 30, 8, 0, tzinfo=UTC)
    >>> local_at(monday, -1, time(17), ZoneInfo("Europe/Berlin")).isoformat()
    '2026-03-29T15:00:00+00:00'
    """
    on = day_of.astimezone(zone).date() + timedelta(days=days)
    return datetime.combine(on, at, zone).astimezone(UTC)


def why_not(
    kind: str,
    *,
    due_at: datetime,
    promised_from_at: datetime,
    same_promise: bool,
    status: str,
    wish: str,
    unsettled: bool,
    late_probability: float | None,
    arrives_at: datetime | None,
    policy: Policy,
    now: datetime,
) -> str | None:
    """Return why a reminder that is due is not sent, by what is known at this moment; None when it is.

    `unsettled`: the customer has been told of a delay, which says more. `arrives_at`: when the technician is expected.
    """
    if status == "cancelled" or not same_promise:
        return "cancelled" if status == "cancelled" else "moved"
    expected = ("en_route",) if kind == "on_the_way" else ("booked",)
    if status not in expected:
        return "left" if status == "en_route" else "not_left" if status == "booked" else "over"
    if not _switched_on(kind, policy):
        return "switched_off"
    unwelcome = unwanted(kind, wish)
    if unwelcome:
        return unwelcome
    if now - due_at > TOO_LATE[kind] or (kind != "on_the_way" and now > promised_from_at - TOO_NEAR):
        return "too_late"
    if unsettled:
        return "late_told"
    if kind != "on_the_way":
        return None
    if (late_probability or 0.0) >= policy.last_share:
        return "late_likely"
    nearly = timedelta(minutes=policy.arriving_soon_min) + NEARLY_THERE
    soon = policy.arriving_soon and arrives_at is not None and arrives_at - now < nearly
    return "nearly_there" if soon else None


def _switched_on(kind: str, policy: Policy) -> bool:
    assert kind in REMINDERS
    return bool(getattr(policy, kind))


def _sensible(
    kind: str, due_at: datetime, promised_from_at: datetime, policy: Policy, zone: tzinfo, now: datetime
) -> Planned:
    """Return a reminder at its moment, or at one at which people are awake, or why there is none."""
    night = quiet_around(policy, zone, due_at)
    if night is not None:
        begins_at, ends_at = night
        same_day = ends_at.astimezone(zone).date() == due_at.astimezone(zone).date()
        morning = ends_at + LEAST_LEFT <= promised_from_at and (same_day or kind != "reminder_day")
        due_at = ends_at if morning else begins_at - BEFORE_NIGHT
        if quiet_around(policy, zone, due_at) is not None:
            return Planned(kind, due_at, "quiet_hours")
    return Planned(kind, due_at, "too_near" if due_at < now + SETTLED or due_at >= promised_from_at else None)
