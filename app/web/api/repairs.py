"""What would save a late visit, for other programs."""

from __future__ import annotations

from typing import Any

from app.operations.repair import OfferLine, accept_offer, offers_for
from app.rules.repair import Effect, Seen
from app.web.api.forms import RepairIn, RepairsOut, VisitOut
from app.web.api.gate import blueprint, wanted_version
from app.web.api.visits import Shown, shown
from app.web.visitor import needs, now, session, signed_in, telling, zone


@blueprint.get("/visits/<int:visit_id>/repairs")
@needs("dispatch")
@blueprint.output(RepairsOut)
@blueprint.doc(tags=["Visits"])
def list_repairs(visit_id: int) -> dict[str, Any]:
    """Search what would save a visit that is likely late: another technician, another order, or a later time.

    Each offer shows what it does to every visit it touches; none makes another customer late.
    """
    found = offers_for(session(), visit_id, now(), zone())
    return {
        "items": [_repair(line) for line in found.offers],
        "technicians": found.others,
        "refused": found.refused,
    }


@blueprint.post("/visits/<int:visit_id>/repairs")
@needs("dispatch")
@blueprint.input(RepairIn)
@blueprint.output(VisitOut)
@blueprint.doc(tags=["Visits"])
def accept_repair(visit_id: int, json_data: RepairIn) -> Shown:
    """Do what an offer says. 409 `repair_gone` when it holds no longer, 412 when If-Match names an older version."""
    visit = accept_offer(
        session(),
        visit_id,
        json_data.offer,
        now=now(),
        telling=telling(),
        actor=signed_in().name,
        version=wanted_version(),
        agreed=json_data.agreed,
    )
    return shown(visit)


def _repair(line: OfferLine) -> dict[str, Any]:
    offer = line.offer
    return {
        "offer": offer.key,
        "kind": offer.kind,
        "technician": offer.technician,
        "planned_from": line.start_at,
        "gain_min": round(offer.gain_min),
        "worth_until": offer.until_at,
        "needs_consent": offer.needs_consent,
        "visits": [_effect(one.effect) for one in line.effects],
    }


def _effect(effect: Effect) -> dict[str, Any]:
    return {
        "visit": int(effect.visit),
        "technician": effect.technician,
        "promised_from": effect.promised_from_at,
        "promised_until": effect.promised_until_at,
        "before": _stand(effect.before),
        "after": _stand(effect.after),
    }


def _stand(seen: Seen) -> dict[str, Any]:
    return {
        "arrives_from": seen.from_at,
        "arrives_until": seen.until_at,
        "late_probability": round(seen.late_probability, 3),
    }
