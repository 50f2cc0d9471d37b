"""By which ways may this person be reached, in which order, and what ends a way for good?"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, time, tzinfo

#: Every way to reach a person, in the order in which they are tried: what is read within minutes comes first.
CHANNELS = ("line", "sms", "push", "voice", "email")

#: What takes the words while no way is set up: it prints them, and nobody gets them.
PRINTED = "console"
#: Why a way is closed because the address leads nowhere: another address opens it again.
NOWHERE = frozenset({"bounced", "not_mobile", "unknown_number", "gone"})
#: Why a way is closed because the person wants that: only the person, or somebody on the person's word, opens it again.
UNWANTED = frozenset({"stop", "blocked", "unfollowed", "unsubscribed", "said"})
#: Twilio's codes that end a way, for SMS and for calls.
_TWILIO_ENDS = {
    21211: "unknown_number",
    21217: "unknown_number",
    21610: "stop",
    21614: "not_mobile",
    30004: "blocked",
    30005: "unknown_number",
    30006: "not_mobile",
}

#: What is worth a ring of the telephone when quieter ways did not do, by kind of notice.
_RINGS = frozenset({"late", "late_update", "holding", "moved", "cancelled"})
#: What never rings, not even where nothing else reaches: before somebody has come to the telephone, it is over.
_NEVER_RINGS = frozenset({"arriving_soon", "on_the_way"})
#: No machine rings outside of these local hours, unless the visit itself lies outside of them.
_RINGS_FROM, _RINGS_UNTIL = time(8), time(21)

#: What a customer can do without. Only these e-mails offer to end e-mails with one press in the mail program.
_OPTIONAL = frozenset({"arriving_soon", "on_the_way", "on_time_again", "reminder_day", "reminder_hours"})


def ends_for_good(code: int | None) -> str | None:
    """Return why Twilio will never reach this number again (one of NOWHERE or UNWANTED), or None when it may.

    >>> ends_for_good(21610), ends_for_good(30003)
    ('stop', None)
    """
    return _TWILIO_ENDS.get(code or 0)


def plan_channels(
    configured: Sequence[str], reaching: Collection[str], first: str | None = None, *, kind: str = "late"
) -> list[str]:
    """Return the channels to try in turn: the one the person asked for first, then the configured ones in their order.

    Only those that reach this person. The telephone rings for news that cannot wait, or where nothing else reaches;
    a person who asked for calls first is called for everything but what a ring would come too late for.

    >>> plan_channels(["sms", "voice", "email"], {"voice", "sms"})
    ['sms', 'voice']
    >>> plan_channels(["sms", "voice", "email"], {"sms", "voice", "email"}, first="email", kind="reminder_day")
    ['email', 'sms']
    >>> [plan_channels(["sms", "voice"], {"voice"}, kind=kind) for kind in ("reminder_day", "on_the_way")]
    [['voice'], []]
    """
    found = [name for name in sorted(configured, key=lambda name: name != first) if name in reaching]
    if "voice" not in found or kind in _RINGS:
        return found
    quieter = [name for name in found if name != "voice"]
    if kind in _NEVER_RINGS or (quieter and first != "voice"):
        return quieter
    return found


def may_ring(zone: tzinfo, now: datetime, visited_at: Collection[datetime]) -> bool:
    """Return whether a machine may ring now with news of a visit; `visited_at` are the instants at which it may be.

    >>> from datetime import UTC
    >>> from zoneinfo import ZoneInfo
    >>> tokyo, ten_pm = ZoneInfo("Asia/Tokyo"), datetime(2026, 11, 24, 13, tzinfo=UTC)
    >>> may_ring(tokyo, ten_pm, [datetime(2026, 11, 25, 1, tzinfo=UTC)]), may_ring(tokyo, ten_pm, [ten_pm])
    (False, True)
    """
    return _by_day(now, zone) or not all(_by_day(at, zone) for at in visited_at)


def is_optional(kind: str) -> bool:
    """Return whether a kind of notice offers to end e-mails with one press: what somebody plans by does not."""
    return kind in _OPTIONAL


def _by_day(at: datetime, zone: tzinfo) -> bool:
    return _RINGS_FROM <= at.astimezone(zone).time() < _RINGS_UNTIL
