"""Keep a price as it is offered, take in what the customer answers, and say whether anybody may set out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from sqlalchemy import bindparam, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, selectinload

from app.errors import Conflict, Invalid, NotFound, Problem
from app.i18n import LOCALES
from app.models import PriceBookVersion, Quote, QuoteAnswer, Visit
from app.operations.alarm import clear_alarms, raise_alarm
from app.operations.booking import LASTING_TOKEN, add_event, new_token, visit_for_change
from app.operations.checks import tell_text
from app.operations.company import find_company
from app.operations.price_book import book_data_at, keeps_prices, kept_book
from app.operations.pricing import job_of_visit, priced
from app.operations.quote_words import TEXT_VERSION, shown, sums
from app.prepared import Prepared
from app.rules.agreed import OPEN_STATES, minutes_now, state_of
from app.rules.drawn import read_drawn
from app.rules.pricing import Job, PartUsed, Price

LONGEST_NAME = 80
#: One that is made for a visit whose time is over, for work that is added on site, can be accepted for so long.
ON_SITE = timedelta(hours=1)
#: Whether anything binds who sets out: a quote, or prices that are in force. Every departure asks it.
_PRICED = Prepared(
    select(
        or_(
            select(Quote.__table__.c.id).where(Quote.__table__.c.visit_id == bindparam("visit")).exists(),
            select(PriceBookVersion.__table__.c.id).exists(),
        )
    )
)


@dataclass(frozen=True, slots=True)
class Frame:
    """What a quote keeps: the book as data, what is priced and for how much, whether it is signed, until when.

    `carries`: the work added on site before that is in it; `upon`: the accepted quote that it rests on.
    """

    data: Mapping[str, Any]
    job: Job
    price: Price
    sign: bool
    expires_at: datetime
    carries: tuple[int, ...] = ()
    upon: int | None = None


def keep_quote(
    session: Session,
    visit: Visit,
    frame: Frame,
    *,
    now: datetime,
    actor: str,
    more: Callable[[str], Mapping[str, Any]] | None = None,
) -> Quote:
    """Keep a price as it is shown to a customer; `more` says by language what a page about added work has beside it."""
    book, job, price = kept_book(frame.data), frame.job, frame.price
    company = find_company(session)
    extra = {locale: dict(more(locale)) if more else {} for locale in LOCALES}
    words = {
        locale: shown(book, price, job, visit, company, now, locale, on_site=more is not None) for locale in LOCALES
    }
    quote = Quote(
        visit_id=visit.id,
        token=new_token(LASTING_TOKEN),
        created_at=now,
        created_by=actor,
        expires_at=frame.expires_at,
        job={
            **_kept(job),
            "planned_min": visit.duration_min,
            "on_site": more is not None,
            "carries": list(frame.carries),
            "upon": frame.upon,
        },
        book=dict(frame.data),
        book_code=book.code,
        total=price.total,
        after_hours=price.after_hours,
        shown={
            **{locale: {**said, **extra[locale]} for locale, said in words.items()},
            "sums": sums(book, price),
        },
        text_version=_text_version(extra["ja"]) if more else TEXT_VERSION,
        sign=frame.sign,
    )
    session.add(quote)
    session.flush()
    add_event(session, visit, "quoted", actor, now, facts={"quote": quote.id, "total": price.total})
    return quote


def quotes_of(session: Session, visit_id: int) -> Sequence[Quote]:
    """Return a visit's quotes, the newest first."""
    return quotes_by_visit(session, [visit_id])[visit_id]


def quotes_by_visit(session: Session, visit_ids: Sequence[int]) -> Mapping[int, Sequence[Quote]]:
    """Return the quotes of some visits, the newest of each first; an empty list for those without."""
    wanted = select(Quote).where(Quote.visit_id.in_(visit_ids)).options(selectinload(Quote.answers))
    found: dict[int, list[Quote]] = {visit_id: [] for visit_id in visit_ids}
    for quote in session.scalars(wanted.order_by(Quote.id.desc())):
        found[quote.visit_id].append(quote)
    return found


def accepted_quote(session: Session, visit_id: int) -> Quote | None:
    """Return the newest quote of a visit that its customer has accepted."""
    return accepted_of(quotes_of(session, visit_id))


def accepted_of(quotes: Sequence[Quote]) -> Quote | None:
    """Return the first of some quotes that its customer has accepted."""
    return next((one for one in quotes if any(said.answer == "accepted" for said in one.answers)), None)


def accepted_answer(quote: Quote) -> QuoteAnswer | None:
    """Return the acceptance of a quote; None while there is none."""
    return next((one for one in quote.answers if one.answer == "accepted"), None)


