"""Which times can be offered, for other programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from app.operations.hold import hold_time, let_go
from app.operations.slots import shortlist
from app.rules.slots import Slot
from app.web.api.forms import HoldIn, HoldOut, SlotsIn, SlotsOut
from app.web.api.gate import blueprint
from app.web.visitor import end_session, needs, now, parts, session, signed_in, zone


@blueprint.get("/slots")
@needs("dispatch")
@blueprint.input(SlotsIn, location="query")
@blueprint.output(SlotsOut)
@blueprint.doc(tags=["Visits"])
def list_slots(query_data: SlotsIn) -> dict[str, Any]:
    """Search times at which work at a place can begin, across technicians and days, best first.

    Offered is what can be driven and is likely kept, for this customer and the one after; of each free time in a plan a
    few beginnings, three hours apart. Nothing is taken by asking: book with the slot's `technician` and `starts_at`, or
    keep it for some minutes with `POST /holds`. Where two are needed, two are offered who know the work between them.
    """
    asked = query_data
    listed = shortlist(
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
        customer_id=asked.customer,
        technicians=int(asked.technicians) if asked.technicians else None,
        most=asked.limit,
        routed=parts().router is not None,
    )
    end_session(commit=False)  # nothing waits for a router
    found = listed.offers(parts().router)
    return {"items": [_shown(offer.slot) for offer in found.items], "ways": found.basis}


@blueprint.post("/holds")
@needs("dispatch")
@blueprint.input(HoldIn)
@blueprint.output(HoldOut, status_code=201)
@blueprint.doc(tags=["Visits"])
def create_hold(json_data: HoldIn) -> dict[str, Any]:
    """Keep a technician's time free for ten minutes, while the customer thinks. It becomes free again by itself.

    409 when it is taken: `overlap`, `unreachable`, or `held` for somebody else.
    """
    hold = hold_time(
        session(),
        technician_id=json_data.technician,
        second_technician_id=json_data.second_technician,
        starts_at=json_data.starts_at,
        duration_min=json_data.duration_min,
        lat=json_data.lat,
        lon=json_data.lon,
        now=now(),
        actor=signed_in().name,
    )
    return {"hold": hold.token, "expires_at": hold.expires_at}


@blueprint.delete("/holds/<hold>")
@needs("dispatch")
@blueprint.output({}, status_code=204)
@blueprint.doc(tags=["Visits"])
def delete_hold(hold: str) -> tuple[str, int]:
    """Make a held time free again."""
    let_go(session(), hold)
    return "", 204


def _shown(slot: Slot) -> dict[str, Any]:
    shown = asdict(slot)
    digits = {"late_probability": 3, "next_late_probability": 3}
    return {name: round(fact, digits.get(name, 1)) if isinstance(fact, float) else fact for name, fact in shown.items()}
