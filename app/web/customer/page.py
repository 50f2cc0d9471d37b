"""What does the customer see on her phone? Her visit by its link alone: no account, no cookie, and no script needed.

The token in the address is the capability. Opening changes nothing, so link scanners do no harm; a press does.
"""

from __future__ import annotations

from collections.abc import Mapping
from secrets import token_hex

from flask import g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from app.errors import Invalid, NotFound, Problem
from app.i18n import LOCALES
from app.operations import own_ways
from app.operations.addition import LONGEST_NOTE, MOST_PHOTOS
from app.operations.customer_view import LONGEST_TEXT, choose_notices, note_opened, press
from app.operations.inbound import LONGEST_ON_PAGE, write_on_page
from app.operations.incident_view import incident_of
from app.operations.invoice import papers_on_page
from app.operations.line import CODE_LASTS
from app.operations.own_ways import add_device, end_mail, line_code, mail_wish, note_shown
from app.operations.quote import quote_on_page
from app.operations.self_service import doable
from app.web.customer.room import back, blueprint, load, page, presses
from app.web.visitor import now, parts, session, zone


@blueprint.get("/<token>")
def visit(token: str) -> ResponseReturnValue:
    """Show the visit as it is now."""
    return visit_page(token)


def visit_page(
    token: str, *, typed: Mapping[str, str] | None = None, problems: Mapping[str, Problem] | None = None
) -> str:
    """Return the visit's page, with what was typed there when that could not be taken."""
    return page(
        "visit",
        view=load(token),
        token=token,
        can=doable(session(), token, now()),
        quoted=quote_on_page(session(), token, now()),
        papers=papers_on_page(session(), token),
        incident=incident_of(session(), token, now()),
        typed=typed or {},
        problems=problems or {},
        new_key=lambda: token_hex(16),
        most_words=LONGEST_ON_PAGE,
        most_note=LONGEST_NOTE,
        most_photos=MOST_PHOTOS,
    )


@blueprint.get("/<token>/cannot-be-there")
def decline(token: str) -> ResponseReturnValue:
    """Ask once more before telling the office that nobody will be there."""
    return page("decline", view=load(token), token=token, text="", most=LONGEST_TEXT, problems={})


@blueprint.post("/<token>/cannot-be-there")
@presses
def cannot_be_there(token: str) -> ResponseReturnValue:
    """Tell the office that nobody will be there; what was typed is kept when it cannot be taken."""
    view, text = load(token), request.form.get("text", "")
    try:
        press(session(), token, "cannot_be_there", now=now(), zone=zone(), text=text)
    except Invalid as error:
        problems = {p.field: p for p in error.problems}
        return page("decline", view=view, token=token, text=text, most=LONGEST_TEXT, problems=problems), 422
    return back(token)


@blueprint.post("/<token>/opened")
@presses
def opened(token: str) -> ResponseReturnValue:
    """Record that somebody has the page before her."""
    load(token)
    note_opened(session(), token, now())
    return "", 204


@blueprint.post("/<token>/call-me")
@presses
def call_me(token: str) -> ResponseReturnValue:
    """Have the office call the customer."""
    load(token)
    press(session(), token, "call_me", now=now(), zone=zone())
    return back(token)


@blueprint.post("/<token>/ok")
@presses
def acknowledge(token: str) -> ResponseReturnValue:
    """Record that the customer has understood the newest notice."""
    load(token)
    press(session(), token, "acknowledged", now=now(), zone=zone())
    return back(token)


@blueprint.post("/<token>/wishes")
@presses
def wishes(token: str) -> ResponseReturnValue:
    """Take in what the customer wishes to be told, and by which way first."""
    first = request.form.get("first_channel", load(token).first_channel or "")
    choose_notices(session(), token, notices=request.form.get("notices", ""), first_channel=first, now=now())
    return back(token)


@blueprint.get("/<token>/no-mail")
def mail(token: str) -> ResponseReturnValue:
    """Ask whether e-mails shall end, or say that they have."""
    wish = mail_wish(session(), token)
    g.locale = request.args["lang"] if request.args.get("lang") in LOCALES else wish.language
    return page("mail", token=token, view=wish)


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
    view, account = load(token), parts().settings.line_account
    if not account or "line" not in parts().channels:
        raise NotFound("link")
    code = line_code(session(), token, now())
    return page("line", view=view, token=token, account=account, code=code, until_at=now() + CODE_LASTS)


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
    load(token)
    words = request.form.get("words", "").replace("\x00", "")
    try:
        write_on_page(session(), token, words, key=form_key(), zone=zone(), now=now())
    except Invalid as error:
        return visit_page(token, typed=request.form, problems={p.field: p for p in error.problems}), 422
    return back(token)


def form_key() -> str:
    """Return the key that the form came with, or a new one."""
    given = request.form.get("key", "")
    return given if given.isascii() and given.isalnum() else token_hex(16)
