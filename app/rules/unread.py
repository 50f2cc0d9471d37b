"""How long may a customer's message stay unread, and who is called when it does?"""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

from app.rules.customer_view import someone_there_at
from app.rules.policy import Policy

#: An open visit may run over its plan by this, and is still what everybody is at work on.
RUNS_OVER = timedelta(hours=3)


def read_by(
    received_at: datetime,
    visit: tuple[datetime, datetime] | None,
    policy: Policy,
    phone_hours: str,
    zone: tzinfo,
) -> datetime:
    """Return by when a message has to be read: after that it stands on the attention list.

    `visit` is the beginning and the end of the visit that it is about, None when there is none. A visit under way or
    soon has people at work on it whatever the hour; anything else is counted from when somebody is there.

    >>> from datetime import UTC
    >>> at = datetime(2026, 11, 24, 16, 30, tzinfo=UTC)
    >>> visit = (at + timedelta(minutes=30), at + timedelta(minutes=90))
    >>> read_by(at, visit, Policy(), "9:00-18:00", UTC) - at, read_by(at, None, Policy(), "9:00-18:00", UTC) - at
    (datetime.timedelta(seconds=300), datetime.timedelta(seconds=1800))
    """
    if visit is not None:
        soon_at = visit[0] - timedelta(minutes=policy.reply_soon_min)
        near_by = max(received_at, soon_at) + timedelta(minutes=policy.reply_near_min)
        if received_at <= visit[1] + RUNS_OVER:
            return min(near_by, _any_other(received_at, policy, phone_hours, zone))
    return _any_other(received_at, policy, phone_hours, zone)


def climbs_at(read_by_at: datetime, policy: Policy) -> datetime:
    """Return from when on a manager is called for a message that should have been read by then."""
    return read_by_at + timedelta(minutes=policy.reply_climb_min)


def _any_other(received_at: datetime, policy: Policy, phone_hours: str, zone: tzinfo) -> datetime:
    return someone_there_at(received_at, phone_hours, zone) + timedelta(minutes=policy.reply_min)
