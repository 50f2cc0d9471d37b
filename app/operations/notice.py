"""Write down what a customer shall be told, in the transaction that decided it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any, cast

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from app.errors import Conflict, NotFound
from app.models import Alarm, Notice, OtherPhone, Quote, Visit
from app.notices import Hole, render
from app.operations.alarm import clear_alarms, raise_alarm
from app.operations.announce import announce_notice
from app.operations.booking import add_event
from app.operations.company import find_company
from app.operations.consent import push_devices, why_closed
from app.operations.invoice import account_of
from app.operations.policy import current_policy
from app.operations.quote import quote_state
from app.operations.wording import company_facts, current_wordings
from app.prepared import Prepared
from app.providers.base import Channel, PushDevice, Recipient
from app.rules.ladder import CALL_TAKES, call_at, calls
from app.rules.lateness import Decision
from app.rules.messages import (
    ARRIVALS,
    CHANGES,
    QUOTES,
    REMINDERS,
    UNSETTLING,
    Message,
    Said,
    expires_at,
    next_word_at,
    no_longer_true,
)
from app.rules.quiet import HUSHED, unwanted, waits_until
from app.rules.reach import PRINTED, is_optional, may_ring, plan_channels

#: Reasons for a holding notice that know nothing of the arrival: an earlier window is not said to stand.
_KNOWS_NOTHING = frozenset({"silent", "nothing_known", "late_unclear"})
#: States in which the customer has the notice, or may have it.
GONE_OUT = ("sending", "sent", "delivered", "unknown")
#: States in which only a person can still do something.
FOR_A_PERSON = ("held", "failed", "unknown")
#: Why a notice that is due is not handed over yet.
QUIET_HOURS = "quiet_hours"
#: No notice has a greater number.
NEWEST = 2**31 - 1
_NOTICE = Notice.__table__.c
#: Every notice asks these two.
_COUNTED = Prepared(
    select(func.count()).where(_NOTICE.visit_id == bindparam("visit"), _NOTICE.kind == bindparam("kind"))
)
_GIVEN = (
    select(Notice.quoted_from_at, Notice.quoted_until_at)
    .where(
        Notice.visit_id == bindparam("visit"),
        Notice.reach.in_(GONE_OUT),
        Notice.promised_from_at == bindparam("from"),
        Notice.promised_until_at == bindparam("until"),
        Notice.id < bindparam("before"),
    )
    .order_by(Notice.id.desc())
)
_ALARM_OF = {"held": "notice_held", "failed": "call_customer", "unknown": "call_customer"}


@dataclass(frozen=True, slots=True)
class Telling:
    """What is needed to word a notice and to choose its channels."""

    base_url: str
    zone: tzinfo
    channels: Mapping[str, Channel]


#: A word that a text needs beside what is known of the visit: as it is written, a flag, an instant, a window, a list.
Word = str | bool | int | datetime | tuple[datetime, datetime] | list[str]


@dataclass(frozen=True, slots=True)
class News:
    """What a customer shall be told.

    `kind` is one of rules.messages.KINDS; `code` says why (a text `reason.<code>`), with figures in `facts`; `quoted`
    is an arrival window it tells; `words` are what its text names beside what is known of the visit: they are kept with
    the notice, so that it can be worded anew. News with a `key` is written once, however often it is decided.
    """

    kind: str
    code: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    quoted: tuple[datetime, datetime] | None = None
    words: Mapping[str, Word] = field(default_factory=dict)
    key: str | None = None


def add_notice(session: Session, visit: Visit, news: Decision | News, telling: Telling, now: datetime) -> Notice:
    """Add the notice that a decision asks for, or a person's deed, or a reminder that has come due.

    A hole in the facts keeps the notice for a person and raises an alarm; so does a customer whom no channel reaches.
    It is not sent when the customer's wish, the visit's state or newer news forbid it at the moment it would leave.
    Returns the one that is there already when the news has a key that was told under.
    """
    if isinstance(news, Decision):
        news = _decided(news)
    if news.key is not None:
        there = session.scalar(select(Notice).where(Notice.dedupe_key == news.key))
        if there is not None:
            return there
    session.flush()  # what was dropped or said just now counts below
    notice = _written(session, visit, news, now)
    before = _last_window(session, visit)
    session.add(notice)
    with session.no_autoflush:  # it is written once, with its words
        _word(session, notice, visit, before, telling, now)
    session.flush()
    return notice


def note_told(session: Session, visit: Visit, news: News, *, told: bool, why: str, now: datetime) -> Notice:
    """Keep that a customer was told of something by a person, or shall not be told, with the person's own reason."""
    notice = _written(session, visit, news, now)
    notice.state, notice.state_reason = ("delivered", "told_by_hand") if told else ("dropped", "not_told_by_hand")
    notice.delivered_at, notice.confirmed_by = (now, "by_hand") if told else (None, None)
    notice.reason_facts = {**notice.reason_facts, **({"why": why} if why else {})}
    session.add(notice)
    session.flush()
    return notice