def quote_on_page(session: Session, link_token: str, now: datetime) -> tuple[Quote, str] | None:
    """Return the quote that the page of a visit leads to, and what became of it."""
    wanted = select(Quote).join(Visit).where(Visit.link_token == link_token).order_by(Quote.id.desc()).limit(1)
    quote = session.scalar(wanted.options(selectinload(Quote.answers)))
    return (quote, shown_state(session, quote, now)) if quote is not None else None


def quoted_job(quote: Quote) -> Job:
    """Return what a quote has priced."""
    return _job(quote.job)


def job_now(quote: Quote, visit: Visit, job: Job | None = None) -> Job:
    """Return what was quoted, with its visit's time, length and technician as they are now.

    What was added on site is as it is while somebody is there. `job`: with what was noted on site since.
    """
    quoted = job or _job(quote.job)
    if quote.job.get("on_site") and visit.arrived_at is not None:
        return quoted
    travels_by = visit.technician.travels_by if visit.technician is not None else quoted.travels_by
    return job_as(
        quote, start_at=visit.planned_from_at, minutes=visit.duration_min, travels_by=travels_by, job=quoted
    )  # fmt: skip


def job_as(quote: Quote, *, start_at: datetime, minutes: int, travels_by: str, job: Job | None = None) -> Job:
    """Return what was quoted, planned for another time, length or way to travel."""
    quoted, planned_then = job or _job(quote.job), quote.job["planned_min"]
    if job is not None or quote.job.get("on_site") or quote.job.get("carries"):
        longer = minutes_now(quoted.minutes, planned_then, minutes)
    else:
        longer = max(quoted.minutes + minutes - planned_then, 0)
    return replace(quoted, start_at=start_at, minutes=longer, travels_by=travels_by, promised_until_at=None)


def quote_of_link(session: Session, token: str) -> Quote:
    """Return the quote behind a link. Raises NotFound."""
    wanted = select(Quote).where(Quote.token == token).options(selectinload(Quote.answers))
    # Its answers as they are now: somebody may have answered while this one waited for the visit.
    quote = session.scalar(wanted, execution_options={"populate_existing": True})
    if quote is None:
        raise NotFound("link")
    return quote


def newest_of(session: Session, quote: Quote) -> Quote:
    """Return the quote that counts for the visit of this one: the newest."""
    wanted = select(Quote).where(Quote.visit_id == quote.visit_id).order_by(Quote.id.desc()).limit(1)
    return session.scalars(wanted).one()


def quote_state(session: Session, quote: Quote, now: datetime) -> str:
    """Return accepted, declined, replaced, expired, over, or open."""
    return state_of(
        [answer.answer for answer in quote.answers],
        newest=newest_of(session, quote).id == quote.id,
        over=not quote.visit.is_open,
        expires_at=quote.expires_at,
        now=now,
    )


def shown_state(session: Session, quote: Quote, now: datetime) -> str:
    """Return what a customer reads of a quote: its state, or outdated when its visit has changed and costs more now."""
    state = quote_state(session, quote, now)
    return "outdated" if state in OPEN_STATES and _total_now(quote, quote.visit) > quote.total else state


def answer_quote(
    session: Session,
    token: str,
    answer: str,
    *,
    name: str = "",
    signature: str = "",
    drawn: str = "",
    copy_way: str = "",
    consent: bool = False,
    language: str,
    link: str,
    now: datetime,
) -> Quote:
    """Take in that a customer accepts or declines what she was shown; the same again adds nothing.

    Signed is by what a finger `drew`, or by the name once more. `copy_way` (paper, or with her `consent` electronic) is
    how she gets the document of work added on site. Raises NotFound for an unknown link, Invalid naming the field,
    Conflict when the quote has expired, was replaced, or the visit has changed so that it would cost more.
    """
    visit = visit_for_change(session, quote_of_link(session, token).visit_id)
    quote = quote_of_link(session, token)
    state = quote_state(session, quote, now)
    if answer not in ("accepted", "declined"):
        raise Invalid.one("answer", "choice", choices="accepted, declined")
    if state == answer:
        return quote
    if state not in OPEN_STATES:
        raise Conflict(f"quote_{state}")
    problems: list[Problem] = []
    if answer == "accepted":
        name = tell_text(problems, "name", name, LONGEST_NAME)
        drawn = read_drawn(drawn) or ""
        if quote.sign and not drawn:
            signature = tell_text(problems, "signature", signature, LONGEST_NAME)
        copy_way = _copy_way(problems, quote, copy_way, consent)
        if problems:
            raise Invalid(problems)
        if _total_now(quote, visit) > quote.total:
            raise Conflict("quote_outdated")
    said = QuoteAnswer(
        quote_id=quote.id,
        at=now,
        answer=answer,
        name=name if answer == "accepted" else "",
        signature=signature if quote.sign and answer == "accepted" else "",
        drawn=drawn if quote.sign and answer == "accepted" else "",
        copy_way=copy_way if answer == "accepted" else "",
        language=language,
        link=link,
        text_version=quote.text_version,
    )
    try:
        with session.begin_nested():
            session.add(said)
    except IntegrityError:
        raise Conflict("quote_accepted") from None
    session.refresh(quote, ["answers"])
    add_event(session, visit, f"quote_{answer}", "customer", now, facts={"quote": quote.id, "total": quote.total})
    subject = f"visit:{visit.id}"
    if answer == "accepted":
        clear_alarms(session, subject, ("price_declined", "price_open"), now)
    else:
        raise_alarm(session, "price_declined", subject, now, visit_id=visit.id, technician_id=visit.technician_id)
    return quote


