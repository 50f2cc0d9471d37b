"""The company's branches, for other programs."""

from __future__ import annotations

from app.models import Branch
from app.operations.branch import find_branch, list_branches, save_branch
from app.operations.listing import Page
from app.web.api.forms_people import BranchesOut, BranchIn, BranchOut, BranchPatch
from app.web.api.gate import blueprint
from app.web.api.reading import Body, PageIn, changed
from app.web.visitor import needs, now, session


@blueprint.post("/branches")
@needs("settings")
@blueprint.input(BranchIn)
@blueprint.output(BranchOut, status_code=201)
@blueprint.doc(tags=["Technicians"])
def create_branch(json_data: BranchIn) -> Branch:
    """Add a branch, where technicians' days may begin and end."""
    return save_branch(session(), None, now=now(), **json_data.model_dump())


@blueprint.patch("/branches/<int:branch_id>")
@needs("settings")
@blueprint.input(BranchPatch)
@blueprint.output(BranchOut)
@blueprint.doc(tags=["Technicians"])
def patch_branch(branch_id: int, json_data: Body) -> Branch:
    """Change a branch, or give it up with `active: false` once nobody belongs to it; what is left out stays."""
    known = BranchOut.model_validate(find_branch(session(), branch_id))
    return save_branch(session(), branch_id, now=now(), **changed(known, json_data))


@blueprint.get("/branches")
@needs("dispatch")
@blueprint.input(PageIn, location="query")
@blueprint.output(BranchesOut)
@blueprint.doc(tags=["Technicians"])
def branches(query_data: PageIn) -> Page[Branch]:
    """List the branches that are in use."""
    return list_branches(session(), limit=query_data.limit, cursor=query_data.cursor)
