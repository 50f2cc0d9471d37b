"""What do providers report back? Signed callbacks; a forged one is refused, a repeated one changes nothing."""

from __future__ import annotations

from contextlib import nullcontext

from flask import Blueprint, Response, request
from markupsafe import escape

from app import i18n
from app.errors import NotAllowed
from app.operations.company import find_company
from app.operations.inbound import Heard, receive
from app.operations.key_press import press_key
from app.operations.line import take_in
from app.operations.receipt import note_receipt
from app.rules.line_events import line_events
from app.rules.replies import understand
from app.rules.signatures import from_line, from_twilio
from app.voice import answer, reading
from app.web.limits import limiter
from app.web.visitor import now, parts, session, zone

blueprint = Blueprint("hooks", __name__, url_prefix="/hooks")

#: No word of a provider is longer.
_LONGEST = 64
#: Words after which Twilio itself says that no more comes; it sends its own last word.
_TWILIO_STOPS = frozenset({"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout"})
#: What Twilio calls the two choices that it takes in by itself.
_CHOICES = {"STOP": "stop", "START": "start"}


@blueprint.post("/twilio/status")
def twilio_status() -> Response:
    """Take in what became of an SMS; one that is not ours is answered alike, so that it is not sent again."""
    _check_twilio()
    sid, status = _field("MessageSid"), _field("MessageStatus")
    if sid and status:
        reference = request.args.get("n")
        note_receipt(session(), sid, status, _field("ErrorCode"), now(), reference=reference)
    return Response(status=204)


@blueprint.post("/twilio/inbound")
def twilio_inbound() -> Response:
    """Take in an SMS; the answer is empty but for one last word to who wants no more, where Twilio sends none."""
    _check_twilio()
    sid, sender, words = _field("MessageSid"), _field("From"), request.form.get("Body", "")
    if not (sid and sender):
        return _twiml("")
    chosen = _CHOICES.get(_field("OptOutType") or "")
    # Who writes too often is not heard, unless to say that no more shall come.
    heard_always = chosen == "stop" or understand(words) == "stop"
    flood = limiter.limit("20 per minute; 200 per day", key_func=lambda: f"sms:{sender}")
    with nullcontext() if heard_always else flood:
        files = "\n📎" * min(request.form.get("NumMedia", 0, type=int), 5)
        heard = receive(session(), "sms", sender, words + files, now(), provider_id=sid, zone=zone(), chosen=chosen)
    done_by_twilio = chosen or words.strip().lower() in _TWILIO_STOPS
    return _twiml("" if done_by_twilio or heard.understood != "stop" else _last_word(heard))


@blueprint.post("/twilio/voice")
def twilio_key() -> Response:
    """Take in a key that was pressed during a call, and say what is heard next."""
    _check_twilio()
    reference = request.args.get("n", "")[:_LONGEST]
    said = press_key(session(), _field("CallSid") or "", reference, _field("Digits") or "", now(), zone())
    if said is None:
        return _twiml("")
    key_url = f"{parts().settings.base_url}{request.full_path}"
    next_words = reading(said.spoken, said.language, key_url) if said.spoken else answer(said.code, said.language)
    return Response(next_words, mimetype="text/xml")


@blueprint.post("/twilio/voice/status")
def twilio_call_status() -> Response:
    """Take in what became of a call; that it was answered proves nothing: only a key does."""
    _check_twilio()
    sid, status = _field("CallSid"), _field("CallStatus")
    if sid and status:
        note_receipt(session(), sid, status, _field("ErrorCode"), now(), reference=request.args.get("n"))
    return Response(status=204)


@blueprint.post("/line")
def line() -> Response:
    """Take in what LINE calls to say; what means nothing to us is answered alike, so that it is not sent again."""
    raw = request.get_data(cache=True)
    if not from_line(parts().settings.line_channel_secret, raw, request.headers.get("X-Line-Signature", "")):
        raise NotAllowed("signature")
    take_in(session(), list(line_events(request.get_json(force=True, silent=True))), now(), zone())
    return Response(status=200)


def _last_word(heard: Heard) -> str:
    """Return the one message that confirms the end of messages; the law of many countries asks for it."""
    company = find_company(session())
    language = heard.language or parts().settings.locale
    return i18n.t("inbox.stopped_sms", language, brand=company.short_name if company else "")


def _twiml(message: str) -> Response:
    said = f"<Message>{escape(message)}</Message>" if message else ""
    return Response(f'<?xml version="1.0" encoding="UTF-8"?><Response>{said}</Response>', mimetype="text/xml")


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
