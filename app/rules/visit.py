"""Which states can a visit be in, which change of state is allowed, and when has a promise been kept?"""

from __future__ import annotations

from datetime import timedelta

STATUSES = ("booked", "en_route", "arrived", "working", "completed", "no_access", "cancelled")

#: The technician is still expected or at work.
OPEN = ("booked", "en_route", "arrived", "working")

#: The customer still waits for the technician.
AWAITED = ("booked", "en_route")

#: What a technician or the office may report.
REPORTABLE = ("en_route", "arrived", "working", "completed", "no_access", "cancelled")

#: Who comes this little after the end of a promise, or of a window that was told, has kept it.
GRACE = timedelta(minutes=5)

_RANK = {"booked": 0, "en_route": 1, "arrived": 2, "working": 3, "completed": 4, "no_access": 4, "cancelled": 4}


def change_allowed(old: str, new: str) -> bool:
    """Return whether a visit may go from one state to another: forward only, steps may be left out.

    A forgotten tap is no reason to refuse the next one, so `booked` may become `completed`. What is over
    (completed, no access, cancelled) stays over; undoing a mistaken tap is a change of its own.

    >>> change_allowed("booked", "arrived"), change_allowed("completed", "en_route")
    (True, False)
    """
    return old in OPEN and _RANK[new] > _RANK[old]


def before_undo(status: str, *, en_route: bool, arrived: bool) -> str | None:
    """Return the state a visit goes back to when its latest step is taken back, or None when there is no step.

    `en_route` and `arrived` say whether these steps are known to have happened.

    >>> before_undo("completed", en_route=True, arrived=True), before_undo("arrived", en_route=False, arrived=True)
    ('arrived', 'booked')
    """
    if status in ("booked", "cancelled"):
        return None
    if arrived and status in ("completed", "no_access"):
        return "arrived"
    return "en_route" if en_route and status != "en_route" else "booked"
