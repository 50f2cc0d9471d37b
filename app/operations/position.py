"""Take in positions: each measurement once, in whatever order it comes, and never a wrong current position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from app.rules.position import Fix

#: A clock this far ahead is an inaccurate clock; further ahead, the measurement is quarantined.
CLOCK_AHEAD = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class ReportedFix:
    """One position as a phone reported it, with the input it was read from."""

    fix: Fix
    payload: dict[str, Any]


def record_fixes(
    session: Session, technician_id: int, reported: Sequence[ReportedFix], *, source: str, now: datetime
) -> int:
    """Keep positions and have the technician's day looked at again; return how many were new.

    What can never become good (1970, the future, off the globe) goes to quarantine with its reason, so that the phone
    is answered "taken" and does not send it for ever.
    """
    raise NotImplementedError