def word_of(notice: Notice, name: str) -> Any:
    """Return a word that a notice was written with (an instant or a window in UTC), or None."""
    return _said(notice.reason_facts.get("words", {}), UTC).get(name)


def _written(session: Session, visit: Visit, news: News, now: datetime) -> Notice:
    quoted_from_at, quoted_until_at = news.quoted or (None, None)
    words = {"words": {name: _kept(word) for name, word in news.words.items()}} if news.words else {}
    return Notice(
        visit_id=visit.id,
        kind=news.kind,
        language=visit.customer.language,
        dedupe_key=news.key or _next_key(session, visit, news.kind),
        created_at=now,
        quoted_from_at=quoted_from_at,
        quoted_until_at=quoted_until_at,
        reason_code=news.code,
        reason_facts={**news.facts, **words},
        promised_from_at=visit.promised_from_at,
        promised_until_at=visit.promised_until_at,
        technician_id=visit.technician_id,
        channels=[],
        expires_at=now,
    )


def release_notice(session: Session, notice_id: int, now: datetime, actor: str, telling: Telling) -> Notice:
    """Word a held or failed notice anew, now that its cause is mended, and have it sent.

    Raises NotFound, Conflict when it is in no such state, when something is still missing, when it is old news, or
    when the customer does not want to be told it.
    """
    notice, visit = _for_person(session, notice_id, ("held", "failed"))
    if notice.quoted_until_at is not None and now > notice.quoted_until_at:
        raise Conflict("notice_outdated", reason="window_over")
    _word(session, notice, visit, _last_window(session, visit, notice.id), telling, now)
    if notice.state != "due":
        raise Conflict("notice_still_held", field=(notice.state_reason or "").removeprefix("hole:"))
    old_news = why_outdated(session, notice, visit, now)
    if old_news:
        raise Conflict("notice_unwanted" if old_news in HUSHED else "notice_outdated", reason=old_news)
    notice.let_go_at = now  # a person lets it go: past the brake, and whatever else the customer was told
    add_event(session, visit, "notice_released", actor, now, facts={"notice": notice.id})
    clear_answered(session, visit.id, now, actor)
    return notice


def settle_by_hand(session: Session, notice_id: int, told: bool, now: datetime, actor: str) -> Notice:
    """Record a person's word on a notice that waits for one: the customer knows it now, or will not be told it.

    Raises NotFound, Conflict when the notice does not wait for a person.
    """
    notice, visit = _for_person(session, notice_id, FOR_A_PERSON)
    notice.rest(*(("delivered", "told_by_hand") if told else ("dropped", "not_told_by_hand")))
    notice.delivered_at, notice.confirmed_by = (now, "by_hand") if told else (None, None)
    add_event(session, visit, "notice_settled", actor, now, facts={"notice": notice.id, "told": told})
    clear_answered(session, visit.id, now, actor)
    return notice


def call_person(session: Session, notice: Notice, state: str, reason: str, now: datetime) -> None:
    """Give a notice to a person: it is held, failed or unknown, and stands on the attention list if it is missed."""
    notice.rest(state, reason)
    session.flush()
    if state != "held":
        announce_notice(session, "notice.failed", notice, now)
    if state == "held" or calls(notice.kind):
        alarm(session, notice, _ALARM_OF[state], reason, now)


def alarm(session: Session, notice: Notice, kind: str, reason: str, now: datetime) -> None:
    """Put a notice on the attention list, with the moment by which a person must have dealt with it."""
    by_at = max(notice.call_at or notice.expires_at, now) + CALL_TAKES
    until = {"by" if kind == "notice_held" else "deadline_at": by_at.isoformat()}
    facts = {"notice": notice.id, "kind": notice.kind, "reason": reason, **until}
    raise_alarm(session, kind, f"visit:{notice.visit_id}", now, visit_id=notice.visit_id, facts=facts)


