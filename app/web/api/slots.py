"""Which times can be offered, for other programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from app.operations.slots import find_slots
from app.rules.slots import Slot
from app.web.api.forms import SlotsIn, SlotsOut
from app.web.api.gate import blueprint
from app.web.visitor import needs, now, session, zone


@blueprint.get("/slots")
@needs("dispatch")
@blueprint.input(SlotsIn, location="query")
@blueprint.output(SlotsOut)
@blueprint.doc(tags=["Visits"])
def list_slots(query_data: SlotsIn) -> dict[str, Any]:
    """Search times at which work at a place can begin, across technicians and days, best first.

    Offered is what can be driven and is likely kept, for this customer and the one after; of each free time in a plan a
    few beginnings, three hours apart. Nothing is taken by asking: book with the slot's `technician` and `starts_at`.
    """
    asked = query_data
    found = find_slots(
        session(),
        service_id=asked.service,
        lat=asked.lat,
        lon=asked.lon,
        from_at=asked.from_at,
        until_at=asked.until_at,
        now=now(),
        zone=zone(),
        duration_min=asked.duration_min,
        window_min=asked.window_min,
        hours=(asked.hour_from, asked.hour_until),
        skill=asked.skill,
        technician_id=asked.technician,
        without=[asked.without] if asked.without else [],
        most=asked.limit,
    )
    return {"items": [_shown(slot) for slot in found]}


def _shown(slot: Slot) -> dict[str, Any]:
    shown = asdict(slot)
    digits = {"late_probability": 3, "next_late_probability": 3}
    return {name: round(fact, digits.get(name, 1)) if isinstance(fact, float) else fact for name, fact in shown.items()}
