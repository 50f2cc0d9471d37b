"""From which places does the company work?"""

from __future__ import annotations

from typing import Any

from flask import render_template, request

from app.models import Branch
from app.operations.branch import all_branches, save_branch
from app.operations.locating import usual_place
from app.web.forms import Form
from app.web.office.room import blueprint, known_row, place_as_typed, saved
from app.web.visitor import needs, now, parts, session


@blueprint.get("/branches")
@needs("settings")
def branches() -> Any:
    """List the branches."""
    return render_template("office/branches.html", branches=all_branches(session()))


@blueprint.get("/branches/new")
@needs("settings")
def new_branch() -> Any:
    """Show the form for one more branch."""
    return _branch(None, Form(begins={"active": "1"}))


@blueprint.post("/branches/new")
@needs("settings")
def add_branch() -> Any:
    """Add a branch."""
    form = Form(request.form)
    if form.submit(lambda: save_branch(session(), None, now=now(), **_fields(form))) is None:
        return _branch(None, form)
    return saved("office.branches")


@blueprint.get("/branches/<int:branch_id>")
@needs("settings")
def branch(branch_id: int) -> Any:
    """Show a branch, to change it."""
    known = known_row(Branch, branch_id, "branch")
    begins = {"name": known.name, "address": known.address, **place_as_typed(known.lat, known.lon)}
    return _branch(known, Form(begins={**begins, "active": "1" if known.active else ""}))


@blueprint.post("/branches/<int:branch_id>")
@needs("settings")
def change_branch(branch_id: int) -> Any:
    """Change a branch, or give it up."""
    form = Form(request.form)
    active = form.ticked("active")
    if form.submit(lambda: save_branch(session(), branch_id, now=now(), active=active, **_fields(form))) is None:
        return _branch(known_row(Branch, branch_id, "branch"), form)
    return saved("office.branches")


def _fields(form: Form) -> dict[str, Any]:
    position = form.position() or (None, None)
    return {"name": form.text("name"), "address": form.text("address"), "lat": position[0], "lon": position[1]}


def _branch(known: Branch | None, form: Form) -> Any:
    page = render_template(
        "office/branch.html",
        branch=known,
        form=form,
        place=None,
        tiles=parts().settings.map_tiles_url,
        centre=usual_place(session()),
    )
    return page, form.status
