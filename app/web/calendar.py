"""What does a calendar program get that knows a technician's secret address?"""

from __future__ import annotations

import hashlib

from flask import Blueprint, Response, request, url_for

from app.operations.calendar_feed import feed
from app.web.limits import limiter
from app.web.visitor import now, parts, session, zone

blueprint = Blueprint("calendar", __name__)


def feed_address(token: str | None) -> str | None:
    """Return the address of a technician's visits for calendar programs; None where there is none."""
    return f"{parts().settings.base_url}{url_for('calendar.calendar', token=token)}" if token else None


@blueprint.get("/calendar/<string(maxlength=64):token>.ics")
@limiter.limit("120 per hour; 20 per minute")
def calendar(token: str) -> Response:
    """Return the technician's visits; a program that has the same already is told so (304)."""
    written = feed(session(), token, base_url=parts().settings.base_url, now=now(), zone=zone())
    response = Response(written, content_type="text/calendar; charset=utf-8")
    response.set_etag(hashlib.sha256(written).hexdigest()[:32])
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["Content-Disposition"] = 'inline; filename="visits.ics"'
    response.headers["X-Robots-Tag"] = "noindex"
    response.make_conditional(request)
    return response
