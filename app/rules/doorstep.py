"""How does the technician begin at the door, given what the customer was promised and told?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.rules.lateness import Told
from app.rules.messages import UNSETTLING


@dataclass(frozen=True, slots=True)
class Opening:
    """What to begin with from an instant on (None: already now), and the notice it rests on.

    `code` as_promised | late_told | later_than_told | late_not_told | asked_to_wait | on_time_again
    """

    from_at: datetime | None
    code: str
    told: Told | None = None


def openings(promised_until_at: datetime, told: Sequence[Told]) -> tuple[Opening, ...]:
    """Return how to begin as time goes on, in order of time; the last one whose `from_at` has come holds.

    `told` are the notices that have gone out, oldest first; what waits to be sent is not known to anybody.

    >>> from datetime import UTC
    >>> five = datetime(2026, 11, 24, 17, tzinfo=UTC)
    >>> [opening.code for opening in openings(five, [])]
    ['as_promised', 'late_not_told']
    """
    late_not_told = Opening(promised_until_at, "late_not_told")
    last = told[-1] if told else None
    quoted = next((t for t in reversed(told) if t.quoted_until_at is not None), None)
    if quoted is not None and quoted.quoted_until_at is not None and quoted.quoted_until_at > promised_until_at:
        return Opening(None, "late_told", quoted), Opening(quoted.quoted_until_at, "later_than_told", quoted)
    if last is not None and last.kind == "holding":
        return (Opening(None, "asked_to_wait", last),)
    if quoted is not None and any(t.kind in UNSETTLING for t in told):
        return Opening(None, "on_time_again", quoted), late_not_told
    return Opening(None, "as_promised"), late_not_told