def why_not_dispatched(session: Session, visit: Visit) -> str | None:
    """Return why nobody may set out to a visit yet; None when somebody may.

    `not_agreed`: part of it lies after hours, and the customer has accepted no price. `price_rose`: it was changed
    since she accepted, and costs more now. Without a quote that holds only where the office keeps prices of its own.
    """
    first_id = visit.beside_id or visit.id
    session.flush()
    if not _PRICED.rows(session.connection(), {"visit": first_id})[0][0]:
        return None
    return why_not_with(session, visit, quotes_of(session, first_id))


def why_not_with(session: Session, visit: Visit, quotes: Sequence[Quote]) -> str | None:
    """Return the same of a visit whose quotes are known already; who goes along waits for the first one's."""
    if visit.beside_id is not None:
        visit = session.get_one(Visit, visit.beside_id)
    accepted = accepted_of(quotes)
    asked = accepted or (quotes[0] if quotes else None)
    if asked is not None:
        price = priced(kept_book(asked.book), job_now(asked, visit))
        if not price.after_hours or (accepted is not None and price.total <= accepted.total):
            return None
        return "not_agreed" if accepted is None else "price_rose"
    if not keeps_prices(session):
        return None
    try:
        job = job_of_visit(session, visit)
        price = priced(kept_book(book_data_at(session, job.start_at)), job)
    except Invalid:  # a kind of work without a price
        return None
    return "not_agreed" if price.after_hours else None


def _text_version(more: Mapping[str, Any]) -> str:
    """Return the version of the conditions with that of the words of the law, which are data of their own."""
    return f"{TEXT_VERSION}/{more['document']['version']}" if more["document"] else TEXT_VERSION


def _copy_way(problems: list[Problem], quote: Quote, way: str, consent: bool) -> str:
    """Return how a customer gets the document of what she accepts on site; empty where there is none."""
    document = quote.shown["ja"].get("document")
    if not document or document["right"] != "revocable":
        return ""
    if way not in ("", "paper", "electronic"):
        problems.append(Problem("copy_way", "choice", {"choices": "paper, electronic"}))
    elif way == "electronic" and not consent:
        problems.append(Problem("consent", "consent_needed"))
    return way or "paper"


def _total_now(quote: Quote, visit: Visit) -> int:
    return priced(kept_book(quote.book), job_now(quote, visit)).total


def _kept(job: Job) -> dict[str, Any]:
    """Return a job as it is kept; `_job` reads it."""
    return {
        "service": job.service,
        "start": job.start_at.isoformat(),
        "minutes": job.minutes,
        "customer_class": job.customer_class,
        "distance_km": job.distance_km,
        "travels_by": job.travels_by,
        "taxi": job.taxi,
        "parts": [{"code": part.code, "quantity": part.quantity} for part in job.parts],
        "also": list(job.also),
        "promised_until": job.promised_until_at.isoformat() if job.promised_until_at is not None else None,
        "discount_percent": str(job.discount_percent),
        "discount_by": job.discount_by,
        "discount_reason": job.discount_reason,
    }


def _job(kept: Mapping[str, Any]) -> Job:
    until = kept.get("promised_until")
    beside = ("start", "planned_min", "on_site", "carries", "upon", "promised_until")
    wish = {name: value for name, value in kept.items() if name not in beside}
    return Job(
        **{
            **wish,
            "start_at": datetime.fromisoformat(kept["start"]),
            "promised_until_at": datetime.fromisoformat(until) if until else None,
            "also": tuple(kept.get("also", ())),
            "parts": tuple(PartUsed(part["code"], part["quantity"]) for part in kept["parts"]),
            "discount_percent": Fraction(kept["discount_percent"]),
        }
    )
