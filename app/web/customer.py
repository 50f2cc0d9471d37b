"""What does the customer see on her phone? Her visit by its link alone: no account, no cookie, and no script needed.

The token in the address is the capability. Opening changes nothing, so link scanners do no harm; a press does.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from secrets import token_hex

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import TooManyRequests
from werkzeug.wrappers import Response

from app.errors import AppError, Invalid, NotFound, Problem
from app.i18n import LOCALES, day_words, phone_words, time_words
from app.operations import own_ways
from app.operations.customer_view import LONGEST_TEXT, CustomerView, choose_notices, customer_view, note_opened, press
from app.operations.inbound import LONGEST_ON_PAGE, write_on_page
from app.operations.incident_view import incident_of
from app.operations.line import CODE_LASTS
from app.operations.own_ways import add_device, end_mail, line_code, mail_wish, note_shown
from app.web.limits import limiter
from app.web.visitor import end_session, locale, now, parts, session, zone

blueprint = Blueprint("customer", __name__, url_prefix="/v")


def _link() -> str:
    return f"link:{(request.view_args or {}).get('token', '')}"


# Mobile carriers put many customers behind one address, so that limit is wide; whoever guesses links meets the second.
limiter.limit("240 per minute")(blueprint)
limiter.limit("15 per minute; 100 per hour", deduct_when=lambda reply: reply.status_code == 404)(blueprint)
limiter.limit("60 per minute", key_func=_link)(blueprint)
presses = limiter.limit("10 per minute; 60 per hour", key_func=_link, methods=["POST"])


def _window(from_at: datetime, until_at: datetime, *, dated: bool = False) -> str:
    """Return a window for a sentence, with its day unless that is plainly today; a line never breaks inside it."""
    dash = "〜" if locale() == "ja" else "–"
    first, last = time_words(from_at, zone()), time_words(until_at, zone())
    words = first if first == last else f"{first}\u2060{dash}\u2060{last}"
    on = from_at.astimezone(zone()).date()
    return words if not dated and on == now().astimezone(zone()).date() else f"{day_words(on, locale())} {words}"


def _load(token: str) -> CustomerView:
    """Return the view behind a link, and make its owner's language the page's unless the switch was used."""
    if not token.isalnum():
        raise NotFound("link")  # no token of ours: one of the databases fails on a NUL
    view = customer_view(session(), token, now())
    g.locale = request.args["lang"] if request.args.get("lang") in LOCALES else view.language
    return view


def _page(name: str, **facts: object) -> str:
    def phone(number: str) -> str:
        return phone_words(number, parts().settings.country)

    channels, account = parts().channels, parts().settings.line_account
    return render_template(
        f"customer/{name}.html",
        window=_window,
        phone=phone,
        channels=tuple(channels),
        line_account=account,
        push_key=getattr(channels.get("push"), "public_key", None),
        **facts,
    )


@blueprint.get("/<token>")
def visit(token: str) -> ResponseReturnValue:
    """Show the visit as it is now."""
    return _visit_page(token)


def _visit_page(token: str, *, typed: str = "", problems: Mapping[str, Problem] | None = None) -> str:
    """Return the visit's page, with what was typed to the office when that could not be taken."""
    return _page(
        "visit",
        view=_load(token),
        token=token,
        incident=incident_of(session(), token, now()),
        typed=typed,
        problems=problems or {},
        new_key=lambda: token_hex(16),
        most_words=LONGEST_ON_PAGE,
    )


@blueprint.get("/<token>/cannot-be-there")
def decline(token: str) -> ResponseReturnValue:
    """Ask once more before telling the office that nobody will be there."""
    return _page("decline", view=_load(token), token=token, text="", most=LONGEST_TEXT, problems={})


@blueprint.post("/<token>/cannot-be-there")
@presses
def cannot_be_there(token: str) -> ResponseReturnValue:
    """Tell the office that nobody will be there; what was typed is kept when it cannot be taken."""
    view, text = _load(token), request.form.get("text", "")
    try:
        press(session(), token, "cannot_be_there", now=now(), zone=zone(), text=text)
    except Invalid as error:
        problems = {p.field: p for p in error.problems}
        return _page("decline", view=view, token=token, text=text, most=LONGEST_TEXT, problems=problems), 422
    return _back(token)


