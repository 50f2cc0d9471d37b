"""Tell a customer of her quote: once, by her own channels, and once more before the visit while she has not answered.

The link is that of her visit's page, which leads to it; what is added on site has a page of its own to open at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Required, TypedDict, Unpack

from sqlalchemy import String, cast, exists, literal, select
from sqlalchemy.orm import Session, aliased

from app.errors import Conflict, NotFound
from app.i18n import t
from app.models import Notice, Quote, Visit
from app.operations.confirmation import confirm_told
from app.operations.notice import News, Telling, Word, add_notice
from app.operations.onsite import work_of_quote
from app.operations.quote import accepted_answer, answer_quote, quote_state
from app.rules.agreed import OPEN_STATES, ask_again_at


class Said(TypedDict, total=False):
    """What answer_quote takes beside the answer."""

    name: str
    signature: str
    drawn: str
    copy_way: str
    consent: bool
    language: Required[str]
    link: Required[str]


#: A quote is asked about again at most so long before its visit.
_AHEAD = timedelta(hours=24)
#: In one go; the next tick takes the rest.
MOST_ASKED = 100


def send_quote(session: Session, quote_id: int, telling: Telling, *, now: datetime, actor: str) -> Notice:
    """Tell the customer of a quote that she can answer; again, nothing more is sent.

    Raises NotFound, Conflict when it can no longer be accepted, or when no channel reaches her.
    """
    quote = _open_quote(session, quote_id, now)
    work = work_of_quote(session, quote.id)
    facts, locale = {"by": actor, "quote": quote.id}, quote.visit.customer.language
    words: dict[str, Word] = {"quote_until": quote.expires_at}
    if work is None or quote.shown["sums"]["currency"] != "JPY":
        words |= {"price": quote.shown[locale]["total"], "after_hours": quote.after_hours}
        news = News("quote_sent", "quote_sent", facts, words=words, key=f"quote:{quote.id}")
    else:
        words |= {
            "addon": quote.shown[locale].get("added", work.words[locale]),
            "addon_amount": work.total - work.agreed_total, "quote_total": work.total,
            "what_if_no": t("onsite.what_if_no", locale),
            "no_own_delay_surcharge": True, "link": f"{telling.base_url}/q/{quote.token}",
        }  # fmt: skip
        news = News("addon_consent", "addon_consent", facts, words=words, key=f"quote:{quote.id}")
    return _told(add_notice(session, quote.visit, news, telling, now))


def take_answer(
    session: Session, token: str, answer: str, telling: Telling, *, now: datetime, **said: Unpack[Said]
) -> Quote:
    """Take in what a customer answers to a quote, and send her the document of it where she wants a file.

    Raises what answer_quote raises.
    """
    quote = answer_quote(session, token, answer, now=now, **said)
    confirm_told(session, quote.visit_id, "replied", now)
    if answer == "accepted":
        send_copy(session, quote, telling, now)
    return quote


def sent_quotes(session: Session, quote_ids: Sequence[int]) -> Mapping[int, datetime]:
    """Return when the customer was told of these quotes; one that nobody sent is left out."""
    keys = {f"quote:{quote_id}": quote_id for quote_id in quote_ids}
    rows = session.execute(select(Notice.dedupe_key, Notice.created_at).where(Notice.dedupe_key.in_(list(keys))))
    return {keys[key]: at for key, at in rows}


def send_copy(session: Session, quote: Quote, telling: Telling, now: datetime) -> Notice | None:
    """Send the document of what was agreed on site to a customer who has consented to a file, once; None otherwise."""
    said, work = accepted_answer(quote), work_of_quote(session, quote.id)
    if said is None or work is None or said.copy_way != "electronic":
        return None
    locale = quote.visit.customer.language
    words: dict[str, Word] = {
        "addon": quote.shown[locale].get("added", work.words[locale]),
        "price": quote.shown[locale]["total"],
        "link": f"{telling.base_url}/q/{quote.token}/document",
    }
    facts = {"quote": quote.id}
    news = News("agreement_copy", "agreement_copy", facts, words=words, key=f"agreement:{quote.id}")
    return add_notice(session, quote.visit, news, telling, now)


def unanswered_quotes(session: Session, now: datetime) -> Sequence[int]:
    """Return the quotes that were sent, have no answer, and are to be asked about again now, before their visits."""
    newer, sent, again = aliased(Quote), aliased(Notice), aliased(Notice)
    number = cast(Quote.id, String)
    wanted = (
        select(Quote.id, sent.created_at, Visit.promised_from_at)
        .join(Visit, Visit.id == Quote.visit_id)
        .join(sent, sent.dedupe_key == literal("quote:") + number)
        .where(
            Visit.status == "booked",
            Visit.promised_from_at > now,
            Visit.promised_from_at <= now + _AHEAD,
            Quote.expires_at > now,
            sent.kind == "quote_sent",
            ~Quote.answers.any(),
            ~exists().where(newer.visit_id == Quote.visit_id, newer.id > Quote.id),
            ~exists().where(again.dedupe_key == literal("quote_again:") + number),
        )
        .order_by(Quote.id)
    )
    # Those whose time has not come, or never does, must not take the places of those whose has.
    due = [(quote_id, ask_again_at(sent_at, from_at)) for quote_id, sent_at, from_at in session.execute(wanted)]
    return [quote_id for quote_id, at in due if at is not None and at <= now][:MOST_ASKED]


def ask_again(session: Session, quote_id: int, telling: Telling, now: datetime) -> Notice | None:
    """Ask once more for an answer to a quote; None when it was answered meanwhile."""
    quote = session.get_one(Quote, quote_id)
    if quote_state(session, quote, now) != "open" or quote.visit.status != "booked":
        return None
    locale = quote.visit.customer.language
    words: dict[str, Word] = {
        "quote_until": quote.expires_at,
        "price": quote.shown[locale]["total"],
        "after_hours": quote.after_hours,
    }
    facts = {"quote": quote.id}
    news = News("quote_reminder", "quote_reminder", facts, words=words, key=f"quote_again:{quote.id}")
    return add_notice(session, quote.visit, news, telling, now)


def _open_quote(session: Session, quote_id: int, now: datetime) -> Quote:
    quote = session.get(Quote, quote_id)
    if quote is None:
        raise NotFound("quote")
    state = quote_state(session, quote, now)
    if state not in OPEN_STATES:
        raise Conflict(f"quote_{state}")
    return quote


def _told(notice: Notice) -> Notice:
    if notice.state in ("held", "failed"):
        raise Conflict("answer_unreachable")
    return notice
