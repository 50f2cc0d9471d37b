"""Show a customer exactly what her link entitles her to, and take in what she answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from app.errors import Conflict, Invalid, NotFound, Problem
from app.models import Alarm, Company, Customer, Inbound, Notice, Visit, VisitEvent
from app.operations.alarm import raise_alarm
from app.operations.booking import add_event, visit_for_change
from app.operations.checks import tell_choice
from app.operations.company import find_company
from app.operations.confirmation import confirm_told
from app.operations.consent import opted_out, push_devices
from app.operations.turn import look_again
from app.rules.board import stale
from app.rules.customer_view import Answer, Said, answer, answered_by, delay_reason, link_ended, outlook
from app.rules.messages import ARRIVALS, HANDED_OVER
from app.rules.reach import CHANNELS
from app.rules.visit import AWAITED

PRESSES = ("call_me", "cannot_be_there", "acknowledged")
#: What says when somebody comes, or that nobody can.
_OF_ARRIVAL = (*ARRIVALS, "must_reschedule")
#: What calls a person; each stands once on the attention list until that person has dealt with it.
CALLS = ("call_me", "cannot_be_there")
LONGEST_TEXT = 300
#: So many of her messages the page shows again.
MOST_WROTE = 5
#: An open visit may run over its plan by this; the firm is at work for it until then.
STILL_AT_WORK = timedelta(hours=3)


@dataclass(frozen=True, slots=True)
class ToldNotice:
    """One notice that really left: its kind, the window it told, when it was sent and when receipt was confirmed.

    `text` is what a dispatcher wrote in it.
    """

    kind: str
    from_at: datetime | None
    until_at: datetime | None
    sent_at: datetime
    delivered_at: datetime | None
    text: str


@dataclass(frozen=True, slots=True)
class Wrote:
    """One message of the customer's own about the visit, and whether somebody has dealt with it."""

    at: datetime
    text: str
    read: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """What the customer has asked for and nobody has dealt with yet: since when, and by when it is answered."""

    at: datetime
    answered_by_at: datetime


@dataclass(frozen=True, slots=True)
class CustomerView:
    """Everything a customer's page may show, and nothing else: no name, address, number or note of hers."""

    language: str
    first_line: Answer
    #: later or earlier, when what is forecast contradicts what was told
    outlook: str | None
    #: traffic, previous_visit, technician_said or way; None when nothing is late
    reason: str | None
    #: By when she was told that she hears from us again, while nothing is known.
    next_word_at: datetime | None
    on_the_way: bool
    #: When the newest evidence was measured; None where nothing has been heard yet.
    as_of_at: datetime | None
    stale: bool
    promised_from_at: datetime
    promised_until_at: datetime
    #: The promise before the office moved it.
    moved_from_at: datetime | None
    moved_until_at: datetime | None
    arrived_at: datetime | None
    completed_at: datetime | None
    told: tuple[ToldNotice, ...]
    #: What she wrote on this page, newest first; what came by other ways she has on her phone.
    wrote: tuple[Wrote, ...]
    asked: dict[str, Asked]
    acknowledged: bool
    awaited: bool
    service_ja: str
    service_en: str
    technician_name: str | None
    company_name: str
    company_phone: str
    company_phone_hours: str
    #: What she wishes to be told, and by which channel first; and the channels by which she can be reached.
    notices: str
    first_channel: str | None
    reached_by: tuple[str, ...]


def customer_view(session: Session, token: str, now: datetime) -> CustomerView:
    """Return what the holder of a link may see. Raises NotFound for an unknown or ended link."""
    visit = visit_of_link(session, token, now)
    company = _company(session)
    notices = _notices(session, visit)
    current = [n for n in notices if n.promised_from_at == visit.promised_from_at]
    arrivals = [n for n in current if n.kind in _OF_ARRIVAL]
    line = _first_line(visit, arrivals, now)
    awaited = visit.status in AWAITED
    on_the_way = visit.status == "en_route"
    as_of_at = visit.forecast_as_of_at if awaited and (on_the_way or line.code != "planned") else None
    old = stale(as_of_at, now) if as_of_at else on_the_way
    before = _promise_before(session, visit)
    late = next((n for n in reversed(current) if n.kind in ("late", "late_update")), None)
    return CustomerView(
        language=visit.customer.language,
        first_line=line,
        outlook=None
        if old or not awaited
        else outlook(line, visit.forecast_from_at, visit.forecast_until_at, visit.late_probability),
        reason=_reason(late) if late is not None and line.code == "late" else None,
        next_word_at=_next_word(arrivals[-1]) if arrivals and line.code in ("holding", "overdue") else None,
        on_the_way=on_the_way,
        as_of_at=as_of_at,
        stale=old,
        promised_from_at=visit.promised_from_at,
        promised_until_at=visit.promised_until_at,
        moved_from_at=before[0] if before else None,
        moved_until_at=before[1] if before else None,
        arrived_at=visit.arrived_at,
        completed_at=visit.completed_at,
        told=tuple(
            ToldNotice(
                n.kind, n.quoted_from_at, n.quoted_until_at, n.sent_at or n.created_at, n.delivered_at, n.own_words
            )
            for n in reversed(notices)
            if n.reach in HANDED_OVER
        ),
        wrote=_wrote(session, visit),
        asked=_asked(session, visit),
        acknowledged=_acknowledged(session, visit, current),
        awaited=awaited,
        service_ja=visit.service.name_ja,
        service_en=visit.service.name_en,
        technician_name=visit.technician.name if visit.technician else None,
        company_name=company.name,
        company_phone=company.phone,
        company_phone_hours=company.phone_hours,
        notices=visit.customer.notices,
        first_channel=visit.customer.first_channel,
        reached_by=_reached_by(session, visit.customer),
    )


