"""Show one conversation with a customer, and let a person read it, answer it, or say whose it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from sqlalchemy import and_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from app.errors import Conflict, Invalid, NotFound
from app.i18n import t
from app.models import Alarm, Customer, Inbound, Letter, Notice, Visit, VisitEvent
from app.notices.words import addressee
from app.operations.company import find_company
from app.operations.consent import another_address, opt_out, opted_out, push_devices
from app.operations.contact import email_address, mobile_e164
from app.operations.customer import find_customer
from app.operations.history import actor_names
from app.operations.inbound import visit_spoken_of
from app.operations.letter import ANSWER_LASTS, add_letter
from app.operations.notice import News, Telling, add_notice
from app.operations.unread import UNSENT, Unread, conversation_of, stop_calling, unread
from app.operations.wording import company_facts
from app.rules.letter import answer_message
from app.rules.reach import PRINTED
from app.rules.replies import gist, understand

#: What a dispatcher writes at once; an SMS that is longer goes out as its beginning and the customer's page.
LONGEST_ANSWER = 500
#: A conversation shows what was said about visits of so long ago, and no more turns than this.
SHOWN_FOR = timedelta(days=120)
MOST_TURNS = 200
#: What a customer does on the own page.
_PRESSES = ("call_me", "cannot_be_there", "acknowledged", "wishes")
#: Where a sender's address stands with a customer, and the ways that lead to it.
_KEPT_AS = {"sms": ("mobile", ("sms", "voice")), "line": ("line_id", ("line",)), "email": ("email", ("email",))}


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a conversation: `what` is message, notice, letter or event, and `entry` its row."""

    at: datetime
    what: str
    entry: Inbound | Notice | Letter | VisitEvent


@dataclass(frozen=True, slots=True)
class Conversation:
    """One conversation, oldest turn first; `visit` is what it is about now, `channels` how an answer would go."""

    key: str
    customer: Customer | None
    sender: str
    channel: str
    turns: Sequence[Turn]
    clock: Unread | None
    visit: Visit | None
    channels: Sequence[str]
    shut: frozenset[str]
    #: The last message that is shown; None while there is none.
    seen: int | None
    #: Whether an answer did not go out, and nobody has dealt with that yet.
    #: Why a person is to tell the sender in another way: failed, unknown, not_confirmed; None: nothing is amiss.
    unsent: str | None
    #: Who user:3 is.
    names: Mapping[str, str]


def read_conversation(session: Session, key: str, zone: tzinfo, now: datetime, telling: Telling) -> Conversation:
    """Return a conversation by its key: c42 is customer 42's, m17 that of the unknown sender of message 17.

    Raises NotFound.
    """
    customer, messages = _messages(session, key)
    turns = [Turn(message.received_at, "message", message) for message in messages]
    visit = None
    if customer is not None:
        visit_id = visit_spoken_of(session, customer.id, now)
        visit = session.get(Visit, visit_id) if visit_id else None
        turns += _told(session, customer.id, now)
    last = messages[-1] if messages else None
    turns += [
        Turn(letter.sent_at or letter.created_at, "letter", letter) for letter in _letters(session, customer, last)
    ]
    turns.sort(key=lambda turn: turn.at)
    shut = opted_out(session, customer.id) if customer else frozenset[str]()
    actors = {message.handled_by or "" for message in messages} | {_author(turn.entry) for turn in turns}
    ways = _ways(session, customer, shut, telling, last.channel if last else None) if customer else ()
    if visit is None:
        ways = [channel for channel, _ in [_one_way(customer, messages, shut, telling)] if channel]
    return Conversation(
        key=key,
        customer=customer,
        sender=last.sender if last else "",
        channel=last.channel if last else "",
        turns=turns[-MOST_TURNS:],
        clock=unread(session, zone).get(conversation_of(last)) if last else None,
        visit=visit,
        channels=ways,
        unsent=_why_unsent(session, conversation_of(last)) if last else None,
        shut=shut,
        seen=last.id if last else None,
        names=actor_names(session, actors),
    )


def handle(session: Session, key: str, actor: str, now: datetime, *, seen: int | None = None) -> None:
    """Mark everything in a conversation as read and dealt with; twice is no harm. Raises NotFound.

    `seen` is the number of the last message that the page showed: one that came while it was read stays unread.
    """
    _, messages = _messages(session, key)
    for message in messages:
        if message.handled_at is None and (seen is None or message.id <= seen):
            message.handled_at, message.handled_by = now, actor
    for name in {conversation_of(message) for message in messages}:
        stop_calling(session, name, now, actor)
    session.flush()


