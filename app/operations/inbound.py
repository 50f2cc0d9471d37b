"""Take in what customers write to us, find out which notice it answers, and do at once what is plain.

Called by whatever hears them: the provider's hooks, the mailbox, the customer's page. The same message twice is kept
once, so a replay is harmless.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.errors import Invalid
from app.models import Customer, Inbound, Notice, NoticeAttempt, Visit
from app.operations.announce import announce
from app.operations.attempt import reference_of
from app.operations.customer_view import visit_of_link
from app.operations.replies import act
from app.rules.mail import our_reference
from app.rules.messages import HANDED_OVER
from app.rules.visit import AWAITED

#: No SMS, LINE message or form is longer; of a mail so much is kept.
LONGEST_WORDS = 20_000
LONGEST_ON_PAGE = 1000
#: A message without a reference answers what was sent to this address last, if that is no older.
ANSWERS_WITHIN = timedelta(days=3)
#: A visit that was over so long ago is not what a new message is about.
SPOKEN_OF_AFTER = timedelta(days=2)

_INSERT: Mapping[str, Any] = {
    "sqlite": sqlite.insert(Inbound).on_conflict_do_nothing().returning(Inbound.id),
    "postgresql": postgresql.insert(Inbound).on_conflict_do_nothing().returning(Inbound.id),
}


@dataclass(frozen=True, slots=True)
class Heard:
    """What became of a message: what was understood of it (None: a person reads it), and its sender's language."""

    understood: str | None
    language: str | None


@dataclass(frozen=True, slots=True)
class _Match:
    """Whose message it is, and what it answers; `proven` when it named the notice itself."""

    customer_id: int | None = None
    visit_id: int | None = None
    notice_id: int | None = None
    proven: bool = False


def receive(
    session: Session,
    channel: str,
    sender: str,
    words: str,
    now: datetime,
    *,
    provider_id: str,
    zone: tzinfo,
    answers: str | None = None,
    automatic: bool = False,
    chosen: str | None = None,
) -> Heard:
    """Keep one message with the conversation it belongs to, do what it plainly asks for, and say what that was.

    `channel` sms, line, email or page; `sender` the E.164 number, LINE user id, e-mail address, or `visit:42` for the
    page; `provider_id` the provider's own id of the message; `answers` our reference of the notice that it answers (or
    the provider's id of that), where the channel tells; `zone` is where office hours are counted. An unknown sender is
    kept too. A machine's word (`automatic`: out of office) is kept and taken for no answer. `chosen`: what the provider
    itself understood and has done already (stop, start). Nothing is raised for odd
    words: what cannot be kept in a row is left out of it.
    """
    match = _match(session, channel, sender, answers, now)
    connection = session.connection()
    inbound_id = connection.scalar(
        _INSERT[connection.dialect.name],
        {
            "channel": channel,
            "sender": sender,
            "words": _kept(words),
            "provider_id": provider_id,
            "received_at": now,
            "customer_id": match.customer_id,
            "visit_id": match.visit_id,
            "notice_id": match.notice_id,
        },
    )
    message = session.scalars(
        select(Inbound).where(Inbound.channel == channel, Inbound.provider_id == provider_id)
    ).one()
    if inbound_id is not None:
        about = {"customer": match.customer_id, "visit": match.visit_id, "channel": channel}
        announce(session, "message.received", {"message": inbound_id, **about}, now)
    if inbound_id is not None and automatic:
        message.understood, message.handled_at, message.handled_by = "automatic", now, "system"
    elif inbound_id is not None:  # else it was heard before
        sharers = () if channel == "page" else _customers(session, channel, sender)
        act(session, message, proven=match.proven, sharers=sharers, chosen=chosen, now=now, zone=zone)
    return Heard(message.understood, message.customer.language if message.customer else None)


