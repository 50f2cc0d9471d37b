"""Which programs are told of what happens, for other programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal

from flask import g
from pydantic import Field

from app.models import Webhook, WebhookMessage
from app.operations.webhook import (
    LONGEST_NAME,
    add_webhook,
    change_webhook,
    find_webhook,
    list_webhooks,
    messages_of,
    pause_webhook,
    remove_webhook,
    replace_secret,
    resume_webhook,
    secret_of,
    send_again,
    send_test,
)
from app.outside import LONGEST_URL
from app.rules.webhook import EVENTS
from app.web.api.gate import blueprint
from app.web.api.reading import Body, Line, Moment, PageIn, Reply
from app.web.visitor import needs, now, parts, session, signed_in

Event = Literal[EVENTS]  # type: ignore[valid-type]


class WebhookIn(Body):
    name: Line = Field(max_length=LONGEST_NAME, examples=["会計システム"])
    url: Line = Field(
        max_length=LONGEST_URL,
        description="`https`, and in the internet; others only where `MAMONAKU_INTERNAL_HOSTS` names them.",
        examples=["https://example.jp/hook"],
    )
    events: list[Event] = Field(min_length=1, max_length=len(EVENTS))


class WebhookPatch(Body):
    """What is left out stays."""

    name: Line = Field(None, max_length=LONGEST_NAME)  # type: ignore[assignment]  # absent, but never null
    url: Line = Field(None, max_length=LONGEST_URL)  # type: ignore[assignment]
    events: list[Event] = Field(None, min_length=1, max_length=len(EVENTS))  # type: ignore[arg-type]
    state: Literal["on", "paused"] = Field(
        None,  # type: ignore[arg-type]
        description="paused: what happens is kept for later; on: it is told, also after it was turned off.",
    )


class WebhookOut(Reply):
    id: int
    name: str
    url: str
    events: list[str]
    state: str = Field(description="on, paused, or off: it took nothing for three days, or answered 410.")
    off_reason: str | None = Field(description="failing, gone, or unreadable: its secret has to be replaced.")
    failing_since: Moment | None
    old_secret_until: Moment | None = Field(description="Until then the secret before signs too.")
    created_at: Moment


class NewWebhookOut(WebhookOut):
    secret: str | None = Field(
        description="Checks `webhook-signature` (Standard Webhooks). Shown once: a repetition gets null."
    )


class WebhooksOut(Reply):
    items: list[WebhookOut]


class MessageOut(Reply):
    id: int
    message_id: str = Field(description="`webhook-id`, the same at every try.")
    event: str
    created_at: Moment
    state: str = Field(description="due, sending, sent or given_up.")
    tries: int
    status: int | None = Field(description="Of the last answer.")
    failure: str | None = Field(description="Why there was none.")
    next_attempt_at: Moment | None
    finished_at: Moment | None


class MessagesOut(Reply):
    items: list[MessageOut] = Field(description="Newest first.")
    next: str | None


@blueprint.get("/webhooks")
@needs("settings")
@blueprint.output(WebhooksOut)
@blueprint.doc(tags=["Webhooks"])
def list_programs() -> dict[str, Any]:
    """List the programs that are told, at most twenty."""
    return {"items": [_shown(one) for one in list_webhooks(session())]}


@blueprint.post("/webhooks")
@needs("settings")
@blueprint.input(WebhookIn)
@blueprint.output(NewWebhookOut, status_code=201)
@blueprint.doc(tags=["Webhooks"])
def create_webhook(json_data: WebhookIn) -> dict[str, Any]:
    """Have a program told of some events; its secret is in the reply and nowhere else.

    Each event is one `POST` of `{"type", "timestamp", "data"}` with the headers of Standard Webhooks; `data` holds
    numbers and times, never names or phone numbers. It is repeated under the same `webhook-id` until it is answered
    with 2xx, for about three days; the order is not promised.
    """
    facts = json_data.model_dump()
    added = add_webhook(session(), **facts, internal_hosts=_hosts(), now=now(), actor=signed_in().name)
    return _with_secret(added)


@blueprint.get("/webhooks/<int:webhook_id>")
@needs("settings")
@blueprint.output(WebhookOut)
@blueprint.doc(tags=["Webhooks"])
def get_webhook(webhook_id: int) -> dict[str, Any]:
    """Return a program that is told."""
    return _shown(find_webhook(session(), webhook_id))


@blueprint.patch("/webhooks/<int:webhook_id>")
@needs("settings")
@blueprint.input(WebhookPatch)
@blueprint.output(WebhookOut)
@blueprint.doc(tags=["Webhooks"])
def patch_webhook(webhook_id: int, json_data: WebhookPatch) -> dict[str, Any]:
    """Change, pause or resume it."""
    known, given = find_webhook(session(), webhook_id), json_data.model_dump(exclude_unset=True)
    state = given.pop("state", known.state)
    facts = {"name": known.name, "url": known.url, "events": known.events, **given}
    if given:
        change_webhook(session(), webhook_id, **facts, internal_hosts=_hosts())
    if state == "paused" != known.state:
        pause_webhook(session(), webhook_id)
    elif state == "on" != known.state:
        resume_webhook(session(), webhook_id, now(), signed_in().name)
    return _shown(known)


@blueprint.delete("/webhooks/<int:webhook_id>")
@needs("settings")
@blueprint.output({}, status_code=204)
@blueprint.doc(tags=["Webhooks"])
def delete_webhook(webhook_id: int) -> tuple[str, int]:
    """Tell it nothing any more."""
    remove_webhook(session(), webhook_id, now(), signed_in().name)
    return "", 204


@blueprint.post("/webhooks/<int:webhook_id>/secret")
@needs("settings")
@blueprint.output(NewWebhookOut)
@blueprint.doc(tags=["Webhooks"])
def create_secret(webhook_id: int) -> dict[str, Any]:
    """Replace its secret; for a day the one before signs too, so that nothing is lost meanwhile."""
    return _with_secret(replace_secret(session(), webhook_id, now()))


@blueprint.post("/webhooks/<int:webhook_id>/test")
@needs("settings")
@blueprint.output({}, status_code=202)
@blueprint.doc(tags=["Webhooks"])
def create_test(webhook_id: int) -> tuple[dict[str, Any], int]:
    """Have an event of type `test` sent."""
    send_test(session(), webhook_id, now())
    return {}, 202


@blueprint.get("/webhooks/<int:webhook_id>/messages")
@needs("settings")
@blueprint.input(PageIn, location="query")
@blueprint.output(MessagesOut)
@blueprint.doc(tags=["Webhooks"])
def list_messages(webhook_id: int, query_data: PageIn) -> dict[str, Any]:
    """List what it was told in the last 30 days, and what came of it."""
    page = messages_of(session(), webhook_id, limit=query_data.limit, cursor=query_data.cursor)
    items: Sequence[WebhookMessage] = page.items
    return {"items": items, "next": page.next}


@blueprint.post("/webhooks/<int:webhook_id>/messages/<int:message>/again")
@needs("settings")
@blueprint.output({}, status_code=202)
@blueprint.doc(tags=["Webhooks"])
def create_try(webhook_id: int, message: int) -> tuple[dict[str, Any], int]:
    """Have a message tried anew that was given up."""
    send_again(session(), webhook_id, message, now())
    return {}, 202


def _hosts() -> frozenset[str]:
    return parts().outside.internal_hosts


def _shown(webhook: Webhook) -> dict[str, Any]:
    own = ("id", "name", "url", "events", "state", "off_reason", "created_at")
    old = webhook.old_until_at is not None and webhook.old_until_at > now()
    return {
        **{name: getattr(webhook, name) for name in own},
        "failing_since": webhook.failing_since_at,
        "old_secret_until": webhook.old_until_at if old else None,
    }


def _with_secret(webhook: Webhook) -> dict[str, Any]:
    """Return the reply with the secret, and have its repetitions answered without it."""
    shown = {**_shown(webhook), "secret": secret_of(session(), webhook)}
    kept = NewWebhookOut.model_validate({**shown, "secret": None})
    g.repeated_reply = json.dumps(kept.model_dump(mode="json"))
    return shown