def answer(
    session: Session,
    key: str,
    words: str,
    actor: str,
    telling: Telling,
    now: datetime,
    *,
    once: str = "",
    seen: int | None = None,
) -> Notice | Letter:
    """Send a dispatcher's own words to the customer by the outbox, and mark the conversation as dealt with.

    They go first by the way on which the customer wrote last; where there is no visit that they can be about, or nobody
    knows who wrote, by that way alone. The form's key `once` keeps one that is sent twice from leaving twice; `seen` is
    the last message that was read. Raises NotFound, Invalid naming `words` (nothing, too long, a blank left open),
    Conflict where there is no way to send them.
    """
    customer, messages = _messages(session, key)
    said = words.replace("\r\n", "\n").strip()
    if not said:
        raise Invalid.one("words", "missing")
    if len(said) > LONGEST_ANSWER:
        raise Invalid.one("words", "too_long", most=LONGEST_ANSWER)
    visit_id = visit_spoken_of(session, customer.id, now) if customer else None
    if visit_id is None:
        letter = _write(session, customer, messages, said, actor, telling, now, once[:64] or now.isoformat())
        handle(session, key, actor, now, seen=seen)
        return letter
    visit = session.get_one(Visit, visit_id)
    facts = {"by": actor, "inbound": messages[-1].id if messages else None}
    sent_key = f"reply:{visit.id}:{once[:64]}" if once else None
    sent = session.scalar(select(Notice).where(Notice.dedupe_key == sent_key)) if sent_key else None
    if sent is not None:
        return sent
    news = News("reply", "answered", facts=facts, words={"words": said}, key=sent_key)
    notice = add_notice(session, visit, news, telling, now)
    if notice.state == "held":
        raise Invalid.one("words", "unfilled" if notice.state_reason == "hole:words" else "cannot_be_sent")
    if notice.state == "failed":
        raise Conflict("answer_unreachable")
    wrote_by = messages[-1].channel if messages else None
    notice.channels = sorted(notice.channels, key=lambda name: name != wrote_by)
    notice.turn_to(0)
    handle(session, key, actor, now, seen=seen)
    return notice


def assign(session: Session, key: str, customer_id: int, actor: str, now: datetime, *, keep_address: bool) -> str:
    """Say whose an unknown sender's messages are, and return the key of that conversation.

    With `keep_address` the address is written to the customer where there is none of its kind yet, and it is one that
    can be written to: a sender's name is none. Who had asked for no more messages is spared them from now on. Raises
    NotFound, Conflict when somebody has assigned it already.
    """
    known, messages = _messages(session, key)
    if known is not None:
        raise Conflict("already_assigned")
    customer = find_customer(session, customer_id)
    last = messages[-1]
    names = {conversation_of(message) for message in messages}
    for name in names:
        stop_calling(session, name, now, actor)
    visit_id = visit_spoken_of(session, customer.id, now)
    for message in messages:
        message.customer_id, message.visit_id = customer.id, visit_id
        if understand(gist(message.words or "")) == "stop":
            opt_out(session, customer.id, message.channel, "stop", now, actor=actor)
    for letter in session.scalars(select(Letter).where(Letter.about.in_(names))):
        letter.customer_id = customer.id
    column, opens = _KEPT_AS[last.channel]
    if keep_address and not getattr(customer, column) and _can_be_written_to(last):
        setattr(customer, column, last.sender)
        another_address(session, customer.id, opens, actor, now)
    session.flush()
    return f"c{customer.id}"


def _can_be_written_to(message: Inbound) -> bool:
    try:
        match message.channel:
            case "sms":
                return mobile_e164(message.sender, "", "sender") == message.sender
            case "email":
                return email_address(message.sender, "sender") == message.sender
    except Invalid:
        return False
    return True


def _write(
    session: Session,
    customer: Customer | None,
    messages: Sequence[Inbound],
    said: str,
    actor: str,
    telling: Telling,
    now: datetime,
    once: str,
) -> Letter:
    """Write down an answer that is about no visit. Raises Invalid naming `words`, Conflict where no way is open."""
    if set(said) & set("{}"):
        raise Invalid.one("words", "unfilled")
    shut = opted_out(session, customer.id) if customer else frozenset[str]()
    channel, address = _one_way(customer, messages, shut, telling)
    company = find_company(session)
    if channel is None or company is None:
        raise Conflict("answer_unreachable")
    # Nobody knows an unknown sender's language but by the letters of what was written.
    language = customer.language if customer else "en" if (messages[-1].words or "").isascii() else "ja"
    facts = company_facts(company, language)
    message = answer_message(
        said,
        brand=company.name,
        brand_short=company.short_name,
        addressee=addressee(customer.name, language, corporate=customer.kind == "corporate") if customer else "",
        closing=t("letter.closing_hours" if facts["phone_hours"] else "letter.closing", language, **facts),
        subject=t("letter.subject", language, **facts),
    )
    about = f"customer:{customer.id}" if customer else conversation_of(messages[-1])
    return add_letter(
        session,
        message,
        about=about,
        key=f"answer:{about}:{once}",
        channel=channel,
        address=address,
        language=language,
        words=said,
        actor=actor,
        now=now,
        lasts=ANSWER_LASTS,
        customer_id=customer.id if customer else None,
    )