def clear_answered(session: Session, visit_id: int, now: datetime, actor: str) -> None:
    """Take the visit's notice alarms off the list, except for what another notice of it still waits for."""
    session.flush()
    subject = f"visit:{visit_id}"
    stands = Alarm.subject == subject, Alarm.kind.in_(sorted({*_ALARM_OF.values()})), Alarm.cleared_at.is_(None)
    if session.scalar(select(Alarm.id).where(*stands).limit(1)) is None:
        return  # as nearly always
    rows = session.execute(
        select(Notice.state, Notice.kind).where(Notice.visit_id == visit_id, Notice.state.in_(FOR_A_PERSON))
    )
    waiting = {_ALARM_OF[state] for state, kind in rows if state == "held" or calls(kind)}
    clear_alarms(session, subject, sorted({*_ALARM_OF.values()} - waiting), now, actor)


def why_outdated(session: Session, notice: Notice, visit: Visit, now: datetime) -> str | None:
    """Return why a notice must not leave any more, by what is known at this moment; None while it is true and welcome.

    A customer may have asked to be spared this kind of news after it was written.
    """
    unwelcome = unwanted(notice.kind, visit.customer.notices)
    if unwelcome:
        return unwelcome
    answered = _why_answered(session, notice, now)
    if answered:
        return answered
    if notice.kind == "invoice_issued" and account_of(session, notice.reason_facts["paper"]).state == "credited":
        return "superseded"  # it was given back before she was told of it
    others = session.execute(
        select(Notice.id, Notice.kind, Notice.state, Notice.reach, Notice.about_incident).where(
            Notice.visit_id == visit.id, Notice.id != notice.id
        )
    ).all()
    newer = [other for other in others if other.id > notice.id and other.state != "dropped"]
    said = Said(
        kind=notice.kind,
        promise=(notice.promised_from_at, notice.promised_until_at),
        technician_id=notice.technician_id,
        quoted_until_at=notice.quoted_until_at,
        expires_at=notice.expires_at,
    )
    if notice.state_reason == QUIET_HOURS and notice.kind in UNSETTLING:
        likelihood = visit.late_probability
        if likelihood is not None and likelihood < current_policy(session).last_share:
            return "not_late"
    return no_longer_true(
        said,
        status=visit.status,
        promise=(visit.promised_from_at, visit.promised_until_at),
        technician_id=visit.technician_id,
        # What is said of a storm does not make the word on a dead server old.
        newer_kinds={other.kind for other in newer if other.about_incident in (None, notice.about_incident)},
        told_before=any(
            other.id < notice.id and other.reach in GONE_OUT and other.kind in UNSETTLING for other in others
        ),
        now=now,
    )


def _why_answered(session: Session, notice: Notice, now: datetime) -> str | None:
    """Return why nobody need be asked any more about the price that a notice speaks of: answered, or superseded."""
    quote = session.get(Quote, notice.reason_facts["quote"]) if notice.kind in QUOTES else None
    state = quote_state(session, quote, now) if quote is not None else "open"
    if state == "open":
        return None
    return "answered" if state in ("accepted", "declined") else "superseded"


def wait_for_morning(session: Session, notice: Notice, visit: Visit, zone: tzinfo, now: datetime) -> bool:
    """Have a notice wait for the end of quiet hours, if it is not about a visit in them; return whether it waits.

    The sweep writes nothing that has to wait. What waits here was decided before the quiet hours and not taken by a
    channel in time, or a person released it.
    """
    before = word_of(notice, "prev_promised")
    known = visit.promised_from_at, notice.quoted_from_at, visit.forecast_median_at, before[0] if before else None
    until_at = waits_until(current_policy(session), zone, min(at for at in known if at), now, notice.kind)
    if until_at is None:
        return False
    notice.expires_at = expires_at(notice.kind, until_at, _says_until(notice))
    notice.rest("due", QUIET_HOURS)
    notice.call_at = _called_at(notice, until_at, visit.promised_from_at)
    notice.next_attempt_at, notice.watch_at = until_at, notice.call_at
    return True


