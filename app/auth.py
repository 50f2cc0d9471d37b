"""Who is asking? Passwords, browser sessions, API tokens, device credentials and technicians' one-time links.

Secrets leave here once, in the clear, to the person they are for; the database keeps only hashes of them.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import String, bindparam, func, select, update
from sqlalchemy.orm import Session

from app.errors import Conflict, Invalid, NotAllowed, NotFound, Problem
from app.models import ApiToken, Device, PhoneLink, SignIn, Technician, User
from app.operations.checks import tell_text
from app.prepared import Prepared
from app.rules.access import ROLES

SIGN_IN_LASTS = timedelta(hours=20)
PHONE_SIGN_IN_LASTS = timedelta(days=90)
PHONE_LINK_LASTS = timedelta(hours=24)
MOST_NAME = 80
MIN_PASSWORD = 10
MAX_PASSWORD = 200

#: Every request of a program runs it.
_API_TOKEN = Prepared(
    select(ApiToken.id, ApiToken.role).where(
        ApiToken.token_hash == bindparam("hash", type_=String()), ApiToken.revoked_at.is_(None)
    )
)
_hasher = PasswordHasher()
#: Verified when there is no such user, so that the answer takes as long.
_NOBODY = _hasher.hash(secrets.token_hex(16))


@dataclass(frozen=True, slots=True)
class Actor:
    """Whoever is at the edge now. `name` goes into evidence: user:3, technician:7, token:2."""

    name: str
    role: str
    language: str | None = None
    user_id: int | None = None
    technician_id: int | None = None
    api_token_id: int | None = None


def token_hash(token: str) -> str:
    """Return what the database keeps of a random token: a plain hash is enough for 128 bits of chance."""
    return hashlib.sha256(token.encode()).hexdigest()


def create_user(
    session: Session, *, email: str, name: str, role: str, password: str, language: str, now: datetime
) -> User:
    """Add a person who may sign in. Raises Invalid naming the field, Conflict when the address is taken."""
    email = email.strip().lower()
    if "@" not in email or " " in email or not email.isprintable() or len(email) > 254:
        raise Invalid.one("email", "email")
    name = checked_name(name)
    if role not in ROLES or role == "technician":
        raise Invalid.one("role", "choice", choices=", ".join(ROLES[1:]))
    password_hash = hash_password(password)
    if session.scalar(select(User.id).where(User.email == email)):
        raise Conflict("user_exists")
    user = User(
        email=email,
        name=name,
        role=role,
        language=language,
        password_hash=password_hash,
        created_at=now,
    )
    session.add(user)
    session.flush()
    return user


def hash_password(password: str) -> str:
    """Return what the database keeps of a password. Raises Invalid when it is too short or too long."""
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise Invalid.one("password", "password_length", least=MIN_PASSWORD, most=MAX_PASSWORD)
    return _hasher.hash(password)


def password_is(password_hash: str, password: str) -> bool:
    """Return whether a password is the one that was hashed; it takes equally long either way."""
    try:
        return _hasher.verify(password_hash, password[:MAX_PASSWORD])
    except (VerificationError, InvalidHashError):
        return False


def sign_in(session: Session, *, email: str, password: str, now: datetime) -> str:
    """Check a password and return the token of a new browser session.

    Raises NotAllowed, without saying what was wrong.
    """
    user = session.scalar(select(User).where(User.email == email.strip().lower(), User.active))
    if not password_is(user.password_hash if user else _NOBODY, password) or user is None:
        raise NotAllowed("sign_in_failed")
    token = secrets.token_urlsafe(32)
    session.add(SignIn(token_hash=token_hash(token), user_id=user.id, created_at=now, expires_at=now + SIGN_IN_LASTS))
    return token


def sign_out(session: Session, *, token: str, now: datetime) -> None:
    """End one browser session."""
    session.execute(
        update(SignIn).where(SignIn.token_hash == token_hash(token), SignIn.revoked_at.is_(None)).values(revoked_at=now)
    )


def actor_of_session(session: Session, *, token: str, now: datetime) -> Actor | None:
    """Return who a browser session belongs to, or None when it is unknown, over, revoked, or its person left."""
    row = session.execute(
        select(SignIn.user_id, SignIn.technician_id, User.role, User.language, Technician.language)
        .outerjoin(User, User.id == SignIn.user_id)
        .outerjoin(Technician, Technician.id == SignIn.technician_id)
        .where(
            SignIn.token_hash == token_hash(token),
            SignIn.revoked_at.is_(None),
            SignIn.expires_at > now,
            func.coalesce(User.active, Technician.active),
        )
    ).one_or_none()
    if row is None:
        return None
    user_id, technician_id, role, user_language, technician_language = row
    if user_id is not None:
        return Actor(f"user:{user_id}", role, user_language, user_id=user_id)
    return Actor(f"technician:{technician_id}", "technician", technician_language, technician_id=technician_id)


def checked_name(name: str) -> str:
    """Return the name of a user or a program without the blanks around it. Raises Invalid naming the field."""
    problems: list[Problem] = []
    name = tell_text(problems, "name", name, MOST_NAME)
    if problems:
        raise Invalid(problems)
    return name


def create_api_token(session: Session, *, name: str, role: str, now: datetime) -> str:
    """Add a key for another program and return it; it is never shown again. Raises Invalid naming the field."""
    name = checked_name(name)
    if role not in ROLES or role == "technician":
        raise Invalid.one("role", "choice", choices=", ".join(ROLES[1:]))
    token = f"mmk_{secrets.token_urlsafe(32)}"
    session.add(ApiToken(name=name, role=role, token_hash=token_hash(token), created_at=now))
    return token


def actor_of_api_token(session: Session, *, token: str) -> Actor | None:
    """Return the program that a bearer token belongs to, or the technician when it is a device's."""
    for token_id, role in _API_TOKEN.rows(session.connection(), {"hash": token_hash(token)}):
        return Actor(f"token:{token_id}", role, api_token_id=token_id)
    return actor_of_device(session, token=token)