def press(session: Session, token: str, kind: str, *, now: datetime, zone: tzinfo, text: str = "") -> None:
    """Take in one press of a customer: call_me, cannot_be_there or acknowledged; a second one adds nothing.

    The first two put a line with a deadline on the dispatcher's list. Raises NotFound for an unknown or ended link,
    Conflict when she no longer waits for the technician, Invalid naming the field.
    """
    if kind not in PRESSES:
        raise Invalid.one("kind", "choice", choices=", ".join(PRESSES))
    words = "".join(c for c in text.strip() if c.isprintable() or c == "\n")
    if len(words) > LONGEST_TEXT:
        raise Invalid.one("text", "too_long", most=LONGEST_TEXT)
    press_for(session, visit_of_link(session, token, now).id, kind, now=now, zone=zone, words=words)


def press_for(session: Session, visit_id: int, kind: str, *, now: datetime, zone: tzinfo, words: str = "") -> None:
    """Take in what a customer asked for or understood about a visit, on its page or in a message.

    Raises Conflict when she no longer waits for the technician.
    """
    visit = visit_for_change(session, visit_id)
    if kind != "call_me" and visit.status not in AWAITED:
        raise Conflict("not_awaited", status=visit.status)
    confirm_told(session, visit.id, "replied", now)
    if kind == "acknowledged":
        _acknowledge(session, visit, now)
        return
    subject = f"visit:{visit.id}"
    standing = session.scalar(
        select(Alarm).where(Alarm.kind == kind, Alarm.subject == subject, Alarm.cleared_at.is_(None))
    )
    if standing is not None:
        if words and words != standing.facts.get("text"):
            add_event(session, visit, kind, "customer", now, facts={"text": words})
            standing.facts = {**standing.facts, "text": words}
        return
    notices = _notices(session, visit)
    said = [n for n in notices if n.promised_from_at == visit.promised_from_at and n.kind in _OF_ARRIVAL]
    line = _first_line(visit, said, now)
    ends_at = visit.planned_until_at + (STILL_AT_WORK if visit.is_open else timedelta())
    by_at = answered_by(now, line.from_at, ends_at, _company(session).phone_hours, zone)
    add_event(session, visit, kind, "customer", now, facts={"text": words} if words else {})
    facts = {"deadline_at": by_at.isoformat(), **({"text": words} if words else {})}
    raise_alarm(session, kind, subject, now, visit_id=visit.id, technician_id=visit.technician_id, facts=facts)


def note_opened(session: Session, token: str, now: datetime) -> None:
    """Take in that the page was really looked at: she knows what was told. Raises NotFound.

    A person's browser reports it; what fetches a link to scan it runs no script.
    """
    confirm_told(session, visit_of_link(session, token, now).id, "opened", now)


def choose_notices(session: Session, token: str, *, notices: str, first_channel: str, now: datetime) -> None:
    """Take in what a customer wishes to be told, by which channel first ("": as usual); the same again adds nothing.

    Raises NotFound for an unknown or ended link, Invalid naming the field. Nobody asks for silence here: who wants no
    notices at all says so to the office.
    """
    visit = visit_for_change(session, visit_of_link(session, token, now).id)
    customer, problems = visit.customer, list[Problem]()
    tell_choice(problems, "notices", notices, dict.fromkeys(("all", "delays", customer.notices)))
    tell_choice(
        problems, "first_channel", first_channel, ("", *_reached_by(session, customer), customer.first_channel or "")
    )
    if problems:
        raise Invalid(problems)
    if (customer.notices, customer.first_channel or "") == (notices, first_channel):
        return
    customer.notices, customer.first_channel = notices, first_channel or None
    add_event(session, visit, "wishes", "customer", now, facts={"notices": notices, "first_channel": first_channel})
    look_again(session, visit.technician_id, now)


