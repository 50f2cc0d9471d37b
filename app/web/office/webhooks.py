"""Which other programs are told of what happens here, and do they take it?"""

from __future__ import annotations

from typing import Any

from flask import render_template, request

from app.models import Webhook
from app.operations.webhook import (
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
from app.rules.webhook import EVENTS
from app.web.forms import Form
from app.web.office.room import blueprint, saved
from app.web.visitor import needs, now, parts, session, signed_in


@blueprint.get("/webhooks")
@needs("settings")
def webhooks() -> Any:
    """List the programs that are told, with a form for one more."""
    return _webhooks(Form(begins=dict.fromkeys(EVENTS, "1")))


@blueprint.post("/webhooks")
@needs("settings")
def add_program() -> Any:
    """Have one more program told, and show its secret this once."""
    form = Form(request.form)
    added = form.submit(lambda: add_webhook(session(), **_facts(form), now=now(), actor=signed_in().name))
    return _webhooks(form) if added is None else _webhook(added, secret=secret_of(session(), added))


@blueprint.get("/webhooks/<int:webhook_id>")
@needs("settings")
def webhook(webhook_id: int) -> Any:
    """Show one: of what it is told, and what came of the last messages."""
    return _webhook(find_webhook(session(), webhook_id))


@blueprint.post("/webhooks/<int:webhook_id>")
@needs("settings")
def save_webhook(webhook_id: int) -> Any:
    """Change its address, name and events."""
    form = Form(request.form)
    if form.submit(lambda: change_webhook(session(), webhook_id, **_facts(form))) is None:
        return _webhook(find_webhook(session(), webhook_id), form)
    return saved("office.webhook", webhook_id=webhook_id)


@blueprint.post("/webhooks/<int:webhook_id>/secret")
@needs("settings")
def new_secret(webhook_id: int) -> Any:
    """Replace its secret, and show the new one this once."""
    changed = replace_secret(session(), webhook_id, now())
    return _webhook(changed, secret=secret_of(session(), changed))


@blueprint.post("/webhooks/<int:webhook_id>/test")
@needs("settings")
def test_webhook(webhook_id: int) -> Any:
    """Have an event sent that means nothing."""
    send_test(session(), webhook_id, now())
    return saved("office.webhook", webhook_id=webhook_id)


@blueprint.post("/webhooks/<int:webhook_id>/pause")
@needs("settings")
def pause(webhook_id: int) -> Any:
    """Keep what happens for later."""
    pause_webhook(session(), webhook_id)
    return saved("office.webhook", webhook_id=webhook_id)


@blueprint.post("/webhooks/<int:webhook_id>/resume")
@needs("settings")
def resume(webhook_id: int) -> Any:
    """Tell it again."""
    resume_webhook(session(), webhook_id, now(), signed_in().name)
    return saved("office.webhook", webhook_id=webhook_id)


@blueprint.post("/webhooks/<int:webhook_id>/remove")
@needs("settings")
def remove(webhook_id: int) -> Any:
    """Tell it nothing any more, for good."""
    remove_webhook(session(), webhook_id, now(), signed_in().name)
    return saved("office.webhooks")


@blueprint.post("/webhooks/<int:webhook_id>/messages/<int:message_row>/again")
@needs("settings")
def message_again(webhook_id: int, message_row: int) -> Any:
    """Try a message anew that was given up."""
    send_again(session(), webhook_id, message_row, now())
    return saved("office.webhook", webhook_id=webhook_id)


def _facts(form: Form) -> dict[str, Any]:
    return {
        "name": form.text("name"),
        "url": form.text("url", most=1000),
        "events": [event for event in EVENTS if form.ticked(event)],
        "internal_hosts": parts().outside.internal_hosts,
    }


def _webhooks(form: Form) -> Any:
    page = render_template("office/webhooks.html", webhooks=list_webhooks(session()), form=form, events=EVENTS)
    return page, form.status


def _webhook(known: Webhook, form: Form | None = None, *, secret: str = "") -> Any:
    begins = {"name": known.name, "url": known.url, **dict.fromkeys(known.events, "1")}
    form = form or Form(begins=begins)
    page = render_template(
        "office/webhook.html",
        webhook=known,
        form=form,
        events=EVENTS,
        secret=secret,
        messages=messages_of(session(), known.id).items,
        dry=parts().settings.dry_run,
    )
    return page, form.status
