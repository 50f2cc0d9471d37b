"""Technicians and their positions, for other programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from urllib.parse import quote, urlsplit

from flask import g

from app.errors import NotAllowed
from app.models import Technician
from app.operations.position import ReportedFix, record_fixes
from app.operations.technician import (
    DeviceSecret,
    add_device,
    change_technician,
    create_technician,
    find_technician,
    page_of_technicians,
)
from app.rules.access import may
from app.rules.position import Fix
from app.web.api.forms_people import (
    DeviceOut,
    FixesIn,
    FixesOut,
    NewTechnicianOut,
    TechnicianIn,
    TechnicianOut,
    TechnicianPatch,
    TechniciansOut,
)
from app.web.api.gate import blueprint
from app.web.api.reading import Body, PageIn, changed
from app.web.visitor import needs, now, parts, session, signed_in

P = ParamSpec("P")
R = TypeVar("R")


def _own_or_any(view: Callable[P, R]) -> Callable[P, R]:
    """Let a phone speak for its own technician, and a dispatcher's program for every one."""

    @wraps(view)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        who = signed_in()
        if who.technician_id != kwargs["technician_id"] and not may(who.role, "dispatch"):
            raise NotAllowed("role")
        return view(*args, **kwargs)

    return checked


@blueprint.post("/technicians")
@needs("dispatch")
@blueprint.input(TechnicianIn)
@blueprint.output(NewTechnicianOut, status_code=201)
@blueprint.doc(tags=["Technicians"])
def create_one(json_data: TechnicianIn) -> dict[str, Any]:
    """Add a technician, with a device credential that is shown once.

    The credential is for the phone's location app: user name and password of OwnTracks in HTTP mode, or, the secret
    alone, bearer token of `POST /technicians/{id}/fixes`.
    """
    technician, secret = create_technician(session(), **_facts(json_data.model_dump()), now=now())
    reply = {**_shown(technician), "device": _device(secret)}
    return _shown_once(reply, reply["device"])


@blueprint.get("/technicians")
@needs("dispatch")
@blueprint.input(PageIn, location="query")
@blueprint.output(TechniciansOut)
@blueprint.doc(tags=["Technicians"])
def list_all_technicians(query_data: PageIn) -> dict[str, Any]:
    """List the technicians who work here, in the order in which they were added."""
    page = page_of_technicians(session(), limit=query_data.limit, cursor=query_data.cursor)
    return {"items": [_shown(technician) for technician in page.items], "next": page.next}


@blueprint.get("/technicians/<int:technician_id>")
@needs("dispatch")
@blueprint.output(TechnicianOut)
@blueprint.doc(tags=["Technicians"])
def get_one(technician_id: int) -> dict[str, Any]:
    """Return a technician."""
    return _shown(find_technician(session(), technician_id))


@blueprint.patch("/technicians/<int:technician_id>")
@needs("settings")
@blueprint.input(TechnicianPatch)
@blueprint.output(TechnicianOut)
@blueprint.doc(tags=["Technicians"])
def patch_one(technician_id: int, json_data: Body) -> dict[str, Any]:
    """Change a technician, or take one out of service with `active: false`; what is left out stays."""
    known = TechnicianOut.model_validate(_shown(find_technician(session(), technician_id, also_former=True)))
    return _shown(change_technician(session(), technician_id, **_facts(changed(known, json_data))))


@blueprint.post("/technicians/<int:technician_id>/devices")
@needs("dispatch")
@blueprint.output(DeviceOut, status_code=201)
@blueprint.doc(tags=["Technicians"])
def create_device(technician_id: int) -> dict[str, Any]:
    """Add a device credential for one more phone, or in place of one that was lost."""
    device = _device(add_device(session(), technician_id, now()))
    return _shown_once(device, device)


@blueprint.post("/technicians/<int:technician_id>/fixes")
@_own_or_any
@blueprint.input(FixesIn, example={"fixed_at": "2026-11-24T16:41:00+09:00", "lat": 34.2243, "lon": 135.1652})
@blueprint.output(FixesOut)
@blueprint.doc(tags=["Positions"])
def create_fixes(technician_id: int, json_data: FixesIn) -> dict[str, Any]:
    """Report positions: one object, a list, or `{"fixes": […]}`, at most 1000.

    A malformed element refuses the whole batch (422, naming it as `fixes[3].lat`), so that the sender still has every
    row. A well-formed one that cannot be right (1970, the future, 0/0) is kept apart and reported in `quarantined`; the
    rest counts. Each measurement counts once, in whatever order and however often it comes.
    """
    find_technician(session(), technician_id)
    fixes = [
        ReportedFix(
            Fix(fix.fixed_at, fix.lat, fix.lon, fix.accuracy_m, fix.speed_mps),
            fix.model_dump(mode="json", exclude_none=True),
        )
        for fix in json_data.fixes
    ]
    recorded = record_fixes(session(), technician_id, fixes, source="api", now=now())
    quarantined = [{"index": index, "reason": reason} for index, reason in recorded.quarantined]
    return {"new": recorded.new, "known": recorded.known, "quarantined": quarantined}


def _shown(technician: Technician) -> dict[str, Any]:
    located = technician.base_lat is not None
    return {
        "id": technician.id,
        "name": technician.name,
        "language": technician.language,
        "skills": technician.skills,
        "travels_by": technician.travels_by,
        "base": {"lat": technician.base_lat, "lon": technician.base_lon} if located else None,
        "branch": technician.branch_id,
        "starts_from": technician.starts_from,
        "returns_to": technician.returns_to,
        "most_day_min": technician.most_day_min,
        "working_hours": technician.working_hours,
        "active": technician.active,
    }


def _facts(sent: dict[str, Any]) -> dict[str, Any]:
    """Return a technician's facts by the names that the operation gives them."""
    facts = {name: value for name, value in sent.items() if name not in ("base", "branch")}
    base = sent["base"] or {"lat": None, "lon": None}
    return {**facts, "branch_id": sent["branch"], "base_lat": base["lat"], "base_lon": base["lon"]}


def _device(new: DeviceSecret) -> dict[str, Any]:
    public = urlsplit(parts().settings.base_url)
    url = f"{public.scheme}://{new.username}:{quote(new.secret)}@{public.netloc}{public.path}/ingest/owntracks"
    return {"username": new.username, "secret": new.secret, "owntracks_url": url}


def _shown_once(reply: dict[str, Any], device: dict[str, Any]) -> dict[str, Any]:
    """Return the reply, and have its repetitions answered without the secret, of which we keep only a hash."""
    kept = {**device, "secret": None, "owntracks_url": f"{parts().settings.base_url}/ingest/owntracks"}
    g.repeated_reply = json.dumps(kept if reply is device else {**reply, "device": kept})
    return reply
