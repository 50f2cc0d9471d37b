"""Take in positions: each measurement once, in whatever order it comes, and never a wrong current position."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Table, func, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.models import CurrentPosition, PositionFix, QuarantinedInput
from app.operations.turn import look_again
from app.rules.position import CLOCK_SKEW, OLDEST_AT, WORST_ACCURACY_M, Fix

#: Evidence older than this no longer changes what is expected now; it is kept as history.
RECENT = timedelta(hours=3)
#: No input is worth keeping beyond this many characters once it cannot be believed.
PAYLOAD_KEPT = 10_000
_NO_ACCURACY_M = 1e9


@dataclass(frozen=True, slots=True)
class ReportedFix:
    """One position as a phone reported it, with the input it was read from."""

    fix: Fix
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of a batch: `new` measurements, `known` ones that had come before, and the places in the batch of
    those that cannot be believed, each with its reason."""

    new: int
    known: int
    quarantined: tuple[tuple[int, str], ...]


def record_fixes(
    session: Session, technician_id: int, reported: Sequence[ReportedFix], *, source: str, now: datetime
) -> Recorded:
    """Keep positions, and have the technician's day looked at again when one is newer than all before.

    What can never become good (1970, the future, off the globe) goes to quarantine with its reason, so that the phone
    is answered "taken" and does not send it for ever. A clock up to two minutes ahead is read as the present. Pings and
    fixes of bad accuracy are kept, but are no sign of where the technician is. Order and repetition change nothing.
    """
    refused: dict[int, str] = {}
    kept: dict[tuple[datetime, float, float], Fix] = {}
    good: list[Fix] = []
    for index, report in enumerate(reported):
        reason = why_unbelievable(report.fix, now)
        if reason:
            refused[index] = reason
        else:
            good.append(_rounded(report.fix, now))
    # The best of several with one key comes first and stays, whatever order they came in.
    for fix in sorted(good, key=_best_first):
        kept.setdefault((fix.fixed_at, fix.lat, fix.lon), fix)
    for reason, payload in sorted({(reason, _text(reported[index].payload)) for index, reason in refused.items()}):
        quarantine(session, _read(payload), reason, source=source, now=now, technician_id=technician_id)
    new = _insert(session, technician_id, list(kept.values()), source, now) if kept else 0
    telling = [fix for fix in kept.values() if _tells_where(fix)]
    if telling and _make_current(session, technician_id, max(telling, key=_newest), now):
        look_again(session, technician_id, now)
    return Recorded(new, len(good) - new, tuple(refused.items()))


def why_unbelievable(fix: Fix, now: datetime) -> str | None:
    """Return why a position can never be right (a code), or None when it may be."""
    if not all(map(math.isfinite, (fix.lat, fix.lon, fix.accuracy_m or 0.0))):
        return "not_a_number"
    if fix.fixed_at < OLDEST_AT:
        return "before_2010"
    if fix.fixed_at > now + CLOCK_SKEW:
        return "in_the_future"
    if not (-90 <= fix.lat <= 90 and -180 <= fix.lon <= 180):
        return "off_the_globe"
    if abs(fix.lat) < 0.01 and abs(fix.lon) < 0.01:
        return "null_island"
    return None


def quarantine(
    session: Session,
    payload: Mapping[str, Any],
    reason: str,
    *,
    source: str,
    now: datetime,
    technician_id: int | None = None,
) -> None:
    """Keep input that will never become good, with the reason, where a person can look at it."""
    text = _text(payload)
    whole = _read(text) if len(text) <= PAYLOAD_KEPT else {"cut": text[:PAYLOAD_KEPT]}
    session.add(
        QuarantinedInput(technician_id=technician_id, received_at=now, source=source, reason=reason, payload=whole)
    )
    session.flush()


