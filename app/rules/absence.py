"""Who is written to when something waits for a person and nobody at a desk deals with it?"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from app.rules.access import may
from app.rules.policy import Policy
from app.rules.quiet import waits_until

#: Whose page was looked at within this is at the desk; the page says so once a minute.
AT_DESK = timedelta(minutes=3)
#: Whoever just comes to the desk sees it there first.
GRACE = timedelta(minutes=2)
#: One person is written to no more often; what came up meanwhile stands in the next letter.
RESTS = timedelta(minutes=10)
#: What waits for a person so that a customer does not wait in vain.
KINDS = (
    *("reply_waiting", "reply_overdue", "answer_failed", "call_me", "cannot_be_there"),
    *("call_customer", "notice_held", "quote_broken", "word_promised", "incident_news_due", "brake"),
    *("move_declined", "move_unanswered", "move_gone", "reschedule_unanswered"),
    *("price_declined", "price_open"),
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """One thing that waits: since when, until when somebody should have acted, and the visit it is about."""

    alarm_id: int
    kind: str
    raised_at: datetime
    deadline_at: datetime | None
    visit_at: datetime | None


@dataclass(frozen=True, slots=True)
class Colleague:
    """Somebody who may act: when last seen at a desk, what was told by letter, and when the last letter was written."""

    user_id: int
    role: str
    seen_at: datetime | None
    told: frozenset[int]
    written_at: datetime | None


def calls_for(
    waiting: Sequence[Waiting], colleagues: Collection[Colleague], policy: Policy, zone: tzinfo, now: datetime
) -> dict[int, list[int]]:
    """Return which alarms each colleague is written to about, by user.

    While nobody is at a desk, everybody who can act; what is overdue although somebody is there, the managers, unless
    one of them is there too. Nobody twice about the same, nobody more often than RESTS allows, and nobody at night but
    about a visit in it.
    """
    there = [one for one in colleagues if one.seen_at is not None and now - one.seen_at < AT_DESK]
    led = any(may(one.role, "settings") for one in there)
    found: dict[int, list[int]] = {}
    for thing in waiting:
        if thing.kind not in KINDS or now - thing.raised_at < GRACE or _at_night(thing, policy, zone, now):
            continue
        overdue = thing.kind == "reply_overdue" or (thing.deadline_at is not None and now >= thing.deadline_at)
        needed = "dispatch" if not there else "settings" if overdue and not led else None
        for one in colleagues:
            rested = one.written_at is None or now - one.written_at >= RESTS
            if needed and rested and may(one.role, needed) and thing.alarm_id not in one.told:
                found.setdefault(one.user_id, []).append(thing.alarm_id)
    return found


def _at_night(thing: Waiting, policy: Policy, zone: tzinfo, now: datetime) -> bool:
    about_at = thing.visit_at if thing.visit_at is not None else now + timedelta(days=2)
    return waits_until(policy, zone, about_at, now) is not None
