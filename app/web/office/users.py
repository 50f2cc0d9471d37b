"""Who may sign in, and as what?"""

from __future__ import annotations

from typing import Any

from flask import render_template, request

from app import auth, i18n
from app.models import User
from app.operations.user import change_user, list_users
from app.rules.access import ROLES
from app.web.forms import Form
from app.web.office.room import blueprint, known_row, saved
from app.web.visitor import locale, needs, now, session


@blueprint.get("/users")
@needs("users")
def users() -> Any:
    """List who may sign in, with a form for one more."""
    return _users(Form(begins={"role": "dispatcher", "language": locale()}))


@blueprint.post("/users")
@needs("users")
def add_user() -> Any:
    """Let one more person in."""
    form = Form(request.form)
    language = form.one_of("language", i18n.LOCALES)
    added = form.submit(
        lambda: auth.create_user(
            session(),
            email=form.text("email"),
            name=form.text("name"),
            role=form.text("role"),
            password=form.value("password"),
            language=language,
            now=now(),
        )
    )
    return _users(form) if added is None else saved("office.users")


@blueprint.get("/users/<int:user_id>")
@needs("users")
def user(user_id: int) -> Any:
    """Show a user, to change role or access."""
    known = known_row(User, user_id, "user")
    begins = {"name": known.name, "role": known.role, "active": "1" if known.active else ""}
    return render_template("office/user.html", user=known, form=Form(begins=begins), roles=ROLES[1:])


@blueprint.post("/users/<int:user_id>")
@needs("users")
def save_user(user_id: int) -> Any:
    """Change a user's name, role, access or password."""
    form = Form(request.form)
    changed = form.submit(
        lambda: change_user(
            session(),
            user_id,
            name=form.text("name"),
            role=form.text("role"),
            active=form.ticked("active"),
            password=form.value("password") or None,
            now=now(),
        )
    )
    if changed is None:
        known = known_row(User, user_id, "user")
        return render_template("office/user.html", user=known, form=form, roles=ROLES[1:]), form.status
    return saved("office.users")


def _users(form: Form) -> Any:
    page = render_template("office/users.html", users=list_users(session()), form=form, roles=ROLES[1:])
    return page, form.status
