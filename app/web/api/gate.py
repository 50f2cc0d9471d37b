"""Who may call the REST API, how is a repeated POST answered, and how does the API describe itself?"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from apiflask import APIBlueprint
from flask import Response, g, request
from flask.blueprints import BlueprintSetupState
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import NotFound, Unauthorized

from app.auth import actor_of_api_token
from app.operations.idempotency import KEY_HEADER, LONGEST_KEY, Claim, claim_key, keep_reply
from app.web.forms import LARGEST_ID
from app.web.limits import limiter
from app.web.visitor import credentials, now, session

blueprint = APIBlueprint("api", __name__, url_prefix="/api/v1")
#: Of one token: what one client can ask, one request after another, on a small machine.
limiter.limit("12000 per minute", key_func=lambda: request.headers.get("Authorization") or request.remote_addr or "")(
    blueprint
)

DESCRIPTION = """\
Bookings, positions and notices for other programs.

* Send `Authorization: Bearer TOKEN` (`mamonaku token create --role dispatcher NAME`). A phone's device secret may only
  report its own technician's positions.
* Times are ISO 8601 with an offset; replies give them in the company's time zone.
* Errors are `application/problem+json` with a stable `type`; wrong input names every field in `errors`.
  A request that is refused changes nothing.
* Every `POST` accepts `Idempotency-Key`: a request repeated within 24 hours is not done again and gets the first reply.
* Lists are paged: pass `next` as `cursor` until it is null.
"""

PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457 problem details.",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string", "format": "uri", "examples": ["urn:mamonaku:invalid"]},
        "title": {"type": "string", "description": "For people, in the asker's language (Accept-Language)."},
        "status": {"type": "integer"},
        "reason": {"type": "string", "description": "Of a conflict: overlap, unreachable, closed, visit_over, …"},
        "facts": {"type": "object"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "code", "message"],
                "properties": {
                    "field": {"type": "string", "examples": ["fixes[3].lat"]},
                    "code": {"type": "string"},
                    "message": {"type": "string"},
                },
            },
        },
    },
}
_PROBLEMS = {
    "400": "The request is malformed.",
    "401": "A valid token is missing.",
    "403": "The token's role does not allow this.",
    "404": "There is no such thing.",
    "409": "The state of things forbids it; `reason` tells why.",
    "412": "It was changed since the version in If-Match.",
    "413": "The body is too large.",
    "422": "The input is wrong; `errors` names every field.",
    "429": "Too many requests.",
}


@blueprint.record_once
def _describe(state: BlueprintSetupState) -> None:
    app: Any = state.app
    app.description = DESCRIPTION
    app.servers = [{"url": "/"}]
    app.tags = [
        "Customers",
        "Technicians",
        "Absences",
        "Positions",
        "Services",
        "Visits",
        "Prices",
        "Invoices",
        "Notices",
        "Calendars",
        "Webhooks",
    ]
    app.config.update(
        AUTO_404_RESPONSE=False,
        AUTO_VALIDATION_ERROR_RESPONSE=False,
        AUTO_AUTH_ERROR_RESPONSE=False,
        AUTO_OPERATION_ID=True,
        SECURITY_SCHEMES={"bearer": {"type": "http", "scheme": "bearer"}},
    )
    app.spec_processor(_complete)


@blueprint.url_value_preprocessor
def _refuse_impossible_ids(_endpoint: str | None, values: dict[str, Any] | None) -> None:
    if any(isinstance(value, int) and value > LARGEST_ID for value in (values or {}).values()):
        raise NotFound


@blueprint.before_request
def _enter() -> None:
    given = credentials()
    bearer = given.token if given is not None and given.type == "bearer" else None
    g.actor = actor_of_api_token(session(), token=bearer) if bearer else None
    if g.actor is None:
        raise Unauthorized(www_authenticate=WWWAuthenticate("bearer", {"realm": "mamonaku"}))


@blueprint.before_request
def _answer_a_repetition() -> Response | None:
    key = request.headers.get(KEY_HEADER)
    if request.method != "POST" or key is None or g.actor.api_token_id is None:
        return None
    said = b"\n".join([request.method.encode(), request.full_path.encode(), request.get_data()])
    found = claim_key(
        session(),
        api_token_id=g.actor.api_token_id,
        key=key,
        request_hash=hashlib.sha256(said).hexdigest(),
        now=now(),
    )
    if isinstance(found, Claim):
        g.claim = found
        return None
    version = json.loads(found.body).get("version")
    headers = etag(version) if version is not None else {}
    return Response(found.body, found.status, {**headers, "Idempotent-Replayed": "true"}, mimetype="application/json")


@blueprint.after_request
def _keep_the_reply(response: Response) -> Response:
    claim = g.pop("claim", None)
    if claim is not None and response.status_code < 400:
        body = response.get_data(as_text=True)
        keep_reply(session(), claim, response.status_code, g.pop("repeated_reply", body))
    return response


def etag(version: int) -> dict[str, str]:
    """Return the header that carries a version."""
    return {"ETag": f'"{version}"'}


def wanted_version() -> int | None:
    """Return the version that If-Match asks for; None when any will do, 0, which none has, when it is not ours."""
    if not request.headers.get("If-Match") or request.if_match.star_tag:
        return None
    tags = [tag for tag in request.if_match.as_set(include_weak=True) if tag.isascii() and tag.isdigit()]
    return min(int(tags[0][:10]), LARGEST_ID) if len(tags) == 1 else 0


def _complete(spec: dict[str, Any]) -> dict[str, Any]:
    """Add to the description what holds for every operation: token, errors, idempotency, what an id is."""
    spec["components"].setdefault("schemas", {})["Problem"] = PROBLEM_SCHEMA
    refused = {
        status: {
            "description": text,
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status, text in _PROBLEMS.items()
    }
    repeatable = {
        "in": "header",
        "name": KEY_HEADER,
        "description": "Makes a repetition harmless.",
        "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[ -~]+$"},
    }
    matching = {
        "in": "header",
        "name": "If-Match",
        "description": "The version the change is based on.",
        "schema": {"type": "string", "examples": ['"3"']},
    }
    for path in spec["paths"].values():
        for method, operation in path.items():
            operation["security"] = [{"bearer": []}]
            operation["responses"].update(refused)
            for parameter in operation["parameters"]:
                if parameter["in"] == "path" and parameter["schema"].get("type") == "integer":
                    parameter.update(required=True, schema={"type": "integer", "minimum": 1, "maximum": LARGEST_ID})
            operation["parameters"] += {"post": [repeatable], "patch": [matching]}.get(method, [])
            if "requestBody" in operation:
                operation["requestBody"]["required"] = True
    return spec
