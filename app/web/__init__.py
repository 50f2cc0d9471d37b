"""Who looks? One blueprint per kind of visitor, and the hooks that every request passes through."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import date
from typing import Any
from urllib.parse import urlencode

import structlog
from flask import Blueprint, Flask, Request, Response, current_app, g, render_template, request
from flask import session as cookie
from flask_wtf.csrf import CSRFError, CSRFProtect
from sqlalchemy.exc import IntegrityError
from werkzeug.exceptions import HTTPException, InternalServerError, NotFound, ServiceUnavailable
from werkzeug.routing import IntegerConverter

from app import i18n
from app.db import SILENT
from app.errors import AppError, Conflict, Invalid
from app.web import (
    account,
    api,
    calendar,
    customer,
    dispatch,
    health,
    hooks,
    incident,
    ingest,
    office,
    paper,
    presence,
    quote,
    technician_work,
)
from app.web.forms import LARGEST_ID
from app.web.limits import limiter
from app.web.problems import problem_reply, wants_problem
from app.web.visitor import LANGUAGE, SAFE_METHODS, actor, end_session, locale, now, parts, zone

BLUEPRINTS: tuple[Blueprint, ...] = (
    dispatch.blueprint,
    technician_work.blueprint,
    customer.blueprint,
    incident.blueprint,
    quote.blueprint,
    paper.blueprint,
    office.blueprint,
    account.blueprint,
    presence.blueprint,
    api.blueprint,
    ingest.blueprint,
    hooks.blueprint,
    calendar.blueprint,
    health.blueprint,
)
#: No ambient cookie proves anything here: a bearer token, a device credential, a signature, or the link itself does.
WITHOUT_CSRF = (api.blueprint, ingest.blueprint, hooks.blueprint, customer.blueprint, quote.blueprint)
#: Who comes there is known by a link or a key, and is nobody of the office, whatever cookie is there.
FOR_NOBODY_SIGNED_IN = ("api", "ingest", "hooks", "calendar", "customer", "incident", "paper")
#: A database that does not answer may do so again after this.
RETRY_AFTER_S = 15

log = structlog.get_logger()


class RowNumber(IntegerConverter):
    """A number in an address that can be a row's; a larger one is no page, where the database would fail."""

    def to_python(self, value: str) -> int:
        """Return the number. Raises NotFound at once: otherwise a page of another method would be found, and a 405."""
        number: int = super().to_python(value)
        if number > LARGEST_ID:
            raise NotFound
        return number


class Asked(Request):
    """A request whose query is one: raw bytes in it become what browsers write, for what reads them fails at others."""

    def __init__(self, environ: dict[str, Any], *given: Any, **named: Any) -> None:
        raw = environ.get("QUERY_STRING", "")
        environ["QUERY_STRING"] = re.sub(r"[^\x21-\x7e]", lambda found: f"%{ord(found[0]):02X}", raw)
        super().__init__(environ, *given, **named)


def install(app: Flask) -> None:
    """Give an application its pages, hooks, error pages and template words."""
    app.request_class = Asked
    app.url_map.converters["int"] = RowNumber
    csrf = CSRFProtect(app)
    for blueprint in WITHOUT_CSRF:
        csrf.exempt(blueprint)
    limiter.init_app(app)
    for blueprint in BLUEPRINTS:
        blueprint.enable_openapi = blueprint is api.blueprint  # type: ignore[attr-defined]  # APIFlask asks each for it
        app.register_blueprint(blueprint)
    app.before_request(_remember_language)
    app.after_request(_finish)
    app.teardown_request(lambda _error: end_session(commit=False))
    app.register_error_handler(Exception, _failed)
    app.context_processor(_words)


def _remember_language() -> None:
    chosen = request.args.get("lang")
    # A quote may lie before the customer on the technician's own phone: who switches there has not signed in.
    if chosen in i18n.LOCALES and request.blueprint not in (*FOR_NOBODY_SIGNED_IN, "quote"):
        cookie[LANGUAGE] = chosen


