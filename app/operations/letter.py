"""Send what is about no visit: each message once where anybody can know, and a person is told where it did not leave.

The same three steps as the outbox, on one table without a ladder: take (a short transaction that claims the message),
call (outside any transaction), settle. Who died in between leaves a claim that runs out; then the message is repeated
where the provider tells a repetition, looked up where it can be asked, and else left as unknown. Sent is not delivered:
an answer of which nothing is heard (no receipt, no word from whom it was for) calls a person, too.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.clock import Clock
from app.crash import calling, writing
from app.db import Database
from app.models import Inbound, Letter
from app.operations.alarm import raise_alarm
from app.operations.attempt import UNDELIVERED
from app.operations.consent import opt_out
from app.operations.unread import UNSENT
from app.providers.base import Channel, OutcomeUnknown, Recipient, Refused, TryLater
from app.rules.letter import ADDRESS_OF, CONFIRMED_WITHIN, USUALLY_CONFIRMED_WITHIN, again_at
from app.rules.messages import Message

log = structlog.get_logger()

#: A claim lasts longer than any channel's own deadline.
CLAIM_LASTS = timedelta(seconds=60)
#: So long an answer is worth sending; a call to a colleague is not, when the next one says more.
ANSWER_LASTS, CALL_LASTS = timedelta(hours=12), timedelta(minutes=20)
#: So many are looked after in one transaction.
_AT_ONCE = 200


class _Job(NamedTuple):
    letter_id: int
    token: str
    channel: str
    message: Message
    recipient: Recipient
    reference: str
    began_at: datetime
    valid_s: int
    lost: bool


class _Outcome(NamedTuple):
    """What became of a call: sent, refused, later, absent (looked up), lost."""

    kind: str
    provider_id: str | None = None
    error: str | None = None
    ends: str | None = None
    after_s: float | None = None


def add_letter(
    session: Session,
    message: Message,
    *,
    about: str,
    key: str,
    channel: str,
    address: str,
    language: str,
    words: str,
    actor: str,
    now: datetime,
    lasts: timedelta,
    customer_id: int | None = None,
    user_id: int | None = None,
) -> Letter:
    """Write a message down to be sent; the same `key` a second time returns the first one."""
    there = session.scalar(select(Letter).where(Letter.dedupe_key == key))
    if there is not None:
        return there
    letter = Letter(
        about=about, dedupe_key=key, created_at=now, actor=actor, customer_id=customer_id, user_id=user_id,
        channel=channel, address=address, language=language, words=words, short=message.short, line=message.line,
        subject=message.subject, body=message.body, next_attempt_at=now, expires_at=now + lasts, tries=0,
    )  # fmt: skip
    session.add(letter)
    session.flush()
    return letter


def post_letters(db: Database, channels: Mapping[str, Channel], clock: Clock) -> int:
    """Hand over what is due, one after another; return how many were begun."""
    _call_for_silent(db, clock.now())
    begun = 0
    while (job := _take(db, channels, clock.now())) is not None:
        outcome = _hand_over(channels[job.channel], job)
        with writing(db, "letter") as session:
            _settle(session, job, outcome, clock.now())
        begun += 1
    return begun


def note_letter(session: Session, provider_id: str, status: str, now: datetime, reference: str | None) -> bool:
    """Record what a provider says became of a message; return whether it is one of these. What ended stays ended."""
    letter = session.scalar(select(Letter).where(Letter.provider_id == provider_id).with_for_update())
    if letter is None and reference is not None and reference.startswith("letter-"):
        number = reference.split("-")[1]
        known = number.isascii() and number.isdigit() and len(number) < 10
        letter = session.get(Letter, int(number), with_for_update=True) if known else None
        if letter is None or letter.reference != reference or letter.provider_id not in (None, provider_id):
            return False
        letter.provider_id = provider_id
    if letter is None:
        return False
    if letter.state in ("delivered", "failed"):
        return True
    if status in ("delivered", "read"):
        _rest(letter, "delivered")
        letter.sent_at = letter.sent_at or now
    elif status in UNDELIVERED:
        _fail(session, letter, "failed", status, now)
    return True


def _call_for_silent(db: Database, now: datetime) -> None:
    """Have a person look after answers that were sent and of which nothing was heard."""
    silent = select(Letter).where(Letter.confirm_by_at <= now, Letter.state == "sent").order_by(Letter.id)
    with db.read() as session:
        if session.scalar(select(silent.exists())) is not True:
            return
    with writing(db, "letter_silent") as session:
        for letter in session.scalars(silent.limit(_AT_ONCE).with_for_update(skip_locked=True)):
            heard_at = session.scalar(_newest_word(letter).with_only_columns(Inbound.received_at))
            if heard_at is not None and letter.sent_at is not None and heard_at > letter.sent_at:
                _rest(letter, "delivered")
                continue
            letter.confirm_by_at = None
            _call(session, letter, "not_confirmed", now)


def _take(db: Database, channels: Mapping[str, Channel], now: datetime) -> _Job | None:
    with writing(db, "letter_take") as session:
        while True:
            letter = session.scalar(
                select(Letter)
                .where(Letter.state.in_(("due", "sending")), Letter.next_attempt_at <= now)
                .order_by(Letter.next_attempt_at, Letter.id)
                .limit(1)
                .with_for_update(skip_locked=True)
            )
            if letter is None:
                return None
            channel = channels.get(letter.channel)
            lost = letter.state == "sending"
            if channel is None or (now >= letter.expires_at and not lost):
                _fail(session, letter, "failed", "expired" if channel else "no such channel", now)
                session.flush()
                continue
            if not lost:
                letter.tries += 1
                letter.began_at = now
            token = secrets.token_hex(8)
            letter.state, letter.claim_token, letter.next_attempt_at = "sending", token, now + CLAIM_LASTS
            session.flush()
            return _Job(
                letter.id, token, letter.channel,
                Message(letter.short, letter.line, letter.subject, letter.body, letter.short),
                _recipient(letter),
                letter.reference, letter.began_at or now,
                max(int((letter.expires_at - now).total_seconds()), 1), lost,
            )  # fmt: skip


def _hand_over(channel: Channel, job: _Job) -> _Outcome:
    """Call the provider; an answer that was lost is looked up where that can be done."""
    outcome = _Outcome("lost", error="no answer")
    if not job.lost or channel.repeats_safely:
        try:
            with calling("letter_send"):
                sent = channel.send(job.message, job.recipient, reference=job.reference, valid_s=job.valid_s)
            return _Outcome("sent", sent)
        except Refused as error:
            return _Outcome("refused", error=str(error), ends=error.ends)
        except TryLater as error:
            return _Outcome("later", error=str(error), after_s=error.after_s)
        except OutcomeUnknown as error:
            outcome = _Outcome("lost", error=str(error))
        except Exception as error:
            log.error("a letter failed unexpectedly", channel=job.channel, error=type(error).__name__)
            outcome = _Outcome("lost", error=type(error).__name__)
    if channel.repeats_safely:
        return outcome
    try:
        with calling("letter_look_up"):
            found = channel.look_up(job.message, job.recipient, reference=job.reference, began_at=job.began_at)
    except OutcomeUnknown:
        return _Outcome("unknowable", error=outcome.error)
    except Exception:
        return outcome
    return _Outcome("sent", found) if found is not None else _Outcome("absent", error=outcome.error)


def _settle(session: Session, job: _Job, outcome: _Outcome, now: datetime) -> None:
    letter = session.get_one(Letter, job.letter_id, with_for_update=True)
    if outcome.kind == "sent":
        letter.provider_id = letter.provider_id or outcome.provider_id
        letter.sent_at = letter.sent_at or now
        if letter.state in ("due", "sending", "unknown"):
            _rest(letter, "sent")
            if letter.user_id is None:
                letter.confirm_by_at = now + CONFIRMED_WITHIN.get(letter.channel, USUALLY_CONFIRMED_WITHIN)
        return
    if letter.claim_token != job.token:
        return  # somebody else, or a receipt, has decided meanwhile
    letter.error = outcome.error
    if outcome.kind == "refused":
        if outcome.ends and letter.customer_id is not None:
            opt_out(session, letter.customer_id, letter.channel, outcome.ends, now, actor="system")
        _fail(session, letter, "failed", outcome.error or "", now)
        return
    at = again_at(outcome.kind, letter.tries, job.began_at, now, letter.expires_at, outcome.after_s)
    if outcome.kind == "unknowable" or at is None:
        _fail(session, letter, "failed" if outcome.kind == "later" else "unknown", outcome.error or "", now)
        return
    anew = outcome.kind == "later" or (outcome.kind == "absent" and at <= now)
    letter.state, letter.claim_token, letter.next_attempt_at = "due" if anew else "sending", None, at


def _recipient(letter: Letter) -> Recipient:
    of = {ADDRESS_OF.get(letter.channel): letter.address}
    return Recipient(
        mobile=of.get("mobile"), line_id=of.get("line_id"), email=of.get("email"), language=letter.language
    )


def _rest(letter: Letter, state: str) -> None:
    letter.state, letter.claim_token, letter.next_attempt_at, letter.confirm_by_at = state, None, None, None


def _fail(session: Session, letter: Letter, state: str, said: str, now: datetime) -> None:
    """Give up; a person is told that an answer did not go out. Who calls colleagues looks for the next one itself."""
    _rest(letter, state)
    letter.error = letter.error or said
    if letter.user_id is None:
        _call(session, letter, state, now)


def _call(session: Session, letter: Letter, reason: str, now: datetime) -> None:
    facts = {"inbound": session.scalar(_newest_word(letter)), "reason": reason}
    raise_alarm(session, UNSENT, letter.about, now, facts=facts)


def _newest_word(letter: Letter) -> Select[int]:
    """Ask for the newest message of the conversation that an answer belongs to."""
    newest = select(Inbound.id).order_by(Inbound.id.desc()).limit(1)
    if letter.customer_id is not None:
        return newest.where(Inbound.customer_id == letter.customer_id)
    return newest.where(Inbound.channel == letter.channel, Inbound.sender == letter.address)
