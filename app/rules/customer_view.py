"""What does a waiting customer read first, how honest must it be, and by when is she called back?"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo

from app.rules.visit import AWAITED, GRACE

#: From so long before the told time until the visit ends, somebody at the firm is at work on it.
AT_WORK_BEFORE = timedelta(hours=2)
#: A request to be called is answered within this, while somebody is there.
ANSWER_WITHIN = timedelta(minutes=15)
#: The link lives so long after the visit.
LINK_OUTLIVES = timedelta(days=7)
#: Assumed where the firm has not said when its phone is answered, or not in figures.
USUAL_HOURS = (time(9, 0), time(18, 0))

_HOURS = re.compile(r"(\d{1,2}):(\d{2})\D+(\d{1,2}):(\d{2})")
#: What the newest notice makes of the first line.
_SAYS = {
    "late": "late",
    "late_update": "late",
    "on_time_again": "on_time_again",
    "arriving_soon": "arriving_soon",
    "must_reschedule": "rescheduling",
}


@dataclass(frozen=True, slots=True)
class Said:
    """One notice about the present promise: its kind, and the window it quoted (None for holding)."""

    kind: str
    quoted_from_at: datetime | None
    quoted_until_at: datetime | None


@dataclass(frozen=True, slots=True)
class Answer:
    """The first line: a code, and the window it speaks of.

    `code` is planned, late, on_time_again, arriving_soon, holding, overdue, rescheduling, arrived, completed, no_access
    or cancelled.
    """

    code: str
    from_at: datetime
    until_at: datetime


def answer(
    status: str, promised_from_at: datetime, promised_until_at: datetime, said: list[Said], now: datetime
) -> Answer:
    """Return the first line for a visit; `said` are the notices about its present promise, oldest first.

    The window is what the customer was told last, never a forecast she was not told. Once it has passed without an
    arrival that we know of, the line says that instead of repeating it.

    >>> from datetime import UTC
    >>> five = datetime(2026, 11, 24, 8, tzinfo=UTC)
    >>> answer("en_route", five, five, [], five - timedelta(hours=1)).code
    'planned'
    >>> answer("en_route", five, five, [], five + timedelta(minutes=6)).code
    'overdue'
    """
    quotes = [(s.quoted_from_at, s.quoted_until_at) for s in said if s.quoted_from_at and s.quoted_until_at]
    from_at, until_at = quotes[-1] if quotes else (promised_from_at, promised_until_at)
    assert from_at is not None
    assert until_at is not None
    if status not in AWAITED:
        return Answer("arrived" if status == "working" else status, from_at, until_at)
    if said and said[-1].kind == "must_reschedule":
        return Answer("rescheduling", promised_from_at, promised_until_at)
    if now > until_at + GRACE:
        return Answer("overdue", from_at, until_at)
    if said and said[-1].kind == "holding":
        return Answer("holding", from_at, until_at)
    return Answer(_SAYS[said[-1].kind] if said else "planned", from_at, until_at)


def outlook(
    told: Answer, forecast_from_at: datetime | None, forecast_until_at: datetime | None, late_probability: float | None
) -> str | None:
    """Return `later` or `earlier` when the forecast contradicts what the customer was told, else None.

    It is said in words only: a time that she was not sent would be a second promise.
    """
    if forecast_from_at is None or forecast_until_at is None or told.code in ("holding", "overdue", "rescheduling"):
        return None
    if forecast_from_at > told.until_at + GRACE or (told.code == "planned" and (late_probability or 0) >= 0.5):
        return "later"
    if told.code != "planned" and forecast_until_at < told.from_at - GRACE:
        return "earlier"
    return None


def delay_reason(basis: str, state: str) -> str:
    """Return why a visit is late, as far as we know it: traffic, previous_visit, technician_said or way.

    Who creeps is in traffic; who stands still may be anywhere, so nothing is claimed.

    >>> delay_reason("observed_pace", "creeping"), delay_reason("cascade", "later")
    ('traffic', 'previous_visit')
    """
    if basis == "reported_eta":
        return "technician_said"
    if basis in ("work_left", "cascade"):
        return "previous_visit"
    return "traffic" if state == "creeping" else "way"


def link_ended(planned_until_at: datetime, completed_at: datetime | None, now: datetime) -> bool:
    """Return whether a customer's link is over: seven days after the visit."""
    return now > max(planned_until_at, completed_at or planned_until_at) + LINK_OUTLIVES


def answered_by(now: datetime, told_from_at: datetime, ends_at: datetime, phone_hours: str, zone: tzinfo) -> datetime:
    """Return by when a person can truly have called back, on a full five minutes.

    Around the visit somebody is at work whatever the hour; otherwise the firm's phone hours count (any text with two
    times of day in it), and at night the answer comes after they begin.

    >>> from datetime import UTC
    >>> night = datetime(2026, 11, 24, 22, 0, tzinfo=UTC)
    >>> answered_by(night, night + timedelta(days=2), night + timedelta(days=2), "8:00〜21:00", UTC).isoformat()
    '2026-11-25T08:15:00+00:00'
    """
    at_work = told_from_at - AT_WORK_BEFORE <= now <= ends_at
    by = (now if at_work else someone_there_at(now, phone_hours, zone)) + ANSWER_WITHIN
    return by + timedelta(seconds=-by.timestamp() % 300)


def someone_there_at(now: datetime, phone_hours: str, zone: tzinfo) -> datetime:
    """Return when somebody is at the firm's telephone: now, or when its hours (any text with two times in it) begin."""
    opens, closes = _hours(phone_hours)
    local = now.astimezone(zone)
    if opens <= local.time() < closes:
        return now
    opening = datetime.combine(local.date(), opens, zone)
    return max(now, opening if local.time() < opens else opening + timedelta(days=1))


def _hours(words: str) -> tuple[time, time]:
    found = _HOURS.search(words)
    if not found:
        return USUAL_HOURS
    opens_h, opens_m, closes_h, closes_m = (int(figure) for figure in found.groups())
    if not (opens_h < 24 and closes_h <= 24 and opens_m < 60 and closes_m < 60):
        return USUAL_HOURS
    closes = time(closes_h, closes_m) if closes_h < 24 else time.max
    return (time(opens_h, opens_m), closes) if time(opens_h, opens_m) < closes else USUAL_HOURS
