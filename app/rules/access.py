"""Which role may do what?"""

from __future__ import annotations

ROLES = ("technician", "dispatcher", "manager", "admin")

#: What each role may do beyond the one before it.
_ADDS = {
    "technician": frozenset({"own_day"}),
    "dispatcher": frozenset({"dispatch"}),
    "manager": frozenset({"settings"}),
    "admin": frozenset({"users"}),
}


def may(role: str, what: str) -> bool:
    """Return whether a role has a permission: own_day, dispatch, settings or users.

    Dispatcher, manager and admin each include the one before; a technician sees only the own day.

    >>> may("manager", "dispatch"), may("technician", "dispatch"), may("dispatcher", "own_day")
    (True, False, False)
    """
    if role == "technician":
        return what in _ADDS["technician"]
    ranks = ROLES[1 : ROLES.index(role) + 1] if role in ROLES else ()
    return any(what in _ADDS[rank] for rank in ranks)
