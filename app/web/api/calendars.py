"""Calendars of technicians, for other programs."""

from __future__ import annotations

import json
from typing import Any

from flask import g
from pydantic import Field

from app.errors import Invalid, NotFound
from app.models import CalendarSubscription
from app.operations.calendar_feed import end_feed, replace_feed
from app.operations.calendar_subscription import find_subscription, subscribe, unsubscribe
from app.operations.technician import find_technician
from app.outside import LONGEST_URL
from app.web.api.gate import blueprint
from app.web.api.reading import Body, Line, Moment, Reply
from app.web.calendar import feed_address
from app.web.visitor import needs, now, parts, session, signed_in


class CalendarIn(Body):
    names: bool = Field(False, description="Whether customers' names are in it.")


class CalendarOut(Reply):
    url: str | None = Field(description="A secret address, to be read only. Shown once: a repetition gets null.")


class BusyCalendarIn(Body):
    url: Line = Field(
        max_length=LONGEST_URL, description="iCalendar, `https` or `webcal`.", examples=["https://example.jp/own.ics"]
    )


class BusyCalendarOut(Reply):
    technician: int
    host: str = Field(description="Where it is read; the whole address is a secret.")
    read_at: Moment | None
    busy_count: int = Field(description="Times in the next 120 days, told by `GET /absences` with source `ical`.")
    failing_since: Moment | None
    failure: str | None


@blueprint.post("/technicians/<int:technician_id>/calendar")
@needs("dispatch")
@blueprint.input(CalendarIn)
@blueprint.output(CalendarOut, status_code=201)
@blueprint.doc(tags=["Calendars"])
def create_calendar(technician_id: int, json_data: CalendarIn) -> dict[str, Any]:
    """Make the address under which calendar programs show a technician's visits; the one before ends."""
    g.repeated_reply = json.dumps({"url": None})
    return {"url": feed_address(replace_feed(session(), technician_id, names=json_data.names))}


@blueprint.delete("/technicians/<int:technician_id>/calendar")
@needs("dispatch")
@blueprint.output({}, status_code=204)
@blueprint.doc(tags=["Calendars"])
def delete_calendar(technician_id: int) -> tuple[str, int]:
    """End that address."""
    end_feed(session(), technician_id)
    return "", 204


@blueprint.post("/technicians/<int:technician_id>/busy-calendar")
@needs("dispatch")
@blueprint.input(BusyCalendarIn)
@blueprint.output(BusyCalendarOut, status_code=201)
@blueprint.doc(tags=["Calendars"])
def create_busy_calendar(technician_id: int, json_data: BusyCalendarIn) -> dict[str, Any]:
    """Have a technician's own calendar read every quarter of an hour, instead of one before: busy times are days off.

    Titles and words are not kept. Booked visits in such a time stay, and a person is called.
    """
    hosts, actor = parts().outside.internal_hosts, signed_in().name
    try:
        return _shown(subscribe(session(), technician_id, json_data.url, internal_hosts=hosts, now=now(), actor=actor))
    except Invalid as invalid:
        raise Invalid.one("url", invalid.problems[0].code) from None


@blueprint.get("/technicians/<int:technician_id>/busy-calendar")
@needs("dispatch")
@blueprint.output(BusyCalendarOut)
@blueprint.doc(tags=["Calendars"])
def get_busy_calendar(technician_id: int) -> dict[str, Any]:
    """Tell whether a technician's own calendar can be read."""
    find_technician(session(), technician_id)
    known = find_subscription(session(), technician_id)
    if known is None:
        raise NotFound("calendar")
    return _shown(known)


@blueprint.delete("/technicians/<int:technician_id>/busy-calendar")
@needs("dispatch")
@blueprint.output({}, status_code=204)
@blueprint.doc(tags=["Calendars"])
def delete_busy_calendar(technician_id: int) -> tuple[str, int]:
    """Read it no more, and forget what it said."""
    find_technician(session(), technician_id)
    unsubscribe(session(), technician_id, now(), signed_in().name)
    return "", 204


def _shown(known: CalendarSubscription) -> dict[str, Any]:
    return {
        "technician": known.technician_id,
        "host": known.url.split("/")[2],
        "read_at": known.read_at,
        "busy_count": known.busy_count,
        "failing_since": known.failing_since_at,
        "failure": known.failure,
    }
