"""Who comes in? First setup, sign-in, sign-out, the own password and language."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask import session as cookie
from werkzeug.wrappers import Response

from app import auth, i18n
from app.errors import Conflict
from app.models import Company, User
from app.operations.company import set_company
from app.operations.user import change_own_language, change_own_password, has_users
from app.web.desk import desk_words
from app.web.forms import Form, local_path
from app.web.limits import limiter
from app.web.visitor import LANGUAGE, SIGN_IN, actor, locale, now, parts, session, signed_in

blueprint = Blueprint("account", __name__)
blueprint.context_processor(desk_words)

#: Only tries that failed count, so that a shift change behind one address is no attack.
_TRIES = limiter.limit(
    "10 per minute; 60 per hour", methods=["POST"], deduct_when=lambda reply: reply.status_code >= 400
)


def _is_new() -> bool:
    """Return whether nobody can sign in yet, so that the first visitor sets the company up."""
    return not has_users(session())


def _let_in(token: str) -> None:
    """Begin the browser's session anew, so that nothing of the one before (its CSRF secret too) lives on."""
    cookie.clear()
    cookie[SIGN_IN] = token
    cookie.permanent = True


@blueprint.get("/setup")
def setup() -> Any:
    """Show the form with which a new installation begins."""
    if not _is_new():
        return redirect(url_for("account.sign_in"))
    return render_template("account/setup.html", form=Form(begins={"phone_hours": "9:00〜18:00"}))


@blueprint.post("/setup")
@_TRIES
def set_up() -> Any:
    """Make the company and its first user, and sign that user in."""
    form = Form(request.form)
    if not _is_new():
        raise Conflict("setup_done")
    token = form.submit(lambda: _found_company(form))
    if token is None:
        return render_template("account/setup.html", form=form), form.status
    _let_in(token)
    return redirect("/")


def _found_company(form: Form) -> str:
    email, password, name = form.text("email"), form.value("password"), form.text("user_name", needed=True)
    form.take(lambda: company_fields(form))
    form.take(lambda: auth.hash_password(password))
    form.take(
        lambda: auth.create_user(
            session(), email=email, name=name or "-", role="admin", password=password, language=locale(), now=now()
        )
    )
    form.check()
    return auth.sign_in(session(), email=email, password=password, now=now())


def company_fields(form: Form) -> Company:
    """Write down the company from its form's fields. Raises Invalid naming the fields."""
    return set_company(
        session(),
        name=form.text("name"),
        short_name=form.text("short_name"),
        phone=form.text("phone"),
        phone_hours=form.text("phone_hours"),
        sender_role=form.text("sender_role"),
        sender_name=form.text("sender_name"),
        country=parts().settings.country,
    )


@blueprint.get("/account/sign-in")
def sign_in() -> Any:
    """Show the sign-in form; a new installation is set up first."""
    if _is_new():
        return redirect(url_for("account.setup"))
    if actor() is not None:
        return redirect("/")
    return render_template("account/sign_in.html", form=Form(), next=local_path(request.args.get("next")))


@blueprint.post("/account/sign-in")
@_TRIES
def enter() -> Any:
    """Sign a user in and lead on to where the visitor wanted to go."""
    form = Form(request.form)
    going_to = local_path(form.value("next"))
    token = form.submit(
        lambda: auth.sign_in(session(), email=form.value("email"), password=form.value("password"), now=now())
    )
    if token is None:
        return render_template("account/sign_in.html", form=form, next=going_to), form.status
    _let_in(token)
    return redirect(going_to)


@blueprint.post("/account/sign-out")
def sign_out() -> Response:
    """End this browser's session."""
    token = cookie.get(SIGN_IN)
    if token:
        auth.sign_out(session(), token=token, now=now())
    cookie.clear()
    return redirect(url_for("account.sign_in"))


@blueprint.get("/account")
def own() -> Any:
    """Show the own account: name, language, password."""
    if actor() is None:
        return redirect(url_for("account.sign_in", next=request.path))
    if signed_in().user_id is None:  # a technician's phone has no account
        return redirect(url_for("technician.day"))
    return render_template("account/own.html", form=Form(), user=session().get(User, signed_in().user_id))


@blueprint.post("/account/password")
@_TRIES
def change_password() -> Any:
    """Change the own password."""
    form = Form(request.form)
    user_id = signed_in().user_id or 0
    if form.value("password") != form.value("again"):
        form.wrong("again", "password_differs")
    done = form.submit(lambda: _change_password(form, user_id))
    if done is None:
        return render_template("account/own.html", form=form, user=session().get(User, user_id)), form.status
    return redirect(url_for("account.own", done="password"))


def _change_password(form: Form, user_id: int) -> bool:
    change_own_password(
        session(),
        user_id,
        old=form.value("old"),
        new=form.value("password"),
        keep_token=cookie.get(SIGN_IN),
        now=now(),
    )
    return True


@blueprint.post("/account/language")
def change_language() -> Response:
    """Read in another language from now on, in this browser and in every other."""
    wanted = request.form.get("language", "")
    who = signed_in()
    if wanted in i18n.LOCALES:
        cookie.pop(LANGUAGE, None)
        if who.user_id is not None:
            change_own_language(session(), who.user_id, wanted)
    return redirect(local_path(request.form.get("next")))
