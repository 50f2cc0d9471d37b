"""The kinds of work that customers can buy, for other programs."""

from __future__ import annotations

from pydantic import Field

from app.models import Service
from app.operations.listing import Page
from app.operations.service import LONGEST_NAME, find_service, list_services, save_service
from app.operations.technician import LONGEST_SKILL
from app.rules.booking import LONGEST_VISIT_MIN
from app.web.api.gate import blueprint
from app.web.api.reading import Body, Line, PageIn, Reply, changed, part_of
from app.web.visitor import needs, session


class ServiceIn(Body):
    name_ja: Line = Field(max_length=LONGEST_NAME, examples=["パソコン初期設定"])
    name_en: Line = Field(max_length=LONGEST_NAME, examples=["PC set-up"])
    duration_min: int = Field(ge=1, le=LONGEST_VISIT_MIN)
    skill: Line = Field(
        "", max_length=LONGEST_SKILL, description="What a technician must be able to do for it; empty: everybody can."
    )
    price_code: Line = Field("", description="The service of the price book that prices it; empty: it has no price.")
    technicians: int = Field(1, ge=1, le=2, description="How many are needed at once.")


class ServiceChange(ServiceIn):
    active: bool = Field(description="Whether it can be booked.")


ServicePatch = part_of(ServiceChange)


class ServiceOut(Reply):
    id: int
    name_ja: str
    name_en: str
    duration_min: int
    skill: str
    price_code: str
    technicians: int
    active: bool


class ServicesOut(Reply):
    items: list[ServiceOut]
    next: str | None


@blueprint.post("/services")
@needs("settings")
@blueprint.input(ServiceIn)
@blueprint.output(ServiceOut, status_code=201)
@blueprint.doc(tags=["Services"])
def create_service(json_data: ServiceIn) -> Service:
    """Add a kind of work that can be booked."""
    return save_service(session(), None, **json_data.model_dump())


@blueprint.get("/services")
@needs("dispatch")
@blueprint.input(PageIn, location="query")
@blueprint.output(ServicesOut)
@blueprint.doc(tags=["Services"])
def services(query_data: PageIn) -> Page[Service]:
    """List what can be booked."""
    return list_services(session(), limit=query_data.limit, cursor=query_data.cursor)


@blueprint.get("/services/<int:service_id>")
@needs("dispatch")
@blueprint.output(ServiceOut)
@blueprint.doc(tags=["Services"])
def get_service(service_id: int) -> Service:
    """Return a kind of work, also one that can be booked no more."""
    return find_service(session(), service_id)


@blueprint.patch("/services/<int:service_id>")
@needs("settings")
@blueprint.input(ServicePatch)
@blueprint.output(ServiceOut)
@blueprint.doc(tags=["Services"])
def patch_service(service_id: int, json_data: Body) -> Service:
    """Change a kind of work; what is left out stays, and visits that are booked keep their own duration."""
    known = ServiceOut.model_validate(find_service(session(), service_id))
    return save_service(session(), service_id, **changed(known, json_data))
