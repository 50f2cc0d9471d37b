"""What does a view need of the present request? The session, the time, the asker, the language."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import datetime
from functools import wraps
from typing import ParamSpec, TypeVar, cast
from zoneinfo import ZoneInfo

from flask import current_app, g, redirect, request, url_for
from flask import session as cookie
from sqlalchemy.orm import Session
from werkzeug.datastructures import Authorization
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from app.auth import Actor, actor_of_session
from app.crash import point
from app.errors import NotAllowed
from app.i18n import pick_locale
from app.operations.notice import Telling
from app.parts import Parts
from app.rules.access import may

P = ParamSpec("P")
R = TypeVar("R")

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
#: Where the cookie keeps the browser's sign-in token.
SIGN_IN = "sign_in"
LANGUAGE = "language"


def parts() -> Parts:
    """Return what the application was joined from."""
    return cast(Parts, current_app.extensions["mamonaku"])


def zone() -> ZoneInfo:
    """Return the company's time zone."""
    return parts().settings.zone


def telling() -> Telling:
    """Return what operations need to word a notice and to choose its channels."""
    return Telling(parts().settings.base_url, zone(), parts().channels)


def now() -> datetime:
    """Return the instant of this request: one per request, so that a page agrees with itself."""
    if "now" not in g:
        g.now = parts().clock.now()
    return cast(datetime, g.now)


def session() -> Session:
    """Return the request's database session: GET only looks, anything else is one transaction that the hook commits."""
    if "session" not in g:
        writes = request.method not in SAFE_METHODS
        if writes:
            # A phone at the edge of its network sends for seconds: nobody else's turn to write waits for that. What
            # cannot be read is told when it is asked for.
            with suppress(HTTPException):
                request.get_data()
        g.stack = ExitStack()
        g.session = g.stack.enter_context(parts().db.open(writes=writes))
    return cast(Session, g.session)


def end_session(*, commit: bool) -> None:
    """Finish the request's transaction: keep it, or leave nothing behind."""
    if "session" not in g:
        return
    stack, opened = g.pop("stack"), g.pop("session")
    with stack:
        if commit:
            point("request.written")
            opened.commit()
            point("request.committed")


def actor() -> Actor | None:
    """Return who is asking: a person signed in by cookie, or whoever the API's credentials named."""
    if "actor" not in g:
        token = cookie.get(SIGN_IN)
        g.actor = actor_of_session(session(), token=token, now=now()) if token else None
    return cast("Actor | None", g.actor)


def credentials() -> Authorization | None:
    """Return what the Authorization header says, or None when there is none that can be read."""
    try:
        return request.authorization
    except ValueError:  # letters that no such header has
        return None


def signed_in() -> Actor:
    """Return who is asking. Raises NotAllowed when nobody is signed in."""
    who = actor()
    if who is None:
        raise NotAllowed("sign_in_needed")
    return who


def locale() -> str:
    """Return the language of this page: chosen by the switch, else the person's own, else the browser's."""
    if "locale" not in g:
        chosen = request.args.get("lang") or cookie.get(LANGUAGE)
        who = g.get("actor")
        own = who.language if who is not None else g.get("visitor_language")
        header = request.headers.get("Accept-Language")
        g.locale = pick_locale(chosen or own, header, parts().settings.locale)
    return cast(str, g.locale)


def needs(what: str) -> Callable[[Callable[P, R]], Callable[P, R | Response]]:
    """Let only people with a permission (rules.access) into a page; others sign in, or are told that they may not."""

    def protect(view: Callable[P, R]) -> Callable[P, R | Response]:
        @wraps(view)
        def checked(*args: P.args, **kwargs: P.kwargs) -> R | Response:
            who = actor()
            if who is None and request.method in SAFE_METHODS:
                return redirect(url_for("account.sign_in", next=request.full_path.rstrip("?")))
            if not may(signed_in().role, what):
                raise NotAllowed("role")
            return view(*args, **kwargs)

        checked.needs = what  # type: ignore[attr-defined]  # the route × role test reads it
        return checked

    return protect
