"""How does a visit stand, in one of the few words of the board?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.rules.messages import HANDED_OVER, UNSETTLING, next_word_at
from app.rules.visit import AWAITED, GRACE

#: Every word a visit can stand under, most urgent first.
STANDINGS = (
    "not_told",
    "unknown",
    "risk",
    "unassigned",
    "told",
    "fine",
    "on_site",
    "done",
    "no_access",
    "cancelled",
)

#: Evidence older than this says nothing about where somebody on the way is now.
FRESH = timedelta(seconds=90)
#: This near to the end of a promise, a technician nobody has heard of is not "on time".
NEAR = timedelta(minutes=10)
#: A late probability from which a visit is worth a look, and one from which its customer ought to have been told.
RISKY, LIKELY = 0.3, 0.6
#: A notice this young may still be on its way out.
JUST_DECIDED = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class NoticeSeen:
    """One notice of a visit: kind and state as in the outbox, and the end of the window it quoted, if it quoted one."""

    kind: str
    state: str
    created_at: datetime
    quoted_from_at: datetime | None = None
    quoted_until_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class VisitSeen:
    """What the board knows of a visit; `notices` in the order in which they were decided."""

    status: str
    promised_until_at: datetime
    forecast_median_at: datetime | None = None
    forecast_as_of_at: datetime | None = None
    forecast_basis: str | None = None
    late_probability: float | None = None
    notices: Sequence[NoticeSeen] = ()
    #: Whether somebody is to go there at all.
    assigned: bool = True


def stale(as_of_at: datetime | None, now: datetime) -> bool:
    """Return whether evidence is missing or too old to speak of the present.

    >>> from datetime import UTC
    >>> noon = datetime(2026, 11, 24, 12, tzinfo=UTC)
    >>> stale(noon - timedelta(seconds=60), noon), stale(noon - timedelta(seconds=91), noon), stale(None, noon)
    (False, True, True)
    """
    return as_of_at is None or now - as_of_at > FRESH


def standing(visit: VisitSeen, now: datetime) -> str:
    """Return how a visit stands: one of STANDINGS.

    Late is a visit whose promise is over (and its grace with it), one whose delay was told and has not gone, or one
    that very likely misses a promise that is near. It is `told` only while the last word to the customer went out and
    still holds; else it is `not_told`. On the way without fresh evidence is `unknown`, and so is silence close to the
    promise: never on time.

    >>> from datetime import UTC
    >>> five = datetime(2026, 11, 24, 17, tzinfo=UTC)
    >>> standing(VisitSeen("en_route", five, late_probability=0.05), five - timedelta(hours=1))
    'unknown'
    """
    if visit.status not in AWAITED:
        return {"arrived": "on_site", "working": "on_site", "completed": "done"}.get(visit.status, visit.status)
    likelihood = visit.late_probability or 0.0
    left = visit.promised_until_at - now
    word = next((n for n in reversed(visit.notices) if n.kind in (*UNSETTLING, "on_time_again")), None)
    announced = word is not None and word.kind in UNSETTLING and word.state != "dropped"
    if left < -GRACE or announced or (likelihood >= LIKELY and left <= NEAR):
        if word is None or not announced:
            return "not_told"
        if word.state in HANDED_OVER:
            return "told" if _holds(visit, word, now) else "not_told"
        on_its_way = word.state in ("due", "sending") and now - word.created_at <= JUST_DECIDED
        return "risk" if on_its_way and left >= timedelta() else "not_told"
    silent = stale(visit.forecast_as_of_at, now) and visit.forecast_basis != "work_left"
    if silent and (visit.status == "en_route" or left <= NEAR):
        return "unknown"
    if likelihood >= RISKY or left < timedelta():
        return "risk"
    return "fine" if visit.assigned else "unassigned"


def _holds(visit: VisitSeen, word: NoticeSeen, now: datetime) -> bool:
    """Tell whether what was said can still come true; a notice that quoted nothing promised another word in time."""
    if word.quoted_until_at is None:
        return now <= next_word_at(word.created_at)
    expected_at = max(visit.forecast_median_at or now, now)
    return expected_at <= word.quoted_until_at + GRACE
