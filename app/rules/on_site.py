"""May work that is added on site be revoked, until when, and which words of the law does its document carry?

特定商取引法: a contract for paid work that is concluded at the customer's home is a door-to-door sale (art. 2). A
business is outside of it (art. 26 (1) i). What a customer asked us into her home for, and agreed to, is exempt
(art. 26 (6) i); what is added while we are there is not. Who is covered gets a document at once (art. 5), and may
withdraw within eight days of it, counting the day she gets it (art. 9); without it the days never begin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

#: Withdrawing is possible on so many days, the day of receipt being the first.
DAYS = 8
#: What stands of a customer's right to withdraw: she has it; she is a business; it is what we were called for.
RIGHTS = ("revocable", "business", "asked_for")


def right_of(*, business: bool, added_on_site: bool) -> str:
    """Return which right to withdraw (one of RIGHTS) a customer has from what she agrees to.

    That she is glad of what the technician proposes does not make it what she called us for: in doubt it is revocable.

    >>> right_of(business=False, added_on_site=True), right_of(business=True, added_on_site=True)
    ('revocable', 'business')
    """
    if business:
        return "business"
    return "revocable" if added_on_site else "asked_for"


def last_day(handed_at: datetime, zone: tzinfo) -> date:
    """Return the last local day on which a customer can withdraw who got the document then.

    >>> from datetime import UTC
    >>> from zoneinfo import ZoneInfo
    >>> last_day(datetime(2026, 11, 24, 8, 0, tzinfo=UTC), ZoneInfo("Asia/Tokyo")).isoformat()
    '2026-12-01'
    """
    return handed_at.astimezone(zone).date() + timedelta(days=DAYS - 1)


def text_on(versions: Sequence[Mapping[str, Any]], on: date) -> Mapping[str, Any]:
    """Return the words of the law that a document made on a local day carries: the newest that are in force.

    Before all of them, the oldest: a document without words would be none.
    """
    in_force = [one for one in versions if date.fromisoformat(one["valid_from"]) <= on]
    return max(in_force, key=lambda one: one["valid_from"]) if in_force else versions[0]
