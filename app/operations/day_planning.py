"""Plan a whole day anew from the office: the same reading, solving and booking as in the shell, in several requests."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict
from datetime import date, datetime, tzinfo
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import Invalid, Problem
from app.models import Customer, Planning, Technician, Visit
from app.operations.notice import Telling
from app.operations.optimise import Decided, Proposal, book_decided, take_back
from app.operations.planning import start_planning, to_apply, to_take_back
from app.rules.calendar import day_bounds
from app.rules.optimise import Stop, by_technician, standing

#: What the solver may take, seconds.
LEAST_S, MOST_S, USUAL_S = 1, 120, 10


def start_day(
    session: Session, on: date, *, seconds: int, pinned: Collection[int], actor: str, now: datetime, zone: tzinfo
) -> Planning:
    """Ask for a local day to be planned anew, some visits staying where they are. Raises Invalid naming the field."""
    if on < now.astimezone(zone).date():
        raise Invalid([Problem("on", "day_over")])
    if not LEAST_S <= seconds <= MOST_S:
        raise Invalid([Problem("seconds", "range", {"least": LEAST_S, "most": MOST_S})])
    known = {visit.id for visit in to_pin(session, on, zone)}
    return start_planning(
        session, "day", on, {"seconds": seconds, "pinned": sorted(known & set(pinned))}, actor=actor, now=now
    )


def to_pin(session: Session, on: date, zone: tzinfo) -> list[Any]:
    """Return the visits of a day that a plan could move: id, customer, technician, promised_from_at, promised_until_at,
    planned_from_at."""
    begins_at, ends_at = day_bounds(on, zone)
    return list(
        session.execute(
            select(
                Visit.id, Customer.name.label("customer"), Technician.name.label("technician"),
                Visit.promised_from_at, Visit.promised_until_at, Visit.planned_from_at,
            )
            .join(Customer, Customer.id == Visit.customer_id)
            .outerjoin(Technician, Technician.id == Visit.technician_id)
            .where(Visit.status == "booked", Visit.planned_from_at >= begins_at, Visit.planned_from_at < ends_at)
            .order_by(Visit.planned_from_at, Visit.id)
        )
    )  # fmt: skip


def result_of(proposal: Proposal) -> dict[str, Any]:
    """Return what is kept of a day planned anew: what a person decides by, and what booking it needs."""
    day = proposal.day
    before, after = (by_technician(day.problem, plan) for plan in (standing(day.problem), proposal.plan))
    given = {stop.visit for stop in proposal.changes}
    without = [work for work in day.problem.works if work.technician is None and work.visit not in given]
    return {
        "before": asdict(proposal.before),
        "after": asdict(proposal.after),
        "basis": day.problem.roads.basis,
        "visits": len(day.visits),
        "crew": [
            {
                "technician": one, "name": day.technicians[one],
                **{side: asdict(of[one]) if one in of else None for side, of in (("before", before), ("after", after))},
            }
            for one in sorted({*before, *after}, key=lambda one: day.technicians[one])
        ],
        "changes": [_change(proposal, stop) for stop in proposal.changes],
        "left": [
            {"visit": work.visit, **_promise(proposal, work.visit)} for work in without if work.visit in day.visits
        ],
        "told": proposal.told(),
        "fingerprint": day.fingerprint,
        "held": sorted(day.held),
        "pinned": sorted(day.pinned),
        "people": [driver.technician for driver in day.problem.drivers],
    }  # fmt: skip


def apply_day(session: Session, planning_id: int, *, now: datetime, telling: Telling, actor: str) -> Planning:
    """Book what came out, all of it or nothing. Raises NotFound, Conflict, Stale when the day was changed since."""
    planning = to_apply(session, planning_id)
    result: Mapping[str, Any] = planning.result or {}
    changes = [Stop(c["visit"], c["technician"], datetime.fromisoformat(c["start"])) for c in result["changes"]]
    decided = Decided(
        planning.on_day, changes, result["fingerprint"], frozenset(result["held"]), pinned=frozenset(result["pinned"])
    )
    book_decided(session, decided, result["people"], now=now, telling=telling, actor=actor)
    planning.applied_at, planning.applied_by, planning.applied = now, actor, {"run": now.isoformat()}
    return planning


def take_day_back(session: Session, planning_id: int, *, now: datetime, telling: Telling, actor: str) -> Planning:
    """Book the plan again that stood before, while nothing of it was changed since. Raises as `apply_day`."""
    planning = to_take_back(session, planning_id)
    run = (planning.applied or {})["run"]
    take_back(session, planning.on_day, now=now, zone=telling.zone, telling=telling, actor=actor, run=run)
    planning.taken_back_at = now
    return planning


def _change(proposal: Proposal, stop: Stop) -> dict[str, Any]:
    day = proposal.day
    was = day.visits[stop.visit].seen
    return {
        "visit": stop.visit, **_promise(proposal, stop.visit),
        "technician": stop.technician, "name": day.technicians[stop.technician], "start": stop.start_at.isoformat(),
        "was": day.technicians.get(was[3]) if was[3] is not None else None, "had": was[3],
        "was_start": was[4].isoformat(),
    }  # fmt: skip


def _promise(proposal: Proposal, visit: int) -> dict[str, Any]:
    known = proposal.day.visits[visit]
    return {
        "customer": known.customer,
        "from": known.promised_from_at.isoformat(),
        "until": known.promised_until_at.isoformat(),
    }
