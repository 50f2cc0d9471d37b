"""Who is away and when the company is closed, for other programs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from app.models import Absence
from app.operations.time_off import NewAbsence, enter_absence, find_absence, in_the_way, list_absences, take_back
from app.web.api.forms_people import AbsenceIn, AbsenceOut, AbsencesIn, AbsencesOut, NewAbsenceOut
from app.web.api.gate import blueprint
from app.web.visitor import needs, now, session, signed_in, zone


@blueprint.post("/absences")
@needs("dispatch")
@blueprint.input(AbsenceIn)
@blueprint.output(NewAbsenceOut, status_code=201)
@blueprint.doc(tags=["Absences"])
def create_absence(json_data: AbsenceIn) -> dict[str, Any]:
    """Take time off: of a technician, or of the whole company; once, or by a rule.

    No such time is offered any more, and nobody away is asked to help. Booked visits stay; `in_the_way` names them.
    """
    wish = json_data
    new = NewAbsence(wish.technician, wish.from_at, wish.until_at, wish.all_day, wish.reason, wish.recurrence)
    absence = enter_absence(session(), new, zone=zone(), now=now(), actor=signed_in().name)
    kept = replace(new, recurrence=absence.recurrence)
    return {**_shown(absence), "in_the_way": [_visit(one) for one in in_the_way(session(), kept, zone(), now())]}


@blueprint.get("/absences")
@needs("dispatch")
@blueprint.input(AbsencesIn, location="query")
@blueprint.output(AbsencesOut)
@blueprint.doc(tags=["Absences"])
def list_time_off(query_data: AbsencesIn) -> dict[str, Any]:
    """List what is taken off, as it was entered; public holidays are not among it."""
    asked = query_data
    page = list_absences(
        session(), technician_id=asked.technician, from_at=asked.from_at, limit=asked.limit, cursor=asked.cursor
    )
    return {"items": [_shown(absence) for absence in page.items], "next": page.next}


@blueprint.get("/absences/<int:absence_id>")
@needs("dispatch")
@blueprint.output(AbsenceOut)
@blueprint.doc(tags=["Absences"])
def get_absence(absence_id: int) -> dict[str, Any]:
    """Return an absence that stands."""
    return _shown(find_absence(session(), absence_id))


@blueprint.delete("/absences/<int:absence_id>")
@needs("dispatch")
@blueprint.output({}, status_code=204)
@blueprint.doc(tags=["Absences"])
def delete_absence(absence_id: int) -> tuple[str, int]:
    """Make time that was taken off working time again."""
    take_back(session(), absence_id, now=now(), actor=signed_in().name)
    return "", 204


def _shown(absence: Absence) -> dict[str, Any]:
    own = ("id", "from_at", "until_at", "all_day", "reason", "recurrence", "source")
    return {**{name: getattr(absence, name) for name in own}, "technician": absence.technician_id}


def _visit(one: Any) -> dict[str, Any]:
    return {
        "visit": one.visit_id,
        "technician": one.technician_id,
        "planned_from": one.planned_from_at,
        "planned_until": one.planned_until_at,
    }