def _finish(response: Response) -> Response:
    """Commit what an unsafe request did when it succeeded, wake the jobs, and put the protective headers on."""
    changed = request.method not in SAFE_METHODS and response.status_code < 400 and "session" in g
    end_session(commit=changed)
    if changed:
        parts().wake()
    tiles = parts().settings.map_tiles_url
    images = f"'self' data: {tiles.split('{')[0]}" if tiles else "'self' data:"
    response.headers.setdefault(
        "Content-Security-Policy",
        f"default-src 'self'; img-src {images}; style-src 'self'; script-src 'self'; object-src 'none';"
        " base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
    )
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "no-referrer")
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    return response


def _failed(error: Exception) -> Response:
    """Answer an error in the visitor's way: problem details to programs, a page to people; nothing is kept."""
    end_session(commit=False)
    if isinstance(error, InternalServerError) and isinstance(error.original_exception, Exception):
        error = error.original_exception  # what broke after the view: the commit
    if isinstance(error, CSRFError):
        error = AppError("csrf")
        error.status = 400
    if isinstance(error, HTTPException) and error.code is not None and error.code < 400:
        return error.get_response()  # type: ignore[return-value]
    if isinstance(error, IntegrityError):
        # Every rule was asked before; what the database alone refuses was done twice at the same moment.
        log.warning("a change lost a race", endpoint=request.endpoint, error=str(error.orig))
        error = Conflict("done_twice")
    if isinstance(error, SILENT):
        log.error("the database does not answer", endpoint=request.endpoint, error=str(error))
        g.actor = None  # who asks cannot be looked up either
        error = ServiceUnavailable(retry_after=RETRY_AFTER_S)
    if not isinstance(error, AppError | HTTPException):
        log.error("request failed", endpoint=request.endpoint, method=request.method, exc_info=error)
        error = InternalServerError()
    if wants_problem():
        return problem_reply(error)
    status = error.status if isinstance(error, AppError) else error.code or 500
    code = error.code if isinstance(error, AppError) else f"http_{status}"
    facts = error.facts if isinstance(error, AppError) else {}
    if not i18n.has(f"error.{code}", locale()):
        code = "http_500" if status >= 500 else "http_400"
    problems = error.problems if isinstance(error, Invalid) else ()
    above = _page_above(request.path) if isinstance(error, Conflict) else None
    page = render_template("error.html", status=status, code=code, facts=facts, problems=problems, above=above)
    return Response(page, status, {"Retry-After": str(RETRY_AFTER_S)} if status == 503 else {})


def _page_above(path: str) -> str | None:
    """Return the page that has the button whose wish was refused: the nearest one above its address, if there is one.

    Where somebody came from is not known: the pages send no referrer, because links to customers hold a secret.
    """
    pages = current_app.url_map.bind("")
    while path := path.rpartition("/")[0]:
        with suppress(HTTPException):
            pages.match(path, method="GET")
            return path
    return None


def _words() -> dict[str, Any]:
    """Return what every template may say."""
    language = locale()
    return {
        "locale": language,
        "t": lambda key, **facts: i18n.t(key, language, **facts),
        "has_text": lambda key: i18n.has(key, language),
        "now": now(),
        "zone": zone(),
        "time_words": lambda at: i18n.time_words(at, zone()),
        "day_words": lambda on: i18n.day_words(date.fromisoformat(on) if isinstance(on, str) else on, language),
        "window_words": lambda from_at, until_at: i18n.window_words(from_at, until_at, zone()),
        "as_of_words": lambda at: i18n.as_of_words(at, zone(), language),
        "here_in": _here_in,
        "actor": None if request.blueprint in FOR_NOBODY_SIGNED_IN else actor(),
    }


def _here_in(language: str) -> str:
    """Return this page's address in a language, for the switch; after a form it leads to the empty form."""
    given = {key: value for key, value in request.args.items() if key != "lang"}
    return f"{request.path}?{urlencode({**given, 'lang': language})}"
