"""Answer a repeated request as the first one was answered, also when both come at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.errors import Invalid
from app.models import IdempotentReply

KEY_HEADER = "Idempotency-Key"
LONGEST_KEY = 255


@dataclass(frozen=True, slots=True)
class Claim:
    """A key that is used for the first time; its reply is still to come."""

    id: int


def claim_key(
    session: Session, *, api_token_id: int, key: str, request_hash: str, now: datetime
) -> Claim | IdempotentReply:
    """Claim a key for this request, or return what its first use was answered.

    The claim lives in the request's own transaction: a second one with the key waits for the first, and gets its reply
    when it succeeded, or the key when it failed and left nothing. Raises Invalid `idempotency_key_reused` when the key
    was used for a different request.
    """
    if not (1 <= len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
        raise Invalid.one(KEY_HEADER, "key")
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    claimed = session.scalar(
        insert(IdempotentReply)
        .values(api_token_id=api_token_id, key=key, request_hash=request_hash, status=0, body="", created_at=now)
        .on_conflict_do_nothing()
        .returning(IdempotentReply.id)
    )
    if claimed is not None:
        return Claim(claimed)
    first = session.scalars(
        select(IdempotentReply).where(IdempotentReply.api_token_id == api_token_id, IdempotentReply.key == key)
    ).one()
    if first.request_hash != request_hash:
        reused = Invalid.one(KEY_HEADER, "idempotency_key_reused")
        reused.code = "idempotency_key_reused"
        raise reused
    return first


def keep_reply(session: Session, claim: Claim, status: int, body: str) -> None:
    """Keep what a claimed request was answered, for its repetitions."""
    session.execute(update(IdempotentReply).where(IdempotentReply.id == claim.id).values(status=status, body=body))
