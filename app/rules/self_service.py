"""What may a customer do about her visit by herself, and when does a person have to know of it at once?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from app.rules.visit import AWAITED

#: Times are shown for so many days at a time, ...
DAYS_SHOWN = 7
#: ... so many weeks ahead at the most, ...
MOST_WEEKS = 8
#: ... and of each day no more than a thumb wants to go through.
MOST_A_DAY = 6
#: Times that are nearer to each other are no choice.
APART = timedelta(minutes=60)
#: Who moves a visit more often than this needs to talk to somebody.
MOST_MOVES = 3
#: A change of a visit of today, or within this, is put before the dispatcher: somebody's day is another one now.
NEAR = timedelta(hours=4)
#: When the company is later than this, calling the visit off costs nothing.
LATE_FREES = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Choice:
    """A time that a customer can choose, promised as a window; `same` when the technician she knows of would come."""

    starts_at: datetime
    until_at: datetime
    same: bool


def why_not_moved(
    status: str, promised_from_at: datetime, now: datetime, *, least_h: int, moves: int, located: bool
) -> str | None:
    """Return why a visit cannot be moved by its customer, or None: off, under_way, too_near, too_often, not_located.

    `least_h`: the company takes it until so many hours before the promise, 0 not at all; `moves`: her moves so far.

    >>> from datetime import UTC
    >>> five = datetime(2026, 11, 24, 8, tzinfo=UTC)
    >>> why_not_moved("booked", five, five - timedelta(hours=23), least_h=24, moves=0, located=True)
    'too_near'
    """
    if least_h <= 0:
        return "off"
    if status != "booked":
        return "under_way"
    if now > promised_from_at - timedelta(hours=least_h):
        return "too_near"
    if moves >= MOST_MOVES:
        return "too_often"
    return None if located else "not_located"


def why_not_cancelled(status: str, *, allowed: bool, late: bool) -> str | None:
    """Return why a visit cannot be called off by its customer, or None: off, under_way, on_the_way.

    Somebody who is on the way is stopped by telephone, unless that one is late enough to have lost the promise.
    """
    if not allowed:
        return "off"
    if status not in AWAITED:
        return "under_way"
    return "on_the_way" if status == "en_route" and not late else None


def broke_promise(promised_until_at: datetime, told_from_at: datetime | None, now: datetime) -> bool:
    """Return whether the company is so late that calling off is free: it is, or it has told that it will be.

    >>> from datetime import UTC
    >>> five = datetime(2026, 11, 24, 8, tzinfo=UTC)
    >>> broke_promise(five, None, five + timedelta(minutes=30)), broke_promise(five, five + timedelta(hours=1), five)
    (False, True)
    """
    return max(now, told_from_at or now) > promised_until_at + LATE_FREES


def is_near(promised_from_at: datetime, now: datetime, zone: tzinfo) -> bool:
    """Return whether a visit is so near that a change of it must be seen at once: today, or in a few hours."""
    today = promised_from_at.astimezone(zone).date() <= now.astimezone(zone).date()
    return today or promised_from_at - now <= NEAR


def by_day(found: Iterable[Choice], zone: tzinfo) -> list[tuple[date, list[Choice]]]:
    """Return the days with the times of each in order, from times found best first.

    Two times that are nearly the same are one, that of the technician she knows if it is possible. Of a day that has
    many, the best stand.
    """
    times: dict[datetime, Choice] = {}
    for one in found:
        if one.starts_at not in times or one.same:
            times[one.starts_at] = one
    days: dict[date, list[Choice]] = {}
    # What comes first stands: those of the technician she knows, and then the best.
    for one in sorted(times.values(), key=lambda one: not one.same):
        day = days.setdefault(one.starts_at.astimezone(zone).date(), [])
        if len(day) < MOST_A_DAY and all(abs(one.starts_at - other.starts_at) >= APART for other in day):
            day.append(one)
    return sorted((on, sorted(day, key=lambda one: one.starts_at)) for on, day in days.items())
