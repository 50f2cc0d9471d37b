"""What does the technician's phone show, and how do its taps and positions come in?"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import wraps
from typing import Annotated, Any, Literal, ParamSpec, TypeVar

from flask import Blueprint, current_app, flash, jsonify, redirect, render_template, request, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue
from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from app import auth, i18n
from app.errors import Conflict, Invalid, NotAllowed, Problem
from app.models import Technician
from app.operations.addition import photo_for
from app.operations.calendar_feed import replace_feed
from app.operations.position import ReportedFix, quarantine, record_fixes
from app.operations.tap import Taken, Tap, take_taps
from app.operations.technician_day import office_phone, technician_day
from app.rules.access import may
from app.rules.phone import true_instant
from app.rules.position import Fix
from app.web.calendar import feed_address
from app.web.limits import limiter
from app.web.pictures import picture_reply
from app.web.problems import error_words
from app.web.visitor import LANGUAGE, SAFE_METHODS, SIGN_IN, actor, locale, now, parts, session, zone

blueprint = Blueprint("technician", __name__, url_prefix="/t")

P = ParamSpec("P")
M = TypeVar("M", bound=BaseModel)
#: A wrong clock may say 1970; nothing a phone can mean lies outside.
Instant = Annotated[AwareDatetime, Field(ge=datetime(1970, 1, 1, tzinfo=UTC), le=datetime(2100, 1, 1, tzinfo=UTC))]
Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{8,64}$")]
Id = Annotated[int, Field(ge=1, le=2**31 - 1)]


class TapIn(BaseModel):
    """One tap as the phone sends it."""

    kind: Literal["status", "eta", "undo"]
    visit: Id
    key: Key
    at: Instant
    status: Annotated[str, Field(max_length=20)] | None = None
    eta: Instant | None = None


class FixIn(BaseModel):
    """One position as the phone's browser measured it."""

    fixed_at: Instant
    lat: float
    lon: float
    accuracy_m: float | None = None
    speed_mps: float | None = None


class Batch(BaseModel):
    """What a phone had kept: for whom, and what its clock said when it handed it over."""

    technician: int
    sent_at: Instant
    items: Annotated[list[dict[str, Any]], Field(max_length=500)]


