"""Write to colleagues when something waits for a person and nobody at a desk deals with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.auth import token_hash
from app.i18n import day_words, phone_words, t, time_words, window_words, word
from app.models import Letter, SignIn, User
from app.operations.alarm import AlarmLine, read_alarms
from app.operations.letter import CALL_LASTS, add_letter
from app.operations.notice import Telling
from app.operations.policy import current_policy
from app.rules.absence import Colleague, Waiting, calls_for
from app.rules.access import may
from app.rules.messages import Message

#: What somebody was told of so long ago does not stand on the attention list any more.
_REMEMBERED = timedelta(days=7)
#: A letter names so many things; the page shows the rest.
_MOST_LINES = 12


def note_seen(session: Session, token: str, now: datetime) -> None:
    """Record that somebody looks at the page of this sign-in."""
    session.execute(update(SignIn).where(SignIn.token_hash == token_hash(token)).values(seen_at=now))


def call_absent(session: Session, telling: Telling, country: str, now: datetime) -> int:
    """Write to the colleagues who are to know of something; return how many letters were added.

    By e-mail, the one address that is known of them; without it nobody is written to.
    """
    if "email" not in telling.channels:
        return 0
    lines = {line.id: line for line in read_alarms(session)}
    if not lines:
        return 0
    waiting = [
        Waiting(line.id, line.kind, line.raised_at, line.deadline_at, line.promised_from_at) for line in lines.values()
    ]
    users = {user.id: user for user in session.scalars(select(User).where(User.active)) if may(user.role, "dispatch")}
    colleagues = _colleagues(session, users.values(), now)
    calls = calls_for(waiting, colleagues, current_policy(session), telling.zone, now)
    for user_id, alarm_ids in calls.items():
        user = users[user_id]
        add_letter(
            session,
            _letter(user, [lines[one] for one in alarm_ids], telling, country),
            about="desk:" + ",".join(str(one) for one in alarm_ids),
            key=f"desk:{user_id}:{alarm_ids[-1]}:{now.timestamp()}",
            channel="email",
            address=user.email,
            language=user.language,
            words="",
            actor="system",
            now=now,
            lasts=CALL_LASTS,
            user_id=user_id,
        )
    return len(calls)


def _colleagues(session: Session, users: Iterable[User], now: datetime) -> list[Colleague]:
    seen = dict(
        session.execute(
            select(SignIn.user_id, func.max(SignIn.seen_at))
            .where(SignIn.user_id.is_not(None), SignIn.revoked_at.is_(None), SignIn.expires_at > now)
            .group_by(SignIn.user_id)
        ).all()
    )
    told: dict[int, set[int]] = {}
    written: dict[int, datetime] = {}
    rows = session.execute(
        select(Letter.user_id, Letter.about, Letter.created_at, Letter.state)
        .where(Letter.user_id.is_not(None), Letter.created_at > now - _REMEMBERED)
        .order_by(Letter.id)
    )
    for user_id, about, created_at, state in rows:
        assert user_id is not None
        written[user_id] = created_at
        if state != "failed":
            told.setdefault(user_id, set()).update(int(one) for one in about.removeprefix("desk:").split(","))
    return [
        Colleague(user.id, user.role, seen.get(user.id), frozenset(told.get(user.id, ())), written.get(user.id))
        for user in users
    ]


def _letter(user: User, lines: Sequence[AlarmLine], telling: Telling, country: str) -> Message:
    language = user.language
    said = [_sentence(line, language, telling, country) for line in lines[:_MOST_LINES]]
    subject = t("absence.subject_one" if len(lines) == 1 else "absence.subject", language, count=len(lines))
    listed = "\n".join(t("absence.line", language, said=one) for one in said)
    body = t("absence.body", language, name=user.name, lines=listed, link=f"{telling.base_url}/")
    return Message(subject, body, subject, body, subject)


def _sentence(line: AlarmLine, language: str, telling: Telling, country: str) -> str:
    """Return what the attention list says of a thing, with its number and its deadline."""
    zone, reason = telling.zone, str(line.facts.get("reason") or "")
    promise = ""
    if line.promised_from_at is not None and line.promised_until_at is not None:
        on = day_words(line.promised_from_at.astimezone(zone).date(), language)
        promise = f"{on} {window_words(line.promised_from_at, line.promised_until_at, zone)}"
    by = line.facts.get("by")
    facts = {
        "customer": line.customer or line.facts.get("customer") or t("absence.customer", language),
        "technician": line.technician or "—",
        "promise": promise,
        "by": time_words(datetime.fromisoformat(str(by)), zone) if by else "",
        "title": line.facts.get("title") or "",
        "missing": word("visit.hole_", reason[5:], language) if reason.startswith("hole:") else "—",
    }
    said = t(f"dispatch.alarm_{line.sentence}", language, **facts)
    more = [phone_words(line.phone, country)] if line.phone else []
    if line.deadline_at is not None:
        more.append(t("absence.until", language, time=time_words(line.deadline_at, zone)))
    return f"{said} ({' · '.join(more)})" if more else said