def create_device(session: Session, *, technician_id: int, now: datetime) -> tuple[str, str]:
    """Add a location credential and return its user name and secret; the secret is never shown again."""
    username, secret = f"d{secrets.token_hex(4)}", secrets.token_urlsafe(24)
    session.add(Device(technician_id=technician_id, username=username, token_hash=token_hash(secret), created_at=now))
    session.flush()
    return username, secret


def actor_of_device(session: Session, *, token: str, username: str | None = None) -> Actor | None:
    """Return the technician whose location app this is, by its secret (and its user name, where the app sends one)."""
    device = session.execute(
        select(Device.technician_id, Device.username)
        .join(Technician)
        .where(Device.token_hash == token_hash(token), Device.revoked_at.is_(None), Technician.active)
    ).one_or_none()
    # Compared here: a name with letters that PostgreSQL does not keep is unknown, and no failure.
    if device is None or username not in (None, device.username):
        return None
    return Actor(f"technician:{device.technician_id}", "technician", technician_id=device.technician_id)


def create_phone_link(session: Session, *, technician_id: int, now: datetime) -> str:
    """Return the token of a new one-time sign-in link for a technician's phone."""
    if session.get(Technician, technician_id) is None:
        raise NotFound("technician")
    token = secrets.token_urlsafe(24)
    session.add(
        PhoneLink(
            technician_id=technician_id,
            token_hash=token_hash(token),
            created_at=now,
            expires_at=now + PHONE_LINK_LASTS,
        )
    )
    return token


def use_phone_link(session: Session, *, token: str, now: datetime) -> str:
    """Spend a one-time link and return the token of the phone's new session. Raises NotAllowed when spent or over."""
    spent = session.execute(
        update(PhoneLink)
        .where(PhoneLink.token_hash == token_hash(token), PhoneLink.used_at.is_(None), PhoneLink.expires_at > now)
        .values(used_at=now)
        .returning(PhoneLink.technician_id)
    ).one_or_none()
    if spent is None:
        raise NotAllowed("link_spent")
    phone = secrets.token_urlsafe(32)
    session.add(
        SignIn(
            token_hash=token_hash(phone),
            technician_id=spent.technician_id,
            created_at=now,
            expires_at=now + PHONE_SIGN_IN_LASTS,
        )
    )
    return phone
