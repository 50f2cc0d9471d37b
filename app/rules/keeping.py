"""Which positions are kept longer, so that past days can be played again, and which have done their service?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

#: One position in so long says as much of a delay as all of them: the recorded days, played with one in thirty seconds,
#: are marked as with every one; with one in sixty, late visits were missed.
APART_S = 30
#: From so long before a promise until the work is done, a technician's day is about that visit.
BEFORE = timedelta(hours=2)
#: After the work, or the end of the promise, it shows that somebody has left, or is still there.
AFTER = timedelta(minutes=15)

Span = tuple[datetime, datetime]
Key = TypeVar("Key")


def about_visit(
    promised_from_at: datetime, promised_until_at: datetime, arrived_at: datetime | None, completed_at: datetime | None
) -> Span:
    """Return when where the technician was mattered for a visit; what was driven before and after is nobody's business.

    >>> from datetime import UTC
    >>> ten = datetime(2026, 11, 24, 10, tzinfo=UTC)
    >>> [f"{at:%H:%M}" for at in about_visit(ten, ten, ten, ten + timedelta(hours=1))]
    ['08:00', '11:15']
    """
    over_at = max(at for at in (promised_until_at, arrived_at, completed_at) if at is not None)
    return promised_from_at - BEFORE, over_at + AFTER


def superfluous(fixes: Iterable[tuple[Key, int, datetime]], spans: Mapping[int, Sequence[Span]]) -> list[Key]:
    """Return the keys of the positions that go: (key, technician, when measured), those of each in the order of time.

    The first in every half minute stays, where it falls into a span of its technician.
    """
    gone: list[Key] = []
    seen: set[tuple[int, int]] = set()
    for key, technician, at in fixes:
        slot = technician, int(at.timestamp()) // APART_S
        if slot in seen or not any(from_at <= at <= until_at for from_at, until_at in spans.get(technician, ())):
            gone.append(key)
        else:
            seen.add(slot)
    return gone