def write_on_page(session: Session, token: str, words: str, *, key: str, zone: tzinfo, now: datetime) -> None:
    """Take in what a customer wrote on the own page; the form's `key` keeps one that is sent twice from standing twice.

    Raises NotFound for an unknown or ended link, Invalid naming `words`.
    """
    visit = visit_of_link(session, token, now)
    said = _kept(words)
    if not said:
        raise Invalid.one("words", "missing")
    if len(said) > LONGEST_ON_PAGE:
        raise Invalid.one("words", "too_long", most=LONGEST_ON_PAGE)
    receive(session, "page", f"visit:{visit.id}", said, now, provider_id=f"{visit.id}:{key[:64]}", zone=zone)


def _kept(words: str) -> str:
    """Return a text as it is kept: lines and tabs, but no control characters, and an end."""
    whole = words.replace("\r\n", "\n").replace("\r", "\n")
    readable = "".join(c for c in whole if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs"))
    return readable.strip()[:LONGEST_WORDS]


def _match(session: Session, channel: str, sender: str, answers: str | None, now: datetime) -> _Match:
    """Return what a message answers: the notice it names, else the last one sent to this address."""
    if channel == "page":
        visit = session.get(Visit, int(sender.removeprefix("visit:")))
        return (
            _Match(visit.customer_id, visit.id, _last_notice(session, [visit.customer_id], None, now), True)
            if visit
            else _Match()
        )
    named = _named(session, answers) if answers else None
    if named is not None:
        return named
    ids = _customers(session, channel, sender)
    notice_id = _last_notice(session, ids, channel, now)
    if notice_id is not None:
        visit = session.get_one(Notice, notice_id).visit
        return _Match(visit.customer_id, visit.id, notice_id)
    # A number that several share: nobody guesses.
    return _Match(ids[0], visit_spoken_of(session, ids[0], now)) if len(ids) == 1 else _Match()


def _named(session: Session, answers: str) -> _Match | None:
    reference = our_reference(answers) or answers  # of a mail whose own answer was lost we know only the reference
    number, dash, _ = reference.partition("-")
    wanted = NoticeAttempt.provider_id == answers
    if dash and number.isascii() and number.isdigit() and len(number) < 10:
        wanted = or_(wanted, NoticeAttempt.id == int(number))
    for attempt in session.scalars(select(NoticeAttempt).where(wanted)):
        if answers == attempt.provider_id or reference == reference_of(attempt):
            visit = attempt.notice.visit
            return _Match(visit.customer_id, visit.id, attempt.notice_id, True)
    return None


def _customers(session: Session, channel: str, sender: str) -> list[int]:
    found = {
        "sms": or_(Customer.mobile == sender, Customer.phone == sender),
        "line": Customer.line_id == sender,
        "email": func.lower(Customer.email) == sender.lower(),
    }[channel]
    return list(session.scalars(select(Customer.id).where(found).order_by(Customer.id)))


def _last_notice(session: Session, customer_ids: list[int], channel: str | None, now: datetime) -> int | None:
    """Return the notice that reached these customers last (over a channel), unless that is long ago."""
    sent = (
        select(Notice.id)
        .join(Visit, Visit.id == Notice.visit_id)
        .join(NoticeAttempt, NoticeAttempt.notice_id == Notice.id)
        .where(
            Visit.customer_id.in_(customer_ids),
            Notice.reach.in_(HANDED_OVER),
            NoticeAttempt.outcome == "accepted",
            NoticeAttempt.started_at > now - ANSWERS_WITHIN,
        )
        .order_by(NoticeAttempt.started_at.desc(), NoticeAttempt.id.desc())
        .limit(1)
    )
    return session.scalar(sent.where(NoticeAttempt.channel == channel) if channel else sent)


def visit_spoken_of(session: Session, customer_id: int, now: datetime) -> int | None:
    """Return the visit that a customer most likely means: the next one she waits for, else the one just over."""
    mine = select(Visit.id).where(Visit.customer_id == customer_id)
    awaited = mine.where(Visit.status.in_(AWAITED)).order_by(Visit.promised_from_at, Visit.id).limit(1)
    over = (
        mine.where(Visit.planned_until_at > now - SPOKEN_OF_AFTER)
        .order_by(Visit.planned_until_at.desc(), Visit.id)
        .limit(1)
    )
    return session.scalar(awaited) or session.scalar(over)
