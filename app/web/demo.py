"""What does the demo's own page show, and how does a newcomer get in? Registered in a demo only, on this host only."""

from __future__ import annotations

from typing import cast

from flask import Blueprint, Flask, abort, current_app, g, redirect, render_template, request, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from app.auth import Actor
from app.demo.panel import phones, situations
from app.demo.stage import SPEEDS, Stage
from app.errors import Invalid
from app.web.visitor import now, parts, session

blueprint = Blueprint("demo", __name__, url_prefix="/demo")

_HERE = ("127.0.0.1", "::1")
_NAMES_OF_HERE = ("127.0.0.1", "localhost", "[::1]")
#: Where the cookie keeps whose phone is being looked at.
_PHONE = "demo_technician"
#: Pages that carry the bar leading back to the demo: not the customers', who know of no demo.
_WITH_BAR = ("dispatch", "office", "account", "technician")


def install(app: Flask, stage: Stage) -> None:
    """Turn an application into the demo: its panel, the bar on the other pages, and everybody on this host let in."""
    app.extensions["mamonaku_demo"] = stage
    app.register_blueprint(blueprint)
    app.before_request(_let_in)
    app.context_processor(lambda: {"demo_bar": (request.blueprint or "").split(".")[0] in _WITH_BAR})


def _stage() -> Stage:
    return cast(Stage, current_app.extensions["mamonaku_demo"])


def _let_in() -> None:
    """Take whoever asks from this host for the demo's dispatcher, or on the phone page for a technician."""
    if request.remote_addr not in _HERE or request.host.rsplit(":", 1)[0] not in _NAMES_OF_HERE:
        abort(403)
    stage = _stage()
    if request.blueprint == "technician":
        technician_id = int(cookie.get(_PHONE, stage.cast.technicians[0]))
        g.actor = Actor(f"technician:{technician_id}", "technician", technician_id=technician_id)
    elif request.blueprint not in ("customer", "api", "ingest", "hooks"):
        g.actor = Actor(f"user:{stage.cast.dispatcher}", "admin", user_id=stage.cast.dispatcher)


@blueprint.get("")
def panel() -> ResponseReturnValue:
    """Show the phones and the road."""
    return render_template("demo/panel.html", **_shown())


@blueprint.get("/now")
def present() -> ResponseReturnValue:
    """Answer with the part of the panel that changes."""
    return render_template("demo/now.html", **_shown())


def _shown() -> dict[str, object]:
    stage = _stage()
    return {
        "phones": phones(session(), stage, parts().settings.base_url),
        "situations": situations(stage, now()),
        "speed": stage.clock.speed,
        "speeds": SPEEDS,
    }


@blueprint.post("/speed")
def speed() -> ResponseReturnValue:
    """Play slower or faster; 0 stands still."""
    wanted = request.form.get("speed", "")
    if wanted not in map(str, SPEEDS):
        raise Invalid.one("speed", "choice", choices=", ".join(map(str, SPEEDS)))
    _stage().clock.turn(speed=float(wanted))
    return _to("demo.panel")


@blueprint.get("/phone/<int:technician_id>")
def phone(technician_id: int) -> ResponseReturnValue:
    """Show a technician's phone page."""
    if technician_id not in _stage().cast.technicians:
        abort(404)
    cookie[_PHONE] = technician_id
    return _to("technician.day")


def _to(endpoint: str) -> Response:
    return redirect(url_for(endpoint), 303)