@blueprint.post("/<token>/opened")
@presses
def opened(token: str) -> ResponseReturnValue:
    """Record that somebody has the page before her."""
    _load(token)
    note_opened(session(), token, now())
    return "", 204


@blueprint.post("/<token>/call-me")
@presses
def call_me(token: str) -> ResponseReturnValue:
    """Have the office call the customer."""
    _load(token)
    press(session(), token, "call_me", now=now(), zone=zone())
    return _back(token)


@blueprint.post("/<token>/ok")
@presses
def acknowledge(token: str) -> ResponseReturnValue:
    """Record that the customer has understood the newest notice."""
    _load(token)
    press(session(), token, "acknowledged", now=now(), zone=zone())
    return _back(token)


@blueprint.post("/<token>/wishes")
@presses
def wishes(token: str) -> ResponseReturnValue:
    """Take in what the customer wishes to be told, and by which way first."""
    first = request.form.get("first_channel", _load(token).first_channel or "")
    choose_notices(session(), token, notices=request.form.get("notices", ""), first_channel=first, now=now())
    return _back(token)


@blueprint.get("/<token>/no-mail")
def mail(token: str) -> ResponseReturnValue:
    """Ask whether e-mails shall end, or say that they have."""
    wish = mail_wish(session(), token)
    g.locale = request.args["lang"] if request.args.get("lang") in LOCALES else wish.language
    return _page("mail", token=token, view=wish)


@blueprint.post("/<token>/no-mail")
@presses
def no_mail(token: str) -> ResponseReturnValue:
    """End e-mails, by the button here or by one press in the mail program (RFC 8058), which follows no redirect."""
    end_mail(session(), token, now())
    return mail(token)


@blueprint.post("/<token>/mail")
@presses
def want_mail(token: str) -> ResponseReturnValue:
    """Have e-mails sent again."""
    own_ways.want_mail(session(), token, now())
    return redirect(url_for("customer.mail", token=token, lang=request.args.get("lang")), 303)


@blueprint.post("/<token>/line")
@presses
def line(token: str) -> ResponseReturnValue:
    """Show how to be told on LINE, with a code that says who she is."""
    view, account = _load(token), parts().settings.line_account
    if not account or "line" not in parts().channels:
        raise NotFound("link")
    code = line_code(session(), token, now())
    return _page("line", view=view, token=token, account=account, code=code, until_at=now() + CODE_LASTS)


@blueprint.post("/<token>/push")
@presses
def add_push(token: str) -> ResponseReturnValue:
    """Tell her on this device too."""
    keys = {name: request.form.get(name, "") for name in ("endpoint", "p256dh", "auth")}
    add_device(session(), token, **keys, services=parts().settings.push_services.split(), now=now())
    return Response(status=204)


@blueprint.post("/<token>/shown")
@presses
def shown(token: str) -> ResponseReturnValue:
    """Take in that a device has shown a notice."""
    note_shown(session(), token, request.form.get("reference", ""), now())
    return Response(status=204)


@blueprint.post("/<token>/message")
@presses
def message(token: str) -> ResponseReturnValue:
    """Take in what the customer writes to the office; what was typed is kept when it cannot be taken."""
    _load(token)
    words = request.form.get("words", "").replace("\x00", "")
    try:
        write_on_page(session(), token, words, key=_key(), zone=zone(), now=now())
    except Invalid as error:
        return _visit_page(token, typed=words, problems={p.field: p for p in error.problems}), 422
    return _back(token)


def _key() -> str:
    """Return the key that the form came with, or a new one."""
    given = request.form.get("key", "")
    return given if given.isascii() and given.isalnum() else token_hex(16)


def _back(token: str) -> Response:
    return redirect(url_for("customer.visit", token=token, lang=request.args.get("lang")), 303)


@blueprint.errorhandler(AppError)
@blueprint.errorhandler(TooManyRequests)
def sorry(error: AppError | TooManyRequests) -> ResponseReturnValue:
    """Say in friendly words that a link leads nowhere or a press came too late, and nothing about anybody."""
    end_session(commit=False)
    status = error.status if isinstance(error, AppError) else 429
    code = {404: "gone", 409: "too_late", 429: "too_often"}.get(status, "failed")
    return _page("sorry", code=code, token=(request.view_args or {}).get("token")), status


@blueprint.after_request
def _keep_out(response: Response) -> Response:
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response
