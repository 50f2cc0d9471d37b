"""Who is at a desk just now? Every page of the desk says so once a minute, while somebody is there."""

from __future__ import annotations

from flask import Blueprint
from flask import session as cookie
from flask.typing import ResponseReturnValue

from app.operations.absence import note_seen
from app.web.visitor import SIGN_IN, needs, now, session

blueprint = Blueprint("presence", __name__)


@blueprint.post("/here")
@needs("dispatch")
def here() -> ResponseReturnValue:
    """Take in that somebody is at this desk; in the demo, nobody has signed in."""
    if SIGN_IN in cookie:
        note_seen(session(), cookie[SIGN_IN], now())
    return "", 204
