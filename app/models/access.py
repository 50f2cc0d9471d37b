"""Who may come in? Users, their sign-ins, API tokens, and the technicians' one-time links. Secrets only as hashes."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base


class User(Base):
    """A person at a desk: dispatcher, manager or admin (and technician, where an API token stands for one)."""

    __tablename__ = "user"
    __table_args__ = (CheckConstraint("role IN ('technician', 'dispatcher', 'manager', 'admin')", name="role"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    #: Lower case.
    email: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    role: Mapped[str]
    language: Mapped[str] = mapped_column(default="ja")
    password_hash: Mapped[str]
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]


class SignIn(Base):
    """One browser that is signed in, of a user or of a technician; revoking the row signs it out everywhere at once."""

    __tablename__ = "sign_in"
    __table_args__ = (CheckConstraint("(user_id IS NULL) <> (technician_id IS NULL)", name="one_person"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(unique=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"), index=True)
    technician_id: Mapped[int | None] = mapped_column(ForeignKey("technician.id"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    #: When its page was last looked at by somebody at a desk, about to the minute.
    seen_at: Mapped[datetime | None]


class PhoneLink(Base):
    """A one-time link or QR code with which a technician's phone signs in."""

    __tablename__ = "phone_link"

    id: Mapped[int] = mapped_column(primary_key=True)
    technician_id: Mapped[int] = mapped_column(ForeignKey("technician.id"), index=True)
    token_hash: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class ApiToken(Base):
    """A key for another program, with a role."""

    __tablename__ = "api_token"
    __table_args__ = (CheckConstraint("role IN ('technician', 'dispatcher', 'manager', 'admin')", name="role"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    role: Mapped[str]
    token_hash: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class IdempotentReply(Base):
    """What a POST with an `Idempotency-Key` was answered, so that its repetition is answered the same."""

    __tablename__ = "idempotent_reply"
    __table_args__ = (UniqueConstraint("api_token_id", "key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    api_token_id: Mapped[int] = mapped_column(ForeignKey("api_token.id"))
    key: Mapped[str]
    #: Of method, path and body: the same key for another request is a mistake.
    request_hash: Mapped[str]
    status: Mapped[int]
    body: Mapped[str]
    created_at: Mapped[datetime]
