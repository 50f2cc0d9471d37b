"""Do what a plain answer asks for, as if a person had read it; say what was done, or leave it to a person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

from sqlalchemy.orm import Session

from app.errors import AppError
from app.models import Inbound, Notice, Proposal
from app.operations.confirmation import confirm
from app.operations.consent import opt_in, opt_out
from app.operations.customer_view import LONGEST_TEXT, press_for
from app.operations.proposal import answer, open_question
from app.rules.replies import gist, understand

#: Answers that are the same as a press on the customer's page.
_PRESSES = {"ok": "acknowledged", "change": "cannot_be_there", "call": "call_me"}


def act(
    session: Session,
    message: Inbound,
    *,
    proven: bool,
    sharers: Sequence[int],
    chosen: str | None,
    now: datetime,
    zone: tzinfo,
) -> None:
    """Do what a message plainly asks for, and mark it as handled; anything else stays unread.

    `proven`: it named the notice that it answers. The sender of an e-mail can be forged, so a mail that names none is
    left to a person. `sharers` are the customers with the sender's address: who wants no more messages there speaks
    for all of them. `chosen` is what the provider has done by itself (stop, start); what else was meant by that word, a
    person reads. Whoever answers a dispatcher's own words is read by a person, whatever the answer.
    """
    plainly = understand(gist(message.words or ""))
    meaning = chosen or plainly
    if message.channel == "email" and not proven:
        return
    done = False
    if meaning in ("stop", "start"):
        done = _choose(session, message, meaning, sharers, now)
    elif meaning is not None and message.visit_id is not None:
        done = _press(session, message, meaning, now, zone)
    if message.notice_id is not None and (proven or done):
        confirm(session, [message.notice_id], "replied", now)
    if done:
        message.understood = meaning
        read_by_person = plainly != meaning or (meaning == "ok" and _asked_by_person(session, message))
        if not read_by_person:
            message.handled_at, message.handled_by = now, "system"
    session.flush()


def _choose(session: Session, message: Inbound, meaning: str, sharers: Sequence[int], now: datetime) -> bool:
    if message.channel == "page":
        return False
    ids = sharers or ([message.customer_id] if message.customer_id is not None else [])
    for customer_id in ids:
        if meaning == "stop":
            why = "unsubscribed" if message.channel == "email" else "stop"
            opt_out(session, customer_id, message.channel, why, now)
        else:
            opt_in(session, customer_id, message.channel, "customer", now)
    return bool(ids)


def _press(session: Session, message: Inbound, meaning: str, now: datetime, zone: tzinfo) -> bool:
    """Take a wish in as the customer's page does; return whether there still was something to ask for."""
    assert message.visit_id is not None
    if meaning == "ok" and message.notice_id is None:
        return False  # to what?
    asked = open_question(session, message.visit_id)
    if meaning == "ok" and _asks(session, message):
        # What she says yes to holds no longer: a person reads it.
        return asked is not None and _agree(session, asked, message, now, zone)
    words = "" if meaning == "ok" else gist(message.words or "")[:LONGEST_TEXT]
    try:
        press_for(session, message.visit_id, _PRESSES[meaning], now=now, zone=zone, words=words)
    except AppError:  # the technician is there already, or the visit is over
        return meaning == "ok"
    if asked is not None and asked.kind == "move" and meaning != "ok":
        answer(session, asked.id, "call", now=now, zone=zone)
    return True


def _asks(session: Session, message: Inbound) -> bool:
    notice = session.get(Notice, message.notice_id) if message.notice_id is not None else None
    return notice is not None and notice.kind in ("move_asked", "must_reschedule")


def _agree(session: Session, asked: Proposal, message: Inbound, now: datetime, zone: tzinfo) -> bool:
    """Take an OK for a yes to the very question that it answers; return whether it is done."""
    notice = session.get_one(Notice, message.notice_id)
    if asked.kind != "move" or notice.reason_facts.get("proposal") != asked.id:
        return False
    return answer(session, asked.id, "accepted", now=now, zone=zone).answer == "accepted"


def _asked_by_person(session: Session, message: Inbound) -> bool:
    notice = session.get(Notice, message.notice_id) if message.notice_id is not None else None
    return notice is not None and notice.kind == "reply"