def _one_way(
    customer: Customer | None, messages: Sequence[Inbound], shut: frozenset[str], telling: Telling
) -> tuple[str | None, str]:
    """Return by which channel and to which address an answer goes that is about no visit; None where none is open.

    That on which the sender wrote last comes first. An unknown sender who wanted no more messages is written to no
    more.
    """
    last = messages[-1] if messages else None
    if customer is None:
        stopped = any(understand(gist(message.words or "")) == "stop" for message in messages)
        reaches = last is not None and not stopped and _can_be_written_to(last)
        found = [(last.channel, last.sender)] if last is not None and reaches else []
    else:
        known = {"sms": customer.mobile, "line": customer.line_id, "email": customer.email}
        wrote = (last.channel, last.sender) if last is not None and last.channel in known and last.sender else None
        found = [wrote] if wrote and wrote[0] not in shut else []
        found += [(name, known[name] or "") for name in ("line", "sms", "email") if known[name] and name not in shut]
    if PRINTED in telling.channels and (found or customer):
        return PRINTED, ""
    return next(((name, address) for name, address in found if name in telling.channels), (None, ""))


def _letters(session: Session, customer: Customer | None, last: Inbound | None) -> Sequence[Letter]:
    """Return what was written in a conversation that is about no visit."""
    found = select(Letter)
    if customer is not None:
        found = found.where(Letter.customer_id == customer.id)
    elif last is not None:
        found = found.where(Letter.about == conversation_of(last))
    else:
        return ()
    return session.scalars(found.order_by(Letter.id.desc()).limit(MOST_TURNS)).all()


def _why_unsent(session: Session, conversation: str) -> str | None:
    standing = select(Alarm).where(Alarm.subject == conversation, Alarm.kind == UNSENT, Alarm.cleared_at.is_(None))
    alarm = session.scalar(standing)
    return None if alarm is None else str(alarm.facts["reason"])


def _messages(session: Session, key: str) -> tuple[Customer | None, Sequence[Inbound]]:
    """Return whose conversation a key names, and its messages, oldest first. Raises NotFound."""
    number = key[1:]
    if key[:1] not in ("c", "m") or not (number.isascii() and number.isdigit() and len(number) < 10):
        raise NotFound("conversation")
    if key.startswith("m"):
        one = session.get(Inbound, int(number))
        if one is None:
            raise NotFound("conversation")
        if one.customer_id is None:
            return None, session.scalars(
                select(Inbound)
                .where(Inbound.customer_id.is_(None), Inbound.channel == one.channel, Inbound.sender == one.sender)
                .order_by(Inbound.id)
            ).all()
        number = str(one.customer_id)  # assigned meanwhile
    customer = session.get(Customer, int(number))
    if customer is None:
        raise NotFound("conversation")
    newest = select(Inbound).where(Inbound.customer_id == customer.id).order_by(Inbound.id.desc()).limit(MOST_TURNS)
    return customer, session.scalars(newest).all()[::-1]


def _told(session: Session, customer_id: int, now: datetime) -> list[Turn]:
    """Return what the customer was told, and did on the own page."""
    mine = and_(Visit.customer_id == customer_id, Visit.planned_until_at > now - SHOWN_FOR)
    notices = session.scalars(
        select(Notice)
        .join(Visit, Visit.id == Notice.visit_id)
        .where(mine)
        .options(selectinload(Notice.attempts), selectinload(Notice.receipts), joinedload(Notice.visit))
        .order_by(Notice.id.desc())
        .limit(MOST_TURNS)
    )
    heard = select(Inbound.received_at).where(Inbound.customer_id == customer_id)
    events = session.scalars(
        select(VisitEvent)
        .join(Visit, Visit.id == VisitEvent.visit_id)
        .where(mine, VisitEvent.kind.in_(_PRESSES), VisitEvent.actor == "customer", VisitEvent.at.not_in(heard))
        .order_by(VisitEvent.id.desc())
        .limit(MOST_TURNS)
    )
    return [
        *(Turn(notice.sent_at or notice.created_at, "notice", notice) for notice in notices),
        *(Turn(event.at, "event", event) for event in events),
    ]


def _ways(
    session: Session, customer: Customer, shut: frozenset[str], telling: Telling, wrote_by: str | None
) -> Sequence[str]:
    """Return by which ways an answer would be tried, in turn."""
    leads = {
        "sms": customer.mobile,
        "email": customer.email,
        "line": customer.line_id,
        "push": push_devices(session, customer.id),
        "console": customer.id,
    }
    found = [name for name in telling.channels if leads.get(name) and name not in shut]
    return sorted(found, key=lambda name: name != wrote_by)


def _author(entry: Inbound | Notice | Letter | VisitEvent) -> str:
    if isinstance(entry, Letter):
        return entry.actor
    return str(entry.reason_facts.get("by") or "") if isinstance(entry, Notice) else ""
