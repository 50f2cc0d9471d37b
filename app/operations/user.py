"""Keep who may sign in: their names, roles and passwords. Nobody is deleted; who leaves is put out of service."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app import auth
from app.errors import Conflict, Invalid, NotFound
from app.models import SignIn, User
from app.rules.access import ROLES


def change_user(
    session: Session,
    user_id: int,
    *,
    name: str,
    role: str,
    active: bool,
    now: datetime,
    password: str | None = None,
) -> User:
    """Change a person's name and role, take access away or give it back, and set a new password when one is given.

    Whoever loses access or gets a new password is signed out everywhere at once. Raises NotFound, Invalid naming the
    field, Conflict `last_admin` when nobody would be left who can let people in.
    """
    # All of them in one order: two admins who dismiss each other at the same moment must not both succeed.
    admins = session.scalars(
        select(User.id).where(User.role == "admin", User.active).order_by(User.id).with_for_update()
    ).all()
    user = session.get(User, user_id)
    if user is None:
        raise NotFound("user")
    name = auth.checked_name(name)
    if role not in ROLES[1:]:
        raise Invalid.one("role", "choice", choices=", ".join(ROLES[1:]))
    if list(admins) == [user.id] and not (active and role == "admin"):
        raise Conflict("last_admin")
    user.name, user.role = name, role
    if password:
        user.password_hash = auth.hash_password(password)
    if password or not active:
        sign_out_everywhere(session, user.id, now=now)
    user.active = active
    return user


def change_own_password(
    session: Session, user_id: int, *, old: str, new: str, keep_token: str | None, now: datetime
) -> None:
    """Give oneself a new password; every other browser is signed out. Raises Invalid naming the field."""
    user = session.get(User, user_id)
    if user is None:
        raise NotFound("user")
    if not auth.password_is(user.password_hash, old):
        raise Invalid.one("old", "password_wrong")
    user.password_hash = auth.hash_password(new)
    sign_out_everywhere(session, user_id, now=now, but=keep_token)


def change_own_language(session: Session, user_id: int, language: str) -> None:
    """Remember in which language a person reads."""
    session.execute(update(User).where(User.id == user_id).values(language=language))


def sign_out_everywhere(session: Session, user_id: int, *, now: datetime, but: str | None = None) -> None:
    """End every browser session of a person, except the one of a token that is given."""
    ended = update(SignIn).where(SignIn.user_id == user_id, SignIn.revoked_at.is_(None))
    if but is not None:
        ended = ended.where(SignIn.token_hash != auth.token_hash(but))
    session.execute(ended.values(revoked_at=now))


def list_users(session: Session) -> Sequence[User]:
    """Return everybody who may sign in, and who no longer may."""
    return session.scalars(select(User).order_by(User.active.desc(), User.name, User.id)).all()


def has_users(session: Session) -> bool:
    """Return whether anybody can sign in yet."""
    return session.scalar(select(User.id).limit(1)) is not None