def earlier_under_way(session: Session, notice: Notice, now: datetime) -> bool:
    """Return whether an earlier notice of the same visit is being handed over at this moment."""
    return bool(
        session.scalar(
            select(func.count())
            .select_from(Notice)
            .where(
                Notice.visit_id == notice.visit_id,
                Notice.id < notice.id,
                Notice.state == "sending",
                Notice.claim_token.is_not(None),
                Notice.claimed_until_at > now,
            )
        )
    )


def recipient_of(session: Session, notice: Notice, visit: Visit, zone: tzinfo, now: datetime) -> Recipient:
    """Return how a visit's customer may be reached with this notice now: closed ways are left out.

    The mobile telephone rings rather than the one at home, unless its number leads nowhere; no machine rings at night.
    When somebody comes is told to the number that she named for this visit, where she named one.
    """
    customer, shut = visit.customer, why_closed(session, visit.customer_id)
    mobile_rings = shut.get("sms") != "unknown_number"
    phone = _on_site(session, notice) or (customer.mobile if mobile_rings else None) or customer.phone
    times = (visit.promised_from_at, visit.promised_until_at, notice.quoted_from_at, notice.quoted_until_at)
    may_call = "voice" not in shut and may_ring(zone, now, [at for at in times if at])
    return Recipient(
        mobile=customer.mobile if "sms" not in shut else None,
        phone=phone if may_call else None,
        email=customer.email if "email" not in shut else None,
        line_id=customer.line_id if "line" not in shut else None,
        push=tuple(PushDevice(d.endpoint, d.p256dh, d.auth) for d in push_devices(session, customer.id))
        if "push" not in shut
        else (),
        language=customer.language,
        page_path=f"/v/{visit.link_token}",
        unsubscribe_path=f"/v/{visit.link_token}/no-mail" if is_optional(notice.kind) else None,
    )


def _on_site(session: Session, notice: Notice) -> str | None:
    """Return whom a call about the arrival is for: who waits there, if the customer has named another number."""
    named = session.get(OtherPhone, notice.visit_id) if notice.kind in ARRIVALS else None
    return named.number if named is not None else None


def message_of(notice: Notice) -> Message:
    """Return the words of a notice that has them: one that is due."""
    words = [notice.short, notice.line, notice.subject, notice.body, notice.spoken]
    written = [word for word in words if word is not None]
    assert len(written) == len(words)
    return Message(*written)


def _decided(decision: Decision) -> News:
    assert decision.kind is not None
    low, high = decision.quoted_from_at, decision.quoted_until_at
    return News(
        decision.kind, decision.reason.code, decision.reason.facts, (low, high) if low is not None and high else None
    )


def _next_key(session: Session, visit: Visit, kind: str) -> str:
    [(counted,)] = _COUNTED.rows(session.connection(), {"visit": visit.id, "kind": kind})
    return f"{visit.id}:{kind}:{counted + 1}"


def _called_at(notice: Notice, told_at: datetime, about_at: datetime) -> datetime | None:
    """Return when a person is called unless a notice is confirmed; what is only printed nobody can confirm."""
    return None if notice.channels == [PRINTED] else call_at(notice.kind, told_at, about_at)


def _says_until(notice: Notice) -> datetime | None:
    """Return when what a notice tells is over: its window, the word it promises, or the visit it speaks of."""
    word_at = notice.reason_facts.get("next_at")
    if word_at:
        return datetime.fromisoformat(word_at)
    if notice.quoted_until_at is not None:
        return notice.quoted_until_at
    if notice.kind in REMINDERS:
        return notice.promised_from_at
    if notice.kind == "move_asked":
        return cast(datetime, word_of(notice, "answer_by"))
    if notice.kind in QUOTES:
        return cast(datetime, word_of(notice, "quote_until"))
    return notice.promised_until_at if notice.kind in CHANGES else None


def _kept(word: Word) -> Any:
    """Return a word as it is kept; `_said` reads it."""
    if isinstance(word, tuple):
        return {"from": word[0].isoformat(), "until": word[1].isoformat()}
    return {"at": word.isoformat()} if isinstance(word, datetime) else word


