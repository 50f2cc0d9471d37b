"""What do the phones' location apps send? The OwnTracks HTTP protocol, answered so that no phone is ever stuck.

A phone keeps a message that is not answered with 2xx at the head of its queue, for ever and before all others. So a
message that will never become good is put into quarantine and answered as taken; only what may succeed later, or with
other credentials, is refused.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import structlog
from flask import Blueprint, Response, jsonify, request
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnection
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import HTTPException

from app.auth import Actor, actor_of_device
from app.operations.position import ReportedFix, quarantine, record_fixes
from app.operations.technician import note_sign_of_life
from app.rules.position import Fix
from app.web.limits import limiter
from app.web.visitor import credentials, end_session, now, session

blueprint = Blueprint("ingest", __name__, url_prefix="/ingest")

#: Of one phone. One that catches up after a tunnel sends hundreds of messages, one after the other.
LIMIT = "3000 per minute"
RETRY_AFTER_S = "30"
KMH_PER_MPS = 3.6
_RAW_KEPT = 2000

log = structlog.get_logger()


class _CannotBeRight(Exception):
    """A message that no repetition makes better; its text is the reason's code."""


@blueprint.post("/owntracks", strict_slashes=False)
@limiter.limit(LIMIT, key_func=lambda: request.headers.get("Authorization") or request.remote_addr or "")
def owntracks() -> Response | tuple[Response, int, dict[str, str]]:
    """Take one OwnTracks message and answer with an array of messages for the phone: none."""
    device = _device()
    if device is None or device.technician_id is None:
        return jsonify([]), 401, {"WWW-Authenticate": str(WWWAuthenticate("basic", {"realm": "mamonaku"}))}
    body = request.get_data()
    try:
        reports = [_location(message) for message in _messages(body) if message.get("_type") == "location"]
        record_fixes(session(), device.technician_id, reports, source="owntracks", now=now())
    except _CannotBeRight as reason:
        raw = {"raw": body[:_RAW_KEPT].decode("utf-8", "replace")}
        quarantine(session(), raw, str(reason), source="owntracks", now=now(), technician_id=device.technician_id)
    return jsonify([])


@blueprint.errorhandler(HTTPException)
def _refused(error: HTTPException) -> tuple[Response, int, dict[str, str]]:
    """Answer too large, too many and the like with the array that the apps parse."""
    end_session(commit=False)
    later = {"Retry-After": RETRY_AFTER_S} if error.code == 429 else {}
    return jsonify([]), error.code or 500, later


@blueprint.errorhandler(DBAPIError)
@blueprint.errorhandler(NoConnection)
def _overloaded(error: Exception) -> tuple[Response, int, dict[str, str]]:
    """Have the phone keep its message while the database does not answer."""
    end_session(commit=False)
    log.error("position not kept", exc_info=error)
    return jsonify([]), 503, {"Retry-After": RETRY_AFTER_S}


def _device() -> Actor | None:
    """Return the technician whose phone this is: Basic, or its user name in the app's own header or parameter."""
    given = credentials()
    if given is None or given.type != "basic" or not given.password:
        return None
    for username in (given.username, request.headers.get("X-Limit-U"), request.args.get("u")):
        device = actor_of_device(session(), token=given.password, username=username) if username else None
        if device is not None:
            note_sign_of_life(session(), str(username), now())
            return device
    return None


def _messages(body: bytes) -> list[dict[str, Any]]:
    """Return the message of a body, as a list of at most one: an empty body says that a friend was deleted."""
    if not body.strip():
        return []
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        raise _CannotBeRight("not_json") from None
    if not isinstance(message, dict):
        raise _CannotBeRight("not_a_message")
    if message.get("_type") == "encrypted":
        log.warning("an OwnTracks message is encrypted and cannot be read")
    return [message]


def _location(message: dict[str, Any]) -> ReportedFix:
    """Return the position of a `location` message; numbers may come as text, zeros are left out."""
    try:
        fixed_at = datetime.fromtimestamp(_number(message["tst"]), UTC)
    except (KeyError, ValueError, TypeError, OverflowError, OSError):
        raise _CannotBeRight("no_time") from None
    try:
        lat, lon = _number(message["lat"]), _number(message["lon"])
    except (KeyError, ValueError, TypeError, OverflowError):
        raise _CannotBeRight("no_position") from None
    speed_kmh = _number_or_none(message.get("vel"))
    fix = Fix(
        fixed_at=fixed_at,
        lat=lat,
        lon=lon,
        accuracy_m=_number_or_none(message.get("acc")),
        speed_mps=None if speed_kmh is None else speed_kmh / KMH_PER_MPS,
        moved=message.get("t") != "p",  # a ping repeats an old position under the present time
    )
    return ReportedFix(fix, {name: value for name, value in message.items() if not isinstance(value, dict | list)})


def _number(value: Any) -> float:
    if isinstance(value, bool):
        raise TypeError
    return float(value)


def _number_or_none(value: Any) -> float | None:
    try:
        return _number(value)
    except (ValueError, TypeError, OverflowError):
        return None
