"""What is the technician doing, since when, and how fast does the site come nearer?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.rules.position import Fix, distance_m

STILL_M = 70.0
STILL_S = 180.0
SILENT_S = 240.0
SITE_M = 70.0


@dataclass(frozen=True, slots=True)
class Motion:
    """``state`` (travelling, standing, silent, unknown), ``since`` when, ``current`` the newest believed fix."""

    state: str
    since: datetime | None
    current: Fix | None


def still_since(fixes: tuple[Fix, ...], within_m: float = STILL_M) -> datetime | None:
    """Return since when the phone has stayed within ``within_m`` metres of where it is now."""
    if not fixes:
        return None
    last = fixes[-1]
    since = last.fixed_at
    for fix in reversed(fixes):
        if distance_m(fix.lat, fix.lon, last.lat, last.lon) > within_m:
            break
        since = fix.fixed_at
    return since


def motion(fixes: tuple[Fix, ...], now: datetime) -> Motion:
    """Return what the technician is doing, from ``fixes`` already believed and sorted."""
    if not fixes:
        return Motion("unknown", None, None)
    last = fixes[-1]
    if now - last.fixed_at > timedelta(seconds=SILENT_S):
        return Motion("silent", last.fixed_at, last)
    since = still_since(fixes)
    assert since is not None
    if (last.fixed_at - since).total_seconds() >= STILL_S:
        return Motion("standing", since, last)
    return Motion("travelling", since, last)
