"""What do providers report back? Signed callbacks; a forged one is refused, a repeated one changes nothing."""

from __future__ import annotations

from flask import Blueprint, Response, request

from app.errors import NotAllowed
from app.operations.receipt import note_receipt
from app.rules.signatures import from_twilio
from app.web.visitor import now, parts, session

blueprint = Blueprint("hooks", __name__, url_prefix="/hooks")

#: No word of a provider is longer.
_LONGEST = 64


@blueprint.post("/twilio/status")
def twilio_status() -> Response:
    """Take in what became of an SMS; one that is not ours is answered alike, so that it is not sent again."""
    _check_twilio()
    sid, status = _field("MessageSid"), _field("MessageStatus")
    if sid and status:
        reference = request.args.get("n")
        note_receipt(session(), sid, status, _field("ErrorCode"), now(), reference=reference)
    return Response(status=204)


def _check_twilio() -> None:
    """Raise NotAllowed unless the form was signed for our public address with the account's secret."""
    settings = parts().settings
    query = f"?{request.query_string.decode()}" if request.query_string else ""
    url = f"{settings.base_url}{request.path}{query}"
    fields = dict(request.form.lists())
    if not from_twilio(settings.twilio_auth_token, url, fields, request.headers.get("X-Twilio-Signature", "")):
        raise NotAllowed("signature")


def _field(name: str) -> str | None:
    return request.form.get(name, "")[:_LONGEST] or None