def _insert(session: Session, technician_id: int, fixes: Sequence[Fix], source: str, now: datetime) -> int:
    rows = [
        {
            "technician_id": technician_id,
            "fixed_at": fix.fixed_at,
            "received_at": now,
            "lat": fix.lat,
            "lon": fix.lon,
            "accuracy_m": fix.accuracy_m,
            "speed_mps": fix.speed_mps,
            "moved": fix.moved,
            "source": source,
        }
        for fix in sorted(fixes, key=_newest)  # one order for all, so that two batches cannot wait for each other
    ]
    known = session.connection()
    # One alone, as most come, is not written as a batch, which SQLAlchemy takes several times as long for.
    return len(known.execute(_KEEP[known.dialect.name], rows if len(rows) > 1 else rows[0]).all())


def _make_current(session: Session, technician_id: int, fix: Fix, now: datetime) -> bool:
    """Make a fix the current position unless a newer one is known; return whether it is news of the last hours."""
    row = {
        "technician_id": technician_id,
        "fixed_at": fix.fixed_at,
        "received_at": now,
        "lat": fix.lat,
        "lon": fix.lon,
        "accuracy_m": fix.accuracy_m,
    }
    known = session.connection()
    taken = known.execute(_REPLACE[known.dialect.name], row).one_or_none()
    return taken is not None and fix.fixed_at > now - RECENT


def _table(model: type[PositionFix] | type[CurrentPosition]) -> Table:
    table = model.__table__
    assert isinstance(table, Table)
    return table


def _keeping(insert: Any) -> Any:
    """Return the statement that keeps measurements, each once, and says which were new."""
    fixes = _table(PositionFix)
    return insert(fixes).on_conflict_do_nothing().returning(fixes.c.id)


def _replacing(insert: Any) -> Any:
    """Return the statement that makes a position the current one, unless a newer or a better one is."""
    current = _table(CurrentPosition)
    offer = insert(current)

    def rank(row: Any) -> Any:
        return tuple_(row.fixed_at, -func.coalesce(row.accuracy_m, _NO_ACCURACY_M), row.lat, row.lon)

    return offer.on_conflict_do_update(
        index_elements=[current.c.technician_id],
        set_={name: offer.excluded[name] for name in ("fixed_at", "received_at", "lat", "lon", "accuracy_m")},
        where=rank(offer.excluded) > rank(current.c),
    ).returning(current.c.technician_id)


#: Built once for each kind of database: every position runs them.
_INSERTS = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
_KEEP = {name: _keeping(insert) for name, insert in _INSERTS.items()}
_REPLACE = {name: _replacing(insert) for name, insert in _INSERTS.items()}


def _rounded(fix: Fix, now: datetime) -> Fix:
    speed = fix.speed_mps
    return Fix(
        fixed_at=min(fix.fixed_at, now),
        lat=round(fix.lat, 6) + 0.0,
        lon=round(fix.lon, 6) + 0.0,
        accuracy_m=fix.accuracy_m,
        speed_mps=speed if speed is not None and math.isfinite(speed) and speed >= 0 else None,
        moved=fix.moved,
    )


def _tells_where(fix: Fix) -> bool:
    return fix.moved and (fix.accuracy_m is None or 0 <= fix.accuracy_m <= WORST_ACCURACY_M)


def _newest(fix: Fix) -> tuple[datetime, float, float, float]:
    return fix.fixed_at, -(_NO_ACCURACY_M if fix.accuracy_m is None else fix.accuracy_m), fix.lat, fix.lon


def _best_first(fix: Fix) -> tuple[bool, bool, float, bool, float]:
    accuracy_m = _NO_ACCURACY_M if fix.accuracy_m is None else fix.accuracy_m
    return not fix.moved, accuracy_m < 0, accuracy_m, fix.speed_mps is None, fix.speed_mps or 0.0


def _text(payload: Mapping[str, Any]) -> str:
    return json.dumps(payload, sort_keys=True, default=str)


def _read(text: str) -> Any:
    """Return a payload that both databases take: a number that is none (NaN, Infinity) becomes its name."""
    return json.loads(text, parse_constant=str)
