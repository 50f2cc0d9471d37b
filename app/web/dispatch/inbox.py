"""What did customers write, and who answers it? The inbox: conversations by their clock, and one of them in full."""

from __future__ import annotations

from collections.abc import Callable
from secrets import token_hex
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for

from app.operations.conversation import LONGEST_ANSWER, answer, assign, handle, read_conversation
from app.operations.customer import customers_found
from app.operations.inbox import list_conversations
from app.operations.inbox_mark import inbox_mark
from app.operations.notice import Telling
from app.web.dispatch.live import answer_live
from app.web.forms import Form
from app.web.visitor import needs, now, parts, session, signed_in, zone

blueprint = Blueprint("inbox", __name__, url_prefix="/inbox")

#: So many customers are offered to whom an unknown sender may belong.
OFFERED = 8


@blueprint.get("")
@needs("dispatch")
def conversations() -> Any:
    """Show the conversations, none of them open."""
    return render_template("dispatch/inbox.html", key=None, **_list())


@blueprint.get("/list")
@needs("dispatch")
def list_now() -> Any:
    """Answer with the list as it is now, or "not modified"."""
    key = Form(request.args).text("open")
    return _part("", lambda: render_template("dispatch/_inbox_list.html", key=key or None, **_list()))


@blueprint.get("/<key>")
@needs("dispatch")
def conversation(key: str) -> Any:
    """Show one conversation beside the list."""
    return _page(key, Form())


@blueprint.get("/<key>/now")
@needs("dispatch")
def conversation_now(key: str) -> Any:
    """Answer with a conversation as it is now, or "not modified"."""
    return _part(key, lambda: render_template("dispatch/_talk.html", **_talk(key)))


@blueprint.post("/<key>/answer")
@needs("dispatch")
def send_answer(key: str) -> Any:
    """Send the dispatcher's words to the customer; what was typed is kept when they cannot be sent."""
    form = Form(request.form)
    words, once, seen = form.value("words"), form.text("once"), form.row("seen")
    sent = form.submit(lambda: answer(session(), key, words, signed_in().name, _telling(), now(), once=once, seen=seen))
    return _page(key, form) if sent is None else redirect(url_for("dispatch.inbox.conversation", key=key), 303)


@blueprint.post("/<key>/handled")
@needs("dispatch")
def mark_handled(key: str) -> Any:
    """Mark what was shown of a conversation as dealt with."""
    handle(session(), key, signed_in().name, now(), seen=Form(request.form).row("seen"))
    return redirect(url_for("dispatch.inbox.conversations"), 303)


@blueprint.post("/<key>/assign")
@needs("dispatch")
def assign_to(key: str) -> Any:
    """Say whose an unknown sender's messages are."""
    form = Form(request.form)
    customer_id, keep = form.row("customer", needed=True), form.ticked("keep_address")
    found = form.submit(lambda: assign(session(), key, customer_id or 0, signed_in().name, now(), keep_address=keep))
    return _page(key, form) if found is None else redirect(url_for("dispatch.inbox.conversation", key=found), 303)


def _list() -> dict[str, Any]:
    asked = Form(request.args)
    page = asked.whole("page", least=1, most=100_000, needed=False) or 1
    return {"asked": asked, "listed": list_conversations(session(), asked.text("q"), page, zone())}


def _talk(key: str) -> dict[str, Any]:
    return {"key": key, "talk": read_conversation(session(), key, zone(), now(), _telling())}


def _page(key: str, form: Form) -> Any:
    text = Form(request.args).text("who")
    found = customers_found(session(), text, also=None, limit=OFFERED) if key.startswith("m") else []
    page = render_template(
        "dispatch/inbox.html",
        form=form,
        who=text,
        found=found,
        most=LONGEST_ANSWER,
        once=token_hex(16),
        **_talk(key),
        **_list(),
    )
    return page, form.status


def _part(key: str, draw: Callable[[], str]) -> Any:
    return answer_live(inbox_mark(session(), key, now()), draw)


def _telling() -> Telling:
    return Telling(parts().settings.base_url, zone(), parts().channels)