def _reached_by(session: Session, customer: Customer) -> tuple[str, ...]:
    """Return the ways that a customer can choose from: those with an address that are not closed."""
    reach = {
        "line": customer.line_id,
        "sms": customer.mobile,
        "push": push_devices(session, customer.id),
        "voice": customer.mobile or customer.phone,
        "email": customer.email,
    }
    shut = opted_out(session, customer.id)
    return tuple(name for name in CHANNELS if reach[name] and name not in shut)


def visit_of_link(session: Session, token: str, now: datetime) -> Visit:
    """Return the visit behind a link. Raises NotFound for an unknown or ended one."""
    visit = session.scalar(
        select(Visit)
        .where(Visit.link_token == token)
        .options(joinedload(Visit.customer), joinedload(Visit.technician), joinedload(Visit.service))
    )
    # The second technician's time is nobody's visit: its link was given to nobody.
    if visit is None or visit.beside_id is not None or link_ended(visit.planned_until_at, visit.completed_at, now):
        raise NotFound("link")
    return visit


def told_window(session: Session, visit: Visit) -> tuple[datetime, datetime] | None:
    """Return the arrival window that the customer was told last under the present promise, if she was told any."""
    quotes = [
        (n.quoted_from_at, n.quoted_until_at)
        for n in _notices(session, visit)
        if n.promised_from_at == visit.promised_from_at and n.kind in ARRIVALS and n.reach in HANDED_OVER
    ]
    told = [(from_at, until_at) for from_at, until_at in quotes if from_at and until_at]
    return told[-1] if told else None


def _company(session: Session) -> Company:
    company = find_company(session)
    if company is None:
        raise NotFound("link")
    return company


def _notices(session: Session, visit: Visit) -> Sequence[Notice]:
    return session.scalars(
        select(Notice).where(Notice.visit_id == visit.id, Notice.state != "dropped").order_by(Notice.id)
    ).all()


def _first_line(visit: Visit, notices: Sequence[Notice], now: datetime) -> Answer:
    said = [Said(n.kind, n.quoted_from_at, n.quoted_until_at) for n in notices]
    return answer(visit.status, visit.promised_from_at, visit.promised_until_at, said, now)


def _reason(notice: Notice) -> str:
    facts = notice.reason_facts
    return delay_reason(str(facts.get("basis", "")), str(facts.get("state", "")))


def _next_word(notice: Notice) -> datetime | None:
    by = notice.reason_facts.get("next_at")
    return datetime.fromisoformat(by) if by else None


def _promise_before(session: Session, visit: Visit) -> tuple[datetime, datetime] | None:
    """Return the promise that the office replaced last, if it did."""
    for facts in session.scalars(
        select(VisitEvent.facts)
        .where(VisitEvent.visit_id == visit.id, VisitEvent.kind == "changed")
        .order_by(VisitEvent.id.desc())
        .limit(20)
    ):
        before = facts["before"]
        window = datetime.fromisoformat(before["promised_from"]), datetime.fromisoformat(before["promised_until"])
        if window != (visit.promised_from_at, visit.promised_until_at):
            return window
    return None


def _wrote(session: Session, visit: Visit) -> tuple[Wrote, ...]:
    rows = session.scalars(
        select(Inbound)
        .where(Inbound.visit_id == visit.id, Inbound.channel == "page", Inbound.words.is_not(None))
        .order_by(Inbound.id.desc())
        .limit(MOST_WROTE)
    )
    return tuple(Wrote(m.received_at, m.words or "", m.handled_at is not None) for m in rows)


def _asked(session: Session, visit: Visit) -> dict[str, Asked]:
    rows = session.scalars(
        select(Alarm).where(Alarm.subject == f"visit:{visit.id}", Alarm.kind.in_(CALLS), Alarm.cleared_at.is_(None))
    )
    return {a.kind: Asked(a.raised_at, datetime.fromisoformat(a.facts["deadline_at"])) for a in rows}


def _acknowledge(session: Session, visit: Visit, now: datetime) -> None:
    current = [n for n in _notices(session, visit) if n.promised_from_at == visit.promised_from_at]
    if current and not _acknowledged(session, visit, current):
        add_event(session, visit, "acknowledged", "customer", now, facts={"notice": current[-1].id})


def _acknowledged(session: Session, visit: Visit, notices: Sequence[Notice]) -> bool:
    """Return whether the customer has said OK to the newest notice."""
    last = session.scalar(
        select(VisitEvent.facts)
        .where(VisitEvent.visit_id == visit.id, VisitEvent.kind == "acknowledged")
        .order_by(VisitEvent.id.desc())
        .limit(1)
    )
    return bool(notices) and last is not None and last.get("notice") == notices[-1].id