def own_day(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """Let a signed-in technician in; tell others how to get a link, and a program that the sign-in is over (401)."""

    @wraps(view)
    def checked(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        who = actor()
        if who is not None and may(who.role, "own_day"):
            return view(*args, **kwargs)
        if request.method in SAFE_METHODS:
            return render_template("technician/signed_out.html", phone=office_phone(session())), 401
        refused = NotAllowed("sign_in_needed")
        refused.status = 401
        raise refused

    checked.needs = "own_day"  # type: ignore[attr-defined]
    return checked


@blueprint.get("")
@own_day
def day() -> ResponseReturnValue:
    """Show the next visit and the rest of the day."""
    shown = technician_day(session(), me(), zone(), now())
    said = {key.removeprefix("technician.say_"): text for key, text in i18n.catalogue(locale()).items()
            if key.startswith("technician.say_")}  # fmt: skip

    def phone(number: str) -> str:
        return i18n.phone_words(number, parts().settings.country)

    return render_template(
        "technician/day.html", day=shown, said=said, phone=phone, new_key=lambda: secrets.token_hex(16)
    )


@blueprint.post("/tap")
@own_day
def tap_by_form() -> ResponseReturnValue:
    """Record one tap of a page without JavaScript."""
    fields = {name: value for name, value in request.form.items() if value}
    tap = _read(TapIn, {"at": now().isoformat(), **fields})
    (taken,) = take_taps(session(), me(), [_tap(tap, now())], now())
    if taken.error is not None:
        flash(_refusal(taken, tap))
    return redirect(url_for("technician.day"), 303)


@blueprint.post("/taps")
@own_day
def taps() -> ResponseReturnValue:
    """Record what a phone had kept, in order, and answer for each tap what became of it."""
    batch = _batch()
    read = [_tap_or_none(item) for item in batch.items]
    readable = [tap for tap in read if tap is not None]
    taken = iter(take_taps(session(), me(), [_tap(tap, batch.sent_at) for tap in readable], now()))
    results = [_answer(tap, next(taken)) if tap else _unread(item) for tap, item in zip(read, batch.items, strict=True)]
    return jsonify(results=results)


@blueprint.post("/fixes")
@own_day
def fixes() -> ResponseReturnValue:
    """Keep the positions that the page measured."""
    batch = _batch()
    reported = []
    for item in batch.items:
        try:
            reported.append(_fix(FixIn.model_validate(item), batch.sent_at, item))
        except ValidationError:
            quarantine(session(), item, "unreadable", source="page", now=now(), technician_id=me())
    record_fixes(session(), me(), reported, source="page", now=now())
    return jsonify(taken=len(batch.items))


@blueprint.get("/calendar")
@own_day
def calendar() -> ResponseReturnValue:
    """Show the address of the own visits for calendar programs."""
    known = session().get_one(Technician, me())
    return render_template("technician/calendar.html", feed=feed_address(known.calendar_token))


@blueprint.post("/calendar")
@own_day
def new_calendar() -> ResponseReturnValue:
    """Make that address, or replace it when others know it."""
    replace_feed(session(), me(), names=session().get_one(Technician, me()).calendar_names)
    return redirect(url_for("technician.calendar"), 303)


@blueprint.get("/photos/<int:photo_id>")
@own_day
def photo(photo_id: int) -> ResponseReturnValue:
    """Show a photo that a customer of the own visits has sent."""
    return picture_reply(photo_for(session(), me(), photo_id))


@blueprint.get("/in/<token>")
@limiter.limit("60 per minute")
def link(token: str) -> ResponseReturnValue:
    """Show what a one-time link is for; only the press of its button spends it, so that link previews do not."""
    return render_template("technician/link.html", token=token, spent=False, phone=office_phone(session()))


@blueprint.post("/in/<token>")
@limiter.limit("20 per minute")
def enter(token: str) -> ResponseReturnValue:
    """Spend a one-time link and sign this phone in."""
    try:
        signed_in = auth.use_phone_link(session(), token=token, now=now())
    except NotAllowed:
        page = render_template("technician/link.html", token=token, spent=True, phone=office_phone(session()))
        return page, 403
    chosen = cookie.get(LANGUAGE)
    cookie.clear()
    cookie.permanent = True
    cookie.update({SIGN_IN: signed_in} | ({LANGUAGE: chosen} if chosen else {}))
    return redirect(url_for("technician.day"), 303)


@blueprint.post("/out")
@own_day
def leave() -> ResponseReturnValue:
    """Sign this phone out; the page it comes back to makes the browser forget the kept one."""
    auth.sign_out(session(), token=cookie[SIGN_IN], now=now())
    cookie.clear()
    return redirect(url_for("technician.day"), 303)


@blueprint.get("/sw.js")
def service_worker() -> ResponseReturnValue:
    """Serve the worker that keeps the page when there is no signal; its place decides what it may see."""
    script = current_app.send_static_file("technician-sw.js")
    script.headers["Service-Worker-Allowed"] = "/t"
    script.headers["Cache-Control"] = "no-cache"
    return script


def me() -> int:
    """Return the number of the technician whose phone asks."""
    who = actor()
    assert who is not None
    assert who.technician_id is not None
    return who.technician_id


def _batch() -> Batch:
    """Return what a phone sent. Raises Invalid, and Conflict when it was kept for somebody else's sign-in."""
    try:
        said = request.get_json(silent=True)
    except RecursionError:  # brackets without end
        said = None
    batch = _read(Batch, said)
    if batch.technician != me():
        raise Conflict("other_technician")
    return batch


def _read(model: type[M], data: Any) -> M:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise Invalid([Problem(".".join(map(str, e["loc"])) or "body", "type") for e in error.errors()]) from None


def _tap_or_none(item: Mapping[str, Any]) -> TapIn | None:
    try:
        return TapIn.model_validate(item)
    except ValidationError:
        return None


def _tap(tap: TapIn, sent_at: datetime) -> Tap:
    return Tap(tap.kind, tap.visit, tap.key, true_instant(tap.at, sent_at, now()), tap.status, tap.eta)


def _fix(fix: FixIn, sent_at: datetime, payload: dict[str, Any]) -> ReportedFix:
    measured_at = true_instant(fix.fixed_at, sent_at, now())
    return ReportedFix(Fix(measured_at, fix.lat, fix.lon, fix.accuracy_m, fix.speed_mps), payload)


def _answer(tap: TapIn, taken: Taken) -> dict[str, Any]:
    return {"key": tap.key, "outcome": taken.outcome, "message": _refusal(taken, tap) if taken.error else None}


def _unread(item: Mapping[str, Any]) -> dict[str, Any]:
    message = i18n.t("technician.say_unreadable", locale())
    return {"key": str(item.get("key")), "outcome": "refused", "message": message}


def _refusal(taken: Taken, tap: TapIn) -> str:
    """Return in one sentence which tap was not recorded, and why."""
    error = taken.error
    assert error is not None
    own = f"technician.why_{error.code}"
    if isinstance(error, Invalid):
        why = i18n.t(f"problem.{error.problems[0].code}", locale(), **error.problems[0].facts)
    elif i18n.has(own, locale()):
        state = i18n.t(f"technician.status_{error.facts['status']}", locale()) if "status" in error.facts else ""
        why = i18n.t(own, locale(), state=state)
    else:
        why = error_words(error.code, error.status, error.facts)
    step = i18n.t(f"technician.did_{tap.status if tap.kind == 'status' else tap.kind}", locale())
    whose = i18n.t("technician.refused_whose", locale(), customer=taken.customer) if taken.customer else ""
    at = i18n.time_words(tap.at, zone())
    return i18n.t("technician.refused", locale(), step=step, at=at, whose=whose, why=why)
