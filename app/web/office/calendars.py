"""Which calendars show a technician's visits, and which one of theirs is read?"""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import request

from app.operations.calendar_feed import end_feed, replace_feed
from app.operations.calendar_subscription import subscribe, unsubscribe
from app.web.forms import Form
from app.web.office.room import blueprint, saved
from app.web.office.technicians import technician_page
from app.web.visitor import needs, now, parts, session, signed_in


@blueprint.post("/technicians/<int:technician_id>/feed")
@needs("dispatch")
def new_feed(technician_id: int) -> Any:
    """Make the secret address of a technician's visits, or replace it."""
    replace_feed(session(), technician_id, names=Form(request.form).ticked("names"))
    return _back(technician_id)


@blueprint.post("/technicians/<int:technician_id>/feed/end")
@needs("dispatch")
def stop_feed(technician_id: int) -> Any:
    """End that address."""
    end_feed(session(), technician_id)
    return _back(technician_id)


@blueprint.post("/technicians/<int:technician_id>/calendar")
@needs("dispatch")
def read_calendar(technician_id: int) -> Any:
    """Have a technician's own calendar read."""
    form, hosts, actor = Form(request.form), parts().outside.internal_hosts, signed_in().name
    url = form.text("calendar_url", most=1000)
    begin = partial(subscribe, session(), technician_id, url, internal_hosts=hosts, now=now(), actor=actor)
    return technician_page(technician_id, form) if form.submit(begin) is None else _back(technician_id)


@blueprint.post("/technicians/<int:technician_id>/calendar/end")
@needs("dispatch")
def stop_calendar(technician_id: int) -> Any:
    """Read it no more, and forget what it said."""
    unsubscribe(session(), technician_id, now(), signed_in().name)
    return _back(technician_id)


def _back(technician_id: int) -> Any:
    return saved("office.technician", technician_id=technician_id, _anchor="calendar")