def _said(words: Mapping[str, Any], zone: tzinfo) -> dict[str, Any]:
    """Return kept words as a text takes them, in local time."""
    said: dict[str, Any] = {}
    for name, word in words.items():
        if isinstance(word, dict):
            at = [datetime.fromisoformat(one).astimezone(zone) for one in word.values()]
            said[name] = at[0] if "at" in word else tuple(at)
        else:
            said[name] = tuple(word) if isinstance(word, list) else word
    return said


def _word(
    session: Session,
    notice: Notice,
    visit: Visit,
    before: tuple[datetime, datetime] | None,
    telling: Telling,
    now: datetime,
) -> None:
    """Fill a notice's texts, channels and times, or give it to a person."""
    recipient = recipient_of(session, notice, visit, telling.zone, now)
    reaching = {name for name, channel in telling.channels.items() if channel.reaches(recipient)}
    next_at = next_word_at(now) if notice.kind == "holding" else None
    first = visit.customer.first_channel
    notice.channels = plan_channels(list(telling.channels), reaching, first, kind=notice.kind)
    notice.turn_to(0)
    notice.call_at = _called_at(notice, now, before[0] if before else visit.promised_from_at)
    if next_at:
        notice.reason_facts = {**notice.reason_facts, "next_at": next_at.isoformat()}
    notice.expires_at = expires_at(notice.kind, now, _says_until(notice))
    try:
        message = _message(session, notice, visit, before, telling, next_at, now)
    except Hole as hole:
        call_person(session, notice, "held", f"hole:{hole.field}", now)
        return
    notice.short, notice.line, notice.spoken = message.short, message.line, message.spoken
    notice.subject, notice.body = message.subject, message.body
    if not notice.channels:
        call_person(session, notice, "failed", "unreachable", now)
        return
    notice.rest("due", None)
    notice.next_attempt_at, notice.watch_at, notice.attempts_made = now, notice.call_at, 0


def _message(
    session: Session,
    notice: Notice,
    visit: Visit,
    before: tuple[datetime, datetime] | None,
    telling: Telling,
    next_at: datetime | None,
    now: datetime,
) -> Message:
    company = find_company(session)
    if company is None:
        raise Hole("brand")
    zone = telling.zone
    eta = (notice.quoted_from_at, notice.quoted_until_at) if notice.quoted_from_at else None
    if notice.kind == "holding" and eta is None and notice.reason_code not in _KNOWS_NOTHING:
        eta = before if before and before[1] > now else None
    facts = {
        **company_facts(company, notice.language),
        **visit_facts(visit, notice.language, telling),
        "eta": _local(eta, zone) if eta else None,
        "prev_eta": _local(before, zone) if before else None,
        "next_at": next_at.astimezone(zone) if next_at else None,
        "overdue": now > visit.promised_until_at,
        **_said(notice.reason_facts.get("words", {}), zone),
    }
    return render(notice.kind, notice.language, facts, current_wordings(session), now=now)


def visit_facts(visit: Visit, language: str, telling: Telling) -> dict[str, object]:
    """Return what notices say of a visit, whatever they are about."""
    customer = visit.customer
    return {
        "customer": customer.name,
        "corporate": customer.kind == "corporate",
        "tech": visit.technician.name if visit.technician else None,
        "service": visit.service.name(language),
        "link": f"{telling.base_url}/v/{visit.link_token}",
        "promised": _local((visit.promised_from_at, visit.promised_until_at), telling.zone),
    }


def _last_window(session: Session, visit: Visit, before_id: int | None = None) -> tuple[datetime, datetime] | None:
    """Return the window that the customer was given last, about this promise; one that never left was not given."""
    about = {
        "visit": visit.id,
        "from": visit.promised_from_at,
        "until": visit.promised_until_at,
        "before": before_id or NEWEST,
    }
    return next(((low, high) for low, high in session.connection().execute(_GIVEN, about) if low and high), None)


def _local(window: tuple[datetime | None, datetime | None], zone: tzinfo) -> tuple[datetime | None, ...]:
    return tuple(at.astimezone(zone) if at else None for at in window)


def _for_person(session: Session, notice_id: int, states: tuple[str, ...]) -> tuple[Notice, Visit]:
    notice = session.get(Notice, notice_id, with_for_update={"of": Notice})
    if notice is None:
        raise NotFound("notice")
    if notice.state not in states:
        raise Conflict("notice_settled", state=notice.state)
    return notice, notice.visit
