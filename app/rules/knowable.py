"""From when on could a careful person have known of a delay, and of an arrival, from what had come in by then?

For who judges a miss, or a word after the arrival: what nothing showed is nobody's fault, what was to be seen is ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from app.rules.daylog import Line
from app.rules.motion import SITE_M, Motion, motion
from app.rules.position import WORST_ACCURACY_M, Fix, believed, distance_m
from app.rules.presence import Stop
from app.rules.travel import observed, usual
from app.rules.visit import GRACE

#: One drive in ten is faster than this many standard deviations below the middle: hoping for more is no plan.
FAST_Z = -1.28
#: So long standing, creeping, or without a sign is more than a light, a queue, a tunnel.
STOOD_S, CREPT_S, SILENT_S = 600.0, 300.0, 600.0
#: Looked at from so long before the promise ends; a sign counts when it is still there so much later.
REACH, HOLDS = timedelta(hours=3), timedelta(minutes=2)
#: Who never gave a sign could have been asked after at this moment before the promise ends.
UNHEARD = timedelta(minutes=10)

#: A position at the site so shortly before the arrival shows it too: the last steps to the door.
AT_THE_DOOR = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Knowable:
    """The moment `at`, and `why` it could be known then.

    too_far: even a fast drive over the rest of the way takes longer than is left. creeps: at the pace of the last
    minutes, the rest takes longer. stands: for ten minutes, and the usual time for the rest is longer. silent: no
    position for ten minutes, and by then it should have been there. unheard: no sign at all. `distance_m` straight
    metres left and `left_min` minutes left until it is late, then.
    """

    at: datetime
    why: str
    distance_m: float | None
    left_min: float


def knowable_since(
    stop: Stop, fixes: Sequence[Fix], arrived_at: datetime, zone: tzinfo, left_at: datetime | None = None
) -> Knowable | None:
    """Return the first moment at which the delay of a visit showed, or None when it did not show before the promise.

    `fixes` the technician's of the day, `arrived_at` when the technician really came, `left_at` when the stop before
    was left. At each position only those up to it are looked at, and the sign must still be there two minutes later, so
    that a red light is none. Example: five o'clock promised, 10 km away at ten to five: `too_far`, although the delay
    was certain only when nobody came at five.
    """
    end_at = min(stop.promised_until_at, arrived_at)
    begin_at = max(stop.promised_until_at - REACH, left_at or stop.promised_until_at - REACH)
    seen = believed([fix for fix in fixes if fix.fixed_at <= end_at], end_at)
    sign: Knowable | None = None
    for index, fix in enumerate(seen):
        if fix.fixed_at < begin_at:
            continue
        moved = motion(seen[: index + 1], stop.lat, stop.lon, fix.fixed_at, left_at)
        now = _sign(stop, moved, fix.fixed_at, zone)
        sign = (sign or now) if now else None
        if sign is not None and fix.fixed_at - sign.at >= HOLDS:
            return sign
        heard_at = seen[index + 1].fixed_at if index + 1 < len(seen) else end_at
        quiet = _quiet(stop, moved, fix.fixed_at, zone)
        if quiet is not None and quiet.at <= heard_at:
            return sign or quiet
        if sign is not None and heard_at - sign.at >= HOLDS:
            return sign
    if not seen or seen[-1].fixed_at < begin_at:
        at = stop.promised_until_at - UNHEARD
        return Knowable(at, "unheard", None, _left_s(stop, at) / 60) if at < arrived_at else None
    return sign


def arrivals_heard(lines: Iterable[Line], arrived_at: Mapping[str, datetime]) -> dict[str, datetime]:
    """Return from when on each arrival could be known, by what a day's lines had brought; what nothing showed is left
    out.

    A tap at the visit shows it, or one at another visit of the technician after the arrival; so does a position
    measured within 80 m and its own error of the site, from two minutes before the arrival on. Example: a phone that
    dies on the way, and no tap all day: the arrival cannot be known.
    """
    places: dict[str, tuple[str, float, float]] = {}
    heard: dict[str, datetime] = {}
    for line in lines:
        fields = line.fields
        if line.kind == "visit" and fields["visit"] in arrived_at:
            places[fields["visit"]] = fields["technician"], fields["lat"], fields["lon"]
        if line.kind not in ("fix", "status"):
            continue
        for visit, (technician, lat, lon) in places.items():
            if visit in heard or technician != fields["technician"]:
                continue
            if line.kind == "status":
                shows = fields["status"] in _TAPPED if fields["visit"] == visit else line.at >= arrived_at[visit]
            else:
                error_m = min(fields.get("accuracy_m") or 0.0, WORST_ACCURACY_M)
                near = distance_m(fields["lat"], fields["lon"], lat, lon) <= SITE_M + error_m
                shows = near and (fields.get("fixed_at") or line.at) >= arrived_at[visit] - AT_THE_DOOR
            if shows:
                heard[visit] = line.at
    return heard


_TAPPED = ("arrived", "working", "completed", "no_access")


def _sign(stop: Stop, moved: Motion, at: datetime, zone: tzinfo) -> Knowable | None:
    """Return what a position and those before it show, or None while being on time is plausible."""
    left_s, hour = _left_s(stop, at), _hour(at, zone)
    travel = observed(moved.distance_m, hour, moved.windows)
    why = None
    if moved.state == "at_site":
        return None
    if travel.at(FAST_Z) > left_s:
        why = "too_far"
    elif moved.nearer and moved.slow_s >= CREPT_S:
        fastest_mps = moved.approach_mps + moved.approach_error_mps
        why = "creeps" if moved.distance_m / fastest_mps > left_s else None
    elif moved.slow_s >= STOOD_S and travel.median_s > left_s:
        why = "stands"
    return Knowable(at, why, moved.distance_m, left_s / 60) if why else None


def _quiet(stop: Stop, moved: Motion, seen_at: datetime, zone: tzinfo) -> Knowable | None:
    """Return the moment at which a silence after this position would mean something."""
    due_s = usual(moved.distance_m, _hour(seen_at, zone)).median_s
    at = seen_at + timedelta(seconds=max(due_s, SILENT_S))
    return None if moved.state == "at_site" else Knowable(at, "silent", moved.distance_m, _left_s(stop, at) / 60)


def _left_s(stop: Stop, at: datetime) -> float:
    return (stop.promised_until_at + GRACE - at).total_seconds()


def _hour(at: datetime, zone: tzinfo) -> float:
    local = at.astimezone(zone)
    return local.hour + local.minute / 60
