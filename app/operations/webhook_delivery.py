"""Hand over what other programs are to be told: at least once, each program in lanes of its own, so that one that is
slow or away delays no other.

The same three steps as the outbox: take (a short transaction that claims a message), post (outside any transaction),
settle. Who died in between leaves a claim that runs out; then the same is posted again under the same id, by which the
receiver knows it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from random import random
from typing import NamedTuple

from sqlalchemy import select, update
from sqlalchemy.orm import Session
from standardwebhooks import Webhook as Signer

from app.clock import Clock
from app.crash import calling, writing
from app.db import Database
from app.lanes import Lanes
from app.models import Webhook, WebhookMessage
from app.operations.alarm import clear_alarms, raise_alarm
from app.operations.webhook import ALARMS, subject_of
from app.providers.guarded import Answer, Guarded
from app.rules.webhook import CALLS_AFTER, ENDS_AFTER, LASTS, again_at
from app.sealing import opened

#: A claim lasts longer than any call.
CLAIM_LASTS = timedelta(seconds=60)
#: Somebody who has looked at a receiver that fails is not called again so soon.
_RESTS = timedelta(hours=24)
_GONE = 410


class _Job(NamedTuple):
    row_id: int
    webhook_id: int
    token: str
    url: str
    secrets: tuple[str, ...]
    message_id: str
    body: str


def hand_over_messages(db: Database, outside: Guarded, clock: Clock, lanes: Lanes | None = None) -> int:
    """Hand over every message that is due; return how many were begun.

    Without lanes everything is done here, one after another. With lanes it returns at once; any number of processes may
    call it.
    """
    with db.read() as session:
        waiting = _waiting(session, clock.now())
    begun = 0
    for webhook_id in waiting:
        if lanes is None:
            while (job := _take(db, webhook_id, clock.now())) is not None:
                _carry_out(db, outside, clock, job, None)
                begun += 1
            continue
        name = _lane(webhook_id)
        while lanes.enter(name, clock.now()):
            try:
                job = _take(db, webhook_id, clock.now())
            except BaseException:
                lanes.leave(name)
                raise
            if job is None:
                lanes.leave(name)
                break
            lanes.run(name, _drain(db, outside, clock, job, lanes))
            begun += 1
    return begun


def _waiting(session: Session, now: datetime) -> list[int]:
    due = (
        select(WebhookMessage.webhook_id)
        .join(Webhook, Webhook.id == WebhookMessage.webhook_id)
        .where(
            Webhook.state == "on",
            WebhookMessage.state.in_(("due", "sending")),
            WebhookMessage.next_attempt_at <= now,
        )
        .distinct()
    )
    return sorted(session.scalars(due))


def _lane(webhook_id: int) -> str:
    return f"webhook-{webhook_id}"


def _drain(db: Database, outside: Guarded, clock: Clock, first: _Job, lanes: Lanes) -> Callable[[], None]:
    def work() -> None:
        job: _Job | None = first
        while job is not None:
            _carry_out(db, outside, clock, job, lanes)
            shut = lanes.closed(_lane(first.webhook_id))
            job = None if shut else _take(db, first.webhook_id, clock.now())

    return work


def _take(db: Database, webhook_id: int, now: datetime) -> _Job | None:
    """Claim the message that has been due longest for one program, giving up on the way what is too old."""
    with writing(db, "webhook_take") as session:
        webhook = session.get(Webhook, webhook_id)
        if webhook is None or webhook.state != "on":
            return None
        waits = WebhookMessage.webhook_id == webhook_id, WebhookMessage.state.in_(("due", "sending"))
        session.execute(
            update(WebhookMessage)
            .where(*waits, WebhookMessage.created_at <= now - LASTS, WebhookMessage.next_attempt_at <= now)
            .values(state="given_up", finished_at=now, next_attempt_at=None, claim_token=None)
            .execution_options(synchronize_session=False)
        )
        message = session.scalar(
            select(WebhookMessage)
            .where(*waits, WebhookMessage.next_attempt_at <= now)
            .order_by(WebhookMessage.next_attempt_at, WebhookMessage.id)
            .limit(1)
            .with_for_update(skip_locked=True, of=WebhookMessage)
        )
        if message is None:
            return None
        token = secrets.token_hex(8)
        message.state, message.claim_token, message.tries = "sending", token, message.tries + 1
        message.next_attempt_at = now + CLAIM_LASTS
        old = webhook.old_secret if webhook.old_until_at is not None and now < webhook.old_until_at else None
        signs = tuple(one for one in (opened(session, kept) for kept in (webhook.secret, old) if kept) if one)
        if not signs:  # the installation's key was changed: nothing can be signed until the secret is replaced
            webhook.state, webhook.off_reason = "off", "unreadable"
            message.state, message.claim_token, message.tries = "due", None, message.tries - 1
            clear_alarms(session, subject_of(webhook), ["webhook_failing"], now)
            facts = {"webhook": webhook.id, "title": webhook.name}
            raise_alarm(session, "webhook_off", subject_of(webhook), now, facts=facts)
            return None
        return _Job(message.id, webhook_id, token, webhook.url, signs, message.message_id, message.body)


def _carry_out(db: Database, outside: Guarded, clock: Clock, job: _Job, lanes: Lanes | None) -> None:
    """Post a message, outside any transaction, and write down what became of it."""
    with calling("webhook_post"):
        answer = outside.ask("POST", job.url, headers=_headers(job, clock.now()), body=job.body.encode())
    if lanes is not None:
        lanes.note(_lane(job.webhook_id), clock.now(), answered=answer.status is not None and answer.status < 500)
    with writing(db, "webhook_settle") as session:
        _settle(session, job, answer, clock.now())


def _headers(job: _Job, now: datetime) -> dict[str, str]:
    """Return what proves that a message is ours; while a secret is being replaced, by the new and by the old one."""
    return {
        "Content-Type": "application/json",
        "webhook-id": job.message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(Signer(one).sign(job.message_id, now, job.body) for one in job.secrets),
    }


def _settle(session: Session, job: _Job, answer: Answer, now: datetime) -> None:
    message = session.get_one(WebhookMessage, job.row_id, with_for_update=True)
    if message.claim_token != job.token:
        return  # its claim ran out, and somebody else has it
    message.status, message.failure, message.claim_token = answer.status, answer.failure, None
    if answer.status is not None and 200 <= answer.status < 300:
        message.state, message.next_attempt_at, message.finished_at = "sent", None, now
        _note_taken(session, job.webhook_id, now)
        return
    again = again_at(message.tries, now, after_s=answer.rest_s(now), jitter=random())
    if again is None or again >= message.created_at + LASTS or answer.status == _GONE:
        message.state, message.next_attempt_at, message.finished_at = "given_up", None, now
    else:
        message.state, message.next_attempt_at = "due", again
    _note_failed(session, job.webhook_id, now, gone=answer.status == _GONE)


def _note_taken(session: Session, webhook_id: int, now: datetime) -> None:
    since = session.scalar(select(Webhook.failing_since_at).where(Webhook.id == webhook_id))
    if since is not None:
        webhook = session.get_one(Webhook, webhook_id, with_for_update={"key_share": True})
        webhook.failing_since_at = None
        clear_alarms(session, subject_of(webhook), ALARMS, now)


def _note_failed(session: Session, webhook_id: int, now: datetime, *, gone: bool) -> None:
    """Count since when a program takes nothing; call a person after a while, and at last stop trying."""
    webhook = session.get_one(Webhook, webhook_id, with_for_update={"key_share": True}, populate_existing=True)
    webhook.failing_since_at = webhook.failing_since_at or now
    failing = now - webhook.failing_since_at
    facts = {"webhook": webhook.id, "title": webhook.name}
    if webhook.state == "on" and (gone or failing >= ENDS_AFTER):
        webhook.state, webhook.off_reason = "off", "gone" if gone else "failing"
        clear_alarms(session, subject_of(webhook), ["webhook_failing"], now)
        raise_alarm(session, "webhook_off", subject_of(webhook), now, facts=facts)
    elif failing >= CALLS_AFTER and webhook.state == "on":
        raise_alarm(session, "webhook_failing", subject_of(webhook), now, facts=facts, rests=_RESTS)
