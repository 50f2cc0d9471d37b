"""Keep which programs are told of what: add, change, pause and remove them, replace a secret, see what came of it."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import Conflict, Invalid, NotFound, Problem
from app.models import Webhook, WebhookMessage
from app.operations.alarm import clear_alarms
from app.operations.announce import write_message
from app.operations.listing import Page, id_of, page_of
from app.outside import why_not
from app.rules.webhook import EVENTS, LASTS, OVERLAP, TEST
from app.sealing import opened, sealed

#: More are a mistake: each is written to about every change.
MOST_WEBHOOKS = 20
LONGEST_NAME = 100
#: Alarms about one.
ALARMS = ("webhook_failing", "webhook_off")
#: So many messages are shown.
SHOWN = 50


def add_webhook(
    session: Session,
    *,
    name: str,
    url: str,
    events: Iterable[str],
    internal_hosts: Collection[str],
    now: datetime,
    actor: str,
) -> Webhook:
    """Have a program told of some events; its `secret` is shown this once. Raises Invalid naming fields, Conflict."""
    facts = _checked(name, url, events, internal_hosts)
    if len(list_webhooks(session)) >= MOST_WEBHOOKS:
        raise Conflict("too_many_webhooks", most=MOST_WEBHOOKS)
    webhook = Webhook(
        name=facts[0],
        url=facts[1],
        events=facts[2],
        secret=sealed(session, _secret()),
        created_at=now,
        created_by=actor,
    )
    session.add(webhook)
    session.flush()
    return webhook


def change_webhook(
    session: Session, webhook_id: int, *, name: str, url: str, events: Iterable[str], internal_hosts: Collection[str]
) -> Webhook:
    """Change address, name and events. Raises NotFound, Invalid naming the fields."""
    webhook = find_webhook(session, webhook_id, locked=True)
    webhook.name, webhook.url, webhook.events = _checked(name, url, events, internal_hosts)
    return webhook


def replace_secret(session: Session, webhook_id: int, now: datetime) -> Webhook:
    """Sign with a new secret, shown this once; the old one signs too for a day. Raises NotFound."""
    webhook = find_webhook(session, webhook_id, locked=True)
    webhook.old_secret, webhook.old_until_at = webhook.secret, now + OVERLAP
    webhook.secret = sealed(session, _secret())
    return webhook


def secret_of(session: Session, webhook: Webhook) -> str:
    """Return the secret of a program, to be shown when it is new."""
    return opened(session, webhook.secret) or ""


def pause_webhook(session: Session, webhook_id: int) -> Webhook:
    """Keep what happens for later. Raises NotFound, Conflict when it is off."""
    webhook = find_webhook(session, webhook_id, locked=True)
    if webhook.state == "off":
        raise Conflict("webhook_off")
    webhook.state = "paused"
    return webhook


def resume_webhook(session: Session, webhook_id: int, now: datetime, actor: str) -> Webhook:
    """Tell it again of what happens, and of what was kept meanwhile. Raises NotFound."""
    webhook = find_webhook(session, webhook_id, locked=True)
    webhook.state, webhook.off_reason, webhook.failing_since_at = "on", None, None
    clear_alarms(session, subject_of(webhook), ALARMS, now, actor)
    return webhook


def remove_webhook(session: Session, webhook_id: int, now: datetime, actor: str) -> None:
    """Tell it nothing any more, for good; what was told stays for a while. Raises NotFound."""
    webhook = find_webhook(session, webhook_id, locked=True)
    webhook.state = "removed"
    clear_alarms(session, subject_of(webhook), ALARMS, now, actor)


def send_test(session: Session, webhook_id: int, now: datetime) -> None:
    """Have an event sent that means nothing. Raises NotFound, Conflict unless it is on."""
    webhook = find_webhook(session, webhook_id)
    if webhook.state != "on":
        raise Conflict("webhook_off")
    write_message(session, [webhook.id], TEST, {"webhook": webhook.id}, now)


def send_again(session: Session, webhook_id: int, message_row: int, now: datetime) -> None:
    """Try a message anew that was given up. Raises NotFound, Conflict when it was not, or is too old."""
    find_webhook(session, webhook_id)
    message = session.get(WebhookMessage, message_row, with_for_update=True)
    if message is None or message.webhook_id != webhook_id:
        raise NotFound("webhook_message")
    if message.state != "given_up" or message.created_at + LASTS <= now:
        raise Conflict("webhook_message_over")
    message.state, message.tries, message.next_attempt_at, message.finished_at = "due", 0, now, None


def find_webhook(session: Session, webhook_id: int, *, locked: bool = False) -> Webhook:
    """Return a program that is told, or could be again. Raises NotFound."""
    webhook = session.get(Webhook, webhook_id, with_for_update=locked or None)
    if webhook is None or webhook.state == "removed":
        raise NotFound("webhook")
    return webhook


def list_webhooks(session: Session) -> Sequence[Webhook]:
    """Return all that were not removed."""
    return session.scalars(select(Webhook).where(Webhook.state != "removed").order_by(Webhook.id)).all()


def messages_of(
    session: Session, webhook_id: int, *, limit: int = SHOWN, cursor: str | None = None
) -> Page[WebhookMessage]:
    """Return what one was told, newest first, and what came of it. Raises NotFound, Invalid."""
    find_webhook(session, webhook_id)
    wanted = select(WebhookMessage).where(WebhookMessage.webhook_id == webhook_id)
    if cursor is not None:
        wanted = wanted.where(WebhookMessage.id < id_of(cursor))
    rows = session.scalars(wanted.order_by(WebhookMessage.id.desc()).limit(limit + 1)).all()
    return page_of(rows, limit, lambda message: str(message.id))


def subject_of(webhook: Webhook) -> str:
    """Return what an alarm about it is about."""
    return f"webhook:{webhook.id}"


def _checked(name: str, url: str, events: Iterable[str], internal_hosts: Collection[str]) -> tuple[str, str, list[str]]:
    wanted, name, url = set(events), name.strip(), url.strip()
    problems = []
    if not name:
        problems.append(Problem("name", "missing"))
    elif len(name) > LONGEST_NAME:
        problems.append(Problem("name", "too_long", {"most": LONGEST_NAME}))
    elif not name.isprintable():
        problems.append(Problem("name", "characters"))
    if not url:
        problems.append(Problem("url", "missing"))
    elif wrong := why_not(url, internal_hosts):
        problems.append(Problem("url", wrong))
    if not wanted:
        problems.append(Problem("events", "missing"))
    elif wanted - set(EVENTS):
        problems.append(Problem("events", "choice", {"choices": ", ".join(EVENTS)}))
    if problems:
        raise Invalid(problems)
    return name, url, [event for event in EVENTS if event in wanted]


def _secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
